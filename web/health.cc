#include "web/health.h"

#include <algorithm>

#include "core/base/time_text.h"
#include "core/config/masking.h"
#include "web/health_checks.h"

namespace headgate::web {
namespace {

constexpr std::int64_t kStartingMax = 60 * kSecond;  // no result for longer is a warning

std::string Join(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

void ConfigCheck(CheckList& list) {
  const config::ComponentSpec* spec = list.in.spec;
  std::vector<std::string> ignored;
  std::vector<std::string> literal;
  for (const auto& [key, value] : list.record.config) {
    if (spec == nullptr) break;
    if (config::IsIgnoredKey(*spec, key)) ignored.push_back(key);
    if (config::IsSecretKey(*spec, key) && config::IsLiteralSecret(value)) literal.push_back(key);
  }
  Check check{.id = "config", .summary = "The settings are valid."};
  if (spec == nullptr) {
    check.status = CheckStatus::kError;
    check.summary = "This build has no plugin " + list.record.class_name + ".";
    check.hint = "Delete the connector, or run a build that has the plugin.";
  } else if (!ignored.empty()) {
    check.status = CheckStatus::kWarning;
    check.summary = "These keys have no meaning here and are ignored: " + Join(ignored) + ".";
    check.hint = "Remove them from the config of " + list.record.name + ".";
  } else if (!literal.empty()) {
    check.status = CheckStatus::kNotice;
    check.summary = "literal_secret: the config holds a secret in clear in " + Join(literal) + ".";
    check.hint =
        "Put a placeholder such as ${env:NAME} or ${file:/path:key} there and open its provider in the service's file.";
  }
  check.cause = check.summary;
  list.Add(std::move(check));
}

// AP12. What the check said last is kept where a person looks for what to do.
void MarkStale(Check& check, std::int64_t now_us) {
  const std::int64_t age = now_us - check.result_us;
  if (check.result_us == 0 || check.interval_us == 0 || age <= kStaleIntervals * check.interval_us) return;
  check.hint =
      "No result since " + UtcText(check.result_us) + ", " + SecondsText(age) +
      " ago: what looks after it is stuck, in a call to the system, the disk or the server. The last result was " +
      std::string(Name(check.status)) + ": " + check.summary;
  check.status = CheckStatus::kWarning;
  check.summary = check.cause = "stale";
  check.fix.clear();
}

CheckStatus Worst(const std::vector<Check>& checks, bool guards_only) {
  CheckStatus worst = CheckStatus::kHealthy;
  for (const Check& check : checks) {
    if ((check.guards || !guards_only) && check.dismissed_us == 0) worst = std::max(worst, check.status);
  }
  return worst;
}

}  // namespace

std::string SecondsText(std::int64_t us) { return std::to_string(us / kSecond) + " s"; }

std::string BytesText(std::int64_t bytes) {
  if (bytes < 10 << 20) return std::to_string(bytes / 1024) + " KiB";
  return std::to_string(bytes >> 20) + " MiB";
}

void CheckList::Add(Check check) {
  if (check.result_us == 0) {
    check.result_us = result_us;
    check.interval_us = interval_us;
  }
  const auto same = std::find_if(list_.begin(), list_.end(), [&](const Check& c) { return c.id == check.id; });
  if (same == list_.end()) {
    list_.push_back(std::move(check));
    return;
  }
  if (check.status > same->status) std::swap(*same, check);
  if (check.status > CheckStatus::kHealthy) {
    same->summary += " Also: " + check.summary;
    same->cause += "; " + check.cause;
  }
  same->guards = same->guards || check.guards;
}

void CheckList::AddHealthy(std::string id, std::string summary) {
  if (!Has(id)) Add({.id = std::move(id), .summary = std::move(summary)});
}

bool CheckList::Has(std::string_view id) const {
  return std::any_of(list_.begin(), list_.end(), [&](const Check& c) { return c.id == id; });
}

void CheckList::AddFindings(const std::vector<Finding>& findings, std::int64_t found_us,
                            std::string_view (*id_of)(std::string_view)) {
  for (const Finding& f : findings) {
    Check check{.id = std::string(id_of(f.id)), .summary = f.summary, .hint = f.hint, .fix = f.fix};
    check.guards = check.id == "slot_connected" && f.level != Finding::Level::kOk;
    if (!active && !check.guards) continue;
    check.status = f.level == Finding::Level::kOk        ? CheckStatus::kHealthy
                   : f.level == Finding::Level::kWarning ? CheckStatus::kWarning
                                                         : CheckStatus::kError;
    check.cause = f.id + ": " + f.summary;
    check.result_us = found_us;
    check.interval_us = interval_us;
    Add(std::move(check));
  }
}

void FailureCheck(CheckList& list, std::string_view id, const std::vector<Finding>* told, std::string hint) {
  const std::string& error = list.status.last_error;
  if (error.empty() || !list.active || list.in.spec == nullptr) return;
  if (told != nullptr && std::any_of(told->begin(), told->end(), [&](const Finding& f) {
        return f.level != Finding::Level::kOk && !f.summary.empty() && error.find(f.summary) != std::string::npos;
      })) {
    return;
  }
  Check check{.id = std::string(id), .status = CheckStatus::kError, .summary = error, .hint = std::move(hint)};
  check.cause = error;
  check.result_us = list.status.last_failure_us;
  list.Add(std::move(check));
}

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

std::vector<Check> RunChecks(const HealthInput& input) {
  CheckList list(input);
  ConfigCheck(list);
  if (input.record->kind == config::ComponentKind::kSource) {
    SourceChecks(list);
  } else {
    SinkChecks(list);
  }
  std::vector<Check> checks = list.Take();
  for (Check& check : checks) {
    MarkStale(check, input.now_us);
    const auto& dismissals = input.record->health.dismissals;
    const auto dismissed = dismissals.find(check.id);
    if (dismissed != dismissals.end() && Holds(dismissed->second, check, input.now_us))
      check.dismissed_us = dismissed->second.until_us;
  }
  return checks;
}

bool Holds(const Dismissal& dismissal, const Check& check, std::int64_t now_us) {
  return check.status > CheckStatus::kHealthy && static_cast<std::uint32_t>(check.status) <= dismissal.status &&
         check.cause == dismissal.cause && now_us < dismissal.until_us;
}

bool IsRogue(const HealthInput& input) {
  const std::uint32_t attempts = input.status->sink == nullptr ? 0 : input.status->sink->failures_in_row;
  return input.record->target == TargetState::kRunning &&
         std::max(attempts, input.status->failures_in_row) > input.record->thresholds().failures_max;
}

std::string_view Overall(const HealthInput& input, const std::vector<Check>& checks) {
  if (input.record->target == TargetState::kPaused) return "paused";
  if (input.record->target == TargetState::kStopped) return "stopped";
  const CheckStatus worst = Worst(checks, false);
  if (worst == CheckStatus::kError) return "error";
  const bool no_result = input.record->kind == config::ComponentKind::kSource ? input.status->source == nullptr
                                                                              : input.status->sink == nullptr;
  const State state = input.status->state;
  if (no_result || state == State::kUnassigned || state == State::kRestarting || state == State::kStopped) {
    return input.now_us - input.status->since_us <= kStartingMax ? "starting" : "warning";
  }
  return worst == CheckStatus::kWarning ? "warning" : "healthy";
}

std::string_view Alarm(const HealthInput& input, const std::vector<Check>& checks) {
  const CheckStatus worst = Worst(checks, input.record->target != TargetState::kRunning);
  return worst < CheckStatus::kWarning ? "" : Name(worst);
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
