#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "core/config/spec.h"
#include "core/log/log.h"
#include "core/pipeline/source_offset.h"

// The places of a source of topics in Kafka Connect's words (admin API, KC21 to KC24):
// {"topic":"sensor","partition":3} and {"offset":17}, the record that is read next.
namespace headgate::kafka::source {

std::vector<OffsetEntry> PlacesOf(const SourceProgress& progress);

// Other places for some partitions; null: the beginning of what the cluster keeps. Asks the cluster for the ends of
// each, and waits for it, 10 s at most. kConfig: there is no such partition of the source, or no such offset in it.
Result<SourceMove> MoveTo(const std::string& name, const config::Bound& bound, const SourceProgress& progress,
                          const std::vector<OffsetEntry>& to, std::stop_token stop);

}  // namespace headgate::kafka::source
