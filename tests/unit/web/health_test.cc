#include "web/health.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace headgate::web {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kNow = 1'780'000'000 * kSecond;

const config::ComponentSpec& Spec() {
  static const config::ComponentSpec spec = {.class_name = "S",
                                             .aliases = {"s"},
                                             .kind = config::ComponentKind::kSource,
                                             .options = {{.name = "password", .type = config::OptionType::kPassword}}};
  return spec;
}

// A healthy source and a healthy sink, to be made ill.
struct Case {
  explicit Case(config::ComponentKind kind = config::ComponentKind::kSource) {
    record.name = status.name = "c";
    record.kind = status.kind = kind;
    status.state = State::kRunning;
    source.connected = source.caught_up = true;
    source.phase = "streaming";
    source.slot_name = "headgate_c";
    source.last_heard_us = kNow - kSecond;
    input.now_us = kNow;
    input.spec = &Spec();
  }
  std::vector<Check> Run() {
    if (record.kind == config::ComponentKind::kSource && has_telemetry)
      status.source = std::make_shared<SourceTelemetry>(source);
    if (record.kind == config::ComponentKind::kSink && has_telemetry)
      status.sink = std::make_shared<SinkTelemetry>(sink);
    status.target = record.target;
    input.record = &record;
    input.status = &status;
    return RunChecks(input);
  }
  std::string Status() { return std::string(Overall(input, Run())); }
  // "" if there is no such check.
  std::string Of(std::string_view id) {
    for (const Check& check : Run()) {
      if (check.id == id) return std::string(Name(check.status));
    }
    return "";
  }

  ConnectorRecord record;
  ConnectorStatus status;
  SourceTelemetry source;
  SinkTelemetry sink;
  bool has_telemetry = true;
  HealthInput input;
};

TEST(Health, AHealthySourceAndSinkAreHealthy) {
  EXPECT_EQ(Case().Status(), "healthy");
  EXPECT_EQ(Case(config::ComponentKind::kSink).Status(), "healthy");
}

TEST(Health, AP11_StartingUntilTheFirstResult) {
  Case c;
  c.has_telemetry = false;
  c.status.state = State::kUnassigned;
  EXPECT_EQ(c.Status(), "starting");
}

TEST(Health, AP11_PausedHidesDeliveryAlarmsButNotThoseThatGuardTheSource) {
  Case sink(config::ComponentKind::kSink);
  sink.sink.failures_in_row = 50;
  EXPECT_EQ(sink.Status(), "error");
  sink.record.target = TargetState::kPaused;
  EXPECT_EQ(sink.Status(), "paused");
  EXPECT_EQ(sink.Of("delivering"), "");

  Case source;
  source.record.target = TargetState::kStopped;
  source.source.connected = false;
  source.source.slot_retained_bytes = 1 << 20;
  source.source.slot_safe_bytes = 1 << 30;
  EXPECT_EQ(source.Status(), "stopped");
  source.source.slot_safe_bytes = 0;  // lost
  EXPECT_EQ(source.Status(), "error");
  EXPECT_EQ(source.Of("wal_retained"), "error");
}

TEST(Health, AP14_HalfOfTheAttemptsInFiveMinutesFailing) {
  Case c(config::ComponentKind::kSink);
  c.input.movement.attempts = 10;
  c.input.movement.attempts_failed = 4;
  EXPECT_EQ(c.Status(), "healthy");
  c.input.movement.attempts_failed = 5;
  EXPECT_EQ(c.Status(), "warning");
}

TEST(Health, AP14_MoreThanTenFailuresInARowAreRogue) {
  Case c(config::ComponentKind::kSink);
  c.sink.failures_in_row = 10;
  c.Run();
  EXPECT_FALSE(IsRogue(c.input));
  c.sink.failures_in_row = 11;
  EXPECT_EQ(c.Status(), "error");
  EXPECT_TRUE(IsRogue(c.input));
}

TEST(Health, AP14_ASourceMoreThanALittleBehindWarns) {
  Case c;
  c.source.caught_up = false;
  c.source.oldest_pending_commit_us = kNow - 149 * kSecond;
  EXPECT_EQ(c.Of("ingesting"), "healthy");
  c.source.oldest_pending_commit_us = kNow - 150 * kSecond;
  EXPECT_EQ(c.Of("ingesting"), "warning");
}

TEST(Health, AP15_InputThatMovesWithoutUsIsNotHealthyWhateverTheState) {
  Case c;
  c.input.movement.stalled_us = 31 * kSecond;
  EXPECT_EQ(c.Of("ingesting"), "warning");
  c.input.movement.stalled_us = 60 * kSecond;
  EXPECT_EQ(c.Status(), "error");
  EXPECT_EQ(c.status.state, State::kRunning);
  Case sink(config::ComponentKind::kSink);
  sink.input.movement.stalled_us = 60 * kSecond;
  EXPECT_EQ(sink.Status(), "error");
}

TEST(Health, ASilentConnectionWarnsThenAlarms) {
  Case c;
  c.source.last_heard_us = kNow - 30 * kSecond;
  EXPECT_EQ(c.Of("heartbeat"), "warning");
  c.source.last_heard_us = kNow - 120 * kSecond;
  EXPECT_EQ(c.Of("heartbeat"), "error");
}

TEST(Health, ALostConnectionShowsAtOnce) {
  Case c;
  c.source.connected = false;
  c.status.last_error = "connect to db1:5432: connection refused";
  c.status.last_error_transient = true;
  EXPECT_EQ(c.Status(), "error");
  EXPECT_EQ(c.Of("reachable"), "error");
}

TEST(Health, AFaultOfConfigurationIsToldByTheConfigCheck) {
  Case c;
  c.status.state = State::kFailed;
  c.status.last_error = "wal_level is replica, not logical";
  EXPECT_EQ(c.Of("config"), "error");
  EXPECT_EQ(c.Of("reachable"), "");
}

TEST(Health, KC19_IgnoredKeysAreReported) {
  Case c;
  c.record.config = {{"key.converter", "x"}};
  EXPECT_EQ(c.Of("config"), "warning");
}

TEST(Health, S7_3_ALiteralSecretIsANoticeAndAPlaceholderIsNot) {
  Case c;
  c.record.config = {{"password", "hunter2"}};
  EXPECT_EQ(c.Of("config"), "notice");
  EXPECT_EQ(c.Status(), "healthy");
  for (const Check& check : c.Run()) EXPECT_EQ(check.summary.find("hunter2"), std::string::npos);
  c.record.config = {{"password", "${env:X}"}};
  EXPECT_EQ(c.Of("config"), "healthy");
}

TEST(Health, TheSlotAlarmsBeforeTheServerDropsIt) {
  Case c;
  c.source.slot_retained_bytes = 1 << 20;
  c.source.slot_safe_bytes = 3'000'000;
  c.input.movement.retained_bytes_per_second = 1'000;  // 50 min left
  EXPECT_EQ(c.Of("wal_retained"), "warning");
  c.input.movement.retained_bytes_per_second = 10'000;  // 5 min left
  EXPECT_EQ(c.Of("wal_retained"), "error");
  c.source.slot_safe_bytes = -1;
  c.source.slot_retained_bytes = 20LL << 30;
  EXPECT_EQ(c.Of("wal_retained"), "warning");
  c.source.slot_retained_bytes = -1;  // not known: not listed
  EXPECT_EQ(c.Of("wal_retained"), "");
}

TEST(Health, RecordsLostByRetentionAreAnErrorInEveryState) {
  Case c(config::ComponentKind::kSink);
  c.status.next_seq = 5;
  c.input.first_seq = 9;
  c.record.target = TargetState::kPaused;
  EXPECT_EQ(c.Status(), "error");
  c.status.next_seq = 9;
  EXPECT_EQ(c.Status(), "paused");
  c.input.retention.time_ms = 100'000;
  c.sink.oldest_pending_commit_us = kNow - 81 * kSecond;
  EXPECT_EQ(c.Status(), "warning");
}

TEST(Health, DeadLettersBreakerAndADisabledEndpointAreTold) {
  Case c(config::ComponentKind::kSink);
  c.input.letters[DeadLetter::State::kWaiting] = 3;
  EXPECT_EQ(c.Of("dead_letters"), "healthy");
  c.input.letters[DeadLetter::State::kDead] = 1;
  EXPECT_EQ(c.Of("dead_letters"), "warning");
  EXPECT_EQ(c.Of("breaker"), "");
  c.sink.breaker_open = true;
  EXPECT_EQ(c.Of("breaker"), "error");
  c.sink.phase = "disabled";
  EXPECT_EQ(c.Of("endpoint_disabled"), "error");
}

TEST(Health, AP13_FindingsKeepTheirHintAndFixAndTheWorstOneLeads) {
  Case c;
  c.source.findings = {
      {"tables", Finding::Level::kWarning, "no key: public.a", "Add one.", "ALTER TABLE a ...", ""},
      {"tables", Finding::Level::kError, "not published: public.b", "Publish it.", "ALTER PUBLICATION ...", ""}};
  const auto checks = c.Run();
  const auto tables =
      std::find_if(checks.begin(), checks.end(), [](const Check& check) { return check.id == "tables"; });
  ASSERT_NE(tables, checks.end());
  EXPECT_EQ(tables->status, CheckStatus::kError);
  EXPECT_EQ(tables->fix, "ALTER PUBLICATION ...");
  EXPECT_NE(tables->summary.find("public.a"), std::string::npos);
}

TEST(Health, AP13_EveryAlarmSaysWhatToDo) {
  Case c;
  c.source.connected = false;
  c.status.last_error = "gone";
  c.status.last_error_transient = true;
  c.source.slot_retained_bytes = 1;
  c.source.slot_safe_bytes = 0;
  c.input.movement.stalled_us = 100 * kSecond;
  for (const Check& check : c.Run()) {
    if (check.status < CheckStatus::kWarning) continue;
    EXPECT_FALSE(check.hint.empty()) << check.id;
  }
}

TEST(Health, WorstFirst) {
  EXPECT_LT(Rank("error"), Rank("warning"));
  EXPECT_LT(Rank("warning"), Rank("paused"));
  EXPECT_LT(Rank("paused"), Rank("healthy"));
}

}  // namespace
}  // namespace headgate::web
