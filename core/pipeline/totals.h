#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/pipeline/sink.h"

// What only ever grows: the counters of metrics.
namespace headgate {

// How records ended, each time one did: a dead letter may be retried and be delivered, or be dead again.
struct RecordCounts {
  std::uint64_t delivered = 0;
  std::uint64_t filtered = 0;
  std::uint64_t dead = 0;       // became a letter that needs a person
  std::uint64_t discarded = 0;  // letters that a person gave up
};

// Of one sink, over all of its runs since the process started.
struct SinkTotals {
  RecordCounts records;
  std::map<std::string, std::uint64_t> retries;   // as in SinkTelemetry
  std::vector<std::uint64_t> request_ms_buckets;  // cumulative, as in SinkTelemetry; empty: none yet
  std::vector<std::uint64_t> end_to_end_ms_buckets;
  double request_ms_sum = 0;
  double end_to_end_ms_sum = 0;

  // Adds one run.
  void Add(const RecordCounts& run, const SinkTelemetry& telemetry);
};

}  // namespace headgate
