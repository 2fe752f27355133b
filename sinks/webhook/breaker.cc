#include "sinks/webhook/breaker.h"

#include <algorithm>
#include <utility>

namespace headgate::webhook {
namespace {

constexpr Breaker::Wait kFirstWait{5000};
constexpr std::uint32_t kWindowAttemptsMin = 20;

std::int64_t SecondOf(Breaker::Time time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

}  // namespace

Breaker::Breaker(std::uint32_t failures, Wait open_max) : failures_max_(std::max(1U, failures)), open_max_(open_max) {}

void Breaker::Count(Time now, bool failure) {
  const std::int64_t second = SecondOf(now);
  Second& slot = window_[static_cast<std::size_t>(second) % kWindowSeconds];
  if (slot.second != second) slot = {second, 0, 0};
  ++slot.attempts;
  slot.failures += failure;
}

bool Breaker::HalfFailed(Time now) const {
  const std::int64_t oldest = SecondOf(now) - static_cast<std::int64_t>(kWindowSeconds) + 1;
  std::uint32_t attempts = 0;
  std::uint32_t failures = 0;
  for (const Second& slot : window_) {
    if (slot.second < oldest) continue;
    attempts += slot.attempts;
    failures += slot.failures;
  }
  return attempts >= kWindowAttemptsMin && failures * 2 >= attempts;
}

void Breaker::Open(Time now) {
  wait_ = std::min(open_max_, open_ ? wait_ * 2 : kFirstWait);
  probe_at_ = std::exchange(wait_ended_, false) ? now : now + wait_;
  if (!open_) opened_at_ = now;
  open_ = true;
  probing_ = false;
}

void Breaker::Succeeded(Time now) {
  in_row_ = 0;
  if (!open_) {
    Count(now, false);
    return;
  }
  open_before_ += now - opened_at_;
  open_ = false;
  probing_ = false;
  wait_ended_ = false;
  window_.fill({});
}

void Breaker::EndWait(Time now) {
  if (!open_) return;
  wait_ended_ = probing_;
  probe_at_ = std::min(probe_at_, now);
}

void Breaker::Failed(Time now, bool probe) {
  ++in_row_;
  if (open_) {
    if (probe) Open(now);
    return;
  }
  Count(now, true);
  if (in_row_ >= failures_max_ || HalfFailed(now)) Open(now);
}

void Breaker::Neutral(Time now, bool probe) {
  if (open_ && probe) Open(now);
}

std::chrono::steady_clock::duration Breaker::OpenFor(Time now) const {
  return open_before_ + (open_ ? now - opened_at_ : std::chrono::steady_clock::duration{0});
}

}  // namespace headgate::webhook
