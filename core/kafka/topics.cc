#include <array>
#include <chrono>

#include "core/kafka/client.h"

// Topics: whether they are there, how they are set, and making them.
namespace headgate::kafka {
namespace {

constexpr std::size_t kWordsMax = 512;
constexpr int kLookAgainMs = 10;

// The answer to a request of the admin API; nullptr when it did not come in time.
Owned<rd_kafka_event_t> Ask(rd_kafka_t* handle, int timeout_ms, rd_kafka_admin_op_t operation,
                            const std::function<void(const rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>& send) {
  std::array<char, kWordsMax> text{};
  const Owned<rd_kafka_AdminOptions_t> options(rd_kafka_AdminOptions_new(handle, operation));
  rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout_ms, text.data(), text.size());
  const Owned<rd_kafka_queue_t> queue(rd_kafka_queue_new(handle));
  send(options.get(), queue.get());
  return Owned<rd_kafka_event_t>(rd_kafka_queue_poll(queue.get(), timeout_ms + 1'000));
}

}  // namespace

Status Client::CreateTopic(const NewTopic& topic, int timeout_ms) {
  const std::string tried = "creating topic " + topic.name;
  std::array<char, kWordsMax> text{};
  const Owned<rd_kafka_NewTopic_t> wanted(
      rd_kafka_NewTopic_new(topic.name.c_str(), topic.partitions, topic.replication, text.data(), text.size()));
  if (wanted == nullptr) return ConfigError(tried + ": " + text.data());
  for (const auto& [name, value] : topic.settings)
    rd_kafka_NewTopic_set_config(wanted.get(), name.c_str(), value.c_str());
  rd_kafka_NewTopic_t* list[] = {wanted.get()};
  const auto event = Ask(get(), timeout_ms, RD_KAFKA_ADMIN_OP_CREATETOPICS, [&](const auto* options, auto* queue) {
    rd_kafka_CreateTopics(get(), list, 1, options, queue);
  });
  if (event == nullptr) return ErrorOf(RD_KAFKA_RESP_ERR__TIMED_OUT, tried);
  if (const auto code = rd_kafka_event_error(event.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return ErrorOf(code, tried, rd_kafka_event_error_string(event.get()));
  std::size_t count = 0;
  const auto* const results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto code = rd_kafka_topic_result_error(results[i]);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) continue;
    const char* const words = rd_kafka_topic_result_error_string(results[i]);
    return ErrorOf(code, tried, words != nullptr ? words : "");
  }
  return AwaitLeaders(topic.name, timeout_ms);
}

// The cluster tells of a leader before that one serves. It refuses the first records then and may take the next ones:
// of an idempotent producer any number is the first that a partition without history takes, and what was refused counts
// as sent twice when it comes again. It would be lost.
Status Client::AwaitLeaders(const std::string& topic, int timeout_ms) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  auto code = RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
  do {
    HG_ASSIGN_OR_RETURN(const int partitions, PartitionsOf(topic, timeout_ms));
    code = partitions > 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
    for (std::int32_t p = 0; p < partitions && code == RD_KAFKA_RESP_ERR_NO_ERROR; ++p) {
      std::int64_t first = 0;
      std::int64_t end = 0;
      code = rd_kafka_query_watermark_offsets(get(), topic.c_str(), p, &first, &end, timeout_ms);
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return Ok();
    Poll(kLookAgainMs);
  } while (std::chrono::steady_clock::now() < deadline);
  return ErrorOf(code, "waiting for the leaders of topic " + topic);
}

Result<int> Client::PartitionsOf(const std::string& topic, int timeout_ms) {
  const std::string tried = "looking for topic " + topic;
  // A consumer's question does not make the topic, whatever the brokers allow.
  const Owned<rd_kafka_topic_t> handle(rd_kafka_topic_new(get(), topic.c_str(), nullptr));
  if (handle == nullptr) return ErrorOf(rd_kafka_last_error(), tried);
  const rd_kafka_metadata_t* raw = nullptr;
  if (const auto code = rd_kafka_metadata(get(), 0, handle.get(), &raw, timeout_ms);
      code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    Poll(0);
    return ErrorOf(code, tried);
  }
  const Owned<const rd_kafka_metadata_t> metadata(raw);
  Well();
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const auto& found = metadata->topics[i];
    if (found.topic != topic) continue;
    if (found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return 0;
    if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) return ErrorOf(found.err, tried);
    return found.partition_cnt;
  }
  return 0;
}

Result<std::string> Client::TopicSetting(const std::string& topic, const std::string& setting, int timeout_ms) {
  const std::string tried = "reading " + setting + " of topic " + topic;
  const Owned<rd_kafka_ConfigResource_t> resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  rd_kafka_ConfigResource_t* list[] = {resource.get()};
  const auto event = Ask(get(), timeout_ms, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, [&](const auto* options, auto* queue) {
    rd_kafka_DescribeConfigs(get(), list, 1, options, queue);
  });
  if (event == nullptr) return ErrorOf(RD_KAFKA_RESP_ERR__TIMED_OUT, tried);
  if (const auto code = rd_kafka_event_error(event.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return ErrorOf(code, tried, rd_kafka_event_error_string(event.get()));
  std::size_t count = 0;
  const auto* const resources =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    if (const auto code = rd_kafka_ConfigResource_error(resources[i]); code != RD_KAFKA_RESP_ERR_NO_ERROR)
      return ErrorOf(code, tried);
    std::size_t entries = 0;
    const auto* const configs = rd_kafka_ConfigResource_configs(resources[i], &entries);
    for (std::size_t k = 0; k < entries; ++k) {
      const char* const value = rd_kafka_ConfigEntry_value(configs[k]);
      if (rd_kafka_ConfigEntry_name(configs[k]) == setting && value != nullptr) return std::string(value);
    }
  }
  return Transient(tried + " on " + place() + ": there is no such setting");
}

}  // namespace headgate::kafka
