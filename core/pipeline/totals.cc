#include "core/pipeline/totals.h"

namespace headgate {
namespace {

void AddBuckets(std::vector<std::uint64_t>& sums, const std::vector<std::uint64_t>& run) {
  if (sums.size() < run.size()) sums.resize(run.size());
  for (std::size_t i = 0; i < run.size(); ++i) sums[i] += run[i];
}

}  // namespace

void SinkTotals::Add(const RecordCounts& run, const SinkTelemetry& telemetry) {
  records.delivered += run.delivered;
  records.filtered += run.filtered;
  records.dead += run.dead;
  records.discarded += run.discarded;
  for (const auto& [reason, count] : telemetry.retries) retries[reason] += count;
  AddBuckets(request_ms_buckets, telemetry.request_ms_buckets);
  AddBuckets(end_to_end_ms_buckets, telemetry.end_to_end_ms_buckets);
  request_ms_sum += telemetry.request_ms_sum;
  end_to_end_ms_sum += telemetry.end_to_end_ms_sum;
}

}  // namespace headgate
