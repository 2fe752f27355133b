#pragma once

#include "connectors/mysql/options.h"
#include "core/log/log.h"
#include "core/pipeline/source_offset.h"

// The place of a source in Kafka Connect's words, and another one to go on from (admin API, 1.6).
namespace headgate::mysql {

// {"file","pos","gtids","row"}; gtids is null where the server is not read by them.
SourceOffset OffsetOf(const SourceProgress& progress);

// As SourceFactory::move. Of a server that is read by GTIDs these decide, else file and pos, which have to be where a
// transaction begins.
Result<SourceMove> Move(const Options& options, const SourceProgress& progress, const SourceOffset& to);

}  // namespace headgate::mysql
