#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/published.h"
#include "core/base/result.h"
#include "core/config/spec.h"
#include "core/log/log.h"
#include "core/pipeline/intake.h"
#include "core/pipeline/snapshot_desk.h"
#include "core/pipeline/source_offset.h"
#include "core/state/events.h"

namespace headgate {

// One finding of a preflight or a live check: what is wrong, on which object, what to do, and the SQL or command that
// mends it (may be empty). `key` is the config key that should change, if one should.
struct Finding {
  enum class Level : std::uint8_t { kOk, kWarning, kError };
  std::string id;  // stable: "wal_level", "grants", "replica_identity"
  Level level = Level::kOk;
  std::string summary;
  std::string hint;
  std::string fix;
  std::string key;
};

// What a source tells about itself; published by its thread, read by the API.
struct SourceTelemetry {
  // Unix time of publication: at least every second, whatever the source does, unless its thread is stuck in a call.
  std::int64_t published_us = 0;
  std::string phase;  // "connecting", "snapshot", "streaming"
  bool connected = false;
  std::string connector = "postgresql";       // how positions are shown (PositionText)
  bool pushed = false;                        // there is no server: whoever has something sends it (intake.h)
  std::uint64_t server_position = 0;          // LSN: the server's end of WAL, as last heard
  std::uint64_t durable_position = 0;         // our last durable commit
  std::uint64_t asked_position = 0;           // the server's end of WAL when it was last asked
  std::int64_t asked_us = 0;                  // Unix time of that question, 0: not yet
  std::optional<std::string> gtid_missing;    // transactions of the server that were not read, as it last told them
  std::uint64_t read_position = 0;            // everything of ours before it is in the log
  std::uint64_t confirmed_position = 0;       // what the server was told
  std::int64_t last_heard_us = 0;             // Unix time of the last message from the server
  std::int64_t oldest_pending_commit_us = 0;  // commit time of the oldest commit not yet durable, 0 if none
  bool caught_up = false;
  std::string slot_name;
  std::int64_t slot_retained_bytes = -1;  // -1: unknown
  std::int64_t slot_safe_bytes = -1;
  std::int64_t slot_seen_us = 0;  // Unix time of the two above, 0: never seen
  std::uint64_t snapshot_rows = 0;
  std::uint64_t snapshot_tables_done = 0;
  std::uint64_t snapshot_tables = 0;
  std::uint64_t ignored_fields = 0;  // of events that were sent: no columns of the stream
  std::vector<Finding> findings;     // standing warnings: lossy settings, tables without identity, gaps
};

// What one Read gathered: whole transactions in commit order, and the source's own state once they are durable.
struct SourceBatch {
  std::vector<Transaction> transactions;
  std::optional<std::string> resume;
  std::vector<ServiceEvent> events;  // what people should know: a snapshot that begins or ends; connector, actor open
  LogWriter::Numbered numbered;      // adds to the write what depends on where the transactions stand in it
  void Clear() {
    transactions.clear();
    resume.reset();
    events.clear();
    numbered = nullptr;
  }
};

// One upstream database, in commit order. Lives on its ingest thread; nothing else calls it but telemetry().
class Source {
 public:
  virtual ~Source() = default;

  // Connects, checks identity against the writer's progress, prepares publication and slot. May declare a gap. The
  // writer tells people of gaps and of changed schemas.
  virtual Status Open(LogWriter& writer, std::stop_token stop) = 0;
  // Waits at most until something is there, a keep-alive is due or 250 ms passed, then takes what has arrived, up to
  // its batch limit. An empty batch is fine. Returns within 250 ms of a stop request (kStopped).
  // The batch may reference streams and schemas defined at the writer meanwhile.
  virtual Status Read(SourceBatch& batch, std::stop_token stop) = 0;
  // What a Read gave is durable: upstream may forget it. Once for each Read that was Ok, in their order.
  virtual Status Acknowledge() = 0;
  // True: it may be read on while what it gave last is being written, on another thread. Then Read uses neither the
  // writer nor anything that a batch refers to (`numbered`).
  virtual bool ReadsAhead() const { return false; }
  // What was read could not be written (full disk). False: it is kept and tried again until it is durable. True: the
  // source has told whoever sent it, and it is dropped; nothing of it is in the log.
  virtual bool GiveUp(const Error& error) {
    static_cast<void>(error);
    return false;
  }
  // Paused: keeps the connection alive without reading on. Called about every 250 ms instead of Read.
  virtual Status KeepAlive() = 0;
  // Closes the connection politely. The slot stays.
  virtual void Close() = 0;

  // Any thread. Somebody waits until the log is as far as the server: it is asked where it is, and read up to there.
  virtual void Look() {}
  // Any thread.
  virtual std::shared_ptr<const SourceTelemetry> telemetry() const = 0;
  // Any thread. Where events are handed in, of a source that they are sent to; the same for its whole life.
  virtual std::shared_ptr<Intake> intake() const { return nullptr; }
  // Any thread. Where snapshots are asked for, of a source that can read tables again; the same for its whole life.
  virtual std::shared_ptr<SnapshotDesk> desk() const { return nullptr; }
};

// What a source leaves on its server when it is deleted; no slot: nothing.
struct Leftover {
  std::string slot;
  std::string drop_sql;
};

// A table of a server, for choosing.
struct ListedTable {
  struct Listed {
    std::string name;
    std::string type;
    bool nullable = true;
    std::uint32_t key_position = 0;  // in the primary key, from 1
  };
  std::string schema;  // MySQL: the database
  std::string name;
  std::vector<Listed> columns;
  std::uint64_t rows_estimate = 0;  // as the server guesses
  std::string replica_identity;     // of PostgreSQL: default, full, index, nothing
};

struct SourceFactory {
  const config::ComponentSpec* spec;
  std::string_view connector;  // "postgresql"
  // Checks across keys; per-key checks were done by Bind, and what failed them is unset here.
  std::vector<config::KeyError> (*check)(const config::Bound&);
  std::unique_ptr<Source> (*create)(const std::string& name, const config::Bound&, const Clock&);
  // Live checks against the server, 10 s at most in all.
  std::vector<Finding> (*preflight)(const std::string& name, const config::Bound&);
  // Drops what the source left upstream (slot; publication if managed), for DELETE ...?drop_slot=true. nullptr:
  // nothing.
  Status (*drop_upstream)(const std::string& name, const config::Bound&);
  // What the server keeps for a source that does not run: slot_name, slot_... and findings about them. Waits for the
  // server, at most some connect timeouts; nullptr if the source leaves nothing upstream.
  Result<SourceTelemetry> (*look_upstream)(const std::string& name, const config::Bound&, const Clock&,
                                           std::stop_token) = nullptr;
  // What would be left without that; from the settings alone.
  Leftover (*leaves)(const std::string& name, const config::Bound&) = nullptr;
  // How far the source is durable by what the log holds of it: a position as in the telemetry, 0 if it never was.
  std::uint64_t (*durable)(const SourceProgress&) = nullptr;
  // Whether what it leaves is there at the moment. Waits for the server, at most some connect timeouts.
  Result<bool> (*still_there)(const std::string& name, const config::Bound&, std::stop_token) = nullptr;
  // What its snapshots have read and are to read, by what the log holds of it.
  stored::ChunkLedger (*ledger)(const SourceProgress&) = nullptr;
  // The one stream of a source that events are sent to.
  std::string (*pushed_stream)(const std::string& name, const config::Bound&) = nullptr;
  // The schema of the one stream of a source whose settings declare it, under the stream's name; as far as the settings
  // are sound.
  std::optional<TableSchema> (*declared_schema)(const std::string& name, const config::Bound&) = nullptr;
  // Where it is by what the log holds of it, in Kafka Connect's words (KC21); empty: nowhere yet.
  SourceOffset (*offset)(const SourceProgress&) = nullptr;
  // Another place to go on from (KC23). Asks the server whether it can be, and waits for it, at most some connect
  // timeouts; changes nothing. kConfig, with the reason and what can be, if not. nullptr: it has one place only.
  Result<SourceMove> (*move)(const std::string& name, const config::Bound&, const SourceProgress&,
                             const SourceOffset& to, std::stop_token) = nullptr;
  // What people have to know who move it (KC24).
  std::string_view move_note = {};
  // The tables of its server, whatever the settings choose; 10 s at most. nullptr: it has none.
  Result<std::vector<ListedTable>> (*list_tables)(const std::string& name, const config::Bound&) = nullptr;
  // Of a source that has a place in each of several partitions, with `offset` as its sum: all of them, and other places
  // for some of them, instead of `move`.
  std::vector<OffsetEntry> (*offsets)(const SourceProgress&) = nullptr;
  Result<SourceMove> (*move_partitions)(const std::string& name, const config::Bound&, const SourceProgress&,
                                        const std::vector<OffsetEntry>& to, std::stop_token) = nullptr;
};

}  // namespace headgate
