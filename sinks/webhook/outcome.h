#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string_view>

// What an attempt's result means for the event, the endpoint and the breaker: the table of webhooks.md W4. Pure.
namespace headgate::webhook {

enum class Action : std::uint8_t {
  kDone,  // delivered
  kRetry,
  kDeadLetter,  // a class in `non_retryable`
  kSplit,       // 413 of a batch: in halves
  kDisable,     // 410: nothing is sent any more until a restart
  kConfigure,   // the guard or the configuration refused: a person has to change something, no event is to blame
};

// Why there was no answer.
enum class Trouble : std::uint8_t { kResolve, kGuard, kConnect, kTls, kTimeout, kBroken };

struct Verdict {
  Action action = Action::kRetry;
  std::string_view error_class;     // "status_5xx", "throttled", "connect", ...; "" if delivered
  bool counts_for_breaker = false;  // as a failure
  bool refused = false;             // the endpoint judged this very request (3xx, 4xx but for the "later" ones)

  bool operator==(const Verdict&) const = default;
};

using StatusSet = std::bitset<600>;

// Statuses that `non_retryable` may name: 3xx and 4xx but for those that ask to come back and for 410.
bool MayBeNonRetryable(int status);

// `has_retry_after`: the answer asks to wait, which is no failure of the endpoint when it is a 429 (W6).
Verdict JudgeStatus(int status, bool has_retry_after, std::size_t events, const StatusSet& non_retryable);
Verdict JudgeTrouble(Trouble trouble);

}  // namespace headgate::webhook
