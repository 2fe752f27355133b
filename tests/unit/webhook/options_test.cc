#include "sinks/webhook/options.h"

#include <gtest/gtest.h>

#include "sinks/webhook/hints.h"
#include "tests/unit/webhook/settings.h"

namespace headgate::webhook {
namespace {

constexpr const char* kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

std::string DefaultOf(std::string_view key) {
  const config::Option* option = config::FindOption(Spec(), key);
  if (option == nullptr) return "(no such key)";
  return option->has_default ? std::string(option->default_value) : "(unset)";
}

TEST(WebhookSettings, EveryKeyOfTheContractHasItsDefault) {
  const std::pair<const char*, const char*> kDefaults[] = {{"url", "(unset)"},
                                                           {"format", "native"},
                                                           {"envelope", "plain"},
                                                           {"ops", "insert,update,delete,read,truncate"},
                                                           {"type_template", "<table>.<verb>"},
                                                           {"type_prefix", ""},
                                                           {"filter", ""},
                                                           {"ordering", "key"},
                                                           {"order_by", "(unset)"},
                                                           {"parallelism", "8"},
                                                           {"on_failure", "block_key"},
                                                           {"after_dead_letter", "follow"},
                                                           {"non_retryable", "(unset)"},
                                                           {"auth", "none"},
                                                           {"signing_secrets", "(unset)"},
                                                           {"handshake", "off"},
                                                           {"ce_origin", "(unset)"},
                                                           {"ce_source", "(unset)"},
                                                           {"request_rate_max", "(unset)"},
                                                           {"memory_retry_ms", "300000"},
                                                           {"store_bytes_max", "1073741824"},
                                                           {"retry_schedule", "5s,5m,30m,2h,5h,10h,14h,20h,24h"},
                                                           {"retry_after_cap_ms", "3600000"},
                                                           {"breaker_failures", "10"},
                                                           {"breaker_open_ms_max", "300000"},
                                                           {"batch_events_max", "1"},
                                                           {"batch_bytes_max", "1048576"},
                                                           {"batch_delay_ms_max", "50"},
                                                           {"batch_item_results", "false"},
                                                           {"timeout_ms", "30000"},
                                                           {"connect_timeout_ms", "5000"},
                                                           {"event_bytes_max", "1048576"},
                                                           {"compression", "none"},
                                                           {"tls_verify", "true"},
                                                           {"tls_ca_file", "system"},
                                                           {"tls_cert_file", "(unset)"},
                                                           {"tls_key_file", "(unset)"},
                                                           {"allow_http", "true"},
                                                           {"idempotency_key_header", "false"}};
  for (const auto& [key, value] : kDefaults) EXPECT_EQ(DefaultOf(key), value) << key;
  EXPECT_TRUE(config::MeansClass(Spec(), "webhook"));
  EXPECT_TRUE(config::MeansClass(Spec(), "WebhookSink"));
}

TEST(WebhookSettings, TheDefaultsAreTypedAsTheContractSays) {
  const ReadOptions read = ReadSettings({});
  ASSERT_TRUE(read.errors.empty()) << read.errors.front().text;
  const Options& o = read.options;
  EXPECT_EQ(o.memory_retry, std::chrono::minutes(5));
  EXPECT_EQ(o.retry_schedule.size(), 9U);
  EXPECT_EQ(o.retry_schedule.back(), std::chrono::hours(24));
  EXPECT_EQ(o.store_bytes_max, 1ULL << 30);
  EXPECT_FALSE(o.batched());
  EXPECT_TRUE(o.tls.ca_file.empty());
  for (const Op op : {Op::kInsert, Op::kUpdate, Op::kDelete, Op::kRead, Op::kTruncate})
    EXPECT_TRUE(o.ops[static_cast<std::size_t>(op)]);
  for (const Op op : {Op::kMessage, Op::kSchema, Op::kSnapshot, Op::kGap})
    EXPECT_FALSE(o.ops[static_cast<std::size_t>(op)]);
}

// tidy: long because it is a table
TEST(WebhookSettings, BadSettingsAreErrorsOfTheirKey) {
  struct Row {
    config::FlatConfig settings;
    std::string key;
    std::string says;
  };
  const Row rows[] = {
      {{{"url", "ftp://example.com/"}}, "url", "Setting \"url\""},
      {{{"url", "http://user:pw@example.com/"}}, "url", ""},
      {{{"url", "http://0x7f.1/"}}, "url", ""},
      {{{"url", "http://example.com/"}, {"allow_http", "false"}}, "url", "allow_http"},
      {{{"envelope", "cloudevents"}, {"batch_events_max", "10"}}, "envelope", "cloudevents-batch"},
      {{{"envelope", "cloudevents-binary"}, {"batch_events_max", "10"}}, "envelope", "cloudevents-batch"},
      {{{"envelope", "cloudevents-batch"}}, "envelope", "batch_events_max"},
      {{{"envelope", "cloudevents"}, {"format", "debezium"}}, "envelope", "format=native"},
      {{{"envelope", "cloudevents"}, {"format", "row"}}, "envelope", "format=native"},
      {{{"add_fields", "op"}}, "add_fields", "only with format=row"},
      {{{"outbox_tables", "outbox"}}, "outbox_tables", "schema.table"},
      {{{"outbox_tables", "a.b"}, {"envelope", "standard"}}, "outbox_tables", "envelope=plain"},
      {{{"outbox_tables", "a.b"}, {"batch_events_max", "2"}}, "outbox_tables", "no batches"},
      {{{"outbox_tables", "a.b"}, {"outbox_headers", "a:b c"}}, "outbox_headers", "no name of a header"},
      {{{"mask_columns", "x"}}, "mask_columns", "schema.table.column"},
      {{{"envelope", "cloudevents"}, {"ce_source", "my shop"}}, "ce_source", "URI reference"},
      {{{"envelope", "cloudevents"}, {"type_prefix", "com example"}}, "type_prefix", "com.example"},
      {{{"ce_source", "/shop"}}, "ce_source", "CloudEvents envelopes"},
      {{{"handshake", "required"}, {"ce_origin", "not a name"}}, "ce_origin", "DNS name"},
      {{{"ce_origin", "x.example"}}, "ce_origin", "handshake"},
      {{{"auth", "oauth2"}, {"auth_client_id", "a"}, {"auth_client_secret", "b"}}, "auth_token_url", "missing"},
      {{{"auth", "oauth2"},
        {"auth_client_id", "a"},
        {"auth_client_secret", "b"},
        {"auth_token_url", "http://user@127.0.0.1/"}},
       "auth_token_url",
       ""},
      {{{"type_prefix", "com.example"}}, "type_prefix", "CloudEvents envelopes"},
      {{{"signing_secrets", "whsk_AAAA"}}, "signing_secrets", "must hold 32 bytes"},
      {{{"signing_secrets", "whsec_AAAA"}}, "signing_secrets", "24 to 64"},
      {{{"signing_secrets", "secret"}}, "signing_secrets", "whsec_"},
      {{{"signing_secrets", std::string(kSecret) + "@tomorrow"}}, "signing_secrets", "RFC 3339"},
      {{{"signing_secrets", " , "}}, "signing_secrets", "no secret"},
      {{{"compression", "gzip"}, {"signing_secrets", kSecret}}, "compression", "compression_signed"},
      {{{"filter", "op = = insert"}}, "filter", "column"},
      {{{"type_template", "<tabel>.<verb>"}}, "type_template", "<table>"},
      {{{"type_template", "<table"}}, "type_template", "<table>"},
      {{{"retry_schedule", "5s,5"}}, "retry_schedule", "5s,5m"},
      {{{"non_retryable", "400,410"}}, "non_retryable", "410"},
      {{{"non_retryable", "500"}}, "non_retryable", "300 to 499"},
      {{{"non_retryable", "abc"}}, "non_retryable", ""},
      {{{"ops", "insert,upsert"}}, "ops", "upsert"},
      {{{"ops", ""}}, "ops", "no operation"},
      {{{"order_by", "id"}, {"ordering", "table"}}, "order_by", "ordering=key"},
      {{{"batch_item_results", "true"}}, "batch_item_results", "batch_events_max"},
      {{{"request_rate_max", "0"}}, "request_rate_max", "above 0"},
      {{{"auth", "basic"}, {"auth_password", "p"}}, "auth_username", "auth=basic"},
      {{{"auth", "basic"}, {"auth_username", "a:b"}, {"auth_password", "p"}}, "auth_username", "colon"},
      {{{"auth", "bearer"}}, "auth_token", "missing"},
      {{{"auth", "bearer"}, {"auth_token", "a\r\nX: y"}}, "auth_token", "control"},
      {{{"auth", "header"}, {"auth_header", "Host"}, {"auth_value", "x"}}, "auth_header", ""},
      {{{"auth", "none,bearer"}, {"auth_token", "x"}}, "auth", "none"},
      {{{"auth", "basic,bearer"}, {"auth_token", "x"}, {"auth_username", "u"}, {"auth_password", "p"}},
       "auth",
       "Choose one"},
      {{{"header.Host", "x"}}, "header.Host", ""},
      {{{"header.content-type", "x"}}, "header.content-type", ""},
      {{{"header.Webhook-Id", "x"}}, "header.Webhook-Id", ""},
      {{{"header.Connection", "close"}}, "header.Connection", ""},
      {{{"header.X Y", "x"}}, "header.X Y", ""},
      {{{"header.X-A", "x\r\nEvil: 1"}}, "header.X-A", "line end"},
      {{{"header.Authorization", "x"}, {"auth", "bearer"}, {"auth_token", "t"}}, "header.Authorization", "twice"},
      {{{"tls_cert_file", "/x.pem"}}, "tls_key_file", "both"},
      {{{"decimal.handling.mode", "exact"}, {"format", "debezium"}}, "decimal.handling.mode", ""},
      {{{"hmac_secret", "s"}, {"hmac_header", "webhook-id"}}, "hmac_header", ""},
  };
  for (const Row& row : rows) {
    const ReadOptions read = ReadSettings(row.settings);
    ASSERT_FALSE(read.errors.empty()) << row.key << " passed";
    EXPECT_EQ(read.errors.size(), 1U) << read.errors.front().text << " | " << read.errors.back().text;
    EXPECT_EQ(read.errors.front().key, row.key) << read.errors.front().text;
    EXPECT_NE(read.errors.front().text.find(row.says), std::string::npos) << read.errors.front().text;
    for (const char* secret : {"MfKQ9r8", "user:pw"})
      EXPECT_EQ(read.errors.front().text.find(secret), std::string::npos) << "shows a secret";
  }
}

TEST(WebhookSettings, ValuesThatAreStillPlaceholdersPass) {
  const ReadOptions read = ReadSettings({{"url", "${env:HOOK_URL}"},
                                         {"auth", "bearer"},
                                         {"auth_token", "${directory:/run/secrets:hook_token}"},
                                         {"signing_secrets", "${env:A},${env:B}"},
                                         {"header.X-Key", "${env:KEY}"}});
  EXPECT_TRUE(read.errors.empty()) << read.errors.front().text;
  EXPECT_EQ(read.options.credential_shown, "${directory:/run/secrets:hook_token}");
}

TEST(WebhookSettings, W4NonRetryableTakesStatusesAndClasses) {
  const ReadOptions read = ReadSettings({{"non_retryable", "3xx, 400 ,422"}});
  ASSERT_TRUE(read.errors.empty());
  EXPECT_TRUE(read.options.non_retryable.test(301));
  EXPECT_TRUE(read.options.non_retryable.test(422));
  EXPECT_FALSE(read.options.non_retryable.test(401));
}

TEST(WebhookHints, A401NamesTheSecretBehindTheCredential) {
  ReadOptions read = ReadSettings({{"auth", "bearer"}, {"auth_token", "${directory:/run/secrets:hook_token}"}});
  EXPECT_EQ(HintFor("status_4xx", 401, read.options),
            "The endpoint rejects our credentials. Check `auth` and the secret behind "
            "${directory:/run/secrets:hook_token}, then restart.");
  for (const char* error_class : {"connect", "resolve", "tls", "timeout", "guard", "broken", "too_large", "render"}) {
    EXPECT_FALSE(HintFor(error_class, 0, read.options).empty());
  }
  for (const int status : {301, 400, 403, 404, 405, 410, 413, 415, 418, 429, 500, 503})
    EXPECT_FALSE(HintFor("status_4xx", status, read.options).empty());
}

bool Has(const std::vector<Finding>& findings, std::string_view id, Finding::Level level) {
  return std::any_of(findings.begin(), findings.end(),
                     [&](const Finding& f) { return f.id == id && f.level == level; });
}

TEST(WebhookHints, W9AnUnverifiedCertificateIsNeverSilent) {
  const ReadOptions read = ReadSettings({{"url", "https://example.com/"}, {"tls_verify", "false"}});
  EXPECT_TRUE(Has(Findings({}, read.options), "tls_verify", Finding::Level::kWarning));
  const ReadOptions verified = ReadSettings({{"url", "https://example.com/"}});
  EXPECT_FALSE(Has(Findings({}, verified.options), "tls_verify", Finding::Level::kWarning));
}

TEST(WebhookHints, W12TheLastExpiryWarnsAWeekBefore) {
  const ReadOptions read = ReadSettings({{"signing_secrets", kSecret}});
  Health health;
  health.now_us = 1'772'600'800'000'000;
  health.last_expiry_us = health.now_us + 8LL * 86'400'000'000;
  EXPECT_FALSE(Has(Findings(health, read.options), "signing", Finding::Level::kWarning));
  health.last_expiry_us = health.now_us + 6LL * 86'400'000'000;
  EXPECT_TRUE(Has(Findings(health, read.options), "signing", Finding::Level::kWarning));
  health.last_expiry_us = health.now_us;
  EXPECT_TRUE(Has(Findings(health, read.options), "signing", Finding::Level::kError));
}

TEST(WebhookHints, AStoreThatFillsUpWarnsAndAFullOneIsAnError) {
  const ReadOptions read = ReadSettings({{"store_bytes_max", "1000"}});
  Health health;
  health.store_bytes = 799;
  EXPECT_FALSE(Has(Findings(health, read.options), "dead_letters", Finding::Level::kWarning));
  health.store_bytes = 800;
  EXPECT_TRUE(Has(Findings(health, read.options), "dead_letters", Finding::Level::kWarning));
  health.store_bytes = 1000;
  EXPECT_TRUE(Has(Findings(health, read.options), "dead_letters", Finding::Level::kError));
}

}  // namespace
}  // namespace headgate::webhook
