#pragma once

#include "core/operators/operator.h"
#include "core/operators/state_space.h"
#include "core/sql/plan.h"

namespace headgate::operators {

// WHERE ts > now() - INTERVAL '...': rows are there until log time reaches a moment of their own, then they are taken
// back (stream-SQL reference 6.3). What is remembered is each row that is there, in the order of their moments.
OperatorPtr MakeExpire(const sql::Plan& plan, const StatePlace& place);

}  // namespace headgate::operators
