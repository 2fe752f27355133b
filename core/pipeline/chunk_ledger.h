#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/change.pb.h"

namespace headgate {

enum class SnapshotMode : std::uint8_t {
  kInitial = 1,  // tables that were never read
  kResync = 2,   // behind a gap, or again from the start
  kFull = 3,     // somebody asked for the tables
  kPartial = 4,  // for some of their rows
  kRebuild = 5,  // of a sink: into a target that is made anew (rebuild.h)
};
std::string_view Name(SnapshotMode mode);

enum class SnapshotState : std::uint8_t { kPending, kRunning, kPaused, kCompleted, kCancelled, kFailed };
std::string_view Name(SnapshotState state);
std::optional<SnapshotState> ParseSnapshotState(std::string_view name);
inline bool HasEnded(SnapshotState state) { return state >= SnapshotState::kCompleted; }

// What snapshots by chunks have read and are to read: the part of a source's own state (SourceProgress.resume) that
// makes them survive a crash. Everything in it is durable with the chunks of the same write, or not at all. Lives on
// the ingest thread; readers have a copy.
//
// A handle on what is stored, to be passed by value.
class ChunkLedger {
 public:
  using Snapshot = stored::ChunkedSnapshot;
  using Table = stored::ChunkedTable;

  // `stored` is part of what the source encodes, and outlives the ledger.
  explicit ChunkLedger(stored::ChunkLedger& stored) : stored_(&stored) {}

  bool IsRead(std::string_view table) const;
  // A snapshot that has not ended will read it whole.
  bool IsPlanned(std::string_view table) const;
  void SetRead(const std::string& table);
  // What was read of it does not count any more: it has to be read again, whole.
  void Forget(std::string_view table, std::int64_t now_us);

  // Snapshots. A run numbers the chunks of each table: 0 its start, then the rows, last its end.
  Snapshot& Begin(SnapshotMode mode, const std::vector<std::string>& tables, std::int64_t now_us);
  Snapshot* Find(std::uint64_t run);
  std::vector<Snapshot*> Unfinished();
  // Of a snapshot that has not ended; nullptr: none reads the table.
  Table* FindUnfinished(std::string_view table);
  // One more number, for a snapshot that is not by chunks.
  std::uint64_t TakeRun() {
    stored_->set_run(stored_->run() + 1);
    return stored_->run();
  }

  // The table as one that a new run reads from the start, because what was read of it is not to be continued.
  void Restart(Snapshot& snapshot, Table& table, std::int64_t now_us);
  void SetState(Snapshot& snapshot, SnapshotState state, std::int64_t now_us);
  // Ends a snapshot whose tables have all ended. True if it has ended by that.
  bool EndIfDone(Snapshot& snapshot, std::int64_t now_us);

  const stored::ChunkLedger& stored() const { return *stored_; }

 private:
  void DropOld();

  stored::ChunkLedger* stored_;
};

inline SnapshotState StateOf(const stored::ChunkedSnapshot& s) { return static_cast<SnapshotState>(s.state()); }
inline SnapshotState StateOf(const stored::ChunkedTable& t) { return static_cast<SnapshotState>(t.state()); }
inline SnapshotMode ModeOf(const stored::ChunkedSnapshot& s) { return static_cast<SnapshotMode>(s.mode()); }
// Its rows replace what consumers have of the table; else they are told beside a stream that goes on.
bool IsLoad(const stored::ChunkedSnapshot& snapshot);

}  // namespace headgate
