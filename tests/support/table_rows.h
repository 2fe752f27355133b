#pragma once

#include <string>

#include "core/base/result.h"
#include "tests/support/fold.h"
#include "tests/support/pg_client.h"

namespace headgate::test {

// Reads a table as the fold compares it: each column as the JSON value the native rendering gives, or one with the same
// canonical text. Types whose native form is another text than to_json's (timetz, interval, money, bytea inside arrays)
// are compared as far as their text agrees. `table` is "schema.table", each part quoted by the caller if it needs
// quotes.
Result<TableRows> ReadTable(PgClient& client, const std::string& table);

}  // namespace headgate::test
