#include "core/kafka/client.h"

#include <array>

#include "core/base/diag.h"

namespace headgate::kafka {
namespace {

constexpr std::size_t kTextMax = 512;  // of the library's own words

// The library reports on threads of its own.
void OnLog(const rd_kafka_t* handle, int level, const char* facility, const char* text) {
  constexpr int kWarning = 4;  // of syslog
  if (level > kWarning) return;
  diag::Debug("kafka", "the client library",
              {{"client", rd_kafka_name(handle)}, {"facility", facility}, {"text", text}});
}

std::string_view HintFor(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
      return "Check sasl_username, sasl_password and sasl_mechanism, then restart";
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
      return "Check sasl_mechanism and what the brokers offer, then restart";
    case RD_KAFKA_RESP_ERR__SSL:
      return "Check security_protocol, tls_ca_file and the names in the brokers' certificates, then restart";
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return "Let the account describe, write and, if it is to make topics, create them (kafka-acls), then restart";
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      return "Let the account read this consumer group (kafka-acls), then restart";
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return "Let the account write and describe this transactional id (kafka-acls), or set "
             "delivery=at_least_once, then restart";
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return "Let the account do so (kafka-acls), then restart";
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
      return "Set transaction_timeout_ms to at most transaction.max.timeout.ms of the brokers, then restart";
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
      return "Another process uses the same transactional id. Stop one of the two, then restart this one";
    default:
      return "";
  }
}

}  // namespace

void Deleter::operator()(rd_kafka_t* handle) const {
  // What was not delivered is given up: it is produced again from the log.
  if (rd_kafka_type(handle) == RD_KAFKA_PRODUCER)
    rd_kafka_purge(handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

ErrorKind KindOf(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
      return ErrorKind::kRejected;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_SECURITY_DISABLED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
      return ErrorKind::kConfig;
    default:
      return ErrorKind::kTransient;
  }
}

Result<std::unique_ptr<Client>> Client::Open(const ClientOptions& options, rd_kafka_type_t type,
                                             const Properties& properties) {
  std::unique_ptr<Client> client(new Client(options));
  std::array<char, kTextMax> text{};
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  Status status = Ok();
  const auto set = [&](std::string_view name, const std::string& value, std::string_view setting) {
    if (!status.ok()) return;
    if (rd_kafka_conf_set(conf, std::string(name).c_str(), value.c_str(), text.data(), text.size()) != RD_KAFKA_CONF_OK)
      status = ConfigError("Setting \"" + std::string(setting) + "\" is not taken by librdkafka " + LibraryVersion() +
                           ": " + text.data());
  };
  set("bootstrap.servers", options.brokers, "brokers");
  set("security.protocol", options.security_protocol, "security_protocol");
  if (options.security_protocol.starts_with("sasl_")) {
    set("sasl.mechanisms", options.sasl_mechanism, "sasl_mechanism");
    set("sasl.username", options.sasl_username, "sasl_username");
    set("sasl.password", options.sasl_password, "sasl_password");
  }
  if (options.security_protocol.ends_with("ssl")) {
    set("enable.ssl.certificate.verification", options.tls_verify ? "true" : "false", "tls_verify");
    set("ssl.endpoint.identification.algorithm", options.tls_verify ? "https" : "none", "tls_verify");
    if (options.tls_ca_file != "system") set("ssl.ca.location", options.tls_ca_file, "tls_ca_file");
    if (!options.tls_cert_file.empty()) set("ssl.certificate.location", options.tls_cert_file, "tls_cert_file");
    if (!options.tls_key_file.empty()) set("ssl.key.location", options.tls_key_file, "tls_key_file");
  }
  set("client.id", options.client_id, "client_id");
  set("log.connection.close", "false", "client_id");
  for (const auto& [name, value] : properties) set(name, value, name);
  for (const auto& [name, value] : options.properties) set(name, value, std::string(kPropertyPrefix) + name);
  rd_kafka_conf_set_opaque(conf, client.get());
  rd_kafka_conf_set_error_cb(conf, &OnError);
  rd_kafka_conf_set_log_cb(conf, &OnLog);
  if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set_dr_msg_cb(conf, &OnDelivery);
  if (status.ok()) {
    client->handle_.reset(rd_kafka_new(type, conf, text.data(), text.size()));
    if (client->handle_ != nullptr) return client;
    status = ConfigError("The settings are not taken by librdkafka " + LibraryVersion() + ": " + text.data());
  }
  rd_kafka_conf_destroy(conf);
  return std::move(status).error();
}

void Client::OnError(rd_kafka_t*, int code, const char* reason, void* self) {
  auto& trouble = static_cast<Client*>(self)->trouble_;
  const auto told = static_cast<rd_kafka_resp_err_t>(code);
  // That all brokers are down follows from what was told before.
  if (told == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && trouble.first != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  trouble = {told, reason};
}

void Client::OnDelivery(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
  const auto& told = static_cast<Client*>(self)->on_delivery;
  if (told) told(*message);
}

Error Client::ErrorOf(rd_kafka_resp_err_t code, std::string_view tried, std::string_view detail) const {
  const bool timed_out = code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT ||
                         code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
                         code == RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE;
  std::string words(detail.empty() ? rd_kafka_err2str(code) : detail);
  if (timed_out && trouble_.first != RD_KAFKA_RESP_ERR_NO_ERROR) {
    code = trouble_.first;
    words = trouble_.second;
  }
  std::string what = std::string(tried) + " on " + place_ + ": " + words;
  if (const std::string_view hint = HintFor(code); !hint.empty()) what.append(". ").append(hint);
  return {KindOf(code), std::move(what)};
}

Error Client::ErrorOf(const rd_kafka_error_t& error, std::string_view tried) const {
  return ErrorOf(rd_kafka_error_code(&error), tried, rd_kafka_error_string(&error));
}

}  // namespace headgate::kafka
