#pragma once

#include <chrono>
#include <cstdint>

namespace headgate {

// Time, replaceable in tests. Thread-safe.
class Clock {
 public:
  using Steady = std::chrono::steady_clock;

  virtual ~Clock() = default;
  // Microseconds since 1970-01-01 UTC.
  virtual std::int64_t NowUs() const = 0;
  // For waits and durations; never goes back.
  virtual Steady::time_point Now() const = 0;
};

// The machine's clock; lives for ever.
const Clock& SystemClock();

}  // namespace headgate
