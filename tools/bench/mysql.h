#pragma once

#include "tests/support/private_mysql.h"

// MySQL and MariaDB. Each ends the process on errors.
namespace headgate::bench {

// From a real server into the durable log, in transactions of so many rows, beside a client that drops what it is sent;
// and the decoder alone, over the same events from memory.
void MysqlStreaming(test::MyServer kind, long rows, long per_transaction);
// The rows of a table, read by one worker, beside an unbuffered SELECT * over the C client.
void MysqlSnapshot(test::MyServer kind, long rows);
// One transaction of so many MiB of row events, compressed by the server or not: time and memory.
void MysqlLarge(test::MyServer kind, long mib, long row_bytes, bool compressed);
// Commit to the arrival of the request, one row a commit, open loop. MySQL alone tells when exactly it committed.
void MysqlLatency(int per_second, int seconds);

}  // namespace headgate::bench
