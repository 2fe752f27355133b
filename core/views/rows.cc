#include "core/views/rows.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/sql/row_codec.h"
#include "core/views/row_block.h"

namespace headgate::views {
namespace {

constexpr std::size_t kBlockBytes = 64 * 1024;
constexpr std::size_t kCarryBytes = 4 << 20;  // in one write

std::string Prefix(std::uint32_t form) {
  std::string key;
  PutBigEndian(key, form);
  return key;
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
      counted_(operators::StatePlace{&space_, prefix_}) {}

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
  if (owner_ == Owner::kState) return;
  switch (kind_) {
    case RowForm::kBlocks:
      return ApplyBlocks(change.added, now_us, batch);
    case RowForm::kCounted:
      return ApplyCounted(change.changes);
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
    block.Add(delta.batch, place.row, delta.weights[place.row]);
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
    const RowBlockReader block(value);
    if (block.written_us() >= before_us) return false;
    rows += block.rows();
    first = ByteReader(key.substr(prefix_.size())).BigEndian<std::uint64_t>() + 1;
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
    for (std::string_view row; rows.Next(row);) {
      wide.clear();
      sql::AppendWidened(wide, row, columns, types_.size() - columns);
      AppendWholeRow(block, wide);
    }
    good = !rows.failed();
    batch.Put(Family::kRows, prefix_ + std::string(number), block);
    next_block_ = ByteReader(number).BigEndian<std::uint64_t>() + 1;
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

void ViewRows::ApplyCounted(const std::vector<RowChange>& changes) {
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
      counted_.Erase(keys[i]);
      continue;
    }
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
  return good ? Ok() : Status(Corrupt("the rows of a view hold bytes that make no sense"));
}

Status ViewRows::ScanKeys(const StoreView& view, std::uint32_t form, RowForm kind, std::string_view from,
                          std::string_view to, const Visit& visit) {
  const std::string prefix = Prefix(form);
  bool good = true;
  HG_RETURN_IF_ERROR(view.Scan(Family::kRows, prefix + std::string(from),
                               to.empty() ? Prefix(form + 1) : prefix + std::string(to),
                               [&](std::string_view key, std::string_view value) {
                                 Stored stored{std::string(key.substr(prefix.size())), {}, 1};
                                 ByteReader in(value);
                                 if (kind == RowForm::kCounted) {
                                   stored.copies = static_cast<std::int64_t>(in.Varint());
                                   stored.row = in.Take(in.remaining());
                                 } else {
                                   stored.row = in.Bytes();  // what a grouping remembers may follow
                                   if (stored.row.empty() && !in.failed()) return true;
                                 }
                                 good = !in.failed();
                                 return good && visit(stored);
                               }));
  return good ? Ok() : Status(Corrupt("the rows of a view hold bytes that make no sense"));
}

}  // namespace headgate::views
