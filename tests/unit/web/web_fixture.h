#pragma once

#include <gtest/gtest.h>

#include <iosfwd>
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
  void Start();
  const std::string& address();
  RawAnswer Do(const Call& call);  // fails if the answer is not in /openapi.json (AP28)
  RawAnswer Get(const std::string& path);
  RawAnswer Send(const std::string& method, const std::string& path, const std::string& body = {});
  static Json Parse(const RawAnswer& answer);
  void AddSource(const std::string& name = "shop", config::FlatConfig more = {});
  void AddSink(const std::string& name = "hook");

  web::ServerOptions options;
  FakeControl control;
  std::unique_ptr<web::Server> server;  // last: it stops before the control goes
};

}  // namespace headgate::test

namespace nlohmann {

// How GoogleTest shows a value that differs. Without it every file compiles its guesses about what prints.
void PrintTo(const ordered_json& json, std::ostream* out);

}  // namespace nlohmann
