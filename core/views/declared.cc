#include "core/views/declared.h"

#include <algorithm>

#include "core/base/bytes.h"

namespace headgate::views {
namespace {

bool HasChecks(const Definition& table) {
  const auto& columns = table.relation->columns;
  return !table.checks.empty() ||
         std::ranges::any_of(columns, [](const auto& column) { return column.not_null && !column.hidden; });
}

}  // namespace

Checks::Checks(const Definition& table)
    : table_(table),
      empty_(!HasChecks(table)),
      rows_(*table.relation, std::vector<bool>(table.relation->columns.size(), true)) {}

std::string Checks::Violation(const Image& image, const TableSchema& schema) {
  constexpr const char* kMisfit = "a value is none of its column's type";
  if (empty_) return "";
  const std::uint64_t misfits = rows_.misfits();
  if (!rows_.Add(image.row, image.version, schema, image.origin, 1, image.origin.at)) return kMisfit;
  const sql::Batch row = rows_.Take().batch;
  if (rows_.misfits() != misfits) return kMisfit;
  for (std::size_t c = 0; c < table_.relation->columns.size(); ++c) {
    const sql::RelationColumn& column = table_.relation->columns[c];
    if (column.not_null && !column.hidden && row.columns[c]->IsNull(0)) return "column " + column.name + " is NULL";
  }
  for (std::size_t i = 0; i < table_.checks.size(); ++i) {
    sql::EvalContext context;
    const sql::Column value = sql::Evaluate(*table_.checks[i], row, sql::Rows(1), context);
    if (context.failed() || (!value->IsNull(0) && value->bools[value->Index(0)] == 0))
      return "CHECK number " + std::to_string(i + 1) + " of " + table_.relation->name + " is not met";
  }
  return "";
}

std::string KeptPrefix(std::uint32_t form) {
  std::string prefix;
  PutBigEndian(prefix, form);
  return prefix;
}

DeclaredTable::DeclaredTable(const Store& store, DefinitionPtr definition)
    : definition_(std::move(definition)),
      checks_(*definition_),
      keep_previous_(!definition_->record.options.contains("on_violation") ||
                     definition_->record.options.at("on_violation") == "keep_previous"),
      space_(store, Family::kState),
      kept_(operators::StatePlace{&space_, KeptPrefix(definition_->record.form)}) {}

std::optional<Image> DeclaredTable::Shown(const std::string& key, const Image& image, const TableSchema& schema) {
  if (!checks_.Violates(image, schema)) return image;
  if (const Image* kept = kept_.Find(key)) return *kept;
  return std::nullopt;
}

std::optional<Image> DeclaredTable::Gone(const std::string& key, const Image& image, const TableSchema& schema) {
  auto shown = Shown(key, image, schema);
  gone_.reset();
  if (shown) gone_.emplace(key, *shown);
  kept_.Erase(key);
  return shown;
}

std::optional<Image> DeclaredTable::Came(const std::string& key, const Image& image, const TableSchema& schema) {
  const auto gone = std::exchange(gone_, std::nullopt);
  const std::string violation = checks_.Violation(image, schema);
  if (violation.empty()) return image;
  misfits_.push_back({definition_->record.name, image.origin.at, "violation", violation});
  if (!keep_previous_ || !gone || gone->first != key) return std::nullopt;
  kept_.Change(key) = gone->second;
  return gone->second;
}

Result<std::optional<Image>> ShownIn(const StoreView& view, Checks& checks, std::uint32_t form, std::string_view key,
                                     const Image& image, const TableSchema& schema) {
  if (!checks.Violates(image, schema)) return std::optional<Image>(image);
  HG_ASSIGN_OR_RETURN(const auto bytes, view.Get(Family::kState, KeptPrefix(form) + std::string(key)));
  Image kept;
  if (!bytes) return std::optional<Image>();
  if (!DecodeImage(*bytes, kept)) return Corrupt("the state of a declared table makes no sense");
  return std::optional<Image>(std::move(kept));
}

}  // namespace headgate::views
