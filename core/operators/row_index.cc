#include "core/operators/row_index.h"

#include <utility>

#include "core/sql/row_codec.h"

namespace headgate::operators {
namespace {

void AppendWeighted(std::string& out, std::string_view row, std::int64_t weight) {
  PutSigned(out, weight);
  PutBytes(out, row);
}

}  // namespace

bool RowGroup::Read(std::string_view value, const std::vector<sql::Type>& types) {
  ByteReader in(value);
  if (value.starts_with('\0')) {
    in.Byte();
    if (in.Varint() == 0 || in.failed() || !in.done()) return false;
  } else {
    if (value.empty()) return false;
    while (!in.failed() && !in.done()) {
      if (in.Signed() == 0 || !sql::IsRow(in.Bytes(), types)) return false;
    }
    if (in.failed()) return false;
  }
  bytes_ = value;
  return true;
}

RowIndex::RowIndex(const StatePlace& place, std::vector<sql::Type> types)
    : few_(place.Part(0), RowGroupCodec{std::move(types)}), many_(place.Part(1)) {}

void RowIndex::LoadRows(std::span<const EntryPlace> rows) {
  if (!few_.stored()) return;
  std::vector<std::string> keys;
  keys.reserve(rows.size());
  for (const EntryPlace& row : rows) keys.push_back(row.group);
  few_.Load(keys);
  std::vector<EntryPlace> of_many;
  for (const EntryPlace& row : rows) {
    const RowGroup* group = few_.Find(row.group);
    if (group != nullptr && group->many()) of_many.push_back(row);
  }
  many_.LoadEntries(of_many);
}

RowIndex::Rows RowIndex::Find(std::string_view key) {
  Rows rows;
  rows.group_ = few_.Find(key);
  rows.key_ = key;
  return rows;
}

RowIndex::Cursor::Cursor(RowIndex& index, const Rows& rows) {
  if (rows.group_ == nullptr) return;
  if (!rows.group_->many()) {
    few_ = ByteReader(rows.group_->bytes());
    return;
  }
  many_.emplace(index.many_, rows.key_);
}

bool RowIndex::Cursor::Next(std::string_view& row, std::int64_t& weight) {
  if (!many_) {
    if (few_.done()) return false;
    weight = few_.Signed();
    row = few_.Bytes();
    return true;
  }
  const std::int64_t* found = nullptr;
  if (!many_->Next(row, found)) return false;
  weight = *found;
  return true;
}

void RowIndex::Add(const EntryPlace& row, std::int64_t weight) {
  if (weight == 0) return;
  RowGroup& group = few_.Change(row.group);
  if (group.bytes_.empty()) {
    AppendWeighted(group.bytes_, row.key, weight);
  } else if (group.many()) {
    AddMany(group, row, weight);
  } else {
    AddFew(group, row, weight);
  }
}

void RowIndex::AddFew(RowGroup& group, const EntryPlace& row, std::int64_t weight) {
  std::string& bytes = group.bytes_;
  ByteReader in(bytes);
  while (!in.done()) {
    const auto from = static_cast<std::size_t>(in.position() - bytes.data());
    const std::int64_t there = in.Signed();
    if (in.Bytes() != row.key) continue;
    bytes.erase(from, static_cast<std::size_t>(in.position() - bytes.data()) - from);
    if (there + weight != 0) {
      std::string changed;
      AppendWeighted(changed, row.key, there + weight);
      bytes.insert(from, changed);
    } else if (bytes.empty()) {
      few_.Erase(row.group);
    }
    return;
  }
  AppendWeighted(bytes, row.key, weight);
  if (bytes.size() > kFewBytes) Spread(group, row.group);
}

void RowIndex::AddMany(RowGroup& group, const EntryPlace& row, std::int64_t weight) {
  ByteReader in(group.bytes_);
  in.Byte();
  std::uint64_t rows = in.Varint();
  std::int64_t& there = many_.Change(row.group, row.key);
  if (there == 0) ++rows;
  there += weight;
  if (there == 0) {
    many_.Erase(row.group, row.key);
    --rows;
  }
  if (rows == 0) return few_.Erase(row.group);
  group.bytes_.assign(1, '\0');
  PutVarint(group.bytes_, rows);
}

void RowIndex::Spread(RowGroup& group, const std::string& key) {
  const std::string bytes = std::exchange(group.bytes_, std::string(1, '\0'));
  std::uint64_t rows = 0;
  many_.Load(std::span(&key, 1));  // nothing: so that nobody asks for each row
  ByteReader in(bytes);
  for (; !in.done(); ++rows) {
    const std::int64_t weight = in.Signed();
    many_.Change(key, in.Bytes()) = weight;
  }
  PutVarint(group.bytes_, rows);
}

}  // namespace headgate::operators
