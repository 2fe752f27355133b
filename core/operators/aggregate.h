#pragma once

#include "core/operators/operator.h"
#include "core/operators/state_space.h"
#include "core/sql/plan.h"

namespace headgate::operators {

// GROUP BY with any aggregates; without groups it always has one row.
OperatorPtr MakeAggregate(const sql::Plan& plan, const StatePlace& place);

}  // namespace headgate::operators
