#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"

struct rd_kafka_s;

namespace headgate::test {

// librdkafka's names: {{"bootstrap.servers", "127.0.0.1:9092"}}.
using KafkaSettings = std::map<std::string, std::string>;

struct KafkaRecord {
  std::int32_t partition = -1;          // to produce: -1 leaves the choice to the client (by the key)
  std::int64_t offset = -1;             // as read
  std::int64_t timestamp_ms = 0;        // to produce: 0 is now
  std::optional<std::string> key = {};  // none is not ""
  std::optional<std::string> value = {};
  std::vector<std::pair<std::string, std::optional<std::string>>> headers = {};  // in their order; names may repeat
};

// What a reader sees: the records of committed transactions, before the first that is open; or all there are.
enum class KafkaIsolation : std::uint8_t { kCommitted, kUncommitted };

struct KafkaHandleClose {
  void operator()(rd_kafka_s* handle) const;
};
using KafkaHandle = std::unique_ptr<rd_kafka_s, KafkaHandleClose>;

// Set-up and checks of topics in tests. One thread at a time. Every call ends within a minute.
class KafkaClient {
 public:
  // Errors: kRejected if a broker refuses the sign-in or TLS fails, kTransient if none answers within `limit_ms`.
  static Result<KafkaClient> Connect(KafkaSettings settings, int limit_ms = 15'000);

  // Returns once each partition has a leader. `config`: of the topic, {{"cleanup.policy", "compact"}}.
  Status CreateTopic(const std::string& topic, int partitions = 1, const KafkaSettings& config = {},
                     int replicas = 1) const;
  // Until there are so many, each with a leader.
  Status AddPartitions(const std::string& topic, int partitions) const;
  // Records of a partition in front of an offset go, as retention takes them.
  Status DeleteBefore(const std::string& topic, int partition, std::int64_t offset) const;
  // Sets one setting of a topic; the others that were given get their defaults.
  Status AlterTopic(const std::string& topic, const std::string& setting, const std::string& value) const;
  // Where a broker asks for rights: all there are on topics and transactional ids.
  Status Allow(const std::string& user) const;
  // kRejected if there is no such topic.
  Result<int> PartitionsOf(const std::string& topic) const;
  // The node.id of the leader of a partition; -1 if it has none.
  Result<int> LeaderOf(const std::string& topic, int partition = 0) const;
  // The replicas of a partition that are in step.
  Result<int> InSync(const std::string& topic, int partition = 0) const;
  // The brokers that the cluster knows to be alive.
  Result<int> Brokers() const;
  Result<std::string> ClusterId() const;
  Status CommitGroup(const std::string& group, const std::string& topic, int partition, std::int64_t offset) const;
  // What is committed for a group: the offset of the next record, -1 if nothing is.
  Result<std::int64_t> GroupOffset(const std::string& group, const std::string& topic, int partition) const;
  // Returns once all in-sync replicas have all of them, in their order within each partition.
  Status Produce(const std::string& topic, const std::vector<KafkaRecord>& records) const;
  // All partitions from their beginnings to where they end now, by partition and offset.
  Result<std::vector<KafkaRecord>> Read(const std::string& topic,
                                        KafkaIsolation isolation = KafkaIsolation::kCommitted) const;
  // The same of many at once; those that are not there have no entry.
  Result<std::map<std::string, std::vector<KafkaRecord>>> ReadAll(
      const std::vector<std::string>& topics, KafkaIsolation isolation = KafkaIsolation::kCommitted) const;

 private:
  KafkaClient(KafkaSettings settings, KafkaHandle producer)
      : settings_(std::move(settings)), producer_(std::move(producer)) {}

  KafkaSettings settings_;
  KafkaHandle producer_;
};

// A producer with a transactional.id. An object that goes while its transaction is open leaves it so at the broker, as
// a process that dies does. One thread at a time.
class KafkaTransactions {
 public:
  // Fences who had the id before, and aborts what they left open.
  static Result<KafkaTransactions> Open(KafkaSettings settings, const std::string& transactional_id);

  Status Begin() const;
  // Returns once the brokers have them.
  Status Produce(const std::string& topic, const std::vector<KafkaRecord>& records) const;
  Status Commit() const;
  Status Abort() const;

 private:
  explicit KafkaTransactions(KafkaHandle producer) : producer_(std::move(producer)) {}

  KafkaHandle producer_;
};

}  // namespace headgate::test
