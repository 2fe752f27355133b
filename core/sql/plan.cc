#include "core/sql/plan.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace headgate::sql {

PlanPtr MakePlan(PlanKind kind) {
  auto plan = std::make_unique<Plan>();
  plan->kind = kind;
  return plan;
}

PlanPtr MakeFilter(PlanPtr input, ExprPtr condition) {
  if (!condition) return input;
  PlanPtr plan = MakePlan(PlanKind::kFilter);
  plan->columns = input->columns;
  plan->condition = std::move(condition);
  plan->inputs.push_back(std::move(input));
  return plan;
}

PlanPtr MakeProject(PlanPtr input, std::vector<ExprPtr> expressions, std::vector<std::string> names) {
  PlanPtr plan = MakePlan(PlanKind::kProject);
  for (std::size_t i = 0; i < expressions.size(); ++i)
    plan->columns.push_back({std::move(names[i]), expressions[i]->type});
  plan->expressions = std::move(expressions);
  plan->inputs.push_back(std::move(input));
  return plan;
}

PlanPtr MakeJoin(JoinKind join, PlanPtr left, PlanPtr right, ExprPtr condition) {
  PlanPtr plan = MakePlan(PlanKind::kJoin);
  plan->join = join;
  plan->condition = std::move(condition);
  plan->columns = left->columns;
  if (join != JoinKind::kSemi && join != JoinKind::kAnti)
    plan->columns.insert(plan->columns.end(), right->columns.begin(), right->columns.end());
  plan->inputs.push_back(std::move(left));
  plan->inputs.push_back(std::move(right));
  return plan;
}

PlanPtr MakePick(PlanPtr input, const std::vector<std::size_t>& columns) {
  std::vector<ExprPtr> expressions;
  std::vector<std::string> names;
  for (const std::size_t column : columns) {
    expressions.push_back(ColumnOf(*input, column));
    names.push_back(input->columns[column].name);
  }
  return MakeProject(std::move(input), std::move(expressions), std::move(names));
}

PlanPtr ClonePlan(const Plan& plan) {
  PlanPtr copy = MakePlan(plan.kind);
  copy->columns = plan.columns;
  for (const PlanPtr& input : plan.inputs) copy->inputs.push_back(ClonePlan(*input));
  copy->relation = plan.relation;
  for (const auto& row : plan.rows) {
    copy->rows.emplace_back();
    for (const ExprPtr& expr : row) copy->rows.back().push_back(Clone(*expr));
  }
  if (plan.condition) copy->condition = Clone(*plan.condition);
  for (const ExprPtr& expr : plan.expressions) copy->expressions.push_back(Clone(*expr));
  copy->join = plan.join;
  copy->dependent = plan.dependent;
  for (const AggregateCall& call : plan.aggregates) copy->aggregates.push_back(Clone(call));
  copy->set_op = plan.set_op;
  copy->window = plan.window;
  copy->partition = plan.partition;
  copy->order = plan.order;
  copy->limit = plan.limit;
  copy->offset = plan.offset;
  copy->numbered = plan.numbered;
  copy->grace_us = plan.grace_us;
  copy->null_on_error = plan.null_on_error;
  return copy;
}

std::vector<Type> TypesOf(const std::vector<PlanColumn>& columns) {
  std::vector<Type> types;
  for (const PlanColumn& column : columns) types.push_back(column.type);
  return types;
}

std::vector<std::size_t> FirstColumns(std::size_t count) {
  std::vector<std::size_t> columns(count);
  std::iota(columns.begin(), columns.end(), std::size_t{0});
  return columns;
}

ExprPtr ColumnOf(const Plan& plan, std::size_t column) { return MakeColumn(column, plan.columns[column].type); }

ExprPtr Conjunction(ExprPtr a, ExprPtr b) {
  if (!a) return b;
  if (!b) return a;
  std::vector<ExprPtr> both;
  for (ExprPtr* side : {&a, &b}) {
    for (ExprPtr& part : Conjuncts(std::move(*side))) both.push_back(std::move(part));
  }
  return MakeNode(ExprKind::kAnd, TypeId::kBool, std::move(both));
}

std::vector<ExprPtr> Conjuncts(ExprPtr condition) {
  std::vector<ExprPtr> parts;
  if (!condition) return parts;
  if (condition->kind != ExprKind::kAnd) {
    parts.push_back(std::move(condition));
    return parts;
  }
  for (ExprPtr& argument : condition->arguments) {
    for (ExprPtr& part : Conjuncts(std::move(argument))) parts.push_back(std::move(part));
  }
  return parts;
}

namespace {

bool HasLookup(const Plan& plan) {
  return plan.kind == PlanKind::kTemporal ||
         std::ranges::any_of(plan.inputs, [](const auto& i) { return HasLookup(*i); });
}

}  // namespace

// A row that has waited once looks up the next tables as of the same place.
bool SetGrace(Plan& plan, std::int64_t grace_us) {
  if (plan.kind == PlanKind::kTemporal && !HasLookup(*plan.inputs[0])) {
    plan.grace_us = grace_us;
    return true;
  }
  bool found = false;
  for (const PlanPtr& input : plan.inputs) found = SetGrace(*input, grace_us) || found;
  return found;
}

void SetNullOnError(Plan& plan) {
  plan.null_on_error = true;
  for (const PlanPtr& input : plan.inputs) SetNullOnError(*input);
}

bool KeepsTime(const Plan& plan) {
  return plan.kind == PlanKind::kExpire || plan.grace_us > 0 ||
         std::ranges::any_of(plan.inputs, [](const PlanPtr& input) { return KeepsTime(*input); });
}

bool IsAppendOnly(const Plan& plan) {
  switch (plan.kind) {
    case PlanKind::kScan:
      return plan.relation->append_only;
    case PlanKind::kValues:
      return true;
    case PlanKind::kFilter:
    case PlanKind::kProject:
    case PlanKind::kUnnest:
    case PlanKind::kTemporal:
      return IsAppendOnly(*plan.inputs[0]);
    case PlanKind::kJoin:
      return plan.join == JoinKind::kInner && IsAppendOnly(*plan.inputs[0]) && IsAppendOnly(*plan.inputs[1]);
    case PlanKind::kDeltaJoin:
      return std::ranges::all_of(plan.inputs, [](const PlanPtr& input) { return IsAppendOnly(*input); });
    case PlanKind::kSetOp:
      return plan.set_op == SetOpKind::kUnionAll && IsAppendOnly(*plan.inputs[0]) && IsAppendOnly(*plan.inputs[1]);
    case PlanKind::kWindow:
      return plan.window.kind == WindowKind::kLag && plan.window.offset == 1 && IsAppendOnly(*plan.inputs[0]) &&
             IsLogOrder(*plan.inputs[0], plan.window.order);
    default:
      return false;
  }
}

namespace {

// The hidden column of a scan that the column passes through, "" if it is anything else. Of a temporal join only the
// probe side's: its rows cause the output.
std::string_view HiddenOrigin(const Plan& plan, std::size_t column) {
  switch (plan.kind) {
    case PlanKind::kScan:
      return plan.relation->columns[column].name;
    case PlanKind::kFilter:
      return HiddenOrigin(*plan.inputs[0], column);
    case PlanKind::kTemporal:
    case PlanKind::kWindow:
    case PlanKind::kUnnest:
      return column < plan.inputs[0]->columns.size() ? HiddenOrigin(*plan.inputs[0], column) : std::string_view{};
    case PlanKind::kProject:
      return plan.expressions[column]->kind == ExprKind::kColumn
                 ? HiddenOrigin(*plan.inputs[0], plan.expressions[column]->column)
                 : std::string_view{};
    default:
      return {};
  }
}

}  // namespace

static bool HasJoin(const Plan& plan) {
  return plan.kind == PlanKind::kJoin || plan.kind == PlanKind::kDeltaJoin ||
         std::ranges::any_of(plan.inputs, [](const PlanPtr& input) { return HasJoin(*input); });
}

bool IsAppendOnlyView(const Plan& plan, const std::vector<RelationColumn>& columns) {
  if (!IsAppendOnly(plan)) return false;
  const bool placed = std::ranges::any_of(
      columns, [](const RelationColumn& column) { return column.name == "_seq" || column.name == "_ordinal"; });
  return !placed || !HasJoin(plan);
}

bool IsLogOrder(const Plan& plan, const std::vector<SortKey>& keys) {
  return keys.size() == 2 && keys[0].order == KeyOrder{} && keys[1].order == KeyOrder{} &&
         HiddenOrigin(plan, keys[0].column) == "_seq" && HiddenOrigin(plan, keys[1].column) == "_ordinal";
}

std::optional<std::vector<std::size_t>> OriginKey(const Plan& plan, std::size_t column) {
  switch (plan.kind) {
    case PlanKind::kScan:
      if (plan.relation->key.empty()) return std::nullopt;
      return plan.relation->key;
    case PlanKind::kFilter:
    case PlanKind::kExpire:
      return OriginKey(*plan.inputs[0], column);
    case PlanKind::kJoin:
    case PlanKind::kTemporal: {
      const std::size_t width = plan.inputs[0]->columns.size();
      if (column < width) return OriginKey(*plan.inputs[0], column);
      auto key = OriginKey(*plan.inputs[1], column - width);
      if (key) {
        for (std::size_t& part : *key) part += width;
      }
      return key;
    }
    case PlanKind::kDeltaJoin: {
      std::size_t start = 0;
      std::size_t input = 0;
      while (column >= start + plan.inputs[input]->columns.size()) start += plan.inputs[input++]->columns.size();
      auto key = OriginKey(*plan.inputs[input], column - start);
      if (key) {
        for (std::size_t& part : *key) part += start;
      }
      return key;
    }
    case PlanKind::kProject: {
      if (plan.expressions[column]->kind != ExprKind::kColumn) return std::nullopt;
      auto key = OriginKey(*plan.inputs[0], plan.expressions[column]->column);
      if (!key) return key;
      for (std::size_t& part : *key) {
        const auto found = std::ranges::find_if(plan.expressions, [&](const ExprPtr& expr) {
          return expr->kind == ExprKind::kColumn && expr->column == part;
        });
        if (found == plan.expressions.end()) return std::nullopt;
        part = static_cast<std::size_t>(found - plan.expressions.begin());
      }
      return key;
    }
    default:
      return std::nullopt;
  }
}

}  // namespace headgate::sql
