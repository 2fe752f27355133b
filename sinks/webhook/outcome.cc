#include "sinks/webhook/outcome.h"

namespace headgate::webhook {
namespace {

// "Come back later", whatever was sent.
bool AsksToComeBack(int status) { return status == 408 || status == 425 || status == 429; }

}  // namespace

bool MayBeNonRetryable(int status) { return status >= 300 && status < 500 && status != 410 && !AsksToComeBack(status); }

Verdict JudgeStatus(int status, bool has_retry_after, std::size_t events, const StatusSet& non_retryable) {
  if (status >= 200 && status < 300) return {Action::kDone, "", false, false};
  if (status < 200 || status >= 600) return {Action::kRetry, "broken", true, false};
  if (status == 410) return {Action::kDisable, "status_4xx", false, false};
  if (status >= 500) return {Action::kRetry, "status_5xx", true, false};
  if (AsksToComeBack(status)) return {Action::kRetry, "throttled", !(status == 429 && has_retry_after), false};
  if (status == 413 && events > 1) return {Action::kSplit, "status_4xx", false, false};
  // A redirect is refused like a 4xx, and counted with them.
  if (non_retryable.test(static_cast<std::size_t>(status))) return {Action::kDeadLetter, "status_4xx", false, true};
  return {Action::kRetry, "status_4xx", true, true};
}

Verdict JudgeTrouble(Trouble trouble) {
  switch (trouble) {
    case Trouble::kResolve:
      return {Action::kRetry, "resolve", true, false};
    case Trouble::kGuard:
      return {Action::kConfigure, "guard", false, false};
    case Trouble::kConnect:
      return {Action::kRetry, "connect", true, false};
    case Trouble::kTls:
      return {Action::kRetry, "tls", true, false};
    case Trouble::kTimeout:
      return {Action::kRetry, "timeout", true, false};
    case Trouble::kBroken:
      break;
  }
  return {Action::kRetry, "broken", true, false};
}

}  // namespace headgate::webhook
