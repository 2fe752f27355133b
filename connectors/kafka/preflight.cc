#include <algorithm>

#include "connectors/kafka/consumer.h"
#include "connectors/kafka/record_reader.h"
#include "connectors/kafka/spec.h"
#include "core/sql/column_list.h"

namespace headgate::kafka::source {
namespace {

constexpr auto kTopicPatience = std::chrono::seconds(8);
using Level = Finding::Level;

// The setting that a failure is about.
std::string SettingOf(const Error& error, const Options& options) {
  if (error.what.find("topic ") != std::string::npos) return "topic";
  if (error.what.find("tls_ca_file") != std::string::npos) return "security_protocol";
  return options.client.sasl_username.empty() ? "brokers" : "sasl_username";
}

Finding Failed(std::string id, const Error& error, std::string key) {
  const Level level = error.kind == ErrorKind::kTransient ? Level::kWarning : Level::kError;
  return {std::move(id), level, error.what, "", "", std::move(key)};
}

void CheckTopics(const Options& options, std::vector<Finding>& out) {
  auto consumer = Consumer::Open(options);
  if (!consumer.ok()) return out.push_back(Failed("cluster", consumer.error(), "brokers"));
  const auto deadline = std::chrono::steady_clock::now() + kTopicPatience;
  for (const std::string& topic : options.topics) {
    const auto count = (*consumer)->Partitions(topic, deadline, {});
    if (!count.ok()) return out.push_back(Failed("topic", count.error(), SettingOf(count.error(), options)));
    const auto ends = (*consumer)->EndsOf(topic, 0, deadline, {});
    if (!ends.ok()) return out.push_back(Failed("topic", ends.error(), SettingOf(ends.error(), options)));
    out.push_back({"topic", Level::kOk,
                   "topic " + topic + " has " + std::to_string(*count) + (*count == 1 ? " partition" : " partitions") +
                       " on " + (*consumer)->place(),
                   "", "", ""});
  }
}

void CheckRegistry(const Options& options, std::vector<Finding>& out) {
  std::unique_ptr<schema_registry::Client> registry;
  if (options.registry) {
    auto opened = schema_registry::Client::Open(*options.registry);
    if (!opened.ok()) return out.push_back(Failed("registry", opened.error(), "registry"));
    registry = *std::move(opened);
    const auto answered = registry->Probe();
    if (!answered.ok()) return out.push_back(Failed("registry", answered.error(), "registry"));
    out.push_back({"registry", Level::kOk, "the schema registry answers", "", "", ""});
  }
  auto columns = ColumnsOf(options);
  if (!columns.ok()) return out.push_back(Failed("columns", columns.error(), "columns"));
  const auto reader = RecordReader::Make(options, *std::move(columns), registry.get());
  if (!reader.ok()) out.push_back(Failed("fields", reader.error(), "fields"));
}

}  // namespace

std::vector<Finding> Preflight(const std::string& name, const config::Bound& bound) {
  const ReadOptions settings = Read(name, bound);
  if (!settings.errors.empty())
    return {{"settings", Level::kError, settings.errors.front().text, "", "", settings.errors.front().key}};
  const Options& options = settings.options;
  std::vector<Finding> out;
  if (options.client.security_protocol.starts_with("sasl_") && !CanSignIn(options.client.sasl_mechanism)) {
    out.push_back({"librdkafka", Level::kWarning,
                   options.client.sasl_mechanism + " of librdkafka " + LibraryVersion() +
                       " is refused by Apache Kafka 4.0 and later",
                   "Use a Headgate that was built with librdkafka 2.6.1 or later, or sasl_mechanism=PLAIN over TLS", "",
                   "sasl_mechanism"});
  }
  CheckTopics(options, out);
  CheckRegistry(options, out);
  return out;
}

}  // namespace headgate::kafka::source
