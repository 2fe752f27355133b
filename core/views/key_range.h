#pragma once

#include <string>
#include <vector>

#include "core/sql/plan.h"
#include "core/views/row_filter.h"

namespace headgate::views {

// Conditions on columns of a view that its rows have to meet.
struct Conditions {
  std::vector<Condition> equal;
  std::vector<Condition> from;  // at least
  std::vector<Condition> to;    // at most
};
// Of what a query reads of the view: those that stand directly above the one place where it does.
Conditions ConditionsOf(const sql::Plan& plan, const sql::Relation& view);

// Where, in an order by some columns, rows lie that can meet some conditions: keys (sql::AppendKey) from `begin` on,
// below `end` ("": the end). Other rows may lie there too.
struct KeyRange {
  std::string begin;
  std::string end;
  bool whole = true;      // all rows
  std::size_t fixed = 0;  // columns with an equality
  bool bounded = false;   // the next one has bounds
};
// Of equalities on the first columns of the order, then bounds on the next one.
KeyRange RangeOf(const sql::Relation& view, const std::vector<std::size_t>& columns, const Conditions& conditions);

}  // namespace headgate::views
