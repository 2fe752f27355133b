#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace headgate::search {

// Whether somebody else writes documents of ours (search.md Q13): the server then has a newer version of what was sent
// for the first time. Looks at spans of five minutes; what comes after a restart, from a replay or a second attempt may
// be old and is not to be added.
class StaleWatch {
 public:
  using Time = std::chrono::steady_clock::time_point;

  void Add(bool stale, Time now) {
    if (now >= ends_) {
      if (all_ > 0) share_ = static_cast<double>(stale_) / static_cast<double>(all_);
      all_ = stale_ = 0;
      ends_ = now + kSpan;
    }
    ++all_;
    stale_ += stale ? 1 : 0;
  }
  // Of the last whole span, if it is more than there may be.
  std::optional<double> excess() const { return share_ > kShareMax ? std::optional(share_) : std::nullopt; }

 private:
  static constexpr std::chrono::minutes kSpan{5};
  static constexpr double kShareMax = 0.01;
  std::uint64_t all_ = 0;
  std::uint64_t stale_ = 0;
  double share_ = 0;
  Time ends_ = Time::min();
};

}  // namespace headgate::search
