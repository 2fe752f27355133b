#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/e2e/shop.h"
#include "tests/support/require.h"

namespace headgate::test {

// A shop, a receiver, and the program on an empty config file.
class Api : public testing::Test {
 protected:
  using json = nlohmann::json;

  void SetUp() override {
    HG_WITH_SERVER("postgres", shop_, Shop::Create());
    headgate_ = std::make_unique<HeadgateProcess>(HeadgateOptions{});
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

  void Create(const std::string& name, const ConnectorSettings& settings, const std::string& state = "RUNNING") {
    Call("POST", "/connectors", 201, {{"name", name}, {"config", settings}, {"initial_state", state}});
  }

  std::string StateOf(const std::string& name) {
    const json status = Call("GET", "/connectors/" + name + "/status", 200);
    return status.is_object() ? status["connector"]["state"].get<std::string>() : "";
  }

  std::unique_ptr<Shop> shop_;
  CountingReceiver receiver_;
  std::unique_ptr<HeadgateProcess> headgate_;
};

}  // namespace headgate::test
