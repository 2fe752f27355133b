#pragma once

#include "core/operators/operator.h"
#include "core/operators/state_space.h"
#include "core/sql/plan.h"

namespace headgate::operators {

// JOIN ... FOR SYSTEM_TIME AS OF LOG_POSITION(): each left row sees the right table as of its own place in the log
// (stream-SQL reference 4.1). Changes of the right side emit nothing. If left rows can be taken back, what was emitted
// for them is remembered and taken back with them. With grace (Plan::grace_us) all left rows, also those that go, are
// held that long in log time, and see the table as of their release; what they give has that place in the log.
OperatorPtr MakeTemporal(const sql::Plan& plan, const StatePlace& place);

// lag(x) over (partition by ... order by _seq, _ordinal) on rows that are never taken back: one value a partition.
OperatorPtr MakeLogLag(const sql::Plan& plan, const StatePlace& place);

}  // namespace headgate::operators
