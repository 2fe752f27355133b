#include "sinks/search/spec.h"

#include "core/config/option_builders.h"

namespace headgate::search {
namespace {

using config::Choice;
using config::Defaulted;
using config::Number;
using config::Option;
using config::Optional;
using config::OptionType;
using config::Required;
using config::WithExample;

std::vector<Option> ServerOptions() {
  constexpr std::string_view kGroup = "Server";
  Option url = Required("url", OptionType::kString, kGroup, "Address",
                        "Where the server answers: http or https, host and port.", "https://search.example.com:9200");
  url.secret_target = true;
  return {
      std::move(url),
      Choice("auth", "none", {"none", "basic", "bearer"}, kGroup, "Authentication", "How requests sign in."),
      Optional("auth_username", OptionType::kString, kGroup, "User", "For auth=basic."),
      Optional("auth_password", OptionType::kPassword, kGroup, "Password", "For auth=basic."),
      Optional("auth_token", OptionType::kPassword, kGroup, "Token", "For auth=bearer."),
      Number("timeout_ms", "60000", 1, 3'600'000, kGroup, "Timeout", "Longest time of a whole request."),
      Number("connect_timeout_ms", "5000", 1, 600'000, kGroup, "Connect timeout",
             "Longest time of the look-up and the connect."),
      Defaulted("tls_verify", OptionType::kBoolean, "true", kGroup, "Verify TLS",
                "Whether the certificate and the host name are verified."),
      Defaulted("tls_ca_file", OptionType::kString, "system", kGroup, "CA file",
                "PEM file of the CAs to trust instead of the system's."),
      Optional("tls_cert_file", OptionType::kString, kGroup, "Client certificate",
               "PEM file of the client certificate, the leaf first."),
      Optional("tls_key_file", OptionType::kString, kGroup, "Client key", "PEM file of the client certificate's key."),
  };
}

std::vector<Option> IndexOptions() {
  constexpr std::string_view kGroup = "Index";
  return {
      WithExample(
          Defaulted("index", OptionType::kString, "${table}", kGroup, "Index",
                    "The alias that readers use, with ${table}, ${schema} or ${stream} for the names of the "
                    "stream. The documents lie in an index of that name and -v1, which is made from the schema."),
          "orders"),
      Choice("dynamic", "strict", {"strict", "false"}, kGroup, "Dynamic mapping",
             "What the index does with fields that it does not know."),
      Number("gc_deletes_ms", "900000", 60'000, 86'400'000, kGroup, "Tombstones",
             "How long the server remembers deleted documents. At least three times timeout_ms."),
      Choice("on_truncate", "stop", {"stop", "ignore"}, kGroup, "On truncate",
             "What a TRUNCATE leads to. Deleting the documents is not available in this version."),
  };
}

std::vector<Option> DeliveryOptions() {
  constexpr std::string_view kGroup = "Delivery";
  return {
      Number("batch_docs_max", "2000", 1, 100'000, kGroup, "Batch, documents", "Most documents in a request."),
      Number("batch_bytes_max", "5242880", 1, 100 << 20, kGroup, "Batch, bytes",
             "Most bytes of a request before compression; a larger document goes alone."),
      Number("batch_delay_ms_max", "200", 0, 60'000, kGroup, "Batch, delay",
             "How long a document waits for others of its request."),
      Number("document_bytes_max", "10485760", 1, 100 << 20, kGroup, "Document, bytes",
             "A larger document becomes a dead letter."),
      Choice("compression", "gzip", {"gzip", "none"}, kGroup, "Compression", "Compression of requests."),
      Choice("refresh", "false", {"false", "true", "wait_for"}, kGroup, "Refresh",
             "Whether a request waits until searches see it; for tests and small tables."),
  };
}

config::ComponentSpec Make() {
  config::ComponentSpec spec{"SearchSink", {"search"}, config::ComponentKind::kSink, {}, {}};
  for (auto* group : {&ServerOptions, &IndexOptions, &DeliveryOptions}) {
    for (Option& option : group()) spec.options.push_back(std::move(option));
  }
  return spec;
}

}  // namespace

const config::ComponentSpec& Spec() {
  static const config::ComponentSpec spec = Make();
  return spec;
}

}  // namespace headgate::search
