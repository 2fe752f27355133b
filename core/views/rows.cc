#include "core/views/rows.h"

#include <algorithm>
#include <numeric>

#include "core/base/bytes.h"
#include "core/sql/row_codec.h"
#include "core/views/row_block.h"

namespace headgate::views {
namespace {

constexpr std::size_t kBlockBytes = 64 * 1024;
constexpr std::size_t kCarryBytes = 4 << 20;  // in one write
constexpr std::size_t kIndexedRows = 20'000;  // whose entries are written or taken together

std::string Prefix(std::uint32_t form) {
  std::string key;
  PutBigEndian(key, form);
  return key;
}

// The place of a row in a block: its number, and the row's from 1 on.
std::string BlockPlace(std::uint64_t block, std::uint64_t row) {
  std::string place;
  PutBigEndian(place, block);
  PutBigEndian(place, static_cast<std::uint32_t>(row));
  return place;
}

// Of a row that does not stand in a block; false if it makes no sense. Of a group without a row it is empty.
bool ReadStored(RowForm kind, std::string_view value, ViewRows::Stored& stored) {
  ByteReader in(value);
  if (kind == RowForm::kCounted) {
    stored.copies = static_cast<std::int64_t>(in.Varint());
    stored.row = in.Take(in.remaining());
  } else {
    stored.row = in.Bytes();  // what a grouping remembers may follow
  }
  return !in.failed();
}

Status MakesNoSense() { return Corrupt("the rows of a view hold bytes that make no sense"); }

// The rows at the places, which index entries name; a block is read once.
Result<std::vector<std::string>> RowsOfBlocks(const StoreView& view, std::uint32_t form,
                                              const std::vector<std::string>& places) {
  std::vector<std::size_t> order(places.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::string_view(places[i]); });
  std::vector<std::string> rows(places.size());
  for (std::size_t at = 0; at < order.size();) {
    const std::string block = places[order[at]].substr(0, sizeof(std::uint64_t));
    HG_ASSIGN_OR_RETURN(const auto value, view.Get(Family::kRows, Prefix(form) + block));
    if (!value) return MakesNoSense().error();
    RowBlockReader in(*value);
    std::uint32_t passed = 0;
    for (; at < order.size() && places[order[at]].starts_with(block); ++at) {
      const auto wanted = LoadBigEndian<std::uint32_t>(places[order[at]].data() + block.size());
      std::string_view row;
      for (; passed < wanted; ++passed) {
        if (!in.Next(row)) return MakesNoSense().error();
      }
      rows[order[at]] = row;
    }
  }
  return rows;
}

}  // namespace

RowForm RowFormOf(const sql::Relation& view) {
  if (view.append_only) return RowForm::kBlocks;
  return view.key.empty() ? RowForm::kCounted : RowForm::kKeyed;
}

ViewRows::ViewRows(const Store& store, std::uint32_t form, const sql::Relation& view)
    : store_(store),
      prefix_(Prefix(form)),
      kind_(RowFormOf(view)),
      types_(TypesOf(view)),
      space_(store, Family::kRows),
      counted_(operators::StatePlace{&space_, prefix_}),
      indexes_(form, types_) {}

Status ViewRows::Open() {
  if (kind_ != RowForm::kBlocks) return Ok();
  ByteReader form(prefix_);
  const std::string end = Prefix(form.BigEndian<std::uint32_t>() + 1);
  HG_RETURN_IF_ERROR(store_.ScanBack(Family::kRows, prefix_, end, [&](std::string_view key, std::string_view) {
    ByteReader in(key.substr(prefix_.size()));
    next_block_ = in.BigEndian<std::uint64_t>() + 1;
    return false;
  }));
  next_block_stored_ = next_block_;
  return Ok();
}

void ViewRows::Apply(const ViewChange& change, std::int64_t now_us, StoreBatch& batch) {
  if (kind_ == RowForm::kKeyed) indexes_.Apply(change.changes, batch);
  if (owner_ == Owner::kState) return;
  switch (kind_) {
    case RowForm::kBlocks:
      return ApplyBlocks(change.added, now_us, batch);
    case RowForm::kCounted:
      return ApplyCounted(change.changes, batch);
    case RowForm::kKeyed:
      return ApplyKeyed(change.changes, batch);
  }
}

void ViewRows::ApplyKeyed(const std::vector<RowChange>& changes, StoreBatch& batch) {
  operators::ByKey<const RowChange*> sorted;
  for (const RowChange& change : changes) sorted.Add(change.key, &change);
  std::string full;
  std::string length;
  sorted.Drain([&](std::string_view key, const RowChange* change) {
    full.assign(prefix_).append(key);
    if (change->after) {
      length.clear();
      PutVarint(length, change->after->size());
      batch.Put(Family::kRows, full, length, *change->after);
    } else {
      batch.Delete(Family::kRows, full);
    }
  });
}

void ViewRows::ApplyBlocks(const std::vector<operators::Delta>& added, std::int64_t now_us, StoreBatch& batch) {
  RowBlockWriter block(types_);
  const auto write = [&] {
    if (block.empty()) return;
    std::string key = prefix_;
    PutBigEndian(key, next_block_++);
    const RowBlockWriter::Block taken = block.Take(now_us);
    batch.Put(Family::kRows, key, taken.head, taken.rows);
  };
  for (const RowPlace& place : InLogOrder(added)) {
    const operators::Delta& delta = added[place.delta];
    const std::int64_t times = delta.weights[place.row];
    for (std::int64_t n = 0; n < times && !indexes_.empty(); ++n)
      indexes_.Put(delta.batch, place.row, BlockPlace(next_block_, block.rows() + static_cast<std::uint64_t>(n) + 1),
                   batch);
    block.Add(delta.batch, place.row, times);
    if (block.bytes() >= kBlockBytes) write();
  }
  write();
}

Result<std::uint64_t> ViewRows::Expire(std::int64_t before_us, StoreBatch& batch) {
  std::uint64_t rows = 0;
  std::string from = prefix_;
  PutBigEndian(from, first_block_);
  std::string end = prefix_;
  PutBigEndian(end, next_block_);
  std::uint64_t first = first_block_;
  HG_RETURN_IF_ERROR(store_.Scan(Family::kRows, from, end, [&](std::string_view key, std::string_view value) {
    RowBlockReader block(value);
    if (block.written_us() >= before_us) return false;
    if (!indexes_.empty() && rows >= kIndexedRows) return false;  // the rest next time
    rows += block.rows();
    first = ByteReader(key.substr(prefix_.size())).BigEndian<std::uint64_t>() + 1;
    std::string_view row;
    for (std::uint32_t n = 1; !indexes_.empty() && block.Next(row); ++n)
      indexes_.Delete(row, BlockPlace(first - 1, n), batch);
    return true;
  }));
  if (first == first_block_) return rows;
  std::string to = prefix_;
  PutBigEndian(to, first);
  batch.DeleteRange(Family::kRows, prefix_, to);
  first_block_ = first;
  return rows;
}

Result<ViewRows::Carried> ViewRows::Carry(const StoreView& view, std::uint32_t form, std::size_t columns,
                                          const std::string& cursor, StoreBatch& batch) {
  Carried carried{0, cursor, true};
  const std::string from = Prefix(form);
  bool good = true;
  std::string block;
  std::string wide;
  const auto take = [&](std::string_view key, std::string_view value) {
    const std::string_view number = key.substr(from.size());
    RowBlockReader rows(value);
    block.clear();
    AppendBlockHead(block, rows.written_us(), rows.rows());
    const auto at = ByteReader(number).BigEndian<std::uint64_t>();
    std::string_view row;
    for (std::uint64_t n = 1; rows.Next(row); ++n) {
      wide.clear();
      sql::AppendWidened(wide, row, columns, types_.size() - columns);
      AppendWholeRow(block, wide);
      indexes_.Put(wide, BlockPlace(at, n), batch);
    }
    good = !rows.failed();
    batch.Put(Family::kRows, prefix_ + std::string(number), block);
    next_block_ = at + 1;
    carried.rows += rows.rows();
    carried.cursor = number;
    carried.last = batch.bytes() < kCarryBytes;
    return good && carried.last;
  };
  const std::string behind = cursor.empty() ? "" : cursor + '\0';
  const auto scanned = view.Scan(Family::kRows, from + behind, Prefix(form + 1), take);
  HG_RETURN_IF_ERROR(scanned);
  if (!good) return Corrupt("the rows of a view hold bytes that make no sense");
  return carried;
}

void ViewRows::ApplyCounted(const std::vector<RowChange>& changes, StoreBatch& batch) {
  std::vector<std::string> keys;
  for (const RowChange& change : changes)
    keys.emplace_back(change.key).append(change.after ? *change.after : *change.before);
  counted_.Load(keys);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const RowChange& change = changes[i];
    const std::string_view row = change.after ? *change.after : *change.before;
    const std::string* stored = counted_.Find(keys[i]);
    std::int64_t copies = 0;
    if (stored != nullptr) copies = static_cast<std::int64_t>(ByteReader(*stored).Varint());
    copies += change.after ? change.times : -change.times;
    if (copies <= 0) {
      indexes_.Delete(row, keys[i], batch);
      counted_.Erase(keys[i]);
      continue;
    }
    if (stored == nullptr) indexes_.Put(row, keys[i], batch);
    std::string value;
    PutVarint(value, static_cast<std::uint64_t>(copies));
    value += row;
    counted_.Change(keys[i]) = std::move(value);
  }
}

void ViewRows::SavePiece(StoreBatch& batch) {
  if (kind_ != RowForm::kCounted) return;
  space_.Save(batch);
  space_.Trim(0);  // what is older than the last one, then that
  space_.Trim(0);
}

void ViewRows::Committed() {
  next_block_stored_ = next_block_;
  first_block_stored_ = first_block_;
}

void ViewRows::Forget() {
  space_.Forget();
  next_block_ = next_block_stored_;
  first_block_ = first_block_stored_;
}

Status ViewRows::failure() const { return space_.failure() ? Status(*space_.failure()) : Ok(); }

void ViewRows::Drop(std::uint32_t form, StoreBatch& batch) {
  batch.DeleteRange(Family::kRows, Prefix(form), Prefix(form + 1));
}

Status ViewRows::Scan(const StoreView& view, std::uint32_t form, RowForm kind, std::string_view after,
                      const Visit& visit) {
  if (kind != RowForm::kBlocks) {
    std::string from(after);
    if (!from.empty()) from.push_back('\0');  // the smallest key behind it
    return ScanKeys(view, form, kind, from, "", visit);
  }
  // A cursor is the block's number and how many of its rows are passed.
  const std::string prefix = Prefix(form);
  const std::string_view block = after.substr(0, std::min<std::size_t>(after.size(), 8));
  std::uint32_t passed = 0;
  if (after.size() == 12) passed = LoadBigEndian<std::uint32_t>(after.data() + 8);
  bool good = true;
  HG_RETURN_IF_ERROR(view.Scan(Family::kRows, prefix + std::string(block), Prefix(form + 1),
                               [&](std::string_view key, std::string_view value) {
                                 const std::string_view number = key.substr(prefix.size());
                                 const std::uint32_t skip = number == block ? passed : 0;
                                 RowBlockReader rows(value);
                                 std::string_view row;
                                 for (std::uint32_t n = 1; rows.Next(row); ++n) {
                                   if (n <= skip) continue;
                                   Stored stored{std::string(number), row, 1};
                                   PutBigEndian(stored.cursor, n);
                                   if (!visit(stored)) return false;
                                 }
                                 good = !rows.failed();
                                 return good;
                               }));
  return good ? Ok() : MakesNoSense();
}

Status ViewRows::ScanKeys(const StoreView& view, std::uint32_t form, RowForm kind, std::string_view from,
                          std::string_view to, const Visit& visit) {
  const std::string prefix = Prefix(form);
  bool good = true;
  HG_RETURN_IF_ERROR(view.Scan(Family::kRows, prefix + std::string(from),
                               to.empty() ? Prefix(form + 1) : prefix + std::string(to),
                               [&](std::string_view key, std::string_view value) {
                                 Stored stored{std::string(key.substr(prefix.size())), {}, 1};
                                 good = ReadStored(kind, value, stored);
                                 if (!good || stored.row.empty()) return good;
                                 return visit(stored);
                               }));
  return good ? Ok() : MakesNoSense();
}

Status ViewRows::ScanIndex(const StoreView& view, std::uint32_t form, RowForm kind, std::uint32_t index,
                           std::string_view from, std::string_view to, const Visit& visit) {
  std::string next(from);
  std::vector<std::string> cursors;
  std::vector<std::string> places;
  for (std::size_t wanted = 64; wanted > 0;
       wanted = cursors.size() < wanted ? 0 : std::min<std::size_t>(2 * wanted, 4096)) {
    cursors.clear();
    places.clear();
    HG_RETURN_IF_ERROR(
        RowIndexes::Scan(view, form, index, next, to, [&](std::string_view entry, std::string_view place) {
          cursors.emplace_back(entry);
          places.emplace_back(place);
          return cursors.size() < wanted;
        }));
    std::vector<std::string> rows;
    if (kind == RowForm::kBlocks) {
      HG_ASSIGN_OR_RETURN(rows, RowsOfBlocks(view, form, places));
    }
    for (std::size_t i = 0; i < cursors.size(); ++i) {
      Stored stored{cursors[i], {}, 1};
      std::optional<std::string> value;
      if (kind == RowForm::kBlocks) {
        stored.row = rows[i];
      } else {
        HG_ASSIGN_OR_RETURN(value, view.Get(Family::kRows, Prefix(form) + places[i]));
        if (!value || !ReadStored(kind, *value, stored)) return MakesNoSense();
      }
      if (!visit(stored)) return Ok();
    }
    if (!cursors.empty()) next = cursors.back() + '\0';
  }
  return Ok();
}

Result<bool> ViewRows::BuildIndex(std::uint32_t number, std::string& cursor, StoreBatch& batch) {
  const StoreView view(store_);
  const auto form = ByteReader(prefix_).BigEndian<std::uint32_t>();
  std::size_t rows = 0;
  std::string last = cursor;
  HG_RETURN_IF_ERROR(Scan(view, form, kind_, cursor, [&](const Stored& stored) {
    indexes_.PutOf(number, stored.row, stored.cursor, batch);
    last = stored.cursor;
    return ++rows < kIndexedRows;
  }));
  cursor = std::move(last);
  return rows < kIndexedRows;
}

}  // namespace headgate::views
