#include "sinks/webhook/spec.h"

#include "core/pipeline/event_transforms.h"
#include "core/pipeline/message_options.h"
#include "core/pipeline/rendering_options.h"

namespace headgate::webhook {
namespace {

using config::Importance;
using config::Option;
using config::OptionType;

constexpr std::string_view kDefaultSchedule = "5s,5m,30m,2h,5h,10h,14h,20h,24h";

// What most options need; the rest is set on the returned value.
Option Of(std::string_view name, OptionType type, std::string_view group, std::string_view help) {
  Option option;
  option.name = name;
  option.type = type;
  option.group = group;
  option.help = help;
  return option;
}
Option Defaulted(std::string_view name, OptionType type, std::string_view group, std::string_view value,
                 std::string_view help) {
  Option option = Of(name, type, group, help);
  option.default_value = value;
  option.has_default = true;
  return option;
}
Option Choice(std::string_view name, std::string_view group, std::vector<std::string_view> choices,
              std::string_view help) {
  Option option = Defaulted(name, OptionType::kString, group, choices.front(), help);
  option.choices = std::move(choices);
  return option;
}
Option Number(std::string_view name, OptionType type, std::string_view group, std::string_view value,
              std::int64_t least, std::int64_t most, std::string_view help) {
  Option option = Defaulted(name, type, group, value, help);
  option.minimum = least;
  option.maximum = most;
  return option;
}
Option Flag(std::string_view name, std::string_view group, std::string_view value, std::string_view help) {
  return Defaulted(name, OptionType::kBoolean, group, value, help);
}
Option Example(Option option, std::string_view example) {
  option.example = example;
  return option;
}

void AddEndpoint(std::vector<Option>& out) {
  constexpr std::string_view kGroup = "Endpoint";
  Option url = Of("url", OptionType::kString, kGroup,
                  "Where requests are sent by POST: http or https, without user and password.");
  url.required = true;
  url.importance = Importance::kHigh;
  url.example = "https://api.example.com/hook";
  url.secret_target = true;
  out.push_back(url);
  out.push_back(Number("timeout_ms", OptionType::kInt, kGroup, "30000", 1, 3'600'000,
                       "Longest time of a whole request; 15000 to 30000 is recommended."));
  out.push_back(Number("connect_timeout_ms", OptionType::kInt, kGroup, "5000", 1, 600'000,
                       "Longest time of the look-up and the connect."));
  out.push_back(Flag("allow_http", kGroup, "true", "Whether url may be plain http."));
  out.push_back(
      Number("parallelism", OptionType::kInt, kGroup, "8", 1, 256, "Most requests in flight, of different keys."));
  out.push_back(Example(
      Of("request_rate_max", OptionType::kDouble, kGroup, "Most requests a second; unlimited if not set."), "100"));
  out.push_back(Flag("tls_verify", kGroup, "true",
                     "Whether the certificate and the host name are verified. false is a standing warning."));
  out.push_back(Defaulted("tls_ca_file", OptionType::kString, kGroup, "system",
                          "PEM file of the CAs to trust instead of the system's."));
  out.push_back(
      Of("tls_cert_file", OptionType::kString, kGroup, "PEM file of the client certificate, the leaf first."));
  out.push_back(Of("tls_key_file", OptionType::kString, kGroup, "PEM file of the client certificate's key."));
}

void Append(std::vector<Option>& out, std::vector<Option> more) {
  for (Option& option : more) out.push_back(std::move(option));
}

void AddContent(std::vector<Option>& out) {
  constexpr std::string_view kGroup = "Content";
  out.push_back(
      Choice("format", kGroup, {"native", "debezium", "row"}, "How a change is rendered; row: the row alone."));
  out.push_back(Choice("envelope", kGroup,
                       {"plain", "standard", "cloudevents-binary", "cloudevents", "cloudevents-batch"},
                       "What goes around the rendering; cloudevents-batch only if the receiver asked for batches."));
  Append(out, NativeRenderingSpec(kGroup));
  Option ops =
      Defaulted("ops", OptionType::kList, kGroup, "insert,update,delete,read,truncate", "Which operations are sent.");
  ops.choices = {"insert", "update", "delete", "read", "truncate", "message", "schema", "snapshot", "gap"};
  out.push_back(ops);
  out.push_back(Defaulted("type_template", OptionType::kString, kGroup, "<table>.<verb>",
                          "The type in envelope=standard: text with <source>, <schema>, <table>, <op> and <verb>."));
  out.push_back(Defaulted("type_prefix", OptionType::kString, kGroup, "", "Goes before the type in CloudEvents."));
  out.push_back(Example(Defaulted("filter", OptionType::kString, kGroup, "",
                                  "Which records are sent: an expression over the native rendering."),
                        "op = insert and after.status in (open, paid)"));
  out.push_back(Number("event_bytes_max", OptionType::kLong, kGroup, "1048576", 1, 1 << 30,
                       "A larger event becomes a dead letter; it is never cut."));
  out.push_back(Choice("compression", kGroup, {"none", "gzip"}, "Compression of the body."));
  out.push_back(
      Flag("compression_signed", kGroup, "false", "The receiver verifies signatures before it unpacks a gzip body."));
  out.push_back(Flag("idempotency_key_header", kGroup, "false", "Also send Idempotency-Key, equal to webhook-id."));
  out.push_back(Choice("handshake", kGroup, {"off", "optional", "required"},
                       "CloudEvents abuse protection: whether the endpoint has to consent before anything is sent."));
  out.push_back(
      Of("ce_origin", OptionType::kString, kGroup, "Our name in the CloudEvents handshake; the host name if not set."));
  out.push_back(Of("ce_source", OptionType::kString, kGroup,
                   "The source attribute of CloudEvents; /headgate/<source or view> if not set."));
  out.push_back(Example(Of("schema_base_url", OptionType::kString, kGroup,
                           "Before stream and version in the dataschema attribute of CloudEvents; none if not set."),
                        "https://example.com/schemas"));
}

void AddDelivery(std::vector<Option>& out) {
  constexpr std::string_view kGroup = "Delivery";
  out.push_back(Choice("ordering", kGroup, {"key", "table", "all", "none"},
                       "What is kept in order: each key, each table, everything, nothing."));
  out.push_back(Example(Of("order_by", OptionType::kList, kGroup,
                           "Columns whose values are the key of the order, instead of the stream's key."),
                        "customer_id"));
  out.push_back(Choice("on_failure", kGroup, {"block_key", "block_all", "dead_letter"},
                       "What waits while an event cannot be delivered."));
  out.push_back(Choice("after_dead_letter", kGroup, {"follow", "park"},
                       "Whether later events of the key go on after a dead letter."));
  out.push_back(Example(
      Of("non_retryable", OptionType::kList, kGroup, "Statuses that make an event a dead letter at once."), "400,422"));
  out.push_back(Number("memory_retry_ms", OptionType::kLong, kGroup, "300000", 0, 86'400'000,
                       "How long an event is retried before it goes to the dead-letter store."));
  out.push_back(Number("store_bytes_max", OptionType::kLong, kGroup, "1073741824", 0, std::int64_t{1} << 50,
                       "Most bytes in the dead-letter store; when it is full the sink waits."));
  out.push_back(Defaulted("retry_schedule", OptionType::kList, kGroup, kDefaultSchedule,
                          "Waits before the attempts from the store, with units ms, s, m, h, d."));
  out.push_back(Number("retry_after_cap_ms", OptionType::kLong, kGroup, "3600000", 0, 604'800'000,
                       "Longest wait that Retry-After can ask for."));
  out.push_back(Number("breaker_failures", OptionType::kInt, kGroup, "10", 1, 1'000'000,
                       "Failures in a row that open the breaker."));
  out.push_back(Number("breaker_open_ms_max", OptionType::kLong, kGroup, "300000", 1, 86'400'000,
                       "Longest wait between probes of an open breaker."));
  out.push_back(Number("batch_events_max", OptionType::kInt, kGroup, "1", 1, 10'000,
                       "Most events in a request; 1 is no batches."));
  out.push_back(Number("batch_bytes_max", OptionType::kLong, kGroup, "1048576", 1, 16 << 20,
                       "Most bytes of a batch; a larger event goes alone."));
  out.push_back(Number("batch_delay_ms_max", OptionType::kLong, kGroup, "50", 0, 60'000,
                       "How long an event waits for others of its batch."));
  out.push_back(Flag("batch_item_results", kGroup, "false", "A 2xx answer may name events of the batch that failed."));
}

void AddAuthentication(std::vector<Option>& out) {
  constexpr std::string_view kGroup = "Authentication";
  Option auth = Defaulted("auth", OptionType::kList, kGroup, "none",
                          "basic, bearer, header, oauth2 (client credentials), or several.");
  auth.choices = {"none", "basic", "bearer", "header", "oauth2"};
  out.push_back(auth);
  out.push_back(Of("auth_username", OptionType::kString, kGroup, "For auth=basic."));
  out.push_back(Of("auth_password", OptionType::kPassword, kGroup, "For auth=basic."));
  out.push_back(Of("auth_token", OptionType::kPassword, kGroup, "For auth=bearer."));
  out.push_back(
      Example(Of("auth_header", OptionType::kString, kGroup, "For auth=header: the header's name."), "X-Api-Key"));
  out.push_back(Of("auth_value", OptionType::kPassword, kGroup, "For auth=header: the header's value."));
  out.push_back(Example(Of("auth_token_url", OptionType::kString, kGroup, "For auth=oauth2: the token endpoint."),
                        "https://login.example.com/token"));
  out.back().secret_target = true;
  out.push_back(Of("auth_client_id", OptionType::kString, kGroup, "For auth=oauth2."));
  out.push_back(Of("auth_client_secret", OptionType::kPassword, kGroup, "For auth=oauth2."));
  out.push_back(Of("auth_scope", OptionType::kString, kGroup, "For auth=oauth2: the scope that is asked for, if any."));
  out.push_back(
      Of("auth_audience", OptionType::kString, kGroup, "For auth=oauth2: the audience that is asked for, if any."));
  out.push_back(Defaulted("hmac_header", OptionType::kString, kGroup, "X-Signature-256",
                          "Header of the hex HMAC over the body; sent if hmac_secret is set."));
  out.push_back(Defaulted("hmac_prefix", OptionType::kString, kGroup, "sha256=", "Text before the hex digits."));
  out.push_back(Of("hmac_secret", OptionType::kPassword, kGroup, "Key of the hex HMAC."));
  out.push_back(
      Example(Of("signing_secrets", OptionType::kPassword, kGroup,
                 "Comma list of whsec_... secrets (v1) and whsk_... keys (v1a, Ed25519) of Standard Webhooks, "
                 "each with @<RFC 3339 time> behind it if it expires. All valid ones sign."),
              "${directory:/run/secrets:hook}"));
}

config::ComponentSpec Make() {
  config::ComponentSpec spec{"WebhookSink", {"webhook"}, config::ComponentKind::kSink, {}, {"header."}};
  AddEndpoint(spec.options);
  AddContent(spec.options);
  Append(spec.options, DebeziumRenderingSpec());
  Append(spec.options, SinkTransformSpec(SinkTransforms::kColumns));
  Append(spec.options,
         FlatRowSpec("skip",
                     "Of format=row. skip: nothing is sent of a row that went. rewrite: the row as it was, "
                     "as far as the source tells; every row has the member __deleted, true or false."));
  Append(spec.options, OutboxSpec(OutboxTarget::kEndpoint));
  AddDelivery(spec.options);
  AddAuthentication(spec.options);
  return spec;
}

}  // namespace

const config::ComponentSpec& Spec() {
  static const config::ComponentSpec spec = Make();
  return spec;
}

}  // namespace headgate::webhook
