#include "core/codec/debezium_shape.h"
#include "core/codec/json_text.h"

// What records of topics that belong to no table have in common, and heartbeats (3.9).
namespace headgate::codec {

void DebeziumEncoder::Wrap(Record& record, ServiceRecord kind, std::string_view connector) {
  if (!options_->schemas && !options_->schemas_apart) return;
  auto& [key, value] = service_schemas_[std::to_string(static_cast<int>(kind)) + std::string(connector)];
  if (key.name.empty()) {
    key = KeySchemaOf(kind, connector);
    value = ValueSchemaOf(kind, connector, *options_);
  }
  record.key_schema = &key;
  record.value_schema = &value;
  if (options_->schemas_apart) return;
  record.key = SchemaHead(key) + record.key + "}";
  record.value = SchemaHead(value) + record.value + "}";
}

void DebeziumEncoder::Heartbeat(std::string_view topic_prefix, std::string_view source_name, std::int64_t now_ms,
                                RecordList& out) {
  Record& record = out.Add();
  record.topic = TopicName(std::string(topic_prefix) + "." + std::string(source_name));
  record.has_key = record.has_value = true;
  record.key = "{\"serverName\":";
  AppendJsonString(record.key, source_name);
  record.key.push_back('}');
  record.value = "{\"ts_ms\":";
  AppendInt(record.value, now_ms);
  record.value.push_back('}');
  Wrap(record, ServiceRecord::kHeartbeat, "");
}

}  // namespace headgate::codec
