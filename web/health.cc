#include "web/health.h"

#include <algorithm>

#include "core/config/masking.h"

namespace headgate::web {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kHeartbeatWarning = 30 * kSecond;
constexpr std::int64_t kHeartbeatError = 120 * kSecond;
constexpr std::int64_t kStallWarning = 30 * kSecond;
constexpr std::int64_t kStallError = 60 * kSecond;
constexpr std::int64_t kLagWarning = 150 * kSecond;
constexpr std::int64_t kRetainedWarning = 10LL << 30;  // bytes, where the server has no limit of its own
constexpr double kInvalidWarning = 3600;               // seconds to max_slot_wal_keep_size
constexpr double kInvalidError = 600;

std::string Seconds(std::int64_t us) { return std::to_string(us / kSecond) + " s"; }

std::string Bytes(std::int64_t bytes) {
  if (bytes < 10 << 20) return std::to_string(bytes / 1024) + " KiB";
  return std::to_string(bytes >> 20) + " MiB";
}

std::string Join(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

Check Healthy(std::string id, std::string summary) {
  return {std::move(id), CheckStatus::kHealthy, std::move(summary), "", "", false};
}

class Checks {
 public:
  explicit Checks(const HealthInput& input)
      : in_(input), record_(*input.record), status_(*input.status), active_(record_.target == TargetState::kRunning) {}

  std::vector<Check> Run() {
    Config();
    if (record_.kind == config::ComponentKind::kSource) {
      Source();
    } else {
      Sink();
    }
    return std::move(list_);
  }

 private:
  void Add(Check check) {
    const auto same = std::find_if(list_.begin(), list_.end(), [&](const Check& c) { return c.id == check.id; });
    if (same == list_.end()) {
      list_.push_back(std::move(check));
      return;
    }
    // The worst one names the check; the others are told with it.
    if (check.status > same->status) std::swap(*same, check);
    if (check.status > CheckStatus::kHealthy) same->summary += " Also: " + check.summary;
    same->guards = same->guards || check.guards;
  }

  void Config() {
    std::vector<std::string> ignored;
    std::vector<std::string> literal;
    for (const auto& [key, value] : record_.config) {
      if (in_.spec == nullptr) break;
      if (config::IsIgnoredKey(*in_.spec, key)) ignored.push_back(key);
      if (config::IsSecretKey(*in_.spec, key) && config::IsLiteralSecret(value)) literal.push_back(key);
    }
    Check check = Healthy("config", "The settings are valid.");
    if (in_.spec == nullptr) {
      check.status = CheckStatus::kError;
      check.summary = "This build has no plugin " + record_.class_name + ".";
      check.hint = "Delete the connector, or run a build that has the plugin.";
    } else if (!ignored.empty()) {
      check.status = CheckStatus::kWarning;
      check.summary = "These keys have no meaning here and are ignored: " + Join(ignored) + ".";
      check.hint = "Remove them from the config of " + record_.name + ".";
    } else if (!literal.empty()) {
      check.status = CheckStatus::kNotice;
      check.summary = "literal_secret: the config holds a secret in clear in " + Join(literal) + ".";
      check.hint =
          "Put a placeholder such as ${env:NAME} or ${file:/path:key} there and open its provider in the service's "
          "file.";
    }
    Add(std::move(check));
    if (status_.last_error.empty() || status_.last_error_transient || !active_ || in_.spec == nullptr) return;
    Add({"config", CheckStatus::kError, status_.last_error,
         "Mend the cause, then restart " + record_.name + " or change its config.", "", false});
  }

  // What the worker itself found; standing findings of a source guard its data in every state.
  void Findings(const std::vector<Finding>& findings) {
    for (const Finding& f : findings) {
      if (f.level == Finding::Level::kOk && !active_) continue;
      const CheckStatus level = f.level == Finding::Level::kOk        ? CheckStatus::kHealthy
                                : f.level == Finding::Level::kWarning ? CheckStatus::kWarning
                                                                      : CheckStatus::kError;
      const bool guards = f.id.starts_with("slot") || f.id.starts_with("wal") || f.id.starts_with("gap");
      if (!active_ && !guards) continue;
      Add({f.id, level, f.summary, f.hint, f.fix, guards});
    }
  }

  void Source() {
    Findings(status_.standing);
    if (status_.source == nullptr) {
      if (active_) Reachable(false);
      return;
    }
    const SourceTelemetry& t = *status_.source;
    if (active_) {
      Reachable(t.connected);
      if (t.connected && !t.slot_name.empty())
        Add(Healthy("slot_connected", "Replication slot " + t.slot_name + " is ours and active."));
      Heartbeat(t);
      Ingesting(t);
      if (t.phase == "snapshot") {
        Add(Healthy("snapshot", std::to_string(t.snapshot_tables_done) + " of " + std::to_string(t.snapshot_tables) +
                                    " tables, " + std::to_string(t.snapshot_rows) + " rows."));
      }
    }
    WalRetained(t);
    Findings(t.findings);
  }

  void Reachable(bool connected) {
    if (status_.last_error.empty()) {
      if (connected) Add(Healthy("reachable", "Connected."));
      return;
    }
    if (!status_.last_error_transient) return;  // told by `config`
    Check check{"reachable", CheckStatus::kError, status_.last_error, "", "", false};
    check.hint = "Attempts go on by themselves";
    if (status_.next_attempt_us > in_.now_us)
      check.hint += ", the next in " + Seconds(status_.next_attempt_us - in_.now_us);
    check.hint += ". Check that the server runs, that it is reached from this machine, and that it lets us in.";
    Add(std::move(check));
  }

  void Heartbeat(const SourceTelemetry& t) {
    if (!t.connected || t.last_heard_us == 0) return;
    const std::int64_t silent = in_.now_us - t.last_heard_us;
    Check check = Healthy("heartbeat", "Last heard " + Seconds(std::max<std::int64_t>(silent, 0)) + " ago.");
    if (silent >= kHeartbeatWarning) {
      check.status = silent >= kHeartbeatError ? CheckStatus::kError : CheckStatus::kWarning;
      check.hint = "The connection may be half dead, the server stalled, or the network cut. Restart " + record_.name +
                   " to connect anew.";
    }
    Add(std::move(check));
  }

  void Ingesting(const SourceTelemetry& t) {
    const std::int64_t lag = t.oldest_pending_commit_us > 0 ? in_.now_us - t.oldest_pending_commit_us : 0;
    Check check = Healthy("ingesting", t.caught_up ? "Caught up." : "Reading.");
    if (in_.movement.stalled_us >= kStallWarning) {
      check.status = in_.movement.stalled_us >= kStallError ? CheckStatus::kError : CheckStatus::kWarning;
      check.summary = "The server's position moves, ours has not for " + Seconds(in_.movement.stalled_us) + ".";
      check.hint =
          "A large transaction may be on its way, the log may be out of disk, or the connection stalled; the reader is "
          "in phase '" +
          t.phase + "'.";
    } else if (lag >= kLagWarning) {
      check.status = CheckStatus::kWarning;
      check.summary = "The oldest commit that is not durable here is " + Seconds(lag) + " old.";
      check.hint = "Changes come faster than they are read, or the disk of the log is slow.";
    }
    Add(std::move(check));
  }

  void WalRetained(const SourceTelemetry& t) {
    if (t.slot_retained_bytes < 0) return;
    Check check =
        Healthy("wal_retained", "Slot " + t.slot_name + " keeps " + Bytes(t.slot_retained_bytes) + " of WAL.");
    check.guards = true;
    const auto left = SecondsToInvalid(t, in_.movement);
    if (t.slot_safe_bytes == 0 || (left && *left < kInvalidError)) {
      check.status = CheckStatus::kError;
    } else if ((left && *left < kInvalidWarning) ||
               (t.slot_safe_bytes < 0 && t.slot_retained_bytes >= kRetainedWarning)) {
      check.status = CheckStatus::kWarning;
    }
    if (check.status != CheckStatus::kHealthy) {
      if (t.slot_safe_bytes >= 0) check.summary += " The server drops it after " + Bytes(t.slot_safe_bytes) + " more.";
      check.hint = std::string(active_ ? "Reading is behind" : "The connector is not running") +
                   ", so the server keeps WAL for it. " + (active_ ? "Look at the checks of " : "Resume ") +
                   record_.name + ", or give the server room.";
      check.fix = "ALTER SYSTEM SET max_slot_wal_keep_size = '64GB'; SELECT pg_reload_conf();";
    }
    Add(std::move(check));
  }

  void Sink() {
    LogRetention();
    DeadLetters();
    if (status_.sink == nullptr) {
      if (active_) Reachable(false);
      return;
    }
    const SinkTelemetry& t = *status_.sink;
    if (active_) {
      Delivering(t);
      if (t.phase == "disabled") {
        Add({"endpoint_disabled", CheckStatus::kError, "The endpoint answered 410: it wants no more requests.",
             "If that was a mistake, restart " + record_.name + ".", "", false});
      }
      if (t.breaker_open) {
        Check check{"breaker", CheckStatus::kError, "The breaker is open: deliveries wait.", "", "", false};
        if (t.next_probe_us > in_.now_us)
          check.summary += " The next probe is in " + Seconds(t.next_probe_us - in_.now_us) + ".";
        check.hint = t.last_error_hint.empty() ? "Mend the endpoint; a probe that succeeds closes the breaker."
                                               : t.last_error_hint;
        Add(std::move(check));
      }
    }
    Findings(t.findings);
  }

  void Delivering(const SinkTelemetry& t) {
    Check check = Healthy("delivering", std::to_string(t.delivered) + " delivered.");
    const std::uint32_t in_row = std::max(t.failures_in_row, status_.failures_in_row);
    const std::string error = t.last_error.empty() ? status_.last_error : t.last_error;
    const Movement& m = in_.movement;
    if (status_.state == State::kFailed) {
      check.status = CheckStatus::kError;
      check.summary = status_.last_error.empty() ? status_.trace : status_.last_error;
    } else if (in_row > kRogueFailures) {
      check.status = CheckStatus::kError;
      check.summary = std::to_string(in_row) + " attempts in a row failed, last: " + error;
    } else if (m.stalled_us >= kStallError) {
      check.status = CheckStatus::kError;
      check.summary = "Records wait, and nothing was delivered for " + Seconds(m.stalled_us) +
                      (error.empty() ? "." : ", last: " + error);
    } else if (m.attempts_failed >= 1 && m.attempts_failed * 2 >= m.attempts) {
      check.status = CheckStatus::kWarning;
      check.summary = std::to_string(m.attempts_failed) + " of " + std::to_string(m.attempts) +
                      " attempts failed in the last 5 min, last: " + error;
    }
    if (check.status != CheckStatus::kHealthy) {
      check.hint = t.last_error_hint.empty()
                       ? "Check the endpoint and the settings of " + record_.name + ", then restart it."
                       : t.last_error_hint;
    }
    Add(std::move(check));
  }

  void DeadLetters() {
    std::uint64_t all = 0;
    for (const auto& [state, count] : in_.letters) all += count;
    const auto dead = in_.letters.find(DeadLetter::State::kDead);
    Check check = Healthy("dead_letters", all == 0 ? "None." : std::to_string(all) + " stored, to be tried again.");
    if (dead != in_.letters.end() && dead->second > 0) {
      check.status = CheckStatus::kWarning;
      check.summary = std::to_string(dead->second) + " records need a person.";
      check.hint = "See GET /api/v1/connectors/" + record_.name +
                   "/dead-letters?state=dead; mend the cause, then retry or discard them.";
    }
    Add(std::move(check));
  }

  void LogRetention() {
    Check check = Healthy("log_retention", "Everything that is not delivered is in the log.");
    check.guards = true;
    const std::int64_t keep_us = in_.retention.time_ms * 1000;
    const std::int64_t oldest = status_.sink == nullptr ? 0 : status_.sink->oldest_pending_commit_us;
    if (status_.next_seq > 0 && status_.next_seq < in_.first_seq) {
      check.status = CheckStatus::kError;
      check.summary = "Retention dropped records before they were delivered: seq " + std::to_string(status_.next_seq) +
                      " to " + std::to_string(in_.first_seq - 1) + ".";
      check.hint = "Raise retention.time_ms or retention.bytes_max, and send the tables concerned again.";
    } else if (keep_us > 0 && oldest > 0 && in_.now_us - oldest > keep_us / 5 * 4) {
      check.status = CheckStatus::kWarning;
      check.summary = "The oldest record to deliver is " + Seconds(in_.now_us - oldest) +
                      " old; retention drops it at " + Seconds(keep_us) + ".";
      check.hint = "Resume or speed up " + record_.name + ", or raise retention.time_ms.";
    }
    Add(std::move(check));
  }

  const HealthInput& in_;
  const ConnectorRecord& record_;
  const ConnectorStatus& status_;
  const bool active_;
  std::vector<Check> list_;
};

CheckStatus Worst(const std::vector<Check>& checks, bool guards_only) {
  CheckStatus worst = CheckStatus::kHealthy;
  for (const Check& check : checks) {
    if (check.guards || !guards_only) worst = std::max(worst, check.status);
  }
  return worst;
}

}  // namespace

std::string_view Name(CheckStatus status) {
  switch (status) {
    case CheckStatus::kHealthy:
      return "healthy";
    case CheckStatus::kNotice:
      return "notice";
    case CheckStatus::kWarning:
      return "warning";
    case CheckStatus::kError:
      return "error";
  }
  return "error";
}

std::vector<Check> RunChecks(const HealthInput& input) { return Checks(input).Run(); }

bool IsRogue(const HealthInput& input) {
  const std::uint32_t attempts = input.status->sink == nullptr ? 0 : input.status->sink->failures_in_row;
  return std::max(attempts, input.status->failures_in_row) > kRogueFailures;
}

std::string_view Overall(const HealthInput& input, const std::vector<Check>& checks) {
  const bool running = input.record->target == TargetState::kRunning;
  const CheckStatus worst = Worst(checks, !running);
  if (worst >= CheckStatus::kWarning) {
    const bool waits = running && worst == CheckStatus::kWarning && input.status->state == State::kUnassigned;
    if (!waits) return Name(worst);
  }
  if (!running) return input.record->target == TargetState::kPaused ? "paused" : "stopped";
  const bool no_result = input.record->kind == config::ComponentKind::kSource ? input.status->source == nullptr
                                                                              : input.status->sink == nullptr;
  const State state = input.status->state;
  return no_result || state == State::kUnassigned || state == State::kRestarting ? "starting" : "healthy";
}

int Rank(std::string_view overall) {
  constexpr std::string_view kOrder[] = {"error", "warning", "starting", "paused", "stopped", "healthy"};
  const auto* const found = std::find(std::begin(kOrder), std::end(kOrder), overall);
  return static_cast<int>(found - std::begin(kOrder));
}

std::optional<double> SecondsToInvalid(const SourceTelemetry& source, const Movement& movement) {
  if (source.slot_safe_bytes < 0 || movement.retained_bytes_per_second <= 0) return std::nullopt;
  return static_cast<double>(source.slot_safe_bytes) / movement.retained_bytes_per_second;
}

}  // namespace headgate::web
