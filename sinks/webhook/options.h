#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/codec/debezium_options.h"
#include "core/codec/event_type.h"
#include "core/codec/flat_row.h"
#include "core/codec/native_value.h"
#include "core/codec/outbox.h"
#include "core/config/spec.h"
#include "core/model/change.h"
#include "core/net/tls_context.h"
#include "core/net/url.h"
#include "core/pipeline/filter.h"
#include "sinks/webhook/outcome.h"

// The settings of one sink, typed and checked across keys. Everything else of the folder reads this, never the map.
namespace headgate::webhook {

enum class Format : std::uint8_t { kNative, kDebezium, kRow };
enum class Envelope : std::uint8_t { kPlain, kStandard, kCloudEvent, kCloudEventBinary, kCloudEventBatch };
constexpr bool IsCloudEvent(Envelope envelope) { return envelope >= Envelope::kCloudEvent; }
// Of a request.
std::string_view ContentTypeOf(Envelope envelope);
enum class HandshakeMode : std::uint8_t { kOff, kOptional, kRequired };
enum class Ordering : std::uint8_t { kKey, kTable, kAll, kNone };
enum class OnFailure : std::uint8_t { kBlockKey, kBlockAll, kDeadLetter };
enum class AfterDeadLetter : std::uint8_t { kFollow, kPark };

struct SigningSecret {
  std::string text;                        // whsec_...
  std::optional<std::int64_t> expires_us;  // Unix time
};

struct Header {
  std::string name;
  std::string value;
  bool secret = false;  // shown as [hidden]
};

// Client credentials for a token endpoint (W11).
struct OAuth2 {
  net::Url token_url;
  std::string client_id;
  std::string client_secret;
  std::string scope;
  std::string audience;
};

// HMAC over the body in a hex header of its own (W11).
struct LegacyHmac {
  std::string header;
  std::string prefix;
  std::string secret;
};

struct Options {
  using Ms = std::chrono::milliseconds;

  net::Url url;
  std::string shown_url;     // without what may be secret
  std::string shown_target;  // path and query of it
  Format format = Format::kNative;
  Envelope envelope = Envelope::kPlain;
  codec::NativeOptions native;
  codec::DebeziumOptions debezium;
  codec::FlatOptions flat;  // of kRow
  codec::OutboxOptions outbox;
  std::array<bool, 16> ops{};  // by Op
  std::vector<codec::TypePiece> type_template;
  std::string type_prefix;
  std::string ce_source;                 // "": by source or view
  std::string schema_base_url;           // "": events name no schema
  std::shared_ptr<const Filter> filter;  // null: everything

  Ordering ordering = Ordering::kKey;
  std::vector<std::string> order_by;  // empty: the stream's key
  std::size_t parallelism = 8;
  OnFailure on_failure = OnFailure::kBlockKey;
  AfterDeadLetter after_dead_letter = AfterDeadLetter::kFollow;
  StatusSet non_retryable;

  Ms memory_retry{300'000};
  std::uint64_t store_bytes_max = 1 << 30;
  std::vector<Ms> retry_schedule;
  Ms retry_after_cap{3'600'000};
  std::uint32_t breaker_failures = 10;
  Ms breaker_open_max{300'000};
  double request_rate_max = 0;  // per second; 0: unlimited

  std::size_t batch_events_max = 1;
  std::size_t batch_bytes_max = 1 << 20;
  Ms batch_delay_max{50};
  bool batch_item_results = false;
  bool batched() const { return batch_events_max > 1; }

  int timeout_ms = 30'000;
  int connect_timeout_ms = 5'000;
  std::size_t event_bytes_max = 1 << 20;
  bool gzip = false;

  std::vector<SigningSecret> signing_secrets;
  std::optional<LegacyHmac> hmac;
  std::optional<OAuth2> oauth2;
  HandshakeMode handshake = HandshakeMode::kOff;
  std::string ce_origin;         // who asks in the handshake
  std::vector<Header> headers;   // of `auth` and header.<Name>, in the order they are sent
  std::string credential_shown;  // the placeholder behind the credential, for hints; "" if none
  bool idempotency_key_header = false;

  net::TlsOptions tls;
};

struct ReadOptions {
  Options options;                       // complete only if there are no errors
  std::vector<config::KeyError> errors;  // per key
};

// Values that still hold a placeholder pass every check of their content (validate without resolution).
ReadOptions Read(const config::Bound& bound);

}  // namespace headgate::webhook
