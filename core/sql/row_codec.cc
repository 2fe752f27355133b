#include "core/sql/row_codec.h"

#include <bit>

#include "core/base/bytes.h"
#include "core/base/check.h"

namespace headgate::sql {
namespace {

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
      PutSigned(out, column.wides[at].us);
      PutSigned(out, column.wides[at].days);
      PutSigned(out, column.wides[at].months);
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
    case Physical::kWide: {
      Wide& wide = column.wides[at];
      wide.us = in.Signed();
      wide.days = static_cast<std::int32_t>(in.Signed());
      wide.months = static_cast<std::int32_t>(in.Signed());
      break;
    }
    case Physical::kString:
      column.strings[at] = arena.Keep(in.Bytes());
      break;
  }
}

}  // namespace

void AppendRow(std::string& out, std::span<const Type> types, const Batch& batch, std::size_t row) {
  const std::size_t start = out.size();
  out.append((types.size() + 7) / 8, '\0');
  for (std::size_t c = 0; c < types.size(); ++c) {
    const Vector& column = *batch.columns[c];
    const std::size_t at = column.Index(row);
    if (!column.nulls.empty() && column.nulls[at] != 0) {
      out[start + c / 8] = static_cast<char>(out[start + c / 8] | (1 << (c % 8)));
    } else {
      AppendValue(out, column, at);
    }
  }
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
    if ((bits[c / 8] >> (c % 8) & 1) != 0) {
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
