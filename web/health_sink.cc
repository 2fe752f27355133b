#include <algorithm>

#include "web/health_checks.h"

// The checks of a sink.
namespace headgate::web {
namespace {

std::string_view CheckOfSink(std::string_view finding) { return finding; }

bool IsTransport(std::string_view error_class) {
  constexpr std::string_view kClasses[] = {"connect", "resolve", "tls", "timeout", "guard", "broken"};
  return std::find(std::begin(kClasses), std::end(kClasses), error_class) != std::end(kClasses);
}

// What the last attempt says about the way to the endpoint. One failure warns; a row of them, or a sink that gave up,
// is an error.
void Endpoint(CheckList& list, const SinkTelemetry& t) {
  const bool credentials = t.last_error_status == 401 || t.last_error_status == 403;
  const bool transport = IsTransport(t.last_error_class);
  const bool gave_up = list.status.state == State::kFailed || IsRogue(list.in);
  const CheckStatus bad = gave_up ? CheckStatus::kError : CheckStatus::kWarning;
  if (t.last_success_us == 0 && t.last_error_class.empty()) return;  // nothing tried yet
  Check reachable{.id = "reachable", .summary = "The endpoint answers."};
  if (transport) {
    reachable.status = bad;
    reachable.summary = t.last_error;
    reachable.hint = t.last_error_hint;
    reachable.cause = t.last_error_class;
  }
  list.Add(std::move(reachable));
  if (transport) return;
  Check signed_in{.id = "signed_in", .summary = "The endpoint lets us in."};
  if (credentials) {
    signed_in.status = bad;
    signed_in.summary = t.last_error;
    signed_in.hint = t.last_error_hint;
    signed_in.cause = std::to_string(t.last_error_status);
  }
  list.Add(std::move(signed_in));
}

// How it fares against the limits of AP14; the first that holds counts.
void Judge(CheckList& list, const SinkTelemetry& t, Check& check) {
  const Thresholds limits = list.record.thresholds();
  const Movement& m = list.in.movement;
  const std::string error = t.last_error.empty() ? list.status.last_error : t.last_error;
  const std::string last = error.empty() ? "" : ", last: " + error;
  const std::int64_t lag = t.oldest_pending_commit_us > 0 ? list.in.now_us - t.oldest_pending_commit_us : 0;
  const double share = m.attempts == 0 ? 0 : static_cast<double>(m.attempts_failed) / static_cast<double>(m.attempts);
  if (list.status.state == State::kFailed) {
    check.status = CheckStatus::kError;
    check.summary = list.status.last_error.empty() ? list.status.trace : list.status.last_error;
    check.cause = "failed";
  } else if (IsRogue(list.in)) {
    check.status = CheckStatus::kError;
    check.summary =
        std::to_string(std::max(t.failures_in_row, list.status.failures_in_row)) + " attempts in a row failed" + last;
    check.cause = "rogue";
  } else if (static_cast<double>(m.stalled_us) >= limits.no_progress_seconds * kSecond) {
    check.status = CheckStatus::kError;
    check.summary =
        "No progress: records wait, and nothing was delivered or stored for " + SecondsText(m.stalled_us) + last;
    check.cause = "no progress";
  } else if (m.attempts_failed >= std::max(1U, limits.errors_min) && share >= limits.error_rate) {
    check.status = CheckStatus::kWarning;
    check.summary = "Error rate " + std::to_string(static_cast<int>(share * 100)) +
                    " %: " + std::to_string(m.attempts_failed) + " of " + std::to_string(m.attempts) +
                    " attempts failed in the last " + std::to_string(limits.error_window_seconds) + " s" + last;
    check.cause = "error rate";
  } else if (limits.lag_seconds && static_cast<double>(lag) >= *limits.lag_seconds * kSecond) {
    check.status = CheckStatus::kWarning;
    check.summary = "The oldest record that is not delivered is " + SecondsText(lag) + " old";
    check.cause = "lag";
  }
  // Which limit it is says how bad it is. Why it is so, is what the endpoint last did to us.
  if (check.status != CheckStatus::kHealthy && check.cause != "lag" && !t.last_failure.empty())
    check.cause = t.last_failure;
}

void Delivering(CheckList& list, const SinkTelemetry& t) {
  Check check{.id = "delivering", .summary = std::to_string(t.delivered) + " delivered."};
  Judge(list, t, check);
  if (check.status != CheckStatus::kHealthy) {
    check.hint = t.last_error_hint.empty()
                     ? "Check the endpoint and the settings of " + list.record.name + ", then restart it."
                     : t.last_error_hint;
    if (!t.breaker_open && t.next_probe_us > list.in.now_us)
      check.hint += " Attempts are slowed, the next is in " + SecondsText(t.next_probe_us - list.in.now_us) +
                    "; a restart runs at once.";
  }
  list.Add(std::move(check));
}

void Breaker(CheckList& list, const SinkTelemetry& t) {
  if (!t.breaker_open) return;
  Check check{.id = "breaker", .status = CheckStatus::kWarning, .summary = "The breaker is open: deliveries wait."};
  check.cause = "open";
  if (t.next_probe_us > list.in.now_us)
    check.summary += " The next probe is in " + SecondsText(t.next_probe_us - list.in.now_us) + ".";
  check.hint =
      t.last_error_hint.empty() ? "Mend the endpoint; a probe that succeeds closes the breaker." : t.last_error_hint;
  list.Add(std::move(check));
}

void Disabled(CheckList& list, const SinkTelemetry& t) {
  if (t.phase != "disabled") return;
  Check check{.id = "endpoint_disabled",
              .status = CheckStatus::kError,
              .summary = "The endpoint answered 410: it wants no more requests.",
              .hint = "If that was a mistake, restart " + list.record.name + "."};
  check.cause = "410";
  list.Add(std::move(check));
}

void DeadLetters(CheckList& list) {
  std::uint64_t all = 0;
  for (const auto& [state, count] : list.in.letters) all += count;
  const auto found = list.in.letters.find(DeadLetter::State::kDead);
  const std::uint64_t dead = found == list.in.letters.end() ? 0 : found->second;
  Check check{.id = "dead_letters",
              .summary = all == 0 ? "None." : std::to_string(all) + " stored, to be tried again."};
  if (dead >= std::max<std::uint64_t>(1, list.record.thresholds().dead_letters)) {
    check.status = CheckStatus::kWarning;
    check.summary = std::to_string(dead) + " records need a person.";
    check.cause = "dead";
    check.hint = "See GET /api/v1/connectors/" + list.record.name +
                 "/dead-letters?state=dead; mend the cause, then retry or discard them.";
  }
  list.Add(std::move(check));
}

void LogRetention(CheckList& list) {
  const Lost& lost = list.status.lost;
  Check check{.id = "log_retention", .summary = "Everything that is not delivered is in the log."};
  check.guards = true;
  const std::int64_t keep_us = list.in.retention.time_ms * 1000;
  const std::int64_t oldest = list.status.sink == nullptr ? 0 : list.status.sink->oldest_pending_commit_us;
  const bool losing = list.status.next_seq > 0 && list.status.next_seq < list.in.first_seq;
  if (losing || lost.transactions > 0) {
    const Seq first = lost.transactions > 0 ? lost.first : list.status.next_seq;
    const Seq last = losing ? list.in.first_seq - 1 : lost.last;
    check.status = CheckStatus::kError;
    check.summary = "Retention dropped records before they were delivered: seq " + std::to_string(first) + " to " +
                    std::to_string(last) + ".";
    check.cause = "lost up to " + std::to_string(last);
    check.hint = "Raise retention.time_ms or retention.bytes_max, and send the tables concerned again.";
  } else if (keep_us > 0 && oldest > 0 && list.in.now_us - oldest > keep_us / 5 * 4) {
    check.status = CheckStatus::kWarning;
    check.summary = "The oldest record to deliver is " + SecondsText(list.in.now_us - oldest) +
                    " old; retention drops it at " + SecondsText(keep_us) + ".";
    check.cause = "near the edge";
    check.hint = "Resume or speed up " + list.record.name + ", or raise retention.time_ms.";
  }
  list.Add(std::move(check));
}

// The task ended. What the endpoint did to it is told by the checks above.
void Failure(CheckList& list, const SinkTelemetry* told) {
  const std::string& error = list.status.last_error;
  if (told != nullptr &&
      (told->phase == "disabled" || (!told->last_error.empty() && error.find(told->last_error) != std::string::npos)))
    return;
  if (list.Has("signing") && error.find("signing_secrets") != std::string::npos) return;
  FailureCheck(list, list.status.last_error_transient ? "delivering" : "config",
               told == nullptr ? nullptr : &told->findings,
               "Mend the cause, then restart " + list.record.name + " or change its config.");
}

}  // namespace

void SinkChecks(CheckList& list) {
  LogRetention(list);
  DeadLetters(list);
  list.AddFindings(list.status.standing, 0, CheckOfSink);
  const SinkTelemetry* live = list.status.sink.get();
  // A run that has not opened yet knows less than the one before it.
  const bool open = live != nullptr && live->phase != "starting";
  const SinkTelemetry* last = open ? nullptr : list.status.last_sink.get();
  const SinkTelemetry* told = last != nullptr ? last : live;
  if (told != nullptr) {
    list.result_us = told->published_us;
    if (last == nullptr) list.interval_us = kResultIntervalUs;
    if (list.active) {
      Endpoint(list, *told);
      Delivering(list, *told);
      Disabled(list, *told);
      Breaker(list, *told);
    }
    list.AddFindings(told->findings, told->published_us, CheckOfSink);
  }
  Failure(list, told);
}

}  // namespace headgate::web
