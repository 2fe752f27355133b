#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "core/config/spec.h"
#include "core/pipeline/retry.h"

// What a person sets about the health of one connector. Kept with its record: durable, and gone with it.
namespace headgate {

// Times without an end: muted or dismissed for ever.
inline constexpr std::int64_t kForeverUs = 253'402'300'799'999'999;  // 9999-12-31T23:59:59.999999Z

// The limits of the checks (admin API, AP14; console, 3.2).
struct Thresholds {
  double error_rate = 0.5;                       // share of failed attempts in the window from which a sink warns
  std::uint32_t errors_min = 1;                  // failed attempts in the window below which it does not
  std::int64_t error_window_seconds = 300;       // at most kErrorWindowMax
  std::optional<double> lag_seconds;             // from which a connector warns; nothing: no limit
  std::optional<std::int64_t> lag_bytes;         // sources
  double no_progress_seconds = 60;               // while the input moves; error, from half of it on a source warns
  std::uint32_t failures_max = kRogueFailures;   // in a row; more are rogue
  std::int64_t wal_retained_bytes = 10LL << 30;  // from which a source warns whose server has no limit of its own
  std::uint64_t dead_letters = 1;                // records that need a person from which a sink warns
  std::int64_t mute_until_us = 0;                // Unix time up to which no alerts go out; 0: not muted

  static constexpr std::int64_t kErrorWindowMax = 3600;
  // A source warns when it is 150 s behind; how far a sink may be is for its receiver to say.
  static Thresholds Default(config::ComponentKind kind) {
    Thresholds t;
    if (kind == config::ComponentKind::kSource) t.lag_seconds = 150;
    return t;
  }
  bool operator==(const Thresholds&) const = default;
};

// A check that somebody has seen and does not want to hear of. It holds for the cause it was dismissed at, and for
// nothing worse.
struct Dismissal {
  std::string cause;         // Check::cause at that time
  std::uint32_t status = 0;  // CheckStatus at that time
  std::int64_t until_us = kForeverUs;
  std::string reason;
  std::string actor;
  std::int64_t at_us = 0;

  bool operator==(const Dismissal&) const = default;
};

struct HealthSettings {
  std::optional<Thresholds> thresholds;         // nothing: the default of the kind
  std::map<std::string, Dismissal> dismissals;  // by check
  std::uint64_t version = 0;                    // of the thresholds, for their ETag

  bool operator==(const HealthSettings&) const = default;
};

}  // namespace headgate
