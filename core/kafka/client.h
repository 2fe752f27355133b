#pragma once

#include <librdkafka/rdkafka.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/kafka/client_options.h"

namespace headgate::kafka {

// Objects of the library, owned.
struct Deleter {
  void operator()(rd_kafka_t* handle) const;
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
  void operator()(rd_kafka_error_t* error) const { rd_kafka_error_destroy(error); }
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
  void operator()(rd_kafka_headers_t* headers) const { rd_kafka_headers_destroy(headers); }
  void operator()(rd_kafka_topic_partition_list_t* list) const { rd_kafka_topic_partition_list_destroy(list); }
  void operator()(const rd_kafka_metadata_t* metadata) const { rd_kafka_metadata_destroy(metadata); }
  void operator()(rd_kafka_NewTopic_t* topic) const { rd_kafka_NewTopic_destroy(topic); }
  void operator()(rd_kafka_AdminOptions_t* options) const { rd_kafka_AdminOptions_destroy(options); }
  void operator()(rd_kafka_ConfigResource_t* resource) const { rd_kafka_ConfigResource_destroy(resource); }
};
template <class T>
using Owned = std::unique_ptr<T, Deleter>;

using Properties = std::vector<std::pair<std::string_view, std::string>>;

// One producer or consumer. All calls from one thread; the library has threads of its own behind it.
class Client {
 public:
  // Connects to nobody yet. kConfig: a property that the library does not take, with its words.
  static Result<std::unique_ptr<Client>> Open(const ClientOptions& options, rd_kafka_type_t type,
                                              const Properties& properties);

  rd_kafka_t* get() const { return handle_.get(); }
  const std::string& place() const { return place_; }  // "Kafka at kafka-1:9092": what errors name

  // Called for messages that were delivered or failed, inside of Poll and of the library's own waits.
  std::function<void(const rd_kafka_message_t&)> on_delivery;

  // Serves what the library has to tell, for at most this long.
  void Poll(int timeout_ms) { rd_kafka_poll(handle_.get(), timeout_ms); }

  // What a code of the library means while `tried` ("creating topic a"). Of a time-out, the reason that it told in
  // between, such as a sign-in that is refused.
  Error ErrorOf(rd_kafka_resp_err_t code, std::string_view tried, std::string_view detail = "") const;
  Error ErrorOf(const rd_kafka_error_t& error, std::string_view tried) const;

  // It works: what the library told before is no reason for what comes.
  void Well() { trouble_ = {RD_KAFKA_RESP_ERR_NO_ERROR, ""}; }

  // Makes topics that are not there, and returns once their partitions take records. Existing ones are fine; kConfig if
  // they may not be made so.
  struct NewTopic {
    std::string name;
    int partitions = 1;    // -1: as the cluster has it
    int replication = -1;  // -1: as the cluster has it
    std::vector<std::pair<std::string, std::string>> settings;
  };
  Status CreateTopic(const NewTopic& topic, int timeout_ms);
  // How many partitions a topic has; 0: there is no such topic.
  Result<int> PartitionsOf(const std::string& topic, int timeout_ms);
  // A setting of a topic, such as max.message.bytes.
  Result<std::string> TopicSetting(const std::string& topic, const std::string& setting, int timeout_ms);

 private:
  Status AwaitLeaders(const std::string& topic, int timeout_ms);
  explicit Client(const ClientOptions& options) : place_("Kafka at " + options.brokers) {}
  static void OnError(rd_kafka_t* handle, int code, const char* reason, void* self);
  static void OnDelivery(rd_kafka_t* handle, const rd_kafka_message_t* message, void* self);

  const std::string place_;
  std::pair<rd_kafka_resp_err_t, std::string> trouble_{RD_KAFKA_RESP_ERR_NO_ERROR, ""};  // as last told
  Owned<rd_kafka_t> handle_;
};

// What a code leads to.
ErrorKind KindOf(rd_kafka_resp_err_t code);

}  // namespace headgate::kafka
