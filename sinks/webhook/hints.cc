#include "sinks/webhook/hints.h"

#include "core/base/time_text.h"

namespace headgate::webhook {
namespace {

constexpr std::int64_t kWeekUs = 7LL * 86'400 * 1'000'000;

std::string Credentials(const Options& options) {
  std::string text = "Check `auth`";
  if (!options.credential_shown.empty()) text += " and the secret behind " + options.credential_shown;
  return text + ", then restart.";
}

std::string StatusHint(int status, const Options& options) {
  switch (status) {
    case 400:
    case 422:
      return "The endpoint does not accept the content. Compare the body of a dead letter with what it expects; "
             "`format` and `envelope` change it.";
    case 401:
      return "The endpoint rejects our credentials. " + Credentials(options);
    case 403:
      return "The endpoint knows us but refuses. Ask its owner to admit this sender; " + Credentials(options);
    case 404:
      return "Nothing is at this path. Check `url`.";
    case 405:
      return "The endpoint does not take POST. Check `url`.";
    case 410:
      return "The endpoint asked not to be called again. Check `url` with its owner, then restart the connector.";
    case 413:
      return "The body is too large for the endpoint. Lower `batch_bytes_max`, or raise its limit.";
    case 415:
      return "The endpoint does not understand the format. Check `format`, `envelope` and `compression`.";
    case 429:
      return "The endpoint asks us to slow down. Set `request_rate_max`, or use batches.";
    default:
      break;
  }
  if (status >= 500) return "The endpoint failed. Look at its own log; attempts go on.";
  if (status >= 400) return "The endpoint refuses the request. Compare a dead letter with what it expects.";
  return "Redirects are not followed. Set `url` to the final address.";
}

}  // namespace

std::string HintFor(std::string_view error_class, int status, const Options& options) {
  if (status != 0) return StatusHint(status, options);
  if (error_class == "connect")
    return "Nothing accepts connections there. Check that the receiver runs and that `url` has its host and port.";
  if (error_class == "resolve") return "The name cannot be looked up. Check the host in `url` and this machine's DNS.";
  if (error_class == "tls")
    return "The TLS handshake failed. Check the certificate of the host in `url`, and `tls_ca_file` if its CA is a "
           "private one.";
  if (error_class == "timeout")
    return "No whole answer came in time. Let the receiver answer first and work later, or raise `timeout_ms`.";
  if (error_class == "guard")
    return "The outgoing guard refuses the address. Change `url`, or ask who runs this service to change egress.allow "
           "or egress.deny.";
  if (error_class == "too_large")
    return "The event is larger than `event_bytes_max`. Raise it, or take columns away at the source.";
  if (error_class == "render")
    return "The change cannot be rendered in this `format`. Discard the letter, or change `format`.";
  return "The answer was no HTTP, or the connection broke. Check what listens at `url`.";
}

std::vector<Finding> Findings(const Health& health, const Options& options) {
  using Level = Finding::Level;
  std::vector<Finding> out;
  if (health.store_bytes * 5 >= options.store_bytes_max * 4) {
    const bool full = health.store_bytes >= options.store_bytes_max;
    out.push_back({"dead_letters", full ? Level::kError : Level::kWarning,
                   full ? "the dead-letter store is full, so the sink waits for the endpoint"
                        : "four fifths of the dead-letter store are used",
                   "Retry or discard dead letters, or raise `store_bytes_max`.", "", "store_bytes_max"});
  }
  if (health.held_until_us != 0) {
    out.push_back({"delivering", Level::kWarning, "the endpoint asked to wait (Retry-After)",
                   "Attempts go on at " + UtcText(health.held_until_us) + ". " + StatusHint(429, options), "", ""});
  }
  if (options.url.tls && !options.tls.verify) {
    out.push_back({"tls_verify", Level::kWarning,
                   "the certificate of " + options.url.HostPort() + " is not verified: tls_verify is false",
                   "Give the CA of the endpoint as `tls_ca_file` and set `tls_verify` to true.", "", "tls_verify"});
  }
  if (health.last_expiry_us && *health.last_expiry_us - health.now_us < kWeekUs) {
    const bool over = *health.last_expiry_us <= health.now_us;
    out.push_back({"signing", over ? Level::kError : Level::kWarning,
                   std::string("the last signing secret ") + (over ? "expired at " : "expires at ") +
                       UtcText(*health.last_expiry_us) + (over ? ", so the sink has stopped" : ""),
                   "Add a secret to `signing_secrets`, give it to the receiver, then restart. Without a valid one the "
                   "sink stops.",
                   "", "signing_secrets"});
  }
  if (options.signing_secrets.empty() && !options.hmac) {
    out.push_back({"signing", Level::kOk, "requests are not signed",
                   "Set `signing_secrets` so that the receiver can tell who sent them.", "", "signing_secrets"});
  }
  if (options.envelope == Envelope::kCloudEventBinary && !options.signing_secrets.empty()) {
    out.push_back({"signing", Level::kWarning,
                   "the attributes of events are in headers, which the signature does not cover",
                   "Set `envelope` to cloudevents, where they are in the signed body.", "", "envelope"});
  }
  if (IsCloudEvent(options.envelope) && !options.url.tls) {
    out.push_back({"plain_http", Level::kOk, "CloudEvents are sent over plain HTTP",
                   "The webhook specification of CloudEvents demands HTTPS: set `url` to it, or leave it between "
                   "internal hosts.",
                   "", "url"});
  }
  if (health.order_by_missing) {
    out.push_back({"config", Level::kWarning, "a stream has no column of `order_by`, so it is ordered as a whole",
                   "Name columns that all streams of the sink have.", "", "order_by"});
  }
  return out;
}

}  // namespace headgate::webhook
