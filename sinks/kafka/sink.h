#pragma once

#include <cstdint>
#include <deque>
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
#include "core/codec/record_encoder.h"
#include "core/pipeline/meter.h"
#include "core/pipeline/sink.h"
#include "sinks/kafka/batch.h"
#include "sinks/kafka/options.h"
#include "sinks/kafka/producer.h"
#include "sinks/kafka/router.h"
#include "sinks/kafka/writer.h"

namespace headgate::kafka::sink {

// Writes streams to topics. With delivery=exactly_once whole transactions of the log go in transactions of Kafka, with
// the cursor as a record of the progress topic (docs/adr/0028); else the service keeps the cursor.
//
//   Write ─► filling_ ─(full, due, or the transaction is large)─► Writer ─► Producer
//   Poll  ◄─ DoneBefore or Done, once it is committed ◄──────────────┘
//
// Whatever fails at the cluster ends the run: the next one begins at the cursor.
class KafkaSink final : public Sink {
 public:
  // What is wrong with the settings is said by Open.
  KafkaSink(ReadOptions settings, const SinkServices& services);
  ~KafkaSink() override;

  Status Open(SinkContext& context) override;
  std::optional<At> cursor() const override;
  std::string_view states() const override { return kept_.states; }
  bool Room() const override { return writer_->under_way() < 2; }
  Status Write(const Event& event) override;
  Status Retry(const DeadLetter& letter) override;
  void Hurry(std::span<const std::uint64_t>) override {}
  Status Poll(Clock::Steady::time_point deadline) override;
  void Wake() override { wake_.Raise(); }
  void Close() override;
  std::shared_ptr<const SinkTelemetry> telemetry() const override { return telemetry_.Get(); }

 private:
  using Time = Clock::Steady::time_point;

  bool IsWanted(const Event& event) const;
  Status Render(const Event& event);  // into records_
  Status Take(const Event& event);
  void Filtered(const Event& event);
  bool IsFull() const;
  Status Flush(std::optional<Seq> commit);
  std::optional<Seq> WholeBefore() const;
  Status CommitWhatIsWhole(Time now);
  Status TakeResults();
  Status Settle();  // until the writer has nothing
  Status Finish(Writer::Finished&& finished);
  void Publish();

  // Heartbeats (heartbeat.cc).
  bool BeatIsDue(Time now) const;
  Status Beat(Time now);

  // Letters (letters.cc).
  std::vector<LetterLane> LanesOf(const Event& event);
  DeadLetter LetterOf(const Event& event);
  bool IsBehindLetters(const Event& event);
  Status Park(const Event& event);
  void Fail(DeadLetter& letter, std::string_view what);
  Status Refuse(const Event& event, std::string_view what, std::string body);
  Status StoreRefused(const std::vector<Refusal>& refused);
  std::string BodyOf(const Batch& batch, At at) const;
  Status WriteLettersAt(Seq whole);
  Status WriteLetter(const DeadLetter& letter);

  // Traces (tracing.cc).
  bool IsTraced() const;
  void Look(const Event& event);
  void TraceFiltered(const Event& event);
  void Trace(const Writer::Finished& finished);

  const Options options_;
  const std::string log_id_;
  const Clock& clock_;
  const Status settings_;
  SinkContext* context_ = nullptr;
  const Result<net::GuardPolicy> guard_;
  std::unique_ptr<schema_registry::Client> registry_;  // before what uses it
  std::unique_ptr<codec::RecordEncoder> encoder_;
  std::unique_ptr<Producer> producer_;
  std::unique_ptr<Writer> writer_;  // from Open to Close
  TopicRouter router_;
  Signal wake_;

  std::deque<std::shared_ptr<const Batch>> under_way_;  // one a job of the writer, the first is being written
  std::unique_ptr<Batch> filling_;
  Seq filling_seq_ = 0;                        // of the last change taken; what is before it is whole
  bool split_ = false;                         // the writer has what is not committed
  std::shared_ptr<TracedDelivery> looked_at_;  // what is told of filling_, if somebody looks
  bool wanted_ = false;                        // one of its events is what they look for
  std::string refusal_;                        // what was refused of the batch that is being written
  Time filling_since_{};
  Time pushed_at_{};         // the last job
  std::uint64_t taken_ = 0;  // since the last commit was asked for
  std::uint64_t filtered_ = 0;
  std::vector<At> ats_;                     // of delivery=at_least_once: what is done with the next commit
  std::set<At> parked_;                     // of those that are under way, which became letters
  std::vector<At> states_;                  // rows of the state among them
  std::map<At, DeadLetter> state_letters_;  // of those not yet committed: they are in no log
  std::uint64_t refused_ = 0;               // of what was taken, and not yet told
  std::int64_t last_commit_us_ = 0;
  std::vector<DeadLetter> retries_;  // to be tried again between two transactions
  codec::NativeEncoder native_;
  codec::RecordList records_;  // of the event in hand
  std::string id_;             // of the event in hand
  Seq asked_ = 0;              // cursor of the last commit that was asked for
  Progress kept_;              // as the topics have it
  Time committed_at_{};
  Time beat_at_{};
  std::uint32_t failures_ = 0;

  Meter meter_;
  Time published_at_{};
  Published<SinkTelemetry> telemetry_;
};

}  // namespace headgate::kafka::sink
