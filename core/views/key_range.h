#pragma once

#include <string>
#include <vector>

#include "core/sql/plan.h"
#include "core/views/row_filter.h"

namespace headgate::views {

// Where the rows of a view with a key lie that can meet some conditions: keys from `begin` on, below `end` ("": the
// end). Other rows may lie there too.
struct KeyRange {
  std::string begin;
  std::string end;
  bool whole = true;  // all rows
};

// Of conditions on columns: equalities on the first columns of the key, then bounds on the next one.
KeyRange RangeOf(const sql::Relation& view, const std::vector<Condition>& equal, const std::vector<Condition>& from,
                 const std::vector<Condition>& to);

// Of what a query reads of the view: from the conditions that stand directly above the one place where it does.
KeyRange RangeOf(const sql::Plan& plan, const sql::Relation& view);

}  // namespace headgate::views
