#pragma once

#include "core/operators/operator.h"
#include "core/operators/state_space.h"
#include "core/sql/plan.h"

namespace headgate::operators {

// Joins of two updating inputs: left, right, full, semi, anti, on equalities, with or without a further condition, or
// without any equality; inner where there is none (else delta_join.h).
OperatorPtr MakeJoin(const sql::Plan& plan, const StatePlace& place);

}  // namespace headgate::operators
