#pragma once

#include <stop_token>

#include "connectors/postgres/options.h"
#include "core/log/log.h"
#include "core/pipeline/source_offset.h"

// The place of a source in Kafka Connect's words, and another one to go on from (admin API, 1.6).
namespace headgate::postgres {

// {"lsn"}: of the last durable commit; where there is none yet, where the stream begins.
SourceOffset OffsetOf(const SourceProgress& progress);

// As SourceFactory::move. The first commit at or behind the place is the next that is read; the place that is shown
// stands for itself and changes nothing.
Result<SourceMove> Move(const Options& options, const SourceProgress& progress, const SourceOffset& to,
                        std::stop_token stop);

}  // namespace headgate::postgres
