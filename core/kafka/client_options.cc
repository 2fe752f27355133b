#include "core/kafka/client_options.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>

#include "core/config/option_builders.h"
#include "core/config/secrets.h"

namespace headgate::kafka {
namespace {

using config::Choice;
using config::Defaulted;
using config::Option;
using config::Optional;
using config::OptionType;
using config::Required;

constexpr int kScramFixed = 0x020601ff;  // librdkafka 2.6.1

// What the settings of this file stand for.
constexpr auto kOwned = std::to_array<std::string_view>(
    {"bootstrap.servers", "metadata.broker.list", "security.protocol", "sasl.mechanism", "sasl.mechanisms",
     "sasl.username", "sasl.password", "enable.ssl.certificate.verification", "ssl.ca.location",
     "ssl.certificate.location", "ssl.key.location", "client.id"});

bool IsBroker(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view port = text.substr(colon + 1);
  return !port.empty() && port.size() <= 5 && std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::vector<Option> ClientSpec() {
  constexpr std::string_view kGroup = "Cluster";
  Option brokers = Required("brokers", OptionType::kList, kGroup, "Brokers",
                            "Some brokers of the cluster, host:port, separated by commas; the others are found through "
                            "them.",
                            "kafka-1.example.com:9092,kafka-2.example.com:9092");
  brokers.secret_target = true;
  return {
      std::move(brokers),
      Choice("security_protocol", "plaintext", {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"}, kGroup,
             "Security protocol", "Whether connections are encrypted (ssl), and whether they sign in (sasl)."),
      Choice("sasl_mechanism", "SCRAM-SHA-512", {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}, kGroup, "SASL mechanism",
             "How connections sign in, where security_protocol has them do so."),
      Optional("sasl_username", OptionType::kString, kGroup, "User", "The account that signs in."),
      Optional("sasl_password", OptionType::kPassword, kGroup, "Password",
               "Its password; better a placeholder than the text itself."),
      Defaulted("tls_verify", OptionType::kBoolean, "true", kGroup, "Verify TLS",
                "Whether certificates and host names of brokers are verified."),
      Defaulted("tls_ca_file", OptionType::kString, "system", kGroup, "CA file",
                "PEM file of the CAs to trust instead of the system's."),
      Optional("tls_cert_file", OptionType::kString, kGroup, "Client certificate",
               "PEM file of the client certificate, the leaf first."),
      Optional("tls_key_file", OptionType::kString, kGroup, "Client key", "PEM file of the client certificate's key."),
      Defaulted("client_id", OptionType::kString, "headgate", kGroup, "Client id",
                "The name that the cluster's logs and quotas know us by. What librdkafka can be told beyond these "
                "settings is given by its own names, such as librdkafka.socket.keepalive.enable=true."),
  };
}

ClientOptions ReadClient(const config::Bound& bound, const std::vector<std::string_view>& owned,
                         std::vector<config::KeyError>& errors) {
  const auto fail = [&](std::string_view key, std::string_view text) {
    errors.push_back({std::string(key), "Setting \"" + std::string(key) + "\" " + std::string(text)});
  };
  const auto known = [&](std::string_view key) {
    return !bound.Text(key).empty() && !config::HasPlaceholder(bound.Text(key));
  };
  ClientOptions o;
  o.brokers = bound.Text("brokers");
  if (known("brokers")) {
    const std::vector<std::string> list = bound.List("brokers");
    if (list.empty() || !std::ranges::all_of(list, IsBroker))
      fail("brokers", "must be a comma list of host:port, such as kafka-1.example.com:9092.");
  }
  o.security_protocol = bound.Text("security_protocol");
  o.sasl_mechanism = bound.Text("sasl_mechanism");
  o.sasl_username = bound.Text("sasl_username");
  o.sasl_password = bound.Text("sasl_password");
  if (o.security_protocol.starts_with("sasl_")) {
    if (o.sasl_username.empty())
      fail("sasl_username", "is missing: security_protocol=" + o.security_protocol + " needs it.");
    if (o.sasl_password.empty())
      fail("sasl_password", "is missing: security_protocol=" + o.security_protocol + " needs it.");
  } else if (!o.sasl_username.empty()) {
    fail("security_protocol", "is " + o.security_protocol +
                                  ", which does not sign in: with sasl_username it has to be "
                                  "sasl_ssl or sasl_plaintext.");
  }
  o.tls_verify = bound.Bool("tls_verify");
  o.tls_ca_file = bound.Text("tls_ca_file");
  o.tls_cert_file = bound.Text("tls_cert_file");
  o.tls_key_file = bound.Text("tls_key_file");
  if (o.tls_cert_file.empty() != o.tls_key_file.empty())
    fail(o.tls_cert_file.empty() ? "tls_cert_file" : "tls_key_file", "is missing: a certificate goes with its key.");
  o.client_id = bound.Text("client_id");
  for (const auto& [name, value] : bound.WithPrefix(kPropertyPrefix)) {
    const std::string key = std::string(kPropertyPrefix) + name;
    if (std::ranges::find(kOwned, name) != kOwned.end() || std::ranges::find(owned, name) != owned.end()) {
      fail(key, "may not be set: a setting of Headgate decides it.");
    } else {
      o.properties[name] = value;
    }
  }
  return o;
}

bool CanSignIn(std::string_view mechanism) {
  return !mechanism.starts_with("SCRAM-") || rd_kafka_version() >= kScramFixed;
}

std::string LibraryVersion() { return rd_kafka_version_str(); }

}  // namespace headgate::kafka
