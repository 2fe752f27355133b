#pragma once

#include "core/operators/operator.h"
#include "core/operators/state_space.h"
#include "core/sql/plan.h"

namespace headgate::operators {

// The first rows of each partition by an order (ORDER BY ... LIMIT, DISTINCT ON, row_number() <= k), and window
// functions over ordered partitions. Rows that the order leaves equal stand in the order of all their columns.
OperatorPtr MakeTopK(const sql::Plan& plan, const StatePlace& place);
OperatorPtr MakeWindow(const sql::Plan& plan, const StatePlace& place);

}  // namespace headgate::operators
