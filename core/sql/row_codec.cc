#include "core/sql/row_codec.h"

#include <bit>

#include "core/base/bytes.h"
#include "core/base/check.h"

namespace headgate::sql {
namespace {

void AppendWide(std::string& out, const Wide& value) {
  PutSigned(out, value.us);
  PutSigned(out, value.days);
  PutSigned(out, value.months);
}

Wide ReadWide(ByteReader& in) {
  Wide value;
  value.us = in.Signed();
  value.days = static_cast<std::int32_t>(in.Signed());
  value.months = static_cast<std::int32_t>(in.Signed());
  return value;
}

void AppendValue(std::string& out, const Vector& column, std::size_t at) {
  switch (column.physical) {
    case Physical::kBool:
      out.push_back(static_cast<char>(column.bools[at]));
      break;
    case Physical::kInt:
      PutSigned(out, column.ints[at]);
      break;
    case Physical::kDouble:
      PutFixed(out, std::bit_cast<std::uint64_t>(column.doubles[at]));
      break;
    case Physical::kWide:
      AppendWide(out, column.wides[at]);
      break;
    case Physical::kString:
      PutBytes(out, column.strings[at]);
      break;
  }
}

void ReadValue(ByteReader& in, Vector& column, std::size_t at, Arena& arena) {
  switch (column.physical) {
    case Physical::kBool:
      column.bools[at] = in.Byte();
      break;
    case Physical::kInt:
      column.ints[at] = in.Signed();
      break;
    case Physical::kDouble:
      column.doubles[at] = std::bit_cast<double>(in.Fixed<std::uint64_t>());
      break;
    case Physical::kWide:
      column.wides[at] = ReadWide(in);
      break;
    case Physical::kString:
      column.strings[at] = arena.Keep(in.Bytes());
      break;
  }
}

void AppendValue(std::string& out, Physical physical, const Datum& value) {
  switch (physical) {
    case Physical::kBool:
      out.push_back(static_cast<char>(value.b));
      break;
    case Physical::kInt:
      PutSigned(out, value.i);
      break;
    case Physical::kDouble:
      PutFixed(out, std::bit_cast<std::uint64_t>(value.d));
      break;
    case Physical::kWide:
      AppendWide(out, value.w);
      break;
    case Physical::kString:
      PutBytes(out, value.s);
      break;
  }
}

Datum ReadValue(ByteReader& in, Physical physical) {
  switch (physical) {
    case Physical::kBool:
      return Datum::Of(in.Byte() != 0);
    case Physical::kInt:
      return Datum::Of(in.Signed());
    case Physical::kDouble:
      return Datum::Of(std::bit_cast<double>(in.Fixed<std::uint64_t>()));
    case Physical::kWide:
      return Datum::Of(ReadWide(in));
    case Physical::kString:
      break;
  }
  return Datum::Of(std::string(in.Bytes()));
}

void SkipValue(ByteReader& in, Physical physical) {
  switch (physical) {
    case Physical::kBool:
      in.Byte();
      return;
    case Physical::kInt:
      in.Varint();
      return;
    case Physical::kDouble:
      in.Fixed<std::uint64_t>();
      return;
    case Physical::kWide:
      ReadWide(in);
      return;
    case Physical::kString:
      in.Bytes();
      return;
  }
}

bool IsNull(std::string_view bits, std::size_t column) { return (bits[column / 8] >> (column % 8) & 1) != 0; }

void SetNull(std::string& out, std::size_t start, std::size_t column) {
  out[start + column / 8] = static_cast<char>(out[start + column / 8] | (1 << (column % 8)));
}

}  // namespace

void AppendRow(std::string& out, std::span<const Type> types, const Batch& batch, std::size_t row) {
  const std::size_t start = out.size();
  out.append((types.size() + 7) / 8, '\0');
  for (std::size_t c = 0; c < types.size(); ++c) {
    const Vector& column = *batch.columns[c];
    const std::size_t at = column.Index(row);
    if (!column.nulls.empty() && column.nulls[at] != 0) {
      SetNull(out, start, c);
    } else {
      AppendValue(out, column, at);
    }
  }
}

void AppendRow(std::string& out, std::span<const Type> types, std::span<const Datum> values) {
  RowWriter writer(out, types);
  for (const Datum& value : values) writer.Add(value);
}

void AppendWidened(std::string& out, std::string_view row, std::size_t columns, std::size_t more) {
  const std::size_t start = out.size();
  const std::size_t bits = (columns + 7) / 8;
  out += row.substr(0, bits);
  out.append((columns + more + 7) / 8 - bits, '\0');
  for (std::size_t c = columns; c < columns + more; ++c) SetNull(out, start, c);
  out += row.substr(std::min(bits, row.size()));
}

void RowWriter::Add(const Datum& value) {
  if (value.null) {
    SetNull(out_, start_, column_);
  } else {
    AppendValue(out_, PhysicalOf(types_[column_]), value);
  }
  ++column_;
}

void RowWriter::Add(const Vector& column, std::size_t row) {
  if (column.IsNull(row)) {
    SetNull(out_, start_, column_);
  } else {
    AppendValue(out_, column, column.Index(row));
  }
  ++column_;
}

void RowWriter::AddRow(std::string_view row, std::size_t columns) {
  for (std::size_t c = 0; c < columns; ++c, ++column_) {
    if (IsNull(row, c)) SetNull(out_, start_, column_);
  }
  out_.append(row.substr((columns + 7) / 8));
}

bool ReadRow(std::string_view row, std::span<const Type> types, std::vector<Datum>& values) {
  values.clear();
  ByteReader in(row);
  const std::string_view bits = in.Take((types.size() + 7) / 8);
  if (in.failed()) return false;
  for (std::size_t c = 0; c < types.size(); ++c) {
    if (IsNull(bits, c)) {
      values.emplace_back();
    } else {
      values.push_back(ReadValue(in, PhysicalOf(types[c])));
    }
  }
  return !in.failed() && in.done();
}

bool IsRow(std::string_view row, std::span<const Type> types) {
  ByteReader in(row);
  const std::string_view bits = in.Take((types.size() + 7) / 8);
  for (std::size_t c = 0; c < types.size() && !in.failed(); ++c) {
    if (!IsNull(bits, c)) SkipValue(in, PhysicalOf(types[c]));
  }
  return !in.failed() && in.done();
}

std::size_t StoredBytes(std::string_view text) {
  std::size_t bytes = 1 + text.size();
  for (std::size_t rest = text.size() >> 7; rest != 0; rest >>= 7) ++bytes;
  return bytes;
}

std::string EncodeRow(std::span<const Type> types, const Batch& batch, std::size_t row) {
  std::string out;
  AppendRow(out, types, batch, row);
  return out;
}

RowBuilder::RowBuilder(std::vector<Type> types) : types_(std::move(types)) { Take(); }

Batch RowBuilder::Take() {
  Batch batch;
  batch.rows = rows_;
  for (auto& column : columns_) {
    if (column->physical == Physical::kString) column->owners.push_back(arena_);
    batch.columns.push_back(std::move(column));
  }
  columns_.clear();
  for (const Type type : types_) columns_.push_back(std::make_shared<Vector>(PhysicalOf(type), 0));
  arena_ = std::make_shared<Arena>();
  rows_ = 0;
  return batch;
}

void RowBuilder::AppendNull(std::size_t column) {
  Vector& v = *columns_[column];
  v.Resize(rows_ + 1);
  v.SetNull(rows_);
}

bool RowBuilder::Add(std::string_view row) {
  ByteReader in(row);
  const std::string_view bits = in.Take((types_.size() + 7) / 8);
  if (in.failed()) return false;
  for (std::size_t c = 0; c < types_.size(); ++c) {
    if (IsNull(bits, c)) {
      AppendNull(c);
    } else {
      columns_[c]->Resize(rows_ + 1);
      ReadValue(in, *columns_[c], rows_, *arena_);
    }
  }
  if (in.failed() || !in.done()) {
    for (auto& column : columns_) column->Resize(rows_);
    return false;
  }
  ++rows_;
  return true;
}

void RowBuilder::Add(const Batch& batch, std::size_t row) {
  for (std::size_t c = 0; c < types_.size(); ++c) {
    Vector& out = *columns_[c];
    out.Append(*batch.columns[c], row);
    if (out.physical == Physical::kString) out.strings.back() = arena_->Keep(out.strings.back());
  }
  ++rows_;
}

void RowBuilder::AddPair(const Batch* left, std::size_t left_row, const Batch* right, std::size_t right_row) {
  std::size_t c = 0;
  const auto side = [&](const Batch* batch, std::size_t row, std::size_t width) {
    for (std::size_t i = 0; i < width; ++i, ++c) {
      if (batch == nullptr) {
        AppendNull(c);
        continue;
      }
      Vector& out = *columns_[c];
      out.Append(*batch->columns[i], row);
      if (out.physical == Physical::kString) out.strings.back() = arena_->Keep(out.strings.back());
    }
  };
  CHECK(left != nullptr || right != nullptr);
  const std::size_t left_width = left != nullptr ? left->columns.size() : types_.size() - right->columns.size();
  side(left, left_row, left_width);
  side(right, right_row, types_.size() - left_width);
  ++rows_;
}

void RowBuilder::AddDatums(std::span<const Datum> values) {
  for (std::size_t c = 0; c < types_.size(); ++c) {
    if (values[c].null) {
      AppendNull(c);
      continue;
    }
    columns_[c]->Resize(rows_ + 1);
    columns_[c]->Set(rows_, values[c], *arena_);
  }
  ++rows_;
}

}  // namespace headgate::sql
