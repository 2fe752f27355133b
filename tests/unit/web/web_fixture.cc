#include "tests/unit/web/web_fixture.h"

#include "tests/support/api_contract.h"
#include "web/api.h"
#include "web/openapi.h"

namespace headgate::test {

void WebTest::Start() {
  auto listener = web::Listener::Bind(options);
  ASSERT_TRUE(listener.ok()) << listener.error().what;
  auto started = web::Server::Start(options, *std::move(listener), control);
  ASSERT_TRUE(started.ok()) << started.error().what;
  server = std::move(*started);
}

const std::string& WebTest::address() {
  if (server == nullptr) Start();
  return server->address();
}

RawAnswer WebTest::Do(const Call& call) {
  static const ApiContract contract(web::Dump(web::OpenApi(web::AllRoutes())));
  RawAnswer answer = Ask(address(), call);
  if (answer.status == 0) return answer;
  const auto type = answer.headers.find("content-type");
  EXPECT_EQ(contract.Problem(call.method, call.path, answer.status, type == answer.headers.end() ? "" : type->second,
                             answer.body),
            "");
  return answer;
}

RawAnswer WebTest::Get(const std::string& path) { return Do({.path = path}); }

RawAnswer WebTest::Send(const std::string& method, const std::string& path, const std::string& body) {
  return Do({.method = method, .path = path, .body = body});
}

Json WebTest::Parse(const RawAnswer& answer) {
  Json json = Json::parse(answer.body, nullptr, false);
  EXPECT_FALSE(json.is_discarded()) << answer.status << " " << answer.body;
  return json;
}

void WebTest::AddSource(const std::string& name, config::FlatConfig more) {
  config::FlatConfig config = {{"connector.class", "db"}, {"host", "h1"}};
  config.merge(more);
  control.AddConnector(name, config);
}

void WebTest::AddSink(const std::string& name) {
  control.AddConnector(name,
                       {{"connector.class", "hook"}, {"topics", "shop.public.orders"}, {"url", "http://127.0.0.1:9/"}});
}

}  // namespace headgate::test

namespace nlohmann {

void PrintTo(const ordered_json& json, std::ostream* out) { *out << json.dump(); }

}  // namespace nlohmann
