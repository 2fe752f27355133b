#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/codec/native.h"
#include "core/codec/record_encoder.h"
#include "core/net/guard.h"
#include "core/pipeline/batch_sink.h"
#include "sinks/kafka/batch.h"
#include "sinks/kafka/options.h"
#include "sinks/kafka/producer.h"
#include "sinks/kafka/router.h"

namespace headgate::kafka::sink {

// Makes changes into records of topics. With delivery=exactly_once whole transactions of the log go in transactions of
// Kafka, with the cursor as a record of the progress topic (docs/adr/0028); else the service keeps the cursor.
class KafkaBatcher final : public Batcher {
 public:
  // Of options that were read without errors; Open is not called on others.
  KafkaBatcher(Options options, const SinkServices& services);
  ~KafkaBatcher() override;

  Result<TargetPlace> Open(SinkContext& context, BatchSink& sink) override;
  void Close() override;
  std::unique_ptr<SinkBatch> NewBatch(const SinkBatch* like) const override;
  Result<Took> Take(const Event& event) override;
  std::vector<LetterLane> LanesOf(const Event& event) const override;
  Result<bool> WriteLetter(const DeadLetter& letter, const TargetPlace& kept) override;
  std::string place() const override { return producer_->place(); }
  void Describe(const SinkBatch& batch, TracedDelivery& traced) const override;
  Status EndTransaction() override;
  Time beat_at() const override;
  Status Beat(Time now) override;
  Status Write(const std::shared_ptr<const SinkBatch>& batch, const std::optional<TargetPlace>& commit,
               const Ask& ask) override;
  void Interrupt() override { producer_->Interrupt(); }

 private:
  bool IsWanted(const Event& event) const;
  Result<std::unique_ptr<codec::RecordEncoder>> NewEncoder() const;
  Status Render(codec::RecordEncoder& encoder, const Event& event);  // into records_
  void AddRecords(Batch& batch, const Event& event, At at);
  void Remember(const Event& event, At at);
  bool IsBehindLetters(const Event& event) const;
  Result<Took> ToLetters(const Event& event);
  Result<std::shared_ptr<Batch>> BatchOf(const DeadLetter& letter);

  const Options options_;
  const std::string log_id_;
  const Clock& clock_;
  const Result<net::GuardPolicy> guard_;
  SinkContext* context_ = nullptr;
  BatchSink* sink_ = nullptr;
  std::unique_ptr<schema_registry::Client> registry_;  // before what uses it
  std::unique_ptr<codec::RecordEncoder> encoder_;
  std::unique_ptr<Producer> producer_;
  TopicRouter router_;
  mutable codec::NativeEncoder native_;
  codec::RecordList records_;  // of the event in hand
  std::string id_;             // of the event in hand
  std::string last_id_;        // of the last change, as are its time and place; no place if it became a letter
  std::int64_t last_commit_us_ = 0;
  At last_at_;
  Time beat_at_{};
};

}  // namespace headgate::kafka::sink
