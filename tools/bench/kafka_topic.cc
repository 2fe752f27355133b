#include "tools/bench/kafka_topic.h"

#include <array>

#include "tools/bench/measure.h"

namespace headgate::bench {
namespace {

kafka::ClientOptions ClientAt(const std::string& brokers) {
  kafka::ClientOptions options;
  options.brokers = brokers;
  options.security_protocol = "plaintext";
  options.client_id = "headgate-bench";
  return options;
}

constexpr int kWaitMs = 60'000;

}  // namespace

TopicReader::TopicReader(const std::string& brokers, const std::string& topic, int partitions,
                         const kafka::Properties& more)
    : topic_(topic), partitions_(partitions) {
  kafka::Properties properties = {
      {"group.id", "headgate-bench"}, {"enable.auto.commit", "false"}, {"isolation.level", "read_committed"}};
  properties.insert(properties.end(), more.begin(), more.end());
  client_ = Must(kafka::Client::Open(ClientAt(brokers), RD_KAFKA_CONSUMER, properties));
  rd_kafka_poll_set_consumer(client_->get());
  const kafka::Owned<rd_kafka_topic_partition_list_t> list(rd_kafka_topic_partition_list_new(partitions));
  for (int i = 0; i < partitions; ++i)
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), i)->offset = RD_KAFKA_OFFSET_BEGINNING;
  const auto code = rd_kafka_assign(client_->get(), list.get());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) Must(client_->ErrorOf(code, "reading topic " + topic));
}

kafka::Owned<rd_kafka_message_t> TopicReader::Next(int timeout_ms) {
  kafka::Owned<rd_kafka_message_t> message(rd_kafka_consumer_poll(client_->get(), timeout_ms));
  if (message != nullptr && message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
    Must(client_->ErrorOf(message->err, "reading records"));
  return message;
}

long TopicReader::Count() const {
  long count = 0;
  for (std::int32_t p = 0; p < partitions_; ++p) {
    std::int64_t first = 0;
    std::int64_t end = 0;
    const auto code = rd_kafka_query_watermark_offsets(client_->get(), topic_.c_str(), p, &first, &end, kWaitMs);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) Must(client_->ErrorOf(code, "asking for the ends of topic " + topic_));
    count += static_cast<long>(end - first);
  }
  return count;
}

test::KafkaRecord RecordOf(const rd_kafka_message_t& message) {
  const auto text = [](const void* bytes, std::size_t size) {
    return std::string(static_cast<const char*>(bytes), size);
  };
  test::KafkaRecord record;
  if (message.key != nullptr) record.key = text(message.key, message.key_len);
  if (message.payload != nullptr) record.value = text(message.payload, message.len);
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return record;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
    record.headers.emplace_back(name, text(value, size));
  return record;
}

BareProducer::BareProducer(const std::string& brokers, const std::string& topic) {
  client_ = Must(kafka::Client::Open(ClientAt(brokers), RD_KAFKA_PRODUCER,
                                     {{"enable.idempotence", "true"},
                                      {"acks", "all"},
                                      {"compression.type", "lz4"},
                                      {"partitioner", "murmur2_random"},
                                      {"delivery.report.only.error", "true"}}));
  client_->on_delivery = [this](const rd_kafka_message_t& message) {
    if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) ++failed_;
  };
  topic_.reset(rd_kafka_topic_new(client_->get(), topic.c_str(), nullptr));
  Send({test::KafkaRecord{.key = "warm", .value = "warm"}}, 1);
}

void BareProducer::Send(const std::vector<test::KafkaRecord>& records, long count) {
  for (long i = 0; i < count; ++i) {
    const test::KafkaRecord& record = records[static_cast<std::size_t>(i) % records.size()];
    std::array<rd_kafka_vu_t, 5> units{};
    units[0].vtype = RD_KAFKA_VTYPE_RKT;
    units[0].u.rkt = topic_.get();
    units[1].vtype = RD_KAFKA_VTYPE_KEY;
    units[1].u.mem = {const_cast<char*>(record.key->data()), record.key->size()};
    units[2].vtype = RD_KAFKA_VTYPE_VALUE;
    units[2].u.mem = {const_cast<char*>(record.value->data()), record.value->size()};
    units[3].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    units[3].u.i = RD_KAFKA_MSG_F_BLOCK;  // without a copy; waits where the library's queue is full
    units[4].vtype = RD_KAFKA_VTYPE_HEADERS;
    units[4].u.headers = rd_kafka_headers_new(record.headers.size());
    for (const auto& [name, value] : record.headers)
      rd_kafka_header_add(units[4].u.headers, name.data(), static_cast<ssize_t>(name.size()), value->data(),
                          static_cast<ssize_t>(value->size()));
    const kafka::Owned<rd_kafka_error_t> error(rd_kafka_produceva(client_->get(), units.data(), units.size()));
    if (error != nullptr) Must(client_->ErrorOf(*error, "writing records"));
    if (i % 1'024 == 0) client_->Poll(0);
  }
  const auto code = rd_kafka_flush(client_->get(), kWaitMs);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) Must(client_->ErrorOf(code, "writing records"));
  if (failed_ > 0) Must(Transient(std::to_string(failed_) + " records were not written"));
}

}  // namespace headgate::bench
