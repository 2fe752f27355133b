#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/e2e/shop.h"

namespace headgate::test {

// A shop, a receiver, and the program on an empty config file.
class Api : public testing::Test {
 protected:
  using json = nlohmann::json;

  void SetUp() override;
  json Call(const std::string& method, const std::string& path, int status, const json& body = nullptr);
  void Create(const std::string& name, const ConnectorSettings& settings, const std::string& state = "RUNNING");
  std::string StateOf(const std::string& name);

  std::unique_ptr<Shop> shop_;
  CountingReceiver receiver_;
  std::unique_ptr<HeadgateProcess> headgate_;
};

}  // namespace headgate::test
