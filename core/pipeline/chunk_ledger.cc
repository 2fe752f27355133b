#include "core/pipeline/chunk_ledger.h"

#include <algorithm>
#include <array>

#include "core/pipeline/rebuild.h"

namespace headgate {
namespace {

constexpr int kEndedMax = 20;  // that are kept, for people
constexpr std::array<std::string_view, 6> kStates = {"pending",   "running",   "paused",
                                                     "completed", "cancelled", "failed"};

}  // namespace

std::string_view Name(SnapshotMode mode) {
  switch (mode) {
    case SnapshotMode::kInitial:
      return "initial";
    case SnapshotMode::kResync:
      return "resync";
    case SnapshotMode::kFull:
      return "full";
    case SnapshotMode::kPartial:
      return "partial";
    case SnapshotMode::kRebuild:
      return "rebuild";
  }
  return "unknown";
}

std::string_view Name(SnapshotState state) { return kStates[static_cast<std::size_t>(state)]; }

std::optional<SnapshotState> ParseSnapshotState(std::string_view name) {
  const auto found = std::ranges::find(kStates, name);
  if (found == kStates.end()) return std::nullopt;
  return static_cast<SnapshotState>(found - kStates.begin());
}

bool IsLoad(const stored::ChunkedSnapshot& snapshot) {
  return ModeOf(snapshot) == SnapshotMode::kInitial || ModeOf(snapshot) == SnapshotMode::kResync;
}

bool ChunkLedger::IsRead(std::string_view table) const {
  return std::ranges::find(stored_->read(), table) != stored_->read().end();
}

bool ChunkLedger::IsPlanned(std::string_view table) const {
  return std::ranges::any_of(stored_->snapshots(), [&](const Snapshot& snapshot) {
    return IsLoad(snapshot) && !HasEnded(StateOf(snapshot)) &&
           std::ranges::any_of(snapshot.tables(),
                               [&](const Table& t) { return t.table() == table && !HasEnded(StateOf(t)); });
  });
}

void ChunkLedger::SetRead(const std::string& table) {
  if (!IsRead(table)) stored_->add_read(table);
}

void ChunkLedger::Forget(std::string_view table, std::int64_t now_us) {
  auto& read = *stored_->mutable_read();
  if (const auto found = std::ranges::find(read, table); found != read.end()) read.erase(found);
  for (Snapshot* snapshot : Unfinished()) {
    for (Table& entry : *snapshot->mutable_tables()) {
      if (entry.table() != table || HasEnded(StateOf(entry))) continue;
      entry.set_state(static_cast<std::uint32_t>(SnapshotState::kCancelled));
      entry.set_error("it is read again behind a gap");
    }
    EndIfDone(*snapshot, now_us);
  }
}

ChunkLedger::Snapshot& ChunkLedger::Begin(SnapshotMode mode, const std::vector<std::string>& tables,
                                          std::int64_t now_us) {
  DropOld();
  Snapshot& snapshot = *stored_->add_snapshots();
  snapshot.set_run(TakeRun());
  snapshot.set_mode(static_cast<std::uint32_t>(mode));
  snapshot.set_requested_us(now_us);
  for (const std::string& table : tables) snapshot.add_tables()->set_table(table);
  return snapshot;
}

void ChunkLedger::DropOld() {
  auto& all = *stored_->mutable_snapshots();
  const auto is_over = [](const Snapshot& s) {
    return HasEnded(StateOf(s)) && (PhaseOf(s) == RebuildPhase::kNone || PhaseOf(s) == RebuildPhase::kEnded);
  };
  auto ended = std::ranges::count_if(all, is_over);
  for (auto it = all.begin(); it != all.end() && ended > kEndedMax;) {
    if (!is_over(*it)) {
      ++it;
      continue;
    }
    it = all.erase(it);
    --ended;
  }
}

ChunkLedger::Snapshot* ChunkLedger::Find(std::uint64_t run) {
  auto& all = *stored_->mutable_snapshots();
  const auto found = std::ranges::find_if(all, [&](const Snapshot& s) { return s.run() == run; });
  return found == all.end() ? nullptr : &*found;
}

std::vector<ChunkLedger::Snapshot*> ChunkLedger::Unfinished() {
  std::vector<Snapshot*> unfinished;
  for (Snapshot& snapshot : *stored_->mutable_snapshots()) {
    if (!HasEnded(StateOf(snapshot))) unfinished.push_back(&snapshot);
  }
  return unfinished;
}

ChunkLedger::Table* ChunkLedger::FindUnfinished(std::string_view table) {
  for (Snapshot* snapshot : Unfinished()) {
    for (Table& entry : *snapshot->mutable_tables()) {
      if (entry.table() == table && !HasEnded(StateOf(entry))) return &entry;
    }
  }
  return nullptr;
}

void ChunkLedger::Restart(Snapshot& snapshot, Table& table, std::int64_t now_us) {
  const bool stale = table.stale_rows() || table.chunks() > 0;
  table.set_state(static_cast<std::uint32_t>(SnapshotState::kCancelled));
  table.set_error("it is read again from the start");
  Begin(SnapshotMode::kResync, {table.table()}, now_us).mutable_tables(0)->set_stale_rows(stale);
  EndIfDone(snapshot, now_us);
}

void ChunkLedger::SetState(Snapshot& snapshot, SnapshotState state, std::int64_t now_us) {
  if (snapshot.paused_since_us() != 0) {
    snapshot.set_paused_us(snapshot.paused_us() + now_us - snapshot.paused_since_us());
    snapshot.set_paused_since_us(0);
  }
  if (state == SnapshotState::kPaused) snapshot.set_paused_since_us(now_us);
  if (HasEnded(state)) snapshot.set_ended_us(now_us);
  snapshot.set_state(static_cast<std::uint32_t>(state));
}

bool ChunkLedger::EndIfDone(Snapshot& snapshot, std::int64_t now_us) {
  SnapshotState state = SnapshotState::kCancelled;
  for (const Table& table : snapshot.tables()) {
    if (!HasEnded(StateOf(table))) return false;
    if (StateOf(table) == SnapshotState::kFailed) state = SnapshotState::kFailed;
    if (StateOf(table) == SnapshotState::kCompleted && state == SnapshotState::kCancelled)
      state = SnapshotState::kCompleted;
  }
  SetState(snapshot, state, now_us);
  return true;
}

}  // namespace headgate
