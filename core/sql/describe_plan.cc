#include <algorithm>

#include "core/sql/multi_join.h"

namespace headgate::sql {
namespace {

std::string_view JoinName(JoinKind kind) {
  switch (kind) {
    case JoinKind::kInner:
      return "inner";
    case JoinKind::kLeft:
      return "left";
    case JoinKind::kRight:
      return "right";
    case JoinKind::kFull:
      return "full";
    case JoinKind::kSemi:
      return "semi";
    case JoinKind::kAnti:
      return "anti";
  }
  return "";
}

std::string_view SetOpName(SetOpKind kind) {
  switch (kind) {
    case SetOpKind::kUnionAll:
      return "union all";
    case SetOpKind::kUnion:
      return "union";
    case SetOpKind::kIntersect:
      return "intersect";
    case SetOpKind::kIntersectAll:
      return "intersect all";
    case SetOpKind::kExcept:
      return "except";
    case SetOpKind::kExceptAll:
      return "except all";
  }
  return "";
}

// Its inputs are numbered from 1, in the order in which they stand below it.
std::string DeltaJoinHead(const Plan& plan) {
  const JoinPaths paths = PathsOf(plan);
  std::string out = "delta join of " + std::to_string(plan.inputs.size()) + " inputs, indexes:";
  for (std::size_t i = 0; i < paths.indexes.size(); ++i) {
    const JoinIndex& index = paths.indexes[i];
    std::string by;
    for (const std::size_t c : index.classes) {
      const auto& terms = paths.conditions.classes[c].terms;
      const Expr& expr = *std::ranges::find(terms, index.input, &JoinTerm::input)->expr;
      by += (by.empty() ? "" : ", ") + (expr.kind == ExprKind::kColumn
                                            ? plan.inputs[index.input]->columns[expr.column].name
                                            : std::string("an expression"));
    }
    const bool shared = std::ranges::any_of(paths.paths, [&](const auto& path) {
      return std::ranges::any_of(path,
                                 [&](const JoinStep& step) { return step.index == i && step.input != index.input; });
    });
    out +=
        (i > 0 ? ", " : " ") + std::to_string(index.input + 1) + (shared ? " and its like" : "") + " by (" + by + ")";
  }
  return out;
}

std::string Head(const Plan& plan) {
  switch (plan.kind) {
    case PlanKind::kScan:
      return "scan " + plan.relation->name;
    case PlanKind::kValues:
      return "values (" + std::to_string(plan.rows.size()) + " rows)";
    case PlanKind::kFilter:
      return "filter";
    case PlanKind::kExpire:
      return "rows until they expire";
    case PlanKind::kProject:
      return "project";
    case PlanKind::kJoin:
      return std::string(JoinName(plan.join)) + " join" + (plan.condition ? "" : " without a condition");
    case PlanKind::kDeltaJoin:
      return DeltaJoinHead(plan);
    case PlanKind::kTemporal:
      return std::string(JoinName(plan.join)) + " lookup as of log position" +
             (plan.grace_us == 0 ? "" : ", " + std::to_string(plan.grace_us) + " us later");
    case PlanKind::kAggregate:
      return "aggregate by " + std::to_string(plan.expressions.size()) + " columns";
    case PlanKind::kDistinct:
      return "distinct";
    case PlanKind::kTopK:
      return "first " + (plan.limit ? std::to_string(*plan.limit) : std::string("all")) + " of each partition";
    case PlanKind::kSetOp:
      return std::string(SetOpName(plan.set_op));
    case PlanKind::kWindow:
      return plan.window.first ? "first " + std::to_string(*plan.window.first) + " of each partition, numbered"
                               : "window";
    case PlanKind::kUnnest:
      return "unnest";
  }
  return "";
}

void Append(std::string& out, const Plan& plan, std::size_t depth) {
  out.append(2 * depth, ' ').append(Head(plan)).append(" (" + std::to_string(plan.columns.size()) + " columns)\n");
  for (const PlanPtr& input : plan.inputs) Append(out, *input, depth + 1);
}

}  // namespace

std::string Describe(const Plan& plan) {
  std::string out;
  Append(out, plan, 0);
  return out;
}

}  // namespace headgate::sql
