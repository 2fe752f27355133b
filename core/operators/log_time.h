#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/model/change.h"

namespace headgate::operators {

// Log time around a step: what the transactions of the log were stamped with when they were appended, in us since 2000
// UTC. It never goes back, and it is the only time that operators know.
struct LogTime {
  Seq seq = 0;
  std::int64_t us = 0;
};

struct LogTimes {
  Seq from = 0;                   // what operators remember is as of this transaction,
  std::int64_t from_us = kNever;  // and of this time
  // Those at which it went on.
  std::vector<LogTime> steps = {};  // of transactions in log order; those up to `from` only tell when rows came

  static constexpr std::int64_t kNever = INT64_MIN;

  // At the end of the step.
  std::int64_t Now() const { return steps.empty() ? from_us : std::max(from_us, steps.back().us); }
  // Before the last transaction of the step.
  std::int64_t BeforeLast() const {
    if (steps.empty()) return kNever;
    return steps.size() == 1 ? from_us : std::max(from_us, steps[steps.size() - 2].us);
  }
  // When the transaction, or the last one before it that is known, was appended.
  std::int64_t At(Seq seq) const {
    const auto next = std::ranges::upper_bound(steps, seq, {}, &LogTime::seq);
    if (next != steps.begin() && std::prev(next)->seq > from) return std::prev(next)->us;
    if (seq >= from || next == steps.begin()) return from_us;
    return std::prev(next)->us;
  }
  // The first transaction, not before `from`, at which log time has reached `us`. It has by the end of the step.
  Seq Reached(std::int64_t us) const {
    if (from_us >= us) return from;
    const auto after = std::ranges::upper_bound(steps, from, {}, &LogTime::seq);
    const auto found = std::ranges::lower_bound(after, steps.end(), us, {}, &LogTime::us);
    return found == steps.end() ? from : found->seq;
  }
};

}  // namespace headgate::operators
