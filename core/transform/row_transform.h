#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/model/schema.h"
#include "core/model/value.h"

namespace headgate {

// What is done with the values of one column. NULL and absent values stay what they are.
struct ColumnStep {
  enum class Kind : std::uint8_t {
    kKeep,
    kText,      // becomes `text`
    kNull,      // becomes NULL
    kHash,      // becomes the HMAC-SHA-256 of its text with the key `text`, in 64 hex digits
    kTruncate,  // keeps its first `characters`
  };
  Kind kind = Kind::kKeep;
  std::string text;
  std::size_t characters = 0;
};

// Column rules compiled for one schema (column_rules.h). Immutable; any thread.
class RowTransform {
 public:
  // One step a column of `from`, in its order; `schema` is what the rows have afterwards.
  RowTransform(const TableSchema& from, std::vector<ColumnStep> steps, TableSchema schema);

  const TableSchema& schema() const { return schema_; }
  // False: only names change.
  bool changes_rows() const { return changes_rows_; }
  bool changes(std::size_t column) const { return steps_[column].kind != ColumnStep::Kind::kKeep; }

  // Appends the row as it becomes. kCorrupt if its bytes are no row.
  Status Append(std::string_view row, std::string& out) const;
  // The row that begins at `start` and ends with `bytes`, in place.
  Status Apply(std::string& bytes, std::size_t start) const;

 private:
  bool Put(const ColumnStep& step, const Value& value, const DataType& type, std::string& out) const;

  std::vector<ColumnStep> steps_;
  std::vector<DataType> types_;  // of columns with kHash
  TableSchema schema_;
  bool changes_rows_ = false;
};

// The first `characters` of UTF-8 text; of other bytes so many bytes.
std::string_view FirstCharacters(std::string_view text, std::size_t characters);

}  // namespace headgate
