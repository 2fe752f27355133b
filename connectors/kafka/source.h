#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/kafka/consumer.h"
#include "connectors/kafka/offsets.h"
#include "connectors/kafka/options.h"
#include "connectors/kafka/record_reader.h"
#include "connectors/kafka/rejected.h"
#include "core/pipeline/source.h"
#include "core/schema_registry/client.h"

namespace headgate::kafka::source {

// Topics as one stream. The offsets are written with the records, so each record of a committed transaction is in the
// log once (docs/adr/0030). A transaction of the log is a run of records of one partition that have one timestamp.
class KafkaSource final : public Source {
 public:
  KafkaSource(Options options, const Clock& clock);

  Status Open(LogWriter& writer, std::stop_token stop) override;
  Status Read(SourceBatch& batch, std::stop_token stop) override;
  Status Acknowledge() override;
  Status KeepAlive() override;
  void Close() override;
  void Look() override { look_ = true; }
  bool ReadsAhead() const override { return true; }
  std::shared_ptr<const SourceTelemetry> telemetry() const override { return published_.Get(); }

 private:
  using Time = std::chrono::steady_clock::time_point;

  // A partition as the poll loop needs it, found by the topic's handle.
  struct Partition {
    const std::string* topic = nullptr;
    std::int32_t number = 0;
    std::int64_t* next = nullptr;  // of offsets_
    std::string name;              // "sensor/3"
  };

  Status OpenReader(LogWriter& writer);
  Status FindPlaces(LogWriter& writer, std::stop_token stop);
  // Brings the partitions of one topic up to what the cluster has. What was lost is added to `lost`.
  Status FindTopic(const std::string& topic, std::string& lost, std::stop_token stop);
  Status DeclareLoss(LogWriter& writer, std::uint64_t before, const std::string& reason, const std::string& text);
  Status AddPartitions(std::stop_token stop);
  Status AskEnds(std::stop_token stop);
  Status Assign();

  Status Gather(SourceBatch& batch, std::stop_token stop);
  // More of them, if all that are there were taken; false if none came.
  bool Poll(int timeout_ms);
  Status Take(const rd_kafka_message_t& message, SourceBatch& batch);
  void TakeEnd(const rd_kafka_message_t& message);
  Status Reject(const rd_kafka_message_t& message, const Partition& partition, std::int64_t at_us, std::string why);
  Transaction& TransactionOf(const Partition& partition, std::int64_t at_us, SourceBatch& batch);
  void Move(const Partition& partition, std::int64_t next);
  Partition* Find(const rd_kafka_message_t& message);
  std::int64_t TimeOf(const rd_kafka_message_t& message) const;
  // Once a second, where the source is: the group is told when that is durable.
  void NoteForGroup();
  void See();
  void Publish(bool at_once);

  const Options options_;
  const Clock& clock_;
  LogWriter* writer_ = nullptr;  // until Close
  std::unique_ptr<schema_registry::Client> registry_;
  std::unique_ptr<RecordReader> reader_;
  std::unique_ptr<Consumer> consumer_;
  std::unique_ptr<RejectedRecords> rejected_;
  Offsets offsets_;  // behind what is in the batch at hand
  std::vector<Partition> partitions_;
  std::size_t last_partition_ = 0;  // of partitions_, where the last message was of
  const rd_kafka_topic_t* last_topic_ = nullptr;
  std::uint64_t numbered_ = 0;      // the last transaction's number
  std::uint64_t position_ = 0;      // Offsets::Sum of offsets_
  std::uint64_t durable_ = 0;       // the same of what is durable
  std::deque<std::uint64_t> read_;  // the same behind each Read that is not acknowledged
  std::vector<Consumer::Message> messages_;
  std::size_t next_message_ = 0;  // of messages_
  std::size_t taken_records_ = 0;
  std::size_t taken_bytes_ = 0;
  const Partition* run_ = nullptr;  // whose records the last transaction of the batch has
  std::int64_t run_us_ = 0;         // and their timestamp
  bool begun_ = false;              // stream, schema and first offsets were read
  bool registered_ = false;         // and are durable
  bool dirty_ = false;              // offsets_ has what the log has not
  std::optional<Error> stuck_;      // in front of a record that is not taken
  std::int64_t last_commit_us_ = 0;
  Time metadata_at_;        // when the cluster is asked again
  Time metadata_heard_at_;  // when it answered
  std::atomic<bool> look_ = false;

  std::optional<Offsets> noted_;  // for the group, until they are durable
  std::uint64_t noted_position_ = 0;
  Time noted_at_;

  SourceTelemetry telemetry_;
  Published<SourceTelemetry> published_;
  Time published_at_;
};

}  // namespace headgate::kafka::source
