#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/spec.h"

// What connectors and sinks that speak to an Apache Kafka cluster have in common: where it is and who we are there.
namespace headgate::kafka {

struct ClientOptions {
  std::string brokers;            // host:port, comma list
  std::string security_protocol;  // plaintext, ssl, sasl_plaintext, sasl_ssl
  std::string sasl_mechanism;     // PLAIN, SCRAM-SHA-256, SCRAM-SHA-512
  std::string sasl_username;
  std::string sasl_password;
  bool tls_verify = true;
  std::string tls_ca_file;  // "system" or a file
  std::string tls_cert_file;
  std::string tls_key_file;
  std::string client_id;
  std::map<std::string, std::string> properties;  // of the library, by its own names: what librdkafka.* gave
};

// Settings beginning so are handed to the library as they are, without it.
inline constexpr std::string_view kPropertyPrefix = "librdkafka.";

// The options of the group "Cluster".
std::vector<config::Option> ClientSpec();

// Appends what is wrong. Values that still hold a placeholder pass every check of their content. `owned` are the
// properties of the library that the caller sets itself, beside those that the settings above stand for.
ClientOptions ReadClient(const config::Bound& bound, const std::vector<std::string_view>& owned,
                         std::vector<config::KeyError>& errors);

// True if the library that this program has can sign in so: SCRAM against Apache Kafka 4 needs 2.6.1 (docs/adr/0027).
bool CanSignIn(std::string_view mechanism);
// "2.12.0"
std::string LibraryVersion();

}  // namespace headgate::kafka
