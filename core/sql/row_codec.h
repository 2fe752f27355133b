#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/sql/vector.h"

namespace headgate::sql {

// Rows as bytes, for state: a bit a column that says NULL, then the other values by their physical form. Equal rows of
// equal types have equal bytes, and only those whose values also print alike (1.5 is not 1.50 here).
void AppendRow(std::string& out, std::span<const Type> types, const Batch& batch, std::size_t row);
void AppendRow(std::string& out, std::span<const Type> types, std::span<const Datum> values);
std::string EncodeRow(std::span<const Type> types, const Batch& batch, std::size_t row);
// False if the bytes are not a row of these types; `values` makes no sense then.
bool ReadRow(std::string_view row, std::span<const Type> types, std::vector<Datum>& values);

// The row of `columns` columns, with `more` behind them that are NULL.
void AppendWidened(std::string& out, std::string_view row, std::size_t columns, std::size_t more);

// Whether the bytes are a row of these types. Copies nothing.
bool IsRow(std::string_view row, std::span<const Type> types);

// What a text takes in a row.
std::size_t StoredBytes(std::string_view text);

// Puts one row behind what `out` has, value by value; both outlive the writer.
class RowWriter {
 public:
  RowWriter(std::string& out, std::span<const Type> types) : out_(out), types_(types), start_(out.size()) {
    out_.append((types.size() + 7) / 8, '\0');
  }
  void Add(const Datum& value);
  void Add(const Vector& column, std::size_t row);
  // The next value, which is not NULL, is not put here.
  void Leave() { ++column_; }
  // The values of a row of the next `columns` types.
  void AddRow(std::string_view row, std::size_t columns);

 private:
  std::string& out_;
  std::span<const Type> types_;
  std::size_t start_;
  std::size_t column_ = 0;
};

// Collects rows, from bytes or from batches, into columns.
class RowBuilder {
 public:
  explicit RowBuilder(std::vector<Type> types);

  std::size_t rows() const { return rows_; }
  const std::vector<Type>& types() const { return types_; }
  // False, with nothing added, if the bytes are not a row of these types.
  bool Add(std::string_view row);
  void Add(const Batch& batch, std::size_t row);
  // `left` then `right` beside each other; NULLs for a side that is missing.
  void AddPair(const Batch* left, std::size_t left_row, const Batch* right, std::size_t right_row);
  void AddDatums(std::span<const Datum> values);
  // The rows so far; the builder is empty again.
  Batch Take();

 private:
  void AppendNull(std::size_t column);

  std::vector<Type> types_;
  std::vector<std::shared_ptr<Vector>> columns_;
  std::shared_ptr<Arena> arena_;
  std::size_t rows_ = 0;
};

}  // namespace headgate::sql
