#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "connectors/postgres/options.h"
#include "connectors/postgres/publication.h"
#include "connectors/postgres/types.h"
#include "core/pipeline/chunk_reader.h"

// How rows are read again beside the stream, without a lock and without writing (PG-23, PG-24; docs/adr/0020). Each
// chunk is of a snapshot of its own. Positions in what the pipeline hands about are of type ChunkPlace, plans of tables
// of type ChunkPlan.
namespace headgate::postgres {

// What a chunk was read at: which transactions it sees, and the end of the WAL then. Everything it sees was committed
// before `lsn`. A quiet server may keep the last bytes before it to itself for long, as they hold no commit; what was
// committed, if asynchronously, it has written after three times wal_writer_delay (PostgreSQL, 30.4).
struct ChunkPlace {
  std::uint64_t lsn = 0;
  std::int64_t written_us = 0;      // Unix time when all that it sees is written
  std::uint32_t xmin = 0;           // transactions before it have ended
  std::uint32_t xmax = 0;           // it and what is behind it has not begun
  std::vector<std::uint32_t> open;  // those between that had not ended

  // Whether it sees what a transaction of the stream did, in the order of transaction ids of 32 bits.
  bool Sees(std::uint32_t xid) const;
  // Of pg_current_snapshot(): "10:20:10,14,15". False if it is none.
  bool ParseSnapshot(std::string_view text);
};

// pg_current_wal_insert_lsn right behind the header of a page is the end of the page before, for a reader of the WAL.
std::uint64_t EndOfWal(std::uint64_t insert_lsn);

struct ChunkPlan {
  CapturedTable captured;
  std::vector<std::string> columns;
  std::vector<std::size_t> key;  // of `columns`, in key order
  std::vector<TypePtr> types;
  std::shared_ptr<const RowTransform> transform;  // of its rows, before they are kept; nullptr: none
  StreamNo stream = 0;
  std::uint32_t schema = 0;
};

// The rows of a range, in the order of the key.
std::string ChunkSql(const ChunkPlan& plan, const ChunkReader::Range& range);

// Rows of a table with its partitions, as the server guesses; 0 if it does not.
Result<std::uint64_t> EstimateRows(Connection& connection, std::uint32_t oid, std::stop_token stop);

// `options` outlives the reader.
std::unique_ptr<ChunkReader> MakeChunkReader(const Options& options, const std::string& client_encoding,
                                             std::stop_token stop);

}  // namespace headgate::postgres
