#include "web/health.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

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
    status.since_us = kNow;
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
    const auto check = Find(id);
    return check ? std::string(Name(check->status)) : "";
  }
  std::optional<Check> Find(std::string_view id) {
    for (const Check& check : Run()) {
      if (check.id == id) return check;
    }
    return std::nullopt;
  }
  std::string AlarmNow() { return std::string(Alarm(input, Run())); }
  void Dismiss(std::string_view id, std::int64_t until_us = kForeverUs) {
    const auto check = Find(id);
    ASSERT_TRUE(check.has_value());
    Dismissal dismissal;
    dismissal.cause = check->cause;
    dismissal.status = static_cast<std::uint32_t>(check->status);
    dismissal.until_us = until_us;
    record.health.dismissals[std::string(id)] = dismissal;
  }
  Thresholds& Limits() {
    if (!record.health.thresholds) record.health.thresholds = Thresholds::Default(record.kind);
    return *record.health.thresholds;
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
  EXPECT_EQ(source.AlarmNow(), "");
  source.source.slot_safe_bytes = 0;  // lost
  EXPECT_EQ(source.Status(), "stopped") << "the target's name, plus an alarm (console, 3.1)";
  EXPECT_EQ(source.AlarmNow(), "error");
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

TEST(Health, AP12_AThreadThatLeavesNoResultForThreeIntervalsIsStale) {
  Case c;
  c.source.published_us = kNow - kStaleIntervals * kResultIntervalUs;
  EXPECT_EQ(c.Status(), "healthy");
  EXPECT_EQ(c.Find("ingesting")->result_us, c.source.published_us) << "the time of the result, not of the question";
  c.source.published_us -= 1;
  EXPECT_EQ(c.Status(), "warning");
  const auto check = c.Find("ingesting");
  EXPECT_EQ(check->summary, "stale");
  EXPECT_EQ(check->status, CheckStatus::kWarning);
  EXPECT_NE(check->hint.find("Caught up."), std::string::npos) << check->hint;
  EXPECT_EQ(c.Of("config"), "healthy") << "needs no thread";

  Case sink(config::ComponentKind::kSink);
  sink.sink.published_us = kNow - kStaleIntervals * kResultIntervalUs - 1;
  EXPECT_EQ(sink.Find("delivering")->summary, "stale");
  EXPECT_EQ(sink.Of("dead_letters"), "healthy");
  sink.sink.published_us = 0;  // nothing yet
  EXPECT_EQ(sink.Of("delivering"), "healthy");
}

TEST(Health, AP12_TheSlotOfASourceThatStandsStillIsLookedAtEveryMinute) {
  Case c;
  c.has_telemetry = false;
  c.record.target = TargetState::kStopped;
  c.status.state = State::kStopped;
  SourceTelemetry last;
  last.slot_retained_bytes = 20LL << 30;
  last.slot_seen_us = last.published_us = kNow - 100 * kSecond;
  c.status.last_source = std::make_shared<SourceTelemetry>(last);
  EXPECT_EQ(c.Of("wal_retained"), "warning");
  EXPECT_NE(c.Find("wal_retained")->summary, "stale");
  EXPECT_EQ(c.Of("ingesting"), "");
  last.slot_seen_us = kNow - 181 * kSecond;
  c.status.last_source = std::make_shared<SourceTelemetry>(last);
  EXPECT_EQ(c.Find("wal_retained")->summary, "stale");
  EXPECT_EQ(c.Status(), "stopped");
  EXPECT_EQ(c.AlarmNow(), "warning");
}

TEST(Health, AP11_StartingLastsAMinuteAtMost) {
  Case c;
  c.has_telemetry = false;
  c.status.state = State::kUnassigned;
  c.status.since_us = kNow - 60 * kSecond;
  EXPECT_EQ(c.Status(), "starting");
  c.status.since_us -= 1;
  EXPECT_EQ(c.Status(), "warning");
}

TEST(Health, AP14_EveryLimitIsTheConnectorsOwn) {
  Case sink(config::ComponentKind::kSink);
  sink.input.movement.attempts = 10;
  sink.input.movement.attempts_failed = 2;
  EXPECT_EQ(sink.Of("delivering"), "healthy");
  sink.Limits().error_rate = 0.2;
  EXPECT_EQ(sink.Of("delivering"), "warning");
  EXPECT_NE(sink.Find("delivering")->summary.find("Error rate 20 %: 2 of 10"), std::string::npos);
  sink.Limits().errors_min = 3;
  EXPECT_EQ(sink.Of("delivering"), "healthy");
  sink.sink.oldest_pending_commit_us = kNow - 90 * kSecond;
  EXPECT_EQ(sink.Of("delivering"), "healthy") << "a sink has no limit of lag of its own accord";
  sink.Limits().lag_seconds = 60;
  EXPECT_EQ(sink.Of("delivering"), "warning");
  sink.input.movement.stalled_us = 20 * kSecond;
  sink.Limits().no_progress_seconds = 20;
  EXPECT_EQ(sink.Of("delivering"), "error");
  sink.sink.failures_in_row = 3;
  EXPECT_FALSE(IsRogue(sink.input));
  sink.Limits().failures_max = 2;
  sink.Run();
  EXPECT_TRUE(IsRogue(sink.input));
  sink.input.letters[DeadLetter::State::kDead] = 4;
  sink.Limits().dead_letters = 5;
  EXPECT_EQ(sink.Of("dead_letters"), "healthy");

  Case source;
  source.source.server_position = 2'000;
  source.source.durable_position = 1'000;
  source.source.slot_retained_bytes = 5'000;
  EXPECT_EQ(source.Status(), "healthy");
  source.Limits().lag_bytes = 1'000;
  EXPECT_EQ(source.Of("ingesting"), "warning");
  source.Limits().wal_retained_bytes = 5'000;
  EXPECT_EQ(source.Of("wal_retained"), "warning");
}

TEST(Health, ADismissedCheckIsSilentUntilItsCauseChangesOrItGetsWorse) {
  Case c(config::ComponentKind::kSink);
  c.input.movement.attempts = c.input.movement.attempts_failed = 4;
  c.sink.last_failure = "status_5xx 500";
  EXPECT_EQ(c.Status(), "warning");
  c.Dismiss("delivering");
  EXPECT_EQ(c.Status(), "healthy");
  EXPECT_EQ(c.Find("delivering")->dismissed_us, kForeverUs);
  c.input.movement.attempts = c.input.movement.attempts_failed = 9;
  EXPECT_EQ(c.Status(), "healthy") << "only figures moved";
  c.sink.last_failure = "status_5xx 503";
  EXPECT_EQ(c.Status(), "warning") << "another cause";
  c.sink.last_failure = "status_5xx 500";
  c.sink.failures_in_row = 11;
  EXPECT_EQ(c.Status(), "error") << "worse";

  Case timed(config::ComponentKind::kSink);
  timed.input.letters[DeadLetter::State::kDead] = 1;
  timed.Dismiss("dead_letters", kNow + 1);
  EXPECT_EQ(timed.Status(), "healthy");
  timed.input.now_us += 1;
  EXPECT_EQ(timed.Status(), "warning");
}

TEST(Health, AGuardCanBeDismissedAndComesBackWhenItGetsWorse) {
  Case c;
  c.record.target = TargetState::kPaused;
  c.source.slot_retained_bytes = 20LL << 30;
  c.source.slot_seen_us = kNow;
  EXPECT_EQ(c.AlarmNow(), "warning");
  c.Dismiss("wal_retained");
  EXPECT_EQ(c.AlarmNow(), "");
  c.source.slot_safe_bytes = 0;
  EXPECT_EQ(c.AlarmNow(), "error");
}

TEST(Health, WhatTheLastRunFoundTellsWhyASourceDoesNotRun) {
  Case c;
  c.has_telemetry = false;
  c.status.state = State::kFailed;
  c.status.last_error = "connector c: wal_level is replica. Set it.";
  SourceTelemetry last;
  last.findings = {{"wal_level", Finding::Level::kError, "wal_level is replica", "Set it.", "ALTER SYSTEM ...", ""}};
  c.status.last_source = std::make_shared<SourceTelemetry>(last);
  EXPECT_EQ(c.Of("server_settings"), "error");
  EXPECT_EQ(c.Find("server_settings")->fix, "ALTER SYSTEM ...");
  EXPECT_EQ(c.Of("config"), "healthy") << "told once";
  c.has_telemetry = true;  // the next run
  c.source.connected = false;
  EXPECT_EQ(c.Of("server_settings"), "error") << "it does not know better yet";
  c.source.connected = true;
  EXPECT_NE(c.Of("server_settings"), "error");
}

TEST(Health, TheEndpointsAnswersAreToldAsReachAndSignIn) {
  Case c(config::ComponentKind::kSink);
  EXPECT_EQ(c.Of("reachable"), "") << "nothing was tried";
  c.sink.last_success_us = kNow - kSecond;
  EXPECT_EQ(c.Of("reachable"), "healthy");
  EXPECT_EQ(c.Of("signed_in"), "healthy");
  c.sink.last_error_class = "status_4xx";
  c.sink.last_error_status = 401;
  EXPECT_EQ(c.Of("reachable"), "healthy");
  EXPECT_EQ(c.Of("signed_in"), "warning");
  c.sink.last_error_class = "connect";
  c.sink.last_error_status = 0;
  EXPECT_EQ(c.Of("reachable"), "warning");
  EXPECT_EQ(c.Of("signed_in"), "") << "not known";
  c.sink.failures_in_row = 11;
  EXPECT_EQ(c.Of("reachable"), "error");
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
  EXPECT_EQ(c.Status(), "paused");
  EXPECT_EQ(c.AlarmNow(), "error");
  c.status.next_seq = 9;
  EXPECT_EQ(c.AlarmNow(), "");
  c.input.retention.time_ms = 100'000;
  c.sink.oldest_pending_commit_us = kNow - 81 * kSecond;
  EXPECT_EQ(c.AlarmNow(), "warning");
  c.status.lost = {3, 5, 8};  // it went on behind the loss
  EXPECT_EQ(c.AlarmNow(), "error");
  EXPECT_NE(c.Find("log_retention")->summary.find("seq 5 to 8"), std::string::npos);
}

TEST(Health, DeadLettersBreakerAndADisabledEndpointAreTold) {
  Case c(config::ComponentKind::kSink);
  c.input.letters[DeadLetter::State::kWaiting] = 3;
  EXPECT_EQ(c.Of("dead_letters"), "healthy");
  c.input.letters[DeadLetter::State::kDead] = 1;
  EXPECT_EQ(c.Of("dead_letters"), "warning");
  EXPECT_EQ(c.Of("breaker"), "");
  c.sink.breaker_open = true;
  EXPECT_EQ(c.Of("breaker"), "warning") << "W6";
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
