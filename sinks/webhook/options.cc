#include "sinks/webhook/options.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "core/base/encoding.h"
#include "core/config/secrets.h"
#include "core/net/signature.h"
#include "core/pipeline/egress.h"
#include "core/pipeline/event_transforms.h"
#include "core/pipeline/message_options.h"
#include "core/pipeline/rendering_options.h"
#include "sinks/webhook/settings_text.h"

namespace headgate::webhook {
namespace {

using config::Bound;
using config::HasPlaceholder;

// Reads one group of settings after the other; every problem is an error of its key.
class Reader {
 public:
  Reader(const Bound& bound, ReadOptions& out) : bound_(bound), o_(out.options), errors_(out.errors) {}

  void Everything() {
    Endpoint();
    Content();
    TypeTemplate();
    Delivery();
    Batches();
    Auth();
    FreeHeaders();
    Signing();
    o_.tls = ReadTls(bound_, errors_);
    Handshake();
    ReadSinkTransforms(bound_, SinkTransforms::kColumns, errors_);
  }

 private:
  using Ms = Options::Ms;

  void Fail(std::string_view key, std::string text) {
    errors_.push_back({std::string(key), "Setting \"" + std::string(key) + "\" " + text});
  }
  // True if the value is known: set and without an unresolved placeholder.
  bool Known(std::string_view key) const { return !bound_.Text(key).empty() && !HasPlaceholder(bound_.Text(key)); }
  Ms Wait(std::string_view key) const { return Ms(bound_.Int(key)); }

  void Endpoint() {
    o_.shown_url = bound_.Shown("url");
    if (Known("url")) {
      auto url = net::ParseUrl(bound_.Text("url"));
      if (!url.ok()) {
        errors_.push_back({"url", "Setting \"url\": " + url.error().what});
      } else {
        o_.url = *url;
        if (!o_.url.tls && !bound_.Bool("allow_http"))
          Fail("url", "is plain http, and allow_http is false. Use https, or allow it.");
      }
    }
    const auto shown = net::ParseUrl(o_.shown_url);
    o_.shown_target = shown.ok() ? shown->target : "/[hidden]";
    o_.timeout_ms = static_cast<int>(bound_.Int("timeout_ms"));
    o_.connect_timeout_ms = static_cast<int>(bound_.Int("connect_timeout_ms"));
    o_.parallelism = static_cast<std::size_t>(bound_.Int("parallelism"));
    o_.request_rate_max = bound_.Double("request_rate_max");
    if (Known("request_rate_max") && o_.request_rate_max <= 0)
      Fail("request_rate_max", "must be above 0. Leave it out for no bound.");
  }

  void Content() {
    const std::string& format = bound_.Text("format");
    o_.format = format == "debezium" ? Format::kDebezium : format == "row" ? Format::kRow : Format::kNative;
    EnvelopeOptions();
    o_.flat = ReadFlatRows(bound_, o_.format == Format::kRow, errors_);
    Outbox();
    RenderingOptions();
    bool any = false;
    for (const std::string& name : bound_.List("ops")) {
      Op op{};
      if (ParseOp(name, op)) any = o_.ops.at(static_cast<std::size_t>(op)) = true;
    }
    if (!any && !HasPlaceholder(bound_.Text("ops")))
      Fail("ops", "names no operation, so nothing would be sent. Pause the connector for that.");
    o_.event_bytes_max = static_cast<std::size_t>(bound_.Int("event_bytes_max"));
    o_.gzip = bound_.Text("compression") == "gzip";
    if (Known("filter")) {
      auto filter = Filter::Parse(bound_.Text("filter"));
      if (!filter.ok()) {
        errors_.push_back({"filter", "Setting \"filter\": " + filter.error().what});
      } else {
        o_.filter = std::make_shared<const Filter>(std::move(filter).value());
      }
    }
    o_.idempotency_key_header = bound_.Bool("idempotency_key_header");
  }

  void EnvelopeOptions() {
    const std::string& envelope = bound_.Text("envelope");
    o_.envelope = envelope == "standard"             ? Envelope::kStandard
                  : envelope == "cloudevents"        ? Envelope::kCloudEvent
                  : envelope == "cloudevents-binary" ? Envelope::kCloudEventBinary
                  : envelope == "cloudevents-batch"  ? Envelope::kCloudEventBatch
                                                     : Envelope::kPlain;
    o_.type_prefix = bound_.Text("type_prefix");
    o_.ce_source = bound_.Text("ce_source");
    o_.schema_base_url = bound_.Text("schema_base_url");
    if (HasPlaceholder(envelope)) return;
    const bool batched = bound_.Int("batch_events_max") > 1;
    if (o_.envelope == Envelope::kCloudEventBatch && !batched)
      Fail("envelope", "is cloudevents-batch, which needs batches: set batch_events_max above 1.");
    if (batched && (o_.envelope == Envelope::kCloudEvent || o_.envelope == Envelope::kCloudEventBinary))
      Fail("envelope", "is " + envelope +
                           ", which has one event a request. Use cloudevents-batch, if the receiver "
                           "asked for it, or drop batch_events_max.");
    if (!IsCloudEvent(o_.envelope)) {
      for (const std::string_view key : {"type_prefix", "ce_source", "schema_base_url"}) {
        if (!bound_.Text(key).empty()) Fail(key, "has a meaning only with the CloudEvents envelopes.");
      }
      return;
    }
    if (o_.format != Format::kNative)
      Fail("envelope", "is " + envelope + ", which goes with format=native alone in this version.");
    const auto is_part = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '-';
    };
    if (Known("type_prefix") && !std::ranges::all_of(o_.type_prefix, is_part))
      Fail("type_prefix", "may hold letters, digits, _, - and dots, such as com.example.");
    const auto is_reference = [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '<' && c != '>'; };
    for (const std::string_view key : {"ce_source", "schema_base_url"}) {
      if (Known(key) && !std::ranges::all_of(bound_.Text(key), is_reference))
        Fail(key, "must be a URI reference in ASCII, such as /shop or https://example.com/schemas.");
    }
  }

  void Outbox() {
    o_.outbox = ReadOutbox(bound_, OutboxTarget::kEndpoint, errors_);
    const auto is_part = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
    };
    for (const auto& [column, header] : o_.outbox.headers) {
      if (!std::ranges::all_of(header, is_part))
        Fail("outbox_headers", "has " + header + ", which is no name of a header: letters, digits, - and _.");
    }
    if (o_.outbox.tables.empty() || HasPlaceholder(bound_.Text("envelope"))) return;
    if (o_.envelope != Envelope::kPlain || bound_.Int("batch_events_max") > 1)
      Fail("outbox_tables", "needs envelope=plain and no batches: a message is the whole body of a request.");
  }

  void RenderingOptions() {
    ReadRendering(bound_, o_.native, o_.debezium, errors_);
    // `ops` says what is sent; tombstones and transaction records are for Kafka (W14).
    o_.debezium.tombstones = o_.debezium.transaction_metadata = false;
    o_.debezium.skip_create = o_.debezium.skip_update = o_.debezium.skip_delete = o_.debezium.skip_truncate = false;
  }

  void TypeTemplate() {
    if (!Known("type_template")) return;
    auto pieces = codec::ParseTypeTemplate(bound_.Text("type_template"));
    if (!pieces.ok()) return Fail("type_template", pieces.error().what);
    o_.type_template = std::move(*pieces);
  }

  void Delivery() {
    const std::string& ordering = bound_.Text("ordering");
    o_.ordering = ordering == "table"  ? Ordering::kTable
                  : ordering == "all"  ? Ordering::kAll
                  : ordering == "none" ? Ordering::kNone
                                       : Ordering::kKey;
    o_.order_by = bound_.List("order_by");
    if (!o_.order_by.empty() && o_.ordering != Ordering::kKey)
      Fail("order_by", "has a meaning only with ordering=key. Drop one of the two.");
    const std::string& on_failure = bound_.Text("on_failure");
    o_.on_failure = on_failure == "block_all"     ? OnFailure::kBlockAll
                    : on_failure == "dead_letter" ? OnFailure::kDeadLetter
                                                  : OnFailure::kBlockKey;
    o_.after_dead_letter =
        bound_.Text("after_dead_letter") == "park" ? AfterDeadLetter::kPark : AfterDeadLetter::kFollow;
    o_.memory_retry = Wait("memory_retry_ms");
    o_.store_bytes_max = static_cast<std::uint64_t>(bound_.Int("store_bytes_max"));
    o_.retry_after_cap = Wait("retry_after_cap_ms");
    o_.breaker_failures = static_cast<std::uint32_t>(bound_.Int("breaker_failures"));
    o_.breaker_open_max = Wait("breaker_open_ms_max");
    for (const std::string& item : bound_.List("retry_schedule")) {
      if (HasPlaceholder(item)) continue;
      const auto wait = ParseWait(item);
      if (!wait) return Fail("retry_schedule", "must be a comma list of waits with units, such as 5s,5m,30m,2h.");
      o_.retry_schedule.push_back(*wait);
    }
    NonRetryable();
  }

  void NonRetryable() {
    for (const std::string& item : bound_.List("non_retryable")) {
      if (HasPlaceholder(item)) continue;
      if (item == "3xx" || item == "4xx") {
        const int first = item == "3xx" ? 300 : 400;
        for (int status = first; status < first + 100; ++status) {
          if (MayBeNonRetryable(status)) o_.non_retryable.set(static_cast<std::size_t>(status));
        }
        continue;
      }
      int status = 0;
      const auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), status);
      if (error != std::errc() || end != item.data() + item.size() || !MayBeNonRetryable(status)) {
        return Fail("non_retryable",
                    "must be a comma list of statuses from 300 to 499 (or 3xx, 4xx), such as 400,422. 408, 410, "
                    "425 and 429 have a meaning of their own, and failures of the server are always retried.");
      }
      o_.non_retryable.set(static_cast<std::size_t>(status));
    }
  }

  void Batches() {
    o_.batch_events_max = static_cast<std::size_t>(bound_.Int("batch_events_max"));
    o_.batch_bytes_max = static_cast<std::size_t>(bound_.Int("batch_bytes_max"));
    o_.batch_delay_max = Wait("batch_delay_ms_max");
    o_.batch_item_results = bound_.Bool("batch_item_results");
    if (o_.batch_item_results && !o_.batched())
      Fail("batch_item_results", "needs batches: set batch_events_max above 1.");
  }

  // The value of a setting that another one made necessary.
  std::string Needed(std::string_view key, std::string_view because) {
    if (bound_.Text(key).empty()) Fail(key, "is missing; " + std::string(because) + " needs it.");
    return bound_.Text(key);
  }

  void AddSecretHeader(std::string_view key, std::string name, std::string value) {
    if (!HasPlaceholder(value) && !IsHeaderValue(value))
      return Fail(key, "holds control characters or blanks at its ends. A header cannot carry them.");
    o_.headers.push_back({std::move(name), std::move(value), true});
    const std::string shown = bound_.Shown(key);
    if (HasPlaceholder(shown)) o_.credential_shown = shown;
  }

  void Auth() {
    bool authorization = false;
    const auto methods = bound_.List("auth");
    for (const std::string& method : methods) {
      if (method == "none" && methods.size() > 1) Fail("auth", "is none and something else at once.");
      if (method == "basic" || method == "bearer" || method == "oauth2") {
        if (authorization)
          Fail("auth", "has two of basic, bearer and oauth2: each is the header Authorization. Choose one.");
        authorization = true;
      }
      if (method == "oauth2") ClientCredentials();
      if (method == "basic") {
        const std::string user = Needed("auth_username", "auth=basic");
        const std::string password = Needed("auth_password", "auth=basic");
        if (user.find(':') != std::string::npos)
          Fail("auth_username", "holds a colon, which Basic authentication cannot carry.");
        if (!password.empty())
          AddSecretHeader("auth_password", "Authorization", "Basic " + Base64(user + ":" + password));
      }
      if (method == "bearer") {
        const std::string token = Needed("auth_token", "auth=bearer");
        if (!token.empty()) AddSecretHeader("auth_token", "Authorization", "Bearer " + token);
      }
      if (method == "header") ApiKeyHeader();
    }
    Hmac();
  }

  void ApiKeyHeader() {
    const std::string name = Needed("auth_header", "auth=header");
    const std::string value = Needed("auth_value", "auth=header");
    if (Known("auth_header") && !IsHeaderName(name)) return Fail("auth_header", "is not a header name.");
    if (IsReservedHeader(name))
      return Fail("auth_header", "names a header that Headgate sends itself. Choose another one.");
    if (!value.empty()) AddSecretHeader("auth_value", name, value);
  }

  void Hmac() {
    if (bound_.Text("hmac_secret").empty()) return;
    LegacyHmac hmac{bound_.Text("hmac_header"), bound_.Text("hmac_prefix"), bound_.Text("hmac_secret")};
    if (Known("hmac_header") && (!IsHeaderName(hmac.header) || IsReservedHeader(hmac.header))) {
      return Fail("hmac_header", "is no header name that may be set. Choose one such as X-Signature-256.");
    }
    if (!IsHeaderValue(hmac.prefix + "0")) return Fail("hmac_prefix", "holds control characters.");
    o_.hmac = std::move(hmac);
  }

  void FreeHeaders() {
    const auto all = bound_.All();
    const std::size_t first = o_.headers.size();  // before it: what Auth set, and spoke for
    for (const auto& [name, value] : bound_.WithPrefix("header.")) {
      const std::string key = "header." + name;
      if (!IsHeaderName(name)) {
        Fail(key, "has a name that no header can have.");
      } else if (IsReservedHeader(name)) {
        Fail(key, "may not be set: Headgate sends this header itself, or it belongs to one connection only.");
      } else if (!HasPlaceholder(value) && !IsHeaderValue(value)) {
        Fail(key, "holds a line end or another control character, or blanks at its ends.");
      } else {
        const auto entry = all.find(key);
        o_.headers.push_back({name, value, entry != all.end() && entry->second.secret});
      }
    }
    for (std::size_t i = 0; i < o_.headers.size(); ++i) {
      const bool hmac_too = o_.hmac && SameHeader(o_.hmac->header, o_.headers[i].name);
      bool twice = hmac_too || (o_.oauth2 && SameHeader("Authorization", o_.headers[i].name));
      for (std::size_t k = 0; i >= first && k < i; ++k)
        twice = twice || SameHeader(o_.headers[k].name, o_.headers[i].name);
      if (twice) Fail("header." + o_.headers[i].name, "is set twice, here and by the settings of the authentication.");
    }
  }

  void Signing() {
    for (const std::string& item : bound_.List("signing_secrets")) {
      if (HasPlaceholder(item)) continue;
      SigningSecret secret{item, std::nullopt};
      if (const std::size_t at = item.find('@'); at != std::string::npos) {
        secret.expires_us = ParseTime(std::string_view(item).substr(at + 1));
        secret.text.resize(at);
        if (!secret.expires_us)
          return Fail("signing_secrets",
                      "has an expiry that is not an RFC 3339 time. Write whsec_...@2027-01-31T00:00:00Z.");
      }
      if (auto signer = net::Signer::FromStandardSecret(secret.text); !signer.ok()) {
        errors_.push_back({"signing_secrets", signer.error().what});
        return;
      }
      o_.signing_secrets.push_back(std::move(secret));
    }
    const bool signs = !bound_.Text("signing_secrets").empty();
    if (signs && bound_.List("signing_secrets").empty()) Fail("signing_secrets", "is set but holds no secret.");
    if (signs && o_.gzip && !bound_.Bool("compression_signed")) {
      Fail("compression",
           "is gzip and signing_secrets is set: the common verifiers cannot check a compressed body. Set "
           "compression_signed=true if this receiver verifies before it unpacks, or drop one of the two.");
    }
  }

  void Handshake() {
    const std::string& mode = bound_.Text("handshake");
    o_.handshake = mode == "required"   ? HandshakeMode::kRequired
                   : mode == "optional" ? HandshakeMode::kOptional
                                        : HandshakeMode::kOff;
    o_.ce_origin = bound_.Text("ce_origin");
    const bool off = o_.handshake == HandshakeMode::kOff;
    if (off && !o_.ce_origin.empty() && !HasPlaceholder(mode))
      Fail("ce_origin", "belongs to the handshake, which is off. Set handshake to optional or required.");
    if (off) return;
    if (o_.ce_origin.empty()) o_.ce_origin = HostName();
    const auto is_name = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.';
    };
    if (!HasPlaceholder(o_.ce_origin) && !std::ranges::all_of(o_.ce_origin, is_name))
      Fail("ce_origin", "must be a DNS name that identifies this system, such as events.example.com.");
  }

  static std::string HostName() {
    char name[256] = {};
    return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "headgate";
  }

  void ClientCredentials() {
    OAuth2 oauth2;
    oauth2.client_id = Needed("auth_client_id", "auth=oauth2");
    oauth2.client_secret = Needed("auth_client_secret", "auth=oauth2");
    oauth2.scope = bound_.Text("auth_scope");
    oauth2.audience = bound_.Text("auth_audience");
    const std::string url = Needed("auth_token_url", "auth=oauth2");
    if (Known("auth_token_url")) {
      auto parsed = net::ParseUrl(url);
      if (!parsed.ok()) {
        errors_.push_back({"auth_token_url", "Setting \"auth_token_url\": " + parsed.error().what});
      } else {
        oauth2.token_url = *std::move(parsed);
        if (!oauth2.token_url.tls && !bound_.Bool("allow_http"))
          Fail("auth_token_url", "is plain http, and allow_http is false. Use https, or allow it.");
      }
    }
    if (const std::string shown = bound_.Shown("auth_client_secret"); HasPlaceholder(shown))
      o_.credential_shown = shown;
    o_.oauth2 = std::move(oauth2);
  }

  const Bound& bound_;
  Options& o_;
  std::vector<config::KeyError>& errors_;
};

}  // namespace

std::string_view ContentTypeOf(Envelope envelope) {
  if (envelope == Envelope::kCloudEvent) return "application/cloudevents+json; charset=utf-8";
  return envelope == Envelope::kCloudEventBatch ? "application/cloudevents-batch+json" : "application/json";
}

ReadOptions Read(const config::Bound& bound) {
  ReadOptions out;
  Reader(bound, out).Everything();
  return out;
}

}  // namespace headgate::webhook
