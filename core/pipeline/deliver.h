#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "core/base/channel.h"
#include "core/base/published.h"
#include "core/log/log.h"
#include "core/log/log_reader.h"
#include "core/log/store.h"
#include "core/pipeline/backfills.h"
#include "core/pipeline/backlog.h"
#include "core/pipeline/event_transforms.h"
#include "core/pipeline/retry.h"
#include "core/pipeline/rewind.h"
#include "core/pipeline/sink.h"
#include "core/pipeline/status.h"
#include "core/pipeline/topics.h"
#include "core/pipeline/totals.h"
#include "core/state/cursors.h"
#include "core/state/dead_letters.h"
#include "core/state/events.h"

namespace headgate {

// What a person asks of a sink's dead letters.
struct LetterCommand {
  enum class Kind : std::uint8_t { kRetry, kDiscard };
  Kind kind = Kind::kRetry;
  std::vector<std::uint64_t> ids;
  std::function<void(bool done)> report;  // once for each id, on the executing thread; may be empty
  // Adds to the write that makes the command durable; may be empty. `unreported`: what report is told after it.
  std::function<void(StoreBatch&, const std::vector<bool>& unreported)> also = {};
};

// Carries one out on letters that no deliver loop owns (the sink does not run). How many it discarded.
Result<std::uint64_t> Execute(const LetterCommand& command, Store& store, const std::string& sink, std::int64_t now_us);

// The loop of one sink: reads the log from the sink's cursor, hands over what it subscribed to, drives the sink's I/O,
// and moves the cursor over what is done, in one atomic write with the dead letters that let it pass.
class Deliver final : public SinkContext {
 public:
  // All must outlive the loop; `state` may be nullptr.
  Deliver(headgate::Store& store, Log& log, Events& events, Sink& sink, std::string name, TopicFilter topics,
          const Clock& clock, StateReader* state = nullptr);

  ~Deliver() override;  // commands that came too late are reported as not done

  // Runs on the sink's thread until stop (kStopped) or an error that the supervisor has to deal with.
  Status Run(std::stop_token stop);

  // Any thread.
  void SetPaused(bool paused) {
    paused_ = paused;
    sink_.Wake();
  }
  bool Command(LetterCommand command) {
    const bool taken = commands_.TryPush(std::move(command));
    sink_.Wake();
    return taken;
  }
  // Where the state of its streams is asked for.
  const std::shared_ptr<SnapshotDesk>& desk() const { return backfills_.desk(); }
  // Before Run.
  void SetTrace(std::shared_ptr<DeliveryTrace> trace) { trace_ = std::move(trace); }
  void SetTransforms(std::unique_ptr<EventTransforms> transforms) { transforms_ = std::move(transforms); }
  void SetConsents(std::shared_ptr<ConsentDesk> consents) { consents_ = std::move(consents); }
  // A command that the loop did not get to; for its owner once Run has returned.
  std::optional<LetterCommand> TakeCommand();
  At cursor() const { return {cursor_seq_.load(), cursor_ordinal_.load()}; }
  bool opened() const { return opened_; }
  // True once something was delivered.
  bool progressed() const { return progressed_; }
  Lost lost() const { return *lost_.Get(); }
  void SetFailuresMax(std::uint32_t failures) { failures_max_ = failures; }
  // The sink's, with what its transforms left out before it.
  std::shared_ptr<const SinkTelemetry> telemetry() const;
  RecordCounts records() const { return {delivered_, filtered_, dead_, discarded_}; }  // of this run
  // Nothing before the loop has found its place, or if the sums of the log could not be read there. What it has passed
  // is never more than what is in the log by the time this returns.
  std::optional<SinkPlace> place() const;

  // SinkContext.
  void Done(At at, Outcome outcome) override;
  void DoneBefore(At at, std::uint64_t delivered, std::uint64_t filtered) override;
  At handed_over() const override { return read_to_; }
  Stand stand() const override { return stand_; }
  std::string states() const override { return backfills_.Ahead(); }
  bool inside_states() const override { return backfills_.inside(); }
  std::vector<std::string> databases() const override;
  void Store(At at, DeadLetter letter) override;
  Status SyncLetters() override;
  Status Reread(std::span<const At> ats, const std::function<Status(const Event&)>& each) override;
  Result<bool> Overtake(At at, std::span<const LetterLane> lanes, bool replaces) override;
  bool HoldsLetter(std::uint64_t id) const override { return letters_->Contains(id); }
  void LetterDelivered(std::uint64_t id) override;
  void LetterFailed(DeadLetter letter) override;
  std::uint64_t stored_bytes() const override { return letters_->bytes(); }
  bool LanesAreStored(std::span<const LetterLane> lanes) const override { return letters_->AreStored(lanes); }
  std::uint32_t failures_max() const override { return failures_max_; }
  bool paused() const override { return paused_; }
  const Clock& clock() const override { return clock_; }
  DeliveryTrace* trace() override { return trace_.get(); }
  ConsentDesk* consents() override { return consents_.get(); }

 private:
  struct Pending {
    At at;
    bool done = false;
    bool marker = false;  // no record: not counted
    Count before;         // everything selected in front of it
    std::int64_t commit_us = 0;
  };

  Status Start();
  Status StartAt(At at);
  Status StartAtTarget();
  Status FindStoredAhead();
  Status Loop(std::stop_token stop);
  static Event EventOf(const Registry& registry, const LogReader::Block& block, const Change& change);
  Status Feed();               // events into the sink while it has room
  Result<bool> NextChange();   // the next selected change into change_ and event_
  Result<bool> IsTaken();      // makes event_ of change_
  void LeaveOut(Event event);  // what transforms_ does not take
  Status LookForState();
  bool StateIsNext() const;
  Status FeedState();
  void ReleaseIfStanding(Clock::Steady::time_point now);
  Status LookAhead();
  Status FeedLetters();
  void HurryLetters();
  void TakeCommands();
  void Obey(const LetterCommand& command, std::uint64_t id);
  void TellOfLetters();
  void WatchBreaker();
  Status Persist(bool force);
  Pending& PendingAt(At at);
  void Pass(Pending& pending);
  void DropDone();
  void MoveCursor();
  void FindPassed();

  headgate::Store& store_;
  Log& log_;
  Events& events_;
  Sink& sink_;
  const std::string name_;
  const TopicFilter topics_;
  const Clock& clock_;
  StreamSelection selection_;
  std::unique_ptr<EventTransforms> transforms_;  // nullptr: none
  std::unique_ptr<ReplayFilter> replays_;        // of what lies before its end; nullptr: everything goes out

  std::unique_ptr<LogReader> reader_;
  std::shared_ptr<const Registry> registry_;
  LogReader::Block block_;
  std::optional<ChangeReader> changes_;  // of block_
  Change change_;
  Event event_;          // of change_, transformed
  bool unread_ = false;  // the log has more, but it was time to look after the sink
  At read_to_;           // everything before has been handed over or skipped
  Count read_;           // of what is selected, in front of read_to_ and of change_
  // The next change, found before it may be handed over.
  struct Ahead {
    std::int64_t commit_us = 0;  // 0: none was found
    bool in_hand = false;        // it is change_
  };
  Ahead ahead_;
  Clock::Steady::time_point fed_at_;  // when the last event was handed over
  std::deque<Pending> pending_;       // in log order; of a target with the cursor the first event of each transaction
  std::optional<At> target_;          // the cursor of a target that keeps it
  Stand stand_;
  std::size_t done_behind_ = 0;  // of pending_: done, behind one that is not
  std::set<At> stored_ahead_;    // letters in the store of events at or behind the cursor
  At persisted_;
  std::optional<At> batched_;  // in batch_, not yet written
  Clock::Steady::time_point persisted_at_;

  std::unique_ptr<DeadLetters> letters_;
  StoreBatch batch_;  // letters not yet written
  bool letters_dirty_ = false;
  bool write_failed_ = false;  // the last time, and not since
  Backfills backfills_;
  std::shared_ptr<DeliveryTrace> trace_;
  std::shared_ptr<ConsentDesk> consents_;
  std::set<std::uint64_t> letters_in_sink_;  // ids
  std::vector<std::uint64_t> hurried_;       // ids that a person asked for; the sink has not been told yet
  std::int64_t next_letter_scan_us_ = 0;
  std::size_t letters_untold_ = 0;          // delivered, with no event yet
  std::vector<std::string> letters_named_;  // event ids of the first of them
  bool breaker_open_ = false;               // as last told

  Channel<LetterCommand> commands_{64};
  std::optional<LetterCommand> command_;  // under way
  std::size_t obeyed_ = 0;                // of its ids
  std::atomic<bool> paused_ = false;
  std::atomic<bool> opened_ = false;
  std::atomic<Seq> cursor_seq_ = 0;
  std::atomic<std::uint32_t> cursor_ordinal_ = 0;
  std::atomic<bool> progressed_ = false;
  std::atomic<std::uint32_t> failures_max_ = kRogueFailures;
  std::optional<std::uint64_t> numbered_;  // changes of the log in front of block_, or of what is read next
  bool inside_ = false;                    // numbered_ still counts what lies in front of read_to_ in its entry
  std::atomic<bool> counted_ = false;      // read_ is known
  std::atomic<std::uint64_t> passed_records_ = 0;
  std::atomic<std::uint64_t> passed_bytes_ = 0;
  std::atomic<std::int64_t> oldest_pending_commit_us_ = 0;
  std::atomic<std::uint64_t> left_out_ = 0;  // by transforms_; part of filtered_
  std::atomic<std::uint64_t> delivered_ = 0, filtered_ = 0, dead_ = 0, discarded_ = 0;
  Published<Lost> lost_;
};

}  // namespace headgate
