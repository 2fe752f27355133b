#include "core/sql/multi_join.h"

#include <algorithm>
#include <numeric>

namespace headgate::sql {
namespace {

// More would be many indexes.
constexpr std::size_t kInputsMax = 12;

bool IsInner(const Plan& plan) {
  return plan.kind == PlanKind::kJoin && plan.join == JoinKind::kInner && !plan.dependent;
}

// A filter, or a choice of columns, above an inner join.
bool IsAboveInner(const Plan& plan) {
  if (IsInner(plan)) return true;
  const bool picks = plan.kind == PlanKind::kProject && std::ranges::all_of(plan.expressions, [](const ExprPtr& expr) {
                       return expr->kind == ExprKind::kColumn;
                     });
  return (picks || plan.kind == PlanKind::kFilter) && IsAboveInner(*plan.inputs[0]);
}

void Renumber(ExprPtr& root, const std::vector<std::size_t>& place) {
  WalkMutable(root, [&](ExprPtr& expr) {
    if (expr->kind == ExprKind::kColumn) expr->column = place[expr->column];
    return true;
  });
}

// A tree of inner joins: what it joins, and its conditions over their columns one behind the other.
class InnerTree {
 public:
  explicit InnerTree(PlanPtr root) : columns_(root->columns) { place_ = Take(std::move(root)); }

  // Null if no three inputs are connected.
  PlanPtr Make() {
    Connect();
    std::vector<std::size_t> sizes(inputs_.size());
    for (const std::size_t group : group_) ++sizes[group];
    const std::size_t most = *std::ranges::max_element(sizes);
    if (most < 3 || most > kInputsMax) return nullptr;
    at_.resize(starts_.back());
    taken_.resize(conditions_.size());
    PlanPtr plan;
    for (std::size_t group = 0; group < inputs_.size(); ++group) {
      if (sizes[group] == 0) continue;
      PlanPtr next = OfGroup(group);
      if (plan) {
        ShiftGroup(group, plan->columns.size());
        bound_[group] = 1;
        plan = MakeJoin(JoinKind::kInner, std::move(plan), std::move(next), Due());
      } else {
        plan = std::move(next);
      }
    }
    return InOrder(std::move(plan));
  }

 private:
  // Where the plan's columns are among those of all inputs.
  std::vector<std::size_t> Take(PlanPtr plan) {
    if (!IsAboveInner(*plan)) {
      std::vector<std::size_t> place(plan->columns.size());
      std::iota(place.begin(), place.end(), starts_.back());
      starts_.push_back(starts_.back() + place.size());
      inputs_.push_back(JoinTogether(std::move(plan)));
      return place;
    }
    std::vector<std::size_t> place = Take(std::move(plan->inputs[0]));
    if (plan->kind == PlanKind::kProject) {
      std::vector<std::size_t> picked;
      for (const ExprPtr& expr : plan->expressions) picked.push_back(place[expr->column]);
      return picked;
    }
    if (plan->kind == PlanKind::kJoin) {
      const std::vector<std::size_t> right = Take(std::move(plan->inputs[1]));
      place.insert(place.end(), right.begin(), right.end());
    }
    for (ExprPtr& condition : Conjuncts(std::move(plan->condition))) {
      Renumber(condition, place);
      conditions_.push_back(std::move(condition));
    }
    return place;
  }

  // group_: the first of the inputs that an input is connected with.
  void Connect() {
    group_.resize(inputs_.size());
    std::iota(group_.begin(), group_.end(), std::size_t{0});
    bound_.resize(inputs_.size());
    std::vector<ExprPtr> copies;
    for (const ExprPtr& condition : conditions_) copies.push_back(Clone(*condition));
    const JoinConditions equal = EquateInputs(std::move(copies), starts_);
    for (const JoinClass& c : equal.classes) {
      for (const JoinTerm& term : c.terms) {
        const auto [low, high] = std::minmax(group_[term.input], group_[c.terms[0].input]);
        std::ranges::replace(group_, std::size_t{high}, std::size_t{low});
      }
    }
  }

  // The inputs of a group as one plan; at_ of their columns is within it.
  PlanPtr OfGroup(std::size_t group) {
    std::vector<PlanPtr> inputs;
    std::vector<PlanColumn> columns;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (group_[i] != group) continue;
      std::iota(at_.begin() + static_cast<std::ptrdiff_t>(starts_[i]),
                at_.begin() + static_cast<std::ptrdiff_t>(starts_[i + 1]), columns.size());
      columns.insert(columns.end(), inputs_[i]->columns.begin(), inputs_[i]->columns.end());
      inputs.push_back(std::move(inputs_[i]));
    }
    const std::vector<std::uint8_t> others = std::exchange(bound_, std::vector<std::uint8_t>(inputs_.size()));
    bound_[group] = 1;
    ExprPtr condition = Due();
    for (std::size_t i = 0; i < others.size(); ++i) bound_[i] |= others[i];
    if (inputs.size() == 1) return MakeFilter(std::move(inputs[0]), std::move(condition));
    if (inputs.size() == 2)
      return MakeJoin(JoinKind::kInner, std::move(inputs[0]), std::move(inputs[1]), std::move(condition));
    PlanPtr plan = MakePlan(PlanKind::kDeltaJoin);
    plan->columns = std::move(columns);
    plan->inputs = std::move(inputs);
    plan->condition = std::move(condition);
    return plan;
  }

  // The conditions over bound groups alone, each once.
  ExprPtr Due() {
    ExprPtr due;
    for (std::size_t i = 0; i < conditions_.size(); ++i) {
      if (taken_[i] != 0) continue;
      bool all = true;
      Walk(*conditions_[i], [&](const Expr& expr) {
        if (expr.kind == ExprKind::kColumn) all = all && bound_[group_[InputOf(expr, starts_).value_or(0)]] != 0;
        return all;
      });
      if (!all) continue;
      taken_[i] = 1;
      Renumber(conditions_[i], at_);
      due = Conjunction(std::move(due), std::move(conditions_[i]));
    }
    return due;
  }

  void ShiftGroup(std::size_t group, std::size_t by) {
    for (std::size_t i = 0; i < group_.size(); ++i) {
      for (std::size_t c = starts_[i]; group_[i] == group && c < starts_[i + 1]; ++c) at_[c] += by;
    }
  }

  PlanPtr InOrder(PlanPtr plan) {
    bool same = place_.size() == plan->columns.size();
    std::vector<ExprPtr> picked;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < place_.size(); ++i) {
      same = same && at_[place_[i]] == i;
      picked.push_back(ColumnOf(*plan, at_[place_[i]]));
      names.push_back(columns_[i].name);
    }
    return same ? std::move(plan) : MakeProject(std::move(plan), std::move(picked), std::move(names));
  }

  std::vector<PlanColumn> columns_;
  std::vector<PlanPtr> inputs_;
  std::vector<std::size_t> starts_ = {0};
  std::vector<ExprPtr> conditions_;
  std::vector<std::uint8_t> taken_;  // conditions that stand somewhere
  std::vector<std::size_t> place_;   // of each column of the root
  std::vector<std::size_t> group_;   // of each input
  std::vector<std::uint8_t> bound_;  // groups
  std::vector<std::size_t> at_;      // of each column of the inputs, in the plan that is made
};

std::size_t Leaves(const Plan& plan) {
  if (!IsAboveInner(plan)) return 1;
  std::size_t leaves = 0;
  for (const PlanPtr& input : plan.inputs) leaves += Leaves(*input);
  return leaves;
}

}  // namespace

PlanPtr JoinTogether(PlanPtr plan) {
  if (IsInner(*plan) && Leaves(*plan) > 2) {
    if (PlanPtr together = InnerTree(ClonePlan(*plan)).Make()) return together;
  }
  for (PlanPtr& input : plan->inputs) input = JoinTogether(std::move(input));
  return plan;
}

}  // namespace headgate::sql
