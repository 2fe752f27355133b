#include "tests/e2e/api.h"

#include "tests/support/require.h"

namespace headgate::test {

void Api::SetUp() {
  HG_WITH_SERVER("postgres", shop_, Shop::Create());
  headgate_ = std::make_unique<HeadgateProcess>(HeadgateOptions{});
  const Status started = headgate_->Start();
  ASSERT_TRUE(started.ok()) << started.error().what;
}

nlohmann::json Api::Call(const std::string& method, const std::string& path, int status, const json& body) {
  const auto answer = headgate_->Call(method, path, body.is_null() ? "" : body.dump());
  EXPECT_TRUE(answer.ok()) << path << ": " << answer.error().what;
  if (!answer.ok()) return nullptr;
  EXPECT_EQ(answer->status, status) << method << " " << path << " " << answer->body;
  return json::parse(answer->body, nullptr, false);
}

void Api::Create(const std::string& name, const ConnectorSettings& settings, const std::string& state) {
  Call("POST", "/connectors", 201, {{"name", name}, {"config", settings}, {"initial_state", state}});
}

std::string Api::StateOf(const std::string& name) {
  const json status = Call("GET", "/connectors/" + name + "/status", 200);
  return status.is_object() ? status["connector"]["state"].get<std::string>() : "";
}

}  // namespace headgate::test
