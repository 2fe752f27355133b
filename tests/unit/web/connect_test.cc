#include "tests/unit/web/web_fixture.h"

// Kafka Connect's dialect: connectors, their state, offsets, topics (admin API, 1).
namespace headgate::test {
namespace {

using ConnectTest = WebTest;

ConnectorStatus Running(const std::string& name, config::ComponentKind kind, std::vector<TaskStatus> tasks) {
  ConnectorStatus status;
  status.name = name;
  status.kind = kind;
  status.state = State::kRunning;
  status.tasks = std::move(tasks);
  return status;
}

TEST_F(ConnectTest, Trap3_TheVersionParsesAsAtLeast3_6) {
  const Json root = Parse(Get("/"));
  EXPECT_EQ(root["version"].get<std::string>().rfind("4.1.0-headgate.", 0), 0U);
  EXPECT_EQ(root["kafka_cluster_id"], "data-directory-1");
  std::vector<std::string> members;
  for (const auto& [name, value] : root.items()) members.push_back(name);
  EXPECT_EQ(members, (std::vector<std::string>{"version", "commit", "kafka_cluster_id"}));
  EXPECT_EQ(Do({.headers = {{"Accept", "text/html"}}}).status, 200);
}

TEST_F(ConnectTest, KC1_CollectionsTakeATrailingSlashAndHeadIsGetWithoutBody) {
  AddSource();
  for (const char* path : {"/connectors", "/connectors/"}) EXPECT_EQ(Get(path).body, R"(["shop"])");
  EXPECT_EQ(Get("/connector-plugins/").status, 200);
  const RawAnswer head = Do({.method = "HEAD", .path = "/connectors"});
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.at("content-length"), "8");
  EXPECT_EQ(head.headers.at("content-type"), "application/json");
}

TEST_F(ConnectTest, KC2_ErrorsHaveConnectsTwoMembersFirst) {
  for (const auto& [method, path, status] : {std::tuple{"GET", "/nowhere", 404},
                                             {"GET", "/connectors/none", 404},
                                             {"DELETE", "/connectors", 405},
                                             {"GET", "/connectors/none/status", 404},
                                             {"GET", "/connectors/none/tasks-config", 404},
                                             {"POST", "/connectors/none/tasks", 405},
                                             {"GET", "/admin/loggers/none", 404}}) {
    const RawAnswer answer = Send(method, path);
    EXPECT_EQ(answer.status, status) << method << path;
    EXPECT_EQ(answer.headers.at("content-type"), "application/json");
    const std::string begin = "{\"error_code\":" + std::to_string(status) + ",\"message\":\"";
    EXPECT_EQ(answer.body.rfind(begin, 0), 0U) << answer.body;
    EXPECT_EQ(Parse(answer)["request_id"], answer.headers.at("request-id"));
  }
  EXPECT_EQ(Send("DELETE", "/connectors").headers.at("allow"), "GET, HEAD, POST");
  EXPECT_NE(Get("/connectors/none").body.find("none"), std::string::npos);
}

TEST_F(ConnectTest, S1_3_ShapesHaveTheirMembersInOrder) {
  AddSource("shop", {{"port", "5433"}});
  control.SetStatus(Running("shop", config::ComponentKind::kSource, {{0, State::kFailed, "connect to h1: refused"}}));
  EXPECT_EQ(Get("/connectors/shop").body,
            R"({"name":"shop","config":{"connector.class":"db","host":"h1","name":"shop","port":"5433"},)"
            R"("tasks":[{"connector":"shop","task":0}],"type":"source"})");
  const std::string worker = address();
  EXPECT_EQ(Get("/connectors/shop/status").body, R"({"name":"shop","connector":{"state":"RUNNING","worker_id":")" +
                                                     worker + R"("},"tasks":[{"id":0,"state":"FAILED","worker_id":")" +
                                                     worker +
                                                     R"(","trace":"connect to h1: refused"}],"type":"source"})");
  EXPECT_EQ(
      Get("/connectors/shop/tasks").body,
      R"([{"id":{"connector":"shop","task":0},"config":{"connector.class":"db","host":"h1","name":"shop","port":"5433"}}])");
  EXPECT_EQ(Get("/connectors/shop/tasks/0/status").body,
            R"({"id":0,"state":"FAILED","worker_id":")" + worker + R"(","trace":"connect to h1: refused"})");
  for (const char* task : {"1", "x", "-1", "99999999999999999999"}) {
    EXPECT_EQ(Get("/connectors/shop/tasks/" + std::string(task) + "/status").status, 404) << task;
  }
}

TEST_F(ConnectTest, KC10_AConnectorJustCreatedIsUnassignedNotMissing) {
  AddSource();
  const Json status = Parse(Get("/connectors/shop/status"));
  EXPECT_EQ(status["connector"]["state"], "UNASSIGNED");
  EXPECT_EQ(status["tasks"], Json::array());
}

TEST_F(ConnectTest, KC3_ExpandTakesSeveralValuesAndIgnoresOthers) {
  AddSource();
  const Json both = Parse(Get("/connectors?expand=status&expand=info&expand=zzz"));
  EXPECT_TRUE(both["shop"].contains("status"));
  EXPECT_TRUE(both["shop"].contains("info"));
  EXPECT_EQ(Get("/connectors?expand=zzz").body, R"({"shop":{}})");
  EXPECT_EQ(Get("/connectors?other=1").body, R"(["shop"])");
}

TEST_F(ConnectTest, KC4_NamesWithSlashesSpacesDotsAndOtherScripts) {
  const std::string name = "a/b c.d%\xC3\xA9";
  AddSource(name);
  const RawAnswer answer = Get("/connectors/a%2Fb%20c.d%25%C3%A9/config");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(Parse(answer)["name"], name);
  EXPECT_EQ(Get("/connectors/a/b/config").status, 404);
  EXPECT_EQ(Get("/connectors/%00/config").status, 400);
  EXPECT_EQ(Get("/connectors/%0a").status, 400);
  EXPECT_EQ(Get("/connectors//config").status, 400);
  EXPECT_EQ(Get("/connectors/" + std::string(256, 'a')).status, 400);
  EXPECT_EQ(Get("/connectors/%ff").status, 400);
  EXPECT_EQ(Get("/connectors/%2").status, 400);
}

TEST_F(ConnectTest, KC5_BodiesNobodyNeedsAreIgnoredWhateverTheirType) {
  AddSource();
  for (const std::map<std::string, std::string>& headers : {std::map<std::string, std::string>{},
                                                            {{"Content-Type", "application/json"}},
                                                            {{"Content-Type", "text/weird"}}}) {
    EXPECT_EQ(Do({.method = "PUT", .path = "/connectors/shop/pause", .headers = headers}).status, 202);
    EXPECT_EQ(Do({.method = "POST", .path = "/connectors/shop/restart", .body = "not json", .headers = headers}).status,
              204);
  }
}

TEST_F(ConnectTest, KC5_AnotherTypeIs415AndAnAcceptWithoutJsonIs406) {
  EXPECT_EQ(Do({.method = "POST",
                .path = "/connectors",
                .body = "a=b",
                .headers = {{"Content-Type", "application/x-www-form-urlencoded"}}})
                .status,
            415);
  EXPECT_EQ(Do({.path = "/connectors", .headers = {{"Accept", "text/html"}}}).status, 406);
  EXPECT_EQ(Do({.path = "/connectors", .headers = {{"Accept", "text/html, */*;q=0.1"}}}).status, 200);
}

TEST_F(ConnectTest, Trap2_BothFlagsFalseIsTheOldRestart) {
  AddSource();
  control.SetStatus(
      Running("shop", config::ComponentKind::kSource, {{0, State::kRunning, ""}, {1, State::kFailed, "x"}}));
  EXPECT_EQ(Send("POST", "/connectors/shop/restart?includeTasks=False&onlyFailed=False").status, 204);
  EXPECT_EQ(Send("POST", "/connectors/shop/restart").status, 204);
  const RawAnswer failed = Send("POST", "/connectors/shop/restart?includeTasks=True&onlyFailed=true");
  EXPECT_EQ(failed.status, 202);
  const Json state = Parse(failed);
  EXPECT_EQ(state["connector"]["state"], "RUNNING");
  EXPECT_EQ(state["tasks"][0]["state"], "RUNNING");
  EXPECT_EQ(state["tasks"][1]["state"], "RESTARTING");
  EXPECT_FALSE(state["tasks"][1].contains("trace"));
  const Json all = Parse(Send("POST", "/connectors/shop/restart?includeTasks=true"));
  EXPECT_EQ(all["connector"]["state"], "RESTARTING");
  EXPECT_EQ(all["tasks"][0]["state"], "RESTARTING");
  EXPECT_EQ(control.calls, (std::vector<std::string>{"restart shop", "restart shop", "restart shop tasks failed",
                                                     "restart shop tasks"}));
}

TEST_F(ConnectTest, ATaskIsRestartedAlone) {
  AddSource();
  control.SetStatus(Running("shop", config::ComponentKind::kSource, {{0, State::kFailed, "x"}}));
  EXPECT_EQ(Send("POST", "/connectors/shop/tasks/0/restart").status, 204);
  EXPECT_EQ(Send("POST", "/connectors/shop/tasks/7/restart").status, 404);
  EXPECT_EQ(control.calls, std::vector<std::string>{"restart shop task 0"});
}

TEST_F(ConnectTest, KC11_PauseResumeAndStopStoreTheTargetAndSayWhoAsked) {
  AddSource();
  EXPECT_EQ(Send("PUT", "/connectors/shop/pause").status, 202);
  EXPECT_EQ(Send("PUT", "/connectors/shop/resume").status, 202);
  EXPECT_EQ(Send("PUT", "/connectors/shop/stop").status, 204);
  EXPECT_EQ(Send("PUT", "/connectors/none/stop").status, 404);
  EXPECT_EQ(control.calls,
            (std::vector<std::string>{"target shop PAUSED by api 127.0.0.1", "target shop RUNNING by api 127.0.0.1",
                                      "target shop STOPPED by api 127.0.0.1"}));
}

TEST_F(ConnectTest, KC26_DeleteForgetsOnlyWhenAsked) {
  for (const char* query : {"", "?forget=true", "?drop_slot=True"}) {
    AddSource();
    EXPECT_EQ(Send("DELETE", "/connectors/shop" + std::string(query)).status, 204);
  }
  EXPECT_EQ(Send("DELETE", "/connectors/shop").status, 404);
  EXPECT_EQ(control.calls,
            (std::vector<std::string>{"delete shop", "delete shop forget", "delete shop forget drop_slot"}));
}

TEST_F(ConnectTest, KC21_ASourcesOffsetIsItsLastDurableCommit) {
  AddSource();
  EXPECT_EQ(Get("/connectors/shop/offsets").body, R"({"offsets":[]})");
  control.Insert(0x100, 1, "a");
  EXPECT_EQ(
      Get("/connectors/shop/offsets").body,
      R"({"offsets":[{"partition":{"server":"shop"},"offset":{"lsn":256,"txid":956,"ts_usec":1780000000000000}}]})");
}

TEST_F(ConnectTest, KC22_ASinksOffsetsUseConnectsKeys) {
  AddSink();
  ConnectorStatus status = Running("hook", config::ComponentKind::kSink, {});
  status.topics = {"shop.public.orders"};
  control.SetStatus(status);
  control.cursors["hook"] = {17, 0, 0};
  EXPECT_EQ(
      Get("/connectors/hook/offsets").body,
      R"({"offsets":[{"partition":{"kafka_topic":"shop.public.orders","kafka_partition":0},"offset":{"kafka_offset":17}}]})");
  EXPECT_EQ(Get("/connectors/none/offsets").status, 404);
}

TEST_F(ConnectTest, KC23_OffsetsAreAlteredOnlyWhileStopped) {
  AddSource();
  for (const char* method : {"PATCH", "DELETE"}) {
    const RawAnswer answer = Send(method, "/connectors/shop/offsets", "not json");
    EXPECT_EQ(answer.status, 400) << method;
    EXPECT_NE(answer.body.find("PUT /connectors/shop/stop"), std::string::npos) << answer.body;
    EXPECT_EQ(Send(method, "/connectors/none/offsets", "{}").status, 404) << method;
  }
  EXPECT_TRUE(control.calls.empty());
}

TEST_F(ConnectTest, KC23_AlteredOffsetsGoToTheServiceAsTheyAre) {
  AddSource();
  Send("PUT", "/connectors/shop/stop");
  control.calls.clear();
  const RawAnswer altered = Send(
      "PATCH", "/connectors/shop/offsets",
      R"({"offsets":[{"partition":{"server":"shop"},"offset":{"lsn":256,"txid":null}},{"partition":{"server":"x"},"offset":null}]})");
  EXPECT_EQ(altered.status, 200) << altered.body;
  EXPECT_EQ(altered.body, R"({"message":"done"})");
  EXPECT_EQ(Send("DELETE", "/connectors/shop/offsets").status, 200);
  EXPECT_EQ(control.calls, (std::vector<std::string>{"offsets shop server=shop -> lsn=256 txid=null server=x ->",
                                                     "reset offsets shop"}));
  control.offsets_refused = Refusal{400, "not there", {}};
  EXPECT_EQ(Send("DELETE", "/connectors/shop/offsets").status, 400);
}

TEST_F(ConnectTest, S1_7_BadOffsetsAre400BeforeAnybodyIsAsked) {
  AddSource();
  Send("PUT", "/connectors/shop/stop");
  control.calls.clear();
  for (const char* body : {"", "{", "[]", "{}", R"({"offsets":[]})", R"({"offsets":{}})", R"({"offsets":[1]})",
                           R"({"offsets":[{"partition":{}}]})", R"({"offsets":[{"offset":{}}]})",
                           R"({"offsets":[{"partition":[],"offset":null}]})",
                           R"({"offsets":[{"partition":{"server":"shop"},"offset":7}]})",
                           R"({"offsets":[{"partition":{"server":["shop"]},"offset":null}]})",
                           R"({"offsets":[{"partition":{"server":"shop"},"offset":null}],"more":1})"}) {
    EXPECT_EQ(Send("PATCH", "/connectors/shop/offsets", body).status, 400) << body;
  }
  EXPECT_TRUE(control.calls.empty());
}

TEST_F(ConnectTest, TopicsOfAnUnknownConnectorAreAnEmptyList) {
  AddSource();
  control.topics = {"shop.public.orders"};
  EXPECT_EQ(Get("/connectors/shop/topics").body, R"({"shop":{"topics":["shop.public.orders"]}})");
  EXPECT_EQ(Get("/connectors/none/topics").body, R"({"none":{"topics":[]}})");
  EXPECT_EQ(Send("PUT", "/connectors/shop/topics/reset").status, 202);
  EXPECT_EQ(control.calls, std::vector<std::string>{"reset topics shop"});
}

TEST_F(ConnectTest, S1_2_TopicsAre403WhereTrackingIsOff) {
  AddSource();
  options.topic_tracking = false;
  for (const char* name : {"shop", "none"}) {
    const RawAnswer read = Get("/connectors/" + std::string(name) + "/topics");
    EXPECT_EQ(read.status, 403);
    EXPECT_EQ(Parse(read)["error_code"], 403);
    EXPECT_NE(read.body.find("api.topic_tracking"), std::string::npos);
    EXPECT_EQ(Send("PUT", "/connectors/" + std::string(name) + "/topics/reset").status, 403);
  }
  EXPECT_TRUE(control.calls.empty());
}

TEST_F(ConnectTest, S1_2_TheWorkerIsUnhealthyWhileItsConnectorsThreadDoesNotAnswer) {
  std::vector<std::function<void()>> pongs;
  control.pongs = &pongs;
  EXPECT_EQ(Get("/health").status, 200);
  ASSERT_EQ(pongs.size(), 1U);
  control.manual_clock.ahead_us = 5'000'000;
  EXPECT_EQ(Get("/health").status, 200);
  control.manual_clock.ahead_us = 10'000'000;
  const RawAnswer late = Get("/health");
  EXPECT_EQ(late.status, 500);
  EXPECT_EQ(Parse(late)["status"], "unhealthy");
  EXPECT_EQ(Get("/livez").status, 200);
  EXPECT_EQ(pongs.size(), 1U) << "one question at a time";
  pongs[0]();
  EXPECT_EQ(Get("/health").status, 200);
  server.reset();
}

TEST_F(ConnectTest, HealthOfTheWorkerFollowsReadiness) {
  EXPECT_EQ(Parse(Get("/health"))["status"], "healthy");
  EXPECT_EQ(Get("/readyz").status, 200);
  control.is_ready = false;
  const RawAnswer starting = Get("/health");
  EXPECT_EQ(starting.status, 503);
  EXPECT_EQ(Parse(starting)["status"], "starting");
  EXPECT_EQ(Get("/readyz?verbose").status, 503);
  EXPECT_EQ(Get("/livez").status, 200);
}

TEST_F(ConnectTest, AP26_ReadinessListsItsChecksAndIsNotAboutSinks) {
  AddSink();
  ConnectorStatus status = Running("hook", config::ComponentKind::kSink, {});
  status.state = State::kFailed;
  control.SetStatus(status);
  const RawAnswer answer = Get("/readyz?verbose");
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.body.find("[+]database ok"), std::string::npos);
}

}  // namespace
}  // namespace headgate::test
