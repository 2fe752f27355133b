#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/api.h"
#include "tests/support/require.h"
#include "tests/support/shared_kafka.h"
#include "tests/support/wait_for.h"

namespace headgate::test {

// The shop, and topics of the shared broker that a sink called "out" writes.
class KafkaSinkFixture : public Api {
 protected:
  using seconds = std::chrono::seconds;

  void SetUp() override {
    Api::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    HG_WITH_SERVER("kafka", topics_, TestTopics::Create());
  }
  bool IsUp() const { return topics_ != nullptr; }
  void Exec(const std::string& sql) {
    const Status done = shop_->database().Exec(sql);
    ASSERT_TRUE(done.ok()) << done.error().what;
  }
  ConnectorSettings Sink(const ConnectorSettings& more = {}) const {
    ConnectorSettings settings = {{"connector.class", "kafka"},
                                  {"topics", "shop.public.parts"},
                                  {"brokers", topics_->address()},
                                  {"topic", topics_->Name("${table}")},
                                  {"transactional_id", topics_->Name("out")},
                                  {"progress_topic", topics_->Name("progress")},
                                  {"timeout_ms", "5000"},
                                  {"transaction_timeout_ms", "20000"}};
    for (const auto& [key, value] : more) settings[key] = value;
    return settings;
  }
  std::vector<KafkaRecord> Records(const std::string& topic = "parts") {
    const auto records = topics_->client().Read(topics_->Name(topic));
    return records.ok() ? *records : std::vector<KafkaRecord>();
  }
  bool HasRecords(std::size_t count, const std::string& topic = "parts") {
    return WaitFor([&] { return Records(topic).size() >= count; }, seconds(30));
  }
  std::string Told() { return Call("GET", "/connectors/out/status", 200).dump() + headgate_->Stderr(); }
  json Letters() { return Call("GET", "/api/v1/connectors/out/dead-letters?limit=50", 200)["items"]; }

  std::unique_ptr<TestTopics> topics_;
};

}  // namespace headgate::test
