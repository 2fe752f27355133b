#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

// How long to wait before the next attempt (W5). Pure but for the random numbers, whose seed is given.
namespace headgate::webhook {

// SplitMix64: enough for jitter, and the same everywhere for one seed.
class Jitter {
 public:
  explicit Jitter(std::uint64_t seed) : state_(seed) {}
  double Fraction();  // in [0, 1)

 private:
  std::uint64_t state_;
};

// After the n-th failed attempt (from 0) in memory: full jitter between 0 and min(5 min, 1 s * 2^n).
std::chrono::milliseconds MemoryWait(std::uint32_t n, Jitter& jitter);

// Before the next attempt from the store, when `tried` attempts from there have failed: the schedule's entry, give or
// take 10 %. Nothing after the last one: the letter is dead.
std::optional<std::chrono::milliseconds> StoreWait(std::span<const std::chrono::milliseconds> schedule,
                                                   std::size_t tried, Jitter& jitter);

// Requests per second as an upper bound; a burst of at most one second's worth, at least one. 0: no bound.
class RateLimit {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit RateLimit(double per_second) : per_second_(per_second) {}
  void Set(double per_second) { per_second_ = per_second; }
  // Takes one request if the rate admits it.
  bool Take(Time now);
  // When the next request is admitted; `now` or earlier if it is at once.
  Time Next(Time now) const;

 private:
  double Tokens(Time now) const;

  double per_second_;
  double tokens_ = 1;
  std::optional<Time> at_;  // when tokens_ was true
};

}  // namespace headgate::webhook
