#pragma once

#include "core/operators/operator.h"
#include "core/operators/state_space.h"
#include "core/sql/plan.h"

namespace headgate::operators {

// The inner join of two inputs or more that equalities connect (IsConnectedJoin). A row that changes looks all others
// up, one input after the other, in indexes of the inputs alone: no pair of rows is remembered. A piece sees the others
// as the pieces before it have left them and is taken in when it is through, so that of two changes in one step the
// second sees the first, and of a relation joined with itself no pair counts twice.
OperatorPtr MakeDeltaJoin(const sql::Plan& plan, const StatePlace& place);

}  // namespace headgate::operators
