#include "core/base/signal.h"
#include "tests/unit/web/web_fixture.h"

// Plugins and validate (admin API, 1.5).
namespace headgate::test {
namespace {

using ValidateTest = WebTest;

const Json* Key(const Json& infos, std::string_view name) {
  for (const Json& key : infos["configs"]) {
    if (key["value"]["name"] == name) return &key;
  }
  return nullptr;
}

TEST_F(ValidateTest, PluginsAreListedTheSameWhateverTheFlag) {
  const std::string all =
      R"([{"class":"DbSource","type":"source","version":"0.1.0"},{"class":"HookSink","type":"sink","version":"0.1.0"}])";
  for (const char* query : {"", "?connectorsOnly=true", "?connectorsOnly=false"})
    EXPECT_EQ(Get("/connector-plugins" + std::string(query)).body, all);
}

TEST_F(ValidateTest, S1_3_DefinitionsHaveAllMembersInOrder) {
  const Json keys = Parse(Get("/connector-plugins/db/config"));
  ASSERT_TRUE(keys.is_array());
  for (const Json& key : keys) {
    std::vector<std::string> members;
    for (const auto& [name, value] : key.items()) members.push_back(name);
    EXPECT_EQ(members,
              (std::vector<std::string>{"name", "type", "required", "default_value", "importance", "documentation",
                                        "group", "order_in_group", "width", "display_name", "dependents"}));
  }
  EXPECT_EQ(Get("/connector-plugins/nope/config").status, 404);
  EXPECT_EQ(Get("/connector-plugins/db/config?version=0.1.0").status, 200);
  EXPECT_EQ(Get("/connector-plugins/db/config?version=9").status, 400);
}

TEST_F(ValidateTest, KC15_PluginsAnswerToAllTheirNames) {
  for (const char* name : {"db", "DbSource", "DbSourceConnector", "dbConnector", "org.example.DbSource"}) {
    EXPECT_EQ(Get("/connector-plugins/" + std::string(name) + "/config").status, 200) << name;
    const std::string body = R"({"connector.class":"org.example.DbSource","name":"dummy-name","host":"h"})";
    EXPECT_EQ(Send("PUT", "/connector-plugins/" + std::string(name) + "/config/validate", body).status, 200) << name;
  }
}

TEST_F(ValidateTest, KC16_AlmostNothingIsAnsweredWithErrorsPerKey) {
  const RawAnswer answer =
      Send("PUT", "/connector-plugins/db/config/validate", R"({"connector.class":"db","topics":"a"})");
  EXPECT_EQ(answer.status, 200);
  const Json infos = Parse(answer);
  EXPECT_EQ(infos["name"], "db");
  ASSERT_NE(Key(infos, "host"), nullptr);
  EXPECT_EQ((*Key(infos, "host"))["value"]["errors"][0], "Missing required setting \"host\".");
  EXPECT_GE(infos["error_count"].get<int>(), 1);
  EXPECT_EQ(control.live_checks, 0);
}

TEST_F(ValidateTest, KC16_OnlyAMissingOrAnotherClassIs400) {
  const std::string path = "/connector-plugins/db/config/validate";
  EXPECT_EQ(Send("PUT", path, R"({"host":"h"})").status, 400);
  EXPECT_EQ(Send("PUT", path, R"({"connector.class":"hook"})").status, 400);
  const RawAnswer unknown = Send("PUT", path, R"({"connector.class":"nope"})");
  EXPECT_EQ(unknown.status, 400);
  EXPECT_EQ(Parse(unknown)["message"].get<std::string>().rfind(
                "Failed to find any class that implements Connector and which name matches nope", 0),
            0U);
  EXPECT_EQ(Send("PUT", "/connector-plugins/nope/config/validate", R"({"connector.class":"db"})").status, 404);
}

TEST_F(ValidateTest, KC17_EveryKeyIsThereAndSecretsAreNot) {
  const Json infos = Parse(Send("PUT", "/connector-plugins/db/config/validate",
                                R"({"connector.class":"db","host":"h","password":"hunter2"})"));
  for (const char* key :
       {"connector.class", "name", "tasks.max", "host", "port", "password", "batch_bytes_max", "snapshot"}) {
    EXPECT_NE(Key(infos, key), nullptr) << key;
  }
  EXPECT_EQ((*Key(infos, "password"))["value"]["value"], "[hidden]");
  EXPECT_EQ((*Key(infos, "snapshot"))["value"]["recommended_values"].size(), 3U);
  EXPECT_EQ((*Key(infos, "port"))["definition"]["type"], "INT");
}

TEST_F(ValidateTest, KC18_LiveChecksRunOnlyWhenTheOthersPassAndLandOnTheirKey) {
  control.live_errors = {{"host", "Nobody answers at h:5432."}};
  const std::string path = "/connector-plugins/db/config/validate";
  Send("PUT", path, R"({"connector.class":"db","host":"h","port":"x","name":"a"})");
  EXPECT_EQ(control.live_checks, 0);
  const Json infos = Parse(Send("PUT", path, R"({"connector.class":"db","host":"h","name":"a"})"));
  EXPECT_EQ(control.live_checks, 1);
  EXPECT_EQ(infos["error_count"], 1);
  EXPECT_EQ((*Key(infos, "host"))["value"]["errors"][0], "Nobody answers at h:5432.");
}

TEST_F(ValidateTest, KC19_AnUnknownKeyIsAnErrorWithTheNearestName) {
  const Json infos = Parse(Send("PUT", "/connector-plugins/db/config/validate",
                                R"({"connector.class":"db","host":"h","batch_byte_max":"1","key.converter":"x"})"));
  ASSERT_NE(Key(infos, "batch_byte_max"), nullptr);
  EXPECT_TRUE((*Key(infos, "batch_byte_max"))["definition"].is_null());
  EXPECT_EQ((*Key(infos, "batch_byte_max"))["value"]["errors"][0],
            "Unknown setting \"batch_byte_max\". Did you mean \"batch_bytes_max\"?");
  EXPECT_EQ(Key(infos, "key.converter"), nullptr);
}

TEST_F(ValidateTest, KC20_SinksNeedExactlyOneWayToNameTheirTopics) {
  const std::string path = "/connector-plugins/hook/config/validate";
  for (const char* body : {R"({"connector.class":"hook","url":"http://x/"})",
                           R"({"connector.class":"hook","url":"http://x/","topics":"a","topics.regex":"b"})"}) {
    const Json infos = Parse(Send("PUT", path, body));
    EXPECT_EQ((*Key(infos, "topics"))["value"]["errors"].size(), 1U) << body;
    EXPECT_EQ((*Key(infos, "topics.regex"))["value"]["errors"].size(), 1U) << body;
  }
}

TEST_F(ValidateTest, KC8_ANullIsShownAsNullNotAsTheDefault) {
  const Json infos =
      Parse(Send("PUT", "/connector-plugins/db/config/validate", R"({"connector.class":"db","host":"h","port":null})"));
  EXPECT_TRUE((*Key(infos, "port"))["value"]["value"].is_null());
  EXPECT_EQ((*Key(infos, "port"))["value"]["errors"].size(), 1U);
}

TEST_F(ValidateTest, S7_3_AMaskIsTheStoredSecretOfTheNamedConnector) {
  AddSource("shop", {{"password", "hunter2"}});
  const std::string path = "/connector-plugins/db/config/validate";
  const Json known =
      Parse(Send("PUT", path, R"({"connector.class":"db","name":"shop","host":"h1","password":"[hidden]"})"));
  EXPECT_EQ(known["error_count"], 0);
  const Json unknown =
      Parse(Send("PUT", path, R"({"connector.class":"db","name":"dummy-name","host":"h1","password":"[hidden]"})"));
  EXPECT_EQ((*Key(unknown, "password"))["value"]["errors"].size(), 1U);
  EXPECT_EQ(unknown["error_count"], 1);
}

TEST_F(ValidateTest, KC6_ASlowLiveCheckHoldsUpNobodyElse) {
  Signal go;
  control.during_check = [&] { go.WaitUntil(std::chrono::steady_clock::now() + std::chrono::seconds(10), {}); };
  const std::string body = R"({"connector.class":"db","host":"h","name":"a"})";
  RawClient slow(address());
  slow.Send(Serialise({.method = "PUT", .path = "/connector-plugins/db/config/validate", .body = body}, address()));
  while (control.live_checks == 0) std::this_thread::yield();
  EXPECT_EQ(Get("/connectors").status, 200);
  go.Raise();
  EXPECT_EQ(slow.Read().status, 200);
  server->Stop();
}

TEST_F(ValidateTest, KC18_LiveChecksDoNotWaitForOneAnother) {
  constexpr int kAtOnce = 4;
  Signal all_in;
  std::atomic<int> in = 0;
  std::atomic<int> alone = 0;
  control.during_check = [&] {
    if (++in == kAtOnce) all_in.Raise();
    if (!all_in.WaitUntil(std::chrono::steady_clock::now() + std::chrono::seconds(5), {})) ++alone;
    all_in.Raise();  // one raise wakes one
  };
  const std::string body = R"({"connector.class":"db","host":"h","name":"a"})";
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < kAtOnce; ++i) {
    clients.push_back(std::make_unique<RawClient>(address()));
    clients.back()->Send(
        Serialise({.method = "PUT", .path = "/connector-plugins/db/config/validate", .body = body}, address()));
  }
  for (auto& client : clients) EXPECT_EQ(client->Read().status, 200);
  EXPECT_EQ(alone, 0);
  server->Stop();
}

TEST_F(ValidateTest, KC6_AfterTheLimitTheAnswerNamesTheStage) {
  options.limits.request_timeout = std::chrono::milliseconds(50);
  Signal go;
  control.during_check = [&] { go.WaitUntil(std::chrono::steady_clock::now() + std::chrono::seconds(10), {}); };
  const RawAnswer answer =
      Send("PUT", "/connector-plugins/db/config/validate", R"({"connector.class":"db","host":"h","name":"a"})");
  go.Raise();
  server->Stop();
  EXPECT_EQ(answer.status, 500);
  const std::string message = Parse(answer)["message"];
  EXPECT_EQ(message.rfind("Request timed out. ", 0), 0U);
  EXPECT_NE(message.find("the checks of validate"), std::string::npos);
  EXPECT_EQ(message.find("rebalance"), std::string::npos);
}

}  // namespace
}  // namespace headgate::test
