#pragma once

#include "sinks/table/plan.h"

namespace headgate::table {

// How orders of SampleEvents go into a table of the same columns.
inline TablePlan OrdersPlan() {
  TablePlan plan;
  plan.name = {"public", "orders"};
  DataType number;
  number.kind = TypeKind::kInt64;
  DataType text;
  text.kind = TypeKind::kText;
  plan.columns = {{"id", 0, number, "bigint", Literal::kPlain},
                  {"status", 1, text, "text", Literal::kQuoted},
                  {"city", 2, text, "text", Literal::kQuoted}};
  plan.key = {0};
  return plan;
}

}  // namespace headgate::table
