#pragma once

#include <memory>
#include <stop_token>

#include "connectors/mysql/options.h"
#include "connectors/mysql/position.h"
#include "core/pipeline/chunk_reader.h"

// How rows are read beside the stream, without a lock (MY-32 to MY-34; docs/adr/0020). Positions in what the pipeline
// hands about are of type BinlogPosition, plans of tables of type TablePlan.
namespace headgate::mysql {

// Whether a stream that has come so far has brought everything up to `target`.
bool Covers(const BinlogPosition& read, const BinlogPosition& target, const Options& options, bool by_gtid);

// The sessions go to the host with that number and to no other. `options` outlives the reader.
std::unique_ptr<ChunkReader> MakeChunkReader(const Options& options, std::size_t host, bool by_gtid,
                                             std::stop_token stop);

}  // namespace headgate::mysql
