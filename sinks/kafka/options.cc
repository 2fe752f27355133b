#include "sinks/kafka/options.h"

#include <algorithm>

#include "core/codec/record.h"
#include "core/config/secrets.h"
#include "core/pipeline/event_transforms.h"
#include "core/pipeline/message_options.h"
#include "core/pipeline/rendering_options.h"
#include "sinks/kafka/router.h"

namespace headgate::kafka::sink {
namespace {

constexpr std::size_t kTopicMax = 249;

bool IsTopicCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

void Replace(std::string& text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

}  // namespace

bool IsOfDebezium(const codec::RecordOptions& records) {
  return records.format == codec::RecordFormat::kDebezium ||
         (records.format == codec::RecordFormat::kAvro && records.avro.envelope == codec::AvroEnvelope::kDebezium);
}

namespace {

class KafkaSettings {
 public:
  KafkaSettings(const std::string& name, const config::Bound& bound) : bound_(bound) { o_.name = name; }

  ReadOptions Read() {
    o_.client = ReadClient(bound_,
                           {"enable.idempotence", "transactional.id", "transaction.timeout.ms", "message.timeout.ms",
                            "delivery.timeout.ms", "acks", "request.required.acks", "compression.type",
                            "compression.codec", "partitioner", "message.max.bytes", "delivery.report.only.error"},
                           out_.errors);
    ReadTopics();
    ReadRecords();
    ReadDelivery();
    ReadSinkTransforms(bound_, SinkTransforms::kAll, out_.errors);
    return std::move(out_);
  }

 private:
  void Fail(std::string_view key, std::string_view text) {
    out_.errors.push_back({std::string(key), "Setting \"" + std::string(key) + "\" " + std::string(text)});
  }
  bool Known(std::string_view key) const {
    return !bound_.Text(key).empty() && !config::HasPlaceholder(bound_.Text(key));
  }

  void ReadTopics() {
    o_.topic = bound_.Text("topic");
    if (Known("topic")) {
      std::string sample = o_.topic;
      for (const std::string_view part : {"${table}", "${schema}", "${stream}"}) Replace(sample, part, "t");
      for (const std::string& column : ColumnsOf(sample)) Replace(sample, "${column." + column + "}", "t");
      if (const std::string_view wrong = WrongWithTopic(sample); !wrong.empty()) Fail("topic", wrong);
    }
    ReadRoute();
    o_.create_topics = bound_.Bool("create_topics");
    if (Known("topic_partitions")) o_.partitions = static_cast<int>(bound_.Int("topic_partitions"));
    if (Known("topic_replication_factor")) o_.replication = static_cast<int>(bound_.Int("topic_replication_factor"));
    for (const auto& [name, value] : bound_.WithPrefix("topic.")) o_.topic_settings.emplace_back(name, value);
    o_.progress_topic = bound_.Text("progress_topic");
    if (Known("progress_topic")) {
      if (const std::string_view wrong = WrongWithTopic(o_.progress_topic); !wrong.empty())
        Fail("progress_topic", wrong);
    }
  }

  void ReadRoute() {
    o_.topic_regex = bound_.Text("topic_regex");
    o_.topic_replacement = bound_.Text("topic_replacement");
    o_.topic_default = bound_.Text("topic_default");
    if (Known("topic_default")) {
      if (const std::string_view wrong = WrongWithTopic(o_.topic_default); !wrong.empty()) Fail("topic_default", wrong);
      if (ColumnsOf(o_.topic).empty()) Fail("topic_default", "has a meaning only if topic has a ${column.NAME}.");
    }
    if (o_.topic_regex.empty() != o_.topic_replacement.empty()) {
      Fail(o_.topic_regex.empty() ? "topic_regex" : "topic_replacement",
           "is missing: topic_regex and topic_replacement go together.");
    } else if (Known("topic_regex") && Known("topic_replacement")) {
      if (const std::string wrong = WrongWithRoute(o_.topic_regex, o_.topic_replacement); !wrong.empty())
        Fail("topic_regex", wrong);
    }
  }

  void ReadRecords() {
    codec::RecordOptions& r = o_.records;
    const std::string& format = bound_.Text("format");
    if (!codec::ParseRecordFormat(format, r.format) && !config::HasPlaceholder(format))
      Fail("format", "is \"" + format + "\", which no encoder knows.");
    ReadRendering(bound_, r.native, r.debezium, out_.errors);
    r.tombstones = bound_.Bool("tombstones");
    r.cloud_events.source = bound_.Text("ce_source");
    r.cloud_events.type_prefix = bound_.Text("type_prefix");
    ReadSchemas();
    ReadMessages();
    o_.id_header = bound_.Text("id_header");
    o_.commit_timestamps = bound_.Text("timestamp") == "commit";
    o_.heartbeat_interval = std::chrono::milliseconds(bound_.Int("heartbeat_interval_ms"));
    o_.heartbeat_prefix = bound_.Text("heartbeat_topic_prefix");
    if (o_.heartbeat_interval.count() > 0 && !IsOfDebezium(r))
      Fail("heartbeat_interval_ms", "has a meaning only with format=debezium, or envelope=debezium in Avro.");
    if (const std::string_view wrong = WrongWithTopic(o_.heartbeat_prefix);
        !wrong.empty() && !config::HasPlaceholder(o_.heartbeat_prefix))
      Fail("heartbeat_topic_prefix", wrong);
  }

  void ReadSchemas() {
    using Format = codec::RecordFormat;
    codec::RecordOptions& r = o_.records;
    o_.registry = schema_registry::ReadOptions(bound_, true, out_.errors);
    const std::string& envelope = bound_.Text("envelope");
    r.avro.envelope = envelope == "native"     ? codec::AvroEnvelope::kNative
                      : envelope == "debezium" ? codec::AvroEnvelope::kDebezium
                                               : codec::AvroEnvelope::kRow;
    if (!codec::ParseSubjectStrategy(bound_.Text("subjects"), r.avro.subjects))
      Fail("subjects", "must be topic, record or topic-record.");
    r.protobuf.subjects = r.avro.subjects;
    r.protobuf.schema = bound_.Text("proto");
    r.protobuf.message = bound_.Text("message");
    for (const std::string& pair : bound_.List("fields")) {
      const auto equals = pair.find('=');
      if (equals == std::string::npos || equals == 0 || equals + 1 == pair.size()) {
        if (!config::HasPlaceholder(pair))
          Fail("fields", "has \"" + pair + "\": it must be a comma list of field=column.");
        continue;
      }
      r.protobuf.fields.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
    }
    if (r.format != Format::kProtobuf) {
      for (const std::string_view key : {"proto", "message", "fields"}) {
        if (Known(key)) Fail(key, "has a meaning only with format=protobuf.");
      }
    } else if (r.protobuf.schema.empty() && !o_.registry && bound_.Text("registry").empty()) {
      Fail("proto", "is missing: format=protobuf needs the text of a .proto file, or a registry.");
    }
    if (r.format == Format::kAvro && bound_.Text("registry").empty())
      Fail("registry", "is missing: format=avro needs one, as nobody could read the records without their schema.");
    if (r.format != Format::kAvro && r.format != Format::kProtobuf && Known("registry"))
      Fail("registry", "has a meaning only with format=avro and format=protobuf.");
  }

  void ReadMessages() {
    codec::RecordOptions& r = o_.records;
    r.flat = ReadFlatRows(bound_, r.format == codec::RecordFormat::kRow, out_.errors);
    r.outbox = ReadOutbox(bound_, OutboxTarget::kTopics, out_.errors);
    std::string sample = r.outbox.topic;
    Replace(sample, "${aggregate_type}", "t");
    if (const std::string_view wrong = WrongWithTopic(sample); Known("outbox_topic") && !wrong.empty())
      Fail("outbox_topic", wrong);
  }

  void ReadDelivery() {
    o_.exactly_once = bound_.Text("delivery") == "exactly_once";
    o_.transactional_id = bound_.Text("transactional_id");
    o_.transaction_timeout = std::chrono::milliseconds(bound_.Int("transaction_timeout_ms"));
    o_.timeout = std::chrono::milliseconds(bound_.Int("timeout_ms"));
    if (o_.exactly_once && o_.timeout > o_.transaction_timeout)
      Fail("timeout_ms", "may not be longer than transaction_timeout_ms: the brokers end the transaction before.");
    const std::string& rejected = bound_.Text("on_rejected");
    o_.on_rejected = rejected == "stop"        ? Options::Rejected::kStop
                     : rejected == "block_key" ? Options::Rejected::kBlockKey
                                               : Options::Rejected::kDeadLetter;
    if (rejected == "block_key" && !o_.exactly_once)
      Fail("on_rejected",
           "is block_key, which needs delivery=exactly_once: without transactions later records may have "
           "gone with the one that is refused.");
    o_.batch_records_max = static_cast<std::size_t>(bound_.Int("batch_records_max"));
    o_.batch_bytes_max = static_cast<std::size_t>(bound_.Int("batch_bytes_max"));
    o_.batch_delay_max = std::chrono::milliseconds(bound_.Int("batch_delay_ms_max"));
    o_.record_bytes_max = static_cast<std::size_t>(bound_.Int("record_bytes_max"));
    o_.compression = bound_.Text("compression");
    o_.partitioner = bound_.Text("partitioner");
  }

  const config::Bound& bound_;
  ReadOptions out_;
  Options& o_ = out_.options;
};

}  // namespace

std::string_view WrongWithTopic(std::string_view name) {
  if (name.empty()) return "is empty.";
  if (name.size() > kTopicMax) return "is longer than 249 characters.";
  if (name == "." || name == "..") return "may not be . or ..";
  if (!std::ranges::all_of(name, IsTopicCharacter)) return "may have only a-z, A-Z, 0-9, ., _ and - in it.";
  return "";
}

ReadOptions Read(const std::string& name, const config::Bound& bound) { return KafkaSettings(name, bound).Read(); }

std::string TopicOf(const Options& options, std::string_view stream, std::string_view schema, std::string_view table,
                    const std::vector<std::pair<std::string, std::string>>& columns) {
  std::string topic = options.topic;
  Replace(topic, "${stream}", stream);
  Replace(topic, "${schema}", schema);
  Replace(topic, "${table}", table);
  for (const auto& [column, value] : columns) Replace(topic, "${column." + column + "}", value);
  return codec::TopicName(topic);
}

}  // namespace headgate::kafka::sink
