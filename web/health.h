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
  std::string id;
  CheckStatus status = CheckStatus::kHealthy;
  std::string summary;
  std::string hint;
  std::string fix;      // SQL or a command, "" if there is none
  bool guards = false;  // guards the source's disk or our data: alarms in every state (AP11)
};

// What only shows over time; kept by the health book.
struct Movement {
  std::int64_t stalled_us = 0;  // input moves or waits, our position has not moved for so long (AP15)
  std::uint64_t attempts = 0;   // of a sink in the last five minutes
  std::uint64_t attempts_failed = 0;
  double retained_bytes_per_second = 0;  // growth of what the slot keeps
};

struct HealthInput {
  const ConnectorRecord* record = nullptr;
  const config::ComponentSpec* spec = nullptr;  // nullptr: this build does not have the class
  const ConnectorStatus* status = nullptr;
  Movement movement;
  std::map<DeadLetter::State, std::uint64_t> letters;
  Seq first_seq = 1;               // oldest kept in the log
  std::uint64_t lost_records = 0;  // of the whole log, ever
  RetentionPolicy retention;
  std::int64_t now_us = 0;
};

std::vector<Check> RunChecks(const HealthInput& input);

// More failures in a row than this are `rogue` (AP14).
inline constexpr std::uint32_t kRogueFailures = 10;
bool IsRogue(const HealthInput& input);

// healthy, warning, error, paused, stopped or starting (AP11).
std::string_view Overall(const HealthInput& input, const std::vector<Check>& checks);
// Worst first, for lists: error, warning, starting, paused, stopped, healthy.
int Rank(std::string_view overall);

// Seconds until the slot has used up its room; nothing if it does not grow or the room is unknown.
std::optional<double> SecondsToInvalid(const SourceTelemetry& source, const Movement& movement);

}  // namespace headgate::web
