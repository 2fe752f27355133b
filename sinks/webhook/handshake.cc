#include "sinks/webhook/handshake.h"

#include <algorithm>
#include <cmath>

#include "core/net/response_parser.h"
#include "core/pipeline/consent_desk.h"
#include "sinks/webhook/settings_text.h"

namespace headgate::webhook {
namespace {

constexpr std::chrono::hours kAskAgain{24};
constexpr std::chrono::minutes kAskAgainWithout{1};
constexpr double kWithoutConsentPerMinute = 10;

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string ConsentRequest(const Options& options, std::string_view callback) {
  std::string request = "OPTIONS " + options.url.target + " HTTP/1.1\r\n";
  request += "Host: " + options.url.HostHeader() + "\r\nUser-Agent: Headgate/" HEADGATE_VERSION "\r\n";
  request += "WebHook-Request-Origin: " + options.ce_origin + "\r\n";
  if (options.request_rate_max > 0) {
    const auto per_minute = std::max<std::int64_t>(1, std::llround(options.request_rate_max * 60));
    request += "WebHook-Request-Rate: " + std::to_string(per_minute) + "\r\n";
  }
  if (!callback.empty()) request.append("WebHook-Request-Callback: ").append(callback).append("\r\n");
  return request + "Content-Length: 0\r\n\r\n";
}

Consent ReadConsent(std::string_view header_lines, std::string_view origin) {
  Consent consent;
  const auto allowed = net::FindHeader(header_lines, "WebHook-Allowed-Origin");
  const std::string_view who = allowed ? Trimmed(*allowed) : std::string_view();
  consent.given = who == "*" || (!who.empty() && SameHeader(who, origin));  // names of hosts, in any case
  consent.per_minute = AllowedRate(net::FindHeader(header_lines, "WebHook-Allowed-Rate").value_or(""));
  return consent;
}

void Handshake::Answered(const Consent& consent, Time now) {
  asking_ = false;
  answered_ = true;
  if (granted_ && !consent.given) return;
  given_ = consent.given;
  consent_ = consent;
  trouble_ = given_ ? "" : "the endpoint answers without WebHook-Allowed-Origin for " + options_.ce_origin;
  ask_at_ = now + (given_ ? std::chrono::minutes(kAskAgain) : kAskAgainWithout);
}

// A consent that was given holds until it is refused.
void Handshake::Unanswered(std::string text, Time now) {
  asking_ = false;
  answered_ = true;
  if (granted_) return;
  if (!given_) trouble_ = std::move(text);
  ask_at_ = now + kAskAgainWithout;
}

void Handshake::Granted(std::optional<double> per_minute, Time now) {
  answered_ = true;
  given_ = granted_ = true;
  consent_ = {true, per_minute};
  trouble_.clear();
  ask_at_ = now + kAskAgain;
}

double Handshake::rate() const {
  if (off()) return 0;
  if (!given_) return kWithoutConsentPerMinute / 60;
  return consent_.per_minute ? *consent_.per_minute / 60 : 0;
}

std::string Handshake::problem() const {
  if (off() || given_) return {};
  return trouble_.empty() ? "the endpoint has not answered yet" : trouble_;
}

}  // namespace headgate::webhook
