#include <algorithm>
#include <functional>

#include "core/config/spec.h"
#include "core/sql/binder.h"

// FROM: relations, subqueries, functions, joins.
namespace headgate::sql {
namespace {

std::vector<std::string> RelationName(const Node& range) {
  std::vector<std::string> name;
  for (const char* part : {"catalogname", "schemaname", "relname"}) {
    if (range[part]) name.emplace_back(range[part].text());
  }
  return name;
}

bool HasOuter(Plan& plan) {
  bool found = false;
  VisitOuter(plan, 1, [&](Expr&) { found = true; });
  return found;
}

void Shift(std::vector<ScopeColumn>& scope, std::size_t by) {
  for (ScopeColumn& column : scope) column.column += by;
}

PlanPtr OneRow() {
  PlanPtr plan = MakePlan(PlanKind::kValues);
  plan->rows.emplace_back();
  return plan;
}

Checked CheckNames(const std::vector<ScopeColumn>& known, const std::vector<ScopeColumn>& more,
                   std::uint32_t location) {
  for (const ScopeColumn& column : more) {
    if (column.table.empty()) continue;
    const bool twice = std::ranges::any_of(known, [&](const ScopeColumn& other) {
      return other.table == column.table &&
             (other.qualifiers.empty() || column.qualifiers.empty() || other.qualifiers == column.qualifiers);
    });
    if (twice)
      return Problem{"table name \"" + column.table + "\" specified more than once", location,
                     "Give one of them an alias."};
  }
  return {};
}

}  // namespace

const CommonTable* Binder::FindCommonTable(std::string_view name) const {
  for (std::size_t i = visible_tables_; i-- > 0;) {
    if (common_tables_[i].name == name) return &common_tables_[i];
  }
  return nullptr;
}

Parsed<PlanPtr> Binder::From(const Node& list, Level& level) {
  PlanPtr plan;
  for (const Node& item : list.items()) HG_RETURN_IF_ERROR(AddItem(item, level, plan));
  if (!plan) plan = OneRow();
  level.columns = plan->columns;
  return plan;
}

// Items behind a comma: every pair of rows; a later item that names columns of earlier ones (LATERAL) is a dependent
// join.
Checked Binder::AddItem(const Node& item, Level& level, PlanPtr& plan) {
  std::vector<ScopeColumn> scope;
  bool dependent = false;
  HG_ASSIGN_OR_RETURN(PlanPtr next, Item(item, level, scope, dependent));
  HG_RETURN_IF_ERROR(CheckNames(level.scope, scope, item.body().location()));
  if (plan) {
    Shift(scope, plan->columns.size());
    plan = MakeJoin(JoinKind::kInner, std::move(plan), std::move(next), nullptr);
    plan->dependent = dependent;
  } else {
    plan = std::move(next);
  }
  level.scope.insert(level.scope.end(), scope.begin(), scope.end());
  level.columns = plan->columns;
  return {};
}

Parsed<PlanPtr> Binder::Item(const Node& item, Level& level, std::vector<ScopeColumn>& scope, bool& dependent) {
  const Node& body = item.body();
  if (item.Is("RangeVar")) return RelationItem(body, scope);
  if (item.Is("RangeSubselect")) return QueryItem(body, level, scope, dependent);
  if (item.Is("RangeFunction")) return FunctionItem(body, level, scope, dependent);
  if (item.Is("JoinExpr")) return JoinItem(body, level, scope, dependent);
  if (item.Is("RangeTableSample")) return Problem{"TABLESAMPLE is not supported", body.location(), ""};
  return Problem{"this kind of FROM item is not supported", body.location(), ""};
}

// Gives the columns of a subquery their names; the scope gets them.
Checked Binder::Name(const Node& alias, const BoundQuery& query, std::vector<ScopeColumn>& scope,
                     std::uint32_t location) {
  const std::string table(alias["aliasname"].text());
  const auto& names = alias["colnames"].items();
  if (names.size() > query.visible)
    return Problem{"table \"" + table + "\" has " + std::to_string(query.visible) + " columns available but " +
                       std::to_string(names.size()) + " columns specified",
                   location, ""};
  for (std::size_t i = 0; i < query.visible; ++i) {
    ScopeColumn column;
    column.table = table;
    column.name = i < names.size() ? std::string(names[i].name()) : query.plan->columns[i].name;
    column.column = i;
    column.added = query.plan->columns[i].added;
    scope.push_back(std::move(column));
  }
  return {};
}

Parsed<PlanPtr> Binder::RelationItem(const Node& range, std::vector<ScopeColumn>& scope) {
  const auto name = RelationName(range);
  const std::uint32_t location = range.location();
  if (const CommonTable* common = name.size() == 1 ? FindCommonTable(name[0]) : nullptr) {
    const std::size_t visible = std::exchange(visible_tables_, common->visible);
    const CommonTable copy = *common;  // the list may grow while the query is bound
    auto query = Query(*copy.query, nullptr);
    visible_tables_ = visible;
    HG_RETURN_IF_ERROR(query);
    for (std::size_t i = 0; i < copy.columns.size() && i < query->visible; ++i)
      query->plan->columns[i].name = copy.columns[i];
    HG_RETURN_IF_ERROR(Name(range["alias"], *query, scope, location));
    if (!range["alias"]) {
      for (ScopeColumn& column : scope) column.table = copy.name;
    }
    return std::move(query->plan);
  }
  const Relation* relation = relations_.Find(name);
  if (relation == nullptr) {
    const auto known = relations_.Names();
    const std::vector<std::string_view> views(known.begin(), known.end());
    const std::string_view near = config::Nearest(Joined(name), views);
    return Problem{"relation \"" + Joined(name) + "\" does not exist", location,
                   near.empty() ? "" : "Perhaps you meant \"" + std::string(near) + "\"."};
  }
  PlanPtr plan;
  if (!relation->definition.empty()) {
    HG_ASSIGN_OR_RETURN(plan, ViewItem(*relation, location));
  } else {
    plan = MakePlan(PlanKind::kScan);
    plan->relation = relation;
    for (const RelationColumn& column : relation->columns) plan->columns.push_back({column.name, column.type});
  }
  const auto& names = range["alias"]["colnames"].items();
  for (std::size_t i = 0; i < relation->columns.size(); ++i) {
    ScopeColumn column;
    column.table = range["alias"] ? std::string(range["alias"]["aliasname"].text()) : name.back();
    if (!range["alias"]) column.qualifiers = name;
    column.name = i < names.size() ? std::string(names[i].name()) : relation->columns[i].name;
    column.column = i;
    column.hidden = relation->columns[i].hidden;
    column.added = relation->columns[i].added;
    scope.push_back(std::move(column));
  }
  return plan;
}

// CREATE VIEW: its query stands in the place of its name.
Parsed<PlanPtr> Binder::ViewItem(const Relation& view, std::uint32_t location) {
  auto statements = ParseStatements(view.definition);
  HG_RETURN_IF_ERROR(statements);
  BindOptions options = options_;
  options.text = view.definition;
  options.system_times = view.system_times;
  Binder inner(relations_, options);
  inner.depth_ = depth_ + 1;
  if (inner.depth_ > 100) return Problem{"views are nested too deeply", location, ""};
  auto query = inner.Query(statements->at(0)["stmt"], nullptr);
  has_star_ = has_star_ || inner.has_star_;
  if (!query.ok())
    return Problem{"view \"" + view.name + "\" no longer fits what it reads: " + query.error().message, location, ""};
  std::vector<std::size_t> columns(query->visible);
  for (std::size_t i = 0; i < columns.size(); ++i) columns[i] = i;
  return query->visible == query->plan->columns.size() ? std::move(query->plan)
                                                       : MakePick(std::move(query->plan), columns);
}

Parsed<PlanPtr> Binder::QueryItem(const Node& item, Level& level, std::vector<ScopeColumn>& scope, bool& dependent) {
  std::vector<ScopeColumn> hidden;  // without LATERAL the query sees what is around this level, not its neighbours
  const bool lateral = item["lateral"].flag();
  if (!lateral) hidden.swap(level.scope);
  auto query = Query(item["subquery"], &level);
  if (!lateral) hidden.swap(level.scope);
  HG_RETURN_IF_ERROR(query);
  const std::uint32_t location = item["subquery"].body()["targetList"].at(0).body().location();
  HG_RETURN_IF_ERROR(Name(item["alias"], *query, scope, location));
  // Outer columns beyond this level are outer columns of this level: the query hangs inside it.
  dependent = HasOuter(*query->plan);
  if (!dependent) Lower(*query->plan);
  return std::move(query->plan);
}

// A plan that stood one level deeper is now part of its parent's: level 2 and beyond come one closer.
void Binder::Lower(Plan& plan) {
  for (std::size_t level = 2; level < 20; ++level) VisitOuter(plan, level, [](Expr& expr) { --expr.level; });
}

// Adds what the call gives: one column, of unnest(a, b) one each, or the columns that the function names.
Checked Binder::FunctionColumns(const Node& call, Level& level, Plan& plan) {
  const std::uint32_t location = call.body().location();
  const auto add = [&plan](std::string name, ExprPtr expr) {
    const bool arrays = expr->kind == ExprKind::kCall && expr->function->returns_set && expr->function->result.array;
    plan.columns.push_back({std::move(name), arrays ? expr->type : expr->type.Element()});
    plan.expressions.push_back(std::move(expr));
  };
  const std::string name =
      call.Is("FuncCall") ? std::string(call.body()["funcname"].items().back().name()) : "function";
  const auto columns = OutputColumns(name);
  if (columns.size() > 1) {
    for (const std::string_view column : columns) {
      HG_ASSIGN_OR_RETURN(std::vector<ExprPtr> arguments, All(call.body()["args"], level));
      HG_ASSIGN_OR_RETURN(ExprPtr expr, CallOf(name + " " + std::string(column), std::move(arguments), location));
      add(std::string(column), std::move(expr));
    }
    return {};
  }
  if (name == "unnest" && call.body()["args"].items().size() > 1) {
    HG_ASSIGN_OR_RETURN(std::vector<ExprPtr> arrays, All(call.body()["args"], level));
    for (ExprPtr& array : arrays) {
      std::vector<ExprPtr> one;
      one.push_back(std::move(array));
      HG_ASSIGN_OR_RETURN(ExprPtr expr, CallOf(name, std::move(one), location));
      add(name, std::move(expr));
    }
    return {};
  }
  HG_ASSIGN_OR_RETURN(ExprPtr expr, Expression(call, level));
  HG_RETURN_IF_ERROR(Defaults(expr));
  const bool set = expr->kind == ExprKind::kCall && expr->function->returns_set;
  if (!set) {  // a plain function in FROM is one row
    const Type array = expr->type.ArrayOf();
    if (expr->type.array)
      return Problem{name + " gives one array, not rows", location, "Write unnest(" + name + "(...))."};
    std::vector<ExprPtr> one;
    one.push_back(std::move(expr));
    expr = MakeNode(ExprKind::kArray, array, std::move(one), location);
  }
  add(columns.empty() ? name : std::string(columns[0]), std::move(expr));
  return {};
}

Parsed<PlanPtr> Binder::FunctionItem(const Node& item, Level& level, std::vector<ScopeColumn>& scope, bool& dependent) {
  PlanPtr plan = MakePlan(PlanKind::kUnnest);
  plan->numbered = item["ordinality"].flag();
  Level inner;
  inner.parent = &level;
  inner.no_aggregates = inner.no_windows = "functions in FROM";
  inner.no_subqueries = "functions in FROM";
  std::uint32_t location = 0;
  std::string table;
  bool named = false;
  for (const Node& function : item["functions"].items()) {
    const Node& call = function.body()["items"].at(0);
    location = call.body().location();
    if (table.empty() && call.Is("FuncCall")) table = std::string(call.body()["funcname"].items().back().name());
    named = named || !OutputColumns(table).empty();
    HG_RETURN_IF_ERROR(FunctionColumns(call, inner, *plan));
  }
  const bool one = plan->expressions.size() == 1;
  if (plan->numbered) plan->columns.push_back({"ordinality", TypeId::kInt8});
  plan->inputs.push_back(OneRow());
  // The alias of a function with one column names the column too, unless the function does.
  const Node& alias = item["alias"];
  BoundQuery query;
  query.visible = plan->columns.size();
  if (alias && alias["colnames"].items().empty() && one && !named)
    plan->columns[0].name = std::string(alias["aliasname"].text());
  query.plan = std::move(plan);
  HG_RETURN_IF_ERROR(Name(alias, query, scope, location));
  for (ScopeColumn& column : scope) {
    if (!alias) column.table = table.empty() ? query.plan->columns[0].name : table;
  }
  scope[0].whole = query.visible == 1;
  dependent = HasOuter(*query.plan);
  if (!dependent) Lower(*query.plan);
  return std::move(query.plan);
}

namespace {

std::vector<std::string> CommonNames(const std::vector<ScopeColumn>& left, const std::vector<ScopeColumn>& right) {
  std::vector<std::string> names;
  for (const ScopeColumn& column : left) {
    if (column.hidden || column.merged || column.added) continue;
    if (std::ranges::any_of(right, [&](const ScopeColumn& other) {
          return !other.hidden && !other.merged && !other.added && other.name == column.name;
        }))
      names.push_back(column.name);
  }
  return names;
}

ScopeColumn* FindUnqualified(std::vector<ScopeColumn>& scope, std::size_t from, std::size_t to,
                             const std::string& name) {
  for (std::size_t i = from; i < to; ++i) {
    if (!scope[i].merged && !scope[i].added && scope[i].name == name) return &scope[i];
  }
  return nullptr;
}

}  // namespace

// left.k = right.k for each name; the sides' columns are merged away.
Parsed<ExprPtr> Binder::UsingCondition(const Node& join, Level& both, std::size_t left_entries,
                                       const std::vector<std::string>& names) {
  ExprPtr condition;
  for (const std::string& name : names) {
    ScopeColumn* left = FindUnqualified(both.scope, 0, left_entries, name);
    ScopeColumn* right = FindUnqualified(both.scope, left_entries, both.scope.size(), name);
    const std::uint32_t location = join["larg"].body().location();
    if (left == nullptr || right == nullptr)
      return Problem{"column \"" + name + "\" specified in USING clause does not exist in " +
                         (left == nullptr ? "left" : "right") + " table",
                     location, ""};
    HG_ASSIGN_OR_RETURN(ExprPtr equal,
                        BinaryOf("=", MakeColumn(left->column, both.columns[left->column].type, location),
                                 MakeColumn(right->column, both.columns[right->column].type, location), location));
    condition = Conjunction(std::move(condition), std::move(equal));
  }
  return condition;
}

Parsed<PlanPtr> Binder::JoinItem(const Node& join, Level& level, std::vector<ScopeColumn>& scope, bool& dependent) {
  // The sides are bound as if they stood in a level of their own whose parent is the level's: names of this join first.
  const std::string_view type = join["jointype"].text();
  JoinKind kind = JoinKind::kInner;
  if (type == "JOIN_LEFT") kind = JoinKind::kLeft;
  if (type == "JOIN_RIGHT") kind = JoinKind::kRight;
  if (type == "JOIN_FULL") kind = JoinKind::kFull;

  std::vector<ScopeColumn> left_scope;
  std::vector<ScopeColumn> right_scope;
  HG_ASSIGN_OR_RETURN(PlanPtr left, Item(join["larg"], level, left_scope, dependent));
  if (dependent)
    return Problem{"a LATERAL item before JOIN is not supported", join["larg"].body().location(), "Put a comma."};
  // LATERAL on the right sees the left side.
  std::vector<ScopeColumn> outer_scope = level.scope;
  std::vector<PlanColumn> outer_columns = level.columns;
  level.scope = left_scope;
  level.columns = left->columns;
  bool right_dependent = false;
  auto right_item = Item(join["rarg"], level, right_scope, right_dependent);
  level.scope = outer_scope;
  level.columns = outer_columns;
  HG_RETURN_IF_ERROR(right_item);
  PlanPtr right = std::move(*right_item);
  const std::uint32_t location = join["rarg"].body().location();
  if (right_dependent && kind != JoinKind::kInner && kind != JoinKind::kLeft)
    return Problem{"the right side of a RIGHT or FULL JOIN cannot be LATERAL", location, ""};
  HG_RETURN_IF_ERROR(CheckNames(left_scope, right_scope, location));

  const std::size_t width = left->columns.size();
  Shift(right_scope, width);
  Level both;
  both.parent = level.parent;
  both.scope = left_scope;
  both.scope.insert(both.scope.end(), right_scope.begin(), right_scope.end());
  both.columns = left->columns;
  both.columns.insert(both.columns.end(), right->columns.begin(), right->columns.end());
  both.no_aggregates = both.no_windows = "JOIN conditions";
  both.no_subqueries = "JOIN conditions";

  std::vector<std::string> names;
  for (const Node& item : join["usingClause"].items()) names.emplace_back(item.name());
  if (join["isNatural"].flag()) names = CommonNames(left_scope, right_scope);
  ExprPtr condition;
  if (join["quals"]) {
    HG_ASSIGN_OR_RETURN(condition, Condition(join["quals"], both, "argument of JOIN/ON"));
  } else if (!names.empty()) {
    HG_ASSIGN_OR_RETURN(condition, UsingCondition(join, both, left_scope.size(), names));
  }

  HG_ASSIGN_OR_RETURN(const bool temporal, IsTemporal(join["rarg"], *right, kind));
  PlanPtr plan = MakeJoin(kind, std::move(left), std::move(right), std::move(condition));
  plan->dependent = right_dependent;
  if (temporal) plan->kind = PlanKind::kTemporal;

  HG_ASSIGN_OR_RETURN(scope, Merge(both, left_scope.size(), names, plan));
  if (join["alias"]) {
    for (ScopeColumn& column : scope) {
      column.table = std::string(join["alias"]["aliasname"].text());
      column.qualifiers.clear();
    }
  }
  return plan;
}

// The scope of a join with USING: merged columns stand first and without a table; of a full join they are computed.
Parsed<std::vector<ScopeColumn>> Binder::Merge(Level& both, std::size_t left_entries,
                                               const std::vector<std::string>& names, PlanPtr& plan) {
  std::vector<ScopeColumn> scope;
  std::vector<ExprPtr> expressions;
  std::vector<std::string> all_names;
  for (std::size_t i = 0; i < plan->columns.size(); ++i) {
    expressions.push_back(ColumnOf(*plan, i));
    all_names.push_back(plan->columns[i].name);
  }
  for (const std::string& name : names) {
    ScopeColumn* left = FindUnqualified(both.scope, 0, left_entries, name);
    ScopeColumn* right = FindUnqualified(both.scope, left_entries, both.scope.size(), name);
    ScopeColumn column;
    column.name = name;
    column.column = plan->join == JoinKind::kRight ? right->column : left->column;
    if (plan->join == JoinKind::kFull) {
      std::vector<ExprPtr> sides;
      sides.push_back(ColumnOf(*plan, left->column));
      sides.push_back(ColumnOf(*plan, right->column));
      HG_RETURN_IF_ERROR(Unify(sides, "JOIN/USING"));
      const Type common = sides[0]->type;
      column.column = expressions.size();
      expressions.push_back(MakeNode(ExprKind::kCoalesce, common, std::move(sides)));
      all_names.push_back(name);
    }
    left->merged = right->merged = true;
    scope.push_back(std::move(column));
  }
  if (expressions.size() > plan->columns.size())
    plan = MakeProject(std::move(plan), std::move(expressions), std::move(all_names));
  scope.insert(scope.end(), both.scope.begin(), both.scope.end());
  return scope;
}

// FOR SYSTEM_TIME AS OF behind the right side.
Parsed<bool> Binder::IsTemporal(const Node& right, const Plan& plan, JoinKind kind) {
  const std::uint32_t location = right.body().location();
  const auto found = std::ranges::find(options_.system_times, location, &SystemTime::relation);
  if (!right.Is("RangeVar") || found == options_.system_times.end()) return false;
  if (!found->log_position)
    return Problem{"FOR SYSTEM_TIME AS OF an event time is not supported yet", found->offset,
                   "Use AS OF LOG_POSITION()."};
  if (kind != JoinKind::kInner && kind != JoinKind::kLeft)
    return Problem{"FOR SYSTEM_TIME AS OF belongs to a JOIN or LEFT JOIN", found->offset, ""};
  if (plan.kind != PlanKind::kScan || plan.relation->key.empty())
    return Problem{"FOR SYSTEM_TIME AS OF needs a table with a key", found->offset,
                   "Look up a captured or declared table with a PRIMARY KEY."};
  return true;
}

}  // namespace headgate::sql
