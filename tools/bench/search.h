#pragma once

namespace headgate::bench {

// The log into an index of OpenSearch, against what the server itself takes from memory in the same run.
void SearchThroughput(long rows);
// Commit in PostgreSQL to the document at a client that asks for it by id.
void SearchLatency(int per_second, int seconds, int batch_delay_ms);

}  // namespace headgate::bench
