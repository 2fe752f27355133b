#include "core/views/access.h"

#include <algorithm>

#include "core/base/bytes.h"

namespace headgate::views {
namespace {

// Of cursors: what they are places of.
constexpr char kOfRows = 'r';
constexpr char kOfIndex = 'i';

bool IsWhole(const ViewIndex& index, const FormProgress& progress) {
  const auto built = progress.indexes.find(index.number);
  return built != progress.indexes.end() && built->second.whole;
}

void GoOnBehind(KeyRange& range, std::string_view place) {
  range.begin = std::max(range.begin, std::string(place) + '\0');
}

}  // namespace

std::string CursorOf(const Access& access, const ViewRows::Stored& stored) {
  std::string cursor(1, access.by == Access::By::kIndex ? kOfIndex : kOfRows);
  if (access.by == Access::By::kIndex) PutBigEndian(cursor, access.index);
  return cursor + stored.cursor;
}

std::optional<Access> AccessBehind(const Definition& view, const FormProgress& progress, const Conditions& conditions,
                                   std::string_view cursor) {
  ByteReader in(cursor);
  const char of = static_cast<char>(in.Byte());
  Access access;
  if (of == kOfRows) {
    const std::string_view place = in.Take(in.remaining());
    if (RowFormOf(*view.relation) == RowForm::kKeyed)
      access.range = RangeOf(*view.relation, view.relation->key, conditions);
    if (access.range.whole) {
      access.after = place;
    } else {
      access.by = Access::By::kKey;
      GoOnBehind(access.range, place);
    }
    return access;
  }
  access.by = Access::By::kIndex;
  access.index = in.BigEndian<std::uint32_t>();
  const auto& indexes = view.record.indexes;
  const auto index = std::ranges::find(indexes, access.index, &ViewIndex::number);
  if (of != kOfIndex || in.failed() || index == indexes.end() || !IsWhole(*index, progress)) return std::nullopt;
  access.range = RangeOf(*view.relation, *PlacesOf(*index, *view.relation), conditions);
  GoOnBehind(access.range, in.Take(in.remaining()));
  return access;
}

Access AccessOf(const Definition& view, const FormProgress& progress, const Conditions& conditions) {
  const sql::Relation& relation = *view.relation;
  Access best;
  std::size_t best_worth = 0;
  const auto take = [&](Access::By by, std::uint32_t index, const std::vector<std::size_t>& columns) {
    KeyRange range = RangeOf(relation, columns, conditions);
    const std::size_t worth = 2 * range.fixed + (range.bounded ? 1 : 0);
    if (worth <= best_worth) return;
    best = {by, index, std::move(range), {}};
    best_worth = worth;
  };
  if (RowFormOf(relation) == RowForm::kKeyed) take(Access::By::kKey, 0, relation.key);
  for (const ViewIndex& index : view.record.indexes) {
    const auto columns = PlacesOf(index, relation);
    if (columns && IsWhole(index, progress)) take(Access::By::kIndex, index.number, *columns);
  }
  return best;
}

Status ScanBy(const Access& access, const StoreView& store, const Definition& view, const ViewRows::Visit& visit) {
  const RowForm rows = RowFormOf(*view.relation);
  const std::uint32_t form = view.record.form;
  switch (access.by) {
    case Access::By::kKey:
      return ViewRows::ScanKeys(store, form, rows, access.range.begin, access.range.end, visit);
    case Access::By::kIndex:
      return ViewRows::ScanIndex(store, form, rows, access.index, access.range.begin, access.range.end, visit);
    case Access::By::kAll:
      break;
  }
  return ViewRows::Scan(store, form, rows, access.after, visit);
}

}  // namespace headgate::views
