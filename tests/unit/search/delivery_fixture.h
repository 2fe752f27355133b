#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "sinks/search/delivery.h"
#include "tests/unit/sinks/sample_events.h"

namespace headgate::search {

// A delivery whose requests the test answers itself, in time that it moves itself.
class DeliveryFixture : public ::testing::Test {
 protected:
  using Json = nlohmann::json;

  DeliveryFixture() { options_.index = "${table}"; }

  // The server has said what it is.
  void Begin(const std::string& server = R"({"version":{"number":"2.19.1","distribution":"opensearch"}})") {
    delivery_ = std::make_unique<Delivery>(options_, identity_, context_);
    EXPECT_FALSE(delivery_->Room());
    const auto call = delivery_->Next();
    ASSERT_TRUE(call.has_value());
    EXPECT_EQ(call->method + " " + call->path, "GET /");
    delivery_->Answered(call->number, {200, server, "", {}});
  }
  At Write(const Event& event) {
    const Status status = delivery_->Write(event);
    EXPECT_TRUE(status.ok()) << status.error().what;
    return event.at;
  }
  // The next call, which is no batch, as "GET /orders".
  std::string Prepare() {
    const auto call = delivery_->Next();
    if (!call) return "";
    number_ = call->number;
    body_ = call->body;
    return call->method + " " + call->path;
  }
  void Reply(int status, const std::string& body = "{}") { delivery_->Answered(number_, {status, body, "", {}}); }
  // The index is made.
  void SetUpIndex() {
    ASSERT_EQ(Prepare(), "GET /orders");
    Reply(404);
    ASSERT_EQ(Prepare(), "PUT /orders-v1");
    Reply(200);
  }
  static std::vector<std::string> ActionsOf(const std::string& body) {
    std::vector<std::string> actions;
    std::istringstream lines(body);
    for (std::string line; std::getline(lines, line);) {
      const Json action = Json::parse(line);
      const std::string name = action.begin().key();
      const Json& what = *action.begin();
      std::string text =
          name + " " + what["_id"].get<std::string>() + " v" + std::to_string(what["version"].get<std::uint64_t>());
      if (what.contains("routing")) text += " r" + what["routing"].get<std::string>();
      actions.push_back(text);
      if (name == "index") std::getline(lines, line);
    }
    return actions;
  }
  // The next request, as "index 1 v3", "delete 2 v4".
  std::vector<std::string> Batch() {
    clock_.Pass(options_.batch_delay_max);
    const auto call = delivery_->Next();
    if (!call) return {};
    number_ = call->number;
    body_ = call->body;
    return ActionsOf(call->body);
  }
  static std::string Items(const std::vector<int>& statuses, const std::string& type) {
    Json items = Json::array();
    for (const int status : statuses) {
      Json item = {{"status", status}};
      if (status >= 400) item["error"] = {{"type", type}, {"reason", "because"}};
      items.push_back({{"index", std::move(item)}});
    }
    return Json({{"items", items}}).dump();
  }
  void Answer(const std::vector<int>& statuses, const std::string& type = "mapper_parsing_exception") {
    Reply(200, Items(statuses, type));
  }
  void AnswerNumber(std::uint64_t number, const std::vector<int>& statuses, const std::string& type = "") {
    number_ = number;
    Answer(statuses, type);
  }

  Options options_;
  Identity identity_{"log", "docs"};
  FakeClock clock_;
  FakeContext context_{clock_};
  SampleEvents events_;
  std::unique_ptr<Delivery> delivery_;
  std::uint64_t number_ = 0;  // of the last call
  std::string body_;
};

}  // namespace headgate::search
