#pragma once

namespace headgate::bench {

// From the log into a topic of four partitions, each run of the sink just behind one of a bare idempotent producer of
// the same library that sends the same records from memory; the round with the middle ratio is told.
void KafkaThroughput(long rows);
// A commit in PostgreSQL until a reader of committed records has the record, one row a commit, open loop.
void KafkaLatency(int per_second, int seconds);

}  // namespace headgate::bench
