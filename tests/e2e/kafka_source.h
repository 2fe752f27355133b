#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/signal.h"
#include "tests/support/headgate_process.h"
#include "tests/support/require.h"
#include "tests/support/shared_kafka.h"

namespace headgate::test {

// The program and a broker; sources are made over the API.
class KafkaSourceFixture : public testing::Test {
 protected:
  using json = nlohmann::json;
  using milliseconds = std::chrono::milliseconds;
  using seconds = std::chrono::seconds;

  void SetUp() override {
    HG_WITH_SERVER("kafka", topics_, TestTopics::Create());
    headgate_ = std::make_unique<HeadgateProcess>(HeadgateOptions{});
    Start();
  }
  void Start() {
    const Status started = headgate_->Start();
    ASSERT_TRUE(started.ok()) << started.error().what;
  }
  json Call(const std::string& method, const std::string& path, int status, const json& body = nullptr) {
    const auto answer = headgate_->Call(method, path, body.is_null() ? "" : body.dump());
    EXPECT_TRUE(answer.ok()) << path << ": " << answer.error().what;
    if (!answer.ok()) return nullptr;
    EXPECT_EQ(answer->status, status) << method << " " << path << " " << answer->body;
    return json::parse(answer->body, nullptr, false);
  }
  void Sql(const std::string& statements) { Call("POST", "/api/v1/sql", 200, {{"statements", statements}}); }
  // Until the path answers 200 and `holds` says yes; the last answer if it never does.
  json Until(const std::string& path, const std::function<bool(const json&)>& holds, seconds patience = seconds(30)) {
    json last;
    for (const auto end = std::chrono::steady_clock::now() + patience; std::chrono::steady_clock::now() < end;) {
      const auto answer = headgate_->Call("GET", path);
      if (answer.ok()) last = json::parse(answer->body, nullptr, false);
      if (answer.ok() && answer->status == 200 && holds(last)) return last;
      Signal().WaitUntil(std::chrono::steady_clock::now() + milliseconds(10), {});
    }
    ADD_FAILURE() << path << ": " << last.dump() << "\n" << headgate_->Stderr();
    return last;
  }

  ConnectorSettings Settings(const std::string& topic, const std::string& columns) const {
    return {{"connector.class", "kafka-source"},
            {"brokers", topics_->address()},
            {"topic", topics_->Name(topic)},
            {"columns", columns}};
  }
  void Create(const std::string& name, const ConnectorSettings& settings) {
    Call("POST", "/connectors", 201, {{"name", name}, {"config", settings}});
  }
  // The changes of rows in a stream, oldest first, once there are so many.
  std::vector<json> Changes(const std::string& stream, std::size_t count, seconds patience = seconds(30)) {
    std::vector<json> rows;
    const auto gather = [&](const json& page) {
      rows.clear();
      for (const json& item : page["items"]) {
        const std::string op = item["op"];
        if (op == "insert" || op == "delete") rows.push_back(item);
      }
      return rows.size() >= count;
    };
    Until("/api/v1/streams/" + stream + "/records?limit=1000", gather, patience);
    EXPECT_EQ(rows.size(), count);
    return rows;
  }
  void CreateTopic(const std::string& topic, int partitions = 1) {
    const Status made = topics_->client().CreateTopic(topics_->Name(topic), partitions);
    ASSERT_TRUE(made.ok()) << made.error().what;
  }
  void Produce(const std::string& topic, const std::vector<KafkaRecord>& records) {
    const Status produced = topics_->client().Produce(topics_->Name(topic), records);
    ASSERT_TRUE(produced.ok()) << produced.error().what;
  }
  static KafkaRecord Record(std::optional<std::string> key, std::optional<std::string> value) {
    KafkaRecord record;
    record.partition = 0;
    record.key = std::move(key);
    record.value = std::move(value);
    return record;
  }
  // The letters of a source, once there are exactly so many.
  std::vector<json> Letters(const std::string& source, std::size_t count) {
    std::vector<json> letters;
    Until("/api/v1/connectors/" + source + "/dead-letters", [&](const json& page) {
      letters = page["items"].get<std::vector<json>>();
      return letters.size() == count;
    });
    return letters;
  }

  std::unique_ptr<TestTopics> topics_;
  std::unique_ptr<HeadgateProcess> headgate_;
};

}  // namespace headgate::test
