#pragma once

#include <string>
#include <vector>

#include "core/operators/operator.h"
#include "core/sql/plan.h"

namespace headgate::operators {

OperatorPtr MakeFilter(const sql::Plan& plan);
OperatorPtr MakeProject(const sql::Plan& plan);
OperatorPtr MakeUnnest(const sql::Plan& plan);
OperatorPtr MakeUnionAll();

}  // namespace headgate::operators
