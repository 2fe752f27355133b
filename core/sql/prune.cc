#include <algorithm>
#include <set>

#include "core/sql/plan.h"

// Columns that nobody reads are left out as early as they can be: state holds only what is needed.
namespace headgate::sql {
namespace {

constexpr std::size_t kGone = SIZE_MAX;
using Needed = std::set<std::size_t>;

struct Pruned {
  PlanPtr plan;
  std::vector<std::size_t> place;  // of each old column, kGone if it is none any more
};

void AddColumns(const ExprPtr& root, Needed& needed) {
  if (!root) return;
  Walk(*root, [&](const Expr& expr) {
    if (expr.kind == ExprKind::kColumn) needed.insert(expr.column);
    return true;
  });
}

void Move(ExprPtr& root, const std::vector<std::size_t>& place) {
  if (!root) return;
  WalkMutable(root, [&](ExprPtr& expr) {
    if (expr->kind == ExprKind::kColumn) expr->column = place[expr->column];
    return true;
  });
}

std::vector<PlanColumn> KeptColumns(const std::vector<PlanColumn>& columns, const std::vector<std::size_t>& place) {
  std::vector<PlanColumn> kept;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (place[i] == kGone) continue;
    if (kept.size() <= place[i]) kept.resize(place[i] + 1);
    kept[place[i]] = columns[i];
  }
  return kept;
}

std::vector<std::size_t> PlacesOf(std::size_t width, const Needed& needed) {
  std::vector<std::size_t> place(width, kGone);
  std::size_t next = 0;
  for (const std::size_t column : needed) place[column] = next++;
  return place;
}

// Rows that are not the same are to be told apart: by a key, if there is one.
void ReadKey(const Plan& plan, Needed& needed) {
  const auto keys = KeysOf(plan);
  if (keys.empty()) {
    for (std::size_t i = 0; i < plan.columns.size(); ++i) needed.insert(i);
  } else {
    needed.insert(keys[0].begin(), keys[0].end());
  }
}

Pruned Prune(PlanPtr plan, Needed needed);

// The input's columns that are needed, and what the node adds behind them.
Pruned Behind(PlanPtr plan, Pruned input, std::size_t own) {
  std::vector<std::size_t> place = input.place;
  const std::size_t base = input.plan->columns.size();
  std::vector<PlanColumn> columns = input.plan->columns;
  for (std::size_t i = own; i < plan->columns.size(); ++i) {
    place.push_back(base + i - own);
    columns.push_back(plan->columns[i]);
  }
  plan->columns = std::move(columns);
  plan->inputs[0] = std::move(input.plan);
  return {std::move(plan), std::move(place)};
}

Pruned PruneProject(PlanPtr plan, const Needed& needed) {
  std::vector<std::size_t> place = PlacesOf(plan->columns.size(), needed);
  Needed below;
  std::vector<ExprPtr> expressions;
  for (const std::size_t column : needed) {
    AddColumns(plan->expressions[column], below);
    expressions.push_back(std::move(plan->expressions[column]));
  }
  Pruned input = Prune(std::move(plan->inputs[0]), below);
  for (ExprPtr& expr : expressions) Move(expr, input.place);
  plan->columns = KeptColumns(plan->columns, place);
  plan->expressions = std::move(expressions);
  plan->inputs[0] = std::move(input.plan);
  return {std::move(plan), std::move(place)};
}

Pruned PruneJoin(PlanPtr plan, const Needed& needed) {
  const std::size_t left_width = plan->inputs[0]->columns.size();
  const std::size_t right_width = plan->inputs[1]->columns.size();
  Needed all = needed;
  AddColumns(plan->condition, all);
  Needed left;
  Needed right;
  for (const std::size_t column : all) {
    if (column < left_width) {
      left.insert(column);
    } else {
      right.insert(column - left_width);
    }
  }
  // A left row that goes takes back what it found itself, not what another found that looks alike.
  if (plan->kind == PlanKind::kTemporal && !IsAppendOnly(*plan->inputs[0])) ReadKey(*plan->inputs[0], left);
  Pruned l = Prune(std::move(plan->inputs[0]), left);
  Pruned r = Prune(std::move(plan->inputs[1]), right);
  std::vector<std::size_t> place = l.place;
  const std::size_t base = l.plan->columns.size();
  for (std::size_t i = 0; i < right_width; ++i) place.push_back(r.place[i] == kGone ? kGone : base + r.place[i]);
  Move(plan->condition, place);
  plan->columns = l.plan->columns;
  if (plan->join == JoinKind::kSemi || plan->join == JoinKind::kAnti) {
    place.resize(left_width);
  } else {
    plan->columns.insert(plan->columns.end(), r.plan->columns.begin(), r.plan->columns.end());
  }
  plan->inputs[0] = std::move(l.plan);
  plan->inputs[1] = std::move(r.plan);
  return {std::move(plan), std::move(place)};
}

Pruned PruneDeltaJoin(PlanPtr plan, Needed needed) {
  AddColumns(plan->condition, needed);
  std::vector<std::size_t> place;
  std::vector<PlanColumn> columns;
  std::size_t start = 0;  // of the input's columns, as they were
  for (PlanPtr& input : plan->inputs) {
    const std::size_t end = start + input->columns.size();
    Needed below;
    for (auto it = needed.lower_bound(start); it != needed.end() && *it < end; ++it) below.insert(*it - start);
    Pruned pruned = Prune(std::move(input), std::move(below));
    for (const std::size_t at : pruned.place) place.push_back(at == kGone ? kGone : columns.size() + at);
    columns.insert(columns.end(), pruned.plan->columns.begin(), pruned.plan->columns.end());
    input = std::move(pruned.plan);
    start = end;
  }
  Move(plan->condition, place);
  plan->columns = std::move(columns);
  return {std::move(plan), std::move(place)};
}

Pruned PruneAggregate(PlanPtr plan, const Needed& needed) {
  const std::size_t groups = plan->expressions.size();
  Needed kept;
  for (std::size_t i = 0; i < groups; ++i) kept.insert(i);
  for (const std::size_t column : needed) kept.insert(column);
  std::vector<std::size_t> place = PlacesOf(plan->columns.size(), kept);
  Needed below;
  std::vector<AggregateCall> calls;
  for (const ExprPtr& group : plan->expressions) AddColumns(group, below);
  for (std::size_t i = 0; i < plan->aggregates.size(); ++i) {
    if (!kept.contains(groups + i)) continue;
    AggregateCall& call = plan->aggregates[i];
    for (const ExprPtr& argument : call.arguments) AddColumns(argument, below);
    AddColumns(call.filter, below);
    for (const AggregateOrder& key : call.order) AddColumns(key.expr, below);
    calls.push_back(std::move(call));
  }
  Pruned input = Prune(std::move(plan->inputs[0]), below);
  for (ExprPtr& group : plan->expressions) Move(group, input.place);
  for (AggregateCall& call : calls) {
    for (ExprPtr& argument : call.arguments) Move(argument, input.place);
    Move(call.filter, input.place);
    for (AggregateOrder& key : call.order) Move(key.expr, input.place);
  }
  plan->columns = KeptColumns(plan->columns, place);
  plan->aggregates = std::move(calls);
  plan->inputs[0] = std::move(input.plan);
  return {std::move(plan), std::move(place)};
}

Pruned PruneTopK(PlanPtr plan, Needed needed) {
  const std::size_t own = plan->inputs[0]->columns.size();
  std::erase_if(needed, [&](std::size_t column) { return column >= own; });
  needed.insert(plan->partition.begin(), plan->partition.end());
  for (const SortKey& key : plan->order) needed.insert(key.column);
  ReadKey(*plan->inputs[0], needed);
  Pruned input = Prune(std::move(plan->inputs[0]), needed);
  for (std::size_t& column : plan->partition) column = input.place[column];
  for (SortKey& key : plan->order) key.column = input.place[key.column];
  return Behind(std::move(plan), std::move(input), own);
}

Pruned PruneWindow(PlanPtr plan, Needed needed) {
  const std::size_t own = plan->inputs[0]->columns.size();
  needed.erase(own);
  WindowCall& call = plan->window;
  needed.insert(call.partition.begin(), call.partition.end());
  for (const SortKey& key : call.order) needed.insert(key.column);
  if (call.kind != WindowKind::kRowNumber) needed.insert(call.argument);
  if (call.fallback) needed.insert(*call.fallback);
  ReadKey(*plan->inputs[0], needed);
  Pruned input = Prune(std::move(plan->inputs[0]), needed);
  for (std::size_t& column : call.partition) column = input.place[column];
  for (SortKey& key : call.order) key.column = input.place[key.column];
  if (call.kind != WindowKind::kRowNumber) call.argument = input.place[call.argument];
  if (call.fallback) call.fallback = input.place[*call.fallback];
  return Behind(std::move(plan), std::move(input), own);
}

Pruned PruneUnnest(PlanPtr plan, Needed needed) {
  const std::size_t own = plan->inputs[0]->columns.size();
  std::erase_if(needed, [&](std::size_t column) { return column >= own; });
  for (const ExprPtr& expr : plan->expressions) AddColumns(expr, needed);
  Pruned input = Prune(std::move(plan->inputs[0]), needed);
  for (ExprPtr& expr : plan->expressions) Move(expr, input.place);
  return Behind(std::move(plan), std::move(input), own);
}

// Needs all its columns: what is left out below would make rows equal that are not.
Pruned Whole(PlanPtr plan) {
  const std::size_t width = plan->columns.size();
  for (PlanPtr& input : plan->inputs) {
    Needed all;
    for (std::size_t i = 0; i < width; ++i) all.insert(i);
    input = Prune(std::move(input), all).plan;
  }
  Needed all;
  for (std::size_t i = 0; i < width; ++i) all.insert(i);
  return {std::move(plan), PlacesOf(width, all)};
}

// The plan with at least the needed columns, in their old order.
Pruned Prune(PlanPtr plan, Needed needed) {
  switch (plan->kind) {
    case PlanKind::kProject:
      return PruneProject(std::move(plan), needed);
    case PlanKind::kFilter:
    case PlanKind::kExpire: {
      AddColumns(plan->condition, needed);
      for (const ExprPtr& expr : plan->expressions) AddColumns(expr, needed);
      Pruned input = Prune(std::move(plan->inputs[0]), needed);
      Move(plan->condition, input.place);
      for (ExprPtr& expr : plan->expressions) Move(expr, input.place);
      plan->columns = input.plan->columns;
      plan->inputs[0] = std::move(input.plan);
      return {std::move(plan), std::move(input.place)};
    }
    case PlanKind::kJoin:
    case PlanKind::kTemporal:
      return PruneJoin(std::move(plan), needed);
    case PlanKind::kDeltaJoin:
      return PruneDeltaJoin(std::move(plan), std::move(needed));
    case PlanKind::kAggregate:
      return PruneAggregate(std::move(plan), needed);
    case PlanKind::kTopK:
      return PruneTopK(std::move(plan), std::move(needed));
    case PlanKind::kWindow:
      return PruneWindow(std::move(plan), std::move(needed));
    case PlanKind::kUnnest:
      return PruneUnnest(std::move(plan), std::move(needed));
    case PlanKind::kScan:
    case PlanKind::kValues: {
      std::vector<std::size_t> place = PlacesOf(plan->columns.size(), needed);
      if (needed.size() == plan->columns.size()) return {std::move(plan), std::move(place)};
      return {MakePick(std::move(plan), {needed.begin(), needed.end()}), std::move(place)};
    }
    case PlanKind::kDistinct:
    case PlanKind::kSetOp:
      return Whole(std::move(plan));
  }
  return Whole(std::move(plan));
}

}  // namespace

PlanPtr PruneColumns(PlanPtr plan) {
  Needed all;
  for (std::size_t i = 0; i < plan->columns.size(); ++i) all.insert(i);
  return Prune(std::move(plan), std::move(all)).plan;
}

}  // namespace headgate::sql
