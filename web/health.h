#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/catalog/control.h"

// Health of a connector (admin API, 4.4; the checks are those of the console's table): pure functions over what the
// worker threads left behind, so they never wait (AP12).
namespace headgate::web {

enum class CheckStatus : std::uint8_t { kHealthy, kNotice, kWarning, kError };
std::string_view Name(CheckStatus status);

struct Check {
  std::string id = {};
  CheckStatus status = CheckStatus::kHealthy;
  std::string summary = {};
  std::string hint = {};
  std::string fix = {};           // SQL or a command, "" if there is none
  bool guards = false;            // guards the source's disk or our data: alarms in every state (AP11)
  std::string cause = {};         // stays while only figures move: what a dismissal holds for
  std::int64_t result_us = 0;     // when its result was left behind; 0: now
  std::int64_t interval_us = 0;   // in which results come; 0: whenever something happens
  std::int64_t dismissed_us = 0;  // until then; 0: not dismissed
};

// Worker threads publish about once a second at the slowest; a result is missed when none came for so long.
inline constexpr std::int64_t kResultIntervalUs = 10'000'000;
// AP12: results missed in a row that make a check stale.
inline constexpr std::int64_t kStaleIntervals = 3;

// What only shows over time; kept by the health book.
struct Movement {
  std::int64_t stalled_us = 0;  // input moves or waits, our position has not moved for so long (AP15)
  std::uint64_t attempts = 0;   // of a sink in the window of its thresholds
  std::uint64_t attempts_failed = 0;
  double retained_bytes_per_second = 0;  // growth of what the slot keeps
};

struct HealthInput {
  const ConnectorRecord* record = nullptr;
  const config::ComponentSpec* spec = nullptr;  // nullptr: this build does not have the class
  const ConnectorStatus* status = nullptr;
  Movement movement;
  std::map<DeadLetter::State, std::uint64_t> letters;
  Seq first_seq = 1;  // oldest kept in the log
  RetentionPolicy retention;
  std::int64_t now_us = 0;
};

// Dismissed ones are marked.
std::vector<Check> RunChecks(const HealthInput& input);

// True if the dismissal covers the check as it is now.
bool Holds(const Dismissal& dismissal, const Check& check, std::int64_t now_us);

// More failures in a row than the connector's threshold (AP14); a mark on a connector that is to run.
bool IsRogue(const HealthInput& input);

// healthy, warning, error, paused, stopped or starting (AP11).
std::string_view Overall(const HealthInput& input, const std::vector<Check>& checks);
// "error", "warning" or "": the worst undismissed check that alarms whatever `Overall` says. A source that is paused
// while its slot fills the server's disk is `paused`, and alarms.
std::string_view Alarm(const HealthInput& input, const std::vector<Check>& checks);
// Worst first, for lists: error, warning, starting, paused, stopped, healthy.
int Rank(std::string_view overall);

// Seconds until the slot has used up its room; nothing if it does not grow or the room is unknown.
std::optional<double> SecondsToInvalid(const SourceTelemetry& source, const Movement& movement);

}  // namespace headgate::web
