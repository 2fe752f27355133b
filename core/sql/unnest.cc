#include <algorithm>
#include <functional>

#include "core/sql/binder.h"

// Dependent joins become plain joins, after Neumann and Kemper, "Unnesting Arbitrary Queries" (BTW 2015): the right
// side is computed for the distinct values D of the left columns that it names, and joined back on them.
//
//   left ⋈dep right(left.x)   ->   left ⋈ (D ⋈ right) on left.x IS NOT DISTINCT FROM D.x,   D = distinct left.x
//
// D is pushed down through the right side to where its values are used; every node on the way carries the columns of D
// behind its own.
namespace headgate::sql {
namespace {

// What the right side of one dependent join is computed for.
struct Domain {
  const Plan* left = nullptr;
  std::vector<std::size_t> columns;  // of the left side, ascending

  std::size_t width() const { return columns.size(); }
  std::size_t Place(std::size_t column) const {
    return static_cast<std::size_t>(std::ranges::find(columns, column) - columns.begin());
  }
};

PlanPtr CloneDomain(const Domain& domain);

// While one dependent join is turned, the columns of its left side are outer columns of this level in its right side.
constexpr std::size_t kThis = 0;

bool IsCorrelated(Plan& plan) {
  bool found = false;
  VisitOuter(plan, kThis, [&](Expr&) { found = true; });
  return found;
}

// The domain's values become columns that start at `base`.
void Replace(ExprPtr& root, const Domain& domain, std::size_t base) {
  if (!root) return;
  WalkMutable(root, [&](ExprPtr& expr) {
    if (expr->kind != ExprKind::kOuter || expr->level != kThis) return true;
    expr = MakeColumn(base + domain.Place(expr->column), expr->type, expr->location);
    return true;
  });
}

// Columns from `from` on move by `by`.
void ShiftColumns(ExprPtr& root, std::size_t from, std::size_t by) {
  if (!root) return;
  WalkMutable(root, [&](ExprPtr& expr) {
    if (expr->kind == ExprKind::kColumn && expr->column >= from) expr->column += by;
    return true;
  });
}

ExprPtr NotDistinct(ExprPtr a, ExprPtr b) {
  const Type types[] = {a->type, b->type};
  const auto equal = ChooseOverload(FindFunctions("="), types);
  std::vector<ExprPtr> compared;
  compared.push_back(Clone(*a));
  compared.push_back(Clone(*b));
  std::vector<ExprPtr> arguments;
  arguments.push_back(std::move(a));
  arguments.push_back(std::move(b));
  // Types without an equality (json) are equal by their bytes; the operators compare keys anyway.
  arguments.push_back(equal.ok() ? MakeCall(*equal->function, TypeId::kBool, std::move(compared)) : MakeBool(true));
  return MakeNode(ExprKind::kNotDistinct, TypeId::kBool, std::move(arguments));
}

void AddDomainColumns(std::vector<PlanColumn>& columns, const Domain& domain) {
  for (const std::size_t column : domain.columns) columns.push_back(domain.left->columns[column]);
}

class Pusher {
 public:
  explicit Pusher(const Domain& domain) : domain_(domain) {}

  // The plan with the domain's columns behind its own.
  Parsed<PlanPtr> Push(PlanPtr plan) {
    if (!IsCorrelated(*plan)) return MakeJoin(JoinKind::kInner, std::move(plan), CloneDomain(domain_), nullptr);
    switch (plan->kind) {
      case PlanKind::kFilter:
        HG_RETURN_IF_ERROR(PushInput(*plan));
        Replace(plan->condition, domain_, plan->columns.size());
        AddDomainColumns(plan->columns, domain_);
        return plan;
      case PlanKind::kExpire:
        HG_RETURN_IF_ERROR(PushInput(*plan));
        Replace(plan->expressions[0], domain_, plan->columns.size());
        AddDomainColumns(plan->columns, domain_);
        return plan;
      case PlanKind::kProject:
        return PushProject(std::move(plan));
      case PlanKind::kValues:
        return PushValues(std::move(plan));
      case PlanKind::kJoin:
      case PlanKind::kTemporal:
        return PushJoin(std::move(plan));
      case PlanKind::kAggregate:
        return PushAggregate(std::move(plan));
      case PlanKind::kDistinct:
        HG_RETURN_IF_ERROR(PushInput(*plan));
        plan->columns = plan->inputs[0]->columns;
        return plan;
      case PlanKind::kTopK: {
        const std::size_t own = plan->inputs[0]->columns.size();
        HG_RETURN_IF_ERROR(PushInput(*plan));
        for (std::size_t i = 0; i < domain_.width(); ++i) plan->partition.push_back(own + i);
        plan->columns = plan->inputs[0]->columns;
        return plan;
      }
      case PlanKind::kSetOp:
        for (PlanPtr& input : plan->inputs) {
          HG_ASSIGN_OR_RETURN(input, Push(std::move(input)));
        }
        plan->columns = plan->inputs[0]->columns;
        return plan;
      case PlanKind::kWindow:
        return PushWindow(std::move(plan));
      case PlanKind::kUnnest: {
        const std::size_t own = plan->inputs[0]->columns.size();
        const std::size_t added = plan->columns.size() - own;
        HG_RETURN_IF_ERROR(PushInput(*plan));
        for (ExprPtr& expr : plan->expressions) Replace(expr, domain_, own);
        const std::vector<PlanColumn> tail(plan->columns.begin() + static_cast<std::ptrdiff_t>(own),
                                           plan->columns.end());
        plan->columns = plan->inputs[0]->columns;
        plan->columns.insert(plan->columns.end(), tail.begin(), tail.end());
        return BehindDomain(std::move(plan), own, added);
      }
      case PlanKind::kDeltaJoin:  // made of unnested plans
      case PlanKind::kScan:
        break;
    }
    return plan;
  }

 private:
  Checked PushInput(Plan& plan) {
    HG_ASSIGN_OR_RETURN(plan.inputs[0], Push(std::move(plan.inputs[0])));
    return {};
  }

  // [own][domain][added] becomes [own][added][domain].
  PlanPtr BehindDomain(PlanPtr plan, std::size_t own, std::size_t added) {
    std::vector<std::size_t> order = FirstColumns(own);
    for (std::size_t i = 0; i < added; ++i) order.push_back(own + domain_.width() + i);
    for (std::size_t i = 0; i < domain_.width(); ++i) order.push_back(own + i);
    return MakePick(std::move(plan), order);
  }

  Parsed<PlanPtr> PushProject(PlanPtr plan) {
    const std::size_t own = plan->inputs[0]->columns.size();
    HG_RETURN_IF_ERROR(PushInput(*plan));
    for (ExprPtr& expr : plan->expressions) Replace(expr, domain_, own);
    for (std::size_t i = 0; i < domain_.width(); ++i) plan->expressions.push_back(ColumnOf(*plan->inputs[0], own + i));
    AddDomainColumns(plan->columns, domain_);
    return plan;
  }

  // Each row of constants becomes a projection of the domain.
  Parsed<PlanPtr> PushValues(PlanPtr plan) {
    PlanPtr all;
    for (auto& row : plan->rows) {
      PlanPtr domain = CloneDomain(domain_);
      std::vector<std::string> names;
      for (ExprPtr& expr : row) Replace(expr, domain_, 0);
      for (const PlanColumn& column : plan->columns) names.push_back(column.name);
      for (std::size_t i = 0; i < domain_.width(); ++i) {
        row.push_back(ColumnOf(*domain, i));
        names.push_back(domain->columns[i].name);
      }
      PlanPtr one = MakeProject(std::move(domain), std::move(row), std::move(names));
      if (!all) {
        all = std::move(one);
        continue;
      }
      PlanPtr both = MakePlan(PlanKind::kSetOp);
      both->columns = all->columns;
      both->inputs.push_back(std::move(all));
      both->inputs.push_back(std::move(one));
      all = std::move(both);
    }
    return all;
  }

  Parsed<PlanPtr> PushJoin(PlanPtr plan) {
    const std::size_t left = plan->inputs[0]->columns.size();
    const std::size_t right = plan->inputs[1]->columns.size();
    const bool semi = plan->join == JoinKind::kSemi || plan->join == JoinKind::kAnti;
    const bool right_correlated = IsCorrelated(*plan->inputs[1]);
    if (plan->kind == PlanKind::kTemporal && right_correlated)
      return Problem{"a correlated temporal join is not supported", 0, "Move it into a view."};
    if (plan->join == JoinKind::kFull || (plan->join == JoinKind::kRight && !right_correlated))
      return Problem{"a subquery that names outer columns inside a RIGHT or FULL JOIN is not supported", 0,
                     "Compute the join in a view, or write it as a LEFT JOIN."};
    if (plan->join == JoinKind::kRight) {
      // Only the right side may carry the domain alone.
      if (IsCorrelated(*plan->inputs[0]))
        return Problem{"a subquery that names outer columns inside a RIGHT JOIN is not supported", 0,
                       "Write it as a LEFT JOIN."};
      HG_ASSIGN_OR_RETURN(plan->inputs[1], Push(std::move(plan->inputs[1])));
      Replace(plan->condition, domain_, left + right);
      AddDomainColumns(plan->columns, domain_);
      return plan;
    }
    const bool inner = plan->join == JoinKind::kInner;
    if (inner && right_correlated && !IsCorrelated(*plan->inputs[0])) {
      HG_ASSIGN_OR_RETURN(plan->inputs[1], Push(std::move(plan->inputs[1])));
      Replace(plan->condition, domain_, left + right);
      AddDomainColumns(plan->columns, domain_);
      return plan;
    }
    HG_ASSIGN_OR_RETURN(plan->inputs[0], Push(std::move(plan->inputs[0])));
    ShiftColumns(plan->condition, left, domain_.width());
    Replace(plan->condition, domain_, left);
    if (right_correlated) {
      HG_ASSIGN_OR_RETURN(plan->inputs[1], Push(std::move(plan->inputs[1])));
      for (std::size_t i = 0; i < domain_.width(); ++i) {
        const Type type = domain_.left->columns[domain_.columns[i]].type;
        plan->condition =
            Conjunction(std::move(plan->condition),
                        NotDistinct(MakeColumn(left + i, type), MakeColumn(left + domain_.width() + right + i, type)));
      }
    }
    plan->columns = plan->inputs[0]->columns;
    if (semi) return plan;
    plan->columns.insert(plan->columns.end(), plan->inputs[1]->columns.begin(), plan->inputs[1]->columns.end());
    return BehindDomain(std::move(plan), left, right);
  }

  Parsed<PlanPtr> PushAggregate(PlanPtr plan) {
    const std::size_t own = plan->inputs[0]->columns.size();
    const std::size_t groups = plan->expressions.size();
    const std::size_t calls = plan->aggregates.size();
    HG_RETURN_IF_ERROR(PushInput(*plan));
    for (ExprPtr& expr : plan->expressions) Replace(expr, domain_, own);
    for (AggregateCall& call : plan->aggregates) {
      for (ExprPtr& expr : call.arguments) Replace(expr, domain_, own);
      Replace(call.filter, domain_, own);
      for (AggregateOrder& key : call.order) Replace(key.expr, domain_, own);
    }
    std::vector<PlanColumn> columns(plan->columns.begin(), plan->columns.begin() + static_cast<std::ptrdiff_t>(groups));
    for (std::size_t i = 0; i < domain_.width(); ++i) plan->expressions.push_back(ColumnOf(*plan->inputs[0], own + i));
    AddDomainColumns(columns, domain_);
    columns.insert(columns.end(), plan->columns.begin() + static_cast<std::ptrdiff_t>(groups), plan->columns.end());
    plan->columns = std::move(columns);
    if (groups > 0) return BehindDomain(std::move(plan), groups, calls);
    return WithEmptyGroups(std::move(plan));
  }

  // A global aggregate has a row for every value of the domain, also where its input is empty: counts are 0 there.
  PlanPtr WithEmptyGroups(PlanPtr aggregate) {
    const std::size_t width = domain_.width();
    std::vector<AggregateKind> kinds;
    for (const AggregateCall& call : aggregate->aggregates) kinds.push_back(call.kind);
    ExprPtr condition;
    PlanPtr domain = CloneDomain(domain_);
    for (std::size_t i = 0; i < width; ++i) {
      condition = Conjunction(std::move(condition),
                              NotDistinct(ColumnOf(*domain, i), MakeColumn(width + i, domain->columns[i].type)));
    }
    PlanPtr join = MakeJoin(JoinKind::kLeft, std::move(domain), std::move(aggregate), std::move(condition));
    std::vector<ExprPtr> expressions;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      ExprPtr column = ColumnOf(*join, 2 * width + i);
      if (kinds[i] == AggregateKind::kCount || kinds[i] == AggregateKind::kCountAll) {
        std::vector<ExprPtr> either;
        either.push_back(std::move(column));
        either.push_back(MakeConstant(TypeId::kInt8, Datum::Of(std::int64_t{0})));
        column = MakeNode(ExprKind::kCoalesce, TypeId::kInt8, std::move(either));
      }
      expressions.push_back(std::move(column));
      names.push_back(join->columns[2 * width + i].name);
    }
    for (std::size_t i = 0; i < width; ++i) {
      expressions.push_back(ColumnOf(*join, i));
      names.push_back(join->columns[i].name);
    }
    return MakeProject(std::move(join), std::move(expressions), std::move(names));
  }

  Parsed<PlanPtr> PushWindow(PlanPtr plan) {
    const std::size_t own = plan->inputs[0]->columns.size();
    HG_RETURN_IF_ERROR(PushInput(*plan));
    plan->columns = plan->inputs[0]->columns;
    for (std::size_t i = 0; i < domain_.width(); ++i) plan->window.partition.push_back(own + i);
    plan->columns.push_back({"", plan->window.result});
    return BehindDomain(std::move(plan), own, 1);
  }

  const Domain& domain_;
};

PlanPtr CloneDomain(const Domain& domain) {
  PlanPtr distinct = MakePlan(PlanKind::kDistinct);
  distinct->inputs.push_back(MakePick(ClonePlan(*domain.left), domain.columns));
  distinct->columns = distinct->inputs[0]->columns;
  return distinct;
}

// In a condition over (left, right), the right side's columns become what the projection there computes them of.
void Substitute(ExprPtr& condition, const Plan& project, std::size_t left) {
  if (!condition) return;
  WalkMutable(condition, [&](ExprPtr& expr) {
    if (expr->kind != ExprKind::kColumn || expr->column < left) return true;
    expr = Clone(*project.expressions[expr->column - left]);
    ShiftColumns(expr, 0, left);
    return false;
  });
}

// The right side is a filter over something that names nothing outside, as of EXISTS with conditions: the filter moves
// into the join. Where only matches count, projections above it dissolve.
bool MoveCondition(Plan& join) {
  const bool semi = join.join == JoinKind::kSemi || join.join == JoinKind::kAnti;
  const std::size_t left = join.inputs[0]->columns.size();
  while (semi && join.inputs[1]->kind == PlanKind::kProject) {
    Substitute(join.condition, *join.inputs[1], left);
    PlanPtr inner = std::move(join.inputs[1]->inputs[0]);
    join.inputs[1] = std::move(inner);
  }
  ExprPtr moved;
  while (join.inputs[1]->kind == PlanKind::kFilter) {
    moved = Conjunction(std::move(moved), std::move(join.inputs[1]->condition));
    PlanPtr inner = std::move(join.inputs[1]->inputs[0]);
    join.inputs[1] = std::move(inner);
  }
  if (IsCorrelated(*join.inputs[1])) {
    join.inputs[1] = MakeFilter(std::move(join.inputs[1]), std::move(moved));
    return false;
  }
  ShiftColumns(moved, 0, left);
  join.condition = Conjunction(std::move(join.condition), std::move(moved));
  if (!join.condition) return true;
  WalkMutable(join.condition, [&](ExprPtr& expr) {
    if (expr->kind == ExprKind::kOuter && expr->level == kThis)
      expr = MakeColumn(expr->column, expr->type, expr->location);
    return true;
  });
  return true;
}

// The outer columns of the right side: those of the left become kThis, those further out come one closer, as the right
// side now hangs where the left does.
void LowerLevels(Plan& plan) {
  for (std::size_t level = 1; level < 100; ++level) VisitOuter(plan, level, [](Expr& expr) { --expr.level; });
}

Parsed<PlanPtr> UnnestJoin(PlanPtr plan) {
  plan->dependent = false;
  LowerLevels(*plan->inputs[1]);
  const std::size_t left = plan->inputs[0]->columns.size();
  if (MoveCondition(*plan)) return plan;
  Domain domain;
  domain.left = plan->inputs[0].get();
  const auto note = [&](Expr& expr) {
    if (std::ranges::find(domain.columns, expr.column) == domain.columns.end()) domain.columns.push_back(expr.column);
  };
  VisitOuter(*plan->inputs[1], kThis, note);
  if (plan->condition) {
    WalkMutable(plan->condition, [&](ExprPtr& expr) {
      if (expr->kind == ExprKind::kOuter && expr->level == kThis)
        expr = MakeColumn(expr->column, expr->type, expr->location);
      return true;
    });
  }
  std::ranges::sort(domain.columns);
  const std::size_t right = plan->inputs[1]->columns.size();
  HG_ASSIGN_OR_RETURN(plan->inputs[1], Pusher(domain).Push(std::move(plan->inputs[1])));
  for (std::size_t i = 0; i < domain.width(); ++i) {
    const Type type = plan->inputs[0]->columns[domain.columns[i]].type;
    plan->condition = Conjunction(std::move(plan->condition),
                                  NotDistinct(MakeColumn(domain.columns[i], type), MakeColumn(left + right + i, type)));
  }
  if (plan->join == JoinKind::kSemi || plan->join == JoinKind::kAnti) return plan;
  plan->columns = plan->inputs[0]->columns;
  plan->columns.insert(plan->columns.end(), plan->inputs[1]->columns.begin(), plan->inputs[1]->columns.end());
  return MakePick(std::move(plan), FirstColumns(left + right));
}

}  // namespace

Parsed<PlanPtr> Unnest(PlanPtr plan) {
  for (PlanPtr& input : plan->inputs) {
    HG_ASSIGN_OR_RETURN(input, Unnest(std::move(input)));
  }
  if (plan->kind == PlanKind::kJoin && plan->dependent) return UnnestJoin(std::move(plan));
  return plan;
}

}  // namespace headgate::sql
