#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/sql/datum.h"
#include "core/sql/relation.h"
#include "core/views/query.h"

namespace headgate::views {

// A condition on a column: key.<column>=, from.<column>= or to.<column>=.
struct Condition {
  std::size_t column = 0;
  sql::Type type;
  sql::Datum value;
};

// The conditions of a request, over the rows of one relation. A column that is NULL meets none.
class RowFilter {
 public:
  RowFilter() = default;
  // 42703 for a column that the relation does not have; other codes for text that is no value of the column's type.
  static SqlResult<RowFilter> Make(const sql::Relation& relation, const RowsRequest& request);

  bool empty() const { return equal_.empty() && from_.empty() && to_.empty(); }
  bool Passes(const std::vector<sql::Datum>& row) const;

  const std::vector<Condition>& equal() const { return equal_; }
  const std::vector<Condition>& from() const { return from_; }
  const std::vector<Condition>& to() const { return to_; }

 private:
  std::vector<Condition> equal_;
  std::vector<Condition> from_;
  std::vector<Condition> to_;
};

// A row in the form of sql::EncodeRow, taken apart.
std::vector<sql::Datum> DecodeRow(const std::vector<sql::Type>& types, std::string_view bytes);

}  // namespace headgate::views
