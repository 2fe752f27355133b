// Kafka Connect's dialect on the real program, asked as its clients ask (admin API, 1): what kcctl, AKHQ, kafbat,
// kafka-connect-py and Terraform send, and the traps that they set (1.9).
#include "tests/e2e/api.h"
#include "tests/support/wait_for.h"

namespace headgate::test {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using Headers = std::map<std::string, std::string>;

class Connect : public Api {
 protected:
  HttpAnswer Ask(const std::string& method, const std::string& path, const std::string& body = {},
                 const Headers& headers = {}) {
    auto answer = headgate_->Call(method, path, body, headers);
    EXPECT_TRUE(answer.ok()) << answer.error().what;
    return answer.ok() ? *answer : HttpAnswer();
  }
};

TEST_F(Connect, KC15_KC16_KC17_EveryPluginIsListedDescribedAndValidatedWithAlmostNothing) {
  const json plugins = Call("GET", "/connector-plugins/?connectorsOnly=false", 200);
  EXPECT_EQ(plugins, Call("GET", "/connector-plugins", 200));
  std::set<std::string> classes;
  for (const json& plugin : plugins) {
    const std::string name = plugin["class"];
    classes.insert(name);
    const json keys = Call("GET", "/connector-plugins/" + name + "/config", 200);
    EXPECT_GT(keys.size(), 3U) << name;
    Call("GET", "/connector-plugins/" + name + "/config?version=" + plugin["version"].get<std::string>(), 200);
    Call("GET", "/connector-plugins/" + name + "/config?version=0.0.0", 400);
    // AKHQ asks with the class and topics alone, kcctl with the last part of the class and a dummy name.
    for (const std::string& asked : {name, name + "Connector", "org.example." + name}) {
      const json infos = Call("PUT", "/connector-plugins/" + asked + "/config/validate", 200,
                              {{"connector.class", asked}, {"topics", "a"}, {"name", "dummy-name"}});
      EXPECT_EQ(infos["name"], asked);
      std::size_t errors = 0;
      std::set<std::string> told;
      for (const json& key : infos["configs"]) {
        told.insert(key["value"]["name"].get<std::string>());
        errors += key["value"]["errors"].size();
      }
      EXPECT_EQ(infos["error_count"], errors) << asked;
      EXPECT_GT(errors, 0U) << asked;
      for (const json& key : keys) EXPECT_TRUE(told.contains(key["name"].get<std::string>())) << name << key["name"];
    }
  }
  for (const char* one : {"PostgresSource", "MysqlSource", "HttpSource", "WebhookSink", "SearchSink", "TableSink"})
    EXPECT_TRUE(classes.contains(one)) << one;
  for (const char* alias : {"postgres", "mysql", "MySqlSource", "mariadb", "http", "webhook", "search", "table"})
    Call("GET", std::string("/connector-plugins/") + alias + "/config", 200);
  Call("GET", "/connector-plugins/nope/config", 404);
  Call("PUT", "/connector-plugins/nope/config/validate", 404, {{"connector.class", "nope"}});
  Call("PUT", "/connector-plugins/webhook/config/validate", 400, {{"topics", "a"}});
  Call("PUT", "/connector-plugins/webhook/config/validate", 400, {{"connector.class", "postgres"}});
}

TEST_F(Connect, Trap1_Trap6_Trap9_Trap12_NamesAndValuesOfAllKindsFromCreationOn) {
  const std::string name = "a/b c.d%\xC3\xA9";
  const std::string path = "/connectors/a%2Fb%20c.d%25%C3%A9";
  const json config = {{"connector.class", "webhook"},
                       {"topics", "x.y"},
                       {"url", "http://127.0.0.1:9/h"},
                       {"memory_retry_ms", 250000},
                       {"tls_verify", true}};
  const auto created = Ask("POST", "/connectors/", json{{"name", name}, {"config", config}}.dump());
  ASSERT_EQ(created.status, 201) << created.body;
  EXPECT_EQ(created.headers.at("location"), "http://" + headgate_->address() + path);
  const json echoed = Call("GET", path + "/config", 200);
  EXPECT_EQ(echoed, json({{"connector.class", "webhook"},
                          {"name", name},
                          {"memory_retry_ms", "250000"},
                          {"tls_verify", "true"},
                          {"topics", "x.y"},
                          {"url", "http://127.0.0.1:9/h"}}))
      << "KC9: exactly what was sent, as text";
  EXPECT_EQ(Call("GET", path, 200)["config"], echoed);
  EXPECT_EQ(Call("GET", path + "/status", 200)["name"], name);
  EXPECT_EQ(Call("PUT", path + "/config", 200, echoed)["config"], echoed) << "written back it is the same";
  EXPECT_EQ(Call("PATCH", path + "/config", 200, {{"memory_retry_ms", nullptr}})["config"].size(), 5U);
  EXPECT_EQ(Call("POST", "/connectors", 409, {{"name", name}, {"config", config}})["message"],
            "Connector " + name + " already exists");
  EXPECT_THAT(Call("GET", "/connectors/?expand=info&expand=status", 200)[name], testing::SizeIs(2));
  Call("DELETE", path, 204);
  Call("GET", path, 404);
}

TEST_F(Connect, KC10_KC11_EveryStateIsReachedFromEveryOtherAndSurvives) {
  Create("shop", shop_->Source(), "stopped");
  EXPECT_TRUE(WaitFor([&] { return StateOf("shop") == "STOPPED"; }));
  EXPECT_EQ(Call("GET", "/connectors/shop/tasks", 200), json::array());
  EXPECT_EQ(Call("GET", "/connectors/shop", 200)["tasks"], json::array());
  Call("GET", "/connectors/shop/tasks/0/status", 404);
  const auto to = [&](const std::string& verb, const std::string& state) {
    for (int i = 0; i < 2; ++i) Call("PUT", "/connectors/shop/" + verb, verb == "stop" ? 204 : 202);  // idempotent
    EXPECT_TRUE(WaitFor([&] { return StateOf("shop") == state; }, seconds(20))) << verb << headgate_->Stderr();
  };
  to("pause", "PAUSED");
  EXPECT_EQ(Call("GET", "/connectors/shop/tasks/0/status", 200)["state"], "PAUSED");
  to("resume", "RUNNING");
  to("stop", "STOPPED");
  to("resume", "RUNNING");
  Call("POST", "/connectors/shop/tasks/0/restart", 204);
  EXPECT_TRUE(WaitFor([&] { return StateOf("shop") == "RUNNING"; }, seconds(20)));
  Call("POST", "/connectors/shop/tasks/7/restart", 404);
  // kafka-connect-py writes both flags, always (trap 2); others none.
  Call("POST", "/connectors/shop/restart?includeTasks=False&onlyFailed=False", 204);
  EXPECT_TRUE(WaitFor([&] { return StateOf("shop") == "RUNNING"; }, seconds(20)));
  const json shown = Call("POST", "/connectors/shop/restart?includeTasks=True&onlyFailed=False", 202);
  EXPECT_EQ(shown["connector"]["state"], "RESTARTING");
  EXPECT_TRUE(WaitFor([&] { return StateOf("shop") == "RUNNING"; }, seconds(20)));
  to("pause", "PAUSED");
  headgate_->KillHard();
  ASSERT_TRUE(headgate_->Start().ok());
  EXPECT_TRUE(WaitFor([&] { return StateOf("shop") == "PAUSED"; }, seconds(20)));
}

TEST_F(Connect, KC12_KC14_AFailedStartIsAStateWithATraceAndHealsWhenItsConfigDoes) {
  auto settings = shop_->Source();
  settings["port"] = "1";
  Create("shop", settings);
  json status;
  EXPECT_TRUE(WaitFor([&] {
    status = Call("GET", "/connectors/shop/status", 200);
    return !status["tasks"].empty() && status["tasks"][0]["state"] == "FAILED";
  })) << status;
  EXPECT_THAT(status["tasks"][0]["trace"].get<std::string>(),
              testing::AllOf(HasSubstr(":1"), HasSubstr("Next attempt")));
  const json failed = Call("POST", "/connectors/shop/restart?includeTasks=true&onlyFailed=true", 202);
  EXPECT_EQ(failed["tasks"][0]["state"], "RESTARTING");
  Call("PUT", "/connectors/shop/config", 200, shop_->Source());
  EXPECT_TRUE(WaitFor([&] { return StateOf("shop") == "RUNNING"; }, seconds(20))) << headgate_->Stderr();
}

TEST_F(Connect, KC2_KC5_WhatIsWrongIsSaidInConnectsWords) {
  for (const auto& [method, path, status] : {std::tuple{"GET", "/nowhere", 404},
                                             {"GET", "/connectors/none", 404},
                                             {"GET", "/connectors/none/tasks-config", 404},
                                             {"POST", "/connectors/none/tasks", 405},
                                             {"PUT", "/connectors/none/fence", 404},
                                             {"DELETE", "/connectors/none", 404},
                                             {"PATCH", "/connectors/none/offsets", 404},
                                             {"GET", "/admin/loggers/none", 404}}) {
    const json error = Call(method, path, status);
    EXPECT_EQ(error["error_code"], status) << path;
    EXPECT_FALSE(error["message"].get<std::string>().empty());
  }
  EXPECT_EQ(Ask("POST", "/connectors", "name=a", {{"Content-Type", "application/x-www-form-urlencoded"}}).status, 415);
  EXPECT_EQ(Ask("GET", "/connectors", "", {{"Accept", "text/html"}}).status, 406);
  EXPECT_EQ(Ask("GET", "/connectors", "", {{"Authorization", "Basic Og=="}}).status, 200) << "trap 14";
  const auto head = Ask("HEAD", "/connectors");
  EXPECT_EQ(head.headers.at("content-length"), "2");
  EXPECT_EQ(head.body, "");
  const json unknown = Call("POST", "/connectors", 400, {{"name", "a"}, {"config", {{"connector.class", "nope"}}}});
  EXPECT_EQ(unknown["message"].get<std::string>().rfind(
                "Failed to find any class that implements Connector and which name matches nope", 0),
            0U);
  const json wrong =
      Call("POST", "/connectors", 400,
           {{"name", "a"}, {"config", {{"connector.class", "webhook"}, {"topisc", "a"}, {"topics", "b"}}}});
  EXPECT_THAT(wrong["message"].get<std::string>(), testing::AllOf(HasSubstr("topics"), HasSubstr("url")));
}

TEST_F(Connect, Trap11_TopicsOfAllConnectorsComeInOneBurstAndAreResetEach) {
  Create("shop", shop_->Source());
  for (int i = 0; i < 20; ++i) Create("hook-" + std::to_string(i), Shop::Hook(receiver_.url()));
  EXPECT_TRUE(WaitFor([&] { return Call("GET", "/connectors/hook-7/topics", 200)["hook-7"]["topics"].size() == 2; },
                      seconds(20)));
  for (const json& name : Call("GET", "/connectors", 200)) {
    const std::string text = name;
    EXPECT_EQ(Call("GET", "/connectors/" + text + "/topics", 200).begin().key(), text);
  }
  Call("PUT", "/connectors/shop/topics/reset", 202);
  EXPECT_TRUE(Call("GET", "/connectors/shop/topics", 200)["shop"]["topics"].empty());
  EXPECT_EQ(Call("GET", "/connectors/hook-7/topics", 200)["hook-7"]["topics"].size(), 2U);
  EXPECT_EQ(Call("GET", "/connectors/none/topics", 200), json({{"none", {{"topics", json::array()}}}}));
}

TEST_F(Connect, S1_2_TopicTrackingIsSwitchedOffByTheConfigFile) {
  HeadgateProcess other({.env = {{"HEADGATE_API_TOPIC_TRACKING", "false"}}});
  ASSERT_TRUE(other.Start().ok());
  EXPECT_EQ(other.Call("GET", "/connectors/a/topics")->status, 403);
  EXPECT_EQ(other.Call("PUT", "/connectors/a/topics/reset")->status, 403);
  EXPECT_EQ(other.Call("GET", "/health")->status, 200);
}

TEST_F(Connect, S1_2_TheLoggersAreAtAListenerOfTheirOwnOrOff) {
  HeadgateProcess other({.env = {{"HEADGATE_API_ADMIN_LISTENER", "127.0.0.1:0"}}});
  ASSERT_TRUE(other.Start().ok());
  ASSERT_TRUE(other.WaitForLine("loggers listening", seconds(10))) << other.Stderr();
  const std::string text = other.Stderr();
  const std::size_t at = text.find("address=", text.find("loggers listening")) + 8;
  const std::string loggers = text.substr(at, text.find_first_of(" \n", at) - at);
  EXPECT_EQ(HttpCall(loggers, "PUT", "/admin/loggers/web", R"({"level":"DEBUG"})", {})->status, 200);
  EXPECT_EQ(HttpCall(loggers, "GET", "/connectors", "", {})->status, 404);
  EXPECT_EQ(other.Call("GET", "/admin/loggers")->status, 404);
  EXPECT_TRUE(other.WaitForLine("debug web", seconds(10))) << "and the level holds for all of it";
  HeadgateProcess off({.env = {{"HEADGATE_API_ADMIN_LISTENER", "off"}}});
  ASSERT_TRUE(off.Start().ok());
  EXPECT_EQ(off.Call("GET", "/admin/loggers")->status, 404);
  HeadgateProcess wrong({.env = {{"HEADGATE_API_ADMIN_LISTENER", "nowhere"}}});
  EXPECT_FALSE(wrong.Start().ok());
}

TEST_F(Connect, S1_2_LevelsChangeWhatTheProgramTellsAtOnce) {
  EXPECT_EQ(Call("PUT", "/admin/loggers/ingest", 200, {{"level", "trace"}}), json({"ingest"}));
  Call("PUT", "/admin/loggers/supervisor?scope=cluster", 204, {{"level", "DEBUG"}});
  Create("shop", shop_->Source());
  EXPECT_TRUE(headgate_->WaitForLine("trace ingest: appended connector=shop", seconds(20))) << headgate_->Stderr();
  EXPECT_TRUE(headgate_->WaitForLine("debug supervisor: state connector=shop state=RUNNING", seconds(20)));
  EXPECT_EQ(Call("GET", "/admin/loggers", 200).size(), 3U);
  EXPECT_THAT(headgate_->Stderr(), testing::Not(HasSubstr("debug web")));
  Call("PUT", "/admin/loggers/web", 404, {{"level", "NOISE"}});
}

TEST_F(Connect, AP28_TheDocumentHasBothDialects) {
  const json document = Call("GET", "/openapi.json", 200);
  EXPECT_EQ(document["openapi"], "3.1.0");
  for (const char* path : {"/connectors/{c}/offsets", "/admin/loggers/{l}", "/api/v1/connectors/{c}/lag", "/livez"})
    EXPECT_TRUE(document["paths"].contains(path)) << path;
}

TEST_F(Connect, KC26_ForgetLeavesNothingToResume) {
  Create("shop", shop_->Source());
  Create("hook", Shop::Hook(receiver_.url()));
  ASSERT_TRUE(receiver_.WaitForDistinct(250, seconds(20)));
  Call("DELETE", "/connectors/hook?forget=True", 204);
  Create("hook", Shop::Hook(receiver_.url()));
  EXPECT_TRUE(WaitFor([&] { return receiver_.events() == 500; }, seconds(20))) << "from the oldest record on";
  const json created = Call("GET", "/api/v1/events?kind=connector_created&connector=hook", 200)["items"];
  EXPECT_THAT(created[0].dump(), testing::Not(HasSubstr("resumes")));
  Call("DELETE", "/connectors/shop?drop_slot=true", 204);
  EXPECT_TRUE(
      WaitFor([&] { return Call("GET", "/api/v1/events?kind=slot_dropped", 200)["items"].size() == 1; }, seconds(20)));
  EXPECT_EQ(*shop_->database().Value("SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'hg_" +
                                     shop_->database().name() + "'"),
            "0");
  Create("shop", shop_->Source());
  EXPECT_TRUE(receiver_.WaitForDistinct(500, seconds(30))) << "read anew: " << headgate_->Stderr();
}

}  // namespace
}  // namespace headgate::test
