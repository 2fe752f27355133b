#include "core/codec/debezium_avro.h"

#include "core/codec/connect_avro.h"
#include "core/codec/wire_header.h"

namespace headgate::codec {
namespace {

DebeziumOptions ForAvro(DebeziumOptions options) {
  using Names = DebeziumOptions::Names;
  options.schemas = false;
  options.schemas_apart = true;
  options.decimal_format = DebeziumOptions::DecimalFormat::kBase64;  // JSON on the way alone
  if (options.schema_names == Names::kNone) options.schema_names = Names::kAvro;
  if (options.field_names == Names::kNone) options.field_names = Names::kAvro;
  return options;
}

}  // namespace

DebeziumAvroEncoder::DebeziumAvroEncoder(DebeziumOptions options, SubjectStrategy subjects, SchemaStore* schemas)
    : debezium_(ForAvro(std::move(options))), subjects_(subjects), schemas_(schemas) {}

Status DebeziumAvroEncoder::Encode(const EventContext& event, std::string_view topic, RecordList& out) {
  const std::size_t start = out.size();
  Status rendered = debezium_.Render(event, topic, out);
  Status converted = Convert(out, start);
  if (!converted.ok()) out.Truncate(start);
  return rendered.ok() ? converted : rendered;
}

Status DebeziumAvroEncoder::EndTransaction(RecordList& out) {
  const std::size_t start = out.size();
  debezium_.EndTransaction(out);
  return Convert(out, start);
}

Status DebeziumAvroEncoder::Heartbeat(std::string_view topic_prefix, std::string_view source_name, std::int64_t now_ms,
                                      RecordList& out) {
  const std::size_t start = out.size();
  debezium_.Heartbeat(topic_prefix, source_name, now_ms, out);
  return Convert(out, start);
}

Status DebeziumAvroEncoder::Convert(RecordList& out, std::size_t start) {
  for (std::size_t i = start; i < out.size(); ++i) {
    Record& record = out[i];
    if (record.has_key) HG_RETURN_IF_ERROR(Convert(record.key, *record.key_schema, record.topic, true));
    if (record.has_value) HG_RETURN_IF_ERROR(Convert(record.value, *record.value_schema, record.topic, false));
  }
  return Ok();
}

Status DebeziumAvroEncoder::Convert(std::string& text, const ConnectSchema& schema, const std::string& topic,
                                    bool of_key) {
  avro_.clear();
  if (schemas_ != nullptr) {
    HG_ASSIGN_OR_RETURN(const std::uint32_t id, IdOf(schema, topic, of_key));
    AppendWireHeader(avro_, id);
  }
  HG_RETURN_IF_ERROR(AppendAvro(avro_, schema, text));
  text = avro_;
  return Ok();
}

Result<std::uint32_t> DebeziumAvroEncoder::IdOf(const ConnectSchema& schema, const std::string& topic, bool of_key) {
  const std::pair key(&schema, topic);
  if (const auto known = ids_.find(key); known != ids_.end()) return known->second;
  SchemaText text;
  text.text = AvroSchemaOf(schema);
  HG_ASSIGN_OR_RETURN(const std::uint32_t id, schemas_->IdOf(SubjectOf(subjects_, topic, of_key, schema.name), text));
  ids_[key] = id;
  return id;
}

}  // namespace headgate::codec
