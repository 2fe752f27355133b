#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/kafka/client.h"
#include "tests/support/kafka_client.h"

// Both ends of a topic as fast as the library is, for comparison. Errors end the process.
namespace headgate::bench {

// Reads the committed records of a topic, from its beginning on. One thread.
class TopicReader {
 public:
  // `more`: properties beside the library's own.
  TopicReader(const std::string& brokers, const std::string& topic, int partitions, const kafka::Properties& more = {});

  // The next record; nullptr if none came within `timeout_ms`.
  kafka::Owned<rd_kafka_message_t> Next(int timeout_ms);
  // As the cluster tells, of a topic without transactions.
  long Count() const;

 private:
  const std::string topic_;
  const int partitions_;
  std::unique_ptr<kafka::Client> client_;
};

// The key, value and headers of a message, to be sent again.
test::KafkaRecord RecordOf(const rd_kafka_message_t& message);

// An idempotent producer with acks=all, the compression and the partitioner that the sink has by default, and the
// library's defaults otherwise. One thread.
class BareProducer {
 public:
  // Returns when the topic takes records: it has one then.
  BareProducer(const std::string& brokers, const std::string& topic);

  // Sends `count` records, those given again and again, and returns when the brokers have them.
  void Send(const std::vector<test::KafkaRecord>& records, long count);

 private:
  std::unique_ptr<kafka::Client> client_;
  kafka::Owned<rd_kafka_topic_t> topic_;
  long failed_ = 0;
};

}  // namespace headgate::bench
