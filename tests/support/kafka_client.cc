#include "tests/support/kafka_client.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <tuple>

#include "tests/support/wait_for.h"

namespace headgate::test {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kLimitMs = 60'000;
constexpr int kAskMs = 2'000;  // one question; it is asked again until the limit

template <auto kFunction>
struct Call {
  template <class T>
  void operator()(T* object) const {
    kFunction(object);
  }
};
using Event = std::unique_ptr<rd_kafka_event_t, Call<rd_kafka_event_destroy>>;
using Message = std::unique_ptr<rd_kafka_message_t, Call<rd_kafka_message_destroy>>;
using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, Call<rd_kafka_NewTopic_destroy>>;
using Partitions = std::unique_ptr<rd_kafka_topic_partition_list_t, Call<rd_kafka_topic_partition_list_destroy>>;
using Queue = std::unique_ptr<rd_kafka_queue_t, Call<rd_kafka_queue_destroy>>;
using Topic = std::unique_ptr<rd_kafka_topic_t, Call<rd_kafka_topic_destroy>>;

struct MetadataFree {
  void operator()(const rd_kafka_metadata_t* metadata) const { rd_kafka_metadata_destroy(metadata); }
};
using Metadata = std::unique_ptr<const rd_kafka_metadata_t, MetadataFree>;

Error Failed(const std::string& what, rd_kafka_resp_err_t code) {
  const std::string text = what + ": " + rd_kafka_err2str(code);
  const bool refused = code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL ||
                       code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
  return refused ? Rejected(text) : Transient(text);
}

Status Check(const std::string& what, rd_kafka_error_t* error) {
  if (error == nullptr) return Ok();
  const std::string text = what + ": " + rd_kafka_error_string(error);
  rd_kafka_error_destroy(error);
  return Transient(text);
}

// How the records of one call fare: what the delivery report counts in.
struct Deliveries {
  std::size_t missing = 0;
  rd_kafka_resp_err_t first_error = RD_KAFKA_RESP_ERR_NO_ERROR;
};

void OnDelivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  auto* deliveries = static_cast<Deliveries*>(message->_private);
  --deliveries->missing;
  if (deliveries->first_error == RD_KAFKA_RESP_ERR_NO_ERROR) deliveries->first_error = message->err;
}

Result<KafkaHandle> Open(rd_kafka_type_t type, const KafkaSettings& settings) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char text[512];
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text, sizeof(text)) == RD_KAFKA_CONF_OK) continue;
    rd_kafka_conf_destroy(conf);
    return Rejected("cannot set " + name + ": " + text);
  }
  rd_kafka_conf_set_log_cb(conf, nullptr);  // what matters comes back from the calls
  if (type == RD_KAFKA_PRODUCER) {
    rd_kafka_conf_set_dr_msg_cb(conf, OnDelivery);
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_ERROR);
  }
  KafkaHandle handle(rd_kafka_new(type, conf, text, sizeof(text)));
  if (handle) return handle;
  rd_kafka_conf_destroy(conf);
  return Rejected(std::string("cannot make a Kafka client: ") + text);
}

// Without a topic: the brokers.
Result<Metadata> Ask(rd_kafka_t* handle, const std::string& topic = {}) {
  const Topic named(topic.empty() ? nullptr : rd_kafka_topic_new(handle, topic.c_str(), nullptr));
  const rd_kafka_metadata_t* answer = nullptr;
  const rd_kafka_resp_err_t error = rd_kafka_metadata(handle, 0, named.get(), &answer, kAskMs);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return Failed("cannot ask for the metadata", error);
  Metadata metadata(answer);
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const rd_kafka_metadata_topic_t& found = metadata->topics[i];
    if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) return Failed("topic " + topic, found.err);
  }
  return metadata;
}

bool HasLeaders(const rd_kafka_metadata_t& metadata, int partitions) {
  if (metadata.topic_cnt != 1 || metadata.topics[0].partition_cnt != partitions) return false;
  for (int i = 0; i < partitions; ++i) {
    if (metadata.topics[0].partitions[i].leader < 0) return false;
  }
  return true;
}

// A leader that is told of before it serves refuses the first records and takes the next, and what is sent again then
// counts as sent twice: records would be lost.
bool AllServe(rd_kafka_t* handle, const std::string& topic, int partitions) {
  for (std::int32_t i = 0; i < partitions; ++i) {
    std::int64_t first = 0;
    std::int64_t end = 0;
    if (rd_kafka_query_watermark_offsets(handle, topic.c_str(), i, &first, &end, kAskMs) != RD_KAFKA_RESP_ERR_NO_ERROR)
      return false;
  }
  return true;
}

// Partitions come in any order.
Result<const rd_kafka_metadata_partition_t*> PartitionOf(const rd_kafka_metadata_t& metadata, int partition) {
  const rd_kafka_metadata_topic_t& topic = metadata.topics[0];
  for (int i = 0; i < topic.partition_cnt; ++i) {
    if (topic.partitions[i].id == partition) return &topic.partitions[i];
  }
  return Rejected(std::string("topic ") + topic.topic + " has no partition " + std::to_string(partition));
}

rd_kafka_headers_t* HeadersOf(const KafkaRecord& record) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(record.headers.size());
  for (const auto& [name, value] : record.headers) {
    rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value ? value->data() : nullptr,
                        value ? static_cast<ssize_t>(value->size()) : 0);
  }
  return headers;
}

rd_kafka_resp_err_t Enqueue(rd_kafka_t* producer, const std::string& topic, const KafkaRecord& record,
                            Deliveries* deliveries) {
  std::vector<rd_kafka_vu_t> parts(7);
  parts[0].vtype = RD_KAFKA_VTYPE_TOPIC;
  parts[0].u.cstr = topic.c_str();
  parts[1].vtype = RD_KAFKA_VTYPE_PARTITION;
  parts[1].u.i32 = record.partition < 0 ? RD_KAFKA_PARTITION_UA : record.partition;
  parts[2].vtype = RD_KAFKA_VTYPE_KEY;
  parts[2].u.mem = {.ptr = record.key ? const_cast<char*>(record.key->data()) : nullptr,
                    .size = record.key ? record.key->size() : 0};
  parts[3].vtype = RD_KAFKA_VTYPE_VALUE;
  parts[3].u.mem = {.ptr = record.value ? const_cast<char*>(record.value->data()) : nullptr,
                    .size = record.value ? record.value->size() : 0};
  parts[4].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
  parts[4].u.i64 = record.timestamp_ms;
  parts[5].vtype = RD_KAFKA_VTYPE_OPAQUE;
  parts[5].u.ptr = deliveries;
  parts[6].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  parts[6].u.i = RD_KAFKA_MSG_F_COPY;
  rd_kafka_headers_t* headers = nullptr;
  if (!record.headers.empty()) {
    headers = HeadersOf(record);
    parts.emplace_back().vtype = RD_KAFKA_VTYPE_HEADERS;
    parts.back().u.headers = headers;
  }
  rd_kafka_error_t* error = rd_kafka_produceva(producer, parts.data(), parts.size());
  if (error == nullptr) return RD_KAFKA_RESP_ERR_NO_ERROR;
  const rd_kafka_resp_err_t code = rd_kafka_error_code(error);
  rd_kafka_error_destroy(error);
  if (headers != nullptr) rd_kafka_headers_destroy(headers);  // taken over only on success
  return code;
}

Status ProduceAll(rd_kafka_t* producer, const std::string& topic, const std::vector<KafkaRecord>& records) {
  Deliveries deliveries;
  rd_kafka_resp_err_t refused = RD_KAFKA_RESP_ERR_NO_ERROR;
  for (const KafkaRecord& record : records) {
    ++deliveries.missing;
    do {
      refused = Enqueue(producer, topic, record, &deliveries);
    } while (refused == RD_KAFKA_RESP_ERR__QUEUE_FULL && rd_kafka_poll(producer, kAskMs) > 0);
    if (refused == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    --deliveries.missing;
    break;
  }
  if (rd_kafka_flush(producer, kLimitMs) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    // The reports count in this frame: none may come later.
    rd_kafka_purge(producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(producer, kLimitMs);
  }
  CHECK(deliveries.missing == 0);
  const std::string what = "cannot produce to topic " + topic;
  if (refused != RD_KAFKA_RESP_ERR_NO_ERROR) return Failed(what, refused);
  if (deliveries.first_error != RD_KAFKA_RESP_ERR_NO_ERROR) return Failed(what, deliveries.first_error);
  return Ok();
}

std::optional<std::string> Bytes(const void* data, std::size_t size) {
  if (data == nullptr) return std::nullopt;
  return std::string(static_cast<const char*>(data), size);
}

KafkaRecord RecordOf(const rd_kafka_message_t& message) {
  KafkaRecord record{.partition = message.partition,
                     .offset = message.offset,
                     .timestamp_ms = rd_kafka_message_timestamp(&message, nullptr),
                     .key = Bytes(message.key, message.key_len),
                     .value = Bytes(message.payload, message.len),
                     .headers = {}};
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return record;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
    record.headers.emplace_back(name, Bytes(value, size));
  return record;
}

// A group of no meaning: nothing is committed, partitions are assigned by hand.
KafkaSettings ReaderSettings(KafkaSettings settings, KafkaIsolation isolation) {
  settings["group.id"] = "headgate-test-reader";
  settings["enable.auto.commit"] = "false";
  settings["enable.partition.eof"] = "true";
  settings["auto.offset.reset"] = "error";
  settings["fetch.wait.max.ms"] = "10";  // the end is told by a fetch that comes back empty
  settings["isolation.level"] = isolation == KafkaIsolation::kCommitted ? "read_committed" : "read_uncommitted";
  return settings;
}

}  // namespace

void KafkaHandleClose::operator()(rd_kafka_s* handle) const {
  if (rd_kafka_type(handle) == RD_KAFKA_CONSUMER) rd_kafka_consumer_close(handle);
  rd_kafka_destroy(handle);
}

Result<KafkaClient> KafkaClient::Connect(KafkaSettings settings, int limit_ms) {
  KafkaSettings producing = settings;
  producing["acks"] = "all";
  producing["enable.idempotence"] = "true";  // keeps the order over retries
  producing["linger.ms"] = "0";
  HG_ASSIGN_OR_RETURN(KafkaHandle producer, Open(RD_KAFKA_PRODUCER, producing));
  const Queue events(rd_kafka_queue_get_main(producer.get()));
  const auto end = SteadyClock::now() + std::chrono::milliseconds(limit_ms);
  for (;;) {
    const auto metadata = Ask(producer.get());
    if (metadata.ok()) return KafkaClient(std::move(settings), std::move(producer));
    Error last = metadata.error();
    // The reason why there is no answer is told apart.
    while (const Event event{rd_kafka_queue_poll(events.get(), 0)}) {
      if (rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_ERROR) continue;
      const rd_kafka_resp_err_t code = rd_kafka_event_error(event.get());
      last = Failed("cannot connect to Kafka at " + settings["bootstrap.servers"], code);
      last.what += std::string(": ") + rd_kafka_event_error_string(event.get());
      if (last.kind == ErrorKind::kRejected) return last;
    }
    if (SteadyClock::now() >= end) return last;
  }
}

Status KafkaClient::CreateTopic(const std::string& topic, int partitions, const KafkaSettings& config,
                                int replicas) const {
  char text[512];
  const NewTopic wanted(rd_kafka_NewTopic_new(topic.c_str(), partitions, replicas, text, sizeof(text)));
  if (!wanted) return Rejected("cannot create topic " + topic + ": " + text);
  for (const auto& [name, value] : config) rd_kafka_NewTopic_set_config(wanted.get(), name.c_str(), value.c_str());
  const Queue answers(rd_kafka_queue_new(producer_.get()));
  rd_kafka_NewTopic_t* topics[] = {wanted.get()};
  rd_kafka_CreateTopics(producer_.get(), topics, 1, nullptr, answers.get());
  const Event answer(rd_kafka_queue_poll(answers.get(), kLimitMs));
  if (!answer) return Transient("topic " + topic + " was not created within a minute");
  if (rd_kafka_event_error(answer.get()) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return Failed("cannot create topic " + topic, rd_kafka_event_error(answer.get()));
  std::size_t count = 0;
  const auto* results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(answer.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    if (rd_kafka_topic_result_error(results[i]) == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    const char* reason = rd_kafka_topic_result_error_string(results[i]);
    return Rejected("cannot create topic " + topic + ": " + (reason == nullptr ? "no reason given" : reason));
  }
  const bool led = WaitFor(
      [&] {
        const auto metadata = Ask(producer_.get(), topic);
        return metadata.ok() && HasLeaders(**metadata, partitions) && AllServe(producer_.get(), topic, partitions);
      },
      std::chrono::seconds(60));
  return led ? Ok() : Status(Transient("topic " + topic + " has no leaders after a minute"));
}

Status KafkaClient::AddPartitions(const std::string& topic, int partitions) const {
  char text[512];
  rd_kafka_NewPartitions_t* wanted =
      rd_kafka_NewPartitions_new(topic.c_str(), static_cast<std::size_t>(partitions), text, sizeof(text));
  if (wanted == nullptr) return Rejected("cannot add partitions to topic " + topic + ": " + text);
  const Queue answers(rd_kafka_queue_new(producer_.get()));
  rd_kafka_CreatePartitions(producer_.get(), &wanted, 1, nullptr, answers.get());
  rd_kafka_NewPartitions_destroy(wanted);
  const Event answer(rd_kafka_queue_poll(answers.get(), kLimitMs));
  if (!answer) return Transient("no partitions were added to topic " + topic + " within a minute");
  if (rd_kafka_event_error(answer.get()) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return Failed("cannot add partitions to topic " + topic, rd_kafka_event_error(answer.get()));
  const bool led = WaitFor(
      [&] {
        const auto metadata = Ask(producer_.get(), topic);
        return metadata.ok() && HasLeaders(**metadata, partitions) && AllServe(producer_.get(), topic, partitions);
      },
      std::chrono::seconds(60));
  return led ? Ok() : Status(Transient("topic " + topic + " has not so many leaders after a minute"));
}

Status KafkaClient::DeleteBefore(const std::string& topic, int partition, std::int64_t offset) const {
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic.c_str(), partition)->offset = offset;
  rd_kafka_DeleteRecords_t* wanted = rd_kafka_DeleteRecords_new(list);
  rd_kafka_topic_partition_list_destroy(list);
  const Queue answers(rd_kafka_queue_new(producer_.get()));
  rd_kafka_DeleteRecords(producer_.get(), &wanted, 1, nullptr, answers.get());
  rd_kafka_DeleteRecords_destroy(wanted);
  const Event answer(rd_kafka_queue_poll(answers.get(), kLimitMs));
  if (!answer) return Transient("records of topic " + topic + " were not deleted within a minute");
  const auto code = rd_kafka_event_error(answer.get());
  return code == RD_KAFKA_RESP_ERR_NO_ERROR ? Ok() : Status(Failed("cannot delete records of topic " + topic, code));
}

Status KafkaClient::AlterTopic(const std::string& topic, const std::string& setting, const std::string& value) const {
  const std::string tried = "cannot set " + setting + " of topic " + topic;
  rd_kafka_ConfigResource_t* resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str());
  rd_kafka_ConfigResource_set_config(resource, setting.c_str(), value.c_str());
  const Queue answers(rd_kafka_queue_new(producer_.get()));
  rd_kafka_AlterConfigs(producer_.get(), &resource, 1, nullptr, answers.get());
  rd_kafka_ConfigResource_destroy(resource);
  const Event answer(rd_kafka_queue_poll(answers.get(), kLimitMs));
  if (!answer) return Transient(tried + " within a minute");
  if (rd_kafka_event_error(answer.get()) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return Failed(tried, rd_kafka_event_error(answer.get()));
  std::size_t count = 0;
  const auto* const results =
      rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(answer.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    if (const auto code = rd_kafka_ConfigResource_error(results[i]); code != RD_KAFKA_RESP_ERR_NO_ERROR)
      return Failed(tried, code);
  }
  return Ok();
}

Status KafkaClient::Allow(const std::string& user) const {
#if RD_KAFKA_VERSION < 0x020600ff
  return ConfigError("no rights can be given to " + user + ": librdkafka has to be 2.6.0 (./dev setup librdkafka)");
#else
  for (const auto type : {RD_KAFKA_RESOURCE_TOPIC, RD_KAFKA_RESOURCE_TRANSACTIONAL_ID}) {
    rd_kafka_AclBinding_t* wanted =
        rd_kafka_AclBinding_new(type, "*", RD_KAFKA_RESOURCE_PATTERN_LITERAL, ("User:" + user).c_str(), "*",
                                RD_KAFKA_ACL_OPERATION_ALL, RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW, nullptr, 0);
    if (wanted == nullptr) return Rejected("no such right of user " + user);
    const Queue answers(rd_kafka_queue_new(producer_.get()));
    rd_kafka_CreateAcls(producer_.get(), &wanted, 1, nullptr, answers.get());
    rd_kafka_AclBinding_destroy(wanted);
    const Event answer(rd_kafka_queue_poll(answers.get(), kLimitMs));
    if (!answer) return Transient("user " + user + " was given no rights within a minute");
    if (const auto code = rd_kafka_event_error(answer.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR)
      return Failed("cannot give user " + user + " rights", code);
    std::size_t count = 0;
    const auto* const results = rd_kafka_CreateAcls_result_acls(rd_kafka_event_CreateAcls_result(answer.get()), &count);
    for (std::size_t i = 0; i < count; ++i) {
      if (const rd_kafka_error_t* error = rd_kafka_acl_result_error(results[i]); error != nullptr)
        return Rejected("cannot give user " + user + " rights: " + rd_kafka_error_string(error));
    }
  }
  return Ok();
#endif
}

Result<int> KafkaClient::PartitionsOf(const std::string& topic) const {
  HG_ASSIGN_OR_RETURN(const Metadata metadata, Ask(producer_.get(), topic));
  return metadata->topics[0].partition_cnt;
}

Result<int> KafkaClient::LeaderOf(const std::string& topic, int partition) const {
  HG_ASSIGN_OR_RETURN(const Metadata metadata, Ask(producer_.get(), topic));
  HG_ASSIGN_OR_RETURN(const rd_kafka_metadata_partition_t* found, PartitionOf(*metadata, partition));
  return found->leader;
}

Result<int> KafkaClient::InSync(const std::string& topic, int partition) const {
  HG_ASSIGN_OR_RETURN(const Metadata metadata, Ask(producer_.get(), topic));
  HG_ASSIGN_OR_RETURN(const rd_kafka_metadata_partition_t* found, PartitionOf(*metadata, partition));
  return found->isr_cnt;
}

Result<int> KafkaClient::Brokers() const {
  HG_ASSIGN_OR_RETURN(const Metadata metadata, Ask(producer_.get()));
  return metadata->broker_cnt;
}

Result<std::string> KafkaClient::ClusterId() const {
  char* const id = rd_kafka_clusterid(producer_.get(), kAskMs);
  if (id == nullptr) return Transient("Kafka does not tell its cluster id");
  std::string text = id;
  rd_kafka_mem_free(producer_.get(), id);
  return text;
}

Result<std::int64_t> KafkaClient::GroupOffset(const std::string& group, const std::string& topic, int partition) const {
  KafkaSettings settings = settings_;
  settings["group.id"] = group;
  HG_ASSIGN_OR_RETURN(const KafkaHandle reader, Open(RD_KAFKA_CONSUMER, settings));
  const Partitions list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition);
  const rd_kafka_resp_err_t error = rd_kafka_committed(reader.get(), list.get(), kAskMs);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return Failed("cannot ask for the offsets of group " + group, error);
  return list->elems[0].offset < 0 ? -1 : list->elems[0].offset;
}

Status KafkaClient::CommitGroup(const std::string& group, const std::string& topic, int partition,
                                std::int64_t offset) const {
  KafkaSettings settings = settings_;
  settings["group.id"] = group;
  HG_ASSIGN_OR_RETURN(const KafkaHandle member, Open(RD_KAFKA_CONSUMER, settings));
  const Partitions list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = offset;
  const rd_kafka_resp_err_t error = rd_kafka_commit(member.get(), list.get(), 0);
  return error == RD_KAFKA_RESP_ERR_NO_ERROR ? Ok() : Status(Failed("cannot commit for group " + group, error));
}

Status KafkaClient::Produce(const std::string& topic, const std::vector<KafkaRecord>& records) const {
  return ProduceAll(producer_.get(), topic, records);
}

Result<std::vector<KafkaRecord>> KafkaClient::Read(const std::string& topic, KafkaIsolation isolation) const {
  HG_RETURN_IF_ERROR(PartitionsOf(topic));
  HG_ASSIGN_OR_RETURN(auto all, ReadAll({topic}, isolation));
  return std::move(all[topic]);
}

Result<std::map<std::string, std::vector<KafkaRecord>>> KafkaClient::ReadAll(const std::vector<std::string>& topics,
                                                                             KafkaIsolation isolation) const {
  const Partitions assigned(rd_kafka_topic_partition_list_new(static_cast<int>(topics.size())));
  std::map<std::string, std::vector<KafkaRecord>> all;
  for (const std::string& topic : topics) {
    const auto partitions = PartitionsOf(topic);
    if (!partitions.ok() && partitions.error().kind == ErrorKind::kRejected) continue;
    if (!partitions.ok()) return partitions.error();
    all[topic];
    for (int i = 0; i < *partitions; ++i)
      rd_kafka_topic_partition_list_add(assigned.get(), topic.c_str(), i)->offset = RD_KAFKA_OFFSET_BEGINNING;
  }
  HG_ASSIGN_OR_RETURN(const KafkaHandle consumer, Open(RD_KAFKA_CONSUMER, ReaderSettings(settings_, isolation)));
  rd_kafka_assign(consumer.get(), assigned.get());
  const auto end = SteadyClock::now() + std::chrono::milliseconds(kLimitMs);
  for (int left = assigned->cnt; left > 0;) {
    if (SteadyClock::now() >= end) return Transient("topic " + topics[0] + " could not be read to its end in a minute");
    const Message message(rd_kafka_consumer_poll(consumer.get(), kAskMs));
    if (!message) continue;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      --left;
    } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      all[rd_kafka_topic_name(message->rkt)].push_back(RecordOf(*message));
    } else if (message->err != RD_KAFKA_RESP_ERR__TRANSPORT && message->err != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
      return Failed("cannot read topic " + topics[0], message->err);
    }
  }
  for (auto& [topic, records] : all)
    std::ranges::sort(records, {}, [](const KafkaRecord& r) { return std::tuple(r.partition, r.offset); });
  return all;
}

Result<KafkaTransactions> KafkaTransactions::Open(KafkaSettings settings, const std::string& transactional_id) {
  settings["transactional.id"] = transactional_id;
  settings["linger.ms"] = "0";
  HG_ASSIGN_OR_RETURN(KafkaHandle producer, test::Open(RD_KAFKA_PRODUCER, settings));
  HG_RETURN_IF_ERROR(
      Check("cannot open transactions of " + transactional_id, rd_kafka_init_transactions(producer.get(), kLimitMs)));
  return KafkaTransactions(std::move(producer));
}

Status KafkaTransactions::Begin() const {
  return Check("cannot begin a transaction", rd_kafka_begin_transaction(producer_.get()));
}

Status KafkaTransactions::Produce(const std::string& topic, const std::vector<KafkaRecord>& records) const {
  return ProduceAll(producer_.get(), topic, records);
}

Status KafkaTransactions::Commit() const {
  return Check("cannot commit the transaction", rd_kafka_commit_transaction(producer_.get(), kLimitMs));
}

Status KafkaTransactions::Abort() const {
  return Check("cannot abort the transaction", rd_kafka_abort_transaction(producer_.get(), kLimitMs));
}

}  // namespace headgate::test
