#include "tests/unit/web/web_fixture.h"

// Health, dismissals and thresholds over HTTP (admin API, 4.1 and 4.4).
namespace headgate::test {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

class HealthApiTest : public WebTest {
 protected:
  HealthApiTest() {
    AddSink();
    AddSource();
    hook_.name = "hook";
    hook_.kind = config::ComponentKind::kSink;
    hook_.state = State::kRunning;
    hook_.since_us = control.manual_clock.now_us;
    sink_.phase = "delivering";
    Publish();
  }
  // The sink's thread leaves a result.
  void Publish() {
    sink_.published_us = control.manual_clock.now_us;
    hook_.sink = std::make_shared<SinkTelemetry>(sink_);
    control.SetStatus(hook_);
  }
  // `failed` of `attempts` more attempts fail.
  void Attempts(int attempts, int failed) {
    sink_.attempts_ok += static_cast<std::uint64_t>(attempts - failed);
    sink_.attempts_failed += static_cast<std::uint64_t>(failed);
    sink_.last_error = failed > 0 ? "HTTP 500" : "";
    sink_.last_error_class = failed > 0 ? "status_5xx" : "";
    sink_.last_error_status = failed > 0 ? 500 : 0;
    if (failed > 0) sink_.last_failure = "status_5xx 500";
    Publish();
  }
  void Pass(std::int64_t seconds) { control.manual_clock.now_us += seconds * kSecond; }
  Json Health() { return Parse(Get("/api/v1/connectors/hook/health")); }
  Json CheckOf(const std::string& id) {
    const Json health = Health();
    for (const Json& check : health["checks"]) {
      if (check["id"] == id) return check;
    }
    return nullptr;
  }
  Json LastEvent() { return Parse(Get("/api/v1/events?limit=1"))["items"][0]; }
  RawAnswer Limits(const std::string& body, const std::string& name = "hook") {
    return Send("PUT", "/api/v1/connectors/" + name + "/thresholds", body);
  }
  RawAnswer Dismiss(const std::string& check, const std::string& body = "") {
    return Send("POST", "/api/v1/connectors/hook/health/" + check + "/dismiss", body);
  }

  ConnectorStatus hook_;
  SinkTelemetry sink_;
};

TEST_F(HealthApiTest, AP12_AThreadThatIsStuckShowsAsStaleAndCheckedAtIsWhenItLastSpoke) {
  EXPECT_EQ(Health()["status"], "healthy");
  const Json before = CheckOf("delivering");
  Pass(30);
  EXPECT_EQ(Health()["status"], "healthy");
  EXPECT_EQ(CheckOf("delivering")["checked_at"], before["checked_at"]);
  Pass(1);
  const Json stale = CheckOf("delivering");
  EXPECT_EQ(stale["status"], "warning");
  EXPECT_EQ(stale["summary"], "stale");
  EXPECT_EQ(stale["checked_at"], before["checked_at"]);
  EXPECT_NE(stale["since"], before["since"]);
  EXPECT_EQ(Health()["status"], "warning");
  EXPECT_NE(CheckOf("config")["checked_at"], before["checked_at"]);
  Publish();
  EXPECT_EQ(Health()["status"], "healthy");
}

TEST_F(HealthApiTest, AP14_ThresholdsHaveTheDefaultsOfTheKind) {
  const RawAnswer sink = Get("/api/v1/connectors/hook/thresholds");
  EXPECT_EQ(sink.status, 200);
  EXPECT_EQ(
      sink.body,
      R"({"error_rate":0.5,"errors_min":1,"error_window_seconds":300,"lag_seconds":null,"no_progress_seconds":60,)"
      R"("failures_max":10,"dead_letters":1,"mute_until":null})");
  EXPECT_EQ(Get("/api/v1/connectors/shop/thresholds").body,
            R"({"lag_seconds":150,"lag_bytes":null,"no_progress_seconds":60,"failures_max":10,)"
            R"("wal_retained_bytes":10737418240,"mute_until":null})");
  EXPECT_EQ(Get("/api/v1/connectors/none/thresholds").status, 404);
  EXPECT_EQ(Limits("{}", "none").status, 404);
}

TEST_F(HealthApiTest, AP14_ALimitThatIsSetHoldsForThatConnectorAndIsAnEvent) {
  Attempts(10, 3);
  EXPECT_EQ(Health()["status"], "healthy");
  const RawAnswer put = Limits(R"({"error_rate":0.3,"failures_max":2,"mute_until":"2027-01-01"})");
  EXPECT_EQ(put.status, 200) << put.body;
  EXPECT_EQ(Parse(put)["error_rate"], 0.3);
  EXPECT_EQ(Parse(put)["mute_until"], "2027-01-01T00:00:00.000000Z");
  EXPECT_EQ(put.body, Get("/api/v1/connectors/hook/thresholds").body);
  EXPECT_EQ(Health()["status"], "warning");
  const Json event = LastEvent();
  EXPECT_EQ(event["kind"], "thresholds_changed");
  EXPECT_EQ(event["connector"], "hook");
  EXPECT_EQ(event["details"]["before.error_rate"], "0.5");
  EXPECT_EQ(event["details"]["after.error_rate"], "0.3");
  EXPECT_FALSE(event["details"].contains("after.errors_min"));
  sink_.failures_in_row = 3;
  Publish();
  EXPECT_EQ(Health()["rogue"], true);
  EXPECT_EQ(Health()["status"], "error");
  // A whole replacement: what is not named has its default again.
  EXPECT_EQ(Parse(Limits(R"({"errors_min":4})"))["error_rate"], 0.5);
  EXPECT_EQ(Health()["rogue"], false);
  const std::uint64_t events = control.last_event_id();
  EXPECT_EQ(Limits(R"({"errors_min":4,"error_rate":null})").status, 200);
  EXPECT_EQ(control.last_event_id(), events) << "nothing changed";
}

TEST_F(HealthApiTest, AP3_ThresholdsAreReplacedOnlyOverTheVersionThatIfMatchNames) {
  const std::string etag = Get("/api/v1/connectors/hook/thresholds").headers.at("etag");
  Call put{.method = "PUT", .path = "/api/v1/connectors/hook/thresholds", .body = R"({"errors_min":2})"};
  put.headers = {{"If-Match", etag}};
  const RawAnswer first = Do(put);
  EXPECT_EQ(first.status, 200);
  EXPECT_NE(first.headers.at("etag"), etag);
  const RawAnswer stale = Do(put);
  EXPECT_EQ(stale.status, 412);
  EXPECT_EQ(Parse(stale)["type"], "/problems/stale-version");
  put.headers = {{"If-Match", first.headers.at("etag")}};
  EXPECT_EQ(Do(put).status, 200);
}

TEST_F(HealthApiTest, AP6_UnknownAndSenselessLimitsAreRefusedByName) {
  const struct {
    std::string body;
    int status;
    std::string pointer;
    std::string text;
  } kCases[] = {
      {R"({"eror_rate":0.3})", 400, "/eror_rate", "Did you mean \"error_rate\"?"},
      {R"({"zzz":1})", 400, "/zzz", "Known are error_rate, errors_min"},
      {R"({"error_rate":"much"})", 400, "/error_rate", "must be a number"},
      {R"({"error_rate":true})", 400, "/error_rate", "must be a number"},
      {R"({"error_rate":0})", 422, "/error_rate", "from 0.001 to 1"},
      {R"({"error_rate":1.5})", 422, "/error_rate", "from 0.001 to 1"},
      {R"({"errors_min":1.5})", 422, "/errors_min", "whole number"},
      {R"({"failures_max":0})", 422, "/failures_max", "from 1 to"},
      {R"({"failures_max":1e300})", 422, "/failures_max", "from 1 to"},
      {R"({"error_window_seconds":3601})", 422, "/error_window_seconds", "from 10 to 3600"},
      {R"({"wal_retained_bytes":5})", 422, "/wal_retained_bytes", "has no meaning for a sink"},
      {R"({"mute_until":"soon"})", 400, "/mute_until", "must be a time"},
      {R"({"mute_until":"2020-01-01"})", 422, "/mute_until", "not in the future"},
  };
  for (const auto& c : kCases) {
    const RawAnswer answer = Limits(c.body);
    EXPECT_EQ(answer.status, c.status) << c.body << answer.body;
    const Json problem = Parse(answer);
    ASSERT_EQ(problem["errors"].size(), 1U) << c.body << answer.body;
    EXPECT_EQ(problem["errors"][0]["pointer"], c.pointer);
    EXPECT_NE(problem["errors"][0]["detail"].get<std::string>().find(c.text), std::string::npos) << answer.body;
  }
  for (const char* body : {"", "[]", "{", "7"}) EXPECT_EQ(Limits(body).status, 400) << body;
  EXPECT_EQ(Parse(Limits(R"({"error_rate":7,"zzz":1})"))["errors"].size(), 2U);
  EXPECT_EQ(control.Find("hook")->health, HealthSettings()) << "nothing of it was taken";
}

TEST_F(HealthApiTest, S4_1_ADismissedCheckIsShownAndNoLongerCounts) {
  Attempts(4, 4);
  EXPECT_EQ(Health()["status"], "warning");
  const RawAnswer answer = Dismiss("delivering", R"({"until":"2026-06-01","reason":"maintenance"})");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(Parse(answer)["dismissed_until"], "2026-06-01T00:00:00.000000Z");
  const Json health = Health();
  EXPECT_EQ(health["status"], "healthy");
  EXPECT_TRUE(health["alarm"].is_null());
  EXPECT_EQ(CheckOf("delivering")["status"], "warning");
  EXPECT_EQ(CheckOf("delivering")["dismissed_until"], "2026-06-01T00:00:00.000000Z");
  const Json event = LastEvent();
  EXPECT_EQ(event["kind"], "check_dismissed");
  EXPECT_EQ(event["details"]["check"], "delivering");
  EXPECT_EQ(event["details"]["reason"], "maintenance");
  Pass(2'000'000);  // into June
  Attempts(4, 4);
  EXPECT_EQ(Health()["status"], "warning") << "its time is over";
  EXPECT_TRUE(CheckOf("delivering")["dismissed_until"].is_null());
  EXPECT_EQ(LastEvent()["kind"], "check_returned");
  EXPECT_TRUE(control.Find("hook")->health.dismissals.empty());
}

TEST_F(HealthApiTest, ADismissedCheckComesBackForGoodWhenItsCauseChanges) {
  Attempts(4, 4);
  ASSERT_EQ(Dismiss("delivering").status, 200);
  EXPECT_EQ(CheckOf("delivering")["dismissed_until"], "9999-12-31T23:59:59.999999Z");
  Attempts(6, 6);
  EXPECT_EQ(Health()["status"], "healthy") << "the same, only more of it";
  sink_.last_failure = "status_4xx 401";
  Publish();
  EXPECT_EQ(Health()["status"], "warning");
  sink_.last_failure = "status_5xx 500";
  Publish();
  EXPECT_EQ(Health()["status"], "warning") << "a person has to say it again";
}

TEST_F(HealthApiTest, ADismissalEndsWhenTheCheckWasWellForAnHourButNotByAPauseOrAShortRecovery) {
  Attempts(4, 4);
  ASSERT_EQ(Dismiss("delivering").status, 200);
  const auto well = [&](int seconds) {
    for (int passed = 0; passed < seconds; passed += 60) {
      Pass(60);
      Attempts(100, 0);
      Health();
    }
  };
  well(1'800);
  control.SetTarget("hook", TargetState::kPaused, "test");
  well(7'200);
  control.SetTarget("hook", TargetState::kRunning, "test");
  EXPECT_EQ(control.Find("hook")->health.dismissals.size(), 1U);
  Attempts(1'000'000, 900'000);
  EXPECT_EQ(Health()["status"], "healthy") << "the same cause again";
  well(4'200);
  EXPECT_TRUE(control.Find("hook")->health.dismissals.empty());
}

TEST_F(HealthApiTest, AStaleResultDoesNotEndADismissal) {
  Attempts(4, 4);
  ASSERT_EQ(Dismiss("delivering").status, 200);
  Pass(100);
  EXPECT_EQ(Health()["status"], "warning") << "that the thread is stuck is news";
  Publish();
  EXPECT_EQ(Health()["status"], "healthy");
}

TEST_F(HealthApiTest, WhatCannotBeDismissedIsRefusedByName) {
  EXPECT_EQ(Dismiss("nonsense").status, 404);
  EXPECT_EQ(Dismiss("delivering").status, 409) << "healthy";
  EXPECT_EQ(Send("POST", "/api/v1/connectors/none/health/delivering/dismiss").status, 404);
  EXPECT_EQ(Get("/api/v1/connectors/hook/health/delivering/dismiss").status, 405);
  Attempts(4, 4);
  EXPECT_EQ(Dismiss("delivering", R"({"untill":"2027"})").status, 400);
  EXPECT_NE(Dismiss("delivering", R"({"untill":"2027"})").body.find("Did you mean \\\"until\\\"?"), std::string::npos);
  EXPECT_EQ(Dismiss("delivering", R"({"until":7})").status, 400);
  EXPECT_EQ(Dismiss("delivering", R"({"until":"2020-01-01"})").status, 422);
  EXPECT_EQ(Dismiss("delivering", R"({"reason":["x"]})").status, 400);
  EXPECT_EQ(Dismiss("delivering", R"({"reason":")" + std::string(1'001, 'x') + R"("})").status, 422);
  EXPECT_EQ(Dismiss("delivering", "[]").status, 400);
  EXPECT_EQ(Health()["status"], "warning");
  EXPECT_EQ(Dismiss("delivering", R"({"until":null,"reason":null})").status, 200);
}

TEST_F(HealthApiTest, AP11_APausedSourceWhoseSlotFillsTheDiskStaysPausedAndAlarms) {
  ConnectorStatus shop;
  shop.name = "shop";
  shop.state = State::kPaused;
  shop.target = TargetState::kPaused;
  auto telemetry = std::make_shared<SourceTelemetry>();
  telemetry->slot_name = "headgate_shop";
  telemetry->slot_retained_bytes = 20LL << 30;
  telemetry->slot_seen_us = telemetry->published_us = control.manual_clock.now_us;
  telemetry->connected = true;
  shop.source = telemetry;
  control.SetStatus(shop);
  control.SetTarget("shop", TargetState::kPaused, "test");
  const Json health = Parse(Get("/api/v1/connectors/shop/health"));
  EXPECT_EQ(health["status"], "paused");
  EXPECT_EQ(health["alarm"], "warning");
  const Json list = Parse(Get("/api/v1/connectors"));
  EXPECT_EQ(list["items"][0]["name"], "shop") << "what alarms comes first";
  EXPECT_EQ(list["items"][0]["health"], "paused");
  EXPECT_EQ(list["items"][0]["alarm"], "warning");
}

TEST_F(HealthApiTest, AP15_ASinkBehindTheEndOfTheLogThatDoesNotMoveIsNotHealthy) {
  control.Insert(10, 1, "a");
  hook_.next_seq = 1;
  for (int i = 0; i < 7; ++i) {
    Publish();
    Health();
    Pass(10);
  }
  Publish();
  EXPECT_EQ(Health()["status"], "error");
  EXPECT_NE(CheckOf("delivering")["summary"].get<std::string>().find("No progress"), std::string::npos);
  hook_.next_seq = 2;
  Publish();
  Health();
  hook_.next_seq = control.log().last_seq() + 1;
  Publish();
  EXPECT_EQ(Health()["status"], "healthy");
}

}  // namespace
}  // namespace headgate::test
