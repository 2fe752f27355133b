#include "connectors/kafka/consumer.h"

#include <algorithm>
#include <array>

namespace headgate::kafka::source {
namespace {

constexpr int kSliceMs = 250;
constexpr int kQueueBackoffKnown = 0x020200ff;  // librdkafka 2.2.0
constexpr int kBatchesSound = 0x020100ff;       // 2.1.0: before, batches could have records of a past assignment
constexpr std::size_t kBatch = 512;

Properties ConsumerProperties(const Options& options) {
  Properties properties = {
      // The library wants a name for a group, though none is joined.
      {"group.id", options.group_id.empty() ? "headgate_" + options.name : options.group_id},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"enable.partition.eof", "true"},
      {"auto.offset.reset", "error"},  // what is gone is told, not jumped over
      {"isolation.level", options.committed ? "read_committed" : "read_uncommitted"},
      {"queued.max.messages.kbytes", "16384"},
      {"fetch.error.backoff.ms", "100"},
      // A question to a broker waits behind a fetch that waits for records there.
      {"fetch.wait.max.ms", "100"},
  };
  if (rd_kafka_version() >= kQueueBackoffKnown) properties.emplace_back("fetch.queue.backoff.ms", "10");
  // A setting of the user wins.
  std::erase_if(properties, [&](const auto& p) { return options.client.properties.contains(std::string(p.first)); });
  return properties;
}

Owned<rd_kafka_topic_partition_list_t> ListOf(const Offsets& offsets) {
  Owned<rd_kafka_topic_partition_list_t> list(rd_kafka_topic_partition_list_new(16));
  for (const auto& [topic, partitions] : offsets.topics()) {
    for (std::size_t p = 0; p < partitions.size(); ++p)
      rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), static_cast<std::int32_t>(p))->offset =
          partitions[p];
  }
  return list;
}

int SliceUntil(Consumer::Deadline deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 1, kSliceMs));
}

bool IsOver(Consumer::Deadline deadline) { return std::chrono::steady_clock::now() >= deadline; }

}  // namespace

Result<std::unique_ptr<Consumer>> Consumer::Open(const Options& options) {
  HG_ASSIGN_OR_RETURN(auto client, Client::Open(options.client, RD_KAFKA_CONSUMER, ConsumerProperties(options)));
  return std::unique_ptr<Consumer>(new Consumer(std::move(client)));
}

Consumer::Consumer(std::unique_ptr<Client> client) : client_(std::move(client)) {
  if (rd_kafka_version() >= kBatchesSound) queue_.reset(rd_kafka_queue_get_consumer(client_->get()));
}

// One by one, the library looks at the clock three times for each.
void Consumer::Poll(int timeout_ms, std::vector<Message>& messages) {
  if (auto* const first = rd_kafka_consumer_poll(client_->get(), timeout_ms)) messages.emplace_back(first);
  if (messages.empty() || queue_ == nullptr) return;
  std::array<rd_kafka_message_t*, kBatch> more;
  const auto count = rd_kafka_consume_batch_queue(queue_.get(), 0, more.data(), more.size());
  for (ssize_t i = 0; i < count; ++i) messages.emplace_back(more[static_cast<std::size_t>(i)]);
}

std::string Consumer::ClusterId() {
  char* const id = rd_kafka_clusterid(client_->get(), kSliceMs);
  std::string text = id == nullptr ? "" : id;
  if (id != nullptr) rd_kafka_mem_free(client_->get(), id);
  return text;
}

Error Consumer::Denied(Error error, const std::string& topic) const {
  if (error.kind == ErrorKind::kConfig && error.what.find("kafka-acls") != std::string::npos) {
    return ConfigError("reading topic " + topic + " on " + place() +
                       ": the account may not. Let it describe and read the topic (kafka-acls), then restart");
  }
  return error;
}

Result<int> Consumer::Partitions(const std::string& topic, Deadline deadline, std::stop_token stop) {
  while (true) {
    client_->Poll(0);
    auto count = client_->PartitionsOf(topic, SliceUntil(deadline));
    if (stop.stop_requested()) return Stopped();
    if (count.ok() && *count > 0) return count;
    if (!count.ok() && count.error().kind != ErrorKind::kTransient) return Denied(std::move(count).error(), topic);
    if (count.ok()) {
      return Transient("reading topic " + topic + " on " + place() +
                       ": there is no such topic. Make it, or correct the setting \"topic\"");
    }
    if (IsOver(deadline)) return count;
  }
}

Result<Consumer::Ends> Consumer::EndsOf(const std::string& topic, std::int32_t partition, Deadline deadline,
                                        std::stop_token stop) {
  while (true) {
    Ends ends;
    const auto code = rd_kafka_query_watermark_offsets(client_->get(), topic.c_str(), partition, &ends.first, &ends.end,
                                                       SliceUntil(deadline));
    if (stop.stop_requested()) return Stopped();
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return ends;
    auto error = client_->ErrorOf(code, "asking for the offsets of topic " + topic);
    if (error.kind != ErrorKind::kTransient || IsOver(deadline)) return Denied(std::move(error), topic);
  }
}

std::int64_t Consumer::SeenEnd(const std::string& topic, std::int32_t partition) const {
  std::int64_t first = -1;
  std::int64_t end = -1;
  const auto code = rd_kafka_get_watermark_offsets(client_->get(), topic.c_str(), partition, &first, &end);
  return code == RD_KAFKA_RESP_ERR_NO_ERROR ? end : -1;
}

void Consumer::TellGroup(const Offsets& offsets) { rd_kafka_commit(client_->get(), ListOf(offsets).get(), 1); }

Status Consumer::Assign(const Offsets& offsets) {
  const auto list = ListOf(offsets);
  const auto code = rd_kafka_assign(client_->get(), list.get());
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return Ok();
  return client_->ErrorOf(code, "taking the partitions of the source's topics");
}

Error Consumer::ErrorOf(const rd_kafka_message_t& message) const {
  const std::string topic = message.rkt == nullptr ? "" : rd_kafka_topic_name(message.rkt);
  const char* const words = rd_kafka_message_errstr(&message);
  return Denied(client_->ErrorOf(message.err, "reading topic " + topic, words == nullptr ? "" : words), topic);
}

}  // namespace headgate::kafka::source
