#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/unit/web/fake_control.h"
#include "tests/unit/web/raw_client.h"
#include "web/server.h"

namespace headgate::test {

using Json = nlohmann::ordered_json;

// A server on a free port over a FakeControl. `options` and `control` may be changed before Start.
class WebTest : public testing::Test {
 protected:
  WebTest() { options.port = 0; }
  void Start() {
    auto listener = web::Listener::Bind(options);
    ASSERT_TRUE(listener.ok()) << listener.error().what;
    auto started = web::Server::Start(options, *std::move(listener), control);
    ASSERT_TRUE(started.ok()) << started.error().what;
    server = std::move(*started);
  }
  const std::string& address() {
    if (server == nullptr) Start();
    return server->address();
  }
  RawAnswer Do(const Call& call) { return Ask(address(), call); }
  RawAnswer Get(const std::string& path) { return Do({.path = path}); }
  RawAnswer Send(const std::string& method, const std::string& path, const std::string& body = {}) {
    return Do({.method = method, .path = path, .body = body});
  }
  static Json Parse(const RawAnswer& answer) {
    Json json = Json::parse(answer.body, nullptr, false);
    EXPECT_FALSE(json.is_discarded()) << answer.status << " " << answer.body;
    return json;
  }
  void AddSource(const std::string& name = "shop", config::FlatConfig more = {}) {
    config::FlatConfig config = {{"connector.class", "db"}, {"host", "h1"}};
    config.merge(more);
    control.AddConnector(name, config);
  }
  void AddSink(const std::string& name = "hook") {
    control.AddConnector(
        name, {{"connector.class", "hook"}, {"topics", "shop.public.orders"}, {"url", "http://127.0.0.1:9/"}});
  }

  web::ServerOptions options;
  FakeControl control;
  std::unique_ptr<web::Server> server;  // last: it stops before the control goes
};

}  // namespace headgate::test
