#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "connectors/postgres/catalog.h"
#include "connectors/postgres/connection.h"
#include "connectors/postgres/options.h"
#include "connectors/postgres/publication.h"
#include "connectors/postgres/silence.h"
#include "core/base/channel.h"
#include "core/model/change.h"

// The rows that are there, read by COPY at exactly the point where a slot starts (PG-13, PG-19), several tables at once
// (PG-20). Every worker's session is pinned to the slot's exported snapshot; that they see the same is verified, not
// assumed (P19).
namespace headgate::postgres {

// One table to read, with everything its rows need.
struct SnapshotTable {
  std::string name;  // schema.table
  StreamNo stream = 0;
  std::uint32_t schema = 0;
  std::string copy_sql;
  std::string lock_sql;                           // keeps the table as it is until it was read
  std::string storage_sql;                        // CatalogTable::storage and TypesSql as of now
  std::string storage;                            // both as they were before the snapshot was taken
  std::vector<TypePtr> types;                     // by column
  std::shared_ptr<const RowTransform> transform;  // of its rows, before they are kept; nullptr: none
  bool stale_rows = false;  // the stream has rows that are not of this table: the marker that begins it takes them back
};
// COPY statement for a table: the captured columns, the publication's row filter (PG-40).
std::string CopySql(const CapturedTable& captured, const std::vector<std::string>& columns);

// SQL expression for the types of a table's columns by their names as they are now, whatever the snapshot of the
// transaction: the statement's names are looked up in the newest catalog. And what it should give.
std::string TypesSql(const CatalogTable& table, const std::vector<std::string>& columns);
std::string TypesOf(const CatalogTable& table, const std::vector<std::string>& columns);

// Partitions are locked with their root.
std::string LockSql(const CatalogTable& table);

struct SnapshotRun {
  std::uint64_t run = 1;
  std::uint64_t consistent_at = 0;  // LSN
  std::int64_t started_us = 0;      // Unix; one for all rows, they are as of one moment
};

// What a worker hands over: a marker or a chunk of rows.
struct SnapshotItem {
  std::size_t table = 0;
  Transaction transaction;
  std::uint64_t rows = 0;
  bool data = false;       // rows, not a marker
  bool last = false;       // data: the last chunk of its table
  bool completed = false;  // the marker that ends the table
  std::optional<Error> error;
};

// Owns the workers. Lives on the ingest thread.
class Snapshot {
 public:
  // Opens the sessions and pins them to `snapshot_name`, which must be valid until this returns.
  static Result<std::unique_ptr<Snapshot>> Pin(const Options& options, const std::string& client_encoding,
                                               const std::string& snapshot_name, const std::string& system_identifier,
                                               std::size_t workers, std::stop_token stop);
  ~Snapshot();
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  // The transaction id that the snapshot ends before, as text.
  const std::string& xid() const { return xid_; }
  void Start(std::vector<SnapshotTable> tables, const SnapshotRun& run);
  // The next item, if one comes until the deadline.
  std::optional<SnapshotItem> Next(Connection::Deadline deadline, std::stop_token stop);
  // The reads to which the server has sent nothing for so long.
  std::vector<Silence> SilentFor(std::chrono::milliseconds at_least) const;

 private:
  using Time = Connection::Deadline;
  // What one worker waits for, as the ingest thread sees it.
  struct Watch {
    int pid = 0;
    std::atomic<std::size_t> table = 0;
    std::atomic<Time> since = Time::min();  // min: it does not wait for the server
  };
  // Rows as large as a chunk, or larger, must not add up: so many bytes keep the workers busy while the log syncs.
  static constexpr std::size_t kWaitingBytes = 8U << 20;
  explicit Snapshot(const Options& options)
      : options_(options), items_(options.snapshot_workers * 2 + 2, kWaitingBytes) {}
  void Work(std::unique_ptr<Connection> connection, Watch& watch, std::stop_token stop);
  Status HoldTable(Connection& connection, const SnapshotTable& table, std::stop_token stop);
  Status ReadTable(Connection& connection, std::size_t index, Watch& watch, std::stop_token stop);
  Transaction NewTransaction(std::size_t index, std::uint64_t chunk) const;
  bool PushMarker(std::size_t index, std::uint64_t chunk, bool completed, std::uint64_t rows, std::stop_token stop);

  const Options options_;
  std::vector<std::unique_ptr<Connection>> connections_;  // pinned, until Start gives them to their threads
  std::string xid_;
  std::vector<SnapshotTable> tables_;  // constant once Start ran
  SnapshotRun run_;
  std::atomic<std::size_t> next_table_ = 0;
  std::deque<Watch> watches_;  // one a worker; constant once Start ran
  Channel<SnapshotItem> items_;
  std::vector<std::jthread> threads_;
};

}  // namespace headgate::postgres
