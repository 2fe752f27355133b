#include <algorithm>

#include "core/sql/binder.h"

// SELECT, VALUES, set operations: the clauses in their order.
namespace headgate::sql {
namespace {

constexpr std::size_t kQueryDepthMax = 100;

// The name PostgreSQL gives an output column.
std::string OutputName(const Node& value) {
  const Node& body = value.body();
  if (value.Is("ColumnRef")) return std::string(body["fields"].items().back().name());
  if (value.Is("FuncCall")) return std::string(body["funcname"].items().back().name());
  if (value.Is("A_Indirection")) return OutputName(body["arg"]);
  if (value.Is("CoalesceExpr")) return "coalesce";
  if (value.Is("CaseExpr")) {
    const std::string inner = OutputName(body["defresult"]);
    return body["defresult"] && inner != "?column?" ? inner : "case";
  }
  if (value.Is("MinMaxExpr")) return body["op"].text() == "IS_LEAST" ? "least" : "greatest";
  if (value.Is("A_ArrayExpr")) return "array";
  if (value.Is("RowExpr")) return "row";
  if (value.Is("SQLValueFunction")) {
    std::string name(body["op"].text());
    if (name.starts_with("SVFOP_")) name.erase(0, 6);
    if (name.ends_with("_N")) name.resize(name.size() - 2);
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return name;
  }
  if (value.Is("A_Expr") && body["kind"].text() == "AEXPR_NULLIF") return "nullif";
  if (value.Is("SubLink")) {
    const std::string_view type = body["subLinkType"].text();
    if (type == "EXISTS_SUBLINK") return "exists";
    if (type == "ARRAY_SUBLINK") return "array";
    if (type == "EXPR_SUBLINK") {
      const Node& target = body["subselect"].body()["targetList"].at(0).body();
      return target["name"] ? std::string(target["name"].text()) : OutputName(target["val"]);
    }
  }
  if (value.Is("TypeCast")) {
    const std::string inner = OutputName(body["arg"]);
    if (inner != "?column?") return inner;
    const Node& type = body["typeName"].Is("TypeName") ? body["typeName"].body() : body["typeName"];
    return type["names"].items().empty() ? inner : std::string(type["names"].items().back().name());
  }
  return "?column?";
}

}  // namespace

std::optional<std::int64_t> Position(const Node& node) {
  if (!node.Is("A_Const") || !node.body()["ival"]) return std::nullopt;
  return node.body()["ival"]["ival"].number();
}

std::string PlainName(const Node& node) {
  if (!node.Is("ColumnRef") || node.body()["fields"].size() != 1) return "";
  return std::string(node.body()["fields"].at(0).name());
}

Parsed<BoundQuery> BindQuery(const Node& select, const RelationSource& relations, const BindOptions& options) {
  Binder binder(relations, options);
  auto query = binder.Query(select, nullptr);
  if (query.ok()) query->has_star = binder.has_star();
  return query;
}

Parsed<ExprPtr> BindOver(const Node& expression, const Relation& relation, const BindOptions& options) {
  struct None : RelationSource {
    const Relation* Find(const std::vector<std::string>&) const override { return nullptr; }
    std::vector<std::string> Names() const override { return {}; }
  } none;
  Level level;
  level.no_aggregates = level.no_windows = level.no_subqueries = "this place";
  for (std::size_t i = 0; i < relation.columns.size(); ++i) {
    ScopeColumn column;
    column.name = relation.columns[i].name;
    column.column = i;
    level.scope.push_back(std::move(column));
    level.columns.push_back({relation.columns[i].name, relation.columns[i].type});
  }
  return Binder(none, options).Expression(expression, level);
}

Parsed<BoundQuery> Binder::Query(const Node& select, Level* parent) {
  if (!select.Is("SelectStmt")) return Problem{"only SELECT and VALUES have rows", select.body().location(), ""};
  return QueryBody(select.body(), parent);
}

Parsed<BoundQuery> Binder::QueryBody(const Node& body, Level* parent) {
  if (depth_ > kQueryDepthMax)
    return Problem{"queries are nested too deeply", body.location(), "Split them into views."};
  const std::size_t tables = common_tables_.size();
  const std::size_t visible = visible_tables_;
  const bool in_expiry = std::exchange(in_expiry_, false);
  ++depth_;
  auto query = [&]() -> Parsed<BoundQuery> {
    if (body["withClause"]) HG_RETURN_IF_ERROR(AddCommonTables(body["withClause"]));
    if (body["larg"]) return SetOperation(body, parent);
    if (body["valuesLists"]) return Values(body, parent);
    return Select(body, parent);
  }();
  --depth_;
  in_expiry_ = in_expiry;
  common_tables_.resize(tables);
  visible_tables_ = visible;
  return query;
}

Checked Binder::AddCommonTables(const Node& with) {
  if (with["recursive"].flag())
    return Problem{"WITH RECURSIVE is not supported", with.location(), "Recursion is not kept up incrementally."};
  for (const Node& item : with["ctes"].items()) {
    const Node& body = item.body();
    CommonTable table;
    table.name = std::string(body["ctename"].text());
    table.query = &body["ctequery"];
    if (!table.query->Is("SelectStmt"))
      return Problem{"a data-modifying statement in WITH is not supported", body.location(), "Views only read."};
    for (const Node& name : body["aliascolnames"].items()) table.columns.emplace_back(name.name());
    table.visible = common_tables_.size();
    common_tables_.push_back(std::move(table));
    visible_tables_ = common_tables_.size();
  }
  return {};
}

Parsed<BoundQuery> Binder::Values(const Node& select, Level* parent) {
  Level level;
  level.parent = parent;
  level.no_aggregates = level.no_windows = "VALUES";
  level.no_subqueries = "VALUES";
  std::vector<std::vector<ExprPtr>> rows;
  for (const Node& list : select["valuesLists"].items()) {
    HG_ASSIGN_OR_RETURN(std::vector<ExprPtr> row, All(list.Is("List") ? list.body()["items"] : list, level));
    if (!rows.empty() && rows[0].size() != row.size())
      return Problem{"VALUES lists must all be the same length", row.empty() ? 0 : row[0]->location, ""};
    rows.push_back(std::move(row));
  }
  BoundQuery query;
  query.plan = MakePlan(PlanKind::kValues);
  for (std::size_t c = 0; c < rows[0].size(); ++c) {
    std::vector<ExprPtr> column;
    for (auto& row : rows) column.push_back(std::move(row[c]));
    for (ExprPtr& cell : column) HG_RETURN_IF_ERROR(Assign(cell, c));
    HG_RETURN_IF_ERROR(Unify(column, "VALUES"));
    query.plan->columns.push_back({"column" + std::to_string(c + 1), column[0]->type});
    for (std::size_t r = 0; r < rows.size(); ++r) rows[r][c] = std::move(column[r]);
  }
  query.plan->rows = std::move(rows);
  query.visible = query.plan->columns.size();
  Level output;
  output.parent = parent;
  Draft draft;
  for (std::size_t i = 0; i < query.visible; ++i)
    draft.outputs.push_back({query.plan->columns[i].name, ColumnOf(*query.plan, i), false});
  HG_RETURN_IF_ERROR(OrderBy(select, output, draft));
  draft.plan = std::move(query.plan);
  return Finish(select, std::move(draft));
}

Parsed<BoundQuery> Binder::SetOperation(const Node& select, Level* parent) {
  HG_ASSIGN_OR_RETURN(BoundQuery left, QueryBody(select["larg"], parent));
  HG_ASSIGN_OR_RETURN(BoundQuery right, QueryBody(select["rarg"], parent));
  const std::string_view op = select["op"].text();
  const bool all = select["all"].flag();
  const std::string word = op == "SETOP_UNION" ? "UNION" : (op == "SETOP_INTERSECT" ? "INTERSECT" : "EXCEPT");
  if (left.visible != right.visible)
    return Problem{"each " + word + " query must have the same number of columns",
                   select["rarg"]["targetList"].at(0).body().location(), ""};
  std::vector<ExprPtr> left_columns;
  std::vector<ExprPtr> right_columns;
  std::vector<std::string> names;
  std::vector<bool> added;
  for (std::size_t i = 0; i < left.visible; ++i) {
    std::vector<ExprPtr> pair;
    pair.push_back(ColumnOf(*left.plan, i));
    pair.push_back(ColumnOf(*right.plan, i));
    pair[1]->location = select["rarg"]["targetList"].at(i).body().location();
    HG_RETURN_IF_ERROR(Unify(pair, word));
    left_columns.push_back(std::move(pair[0]));
    right_columns.push_back(std::move(pair[1]));
    names.push_back(left.plan->columns[i].name);
    added.push_back(left.plan->columns[i].added);
  }
  PlanPtr plan = MakePlan(PlanKind::kSetOp);
  plan->set_op = op == "SETOP_UNION"       ? (all ? SetOpKind::kUnionAll : SetOpKind::kUnion)
                 : op == "SETOP_INTERSECT" ? (all ? SetOpKind::kIntersectAll : SetOpKind::kIntersect)
                                           : (all ? SetOpKind::kExceptAll : SetOpKind::kExcept);
  plan->inputs.push_back(MakeProject(std::move(left.plan), std::move(left_columns), names));
  plan->inputs.push_back(MakeProject(std::move(right.plan), std::move(right_columns), names));
  plan->columns = plan->inputs[0]->columns;
  for (std::size_t i = 0; i < added.size(); ++i) plan->columns[i].added = added[i];
  Level output;
  output.parent = parent;
  Draft draft;
  for (std::size_t i = 0; i < plan->columns.size(); ++i)
    draft.outputs.push_back({plan->columns[i].name, ColumnOf(*plan, i), false, plan->columns[i].added});
  draft.plan = std::move(plan);
  HG_RETURN_IF_ERROR(OrderBy(select, output, draft));
  return Finish(select, std::move(draft));
}

Parsed<BoundQuery> Binder::Select(const Node& select, Level* parent) {
  if (select["lockingClause"])
    return Problem{"locking clauses (FOR UPDATE) have no meaning here", select["lockingClause"].at(0).body().location(),
                   "Leave it out."};
  if (select["intoClause"]) return Problem{"SELECT INTO is not supported", 0, "Use CREATE MATERIALIZED VIEW ... AS."};
  Level level;
  level.parent = parent;
  if (select["windowClause"]) level.named_windows = &select["windowClause"];
  Draft draft;
  level.no_aggregates = "FROM";
  level.no_windows = "FROM";
  HG_ASSIGN_OR_RETURN(draft.plan, From(select["fromClause"], level));
  level.no_aggregates = level.no_windows = "WHERE";
  HG_RETURN_IF_ERROR(Where(select["whereClause"], level, draft.plan));
  level.no_aggregates = level.no_windows = "";
  HG_RETURN_IF_ERROR(Targets(select, level, draft));
  HG_RETURN_IF_ERROR(Groups(select, level, draft));
  level.no_windows = "HAVING";
  if (select["havingClause"]) {
    HG_ASSIGN_OR_RETURN(draft.having, Condition(select["havingClause"], level, "argument of HAVING"));
  }
  level.no_windows = "";
  HG_RETURN_IF_ERROR(DistinctOn(select, level, draft));
  HG_RETURN_IF_ERROR(OrderBy(select, level, draft));
  draft.grouped = !draft.groups.empty() || !level.aggregates.empty() || draft.having || select["groupClause"];
  if (draft.grouped) HG_RETURN_IF_ERROR(Grouped(level, draft));
  for (Output& output : draft.outputs) Attach(level, draft.plan, output.expr);
  for (AggregateOrder& key : draft.order) Attach(level, draft.plan, key.expr);
  for (ExprPtr& expr : draft.distinct_on) Attach(level, draft.plan, expr);
  HG_RETURN_IF_ERROR(Windows(level, draft));
  return Finish(select, std::move(draft));
}

Checked Binder::Star(const Node& column, Level& level, Draft& draft) {
  const auto& fields = column["fields"].items();
  std::vector<std::string> qualifier;
  for (std::size_t i = 0; i + 1 < fields.size(); ++i) qualifier.emplace_back(fields[i].name());
  bool found = false;
  has_star_ = true;
  for (const ScopeColumn& entry : level.scope) {
    const bool mine = qualifier.empty()
                          ? !entry.merged
                          : (qualifier.size() == 1 ? entry.table == qualifier[0] : entry.qualifiers == qualifier);
    if (!mine) continue;
    found = true;
    if (entry.hidden) continue;
    draft.outputs.push_back({entry.name, MakeColumn(entry.column, level.columns[entry.column].type, column.location()),
                             false, entry.added});
  }
  if (found) return {};
  if (qualifier.empty()) return Problem{"SELECT * with no tables specified is not valid", column.location(), ""};
  return Problem{"missing FROM-clause entry for table \"" + qualifier.back() + "\"", column.location(), ""};
}

Checked Binder::Targets(const Node& select, Level& level, Draft& draft) {
  for (const Node& item : select["targetList"].items()) {
    const Node& target = item.body();
    const Node& value = target["val"];
    if (value.Is("ColumnRef") && value.body()["fields"].items().back().Is("A_Star")) {
      HG_RETURN_IF_ERROR(Star(value.body(), level, draft));
      continue;
    }
    HG_ASSIGN_OR_RETURN(ExprPtr expr, Expression(value, level));
    HG_RETURN_IF_ERROR(Assign(expr, draft.outputs.size()));
    HG_RETURN_IF_ERROR(Defaults(expr));
    Output output;
    output.set = expr->kind == ExprKind::kCall && expr->function->returns_set;
    output.name = target["name"] ? std::string(target["name"].text()) : OutputName(value);
    output.expr = std::move(expr);
    draft.outputs.push_back(std::move(output));
  }
  // Those that came later stand behind all others: the places of these are as they were.
  std::stable_partition(draft.outputs.begin(), draft.outputs.end(), [](const Output& output) { return !output.added; });
  if (std::ranges::count_if(draft.outputs, &Output::set) > 1)
    return Problem{"only one set-returning function may stand in the SELECT list",
                   select["targetList"].at(0).body().location(), "Put them in FROM."};
  return {};
}

// INSERT and UPDATE: a literal takes the type of its column, other values are cast as an assignment does.
Checked Binder::Assign(ExprPtr& expr, std::size_t output) {
  if (depth_ != 1 || output >= options_.assign.size()) return {};
  HG_ASSIGN_OR_RETURN(expr, CastTo(std::move(expr), options_.assign[output], CastContext::kAssignment, options_.zone));
  return {};
}

Checked Binder::OrderBy(const Node& select, Level& level, Draft& draft) {
  for (const Node& item : select["sortClause"].items()) {
    const Node& node = item.body()["node"];
    AggregateOrder key{nullptr, OrderOf(item.body())};
    std::optional<std::size_t> place;
    if (const auto position = Position(node)) {
      if (*position < 1 || *position > static_cast<std::int64_t>(draft.outputs.size()))
        return Problem{"ORDER BY position " + std::to_string(*position) + " is not in select list",
                       node.body().location(), ""};
      place = static_cast<std::size_t>(*position) - 1;
    } else if (const std::string name = PlainName(node); !name.empty()) {
      const auto output = std::ranges::find(draft.outputs, name, &Output::name);
      if (output != draft.outputs.end()) place = static_cast<std::size_t>(output - draft.outputs.begin());
    }
    if (!place) {
      HG_ASSIGN_OR_RETURN(key.expr, Expression(node, level));
      HG_RETURN_IF_ERROR(Defaults(key.expr));
      for (std::size_t i = 0; i < draft.outputs.size(); ++i) {
        if (Same(*draft.outputs[i].expr, *key.expr)) place = i;
      }
      if (place) key.expr = nullptr;
    }
    if (item.body()["useOp"])
      return Problem{"ORDER BY USING is not supported", node.body().location(), "Use ASC or DESC."};
    draft.order.push_back(std::move(key));
    draft.order_place.push_back(place);
  }
  return {};
}

Checked Binder::DistinctOn(const Node& select, Level& level, Draft& draft) {
  for (const Node& item : select["distinctClause"].items()) {
    if (item.empty() || item.tag().empty()) continue;  // plain DISTINCT
    if (const auto position = Position(item)) {
      if (*position < 1 || *position > static_cast<std::int64_t>(draft.outputs.size()))
        return Problem{"SELECT DISTINCT ON position " + std::to_string(*position) + " is not in select list",
                       item.body().location(), ""};
      draft.distinct_on.push_back(Clone(*draft.outputs[static_cast<std::size_t>(*position) - 1].expr));
      continue;
    }
    const auto output = std::ranges::find(draft.outputs, PlainName(item), &Output::name);
    if (!PlainName(item).empty() && output != draft.outputs.end()) {
      draft.distinct_on.push_back(Clone(*output->expr));
      continue;
    }
    HG_ASSIGN_OR_RETURN(ExprPtr expr, Expression(item, level));
    HG_RETURN_IF_ERROR(Defaults(expr));
    draft.distinct_on.push_back(std::move(expr));
  }
  return {};
}

Checked Binder::LimitOf(const Node& select, Plan& plan) {
  const auto constant = [&](const char* clause, const char* word) -> Parsed<std::optional<std::int64_t>> {
    const Node& node = select[clause];
    if (!node) return std::optional<std::int64_t>{};
    Level level;
    HG_ASSIGN_OR_RETURN(ExprPtr expr, Expression(node, level));
    HG_ASSIGN_OR_RETURN(expr, CastTo(std::move(expr), TypeId::kInt8, CastContext::kAssignment, options_.zone));
    EvalContext context;
    const Datum value = EvaluateConstant(*expr, context);
    if (context.failed()) return Problem{context.errors()[0].message, expr->location, ""};
    if (value.null) return std::optional<std::int64_t>{};
    if (value.i < 0) return Problem{std::string(word) + " must not be negative", node.body().location(), ""};
    return std::optional<std::int64_t>{value.i};
  };
  if (select["limitOption"].text() == "LIMIT_OPTION_WITH_TIES")
    return Problem{"FETCH ... WITH TIES is not supported", select["limitCount"].body().location(), "Use LIMIT."};
  HG_ASSIGN_OR_RETURN(plan.limit, constant("limitCount", "LIMIT"));
  HG_ASSIGN_OR_RETURN(const auto offset, constant("limitOffset", "OFFSET"));
  plan.offset = offset.value_or(0);
  return {};
}

namespace {

// The columns of a SELECT's result, and behind them those that only its order needs.
struct Columns {
  std::vector<ExprPtr> expressions;
  std::vector<std::string> names;

  std::size_t Add(ExprPtr expr) {
    for (std::size_t i = 0; i < expressions.size(); ++i) {
      if (Same(*expressions[i], *expr)) return i;
    }
    expressions.push_back(std::move(expr));
    names.emplace_back();
    return expressions.size() - 1;
  }
};

// One row for each element of the arrays in this column, or for each slice of them, which becomes the element.
PlanPtr MakeRowsOf(PlanPtr plan, std::size_t column, bool slices) {
  PlanPtr unnest = MakePlan(PlanKind::kUnnest);
  unnest->expressions.push_back(ColumnOf(*plan, column));
  unnest->columns = plan->columns;
  unnest->columns.push_back(
      {plan->columns[column].name, slices ? plan->columns[column].type : plan->columns[column].type.Element()});
  const std::size_t last = plan->columns.size();
  unnest->inputs.push_back(std::move(plan));
  std::vector<std::size_t> columns = FirstColumns(last);
  columns[column] = last;
  return MakePick(std::move(unnest), columns);
}

PlanPtr MakeAbove(PlanKind kind, PlanPtr input) {
  PlanPtr plan = MakePlan(kind);
  plan->columns = input->columns;
  plan->inputs.push_back(std::move(input));
  return plan;
}

}  // namespace

// The projection, DISTINCT, ORDER BY and LIMIT.
Parsed<BoundQuery> Binder::Finish(const Node& select, Draft draft) {
  Columns columns;
  std::optional<std::size_t> set;
  bool slices = false;
  std::vector<bool> added;
  for (Output& output : draft.outputs) {
    added.push_back(output.added);
    if (output.set) {
      set = columns.expressions.size();
      slices = output.expr->function->result.array;
    }
    columns.expressions.push_back(std::move(output.expr));
    columns.names.push_back(std::move(output.name));
  }
  BoundQuery query;
  query.visible = columns.expressions.size();
  const bool distinct = static_cast<bool>(select["distinctClause"]) && draft.distinct_on.empty();
  for (std::size_t i = 0; i < draft.order.size(); ++i) {
    if (!draft.order_place[i] && distinct)
      return Problem{"for SELECT DISTINCT, ORDER BY expressions must appear in select list",
                     draft.order[i].expr->location, ""};
    const std::size_t column =
        draft.order_place[i] ? *draft.order_place[i] : columns.Add(std::move(draft.order[i].expr));
    query.order.push_back({column, draft.order[i].order});
  }
  std::vector<std::size_t> distinct_on;
  for (ExprPtr& expr : draft.distinct_on) distinct_on.push_back(columns.Add(std::move(expr)));
  for (std::size_t i = 0; i < std::min(distinct_on.size(), query.order.size()); ++i) {
    if (std::ranges::find(distinct_on, query.order[i].column) == distinct_on.end())
      return Problem{"SELECT DISTINCT ON expressions must match initial ORDER BY expressions",
                     select["sortClause"].at(i).body()["node"].body().location(), ""};
  }
  PlanPtr plan = MakeProject(std::move(draft.plan), std::move(columns.expressions), std::move(columns.names));
  for (std::size_t i = 0; i < added.size(); ++i) plan->columns[i].added = added[i];
  if (set) plan = MakeRowsOf(std::move(plan), *set, slices);
  if (distinct) plan = MakeAbove(PlanKind::kDistinct, std::move(plan));
  if (!distinct_on.empty()) {
    plan = MakeAbove(PlanKind::kTopK, std::move(plan));
    plan->partition = distinct_on;
    plan->order = query.order;
    plan->limit = 1;
  }
  if (select["limitCount"] || select["limitOffset"]) {
    plan = MakeAbove(PlanKind::kTopK, std::move(plan));
    HG_RETURN_IF_ERROR(LimitOf(select, *plan));
    plan->order = query.order;
  }
  query.plan = std::move(plan);
  return query;
}

}  // namespace headgate::sql
