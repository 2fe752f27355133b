#pragma once

#include "tests/support/private_mysql.h"

namespace headgate::bench {

// From the log into a table: rows that come, then the same rows changed; the reference writes the same by hand over one
// session of the same server, just before.
void TablePostgres(long rows);                    // COPY into a temporary table, merged into the target
void TableMysql(test::MyServer kind, long rows);  // statements of many rows

}  // namespace headgate::bench
