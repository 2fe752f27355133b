#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/published.h"
#include "core/base/signal.h"
#include "core/codec/native.h"
#include "core/pipeline/meter.h"
#include "core/pipeline/sink.h"
#include "core/pipeline/trace.h"
#include "core/pipeline/write_thread.h"

// The course of sinks that gather changes and write them in the target's transactions, with the cursor among what is
// written (docs/adr/0025, docs/adr/0028). What is particular to a target is its Batcher.
namespace headgate {

// What a target does not take of a batch: a change, or a part of one.
struct RefusedChange {
  At at;
  std::string what;  // the target's words
  std::string body;  // of its letter
  std::string row;   // what it is about, for SinkBatch::Replaces; "": nothing
};

// Changes that were gathered. Once it is on its way it is only read, on two threads.
class SinkBatch {
 public:
  virtual ~SinkBatch() = default;
  virtual std::size_t size() const = 0;  // records, or rows
  virtual std::size_t bytes() const = 0;
  virtual bool empty() const = 0;
  // Whether it leaves nothing of what was refused before it.
  virtual bool Replaces(const RefusedChange&) const { return false; }
};

// How far a target has come, as it says itself.
struct TargetPlace {
  Seq seq = 0;         // everything in front of it is there
  std::string states;  // SinkContext::states of then
};

class BatchSink;

// How changes become batches, and how a target takes them.
class Batcher {
 public:
  using Time = Clock::Steady::time_point;
  using Ask = std::function<Status(std::vector<RefusedChange>)>;
  enum class Took : std::uint8_t { kIn, kFiltered, kToLetters };
  static constexpr std::size_t kTextTold = 4 << 10;  // bytes of a batch that a trace shows

  virtual ~Batcher() = default;

  // The sink's thread. Connects, and makes this process the only one that writes for the sink.
  virtual Result<TargetPlace> Open(SinkContext& context, BatchSink& sink) = 0;
  virtual void Close() = 0;
  virtual std::unique_ptr<SinkBatch> NewBatch(const SinkBatch* like) const = 0;  // of about that size; nullptr: of any
  // Puts the change into the batch that is being filled, or has it become a letter (BatchSink::Refuse, Park).
  virtual Result<Took> Take(const Event& event) = 0;
  virtual std::vector<LetterLane> LanesOf(const Event& event) const = 0;
  // Writes a letter in a transaction of its own, which leaves the place as it is. Nothing is under way. False: the
  // target has it already; kRejected: it does not take it.
  virtual Result<bool> WriteLetter(const DeadLetter& letter, const TargetPlace& kept) = 0;
  // The target, and what of the batch a trace shows.
  virtual std::string place() const = 0;
  virtual void Describe(const SinkBatch& batch, TracedDelivery& traced) const = 0;
  // Called between two transactions of the log: at the latest before anything of the next one is taken.
  virtual Status EndTransaction() { return Ok(); }
  // Called there, too, once the time has come.
  virtual Time beat_at() const { return Time::max(); }
  virtual Status Beat(Time) { return Ok(); }

  // The writer's thread. Writes the batch, if there is one, and commits, if it is to; what is refused is asked about
  // before anything is committed without it. After an error nothing more is written.
  virtual Status Write(const std::shared_ptr<const SinkBatch>& batch, const std::optional<TargetPlace>& commit,
                       const Ask& ask) = 0;
  // Any thread: a call that waits for the target ends soon.
  virtual void Interrupt() = 0;
};

struct BatchSinkOptions {
  std::size_t size_max = 0;  // of what is committed together, in what SinkBatch::size counts
  std::size_t bytes_max = 0;
  // While more is waiting than can be written, it goes in batches of this size, one behind the other; 0: as one batch.
  std::size_t part_size = 0;
  std::size_t part_bytes = 0;
  std::chrono::milliseconds delay_max{0};
  bool keeps_cursor = true;       // the target does; else each change is done once it is written
  bool stops_at_refusal = false;  // instead of letters
  std::string stop_hint;          // what to do then
  bool refusal_blocks = false;    // what follows has to go behind it: it is given out again
};

//   Write ─► filling ─(full, due, or the transaction is large)─► WriteThread ─► Batcher::Write
//   Poll  ◄─ DoneBefore or Done, once it is committed ◄───────────┘
//
// Whatever fails at the target ends the run: the next one begins at the target's cursor.
class BatchSink final : public Sink {
 public:
  // `settings`: what is wrong with them, which is said by Open.
  BatchSink(std::unique_ptr<Batcher> batcher, BatchSinkOptions options, Status settings, const SinkServices& services);
  ~BatchSink() override;

  Status Open(SinkContext& context) override;
  std::optional<At> cursor() const override;
  std::string_view states() const override { return kept_.states; }
  // One batch may wait behind the one that is written. Where that is done sooner than the next one is gathered, Poll is
  // called between some of them.
  bool Room() const override { return writer_->under_way() < 2 && writer_->unread() < kUnreadMax; }
  Status Write(const Event& event) override;
  Status Retry(const DeadLetter& letter) override;
  void Hurry(std::span<const std::uint64_t>) override {}
  Status Poll(Clock::Steady::time_point deadline) override;
  void Wake() override { wake_.Raise(); }
  void Close() override;
  std::shared_ptr<const SinkTelemetry> telemetry() const override { return telemetry_.Get(); }

  // For the batcher, on the sink's thread.
  SinkBatch& filling() { return *filling_; }
  bool split() const { return split_; }  // the target has what is not committed
  Status WritePart() { return Flush({}); }
  // Everything that was taken is at the target, and committed if no transaction is in the middle.
  Status WriteAll();
  DeadLetter LetterOf(const Event& event);
  Status Refuse(const Event& event, std::string_view what, std::string body);
  void Park(const Event& event, std::string body);
  const Clock& clock() const { return clock_; }

 private:
  static constexpr std::size_t kUnreadMax = 8;  // jobs

  using Time = Clock::Steady::time_point;
  struct Job {
    std::shared_ptr<const SinkBatch> batch;  // nullptr: nothing to write
    std::optional<TargetPlace> commit;       // then, with this
    // What is to be told when it is done.
    std::uint64_t delivered = 0;             // changes
    std::uint64_t filtered = 0;              // changes
    std::vector<At> ats;                     // that are done with it, where not the target keeps the cursor
    std::vector<At> states;                  // rows of the state that go with it
    std::int64_t commit_us = 0;              // of the last change
    std::shared_ptr<TracedDelivery> traced;  // what is told of it, if somebody looks
  };
  using Writer = WriteThread<Job, std::vector<RefusedChange>>;

  void Filtered(const Event& event);
  bool IsFull(std::size_t times) const;
  bool IsGathered() const;
  Status Flush(std::optional<Seq> commit);
  std::optional<Seq> WholeBefore() const;
  Status CommitWhatIsWhole(Time now);
  Status TakeResults();
  Status Settle();  // until the writer has nothing
  Status Finish(Writer::Finished&& finished);
  void Publish();

  // Letters (batch_sink_letters.cc).
  void Fail(DeadLetter& letter, std::string_view what);
  bool IsReplaced(const RefusedChange& refused) const;
  Status StoreRefused(std::vector<RefusedChange> refused);
  Status StoreOfState(RefusedChange& refused);
  Status WriteLettersAt(Seq whole);
  Status WriteLetter(const DeadLetter& letter);

  // Traces (batch_sink_trace.cc).
  bool IsTraced() const;
  void Look(const Event& event);
  void TraceFiltered(const Event& event);
  void Trace(const Writer::Finished& finished);
  void TraceLetter(const DeadLetter& letter, const Status& status, bool anew, std::int64_t began_us);
  std::string Landed(Seq seq) const;

  const BatchSinkOptions options_;
  const Status settings_;
  const Clock& clock_;
  SinkContext* context_ = nullptr;
  Signal wake_;
  const std::unique_ptr<Batcher> batcher_;
  std::unique_ptr<Writer> writer_;  // from Open to Close

  std::deque<std::shared_ptr<const SinkBatch>> under_way_;  // one a job of the writer, the first is being written
  std::unique_ptr<SinkBatch> filling_;
  Seq filling_seq_ = 0;        // of the last change taken; what is before it is whole
  bool inside_ = false;        // some of that transaction is taken
  bool split_ = false;         // the writer has what is not committed
  std::size_t open_size_ = 0;  // so much
  std::size_t open_bytes_ = 0;
  Time open_since_{};
  std::uint64_t calm_ = 0;  // changes that were committed since something was refused, or the run began
  std::shared_ptr<TracedDelivery> looked_at_;  // what is told of filling_, if somebody looks
  bool wanted_ = false;                        // one of its events is what they look for
  std::string refusal_;                        // what was refused of the batch that is being written
  Time filling_since_{};
  Time pushed_at_{};         // the last job
  std::uint64_t taken_ = 0;  // since the last commit was asked for
  std::uint64_t filtered_ = 0;
  std::vector<At> ats_;                     // what is done with the next commit, where not the target keeps the cursor
  std::set<At> letters_;                    // of those that are under way, which became letters
  std::vector<At> states_;                  // rows of the state among what was taken
  std::map<At, DeadLetter> state_letters_;  // of those not yet committed: they are in no log
  std::uint64_t refused_ = 0;               // of what was taken, and not yet told
  std::int64_t last_commit_us_ = 0;
  std::vector<DeadLetter> retries_;  // to be tried again between two transactions
  codec::NativeEncoder native_;
  Seq asked_ = 0;     // place of the last commit that was asked for
  TargetPlace kept_;  // as the target has it
  Time committed_at_{};
  std::uint32_t failures_ = 0;

  Meter meter_;
  Time published_at_{};
  Published<SinkTelemetry> telemetry_;
};

}  // namespace headgate
