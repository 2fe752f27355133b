#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

#include "core/base/result.h"

namespace headgate {

// The one table from kind of failure to what happens next.
enum class Action : std::uint8_t { kRetry, kDeadLetter, kWaitForPerson, kEnd };
constexpr Action ActionFor(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kTransient:
      return Action::kRetry;
    case ErrorKind::kRejected:
      return Action::kDeadLetter;
    case ErrorKind::kConfig:
    case ErrorKind::kCorrupt:
      return Action::kWaitForPerson;
    case ErrorKind::kStopped:
      return Action::kEnd;
  }
  return Action::kWaitForPerson;
}

// Rogue (AP14): more failures in a row than a connector's `failures_max`. Attempts then slow to one a minute until one
// succeeds; a restart call runs at once. Two places pace attempts, and each slows its own (docs/adr/0007): the
// supervisor the starts of a connector that fails again and again, a sink its requests. Where a sink has a circuit
// breaker that is open, the breaker's probes are the pace (W6: 5 s doubling to 5 min) and nothing is slowed twice.
inline constexpr std::uint32_t kRogueFailures = 10;
inline constexpr std::chrono::minutes kRogueWait{1};

// Waits between attempts: exponential from `first_ms` to `max_ms`, each between half of it and the whole.
class BackOff {
 public:
  BackOff(std::int64_t first_ms, std::int64_t max_ms)
      : first_ms_(first_ms), max_ms_(max_ms), random_(std::random_device{}()) {}

  std::int64_t NextMs() {
    const std::int64_t full = attempts_ >= 20 ? max_ms_ : std::min(max_ms_, first_ms_ << attempts_);
    ++attempts_;
    return full / 2 + std::uniform_int_distribution<std::int64_t>(0, full / 2)(random_);
  }
  std::uint32_t attempts() const { return attempts_; }
  void Reset() { attempts_ = 0; }

 private:
  std::int64_t first_ms_;
  std::int64_t max_ms_;
  std::uint32_t attempts_ = 0;
  std::minstd_rand random_;
};

}  // namespace headgate
