#include <algorithm>

#include "core/sql/binder.h"

// GROUP BY and window functions: what stands above them is told in terms of their columns.
namespace headgate::sql {

Checked Binder::Groups(const Node& select, Level& level, Draft& draft) {
  if (select["groupDistinct"].flag()) return Problem{"GROUP BY DISTINCT is not supported", 0, ""};
  for (const Node& item : select["groupClause"].items()) {
    if (item.Is("GroupingSet"))
      return Problem{"GROUPING SETS, ROLLUP and CUBE are not supported", item.body().location(),
                     "Use one view a grouping."};
    ExprPtr expr;
    if (const auto position = Position(item)) {
      if (*position < 1 || *position > static_cast<std::int64_t>(draft.outputs.size()))
        return Problem{"GROUP BY position " + std::to_string(*position) + " is not in select list",
                       item.body().location(), ""};
      expr = Clone(*draft.outputs[static_cast<std::size_t>(*position) - 1].expr);
    } else {
      const std::string name = PlainName(item);
      const bool column = !name.empty() && std::ranges::any_of(level.scope, [&](const ScopeColumn& c) {
        return c.name == name && !c.merged;
      });
      const auto output = std::ranges::find(draft.outputs, name, &Output::name);
      if (!name.empty() && !column && output != draft.outputs.end()) {
        expr = Clone(*output->expr);
      } else {
        level.no_aggregates = level.no_windows = "GROUP BY";
        auto bound = Expression(item, level);
        level.no_aggregates = level.no_windows = "";
        HG_RETURN_IF_ERROR(bound);
        expr = std::move(*bound);
      }
    }
    HG_RETURN_IF_ERROR(Defaults(expr));
    bool nested = false;
    Walk(*expr, [&](const Expr& e) {
      nested = nested || e.kind == ExprKind::kAggregate || e.kind == ExprKind::kWindow;
      return true;
    });
    if (nested) return Problem{"aggregate functions are not allowed in GROUP BY", item.body().location(), ""};
    const bool known = std::ranges::any_of(draft.groups, [&](const ExprPtr& group) { return Same(*group, *expr); });
    if (!known) draft.groups.push_back(std::move(expr));
  }
  return {};
}

namespace {

// Rewrites expressions over a grouping's input as ones over its output: groups, aggregates, then the columns that the
// groups determine.
class AboveGroups {
 public:
  AboveGroups(const Plan& input, const std::vector<ExprPtr>& groups, std::size_t aggregates, Level& level)
      : input_(input), groups_(groups), aggregates_(aggregates), level_(level) {}

  void Rewrite(ExprPtr& root) {
    if (!root) return;
    WalkMutable(root, [&](ExprPtr& expr) { return Visit(expr); });
  }

  // Input columns that have to become groups too.
  const std::vector<std::size_t>& determined() const { return determined_; }
  const std::optional<Problem>& problem() const { return problem_; }

 private:
  bool Visit(ExprPtr& expr) {
    if (const auto group = GroupOf(*expr)) {
      expr = MakeColumn(*group, expr->type, expr->location);
      return false;
    }
    if (expr->kind == ExprKind::kAggregate) {
      expr = MakeColumn(groups_.size() + expr->column, expr->type, expr->location);
      return false;
    }
    if (expr->kind == ExprKind::kSubquery) {
      VisitOuter(*level_.subqueries[expr->column].plan, 1, [&](Expr& outer) { Outer(outer); });
      return false;
    }
    if (expr->kind != ExprKind::kColumn) return true;
    if (IsDetermined(expr->column)) {
      const auto place = std::ranges::find(determined_, expr->column);
      const auto index = static_cast<std::size_t>(place - determined_.begin());
      if (place == determined_.end()) determined_.push_back(expr->column);
      expr = MakeColumn(groups_.size() + aggregates_ + index, expr->type, expr->location);
      return false;
    }
    Note({"column \"" + input_.columns[expr->column].name +
              "\" must appear in the GROUP BY clause or be used in an aggregate function",
          expr->location, ""});
    return true;
  }

  void Outer(Expr& outer) {
    const ExprPtr column = MakeColumn(outer.column, outer.type);
    if (const auto group = GroupOf(*column)) {
      outer.column = *group;
    } else {
      Note({"subquery uses ungrouped column \"" + input_.columns[outer.column].name + "\" from outer query",
            outer.location, "Group by it, or aggregate it."});
    }
  }

  std::optional<std::size_t> GroupOf(const Expr& expr) const {
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      if (Same(*groups_[i], expr)) return i;
    }
    return std::nullopt;
  }

  // A column that the groups determine, for they hold a key of its relation.
  bool IsDetermined(std::size_t column) const {
    const auto key = OriginKey(input_, column);
    return key && std::ranges::all_of(*key, [&](std::size_t part) {
             return std::ranges::any_of(groups_, [&](const ExprPtr& group) {
               return group->kind == ExprKind::kColumn && group->column == part;
             });
           });
  }

  void Note(Problem problem) {
    if (!problem_) problem_ = std::move(problem);
  }

  const Plan& input_;
  const std::vector<ExprPtr>& groups_;
  std::size_t aggregates_;
  Level& level_;
  std::vector<std::size_t> determined_;
  std::optional<Problem> problem_;
};

PlanPtr MakeGrouping(PlanPtr input, const std::vector<ExprPtr>& groups, std::vector<AggregateCall> aggregates,
                     const std::vector<std::size_t>& determined) {
  PlanPtr plan = MakePlan(PlanKind::kAggregate);
  std::vector<std::size_t> order;  // determined columns are groups, and stand behind the aggregates
  for (const ExprPtr& group : groups) {
    order.push_back(plan->columns.size());
    plan->columns.push_back({group->kind == ExprKind::kColumn ? input->columns[group->column].name : "", group->type});
    plan->expressions.push_back(Clone(*group));
  }
  for (const std::size_t column : determined) {
    plan->columns.push_back(input->columns[column]);
    plan->expressions.push_back(ColumnOf(*input, column));
  }
  for (const AggregateCall& call : aggregates) {
    order.push_back(plan->columns.size());
    plan->columns.push_back({"", call.result});
  }
  for (std::size_t i = 0; i < determined.size(); ++i) order.push_back(groups.size() + i);
  plan->aggregates = std::move(aggregates);
  plan->inputs.push_back(std::move(input));
  return determined.empty() ? std::move(plan) : MakePick(std::move(plan), order);
}

}  // namespace

// The grouping, and everything above it in terms of its columns.
Checked Binder::Grouped(Level& level, Draft& draft) {
  for (ExprPtr& group : draft.groups) Attach(level, draft.plan, group);
  AboveGroups above(*draft.plan, draft.groups, level.aggregates.size(), level);
  above.Rewrite(draft.having);
  for (Output& output : draft.outputs) above.Rewrite(output.expr);
  for (AggregateOrder& key : draft.order) above.Rewrite(key.expr);
  for (ExprPtr& expr : draft.distinct_on) above.Rewrite(expr);
  for (PendingWindow& window : level.windows) {
    for (ExprPtr& expr : window.partition) above.Rewrite(expr);
    for (AggregateOrder& key : window.order) above.Rewrite(key.expr);
    above.Rewrite(window.argument);
    above.Rewrite(window.fallback);
  }
  if (above.problem()) return *above.problem();
  const std::vector<std::size_t> determined = above.determined();
  draft.plan = MakeGrouping(std::move(draft.plan), draft.groups, std::move(level.aggregates), determined);
  if (!draft.having) return {};
  Attach(level, draft.plan, draft.having);
  draft.plan = MakeFilter(std::move(draft.plan), std::move(draft.having));
  return {};
}

namespace {

// Adds the expression as a column of a projection over all that is there, unless it is a column already.
std::size_t AddColumn(std::vector<ExprPtr>& more, const Plan& plan, ExprPtr expr) {
  if (expr->kind == ExprKind::kColumn) return expr->column;
  for (std::size_t i = 0; i < more.size(); ++i) {
    if (Same(*more[i], *expr)) return plan.columns.size() + i;
  }
  more.push_back(std::move(expr));
  return plan.columns.size() + more.size() - 1;
}

PlanPtr WithColumns(PlanPtr plan, std::vector<ExprPtr> more) {
  if (more.empty()) return plan;
  std::vector<ExprPtr> expressions;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < plan->columns.size(); ++i) {
    expressions.push_back(ColumnOf(*plan, i));
    names.push_back(plan->columns[i].name);
  }
  for (ExprPtr& expr : more) {
    expressions.push_back(std::move(expr));
    names.emplace_back();
  }
  return MakeProject(std::move(plan), std::move(expressions), std::move(names));
}

}  // namespace

// Window functions see the rows after grouping; what they need become columns, then each adds one.
Checked Binder::Windows(Level& level, Draft& draft) {
  if (level.windows.empty()) return {};
  std::vector<ExprPtr> more;
  std::vector<WindowCall> calls;
  for (PendingWindow& window : level.windows) {
    WindowCall call;
    call.kind = window.kind;
    call.offset = window.offset;
    call.result = window.type;
    for (ExprPtr& expr : window.partition) call.partition.push_back(AddColumn(more, *draft.plan, std::move(expr)));
    for (AggregateOrder& key : window.order)
      call.order.push_back({AddColumn(more, *draft.plan, std::move(key.expr)), key.order});
    if (window.argument) call.argument = AddColumn(more, *draft.plan, std::move(window.argument));
    if (window.fallback) call.fallback = AddColumn(more, *draft.plan, std::move(window.fallback));
    calls.push_back(std::move(call));
  }
  draft.plan = WithColumns(std::move(draft.plan), std::move(more));
  const std::size_t width = draft.plan->columns.size();
  for (WindowCall& call : calls) {
    PlanPtr plan = MakePlan(PlanKind::kWindow);
    plan->columns = draft.plan->columns;
    plan->columns.push_back({"", call.result});
    plan->window = std::move(call);
    plan->inputs.push_back(std::move(draft.plan));
    draft.plan = std::move(plan);
  }
  const auto replace = [&](ExprPtr& root) {
    WalkMutable(root, [&](ExprPtr& expr) {
      if (expr->kind != ExprKind::kWindow) return true;
      expr = MakeColumn(width + expr->column, expr->type, expr->location);
      return false;
    });
  };
  for (Output& output : draft.outputs) replace(output.expr);
  for (AggregateOrder& key : draft.order) {
    if (key.expr) replace(key.expr);
  }
  for (ExprPtr& expr : draft.distinct_on) replace(expr);
  return {};
}

}  // namespace headgate::sql
