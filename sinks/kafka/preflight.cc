#include "sinks/kafka/producer.h"
#include "sinks/kafka/spec.h"

namespace headgate::kafka::sink {
namespace {

constexpr int kTimeoutMs = 8'000;
using Level = Finding::Level;

// The setting that a failure is about.
std::string KeyOf(const Error& error, const Options& options) {
  if (error.kind != ErrorKind::kConfig) return "brokers";
  if (error.what.find("Unsupported SASL mechanism") != std::string::npos) return "sasl_mechanism";
  if (error.what.find("tls_ca_file") != std::string::npos) return "security_protocol";
  return options.client.sasl_username.empty() ? "brokers" : "sasl_username";
}

}  // namespace

std::vector<Finding> Preflight(const std::string& name, const config::Bound& bound, const SinkServices&) {
  const ReadOptions settings = Read(name, bound);
  if (!settings.errors.empty())
    return {{"settings", Level::kError, settings.errors.front().text, "", "", settings.errors.front().key}};
  const Options& options = settings.options;
  std::vector<Finding> out;
  const auto failed = [&](const Error& error) {
    const bool person = error.kind != ErrorKind::kTransient;
    out.push_back({"cluster", person ? Level::kError : Level::kWarning, error.what, "", "", KeyOf(error, options)});
    return out;
  };
  if (options.client.security_protocol.starts_with("sasl_") && !CanSignIn(options.client.sasl_mechanism)) {
    out.push_back({"librdkafka", Level::kWarning,
                   options.client.sasl_mechanism + " of librdkafka " + LibraryVersion() +
                       " is refused by Apache Kafka 4.0 and later",
                   "Use a Headgate that was built with librdkafka 2.6.1 or later, or sasl_mechanism=PLAIN over TLS", "",
                   "sasl_mechanism"});
  }
  auto client = Client::Open(options.client, RD_KAFKA_PRODUCER, {});
  if (!client.ok()) return failed(client.error());
  const auto partitions = (*client)->PartitionsOf(options.progress_topic, kTimeoutMs);
  if (!partitions.ok()) return failed(partitions.error());
  out.push_back({"cluster", Level::kOk, (*client)->place() + " answers", "", "", "brokers"});
  return out;
}

}  // namespace headgate::kafka::sink
