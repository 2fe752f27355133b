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

// Some column that the view reads has become wider.
bool ReadsWider(const Definition& view, const Definition& made) {
  return std::ranges::any_of(view.inputs, [&](const Input& old) {
    const auto now = std::ranges::find_if(
        made.inputs, [&](const Input& input) { return input.relation->name == old.relation->name; });
    if (now == made.inputs.end()) return false;
    for (std::size_t c = 0; c < old.relation->columns.size(); ++c) {
      const auto& columns = now->relation->columns;
      const auto column = std::ranges::find(columns, old.relation->columns[c].name, &sql::RelationColumn::name);
      if (column != columns.end() && old.needed[c] && !(column->type == old.relation->columns[c].type)) return true;
    }
    return false;
  });
}

}  // namespace

Way WayOf(const Definition& view, const Definition& made) {
  if (!made.failure.empty() || !UnlikeButWider(*view.relation, *made.relation).empty()) return Way::kNone;
  if (made.relation->columns.size() == view.relation->columns.size() && !ReadsWider(view, made)) return Way::kNone;
  if (std::ranges::none_of(made.inputs, IsData)) return LooksUp(*made.plan) ? Way::kNone : Way::kAnew;
  return made.relation->append_only && PassesEventsOn(*made.plan, made.inputs) ? Way::kCarried : Way::kNone;
}

}  // namespace headgate::views
