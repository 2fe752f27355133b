#pragma once

#include <memory>
#include <string>
#include <utility>

#include "core/base/result.h"
#include "tests/support/kafka_client.h"
#include "tests/support/private_kafka.h"

namespace headgate::test {

// The broker that the tests of one binary share, started when first asked for; a test that stops or freezes one takes a
// PrivateKafka. The error is kConfig if Kafka is not installed. Lives until the program ends.
Result<PrivateKafka*> SharedKafka();

// Topics of one test at the shared broker: names that no other test has, and a client. What is made stays until the
// broker goes.
class TestTopics {
 public:
  static Result<std::unique_ptr<TestTopics>> Create();

  std::string Name(const std::string& topic) const { return prefix_ + topic; }
  const std::string& prefix() const { return prefix_; }
  const KafkaClient& client() const { return client_; }
  std::string address() const { return server_->address(); }
  KafkaSettings settings() const { return {{"bootstrap.servers", address()}}; }

 private:
  TestTopics(PrivateKafka* server, std::string prefix, KafkaClient client)
      : server_(server), prefix_(std::move(prefix)), client_(std::move(client)) {}

  PrivateKafka* server_;
  std::string prefix_;
  KafkaClient client_;
};

}  // namespace headgate::test
