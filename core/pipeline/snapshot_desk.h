#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/channel.h"
#include "core/pipeline/chunk_ledger.h"

namespace headgate {

// Rows of a table by the values of one column.
struct SnapshotWhere {
  std::string column;
  std::optional<std::string> from;  // that value too; nothing: from the first
  std::optional<std::string> to;    // without it; nothing: to the last
};

// Tables are to be read again into their streams.
struct SnapshotRequest {
  SnapshotMode mode = SnapshotMode::kFull;
  std::vector<std::string> tables;  // as events name them; none: all that are captured
  std::optional<SnapshotWhere> where;
  std::string note;
  std::string key;          // Idempotency-Key, "" without one
  std::string fingerprint;  // of the request, if there is a key
};
struct SnapshotChange {
  std::uint64_t run = 0;
  SnapshotState state = SnapshotState::kRunning;  // or kPaused, kCancelled
};
// Before the settings name more tables: whether they are there, and whether their rows are to be read.
struct TablesToAdd {
  std::vector<std::string> tables;
  bool snapshot = true;
};

struct SnapshotAnswer {
  enum class Kind : std::uint8_t { kDone, kRepeated, kKeyReused, kUnknown, kInvalid, kConflict, kUnavailable };
  Kind kind = Kind::kDone;
  std::string text;       // if it was not done: why, and what to do
  std::uint64_t run = 0;  // kDone, kRepeated: the snapshot concerned
};

// Pauses, resumes or cancels a snapshot of the ledger, or says why that cannot be; nothing is changed then.
SnapshotAnswer ChangeState(ChunkLedger ledger, const SnapshotChange& change, std::int64_t now_us);

// Where the API asks a source, or a sink, for snapshots. It answers on its own thread when what was asked for is
// durable.
class SnapshotDesk {
 public:
  struct Command {
    std::variant<SnapshotRequest, SnapshotChange, TablesToAdd> what;
    std::string actor;                         // who asks
    std::function<void(SnapshotAnswer)> done;  // called once, by the thread of the source or of who closes. Quick
  };

  // Any thread. False: too many wait, or the source has ended; `done` will not be called.
  bool Offer(Command command) {
    const bool taken = commands_.TryPush(std::move(command));
    if (taken && wake_) wake_();
    return taken;
  }
  // Called after every offer, on any thread; set before anybody else has the desk.
  void SetWake(std::function<void()> wake) { wake_ = std::move(wake); }
  // For the source, on its thread.
  std::optional<Command> Take() { return commands_.TryPop(); }
  // What waits is answered kUnavailable.
  void RefuseWaiting(const std::string& text) {
    while (const auto command = commands_.TryPop()) command->done({SnapshotAnswer::Kind::kUnavailable, text, 0});
  }
  // The same, and nothing is taken any more.
  void Close(const std::string& text) {
    commands_.Close();
    RefuseWaiting(text);
  }

 private:
  Channel<Command> commands_{64};
  std::function<void()> wake_;
};

}  // namespace headgate
