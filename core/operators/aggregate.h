#pragma once

#include "core/operators/operator.h"
#include "core/sql/plan.h"

namespace headgate::operators {

// GROUP BY with any aggregates; without groups it always has one row.
OperatorPtr MakeAggregate(const sql::Plan& plan);

}  // namespace headgate::operators
