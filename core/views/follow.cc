#include "core/views/follow.h"

#include <algorithm>

namespace headgate::views {
namespace {

using sql::Plan;
using sql::PlanKind;

bool ReadsEvents(const Plan& plan, const std::vector<Input>& inputs) {
  if (plan.kind == PlanKind::kScan) {
    const auto found = std::ranges::find_if(inputs, [&](const Input& i) { return i.relation.get() == plan.relation; });
    return found != inputs.end() && IsData(*found);
  }
  return std::ranges::any_of(plan.inputs, [&](const sql::PlanPtr& input) { return ReadsEvents(*input, inputs); });
}

bool LooksUp(const Plan& plan) {
  return plan.kind == PlanKind::kTemporal ||
         std::ranges::any_of(plan.inputs, [](const sql::PlanPtr& input) { return LooksUp(*input); });
}

// Nothing is remembered of events but what came of them.
bool PassesEventsOn(const Plan& plan, const std::vector<Input>& inputs) {
  switch (plan.kind) {
    case PlanKind::kScan:
    case PlanKind::kValues:
    case PlanKind::kFilter:
    case PlanKind::kProject:
    case PlanKind::kUnnest:
      return std::ranges::all_of(plan.inputs,
                                 [&](const sql::PlanPtr& input) { return PassesEventsOn(*input, inputs); });
    case PlanKind::kSetOp:
      return plan.set_op == sql::SetOpKind::kUnionAll && PassesEventsOn(*plan.inputs[0], inputs) &&
             PassesEventsOn(*plan.inputs[1], inputs);
    case PlanKind::kTemporal:
      // Events that wait for the end of their grace are remembered; so is what was given for rows that may go.
      return plan.grace_us == 0 && IsAppendOnly(*plan.inputs[0]) && PassesEventsOn(*plan.inputs[0], inputs) &&
             !ReadsEvents(*plan.inputs[1], inputs) && !LooksUp(*plan.inputs[1]);
    default:
      return false;
  }
}

}  // namespace

Way WayOf(const Definition& view, const Definition& made) {
  if (!made.failure.empty() || made.relation->columns.size() <= view.relation->columns.size()) return Way::kNone;
  if (!Unlike(*view.relation, *made.relation).empty()) return Way::kNone;
  if (std::ranges::none_of(made.inputs, IsData)) return LooksUp(*made.plan) ? Way::kNone : Way::kAnew;
  return made.relation->append_only && PassesEventsOn(*made.plan, made.inputs) ? Way::kCarried : Way::kNone;
}

}  // namespace headgate::views
