#pragma once

#include "core/operators/operator.h"
#include "core/sql/plan.h"

namespace headgate::operators {

// DISTINCT, and the set operations but UNION ALL: how often a row shows follows from how often it is in each input.
OperatorPtr MakeDistinct(const sql::Plan& plan);
OperatorPtr MakeSetOp(const sql::Plan& plan);

}  // namespace headgate::operators
