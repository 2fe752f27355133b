#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "sinks/webhook/options.h"

namespace headgate::webhook {

// The question of the abuse protection of CloudEvents (webhooks.md 3.3): OPTIONS to the exact URL. `callback`: where
// the endpoint may consent later, "" nowhere.
std::string ConsentRequest(const Options& options, std::string_view callback = {});

struct Consent {
  bool given = false;
  std::optional<double> per_minute;  // at most so many requests; nothing: as many as we like
};
// What an answer's header lines say; its status means nothing.
Consent ReadConsent(std::string_view header_lines, std::string_view origin);

// Whether this sink may send, and when it has to ask. For one thread.
class Handshake {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit Handshake(const Options& options) : options_(options) {}

  bool off() const { return options_.handshake == HandshakeMode::kOff; }
  // True if it is time to ask, and no question is under way.
  bool due(Time now) const { return !off() && !asking_ && now >= ask_at_; }
  Time next() const { return off() || asking_ ? Time::max() : ask_at_; }
  void Asked() {
    asking_ = true;
    granted_ = false;
  }
  void Answered(const Consent& consent, Time now);
  void Unanswered(std::string text, Time now);
  // By the callback, until it is asked again.
  void Granted(std::optional<double> per_minute, Time now);

  bool may_send() const { return off() || given_ || (answered_ && options_.handshake == HandshakeMode::kOptional); }
  bool given() const { return given_; }
  // Most requests a second, 0: no bound.
  double rate() const;
  // Why there is no consent, "" if there is, or none is needed.
  std::string problem() const;

 private:
  const Options& options_;
  bool asking_ = false;
  bool answered_ = false;  // or it was tried in vain
  bool given_ = false;
  bool granted_ = false;  // since it was asked: the answer to that has no consent, and is none against it
  Consent consent_;
  std::string trouble_;
  Time ask_at_{};
};

}  // namespace headgate::webhook
