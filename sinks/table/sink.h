#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/published.h"
#include "core/base/signal.h"
#include "core/codec/native.h"
#include "core/net/guard.h"
#include "core/pipeline/meter.h"
#include "core/pipeline/sink.h"
#include "sinks/table/batch.h"
#include "sinks/table/options.h"
#include "sinks/table/planner.h"
#include "sinks/table/target.h"
#include "sinks/table/writer.h"

namespace headgate::table {

// Keeps tables of a database equal to streams, exactly once: the cursor lies in a table beside them and moves in the
// transaction that has the rows. Transactions of the log are never split; several may go together.
//
//   Write ─► filling_ ─(full, due, or the transaction is large)─► Writer ─► Target
//   Poll  ◄─ DoneBefore, once the target has committed ◄─────────────┘
//
// Whatever fails at the server ends the run: the next one begins at the target's cursor.
class TableSink final : public Sink {
 public:
  // What is wrong with the settings is said by Open.
  TableSink(ReadOptions settings, const SinkServices& services);
  ~TableSink() override;

  Status Open(SinkContext& context) override;
  std::optional<At> cursor() const override { return At{kept_.cursor, 0}; }
  std::string_view states() const override { return kept_.states; }
  bool Room() const override;
  Status Write(const Event& event) override;
  Status Retry(const DeadLetter& letter) override;
  void Hurry(std::span<const std::uint64_t>) override {}
  Status Poll(Clock::Steady::time_point deadline) override;
  void Wake() override { wake_.Raise(); }
  void Close() override;
  std::shared_ptr<const SinkTelemetry> telemetry() const override { return telemetry_.Get(); }

 private:
  using Time = Clock::Steady::time_point;

  // What becomes of an event: a row in filling_, or a letter.
  enum class Went : std::uint8_t { kIn, kToLetters };

  Result<Went> Take(const Event& event);
  Result<std::shared_ptr<const TablePlan>> PlanOf(const Event& event);
  Result<TargetTable> Prepare(const Wanted& wanted);
  Status ChangeSchema(const std::string& sql);
  void Filtered(const Event& event);
  bool IsFull() const;
  Status Flush(std::optional<Seq> commit);
  std::optional<Seq> WholeBefore() const;
  Status CommitWhatIsWhole(Time now);
  Status TakeResults();
  Status Settle();  // until the writer has nothing
  Status Finish(Writer::Finished&& finished);
  void Publish();

  // Letters (letters.cc).
  std::vector<LetterLane> LanesOf(const Event& event);
  DeadLetter LetterOf(const Event& event);
  Result<bool> IsBehindLetters(const Event& event, const std::shared_ptr<const TablePlan>& plan);
  Status Park(const Event& event, const std::shared_ptr<const TablePlan>& plan);
  Status Refuse(const Event& event, std::string_view what, std::string body);
  void Fail(DeadLetter& letter, std::string_view what);
  bool IsReplaced(const Refusal& refusal) const;
  Status StoreRefused(std::vector<Refusal> refused);
  Status WriteLettersAt(Seq whole);
  Status WriteLetter(const DeadLetter& letter);
  Result<bool> TryLetter(const DeadLetter& letter);

  // Traces (tracing.cc).
  bool IsTraced() const;
  void Look(const Event& event);
  void TraceFiltered(const Event& event);
  void Trace(const Writer::Finished& finished);
  void TraceLetter(const DeadLetter& letter, const Status& status, bool anew, std::int64_t began_us);

  const Options options_;
  const std::string log_id_;
  const Clock& clock_;
  const Result<net::GuardPolicy> guard_;
  const Status settings_;
  SinkContext* context_ = nullptr;
  std::unique_ptr<Target> target_;
  std::unique_ptr<Writer> writer_;                                                        // from Open to Close
  std::map<std::pair<StreamNo, std::uint32_t>, std::shared_ptr<const TablePlan>> plans_;  // by stream and version
  Signal wake_;

  std::deque<std::shared_ptr<const Batch>> under_way_;  // one a job of the writer, the first is being written
  std::unique_ptr<Batch> filling_;
  Seq filling_seq_ = 0;                        // of the last change taken; what is before it is whole
  bool inside_ = false;                        // some of that transaction is taken
  bool split_ = false;                         // the writer has what is not committed
  std::shared_ptr<TracedDelivery> looked_at_;  // what is told of filling_, if somebody looks
  bool wanted_ = false;                        // one of its events is what they look for
  std::string refusal_;                        // what was rejected of the batch that is being written
  Time filling_since_{};
  Time pushed_at_{};         // the last job
  std::uint64_t taken_ = 0;  // since the last commit was asked for
  std::uint64_t filtered_ = 0;
  std::vector<At> states_;                  // rows of the state among them
  std::map<At, DeadLetter> state_letters_;  // of those not yet committed: they are in no log
  std::uint64_t refused_ = 0;               // of what was taken, and not yet told
  std::int64_t last_commit_us_ = 0;
  std::vector<DeadLetter> retries_;  // to be tried again between two transactions
  codec::NativeEncoder native_;
  Seq asked_ = 0;      // cursor of the last commit that was asked for
  Target::Kept kept_;  // as the target has it
  Time committed_at_{};
  std::uint32_t failures_ = 0;

  Meter meter_;
  Time published_at_{};
  Published<SinkTelemetry> telemetry_;
};

}  // namespace headgate::table
