#pragma once

#include "core/operators/operator.h"
#include "core/operators/state_space.h"
#include "core/sql/plan.h"

namespace headgate::operators {

// DISTINCT, and the set operations but UNION ALL: how often a row shows follows from how often it is in each input.
OperatorPtr MakeDistinct(const sql::Plan& plan, const StatePlace& place);
OperatorPtr MakeSetOp(const sql::Plan& plan, const StatePlace& place);

}  // namespace headgate::operators
