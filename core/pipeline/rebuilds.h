#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/pipeline/chunk_ledger.h"
#include "core/pipeline/rebuild.h"
#include "core/pipeline/snapshot_desk.h"
#include "core/pipeline/state_reader.h"

namespace headgate {

// Takes rebuilds from phase to phase: what the sink tells becomes what is stored, and what is stored is told to the
// sink. A part of Backfills, which sends the rows of kLoad; on the sink's thread. One is in hand at a time; the targets
// that older ones left are deleted when there is none.
class Rebuilds {
 public:
  using Snapshot = stored::ChunkedSnapshot;
  using Letters = std::function<Result<std::uint64_t>(const std::string& stream)>;  // dead letters of it

  // All must outlive it; `state` may be nullptr. `told` gets what people may want to know.
  Rebuilds(const Log& log, StateReader* state, stored::ChunkLedger& stored, const Clock& clock, Letters letters,
           std::function<void(const Snapshot&, std::string)> tell)
      : log_(log),
        state_(state),
        stored_(stored),
        clock_(clock),
        letters_(std::move(letters)),
        tell_(std::move(tell)) {}

  // Once the sink is open, before it gets anything: what is stored goes to it.
  void SetSink(Rebuilder* sink);

  // Why none can begin, if so.
  std::optional<SnapshotAnswer> Refusal() const;
  void Begin(Snapshot& snapshot);
  // Why it cannot become that now, if so.
  static std::optional<SnapshotAnswer> Refusal(const Snapshot& snapshot, SnapshotState state);
  void Cancelled(Snapshot& snapshot);
  // All of its rows are sent, or cannot be.
  void Loaded(Snapshot& snapshot, bool whole);

  // What the sink says, and the comparison. `handed`: the entry of which the sink was given something last. True if
  // what is to be stored has changed.
  Result<bool> Step(Seq handed);
  // True if nothing of the entry `next` may be handed over yet; Hold says that all before it was.
  bool HoldsBefore(Seq next) const { return count_ != nullptr && !documents_ && count_->at() < next; }
  // `number`: of the last change before, 0 if it is not known.
  void Hold(std::uint64_t number) {
    reached_ = true;
    number_ = number;
  }
  // When Step has something to do that nobody wakes it for.
  std::optional<Clock::Steady::time_point> step_at() const;

  // What was to be stored is.
  void Stored();

 private:
  Snapshot* InHand() const;
  RebuildPlan PlanOf(const Snapshot& snapshot) const;
  bool BeginWanted();
  void Enter(Snapshot& snapshot, RebuildPhase phase);
  void Fail(Snapshot& snapshot, const std::string& error);
  Result<bool> Compare(Snapshot& snapshot, Seq handed);
  Result<bool> CompareNumbers(Snapshot& snapshot);
  void GivePicked();
  Result<bool> Checked(Snapshot& snapshot);
  void StopComparing();

  const Log& log_;
  StateReader* const state_;
  stored::ChunkLedger& stored_;
  const Clock& clock_;
  const Letters letters_;
  const std::function<void(const Snapshot&, std::string)> tell_;
  Rebuilder* sink_ = nullptr;
  std::uint64_t given_run_ = 0;  // the plan that the sink has
  RebuildPhase given_ = RebuildPhase::kNone;

  // kCompare.
  int stream_ = 0;  // of its tables: is compared
  std::unique_ptr<StateCount> count_;
  bool counted_ = false;      // count_ is through
  bool reached_ = false;      // the sink has been given all up to its entry
  bool asked_ = false;        // to count its documents
  bool checks_ = false;       // they are as many, and the picked ones are looked at
  std::uint64_t number_ = 0;  // of the last change up to the entry
  std::optional<std::uint64_t> documents_;
  Clock::Steady::time_point held_since_{};
  Clock::Steady::time_point compare_at_{};  // not before
  int held_in_vain_ = 0;
};

}  // namespace headgate
