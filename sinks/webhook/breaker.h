#pragma once

#include <array>
#include <chrono>
#include <cstdint>

// The circuit breaker of one endpoint (W6). Pure: the time is passed in.
//
//   closed ── 10 failures in a row, or half of >= 20 attempts within 60 s ──► open
//   open ── after its wait (5 s, doubling to open_ms_max) ──► one probe is admitted
//   probe ── success ──► closed          probe ── failure ──► open, with the doubled wait
// A person's retry ends a wait (W5).
// Where it is open its probes are the pace of a rogue sink too; a closed one leaves that to Delivery (ADR 0007).
namespace headgate::webhook {

class Breaker {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Wait = std::chrono::milliseconds;

  Breaker(std::uint32_t failures, Wait open_max);

  bool open() const { return open_; }
  // Closed: always. Open: when the wait is over and no probe is under way.
  bool Admits(Time now) const { return !open_ || (!probing_ && now >= probe_at_); }
  // A request that Admits let pass was sent.
  void Sent() { probing_ = probing_ || open_; }
  // A person wants an attempt now: the next probe may go at once. If one is under way and fails, the next one may.
  void EndWait(Time now);
  // The only request that was sent while open.
  bool probing() const { return probing_; }
  // When the next probe may be sent; meaningful only while open.
  Time probe_at() const { return probe_at_; }

  void Succeeded(Time now);
  // `probe`: of the request that was sent while open. The others were under way when it opened and tell nothing new.
  void Failed(Time now, bool probe);
  // An outcome that says nothing about the endpoint's health, such as 429 with Retry-After.
  void Neutral(Time now, bool probe);

  std::uint32_t failures_in_row() const { return in_row_; }
  // How long it has been open altogether. Attempts are not counted in that time, so waits are measured without it.
  std::chrono::steady_clock::duration OpenFor(Time now) const;

 private:
  static constexpr std::size_t kWindowSeconds = 60;
  struct Second {
    std::int64_t second = -1;
    std::uint32_t attempts = 0;
    std::uint32_t failures = 0;
  };

  void Count(Time now, bool failure);
  bool HalfFailed(Time now) const;
  void Open(Time now);

  const std::uint32_t failures_max_;
  const Wait open_max_;
  bool open_ = false;
  bool probing_ = false;
  bool wait_ended_ = false;  // by a person, while a probe was under way
  Wait wait_{0};
  Time probe_at_{};
  Time opened_at_{};
  std::chrono::steady_clock::duration open_before_{0};  // in earlier openings
  std::uint32_t in_row_ = 0;
  std::array<Second, kWindowSeconds> window_{};
};

}  // namespace headgate::webhook
