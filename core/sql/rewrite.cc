#include <algorithm>
#include <limits>
#include <optional>

#include "core/sql/multi_join.h"

// Rewrites that hold for any data: conditions move towards the scans, inner joins together.
namespace headgate::sql {
namespace {

struct Reach {
  bool left = false;
  bool right = false;
};
// Which side of a join the expression reads.
Reach ReachOf(const Expr& root, std::size_t left) {
  Reach reach;
  Walk(root, [&](const Expr& expr) {
    if (expr.kind == ExprKind::kColumn) (expr.column < left ? reach.left : reach.right) = true;
    return true;
  });
  return reach;
}

void ShiftDown(ExprPtr& root, std::size_t by) {
  WalkMutable(root, [&](ExprPtr& expr) {
    if (expr->kind == ExprKind::kColumn) expr->column -= by;
    return true;
  });
}

// Whether the expression reads columns, and only these.
bool ReadsOnly(const Expr& root, const std::vector<std::size_t>& columns) {
  bool any = false;
  bool only = true;
  Walk(root, [&](const Expr& expr) {
    if (expr.kind != ExprKind::kColumn) return true;
    any = true;
    only = only && std::ranges::find(columns, expr.column) != columns.end();
    return true;
  });
  return any && only;
}

// The integer that an expression without columns stands for.
std::optional<std::int64_t> IntegerOf(const Expr& expr) {
  if (!expr.type.Is(TypeId::kInt2) && !expr.type.Is(TypeId::kInt4) && !expr.type.Is(TypeId::kInt8)) return std::nullopt;
  if (expr.kind == ExprKind::kConstant) return expr.constant.null ? std::nullopt : std::optional(expr.constant.i);
  const bool cast = expr.kind == ExprKind::kCall && expr.arguments.size() == 1;
  return cast && expr.function != nullptr && expr.function->name == std::string_view("cast")
             ? IntegerOf(*expr.arguments[0])
             : std::nullopt;
}

// The largest value of the column that a comparison with a constant lets through.
std::optional<std::int64_t> MostOf(const Expr& condition, std::size_t column) {
  if (condition.kind != ExprKind::kCall || condition.arguments.size() != 2) return std::nullopt;
  const auto is_column = [&](const Expr& side) { return side.kind == ExprKind::kColumn && side.column == column; };
  const bool turned = is_column(*condition.arguments[1]);
  if (!turned && !is_column(*condition.arguments[0])) return std::nullopt;
  const auto value = IntegerOf(*condition.arguments[turned ? 0 : 1]);
  const std::string_view name = condition.function->name;
  if (!value) return std::nullopt;
  if (name == "=" || name == (turned ? ">=" : "<=")) return *value;
  if (name == (turned ? ">" : "<") && *value > std::numeric_limits<std::int64_t>::min()) return *value - 1;
  return std::nullopt;
}

class Rewriter {
 public:
  // The plan with these conditions above it, pushed down.
  PlanPtr Push(PlanPtr plan, std::vector<ExprPtr> conditions) {
    switch (plan->kind) {
      case PlanKind::kFilter: {
        for (ExprPtr& part : Conjuncts(std::move(plan->condition))) conditions.push_back(std::move(part));
        PlanPtr input = std::move(plan->inputs[0]);
        return Push(std::move(input), std::move(conditions));
      }
      case PlanKind::kProject:
      case PlanKind::kAggregate:
        return PushThrough(std::move(plan), std::move(conditions));
      case PlanKind::kJoin:
      case PlanKind::kTemporal:
        return PushJoin(std::move(plan), std::move(conditions));
      case PlanKind::kSetOp: {
        for (PlanPtr& input : plan->inputs) {
          std::vector<ExprPtr> copies;
          for (const ExprPtr& condition : conditions) copies.push_back(Clone(*condition));
          input = Push(std::move(input), std::move(copies));
        }
        return plan;
      }
      case PlanKind::kWindow:
        return PushWindow(std::move(plan), std::move(conditions));
      case PlanKind::kDistinct:
      case PlanKind::kExpire:
        plan->inputs[0] = Push(std::move(plan->inputs[0]), std::move(conditions));
        return plan;
      default:
        return Stop(std::move(plan), std::move(conditions));
    }
  }

 private:
  PlanPtr Stop(PlanPtr plan, std::vector<ExprPtr> conditions) {
    for (PlanPtr& input : plan->inputs) input = Push(std::move(input), {});
    return Above(std::move(plan), std::move(conditions));
  }

  static PlanPtr Above(PlanPtr plan, std::vector<ExprPtr> conditions) {
    ExprPtr all;
    for (ExprPtr& condition : conditions) all = Conjunction(std::move(all), std::move(condition));
    return MakeFilter(std::move(plan), std::move(all));
  }

  // Past a node whose expressions come first among its columns: conditions over columns that it passes through go
  // below, so nothing is computed twice. Without any column a condition stays: a global aggregate has a row whatever
  // its input.
  PlanPtr PushThrough(PlanPtr plan, std::vector<ExprPtr> conditions) {
    std::vector<ExprPtr> below;
    std::vector<ExprPtr> above;
    for (ExprPtr& condition : conditions) {
      bool passes = true;
      bool any = false;
      Walk(*condition, [&](const Expr& expr) {
        if (expr.kind == ExprKind::kColumn) {
          any = true;
          passes = passes && expr.column < plan->expressions.size() &&
                   plan->expressions[expr.column]->kind == ExprKind::kColumn;
        }
        return true;
      });
      if (!passes || !any) {
        above.push_back(std::move(condition));
        continue;
      }
      WalkMutable(condition, [&](ExprPtr& expr) {
        if (expr->kind == ExprKind::kColumn) expr->column = plan->expressions[expr->column]->column;
        return true;
      });
      below.push_back(std::move(condition));
    }
    plan->inputs[0] = Push(std::move(plan->inputs[0]), std::move(below));
    return Above(std::move(plan), std::move(above));
  }

  // What is said of whole partitions goes below. Of row numbers the largest that is asked for is noted, so that nobody
  // numbers the rows behind it.
  PlanPtr PushWindow(PlanPtr plan, std::vector<ExprPtr> conditions) {
    WindowCall& window = plan->window;
    std::vector<ExprPtr> below;
    std::vector<ExprPtr> above;
    for (ExprPtr& condition : conditions) {
      if (ReadsOnly(*condition, window.partition)) {
        below.push_back(std::move(condition));
        continue;
      }
      const auto most =
          window.kind == WindowKind::kRowNumber ? MostOf(*condition, plan->columns.size() - 1) : std::nullopt;
      if (most) window.first = std::min(window.first.value_or(*most), *most);
      above.push_back(std::move(condition));
    }
    plan->inputs[0] = Push(std::move(plan->inputs[0]), std::move(below));
    return Above(std::move(plan), std::move(above));
  }

  PlanPtr PushJoin(PlanPtr plan, std::vector<ExprPtr> conditions) {
    const std::size_t left = plan->inputs[0]->columns.size();
    const JoinKind kind = plan->join;
    const bool semi = kind == JoinKind::kSemi || kind == JoinKind::kAnti;
    std::vector<ExprPtr> to_left;
    std::vector<ExprPtr> to_right;
    std::vector<ExprPtr> here;  // in the join's condition
    std::vector<ExprPtr> above;
    for (ExprPtr& condition : conditions) {
      const Reach reach = ReachOf(*condition, left);
      const bool left_only = reach.left && !reach.right;
      const bool right_only = reach.right && !reach.left;
      if (left_only && (kind == JoinKind::kInner || kind == JoinKind::kLeft || semi)) {
        to_left.push_back(std::move(condition));
      } else if (right_only && (kind == JoinKind::kInner || kind == JoinKind::kRight) &&
                 plan->kind == PlanKind::kJoin) {
        ShiftDown(condition, left);
        to_right.push_back(std::move(condition));
      } else if (kind == JoinKind::kInner && plan->kind == PlanKind::kJoin && reach.left && reach.right) {
        here.push_back(std::move(condition));
      } else {
        above.push_back(std::move(condition));
      }
    }
    for (ExprPtr& condition : Conjuncts(std::move(plan->condition))) {
      const Reach reach = ReachOf(*condition, left);
      const bool temporal = plan->kind == PlanKind::kTemporal;
      if (!temporal && reach.right && !reach.left && (kind == JoinKind::kInner || kind == JoinKind::kLeft || semi)) {
        ShiftDown(condition, left);
        to_right.push_back(std::move(condition));
      } else if (reach.left && !reach.right &&
                 (kind == JoinKind::kInner || kind == JoinKind::kRight || kind == JoinKind::kSemi)) {
        to_left.push_back(std::move(condition));
      } else {
        here.push_back(std::move(condition));
      }
    }
    plan->condition = nullptr;
    for (ExprPtr& condition : here) plan->condition = Conjunction(std::move(plan->condition), std::move(condition));
    plan->inputs[0] = Push(std::move(plan->inputs[0]), std::move(to_left));
    plan->inputs[1] = Push(std::move(plan->inputs[1]), std::move(to_right));
    return Above(std::move(plan), std::move(above));
  }
};

}  // namespace

PlanPtr Rewrite(PlanPtr plan) { return JoinTogether(Rewriter().Push(std::move(plan), {})); }

}  // namespace headgate::sql
