#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/codec/record_encoder.h"
#include "core/config/spec.h"
#include "core/kafka/client_options.h"
#include "core/schema_registry/settings.h"

// The settings of one sink, typed and checked across keys. Everything else of the folder reads this, never the map.
namespace headgate::kafka::sink {

struct Options {
  enum class Rejected : std::uint8_t { kDeadLetter, kBlockKey, kStop };

  std::string name;  // of the connector
  ClientOptions client;

  std::string topic;        // with ${table}, ${schema}, ${stream} and ${column.NAME}
  std::string topic_regex;  // "": none
  std::string topic_replacement;
  std::string topic_default;  // of rows without a column that `topic` has; "": there is none
  bool create_topics = true;
  int partitions = -1;   // of a topic that is made; -1: as the brokers have it
  int replication = -1;  // the same
  std::vector<std::pair<std::string, std::string>> topic_settings;
  codec::RecordOptions records;
  std::optional<schema_registry::Options> registry;  // without its guard
  std::string id_header;                             // of the event id; "": none
  bool commit_timestamps = true;
  std::chrono::milliseconds heartbeat_interval{0};  // 0: none
  std::string heartbeat_prefix;                     // of their topics

  bool exactly_once = true;
  std::string transactional_id;
  std::string progress_topic;
  std::chrono::milliseconds transaction_timeout{300'000};
  std::chrono::milliseconds timeout{60'000};  // of one record
  Rejected on_rejected = Rejected::kDeadLetter;
  std::size_t batch_records_max = 100'000;
  std::size_t batch_bytes_max = 32 << 20;
  std::chrono::milliseconds batch_delay_max{0};
  std::size_t record_bytes_max = 1'000'000;
  std::string compression;
  std::string partitioner;
};

struct ReadOptions {
  Options options;                       // complete only if there are no errors
  std::vector<config::KeyError> errors;  // per key
};

// Values that still hold a placeholder pass every check of their content (validate without resolution).
ReadOptions Read(const std::string& name, const config::Bound& bound);

// Whether they are upstream's: with places for messages, statements and heartbeats.
bool IsOfDebezium(const codec::RecordOptions& records);

// The topic of a stream: `topic` with the stream's names in place of ${table}, ${schema} and ${stream}, and values of
// columns in place of ${column.NAME}; each character that topics may not have becomes one _.
std::string TopicOf(const Options& options, std::string_view stream, std::string_view schema, std::string_view table,
                    const std::vector<std::pair<std::string, std::string>>& columns = {});
// What a topic may not be named so for: "is empty."; "" if it may.
std::string_view WrongWithTopic(std::string_view name);

}  // namespace headgate::kafka::sink
