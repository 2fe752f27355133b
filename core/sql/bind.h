#pragma once

#include <string>
#include <vector>

#include "core/sql/ast.h"
#include "core/sql/plan.h"
#include "core/sql/problem.h"
#include "core/sql/relation.h"

namespace headgate::sql {

struct BindOptions {
  std::string_view text;  // what the tree was made of
  std::string zone = "UTC";
  bool clock = false;        // now() and its kin are allowed (pull queries)
  bool expiry = false;       // WHERE ts > now() - INTERVAL '...' is a temporal filter (views)
  std::vector<Type> assign;  // INSERT, UPDATE: the outputs are cast to these, as far as they go
  std::vector<SystemTime> system_times;

  static BindOptions ForView() {
    BindOptions options;
    options.expiry = true;
    return options;
  }
};

// A query whose names, types and subqueries are resolved.
struct BoundQuery {
  PlanPtr plan;
  std::vector<SortKey> order;  // of the whole result; a view has none
  std::size_t visible = 0;     // columns of the result; those behind are only for the order
  bool has_star = false;       // `*` stands for some of them; those of it that are `added` come last
};

// Binds a SELECT statement (the wrapped node). Problems point into the text the tree was made of.
Parsed<BoundQuery> BindQuery(const Node& select, const RelationSource& relations, const BindOptions& options);

// Binds an expression over the columns of one relation (CHECK, DEFAULT, arguments of table functions).
Parsed<ExprPtr> BindOver(const Node& expression, const Relation& relation, const BindOptions& options);

// The type that a TypeName node names.
Parsed<Type> BindType(const Node& type_name);

}  // namespace headgate::sql
