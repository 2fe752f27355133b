#include "tests/unit/web/web_fixture.h"

// /api/v1: connectors, health, lag, and the conventions of section 3.
namespace headgate::test {
namespace {

using OverviewTest = WebTest;

ConnectorStatus SinkStatus(const std::string& name, State state) {
  ConnectorStatus status;
  status.name = name;
  status.kind = config::ComponentKind::kSink;
  status.state = state;
  status.topics = {"shop.public.orders"};
  status.next_seq = 1;
  auto telemetry = std::make_shared<SinkTelemetry>();
  telemetry->phase = "delivering";
  telemetry->delivered = 7;
  status.sink = std::move(telemetry);
  return status;
}

TEST_F(OverviewTest, AP1_ErrorsAreProblemDocuments) {
  for (const auto& [method, path, status] : {std::tuple{"GET", "/api/v1/connectors/none", 404},
                                             {"GET", "/api/v1/nowhere", 404},
                                             {"GET", "/api/v1", 404},
                                             {"POST", "/api/v1/connectors", 405},
                                             {"GET", "/api/v1/connectors/none/health", 404}}) {
    const RawAnswer answer = Send(method, path);
    EXPECT_EQ(answer.status, status) << path;
    EXPECT_EQ(answer.headers.at("content-type"), "application/problem+json");
    const Json problem = Parse(answer);
    EXPECT_EQ(problem["type"].get<std::string>().rfind("/problems/", 0), 0U);
    EXPECT_EQ(problem["status"], status);
    EXPECT_EQ(problem["instance"], path);
    EXPECT_FALSE(problem["title"].get<std::string>().empty());
    EXPECT_FALSE(problem["detail"].get<std::string>().empty());
    EXPECT_EQ(problem["request_id"], answer.headers.at("request-id"));
  }
}

TEST_F(OverviewTest, S4_1_SummariesComeWorstFirst) {
  for (const char* name : {"a", "b", "c"}) AddSink(name);
  control.SetStatus(SinkStatus("a", State::kRunning));
  control.SetStatus(SinkStatus("b", State::kFailed));
  control.SetStatus(SinkStatus("c", State::kRunning));
  const Json page = Parse(Get("/api/v1/connectors"));
  ASSERT_EQ(page["items"].size(), 3U);
  EXPECT_EQ(page["items"][0]["name"], "b");
  EXPECT_EQ(page["items"][0]["health"], "error");
  EXPECT_EQ(page["items"][1]["name"], "a");
  EXPECT_EQ(page["items"][2]["name"], "c");
  EXPECT_TRUE(page["next_cursor"].is_null());
  const Json& a = page["items"][1];
  EXPECT_EQ(a["class"], "HookSink");
  EXPECT_EQ(a["state"], "RUNNING");
  EXPECT_EQ(a["target_state"], "RUNNING");
  EXPECT_EQ(a["counts"]["delivered"], 7);
  EXPECT_EQ(a["lag"]["caught_up"], true);
}

TEST_F(OverviewTest, S4_1_SummariesCanBeFiltered) {
  AddSink("hook");
  AddSource("shop");
  const auto names = [&](const std::string& query) {
    std::vector<std::string> all;
    const Json page = Parse(Get("/api/v1/connectors" + query));
    for (const Json& item : page["items"]) all.push_back(item["name"]);
    return all;
  };
  EXPECT_EQ(names("?type=source"), std::vector<std::string>{"shop"});
  EXPECT_EQ(names("?q=HOO"), std::vector<std::string>{"hook"});
  EXPECT_EQ(names("?status=error"), std::vector<std::string>{});
  EXPECT_EQ(names("?status=starting").size(), 2U);
}

TEST_F(OverviewTest, AP5_PagesFollowEachOtherWithoutRepeatsOrGaps) {
  for (int i = 0; i < 7; ++i) AddSource("c" + std::to_string(i));
  std::vector<std::string> seen;
  std::string path = "/api/v1/connectors?type=source&limit=3";
  for (int page = 0; page < 3; ++page) {
    const RawAnswer answer = Get(path);
    const Json body = Parse(answer);
    for (const Json& item : body["items"]) seen.push_back(item["name"]);
    if (body["next_cursor"].is_null()) {
      EXPECT_FALSE(answer.headers.contains("link"));
      break;
    }
    const std::string link = answer.headers.at("link");
    EXPECT_EQ(link.rfind("</api/v1/connectors?type=source&limit=3&cursor=", 0), 0U) << link;
    EXPECT_NE(link.find("; rel=\"next\""), std::string::npos);
    path = link.substr(1, link.find('>') - 1);
    if (page == 0) {
      control.calls.clear();
      Send("DELETE", "/connectors/c0");  // before the place: the rest must not move
    }
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"c0", "c1", "c2", "c3", "c4", "c5", "c6"}));
}

TEST_F(OverviewTest, AP5_BadCursorsAndLimitsAre400) {
  const RawAnswer cursor = Get("/api/v1/connectors?cursor=nonsense");
  EXPECT_EQ(cursor.status, 400);
  EXPECT_EQ(Parse(cursor)["type"], "/problems/bad-cursor");
  for (const char* limit : {"0", "-1", "x", ""})
    EXPECT_EQ(Get("/api/v1/connectors?limit=" + std::string(limit)).status, 400) << limit;
  EXPECT_EQ(Get("/api/v1/connectors?limit=5000").status, 200);
}

TEST_F(OverviewTest, S4_1_OneConnectorHasTasksErrorAndLinks) {
  AddSink();
  ConnectorStatus status = SinkStatus("hook", State::kFailed);
  status.tasks = {{0, State::kFailed, "HTTP 401"}};
  status.last_error = "HTTP 401 from http://127.0.0.1:9/";
  control.SetStatus(status);
  const RawAnswer answer = Get("/api/v1/connectors/hook");
  const Json one = Parse(answer);
  EXPECT_EQ(one["tasks"][0]["trace"], "HTTP 401");
  EXPECT_EQ(one["last_error"]["text"], status.last_error);
  EXPECT_FALSE(one["last_error"]["hint"].get<std::string>().empty());
  EXPECT_EQ(one["links"]["dead_letters"], "/api/v1/connectors/hook/dead-letters");
  EXPECT_TRUE(answer.headers.contains("etag"));
  for (const auto& [name, link] : one["links"].items()) {
    if (name == "tail") continue;
    EXPECT_EQ(Get(link).status, 200) << link;
  }
}

TEST_F(OverviewTest, KC9_TheEffectiveConfigHasDefaultsAndOrigins) {
  AddSource("shop", {{"password", "hunter2"}});
  const Json answer = Parse(Get("/api/v1/connectors/shop/config/effective"));
  std::map<std::string, Json> by_key;
  for (const Json& item : answer["items"]) by_key[item["key"]] = item;
  EXPECT_EQ(by_key["host"]["value"], "h1");
  EXPECT_EQ(by_key["host"]["origin"], "config");
  EXPECT_EQ(by_key["port"]["value"], "5432");
  EXPECT_EQ(by_key["port"]["origin"], "default");
  EXPECT_EQ(by_key["password"]["value"], "[hidden]");
  EXPECT_EQ(by_key["slot_name"].dump(),
            R"({"key":"slot_name","value":"slot_shop","default":"slot_shop","origin":"default"})");
  control.AddConnector("bare", {{"connector.class", "db"}, {"host", "h1"}});
  const Json bare = Parse(Get("/api/v1/connectors/bare/config/effective"));
  for (const Json& item : bare["items"]) {
    if (item["key"] != "password") continue;
    EXPECT_EQ(item.dump(), R"({"key":"password","value":null,"default":null,"origin":"default"})");
    return;
  }
  FAIL() << "a key without a value is a key";
}

TEST_F(OverviewTest, S4_1_AFilterThatNamesNothingIs400) {
  for (const char* query : {"?type=bogus", "?status=bogus"})
    EXPECT_EQ(Get("/api/v1/connectors" + std::string(query)).status, 400) << query;
  EXPECT_EQ(Get("/api/v1/connectors?type=SINK&status=Error").status, 200);
}

TEST_F(OverviewTest, AP12_HealthHasSinceAndLastCheck) {
  AddSink();
  control.SetStatus(SinkStatus("hook", State::kRunning));
  const Json first = Parse(Get("/api/v1/connectors/hook/health"));
  EXPECT_EQ(first["status"], "healthy");
  control.manual_clock.now_us += 7'000'000;
  control.SetStatus(SinkStatus("hook", State::kFailed));
  const Json second = Parse(Get("/api/v1/connectors/hook/health"));
  EXPECT_EQ(second["status"], "error");
  EXPECT_NE(second["since"], first["since"]);
  control.manual_clock.now_us += 1'000'000;
  const Json third = Parse(Get("/api/v1/connectors/hook/health"));
  EXPECT_EQ(third["since"], second["since"]);
  for (const Json& check : third["checks"]) {
    std::vector<std::string> members;
    for (const auto& [name, value] : check.items()) members.push_back(name);
    EXPECT_EQ(members, (std::vector<std::string>{"id", "status", "since", "checked_at", "summary", "hint", "fix",
                                                 "dismissed_until"}));
    EXPECT_EQ(check["checked_at"], "2026-05-28T20:26:48.000000Z");
    const bool changed = check["id"] == "delivering";
    EXPECT_EQ(check["since"], changed ? "2026-05-28T20:26:47.000000Z" : "2026-05-28T20:26:40.000000Z") << check["id"];
  }
}

TEST_F(OverviewTest, AP15_AStandingPositionWhileTheServerMovesTurnsIntoAnError) {
  AddSource();
  const auto look = [&](std::uint64_t server_position) {
    ConnectorStatus status;
    status.name = "shop";
    status.state = State::kRunning;
    auto telemetry = std::make_shared<SourceTelemetry>();
    telemetry->connected = true;
    telemetry->last_heard_us = control.manual_clock.now_us;
    telemetry->server_position = server_position;
    telemetry->durable_position = 100;
    status.source = telemetry;
    control.SetStatus(status);
    return Parse(Get("/api/v1/connectors/shop/health"))["status"];
  };
  EXPECT_EQ(look(100), "healthy");
  control.manual_clock.now_us += 20'000'000;
  EXPECT_EQ(look(200), "healthy");
  control.manual_clock.now_us += 45'000'000;
  EXPECT_EQ(look(300), "error");
}

TEST_F(OverviewTest, AP14_FailuresFromBeforeTheFirstLookCountInTheWindow) {
  AddSink();
  const auto look = [&](std::uint64_t failed, std::uint64_t succeeded) {
    ConnectorStatus status = SinkStatus("hook", State::kRunning);
    auto telemetry = std::make_shared<SinkTelemetry>();
    telemetry->published_us = control.manual_clock.now_us;
    telemetry->attempts_failed = failed;
    telemetry->attempts_ok = succeeded;
    status.sink = telemetry;
    control.SetStatus(status);
    return Get("/api/v1/connectors/hook/health").body;
  };
  EXPECT_NE(look(10, 0).find("10 of 10 attempts"), std::string::npos) << look(10, 0);
  for (const std::uint64_t more : {1, 2, 3}) {
    control.manual_clock.now_us += 6'000'000;
    const std::string body = look(10 + more, 0);
    EXPECT_NE(body.find(std::to_string(10 + more) + " of " + std::to_string(10 + more) + " attempts"),
              std::string::npos)
        << body;
  }
}

TEST_F(OverviewTest, S4_5_LagOfASource) {
  AddSource();
  ConnectorStatus status;
  status.name = "shop";
  status.state = State::kRunning;
  auto telemetry = std::make_shared<SourceTelemetry>();
  telemetry->connected = true;
  telemetry->server_position = 0x1A2B3C8;
  telemetry->durable_position = 0x1A1B3C8;
  telemetry->confirmed_position = 0x1A1B3C8;
  telemetry->oldest_pending_commit_us = control.manual_clock.now_us - 2'400'000;
  telemetry->slot_name = "headgate";
  telemetry->slot_retained_bytes = 2097152;
  status.source = telemetry;
  control.SetStatus(status);
  EXPECT_EQ(
      Get("/api/v1/connectors/shop/lag").body,
      R"({"connector":"shop","at":"2026-05-28T20:26:40.000000Z","bytes":65536,"seconds":2.4,"records":null,"caught_up":false,)"
      R"("slot":{"name":"headgate","retained_bytes":2097152,"safe_bytes":null,"eta_invalid_seconds":null,"checked_at":null,"active":true},)"
      R"("server_position":"0/1A2B3C8","durable_position":"0/1A1B3C8","confirmed_position":"0/1A1B3C8"})");
}

TEST_F(OverviewTest, AP11_AStoppedSourceShowsWhatTheLogHoldsAndWhatWasLastSeenOfItsServer) {
  AddSource();
  ConnectorStatus status;
  status.name = "shop";
  status.target = TargetState::kStopped;
  status.state = State::kStopped;
  status.durable_position = 0x1A1B3C8;
  control.SetStatus(status);
  Json lag = Parse(Get("/api/v1/connectors/shop/lag"));
  EXPECT_EQ(lag["durable_position"], "0/1A1B3C8");
  EXPECT_EQ(lag["server_position"], nullptr) << "unknown is not 0";
  EXPECT_EQ(lag["bytes"], nullptr);
  EXPECT_EQ(lag["caught_up"], false);
  auto seen = std::make_shared<SourceTelemetry>();
  seen->server_position = 0x1A2B3C8;
  seen->slot_name = "headgate";
  seen->slot_retained_bytes = 2097152;
  seen->slot_seen_us = control.manual_clock.now_us - 60'000'000;
  seen->caught_up = true;  // as it was when it stopped
  status.last_source = seen;
  control.SetStatus(status);
  lag = Parse(Get("/api/v1/connectors/shop/lag"));
  EXPECT_EQ(lag["bytes"], 65536);
  EXPECT_EQ(lag["caught_up"], false);
  EXPECT_EQ(lag["seconds"], nullptr);
  EXPECT_EQ(lag["slot"]["retained_bytes"], 2097152);
  EXPECT_EQ(lag["slot"]["checked_at"], "2026-05-28T20:25:40.000000Z");
  EXPECT_EQ(lag["slot"]["active"], false);
}

TEST_F(OverviewTest, S4_5_LagOfASinkCountsDeadLettersApart) {
  AddSink();
  control.SetStatus(SinkStatus("hook", State::kRunning));
  control.cursors["hook"] = {5, 12, control.manual_clock.now_us - 3'000'000, 4096};
  control.letters[1].id = 1;
  const Json lag = Parse(Get("/api/v1/connectors/hook/lag"));
  EXPECT_EQ(lag["records"], 12);
  EXPECT_EQ(lag["bytes"], 4096);
  EXPECT_EQ(lag["seconds"], 3.0);
  EXPECT_EQ(lag["caught_up"], false);
  EXPECT_EQ(lag["dead_letters"], 1);
  EXPECT_EQ(lag["next_seq"], "5");
  EXPECT_TRUE(lag["end_to_end_seconds"].contains("p99"));
  control.cursors["hook"].counted = false;
  const Json unknown = Parse(Get("/api/v1/connectors/hook/lag"));
  for (const char* figure : {"records", "bytes", "seconds"}) EXPECT_TRUE(unknown[figure].is_null()) << figure;
  EXPECT_EQ(unknown["caught_up"], false);
}

TEST_F(OverviewTest, AP10_BothDialectsSeeOneState) {
  AddSource();
  Send("PUT", "/connectors/shop/pause");
  EXPECT_EQ(Parse(Get("/api/v1/connectors/shop"))["target_state"], "PAUSED");
}

TEST_F(OverviewTest, WarningsOfTheServiceAreShown) {
  control.warnings = {"a slot was left behind"};
  EXPECT_EQ(Parse(Get("/api/v1/health"))["warnings"][0], "a slot was left behind");
}

}  // namespace
}  // namespace headgate::test
