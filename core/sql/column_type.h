#pragma once

#include "core/model/schema.h"
#include "core/sql/type.h"

namespace headgate::sql {

// The type of a stream's column that holds values of a SQL type, as PostgreSQL describes its own: FromColumn of it is
// the type again.
DataType ToColumn(Type type);

}  // namespace headgate::sql
