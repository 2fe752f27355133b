#include "core/views/row_indexes.h"

#include <algorithm>
#include <span>

#include "core/base/bytes.h"
#include "core/base/check.h"
#include "core/sql/key.h"
#include "core/views/definition.h"

namespace headgate::views {
namespace {

// The keys of a form's state go on with the number of a node of its plan (operators/graph.h), which is never this one;
// backlogs have the two behind it.
constexpr std::uint16_t kIndexNode = 0xFFFD;
constexpr std::size_t kPiece = 1'024;  // rows

// No longer than a range of the store may begin with (core/log/insert_hints.h).
std::string Prefix(std::uint32_t form, std::uint32_t number) {
  std::string prefix;
  PutBigEndian(prefix, form);
  PutBigEndian(prefix, kIndexNode);
  PutBigEndian(prefix, static_cast<std::uint16_t>(number));
  return prefix;
}

}  // namespace

std::optional<std::vector<std::size_t>> PlacesOf(const ViewIndex& index, const sql::Relation& relation) {
  std::vector<std::size_t> places;
  for (const std::string& name : index.columns) {
    const auto found = std::ranges::find_if(
        relation.columns, [&](const sql::RelationColumn& column) { return !column.hidden && column.name == name; });
    if (found == relation.columns.end()) return std::nullopt;
    places.push_back(static_cast<std::size_t>(found - relation.columns.begin()));
  }
  return places;
}

std::string RowIndexes::KeyOf(const Kept& index, const sql::Batch& rows, std::size_t row) const {
  std::string key = Prefix(form_, index.number);
  for (const std::size_t c : index.columns) AppendKey(key, types_[c], *rows.columns[c], row);
  return key;
}

void RowIndexes::PutEntry(std::string key, std::string_view place, StoreBatch& batch) {
  std::string length;
  PutVarint(length, place.size());
  batch.Put(Family::kState, key.append(place), length);
}

void RowIndexes::DeleteEntry(std::string key, std::string_view place, StoreBatch& batch) {
  batch.Delete(Family::kState, key.append(place));
}

sql::Batch RowIndexes::Read(std::string_view row) {
  CHECK(one_.Add(row));  // made by this program
  return one_.Take();
}

// Rows are taken apart many at a time.
void RowIndexes::Apply(const std::vector<RowChange>& changes, StoreBatch& batch) {
  for (std::size_t from = 0; !empty() && from < changes.size(); from += kPiece) {
    const std::span piece = std::span(changes).subspan(from, std::min(kPiece, changes.size() - from));
    for (const RowChange& change : piece) {
      for (const auto& row : {change.before, change.after}) CHECK(!row || one_.Add(*row));  // made by this program
    }
    const sql::Batch rows = one_.Take();
    std::size_t next = 0;
    for (const RowChange& change : piece) {
      const std::size_t before = next;
      next += change.before ? 1 : 0;
      const std::size_t after = next;
      next += change.after ? 1 : 0;
      for (const Kept& index : indexes_) {
        std::string old = change.before ? KeyOf(index, rows, before) : "";
        std::string now = change.after ? KeyOf(index, rows, after) : "";
        if (old == now) continue;
        if (change.before) DeleteEntry(std::move(old), change.key, batch);
        if (change.after) PutEntry(std::move(now), change.key, batch);
      }
    }
  }
}

void RowIndexes::Put(std::string_view row, std::string_view place, StoreBatch& batch) {
  if (!empty()) Put(Read(row), 0, place, batch);
}

void RowIndexes::Delete(std::string_view row, std::string_view place, StoreBatch& batch) {
  if (empty()) return;
  const sql::Batch rows = Read(row);
  for (const Kept& index : indexes_) DeleteEntry(KeyOf(index, rows, 0), place, batch);
}

void RowIndexes::Put(const sql::Batch& rows, std::size_t row, std::string_view place, StoreBatch& batch) {
  for (const Kept& index : indexes_) PutEntry(KeyOf(index, rows, row), place, batch);
}

void RowIndexes::PutOf(std::uint32_t number, std::string_view row, std::string_view place, StoreBatch& batch) {
  const auto index = std::ranges::find(indexes_, number, &Kept::number);
  if (index != indexes_.end()) PutEntry(KeyOf(*index, Read(row), 0), place, batch);
}

void RowIndexes::Drop(std::uint32_t form, std::uint32_t number, StoreBatch& batch) {
  batch.DeleteRange(Family::kState, Prefix(form, number), Prefix(form, number + 1));
}

Status RowIndexes::Scan(const StoreView& view, std::uint32_t form, std::uint32_t number, std::string_view from,
                        std::string_view to, const Visit& visit) {
  const std::string prefix = Prefix(form, number);
  bool good = true;
  HG_RETURN_IF_ERROR(view.Scan(Family::kState, prefix + std::string(from),
                               to.empty() ? Prefix(form, number + 1) : prefix + std::string(to),
                               [&](std::string_view key, std::string_view value) {
                                 const std::string_view entry = key.substr(prefix.size());
                                 const std::uint64_t length = ByteReader(value).Varint();
                                 good = length <= entry.size();
                                 return good && visit(entry, entry.substr(entry.size() - length));
                               }));
  return good ? Ok() : Status(Corrupt("an index of a view holds bytes that make no sense"));
}

}  // namespace headgate::views
