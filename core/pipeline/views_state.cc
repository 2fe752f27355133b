#include "core/pipeline/views_state.h"

#include "core/log/log_reader.h"
#include "core/views/base.h"
#include "core/views/rows.h"
#include "core/views/runtime.h"
#include "core/views/stream.h"

namespace headgate {
namespace {

constexpr std::size_t kRowsMax = 2'000;
constexpr std::size_t kBytesMax = 1 << 20;
constexpr std::uint64_t kCountedAtOnce = 20'000;
constexpr auto kPatience = std::chrono::milliseconds(50);
constexpr Seq kLookBack = 64;  // entries, for where a source was
constexpr std::size_t kBlocksBack = 256;

bool IsFull(const StateRows& rows) { return rows.times.size() >= kRowsMax || rows.rows.bytes() >= kBytesMax; }

bool IsOfViews(const Registry& registry, const StreamInfo& stream) {
  const SourceInfo* source = registry.Source(stream.source);
  return source != nullptr && source->connector == views::kViewConnector;
}

void AddRead(Transaction& rows, StreamNo stream, const views::Image& image) {
  rows.StartChange(Op::kRead, stream, image.version, 0);
  rows.StartRow(RowImage::kAfter) += image.row;
  rows.EndRow();
  rows.EndChange();
}

// The version of the stream that has the view's shape; 0: it is not in the log yet.
std::uint32_t VersionOf(const Registry& registry, StreamNo stream, const sql::Relation& view) {
  const TableSchema schema = views::SchemaOf(view);
  for (std::uint32_t version = registry.LatestVersion(stream); version > 0; --version) {
    if (*registry.Schema(stream, version) == schema) return version;
  }
  return 0;
}

// Scans some rows behind a place, which it moves, and picks some; true: there are no more.
struct Passed {
  std::string cursor;
  std::uint64_t rows = 0;
  Transaction picked;
};
using Pass = std::function<Result<bool>(const StoreView& view, Passed& passed)>;

bool IsPicked(std::string_view key, std::uint64_t every) { return std::hash<std::string_view>()(key) % every == 0; }

class Counting final : public StateCount {
 public:
  Counting(std::unique_ptr<StoreView> view, Seq at, Pass pass) : view_(std::move(view)), pass_(std::move(pass)) {
    at_ = at;
  }
  Result<bool> Step() override {
    HG_ASSIGN_OR_RETURN(const bool last, pass_(*view_, passed_));
    rows_ = passed_.rows;
    if (!last) return false;
    picked_ = std::move(passed_.picked);
    view_.reset();
    return true;
  }

 private:
  std::unique_ptr<StoreView> view_;  // until they are all counted
  const Pass pass_;
  Passed passed_;
};

}  // namespace

Status ViewsState::HasState(const StreamInfo& stream) {
  if (views_() == nullptr) return Transient("the views are not there yet");
  const auto registry = log_.registry();
  if (!views::IsEventStream(*registry, stream.number)) return Ok();
  return Rejected("Stream " + stream.name + " has events, which have no state; a rewind sends them again.");
}

std::string ViewsState::trouble() const {
  const views::Views* views = views_();
  return views == nullptr ? "the views are not there yet" : views->trouble();
}

Result<std::optional<StateRows>> ViewsState::Read(const StreamInfo& stream, const StatePlace& place, Seq not_before) {
  views::Views* const views = views_();
  if (views == nullptr) return std::optional<StateRows>();
  return IsOfViews(*log_.registry(), stream) ? ReadView(stream, place) : ReadTable(stream, place, not_before);
}

// The base has the rows as of the entry that the views have applied.
Result<std::optional<StateRows>> ViewsState::ReadTable(const StreamInfo& stream, const StatePlace& place,
                                                       Seq not_before) {
  views::Views& views = *views_();
  if (views.applied() < not_before) views.runtime().CatchUp();
  if (!views.Wait(not_before, std::chrono::steady_clock::now() + kPatience, {})) return std::optional<StateRows>();
  const StoreView view(store_);
  HG_ASSIGN_OR_RETURN(const auto moment, views::MomentOf(view));
  HG_ASSIGN_OR_RETURN(const auto table, views::Base::StoredState(view, stream.number));
  if (moment.applied < not_before || (table.shown == 0 && table.generation != 0)) return std::optional<StateRows>();
  StateRows out;
  out.at = moment.applied;
  out.place = place;
  out.last = true;
  if (table.shown == 0) return std::optional(std::move(out));  // nothing ever came
  HG_RETURN_IF_ERROR(views::Base::ScanTable(view, stream.number, table.shown, place.cursor,
                                            [&](std::string_view key, const views::Image& image) {
                                              for (std::uint64_t n = 0; n < image.copies; ++n) {
                                                AddRead(out.rows, stream.number, image);
                                                out.times.push_back({image.origin.commit_us, image.origin.stored_us});
                                              }
                                              out.place.cursor = key;
                                              out.last = !IsFull(out);
                                              return out.last;
                                            }));
  HG_RETURN_IF_ERROR(Stamp(out, *log_.registry()->Source(stream.source)));
  return std::optional(std::move(out));
}

Result<std::unique_ptr<StateCount>> ViewsState::Count(const StreamInfo& stream, Seq not_before, std::uint64_t every) {
  views::Views* const views = views_();
  if (views == nullptr) return std::unique_ptr<StateCount>();
  if (IsOfViews(*log_.registry(), stream)) return CountView(stream, every);
  if (views->applied() < not_before) views->runtime().CatchUp();
  if (!views->Wait(not_before, std::chrono::steady_clock::now() + kPatience, {})) return std::unique_ptr<StateCount>();
  auto view = std::make_unique<StoreView>(store_);
  HG_ASSIGN_OR_RETURN(const auto moment, views::MomentOf(*view));
  HG_ASSIGN_OR_RETURN(const auto table, views::Base::StoredState(*view, stream.number));
  if (moment.applied < not_before || (table.shown == 0 && table.generation != 0)) return std::unique_ptr<StateCount>();
  const auto pass = [stream = stream.number, shown = table.shown, every](const StoreView& at,
                                                                         Passed& out) -> Result<bool> {
    if (shown == 0) return true;  // nothing ever came
    std::uint64_t passed = 0;
    const std::string after = out.cursor;
    HG_RETURN_IF_ERROR(
        views::Base::ScanTable(at, stream, shown, after, [&](std::string_view key, const views::Image& image) {
          out.cursor = key;
          out.rows += image.copies;
          if (IsPicked(key, every)) AddRead(out.picked, stream, image);
          return ++passed < kCountedAtOnce;
        }));
    return passed < kCountedAtOnce;
  };
  return std::unique_ptr<StateCount>(std::make_unique<Counting>(std::move(view), moment.applied, pass));
}

Result<std::unique_ptr<StateCount>> ViewsState::CountView(const StreamInfo& stream, std::uint64_t every) {
  const auto status = views_()->Status(stream.name);
  if (status == nullptr || status->serving == nullptr || !status->told) return std::unique_ptr<StateCount>();
  const std::uint32_t form = status->serving->record.form;
  const std::uint64_t told = ToldOfLog();
  const Seq last = log_.last_seq();
  auto view = std::make_unique<StoreView>(store_);
  HG_ASSIGN_OR_RETURN(const auto moment, views::MomentOf(*view));
  HG_ASSIGN_OR_RETURN(const bool whole, views::IsWhole(*view, form));
  if (!whole || moment.told != told || ToldOfLog() != told) return std::unique_ptr<StateCount>();
  const std::uint32_t version = VersionOf(*log_.registry(), stream.number, *status->serving->relation);
  if (version == 0) return std::unique_ptr<StateCount>();
  const auto pass = [form, relation = status->serving->relation, stream = stream.number, version, every](
                        const StoreView& at, Passed& out) -> Result<bool> {
    std::uint64_t passed = 0;
    const std::string after = out.cursor;
    views::ViewChange picked;
    sql::Arena& bytes = picked.Own();
    HG_RETURN_IF_ERROR(
        views::ViewRows::Scan(at, form, views::RowFormOf(*relation), after, [&](const views::ViewRows::Stored& stored) {
          out.cursor = stored.cursor;
          out.rows += static_cast<std::uint64_t>(stored.copies);
          if (IsPicked(stored.cursor, every)) {
            views::RowChange& row = picked.changes.emplace_back();
            row.after = bytes.Keep(stored.row);
            row.times = stored.copies;
          }
          return ++passed < kCountedAtOnce;
        }));
    views::AddContent(out.picked, stream, version, *relation, picked);
    return passed < kCountedAtOnce;
  };
  return std::unique_ptr<StateCount>(std::make_unique<Counting>(std::move(view), last, pass));
}

std::uint64_t ViewsState::ToldOfLog() const {
  const auto progress = log_.progress(views::kViewSource);
  return progress && progress->last ? progress->last->a : 0;
}

// The rows of a view and what it tells are one write, so a view of the store in which the same was told as in the log
// has the rows as of the log's end.
Result<std::optional<StateRows>> ViewsState::ReadView(const StreamInfo& stream, const StatePlace& place) {
  const auto status = views_()->Status(stream.name);
  if (status == nullptr || status->serving == nullptr || !status->told) return std::optional<StateRows>();
  const views::Definition& definition = *status->serving;
  const std::uint32_t form = definition.record.form;
  const std::uint64_t told = ToldOfLog();
  StateRows out;
  out.at = log_.last_seq();
  const StoreView view(store_);
  HG_ASSIGN_OR_RETURN(const auto moment, views::MomentOf(view));
  HG_ASSIGN_OR_RETURN(const bool whole, views::IsWhole(view, form));
  if (!whole || moment.told != told || ToldOfLog() != told) return std::optional<StateRows>();
  const auto registry = log_.registry();
  const std::uint32_t version = VersionOf(*registry, stream.number, *definition.relation);
  if (version == 0) return std::optional<StateRows>();
  out.anew = place.form != 0 && place.form != form;
  out.place = {out.anew ? std::string() : place.cursor, form};
  out.last = true;
  views::ViewChange content;
  sql::Arena& bytes = content.Own();
  std::size_t held = 0;
  const std::string after = out.place.cursor;
  HG_RETURN_IF_ERROR(views::ViewRows::Scan(view, form, views::RowFormOf(*definition.relation), after,
                                           [&](const views::ViewRows::Stored& stored) {
                                             views::RowChange& row = content.changes.emplace_back();
                                             row.after = bytes.Keep(stored.row);
                                             row.times = stored.copies;
                                             out.place.cursor = stored.cursor;
                                             held += stored.row.size();
                                             out.last = content.changes.size() < kRowsMax && held < kBytesMax;
                                             return out.last;
                                           }));
  views::AddContent(out.rows, stream.number, version, *definition.relation, content);
  HG_RETURN_IF_ERROR(Stamp(out, *registry->Source(stream.source)));
  out.times.resize(out.rows.changes(), {out.rows.info.commit_us, out.rows.info.stored_us});
  return std::optional(std::move(out));
}

// Where the source was then, if that is known or its last transaction is not far back.
Status ViewsState::Stamp(StateRows& rows, const SourceInfo& source) const {
  TransactionInfo& info = rows.rows.info;
  info.source = source.number;
  const auto progress = log_.progress(source.name);
  if (progress) info.epoch = progress->epoch;
  const bool stands = progress && log_.last_seq() == rows.at;
  const auto reader = log_.NewReader();
  reader->Seek(std::max(log_.first_seq(), rows.at > kLookBack ? rows.at - kLookBack : 1));
  LogReader::Block block;
  for (std::size_t blocks = 0;; ++blocks) {
    HG_ASSIGN_OR_RETURN(const bool more, reader->Next(block));
    if (!more || block.seq > rows.at) break;
    if (blocks == kBlocksBack) {
      info.consistent_at = 0;
      reader->Seek(rows.at);
      continue;
    }
    info.stored_us = info.commit_us = block.info->stored_us;
    if (block.info->source != source.number || block.part > 0 || blocks > kBlocksBack) continue;
    const bool numbered = block.info->position.kind == PositionKind::kIngest;
    info.consistent_at = numbered ? block.info->position.a : std::max(block.info->end, block.info->consistent_at);
    info.file = block.info->file;
  }
  if (info.consistent_at == 0 && stands) info.consistent_at = progress->last_end;
  return Ok();
}

}  // namespace headgate
