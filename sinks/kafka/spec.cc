#include "sinks/kafka/spec.h"

#include "core/config/option_builders.h"
#include "core/kafka/client_options.h"
#include "core/pipeline/event_transforms.h"
#include "core/pipeline/message_options.h"
#include "core/pipeline/rendering_options.h"
#include "core/schema_registry/settings.h"

namespace headgate::kafka::sink {
namespace {

using config::Choice;
using config::Defaulted;
using config::Number;
using config::Option;
using config::Optional;
using config::OptionType;
using config::WithExample;

std::vector<Option> TopicOptions() {
  constexpr std::string_view kGroup = "Topics";
  Option partitions = Optional("topic_partitions", OptionType::kInt, kGroup, "Partitions",
                               "Partitions of a topic that is made; as the brokers have it if it is not set.");
  partitions.minimum = 1;
  Option replication = Optional("topic_replication_factor", OptionType::kInt, kGroup, "Replication factor",
                                "Copies of a topic that is made; as the brokers have it if it is not set.");
  replication.minimum = 1;
  Option progress = Optional("progress_topic", OptionType::kString, kGroup, "Progress topic",
                             "The compacted topic that holds how far the sink has come, and moves with its records. "
                             "Made if it is not there.");
  progress.derive = [](std::string_view connector) { return "headgate_progress_" + std::string(connector); };
  return {
      WithExample(Defaulted("topic", OptionType::kString, "${stream}", kGroup, "Topic",
                            "The topic, with ${table}, ${schema} or ${stream} for the names of the stream, and "
                            "${column.NAME} for the value that the row has in that column; what topics may not have in "
                            "their names becomes _."),
                  "shop.${table}"),
      WithExample(Optional("topic_regex", OptionType::kString, kGroup, "Topic, expression",
                           "A topic that this RE2 expression matches as a whole becomes topic_replacement instead."),
                  "(.*)_shard_[0-9]+"),
      WithExample(Optional("topic_replacement", OptionType::kString, kGroup, "Topic, replacement",
                           "With $1, $2 and so on for the groups of topic_regex."),
                  "$1"),
      WithExample(Optional("topic_default", OptionType::kString, kGroup, "Topic, default",
                           "The topic of rows that have no value in a column that topic needs. Dead letters if it is "
                           "not set."),
                  "shop.others"),
      Defaulted("create_topics", OptionType::kBoolean, "true", kGroup, "Create topics",
                "Whether a topic that is not there is made. The setting topic.<name> is a setting of topics that are "
                "made, such as topic.cleanup.policy=compact."),
      std::move(partitions),
      std::move(replication),
      std::move(progress),
  };
}

std::vector<Option> RecordOptions() {
  constexpr std::string_view kGroup = "Records";
  std::vector<Option> out = {
      Choice("format", "native", {"native", "debezium", "row", "cloudevents", "cloudevents-binary", "avro", "protobuf"},
             kGroup, "Format",
             "How a change is rendered: as a native event, as Debezium does, the row alone, a native event in a "
             "CloudEvent (structured or with its attributes as headers), or in Avro or Protobuf."),
      Defaulted("tombstones", OptionType::kBoolean, "true", kGroup, "Tombstones",
                "Whether a null value follows under the key of a row that was deleted, and under the old key of one "
                "whose key changed, as compacted topics need it. format=debezium has tombstones.on.delete instead."),
      Optional("type_prefix", OptionType::kString, kGroup, "Type prefix", "Goes before the type in CloudEvents."),
      Optional("ce_source", OptionType::kString, kGroup, "Source",
               "The source attribute of CloudEvents; /headgate/<source or view> if it is not set."),
      Defaulted("id_header", OptionType::kString, "event-id", kGroup, "Header of the event id",
                "The header of every record that has the id of its event, the same whenever it is sent; none if it is "
                "empty."),
      Choice("timestamp", "commit", {"commit", "now"}, kGroup, "Timestamp",
             "The time of records: of the commit at the source, or of sending."),
      Choice("partitioner", "murmur2_random",
             {"murmur2_random", "murmur2", "consistent_random", "consistent", "fnv1a_random", "fnv1a"}, kGroup,
             "Partitioner",
             "How a key chooses its partition. murmur2_random does as producers in Java; consistent_random as most in "
             "other languages."),
  };
  for (Option& option : NativeRenderingSpec(kGroup)) out.push_back(std::move(option));
  out.push_back(Number("heartbeat_interval_ms", "0", 0, 86'400'000, kGroup, "Heartbeat, interval",
                       "Of format=debezium: how often a record says that the sink has written what the log has of a "
                       "source, whether anything changed there. 0: never."));
  out.push_back(Defaulted("heartbeat_topic_prefix", OptionType::kString, "__debezium-heartbeat", kGroup,
                          "Heartbeat, prefix of topics",
                          "Heartbeats go to the topic <prefix>.<source>, as topic.heartbeat.prefix has it there."));
  return out;
}

std::vector<Option> RowOptions() {
  return FlatRowSpec(
      "tombstone",
      "Of format=row. tombstone: a null value under the key. rewrite: the row as it was, as far as the "
      "source tells; every row has the member __deleted, true or false, and with tombstones=true the null "
      "value follows.");
}
std::vector<Option> OutboxOptions() { return OutboxSpec(OutboxTarget::kTopics); }

std::vector<Option> SchemaOptions() {
  constexpr std::string_view kGroup = "Schemas";
  std::vector<Option> out = {
      Choice("envelope", "row", {"row", "native", "debezium"}, kGroup, "Envelope",
             "What format=avro has as the value: the row, an event around it, or what Debezium with Confluent's "
             "AvroConverter writes, in the shape that the options of format=debezium give it."),
      Choice("subjects", "topic", {"topic", "record", "topic-record"}, kGroup, "Subjects",
             "What a schema's subject in the registry is named after."),
      WithExample(Optional("proto", OptionType::kString, kGroup, "Protobuf schema",
                           "Of format=protobuf: the text of a .proto file, or a FileDescriptorSet in base64. Made of "
                           "the stream's columns if it is not set."),
                  "syntax = \"proto3\"; message Order { int64 id = 1; }"),
      WithExample(Optional("message", OptionType::kString, kGroup, "Message",
                           "The message of proto that a row becomes; to be named if there are several."),
                  "Order"),
      WithExample(
          Optional("fields", OptionType::kList, kGroup, "Fields",
                   "Which columns the fields of the message have, field=column; by their names if none is said."),
          "sensorID=sensor_id,command=command"),
  };
  schema_registry::AppendOptions(out, true);
  return out;
}

std::vector<Option> DeliveryOptions() {
  constexpr std::string_view kGroup = "Delivery";
  Option id = Optional("transactional_id", OptionType::kString, kGroup, "Transactional id",
                       "Of delivery=exactly_once: who begins to use it ends the one that used it before. Transactions "
                       "take turns between it and the same with /2 behind it.");
  id.derive = [](std::string_view connector) { return "headgate_" + std::string(connector); };
  return {
      Choice("delivery", "exactly_once", {"exactly_once", "at_least_once"}, kGroup, "Delivery",
             "exactly_once writes whole transactions of the log in transactions of Kafka, together with the progress: "
             "readers with isolation.level=read_committed see each record once, and no transaction in halves. "
             "at_least_once uses an idempotent producer alone: after a crash some records come again."),
      std::move(id),
      Number("transaction_timeout_ms", "300000", 1'000, 3'600'000, kGroup, "Transaction timeout",
             "How long a transaction may take before the brokers end it: it limits how large a transaction of the "
             "source may be, and is how long readers wait when Headgate is gone for good. At most "
             "transaction.max.timeout.ms of the brokers."),
      Number("timeout_ms", "60000", 1'000, 3'600'000, kGroup, "Timeout",
             "How long a record is tried before the run ends and begins again."),
      Number("batch_records_max", "100000", 1, 1'000'000, kGroup, "Batch, records",
             "About how many records go in one transaction; a transaction of the source that has more takes one of "
             "its own."),
      Number("batch_bytes_max", "33554432", 1'024, 256 << 20, kGroup, "Batch, bytes", "The same in bytes."),
      Number("batch_delay_ms_max", "0", 0, 60'000, kGroup, "Batch, delay",
             "How long a transaction waits for others to be written with. While one is written the next gather in any "
             "case."),
      Number("record_bytes_max", "1000000", 1'024, 1'000'000'000, kGroup, "Record, bytes",
             "A larger record becomes a dead letter. To be raised together with max.message.bytes of the topics, as it "
             "is the size of what is sent at once, too."),
      Choice("on_rejected", "dead_letter", {"dead_letter", "block_key", "stop"}, kGroup, "On a rejected record",
             "What becomes of a record that cannot be rendered or that the brokers do not take: it is stored and later "
             "ones go on, or those of its key wait behind it, or the sink stops."),
      Choice("compression", "lz4", {"none", "gzip", "snappy", "lz4", "zstd"}, kGroup, "Compression",
             "Compression of what is sent at once."),
  };
}

config::ComponentSpec Make() {
  config::ComponentSpec spec{
      "KafkaSink", {"kafka"}, config::ComponentKind::kSink, ClientSpec(), {"topic.", kPropertyPrefix}};
  for (auto* group : {&TopicOptions, &RecordOptions, &RowOptions, &DebeziumRenderingSpec, &DebeziumTopicSpec,
                      &SchemaOptions, &OutboxOptions, &DeliveryOptions}) {
    for (Option& option : group()) spec.options.push_back(std::move(option));
  }
  for (Option& option : SinkTransformSpec(SinkTransforms::kAll)) spec.options.push_back(std::move(option));
  return spec;
}

}  // namespace

const config::ComponentSpec& Spec() {
  static const config::ComponentSpec spec = Make();
  return spec;
}

}  // namespace headgate::kafka::sink
