#include <algorithm>
#include <functional>

#include "core/sql/binder.h"

// Subqueries in expressions. EXISTS and IN that stand alone in WHERE become semi and anti joins; every other subquery
// becomes a dependent join with a plan of exactly one row.
namespace headgate::sql {
namespace {

const Node* LinkOf(const Node& node) { return node.Is("SubLink") ? &node.body() : nullptr; }

bool IsEquality(const Node& link) {
  const auto& op = link["operName"].items();
  return op.empty() || op.back().name() == "=";
}

const std::vector<Node>& LeftSide(const Node& link, std::vector<Node>& one) {
  if (link["testexpr"].Is("RowExpr")) return link["testexpr"].body()["args"].items();
  one = {link["testexpr"]};
  return one;
}

PlanPtr VisibleOnly(BoundQuery query) {
  if (query.visible == query.plan->columns.size()) return std::move(query.plan);
  std::vector<std::size_t> columns(query.visible);
  for (std::size_t i = 0; i < columns.size(); ++i) columns[i] = i;
  return MakePick(std::move(query.plan), columns);
}

AggregateCall CountAll() {
  AggregateCall call;
  call.kind = AggregateKind::kCountAll;
  call.result = TypeId::kInt8;
  return call;
}

PlanPtr MakeGlobal(PlanPtr input, std::vector<AggregateCall> calls) {
  PlanPtr plan = MakePlan(PlanKind::kAggregate);
  for (const AggregateCall& call : calls) plan->columns.push_back({"", call.result});
  plan->aggregates = std::move(calls);
  plan->inputs.push_back(std::move(input));
  return plan;
}

// True if the plan has exactly one row, whatever its input.
bool IsOneRow(const Plan& plan) {
  if (plan.kind == PlanKind::kProject) return IsOneRow(*plan.inputs[0]);
  if (plan.kind == PlanKind::kValues) return plan.rows.size() == 1;
  return plan.kind == PlanKind::kAggregate && plan.expressions.empty();
}

// The level's own columns become outer columns of level 1, those of outer levels one more.
void PushDown(ExprPtr& root) {
  WalkMutable(root, [](ExprPtr& expr) {
    if (expr->kind == ExprKind::kColumn) {
      expr->kind = ExprKind::kOuter;
      expr->level = 1;
    } else if (expr->kind == ExprKind::kOuter) {
      ++expr->level;
    }
    return true;
  });
}

}  // namespace

Parsed<PlanPtr> Binder::Subquery(const Node& select, Level& level) {
  HG_ASSIGN_OR_RETURN(BoundQuery query, Query(select, &level));
  return VisibleOnly(std::move(query));
}

Checked Binder::Where(const Node& condition, Level& level, PlanPtr& plan) {
  if (!condition) return {};
  // Temporal filters first: they keep rows, the others then go below them (rewrite.cc).
  const bool both = condition.Is("BoolExpr") && condition.body()["boolop"].text() == "AND_EXPR";
  for (const bool clock : {true, false}) {
    if (!both && NamesClock(condition) == clock) return WherePart(condition, level, plan);
    for (const Node& part : condition.body()["args"].items()) {
      if (both && NamesClock(part) == clock) HG_RETURN_IF_ERROR(Where(part, level, plan));
    }
  }
  return {};
}

Checked Binder::WherePart(const Node& condition, Level& level, PlanPtr& plan) {
  if (options_.expiry && NamesClock(condition)) return Expiry(condition, level, plan);
  HG_ASSIGN_OR_RETURN(const bool joined, SemiJoin(condition, level, plan));
  if (joined) return {};
  HG_ASSIGN_OR_RETURN(ExprPtr expr, Condition(condition, level, "argument of WHERE"));
  Attach(level, plan, expr);
  plan = MakeFilter(std::move(plan), std::move(expr));
  return {};
}

// True if the condition was a subquery's test by itself and is now a join.
Parsed<bool> Binder::SemiJoin(const Node& condition, Level& level, PlanPtr& plan) {
  const bool negated = condition.Is("BoolExpr") && condition.body()["boolop"].text() == "NOT_EXPR";
  const Node* link = LinkOf(negated ? condition.body()["args"].at(0) : condition);
  if (link == nullptr) return false;
  const std::string_view type = (*link)["subLinkType"].text();
  if (type == "EXISTS_SUBLINK") {
    HG_RETURN_IF_ERROR(ExistsJoin(*link, negated, level, plan));
    return true;
  }
  // x = ANY (...) and its negation; x <> ALL (...) is the negation too.
  if (type == "ANY_SUBLINK" && IsEquality(*link)) {
    HG_RETURN_IF_ERROR(InJoin(*link, negated, level, plan));
    return true;
  }
  return false;
}

Checked Binder::ExistsJoin(const Node& link, bool negated, Level& level, PlanPtr& plan) {
  HG_ASSIGN_OR_RETURN(PlanPtr sub, Subquery(link["subselect"], level));
  plan = MakeJoin(negated ? JoinKind::kAnti : JoinKind::kSemi, std::move(plan), std::move(sub), nullptr);
  plan->dependent = true;
  return {};
}

Checked Binder::InJoin(const Node& link, bool negated, Level& level, PlanPtr& plan) {
  if (negated) HG_RETURN_IF_ERROR(AddNullRule(link, level, plan));
  HG_ASSIGN_OR_RETURN(PlanPtr sub, Subquery(link["subselect"], level));
  std::vector<Node> one;
  const auto& left = LeftSide(link, one);
  if (left.size() != sub->columns.size())
    return Problem{sub->columns.size() < left.size() ? "subquery has too few columns" : "subquery has too many columns",
                   link.location(), ""};
  std::vector<ExprPtr> values;
  for (const Node& node : left) {
    HG_ASSIGN_OR_RETURN(ExprPtr value, Expression(node, level));
    Attach(level, plan, value);
    values.push_back(std::move(value));
  }
  ExprPtr condition;
  for (std::size_t i = 0; i < values.size(); ++i) {
    ExprPtr other = MakeColumn(plan->columns.size() + i, sub->columns[i].type, link.location());
    HG_ASSIGN_OR_RETURN(ExprPtr equal, BinaryOf("=", std::move(values[i]), std::move(other), link.location()));
    condition = Conjunction(std::move(condition), std::move(equal));
  }
  plan = MakeJoin(negated ? JoinKind::kAnti : JoinKind::kSemi, std::move(plan), std::move(sub), std::move(condition));
  plan->dependent = true;
  return {};
}

// x NOT IN (SELECT y): an anti join keeps too much. A row stays only if the set is empty, or x is not NULL and no y is.
Checked Binder::AddNullRule(const Node& link, Level& level, PlanPtr& plan) {
  std::vector<Node> one;
  const auto& left = LeftSide(link, one);
  if (left.size() != 1)
    return Problem{"NOT IN over several columns is not supported", link.location(),
                   "Write NOT EXISTS with the conditions."};
  HG_ASSIGN_OR_RETURN(PlanPtr sub, Subquery(link["subselect"], level));
  if (sub->columns.size() != 1) return Problem{"subquery has too many columns", link.location(), ""};
  AggregateCall known;
  known.kind = AggregateKind::kCount;
  known.result = TypeId::kInt8;
  known.arguments.push_back(ColumnOf(*sub, 0));
  std::vector<AggregateCall> calls;
  calls.push_back(CountAll());
  calls.push_back(std::move(known));
  const std::size_t width = plan->columns.size();
  plan = MakeJoin(JoinKind::kInner, std::move(plan), MakeGlobal(std::move(sub), std::move(calls)), nullptr);
  plan->dependent = true;
  const auto count = [&](std::size_t i) { return MakeColumn(width + i, TypeId::kInt8, link.location()); };
  HG_ASSIGN_OR_RETURN(ExprPtr value, Expression(left[0], level));
  Attach(level, plan, value);
  HG_ASSIGN_OR_RETURN(
      ExprPtr empty, BinaryOf("=", count(0), MakeConstant(TypeId::kInt8, Datum::Of(std::int64_t{0})), link.location()));
  HG_ASSIGN_OR_RETURN(ExprPtr no_null, BinaryOf("=", count(0), count(1), link.location()));
  std::vector<ExprPtr> test;
  test.push_back(std::move(value));
  ExprPtr given = MakeNode(ExprKind::kIsNotNull, TypeId::kBool, std::move(test));
  std::vector<ExprPtr> either;
  either.push_back(std::move(empty));
  either.push_back(Conjunction(std::move(given), std::move(no_null)));
  plan = MakeFilter(std::move(plan), MakeNode(ExprKind::kOr, TypeId::kBool, std::move(either)));
  return {};
}

Parsed<ExprPtr> Binder::AddScalar(PlanPtr plan, Type type, Level& level, std::uint32_t location) {
  ExprPtr reference = MakeNode(ExprKind::kSubquery, type, {}, location);
  reference->column = level.subqueries.size();
  level.subqueries.push_back({std::move(plan), type, std::nullopt});
  return reference;
}

Parsed<ExprPtr> Binder::SubLink(const Node& link, Level& level) {
  const std::uint32_t location = link.location();
  if (!level.no_subqueries.empty())
    return Problem{"subqueries are not supported in " + level.no_subqueries, location, "Use a subquery in FROM."};
  if (level.inside_aggregate)
    return Problem{"subqueries are not supported inside an aggregate", location,
                   "Compute the value in a subquery in FROM."};
  const std::string_view type = link["subLinkType"].text();
  if (type == "EXISTS_SUBLINK") {
    HG_ASSIGN_OR_RETURN(PlanPtr sub, Subquery(link["subselect"], level));
    std::vector<AggregateCall> calls;
    calls.push_back(CountAll());
    PlanPtr counted = MakeGlobal(std::move(sub), std::move(calls));
    HG_ASSIGN_OR_RETURN(ExprPtr some, BinaryOf(">", ColumnOf(*counted, 0),
                                               MakeConstant(TypeId::kInt8, Datum::Of(std::int64_t{0})), location));
    std::vector<ExprPtr> expressions;
    expressions.push_back(std::move(some));
    return AddScalar(MakeProject(std::move(counted), std::move(expressions), {"exists"}), TypeId::kBool, level,
                     location);
  }
  if (type == "ANY_SUBLINK" || type == "ALL_SUBLINK") return InScalar(link, level);
  if (type == "EXPR_SUBLINK" || type == "ARRAY_SUBLINK") {
    HG_ASSIGN_OR_RETURN(BoundQuery query, Query(link["subselect"], &level));
    if (query.visible != 1) return Problem{"subquery must return only one column", location, ""};
    AggregateCall call;
    call.arguments.push_back(ColumnOf(*query.plan, 0));
    if (type == "ARRAY_SUBLINK") {
      if (query.order.empty())
        return Problem{"ARRAY(SELECT ...) needs an ORDER BY inside", location, "Its order has to be told."};
      call.kind = AggregateKind::kArrayAgg;
      call.result = query.plan->columns[0].type.ArrayOf();
      for (const SortKey& key : query.order) call.order.push_back({ColumnOf(*query.plan, key.column), key.order});
      ExprPtr empty = MakeNode(ExprKind::kArray, call.result, {});
      std::vector<AggregateCall> calls;
      calls.push_back(std::move(call));
      PlanPtr plan = MakeGlobal(std::move(query.plan), std::move(calls));
      std::vector<ExprPtr> either;
      either.push_back(ColumnOf(*plan, 0));
      either.push_back(std::move(empty));
      std::vector<ExprPtr> expressions;
      const Type result = plan->columns[0].type;
      expressions.push_back(MakeNode(ExprKind::kCoalesce, result, std::move(either)));
      return AddScalar(MakeProject(std::move(plan), std::move(expressions), {"array"}), result, level, location);
    }
    const Type result = query.plan->columns[0].type;
    PlanPtr plan = VisibleOnly(std::move(query));
    if (!IsOneRow(*plan)) {
      call.kind = AggregateKind::kSingle;
      call.result = result;
      std::vector<AggregateCall> calls;
      calls.push_back(std::move(call));
      plan = MakeGlobal(std::move(plan), std::move(calls));
    }
    return AddScalar(std::move(plan), result, level, location);
  }
  return Problem{"this kind of subquery is not supported", location, ""};
}

// x op ANY|ALL (SELECT y) anywhere: over the rows, how many tests are true, how many are NULL.
Parsed<ExprPtr> Binder::InScalar(const Node& link, Level& level) {
  const std::uint32_t location = link.location();
  const bool all = link["subLinkType"].text() == "ALL_SUBLINK";
  const auto& op = link["operName"].items();
  const std::string_view name = op.empty() ? "=" : op.back().name();
  HG_ASSIGN_OR_RETURN(PlanPtr sub, Subquery(link["subselect"], level));
  std::vector<Node> one;
  const auto& left = LeftSide(link, one);
  if (left.size() != sub->columns.size())
    return Problem{sub->columns.size() < left.size() ? "subquery has too few columns" : "subquery has too many columns",
                   location, ""};
  if (left.size() > 1 && name != "=")
    return Problem{"several columns are compared with = ANY only", location, "Write EXISTS with the conditions."};
  ExprPtr test;
  for (std::size_t i = 0; i < left.size(); ++i) {
    HG_ASSIGN_OR_RETURN(ExprPtr value, Expression(left[i], level));
    bool nested = false;
    Walk(*value, [&](const Expr& e) {
      nested = nested || e.kind == ExprKind::kSubquery || e.kind == ExprKind::kAggregate || e.kind == ExprKind::kWindow;
      return true;
    });
    if (nested)
      return Problem{"this comparison with a subquery is not supported", location,
                     "Compute the left side in a subquery in FROM."};
    PushDown(value);
    HG_ASSIGN_OR_RETURN(ExprPtr part, BinaryOf(name, std::move(value), ColumnOf(*sub, i), location));
    test = Conjunction(std::move(test), std::move(part));
  }
  // For ALL: a false test decides.
  std::vector<ExprPtr> tested;
  tested.push_back(Clone(*test));
  AggregateCall decided = CountAll();
  decided.filter = MakeNode(all ? ExprKind::kIsFalse : ExprKind::kIsTrue, TypeId::kBool, std::move(tested));
  tested.clear();
  tested.push_back(std::move(test));
  AggregateCall unknown = CountAll();
  unknown.filter = MakeNode(ExprKind::kIsNull, TypeId::kBool, std::move(tested));
  std::vector<AggregateCall> calls;
  calls.push_back(std::move(decided));
  calls.push_back(std::move(unknown));
  PlanPtr counted = MakeGlobal(std::move(sub), std::move(calls));
  const auto some = [&](std::size_t i) {
    return BinaryOf(">", ColumnOf(*counted, i), MakeConstant(TypeId::kInt8, Datum::Of(std::int64_t{0})), location);
  };
  std::vector<ExprPtr> cases;
  HG_ASSIGN_OR_RETURN(ExprPtr any_decided, some(0));
  HG_ASSIGN_OR_RETURN(ExprPtr any_unknown, some(1));
  cases.push_back(std::move(any_decided));
  cases.push_back(MakeBool(!all));
  cases.push_back(std::move(any_unknown));
  cases.push_back(MakeConstant(TypeId::kBool, Datum::Null()));
  cases.push_back(MakeBool(all));
  std::vector<ExprPtr> expressions;
  expressions.push_back(MakeNode(ExprKind::kCase, TypeId::kBool, std::move(cases)));
  return AddScalar(MakeProject(std::move(counted), std::move(expressions), {"?column?"}), TypeId::kBool, level,
                   location);
}

void Binder::Attach(Level& level, PlanPtr& plan, ExprPtr& root) {
  if (!root) return;
  WalkMutable(root, [&](ExprPtr& expr) {
    if (expr->kind != ExprKind::kSubquery) return true;
    PendingSubquery& pending = level.subqueries[expr->column];
    if (!pending.column) {
      pending.column = plan->columns.size();
      plan = MakeJoin(JoinKind::kInner, std::move(plan), std::move(pending.plan), nullptr);
      plan->dependent = true;
    }
    expr = MakeColumn(*pending.column, pending.type, expr->location);
    return true;
  });
}

}  // namespace headgate::sql
