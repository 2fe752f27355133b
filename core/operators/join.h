#pragma once

#include "core/operators/operator.h"
#include "core/operators/state_space.h"
#include "core/sql/plan.h"

namespace headgate::operators {

// Every join of two updating inputs: inner, left, right, full, semi, anti; on equalities, with or without a further
// condition, or without any equality.
OperatorPtr MakeJoin(const sql::Plan& plan, const StatePlace& place);

}  // namespace headgate::operators
