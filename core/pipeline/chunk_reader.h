#pragma once

#include <any>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/model/change.h"
#include "core/pipeline/change_watch.h"
#include "core/pipeline/snapshot_desk.h"

// What a connector gives to snapshots by chunks (chunk_snapshots.h): how rows are read, and where they stand in its
// stream (docs/adr/0020).
namespace headgate {

// A table as its rows are read.
struct ChunkTable {
  std::string name;  // as events name it
  StreamNo stream = 0;
  std::uint32_t schema = 0;
  std::vector<std::size_t> key;      // columns that identify a row, in key order; empty: nothing does
  bool key_is_hidden = false;        // what it is at the server may not be stored: after a restart all is read again
  std::uint64_t rows_estimate = 0;   // as the server guesses; 0: it does not
  std::string statement;             // SchemaExtra of the statement that makes it, told where its rows begin; "": none
  std::shared_ptr<const void> plan;  // the connector's own
};

// How far the stream is, as workers see it.
struct StreamView {
  std::any position;  // the connector's own
  ChangeWatch::Moment moment = 0;
  bool held = false;  // nothing is read beyond the position until the table that waits for that is read
};

// Some rows of a table, as changes of Op::kRead.
struct Chunk {
  Transaction rows;
  std::any seen;                  // it shows nothing that is behind that position
  std::string low, high;          // for people: positions before and behind the read
  std::vector<std::string> next;  // texts of the key's columns of the last row, as the connector wants them back
  bool last = false;
  bool changed = false;  // the table is not as it was planned: nothing was read
};

// The sessions of one worker. Lives on its thread, in which all is called.
class ChunkReader {
 public:
  virtual ~ChunkReader() = default;
  virtual Status Open() = 0;

  // Where a chunk lies in its table.
  struct Range {
    std::vector<std::string> next;  // behind this key; none: from the first row
    std::optional<SnapshotWhere> where;
    std::size_t rows_max = 0;
  };
  // The next rows of a table with a key. They show everything that the stream had brought at `view`. Fills the chunk,
  // except that `asked` is not its affair. kRejected if the server refused the values of `where`.
  virtual Status ReadChunk(const ChunkTable& table, const Range& range, const StreamView& view, Chunk& chunk) = 0;

  // All rows of a table without a key, as they are at one position: `hold` is told it before the first row, and the
  // stream, which stands still at `view`, is read up to there first. Each call of `give` hands a chunk over. Both are
  // false when the work is to stop. Not told the last chunk of what comes in several: it is the last when it returns.
  using Hold = std::function<bool(std::any position)>;
  using Give = std::function<bool(Chunk chunk)>;
  virtual Status ReadWhole(const ChunkTable& table, const StreamView& view, const Hold& hold, const Give& give) = 0;
};

// The source as snapshots see it. Lives on the ingest thread, in which all is called.
class ChunkHost {
 public:
  virtual ~ChunkHost() = default;
  // As the server has the table now, by the name that events give it; nothing if it is not there. Asks the server.
  virtual Result<std::optional<ChunkTable>> PlanTable(const std::string& table) = 0;
  virtual Result<bool> HasTable(const std::string& table) = 0;
  // Tables that the settings select, as the server has them now.
  virtual Result<std::vector<std::string>> ListCaptured() = 0;
  // Why it cannot be read, all of it or by `where`; "" if it can.
  virtual std::string Problem(const ChunkTable& table, const std::optional<SnapshotWhere>& where) const = 0;
  virtual std::unique_ptr<ChunkReader> NewReader(std::stop_token stop) = 0;

  // The stream. Between transactions only may rows go into the log.
  virtual std::any StreamPosition() const = 0;
  virtual bool Covers(const std::any& seen) const = 0;  // whether the stream has brought everything up to there
  virtual bool InTransaction() const = 0;
  // The newest version of its schema; rows that were read by an older one are read again.
  virtual std::uint32_t SchemaOf(StreamNo stream) const = 0;
  // Where the reader cannot wait until it sees everything that the stream had brought at `asked`: the last moment of
  // which the chunk shows everything.
  virtual ChangeWatch::Moment Shown(const Chunk& chunk, ChangeWatch::Moment asked) {
    static_cast<void>(chunk);
    return asked;
  }
  // Marks a chunk with the place where the stream is: consistent_at and what else events tell of it.
  virtual void Stamp(TransactionInfo& info) const = 0;
  // Changes of a table without a key are left out from now on, or no longer: they are in what will be read.
  virtual void SetMuted(const ChunkTable& table, bool muted) = 0;
};

}  // namespace headgate
