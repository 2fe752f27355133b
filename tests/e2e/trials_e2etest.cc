// What people try before, and look at while, a sink runs: connection tests, test events, traces.
#include "tests/e2e/api.h"
#include "tests/support/private_mysql.h"
#include "tests/support/require.h"
#include "tests/support/wait_for.h"

namespace headgate::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Trials : public Api {};

TEST_F(Trials, AP25_ATestEventGoesPastTheQueueAndMovesNothing) {
  Create("shop", shop_->Source());
  ConnectorSettings hook = Shop::Hook(receiver_.url());
  hook["auth"] = "bearer";
  hook["auth_token"] = "tell-nobody";
  hook["envelope"] = "cloudevents";
  Create("hook", hook, "STOPPED");
  const json sent = Call("POST", "/api/v1/connectors/hook/test-event", 200, {{"payload", {{"n", 1}}}});
  EXPECT_EQ(sent["ok"], true) << sent;
  EXPECT_EQ(sent["status"], 200);
  EXPECT_THAT(sent["request"].get<std::string>(), HasSubstr("[hidden]"));
  EXPECT_THAT(sent.dump(), Not(HasSubstr("tell-nobody")));
  ASSERT_EQ(receiver_.http().request_count(), 1U);
  const auto request = receiver_.http().Requests().back();
  EXPECT_EQ(request.Header("Authorization"), "Bearer tell-nobody");
  const json body = json::parse(request.body);
  EXPECT_EQ(body["type"], "headgate.test");
  EXPECT_EQ(body["data"]["n"], 1);
  const json offsets = Call("GET", "/connectors/hook/offsets", 200);
  for (const json& one : offsets["offsets"])  // of the streams that it knows of already
    EXPECT_EQ(one["offset"]["kafka_offset"], 1) << "the log's first: " << one;
  EXPECT_EQ(Call("GET", "/api/v1/connectors/hook/dead-letters", 200)["items"].size(), 0U);
  receiver_.SetPolicy([](const CountingReceiver::Request&) { return CountingReceiver::Reply::Status(403); });
  const json refused = Call("POST", "/api/v1/connectors/hook/test-event", 200);
  EXPECT_EQ(refused["ok"], false);
  EXPECT_EQ(refused["status"], 403);
  EXPECT_EQ(Call("GET", "/api/v1/connectors/hook/dead-letters", 200)["items"].size(), 0U);
}

TEST_F(Trials, AP25_WhatKeepsRowsTakesNoTestEventAndSaysWhatToDo) {
  Create("shop", shop_->Source());
  EXPECT_THAT(Call("POST", "/api/v1/connectors/shop/test-event", 409).dump(), HasSubstr("delivers nothing"));
  Create("docs", {{"connector.class", "search"}, {"topics", "shop.public.orders"}, {"url", receiver_.url()}},
         "STOPPED");
  ConnectorSettings rows = shop_->Source();
  for (const char* const of_source : {"tables", "slot_name"}) rows.erase(of_source);
  for (const auto& [key, value] :
       ConnectorSettings{{"connector.class", "table"}, {"database", "postgres"}, {"topics", "shop.public.orders"}})
    rows[key] = value;
  Create("rows", rows, "STOPPED");
  for (const char* const sink : {"docs", "rows"}) {
    const std::string refused = Call("POST", "/api/v1/connectors/" + std::string(sink) + "/test-event", 409).dump();
    EXPECT_THAT(refused, HasSubstr("among the rows"));
    EXPECT_THAT(refused, HasSubstr("POST /api/v1/connections/test")) << "what it says to do:";
    const json tested = Call("POST", "/api/v1/connections/test", 200, {{"connector", sink}});
    EXPECT_EQ(tested["checks"].back()["id"], "server") << tested;
  }
  EXPECT_THAT(receiver_.http().Requests(), ::testing::Each(::testing::Field(&CountingReceiver::Request::method, "GET")))
      << "asked what it is, and given nothing";
}

TEST_F(Trials, AP22_ATraceShowsDeliveriesWithoutSecretsForATime) {
  Create("shop", shop_->Source());
  ConnectorSettings hook = Shop::Hook(receiver_.url(), "shop\\.public\\.customers");
  hook["filter"] = "key.id < 40";
  hook["auth"] = "bearer";
  hook["auth_token"] = "tell-nobody";
  Create("hook", hook, "PAUSED");
  ASSERT_TRUE(WaitFor([&] { return StateOf("hook") == "PAUSED"; }));
  EXPECT_EQ(Call("GET", "/api/v1/connectors/hook/trace", 200)["items"].size(), 0U);
  Call("POST", "/api/v1/connectors/hook/trace", 200, {{"seconds", 60}});
  Call("PUT", "/connectors/hook/resume", 202);
  ASSERT_TRUE(WaitFor([&] { return Call("GET", "/api/v1/connectors/hook/trace", 200)["items"].size() >= 50; }));
  const json trace = Call("GET", "/api/v1/connectors/hook/trace", 200);
  EXPECT_EQ(trace["on"], true);
  int filtered = 0;
  for (const json& one : trace["items"]) {
    if (one["outcome"] == "filtered") {
      ++filtered;
      continue;
    }
    EXPECT_EQ(one["outcome"], "delivered");
    EXPECT_EQ(one["status"], 200);
    EXPECT_THAT(one["request"].get<std::string>(), HasSubstr("POST /hook HTTP/1.1"));
    EXPECT_THAT(one["body"].get<std::string>(), HasSubstr("\"op\":\"read\""));
  }
  EXPECT_EQ(filtered, 11) << "customers 40 to 50";
  EXPECT_THAT(trace.dump(), Not(HasSubstr("tell-nobody")));
  Call("DELETE", "/api/v1/connectors/hook/trace", 204);
  EXPECT_EQ(Call("GET", "/api/v1/connectors/hook/trace", 200)["on"], false);
}

// An endpoint that says nothing when it is asked, and grants later (webhooks.md 3.3).
TEST_F(Trials, S3_3_AnEndpointConsentsLaterByCallingBack) {
  headgate_ = std::make_unique<HeadgateProcess>(
      HeadgateOptions{.env = {{"HEADGATE_API_PUBLIC_URL", "https://hg.example.com/"}}});
  ASSERT_TRUE(headgate_->Start().ok());
  Create("shop", shop_->Source());
  receiver_.SetPolicy([](const CountingReceiver::Request& request) {
    return CountingReceiver::Reply::Status(request.method == "OPTIONS" ? 405 : 200);
  });
  ConnectorSettings hook = Shop::Hook(receiver_.url(), "shop\\.public\\.customers");
  hook["envelope"] = "cloudevents";
  hook["handshake"] = "required";
  hook["ce_origin"] = "events.example.com";
  const json tried = Call("POST", "/api/v1/connections/test", 200, {{"config", hook}});
  EXPECT_EQ(tried["ok"], false) << "AP23: the handshake is part of the test";
  EXPECT_THAT(tried.dump(), HasSubstr("no consent"));
  Create("hook", hook);
  const auto callback = [&]() -> std::string {
    for (const auto& request : receiver_.http().Requests()) {
      if (const auto url = request.Header("WebHook-Request-Callback")) return *url;
    }
    return {};
  };
  const auto sent = [&] {
    std::size_t posts = 0;
    for (const auto& request : receiver_.http().Requests()) posts += request.method == "POST" ? 1 : 0;
    return posts;
  };
  ASSERT_TRUE(WaitFor([&] { return !callback().empty(); })) << headgate_->Stderr();
  const std::string begin = "https://hg.example.com/api/v1/webhook-consent/";
  ASSERT_EQ(callback().rfind(begin, 0), 0U) << callback();
  const auto health = [&] { return Call("GET", "/api/v1/connectors/hook/health", 200).dump(); };
  EXPECT_TRUE(WaitFor([&] { return health().find("WebHook-Request-Callback") != std::string::npos; })) << health();
  const auto grant = [&](std::string token) {
    const auto answer = HttpCall(headgate_->address(), "POST", "/api/v1/webhook-consent/" + token, "",
                                 {{"Host", "hg.example.com"}, {"WebHook-Allowed-Rate", "*"}});
    return answer.ok() ? answer->status : 0;
  };
  const std::string token = callback().substr(begin.size());
  EXPECT_EQ(grant(std::string(64, '0')), 404);
  EXPECT_EQ(sent(), 0U) << "nothing without consent";
  EXPECT_EQ(grant(token), 204);
  EXPECT_EQ(grant(token), 404) << "once";
  EXPECT_TRUE(WaitFor([&] { return sent() == 50; }, std::chrono::seconds(20))) << sent() << headgate_->Stderr();
  EXPECT_EQ(Call("GET", "/api/v1/events?kind=consent_given", 200)["items"].size(), 1U);
  EXPECT_THAT(headgate_->Stderr(), Not(HasSubstr(token)));
}

TEST_F(Trials, AP23_AConnectionTestFindsWhatIsWrongWithoutSavingIt) {
  json source = shop_->Source();
  const json good = Call("POST", "/api/v1/connections/test", 200, {{"config", source}});
  EXPECT_EQ(good["ok"], true) << good;
  EXPECT_GT(good["checks"].size(), 1U);
  source["dbname"] = "there_is_none";
  const json bad = Call("POST", "/api/v1/connections/test", 200, {{"config", source}});
  EXPECT_EQ(bad["ok"], false);
  EXPECT_THAT(bad.dump(), HasSubstr("there_is_none"));
  EXPECT_EQ(Call("GET", "/connectors", 200).size(), 0U);
  Create("hook", Shop::Hook(receiver_.url()));
  const json moved = Call("POST", "/api/v1/connections/test", 200,
                          {{"connector", "hook"}, {"config", {{"url", "http://169.254.169.254/latest"}}}});
  EXPECT_EQ(moved["ok"], false) << "SE9: the guard holds here too";
}

TEST_F(Trials, AP24_TheTablesOfAServerAreListedWithKeysAndIdentity) {
  ASSERT_TRUE(shop_->database()
                  .Exec("CREATE TABLE public.pairs (b int, a int, t varchar(9), PRIMARY KEY (a, b)); "
                        "ALTER TABLE public.pairs REPLICA IDENTITY FULL")
                  .ok());
  json config = shop_->Source();
  config.erase("tables");
  const json tables = Call("POST", "/api/v1/connections/tables", 200, {{"config", config}})["items"];
  ASSERT_EQ(tables.size(), 3U) << tables;
  EXPECT_EQ(tables[1]["table"], "orders");
  EXPECT_EQ(tables[1]["key"], json({"id"}));
  EXPECT_EQ(tables[1]["columns"][2]["type"], "numeric(12,2)");
  EXPECT_EQ(tables[2]["key"], json({"a", "b"}));
  EXPECT_EQ(tables[2]["replica_identity"], "full");
  config["password"] = "wrong";
  config["username"] = "nobody";
  EXPECT_THAT(Call("POST", "/api/v1/connections/tables", 422, {{"config", config}}).dump(), HasSubstr("nobody"));
}

class MysqlTrials : public Api, public ::testing::WithParamInterface<MyServer> {};

TEST_P(MysqlTrials, AP24_TheTablesOfAServerAreListedWithTheirKeys) {
  HG_WITH_SERVER(NameOf(GetParam()), const auto server, PrivateMysql::Start(GetParam()));
  for (const char* sql : {"CREATE DATABASE shop", "CREATE TABLE shop.orders (id INT PRIMARY KEY, total DECIMAL(12,2))",
                          "CREATE TABLE shop.pairs (b INT, a INT, t VARCHAR(9), PRIMARY KEY (a, b))",
                          "CREATE VIEW shop.seen AS SELECT id FROM shop.orders"})
    ASSERT_TRUE(server->Exec(sql).ok()) << sql;
  json config = {{"connector.class", NameOf(GetParam())},
                 {"host", server->host()},
                 {"port", std::to_string(server->port())},
                 {"username", "hg"},
                 {"password", "pw"}};
  const json tables = Call("POST", "/api/v1/connections/tables", 200, {{"config", config}})["items"];
  ASSERT_EQ(tables.size(), 2U) << tables;
  EXPECT_EQ(tables[0]["schema"], "shop");
  EXPECT_EQ(tables[0]["table"], "orders");
  EXPECT_EQ(tables[0]["key"], json({"id"}));
  EXPECT_EQ(tables[0]["columns"][1]["type"], "decimal(12,2)");
  EXPECT_EQ(tables[1]["key"], json({"a", "b"}));
  config["password"] = "wrong";
  EXPECT_THAT(Call("POST", "/api/v1/connections/tables", 422, {{"config", config}}).dump(), HasSubstr("Access denied"));
}

INSTANTIATE_TEST_SUITE_P(Servers, MysqlTrials, ::testing::Values(MyServer::kMariadb, MyServer::kMysql),
                         [](const auto& server) { return NameOf(server.param); });

}  // namespace
}  // namespace headgate::test
