#include "core/pipeline/rebuilds.h"

#include <algorithm>
#include <array>

#include "core/base/failpoint.h"
#include "core/pipeline/sink.h"

namespace headgate {
namespace {

constexpr std::array<std::string_view, 10> kPhases = {"",        "create", "dual",   "load", "settle",
                                                      "compare", "swap",   "retire", "drop", "ended"};
constexpr auto kHeldMax = std::chrono::seconds(10);
constexpr auto kCompareAgain = std::chrono::seconds(5);
constexpr int kHeldInVainMax = 20;
constexpr std::uint64_t kPickedAll = 10'000;  // rows: so few are compared whole
constexpr std::uint64_t kPicked = 1'000;      // of more
constexpr auto kStateAgain = std::chrono::milliseconds(50);

}  // namespace

std::string_view Name(RebuildPhase phase) { return kPhases[static_cast<std::size_t>(phase)]; }

// The one that is under way; else one that left something to delete.
Rebuilds::Snapshot* Rebuilds::InHand() const {
  Snapshot* left = nullptr;
  for (Snapshot& snapshot : *stored_.mutable_snapshots()) {
    const RebuildPhase phase = PhaseOf(snapshot);
    if (phase == RebuildPhase::kNone || phase == RebuildPhase::kEnded) continue;
    if (!HasEnded(StateOf(snapshot))) return &snapshot;
    const bool due = phase == RebuildPhase::kDrop || snapshot.due_us() <= clock_.NowUs();
    if (left == nullptr && due) left = &snapshot;
  }
  return left;
}

// What the sink itself asks for.
bool Rebuilds::BeginWanted() {
  const std::vector<std::string> streams = sink_->wanted();
  const Snapshot* const busy = streams.empty() ? nullptr : InHand();
  if (streams.empty() || (busy != nullptr && !HasEnded(StateOf(*busy)))) return false;
  Snapshot& snapshot = ChunkLedger(stored_).Begin(SnapshotMode::kRebuild, streams, clock_.NowUs());
  snapshot.set_note("the sink's own: on_schema_change=rebuild");
  Begin(snapshot);
  tell_(snapshot, "begun, as rows do not fit the target any more");
  return true;
}

RebuildPlan Rebuilds::PlanOf(const Snapshot& snapshot) const {
  RebuildPlan plan;
  plan.run = snapshot.run();
  plan.tag = std::to_string(snapshot.run()) + "-" + std::to_string(snapshot.requested_us());
  plan.phase = PhaseOf(snapshot);
  plan.notes = snapshot.rebuild();
  plan.due_us = snapshot.due_us();
  const auto registry = log_.registry();
  for (const auto& table : snapshot.tables()) {
    const StreamInfo* stream = registry->FindStream(table.table());
    if (stream == nullptr) continue;
    const std::uint32_t version = registry->LatestVersion(stream->number);
    const TableSchema* schema = registry->Schema(stream->number, version);
    const SourceInfo* source = registry->Source(stream->source);
    if (schema != nullptr && source != nullptr) plan.streams.push_back({*source, *stream, *schema, version});
  }
  return plan;
}

void Rebuilds::SetSink(Rebuilder* sink) {
  sink_ = sink;
  Stored();
}

void Rebuilds::Stored() {
  if (sink_ == nullptr) return;
  const Snapshot* const snapshot = InHand();
  if (snapshot == nullptr || (snapshot->run() == given_run_ && PhaseOf(*snapshot) == given_)) return;
  HG_FAILPOINT("rebuild.stored");
  given_run_ = snapshot->run();
  given_ = PhaseOf(*snapshot);
  sink_->Take(PlanOf(*snapshot));
}

std::optional<SnapshotAnswer> Rebuilds::Refusal() const {
  using Kind = SnapshotAnswer::Kind;
  if (sink_ == nullptr)
    return SnapshotAnswer{Kind::kInvalid,
                          "rebuild is for sinks that can make their target anew beside the old one, which this one "
                          "cannot: take full or partial.",
                          0};
  if (Status can = sink_->CanRebuild(); !can.ok()) return SnapshotAnswer{Kind::kInvalid, can.error().what, 0};
  for (const Snapshot& snapshot : stored_.snapshots()) {
    if (ModeOf(snapshot) == SnapshotMode::kRebuild && !HasEnded(StateOf(snapshot)))
      return SnapshotAnswer{Kind::kConflict,
                            "Rebuild " + std::to_string(snapshot.run()) + " has not ended. Cancel it, or wait for it.",
                            0};
  }
  return std::nullopt;
}

void Rebuilds::Begin(Snapshot& snapshot) {
  ChunkLedger(stored_).SetState(snapshot, SnapshotState::kRunning, clock_.NowUs());
  snapshot.set_started_us(clock_.NowUs());
  Enter(snapshot, RebuildPhase::kCreate);
}

std::optional<SnapshotAnswer> Rebuilds::Refusal(const Snapshot& snapshot, SnapshotState state) {
  const RebuildPhase phase = PhaseOf(snapshot);
  if (phase == RebuildPhase::kNone || HasEnded(StateOf(snapshot))) return std::nullopt;
  const std::string now = "The rebuild is in phase " + std::string(Name(phase));
  if (state == SnapshotState::kCancelled && phase == RebuildPhase::kSwap)
    return SnapshotAnswer{SnapshotAnswer::Kind::kConflict, now + ": it cannot be cancelled any more.", 0};
  if (state == SnapshotState::kPaused && phase != RebuildPhase::kLoad)
    return SnapshotAnswer{SnapshotAnswer::Kind::kConflict, now + ": only its load can be paused.", 0};
  return std::nullopt;
}

void Rebuilds::Enter(Snapshot& snapshot, RebuildPhase phase) {
  HG_FAILPOINT("rebuild.phase");
  snapshot.set_phase(static_cast<std::uint32_t>(phase));
  StopComparing();
  stream_ = held_in_vain_ = 0;
  compare_at_ = {};
}

void Rebuilds::Cancelled(Snapshot& snapshot) { Enter(snapshot, RebuildPhase::kDrop); }

void Rebuilds::Loaded(Snapshot& snapshot, bool whole) {
  if (whole) return Enter(snapshot, RebuildPhase::kSettle);
  Fail(snapshot, "the state of a stream cannot be read");
}

void Rebuilds::Fail(Snapshot& snapshot, const std::string& error) {
  snapshot.set_error(error);
  for (auto& table : *snapshot.mutable_tables()) {
    if (!HasEnded(StateOf(table))) table.set_state(static_cast<std::uint32_t>(SnapshotState::kFailed));
  }
  ChunkLedger(stored_).SetState(snapshot, SnapshotState::kFailed, clock_.NowUs());
  tell_(snapshot, "failed, the old target stays: " + error);
  Enter(snapshot, RebuildPhase::kDrop);
}

Result<bool> Rebuilds::Step(Seq handed) {
  if (sink_ == nullptr) return false;
  if (BeginWanted()) return true;
  Snapshot* const snapshot = InHand();
  if (snapshot == nullptr) return false;
  if (snapshot->run() != given_run_ || PhaseOf(*snapshot) != given_) return false;  // Stored is still to come
  const RebuildTold told = sink_->told();
  if (!told.error.empty() && !HasEnded(StateOf(*snapshot))) {
    Fail(*snapshot, told.error);
    return true;
  }
  bool changed = false;
  if (told.notes != snapshot->rebuild()) {
    snapshot->set_rebuild(told.notes);
    changed = true;
  }
  if (told.phase > given_) {
    if (told.phase == RebuildPhase::kRetire) {
      snapshot->set_due_us(told.due_us);
      snapshot->set_swapped_at(std::to_string(handed) + "-1");
      ChunkLedger(stored_).SetState(*snapshot, SnapshotState::kCompleted, clock_.NowUs());
      tell_(*snapshot, "completed, readers have the new target");
    }
    Enter(*snapshot, told.phase);
    return true;
  }
  if (given_ != RebuildPhase::kCompare) return changed;
  HG_ASSIGN_OR_RETURN(const bool compared, Compare(*snapshot, handed));
  return changed || compared;
}

// --- the comparison

void Rebuilds::StopComparing() {
  count_.reset();
  counted_ = reached_ = asked_ = checks_ = false;
  documents_.reset();
}

std::optional<Clock::Steady::time_point> Rebuilds::step_at() const {
  if (given_ != RebuildPhase::kCompare || InHand() == nullptr) return std::nullopt;
  if (count_ == nullptr) return compare_at_;
  if (!counted_ && (!asked_ || documents_)) return clock_.Now();
  if (checks_) return std::nullopt;
  return asked_ && !documents_ ? std::optional(held_since_ + kHeldMax) : std::nullopt;
}

// The documents as of one entry against the rows as of the same one. The sink is held there only for the documents: the
// rows are of a view of the store that stays.
Result<bool> Rebuilds::Compare(Snapshot& snapshot, Seq handed) {
  const auto now = clock_.Now();
  if (count_ == nullptr) {
    if (now < compare_at_) return false;
    const auto registry = log_.registry();
    const StreamInfo* const stream = registry->FindStream(snapshot.tables(stream_).table());
    if (stream == nullptr) {
      Fail(snapshot, "a stream is gone");
      return true;
    }
    const std::uint64_t loaded = snapshot.tables(stream_).rows();
    const std::uint64_t every = loaded < kPickedAll ? 1 : loaded / kPicked;
    auto count = state_->Count(*stream, handed, every);
    if (!count.ok() && count.error().kind != ErrorKind::kTransient) {
      Fail(snapshot, count.error().what);
      return true;
    }
    if (count.ok()) count_ = std::move(*count);
    compare_at_ = now + kStateAgain;
    return false;
  }
  if (reached_ && !asked_) {
    asked_ = true;
    held_since_ = now;
    sink_->Count(snapshot.tables(stream_).table());
  }
  if (asked_ && !documents_) {
    documents_ = sink_->counted();
    if (!documents_ && now - held_since_ >= kHeldMax) {
      StopComparing();
      compare_at_ = now + kCompareAgain;
      if (++held_in_vain_ < kHeldInVainMax) return false;
      Fail(snapshot, "the documents could not be counted within 10 s");
      return true;
    }
  }
  if (!counted_) {
    HG_ASSIGN_OR_RETURN(counted_, count_->Step());
  }
  if (checks_) return Checked(snapshot);
  return counted_ && documents_ ? CompareNumbers(snapshot) : false;
}

// Rows that are dead letters may have no document.
Result<bool> Rebuilds::CompareNumbers(Snapshot& snapshot) {
  const std::string& stream = snapshot.tables(stream_).table();
  HG_ASSIGN_OR_RETURN(const std::uint64_t letters, letters_(stream));
  const std::uint64_t rows = count_->rows();
  if (*documents_ > rows || rows - *documents_ > letters || FailpointHit("rebuild.unequal")) {
    Fail(snapshot, "the new target has " + std::to_string(*documents_) + " documents of stream " + stream +
                       ", which has " + std::to_string(rows) + " rows and " + std::to_string(letters) +
                       " dead letters at the same place of the log");
    return true;
  }
  GivePicked();
  checks_ = true;
  return false;
}

void Rebuilds::GivePicked() {
  const auto registry = log_.registry();
  TransactionInfo info = count_->picked().info;
  info.position = {PositionKind::kState, given_run_, 0, count_->at(), {}};
  for (const auto& block : count_->picked().blocks()) {
    ChangeReader reader(block.bytes, block.first_ordinal);
    for (Change change; reader.Next(change);) {
      Event event;
      event.at = {count_->at(), kStateOrdinal};
      event.number = number_;
      event.tx = &info;
      event.change = &change;
      event.stream = registry->Stream(change.stream);
      event.schema = registry->Schema(change.stream, change.schema);
      event.source = event.stream == nullptr ? nullptr : registry->Source(event.stream->source);
      if (event.source != nullptr && event.schema != nullptr) sink_->Check(event);
    }
  }
}

// Of a row that is a dead letter the document may be older.
Result<bool> Rebuilds::Checked(Snapshot& snapshot) {
  const auto checked = sink_->checked();
  if (!checked) return false;
  HG_ASSIGN_OR_RETURN(const std::uint64_t letters, letters_(snapshot.tables(stream_).table()));
  if (checked->differ > letters) {
    Fail(snapshot, checked->what + "; " + std::to_string(checked->differ) + " of those that were compared differ");
    return true;
  }
  StopComparing();
  if (++stream_ < snapshot.tables_size()) return false;
  Enter(snapshot, RebuildPhase::kSwap);
  return true;
}

}  // namespace headgate
