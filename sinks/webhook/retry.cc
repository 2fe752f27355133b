#include "sinks/webhook/retry.h"

#include <algorithm>
#include <cmath>

namespace headgate::webhook {

using std::chrono::milliseconds;

double Jitter::Fraction() {
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  z ^= z >> 31;
  return static_cast<double>(z >> 11) * 0x1p-53;
}

milliseconds MemoryWait(std::uint32_t n, Jitter& jitter) {
  constexpr std::int64_t kMaxMs = 300'000;
  const std::int64_t bound = n >= 9 ? kMaxMs : std::min<std::int64_t>(kMaxMs, 1000LL << n);
  return milliseconds(static_cast<std::int64_t>(static_cast<double>(bound) * jitter.Fraction()));
}

std::optional<milliseconds> StoreWait(std::span<const milliseconds> schedule, std::size_t tried, Jitter& jitter) {
  if (tried >= schedule.size()) return std::nullopt;
  const double factor = 0.9 + 0.2 * jitter.Fraction();
  return milliseconds(std::llround(static_cast<double>(schedule[tried].count()) * factor));
}

double RateLimit::Tokens(Time now) const {
  if (!at_) return tokens_;
  const double seconds = std::chrono::duration<double>(now - *at_).count();
  return std::min(std::max(1.0, per_second_), tokens_ + seconds * per_second_);
}

bool RateLimit::Take(Time now) {
  if (per_second_ <= 0) return true;
  tokens_ = Tokens(now);
  at_ = now;
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

RateLimit::Time RateLimit::Next(Time now) const {
  if (per_second_ <= 0) return now;
  const double missing = 1 - Tokens(now);
  if (missing <= 0) return now;
  return now + std::chrono::duration_cast<Time::duration>(std::chrono::duration<double>(missing / per_second_)) +
         std::chrono::microseconds(1);
}

}  // namespace headgate::webhook
