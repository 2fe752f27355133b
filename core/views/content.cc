#include "core/views/content.h"

#include "core/views/form.h"
#include "core/views/rows.h"
#include "core/views/runtime.h"

namespace headgate::views {
namespace {

constexpr std::size_t kLookAtClock = 64;  // rows
constexpr std::size_t kPieceBytes = 64 * 1024;

// Another form is telling how it differs from this one: the rows are still the old ones, the log is ahead of them.
Result<bool> IsBeingReplaced(const StoreView& view, std::uint32_t form) {
  bool replaced = false;
  Status good = Ok();
  HG_RETURN_IF_ERROR(view.Scan(Family::kMeta, "form/", "form0", [&](std::string_view, std::string_view value) {
    const auto progress = DecodeProgress(value);
    if (!progress.ok()) {
      good = progress.error();
      return false;
    }
    replaced = progress->replaces.form == form && progress->stage == FormProgress::Stage::kTelling;
    return !replaced;
  }));
  HG_RETURN_IF_ERROR(good);
  return replaced;
}

}  // namespace

Result<Moment> MomentOf(const StoreView& view) {
  Moment moment;
  HG_ASSIGN_OR_RETURN(moment.applied, AppliedOf(view));
  HG_ASSIGN_OR_RETURN(moment.told, ToldOf(view));
  return moment;
}

Result<bool> IsWhole(const StoreView& view, std::uint32_t form) {
  HG_ASSIGN_OR_RETURN(const bool complete, IsComplete(view, form));
  if (!complete) return false;  // or another one came in its place meanwhile
  HG_ASSIGN_OR_RETURN(const bool replaced, IsBeingReplaced(view, form));
  return !replaced;
}

Result<std::unique_ptr<Content>> Content::Open(const Store& store, DefinitionPtr serving) {
  auto content = std::unique_ptr<Content>(new Content(store, std::move(serving)));
  const std::uint32_t form = content->definition_->record.form;
  HG_ASSIGN_OR_RETURN(const bool whole, IsWhole(content->view_, form));
  if (!whole) return std::unique_ptr<Content>();
  HG_ASSIGN_OR_RETURN(content->moment_, MomentOf(content->view_));
  return content;
}

Result<bool> Content::Read(Table& table, const RowFilter& filter, std::size_t rows_max,
                           std::chrono::steady_clock::time_point until) {
  const sql::Relation& relation = *definition_->relation;
  const std::vector<sql::Type> types = TypesOf(relation);
  if (table.columns.empty()) {
    for (const sql::RelationColumn& column : relation.columns) table.columns.push_back({column.name, column.type});
  }
  table.seq = moment_.applied;
  bool more = false;
  std::size_t seen = 0;
  std::size_t bytes = 0;
  HG_RETURN_IF_ERROR(ViewRows::Scan(
      view_, definition_->record.form, RowFormOf(relation), cursor_, [&](const ViewRows::Stored& stored) {
        std::vector<sql::Datum> row = DecodeRow(types, stored.row);
        cursor_ = stored.cursor;
        if (filter.Passes(row)) {
          bytes += stored.row.size() * static_cast<std::size_t>(stored.copies);
          for (std::int64_t n = 1; n < stored.copies; ++n) table.rows.push_back(row);
          table.rows.push_back(std::move(row));
        }
        const bool late = ++seen % kLookAtClock == 0 && std::chrono::steady_clock::now() >= until;
        more = table.rows.size() >= rows_max || bytes >= kPieceBytes || late;
        return !more;
      }));
  return more;
}

}  // namespace headgate::views
