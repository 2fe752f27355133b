#include "core/codec/avro_encoder.h"

#include "core/base/bytes.h"
#include "core/codec/native.h"
#include "core/codec/native_position.h"
#include "core/codec/wire_header.h"

namespace headgate::codec {
namespace {

// What follows the row's own fields in the envelope, in the order in which AppendEnvelope writes it.
constexpr std::string_view kEnvelopeTail =
    R"({"name":"unavailable","type":{"type":"array","items":"string"},"default":[]},)"
    R"({"name":"source","type":{"type":"record","name":"Source","fields":[{"name":"source","type":"string"},)"
    R"({"name":"stream","type":"string"},{"name":"connector","type":"string"},{"name":"position","type":"string"},)"
    R"({"name":"tx","type":"string"},{"name":"ordinal","type":"long"},{"name":"total","type":"long"},)"
    R"({"name":"commit_ts","type":{"type":"long","logicalType":"timestamp-micros"}},{"name":"schema","type":"int"}]}}]})";

std::string AvroNamespace(const EventContext& event) {
  std::string space = AvroName(event.source_name);
  for (const std::string& part : {event.schema->schema, event.schema->table}) {
    if (!part.empty()) space += "." + AvroName(part);
  }
  return space;
}

bool IsRowOp(Op op) { return op == Op::kInsert || op == Op::kUpdate || op == Op::kDelete || op == Op::kRead; }

}  // namespace

struct AvroEncoder::Shape {
  std::string stream;
  std::string space;  // namespace of its records
  std::vector<AvroColumn> columns;
  std::vector<std::size_t> key;
  std::string key_schema;
  std::string value_schema;
  std::string value_name;  // full name

  // Ids of one topic; asked for again if another comes.
  mutable std::string topic;
  mutable std::optional<std::uint32_t> key_id;
  mutable std::optional<std::uint32_t> value_id;

  Shape(const EventContext& event, bool envelope)
      : stream(StreamName(event.schema->schema, event.schema->table)),
        space(AvroNamespace(event)),
        columns(AvroColumnsOf(*event.schema)),
        key(event.schema->EventKey()) {
    const std::string in_space = "\",\"namespace\":\"" + space + "\",\"fields\":[";
    for (std::size_t i = 0; i < key.size(); ++i) {
      AvroColumn& column = columns[key[i]];
      column.nullable = false;  // a key that is null identifies nothing
      key_schema +=
          (i == 0 ? "{\"type\":\"record\",\"name\":\"Key" + in_space : std::string(",")) + column.SchemaOfField();
    }
    if (!key.empty()) key_schema += "]}";
    if (envelope) {
      for (AvroColumn& column : columns) column.nullable = true;
      for (const std::size_t i : key) columns[i].nullable = false;
    }
    std::string row = "{\"type\":\"record\",\"name\":\"Value";
    row += envelope ? "\",\"fields\":[" : in_space;
    for (std::size_t i = 0; i < columns.size(); ++i) row += (i > 0 ? "," : "") + columns[i].SchemaOfField();
    row += "]}";
    value_name = space + (envelope ? ".Envelope" : ".Value");
    if (!envelope) {
      value_schema = std::move(row);
      return;
    }
    value_schema = "{\"type\":\"record\",\"name\":\"Envelope" + in_space +
                   R"({"name":"id","type":"string"},{"name":"op","type":"string"},{"name":"before","type":["null",)" +
                   row + R"(],"default":null},{"name":"after","type":["null","Value"],"default":null},)";
    value_schema += kEnvelopeTail;
  }

  bool Identifies(const std::vector<Value>& row) const {
    for (const std::size_t i : key) {
      if (row[i].is_absent()) return false;
    }
    return !key.empty();
  }
};

AvroEncoder::AvroEncoder(AvroOptions options, bool tombstones, SchemaStore* schemas)
    : options_(options), tombstones_(tombstones), schemas_(schemas) {}
AvroEncoder::~AvroEncoder() = default;

std::string AvroEncoder::ValueSchema(const EventContext& event) { return ShapeOf(event).value_schema; }
std::string AvroEncoder::KeySchema(const EventContext& event) { return ShapeOf(event).key_schema; }

const AvroEncoder::Shape& AvroEncoder::ShapeOf(const EventContext& event) {
  const std::uint64_t id = static_cast<std::uint64_t>(event.change->stream) << 32 | event.change->schema;
  if (last_ != nullptr && id == last_id_) return *last_;
  auto& slot = shapes_[id];
  if (slot == nullptr) slot = std::make_unique<Shape>(event, options_.envelope == AvroEnvelope::kNative);
  last_ = slot.get();
  last_id_ = id;
  return *slot;
}

// Under REPLICA IDENTITY FULL an unchanged TOAST value is known from the old row.
Status AvroEncoder::ReadRows(const EventContext& event, const Shape& shape) {
  const Change& change = *event.change;
  before_.clear();
  after_.clear();
  if (change.has_before) HG_RETURN_IF_ERROR(ReadRow(change.before, before_));
  if (change.has_after) HG_RETURN_IF_ERROR(ReadRow(change.after, after_));
  const bool fits = (!change.has_before || before_.size() == shape.columns.size()) &&
                    (!change.has_after || after_.size() == shape.columns.size());
  if (!fits) return Corrupt("stored row of stream " + shape.stream + " does not fit its schema");
  if (change.has_before && change.has_after) {
    for (std::size_t i = 0; i < after_.size(); ++i) {
      if (after_[i].is_absent()) after_[i] = before_[i];
    }
  }
  return Ok();
}

Status AvroEncoder::AppendColumn(std::string& out, const Shape& shape, const AvroColumn& column,
                                 const Value& value) const {
  const bool envelope = options_.envelope == AvroEnvelope::kNative;
  const char* why = nullptr;
  if (value.is_null() || (value.is_absent() && envelope && column.nullable)) {
    if (column.nullable) {
      out.push_back('\0');
      return Ok();
    }
    why = "it is null, although the schema forbids it";
  } else if (value.is_absent()) {
    why =
        "the source did not send its value, and a row cannot say so: log whole rows at the source (REPLICA IDENTITY "
        "FULL, binlog_row_image=FULL), or choose envelope native";
  } else {
    if (column.nullable) out.push_back('\2');
    why = column.write(out, column, value);
  }
  if (why == nullptr) return Ok();
  return Rejected("column " + column.plain + " of " + shape.stream + " in format avro: " + why);
}

Status AvroEncoder::AppendRow(std::string& out, const Shape& shape, const std::vector<Value>& row) const {
  for (std::size_t i = 0; i < row.size(); ++i) HG_RETURN_IF_ERROR(AppendColumn(out, shape, shape.columns[i], row[i]));
  return Ok();
}

Status AvroEncoder::AppendEnvelope(std::string& out, const EventContext& event, const Shape& shape) const {
  const Change& change = *event.change;
  const TransactionInfo& tx = *event.tx;
  AppendAvroBytes(out, EventId(event.source_id, tx.epoch, tx.position, change.ordinal));
  AppendAvroBytes(out, Name(change.op));
  out.push_back(change.has_before ? '\2' : '\0');
  if (change.has_before) HG_RETURN_IF_ERROR(AppendRow(out, shape, before_));
  out.push_back(change.has_after ? '\2' : '\0');
  if (change.has_after) HG_RETURN_IF_ERROR(AppendRow(out, shape, after_));
  std::int64_t unavailable = 0;
  for (const Value& value : after_) unavailable += value.is_absent() ? 1 : 0;
  if (unavailable > 0) {
    PutSigned(out, unavailable);
    for (std::size_t i = 0; i < after_.size(); ++i) {
      if (after_[i].is_absent()) AppendAvroBytes(out, shape.columns[i].name);
    }
  }
  out.push_back('\0');
  AppendAvroBytes(out, event.source_id);
  AppendAvroBytes(out, shape.stream);
  AppendAvroBytes(out, event.connector);
  std::string position;
  AppendPosition(position, event);
  AppendAvroBytes(out, std::string_view(position).substr(position.find('{')));
  AppendAvroBytes(out, tx.id);
  PutSigned(out, change.ordinal);
  PutSigned(out, tx.total);
  PutSigned(out, tx.commit_us);
  PutSigned(out, event.schema_version);
  return Ok();
}

Status AvroEncoder::AppendHeader(std::string& out, const Shape& shape, std::string_view topic, bool of_key) {
  if (schemas_ == nullptr) return Ok();
  if (shape.topic != topic) {
    shape.topic = topic;
    shape.key_id.reset();
    shape.value_id.reset();
  }
  auto& id = of_key ? shape.key_id : shape.value_id;
  if (!id) {
    const std::string subject =
        SubjectOf(options_.subjects, topic, of_key, of_key ? shape.space + ".Key" : shape.value_name);
    HG_ASSIGN_OR_RETURN(
        id, schemas_->IdOf(subject, {SchemaLanguage::kAvro, of_key ? shape.key_schema : shape.value_schema, {}}));
  }
  AppendWireHeader(out, *id);
  return Ok();
}

Status AvroEncoder::AppendKey(std::string& out, const Shape& shape, const std::vector<Value>& row,
                              std::string_view topic) {
  if (!shape.Identifies(row)) return Ok();
  HG_RETURN_IF_ERROR(AppendHeader(out, shape, topic, true));
  for (const std::size_t i : shape.key) HG_RETURN_IF_ERROR(AppendColumn(out, shape, shape.columns[i], row[i]));
  return Ok();
}

Status AvroEncoder::AppendValue(Record& record, const EventContext& event, const Shape& shape, std::string_view topic) {
  record.has_value = true;
  HG_RETURN_IF_ERROR(AppendHeader(record.value, shape, topic, false));
  if (options_.envelope == AvroEnvelope::kNative) return AppendEnvelope(record.value, event, shape);
  return AppendRow(record.value, shape, after_);
}

Status AvroEncoder::EncodeRow(const EventContext& event, std::string_view topic, RecordList& out) {
  const Change& change = *event.change;
  const Shape& shape = ShapeOf(event);
  HG_RETURN_IF_ERROR(ReadRows(event, shape));
  const auto add = [&](const std::string& key) -> Record& {
    Record& record = out.Add();
    record.topic = topic;
    record.has_key = !key.empty();
    record.key = key;
    return record;
  };
  key_.clear();
  previous_key_.clear();
  if (change.has_after || change.has_before)
    HG_RETURN_IF_ERROR(AppendKey(key_, shape, change.has_after ? after_ : before_, topic));
  if (change.op == Op::kUpdate && change.has_after && change.has_before) {
    HG_RETURN_IF_ERROR(AppendKey(previous_key_, shape, before_, topic));
    if (previous_key_ == key_) previous_key_.clear();
  }
  if (options_.envelope == AvroEnvelope::kNative) {
    HG_RETURN_IF_ERROR(AppendValue(add(key_), event, shape, topic));
    if (tombstones_ && change.op == Op::kDelete && !key_.empty()) add(key_).id_suffix = "-t";
    if (tombstones_ && !previous_key_.empty()) add(previous_key_).id_suffix = "-t";
    return Ok();
  }
  if (change.op == Op::kDelete) {
    if (key_.empty())
      return Rejected("a delete in stream " + shape.stream +
                      ", which has no key, has no form with envelope row: give the table a primary key, or choose "
                      "envelope native");
    add(key_);
    return Ok();
  }
  if (!change.has_after) return Ok();
  if (!previous_key_.empty()) add(previous_key_).id_suffix = "-t";
  return AppendValue(add(key_), event, shape, topic);
}

Status AvroEncoder::Encode(const EventContext& event, std::string_view topic, RecordList& out) {
  const Op op = event.change->op;
  const bool truncate = op == Op::kTruncate && options_.envelope == AvroEnvelope::kNative;
  if (!IsRowOp(op) && !truncate) return Ok();
  if (event.schema == nullptr)
    return Rejected("a change of op " + std::string(Name(op)) + " came without the schema of its stream");
  const std::size_t start = out.size();
  Status status = EncodeRow(event, topic, out);
  if (!status.ok()) out.Truncate(start);
  return status;
}

}  // namespace headgate::codec
