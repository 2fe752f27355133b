#include "core/views/row_block.h"

#include <utility>

namespace headgate::views {

void AppendBlockHead(std::string& out, std::int64_t written_us, std::uint64_t rows) {
  PutVarint(out, static_cast<std::uint64_t>(written_us));
  PutVarint(out, rows);
}

void AppendWholeRow(std::string& out, std::string_view row) {
  PutVarint(out, 0);
  PutBytes(out, row);
}

RowBlockWriter::Known& RowBlockWriter::KnownAt(std::string_view text) {
  const auto address = reinterpret_cast<std::uintptr_t>(text.data());
  return known_[static_cast<std::uint64_t>(address) * 0x9E3779B97F4A7C15 >> kHashShift];
}

void RowBlockWriter::Add(const sql::Batch& batch, std::size_t row, std::int64_t times) {
  if (std::exchange(taken_, false)) {
    block_.clear();
    rows_ = 0;
    ++number_;
  }
  own_.clear();
  copies_.clear();
  fresh_.clear();
  std::uint64_t copies = 0;
  std::size_t from = 0;  // the own bytes behind the last copy
  sql::RowWriter writer(own_, types_);
  for (std::size_t c = 0; c < types_.size(); ++c) {
    const sql::Vector& column = *batch.columns[c];
    if (column.physical == sql::Physical::kString && !column.IsNull(row)) {
      const std::string_view text = column.strings[column.Index(row)];
      const Known* const known = text.size() < kCopiedMin ? nullptr : &KnownAt(text);
      if (known != nullptr && known->block == number_ && known->text == text.data() && known->size == text.size()) {
        PutVarint(copies_, own_.size() - from);
        PutVarint(copies_, known->place);
        PutVarint(copies_, sql::StoredBytes(text));
        from = own_.size();
        ++copies;
        writer.Leave();
        continue;
      }
      if (known != nullptr) fresh_.push_back({text.data(), text.size(), own_.size(), number_});
    }
    writer.Add(column, row);
  }
  PutVarint(copies_, own_.size() - from);
  for (std::int64_t n = 0; n < times; ++n) {
    PutVarint(block_, copies);
    block_ += copies_;
    block_ += own_;
  }
  rows_ += static_cast<std::uint64_t>(times);
  for (Known& known : fresh_) {
    known.place += block_.size() - own_.size();
    KnownAt({known.text, known.size}) = known;
  }
}

RowBlockWriter::Block RowBlockWriter::Take(std::int64_t now_us) {
  taken_ = true;
  head_.clear();
  AppendBlockHead(head_, now_us, rows_);
  return {head_, block_};
}

RowBlockReader::RowBlockReader(std::string_view block)
    : in_(block),
      written_us_(static_cast<std::int64_t>(in_.Varint())),
      rows_(in_.Varint()),
      block_(block.substr(block.size() - in_.remaining())) {}

bool RowBlockReader::Next(std::string_view& row) {
  if (in_.done() || in_.failed()) return false;
  const std::string_view before = block_.substr(0, block_.size() - in_.remaining());
  const std::uint64_t copies = in_.Varint();
  if (copies == 0) {
    row = in_.Bytes();
    return !in_.failed();
  }
  copies_.clear();
  for (std::uint64_t n = 0; n < copies && !in_.failed(); ++n) {
    const std::uint64_t own = in_.Varint();
    const std::uint64_t place = in_.Varint();
    const std::uint64_t size = in_.Varint();
    if (place > before.size() || size > before.size() - place) in_.Fail();
    if (!in_.failed()) copies_.push_back({own, before.substr(place, size)});
  }
  const std::uint64_t rest = in_.Varint();
  row_.clear();
  for (const Copy& copy : copies_) row_.append(in_.Take(copy.own)).append(copy.bytes);
  row_.append(in_.Take(rest));
  row = row_;
  return !in_.failed();
}

}  // namespace headgate::views
