#include "core/codec/debezium.h"

#include <algorithm>

#include "core/codec/debezium_shape.h"
#include "core/codec/java_map.h"
#include "core/codec/json_text.h"

namespace headgate::codec {
namespace {

constexpr std::string_view kMessageCollection = "LOGICAL_DECODING_MESSAGE";

bool IsBinlog(const EventContext& e) { return e.connector == "mysql" || e.connector == "mariadb"; }
bool IsStreamed(const TransactionInfo& tx) {
  const PositionKind kind = tx.position.kind;
  return kind == PositionKind::kPgCommit || kind == PositionKind::kNamed || kind == PositionKind::kBinlog;
}
bool IsSnapshot(const TransactionInfo& tx) {
  return tx.position.kind == PositionKind::kChunk || tx.position.kind == PositionKind::kState;
}

std::uint64_t LsnOf(const EventContext& e) {
  if (IsSnapshot(*e.tx)) return e.tx->consistent_at;
  const PositionKind kind = e.tx->position.kind;
  return kind == PositionKind::kPgMessage || kind == PositionKind::kIngest ? e.tx->position.a : e.change->place;
}

// Place of a snapshot row: the ends of the whole win over those of a table, the end of a table over its start.
std::string_view SnapshotFlag(const EventContext& e) {
  const TransactionInfo& tx = *e.tx;
  if (!IsSnapshot(tx)) return "false";
  const bool last = e.change->ordinal == tx.total;
  if (last && (tx.flags & kLastOfSnapshot) != 0) return "last";
  const bool first = e.change->ordinal == 1;
  if (first && (tx.flags & kFirstOfSnapshot) != 0) return "first";
  if (last && (tx.flags & kLastOfStream) != 0) return "last_in_data_collection";
  if (first && (tx.flags & kFirstOfStream) != 0) return "first_in_data_collection";
  return "true";
}

bool IsDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

Error MalformedRow(const std::string& table) { return Corrupt("stored row of " + table + " does not fit its schema"); }

}  // namespace

// The events of the running transaction so far.
struct DebeziumEncoder::Transaction {
  Position position;
  bool begun = false;
  // Of its END record.
  std::string end_topic;
  std::string end_key;
  std::int64_t commit_ms = 0;
  std::uint64_t events = 0;
  std::uint64_t of_collection = 0;                                 // of the event counted last
  std::vector<std::pair<std::string, std::uint64_t>> collections;  // in the order of their first event
};

DebeziumEncoder::DebeziumEncoder(DebeziumOptions options)
    : options_(std::make_unique<DebeziumOptions>(std::move(options))), transaction_(std::make_unique<Transaction>()) {}
DebeziumEncoder::~DebeziumEncoder() = default;
DebeziumEncoder::DebeziumEncoder(DebeziumEncoder&&) noexcept = default;

const DebeziumEncoder::Shape& DebeziumEncoder::ShapeOf(const EventContext& e) {
  const std::uint64_t id = static_cast<std::uint64_t>(e.change->stream) << 32 | e.change->schema;
  if (last_ != nullptr && id == last_id_) return *last_;
  auto& slot = shapes_[id];
  if (slot == nullptr) slot = std::make_unique<Shape>(*e.schema, e.source_name, e.connector, *options_);
  last_ = slot.get();
  last_id_ = id;
  return *slot;
}

// Under REPLICA IDENTITY FULL an unchanged TOAST value is known from the old row.
Status DebeziumEncoder::ReadRows(const EventContext& e, const Shape& shape) {
  const Change& change = *e.change;
  if (change.has_before) {
    HG_RETURN_IF_ERROR(ReadRow(change.before, before_));
    if (before_.size() != shape.columns) return MalformedRow(shape.table);
  }
  if (change.has_after) {
    HG_RETURN_IF_ERROR(ReadRow(change.after, after_));
    if (after_.size() != shape.columns) return MalformedRow(shape.table);
  }
  if (change.has_before && change.has_after) {
    for (std::size_t i = 0; i < after_.size(); ++i) {
      if (after_[i].is_absent()) after_[i] = before_[i];
    }
  }
  return Ok();
}

// "ts_ms":1,"ts_us":1000,"ts_ns":1000000, without braces.
void DebeziumEncoder::AppendTimestamps(std::string& out, std::int64_t us) {
  out += "\"ts_ms\":";
  AppendInt(out, us / 1000);
  out += ",\"ts_us\":";
  AppendInt(out, us);
  AppendNanoseconds(out, us);
}

// ,"ts_ns":1000
void DebeziumEncoder::AppendNanoseconds(std::string& out, std::int64_t us) {
  out += options_->ts_ns_string ? ",\"ts_ns\":\"" : ",\"ts_ns\":";
  AppendInt(out, us);
  if (us != 0) out += "000";  // 0000 is no number in JSON
  if (options_->ts_ns_string) out.push_back('"');
}

// The whole member, from its comma to the closing brace.
void DebeziumEncoder::AppendSource(std::string& out, const EventContext& e, const SourceNames& names) {
  const TransactionInfo& tx = *e.tx;
  if (source_head_.empty() || source_name_ != e.source_name) {
    source_name_ = e.source_name;
    source_head_ = ",\"source\":{\"version\":";
    AppendJsonString(source_head_, options_->version);
    source_head_ += ",\"connector\":";
    AppendJsonString(source_head_, e.connector);
    source_head_ += ",\"name\":";
    AppendJsonString(source_head_, e.source_name);
    source_head_ += ",\"ts_ms\":";
  }
  out += source_head_;
  AppendInt(out, tx.commit_us / 1000);
  const std::string_view flag = SnapshotFlag(e);
  if (options_->snapshot_boolean) {
    out += flag == "false" ? ",\"snapshot\":false" : ",\"snapshot\":true";
  } else {
    out += ",\"snapshot\":\"";
    out += flag;
    out.push_back('"');
  }
  out += names.database;
  if (IsBinlog(e)) {
    out += ",\"sequence\":null,\"ts_us\":";
    AppendInt(out, tx.commit_us);
    AppendNanoseconds(out, tx.commit_us);
    out += names.table;
    return AppendBinlogSource(out, e);
  }
  const std::uint64_t lsn = LsnOf(e);
  const std::uint64_t before = tx.position.kind == PositionKind::kPgMessage ? lsn
                               : IsSnapshot(tx)                             ? 0
                                                                            : tx.previous_end;
  if (before != 0) {
    out += ",\"sequence\":\"[\\\"";
    AppendUint(out, before);
    out += "\\\",\\\"";
  } else {
    out += ",\"sequence\":\"[null,\\\"";
  }
  AppendUint(out, lsn);
  out += "\\\"]\",\"ts_us\":";
  AppendInt(out, tx.commit_us);
  AppendNanoseconds(out, tx.commit_us);
  out += names.schema;
  out += names.table;
  out += ",\"txId\":";
  out += IsDigits(tx.id) && tx.position.kind != PositionKind::kPgMessage ? std::string_view(tx.id) : "null";
  out += ",\"lsn\":";
  AppendUint(out, lsn);
  if (tx.origin.empty()) {
    out += ",\"xmin\":null,\"origin\":null,\"origin_lsn\":null}";
    return;
  }
  out += ",\"xmin\":null,\"origin\":";
  AppendJsonString(out, tx.origin);
  out += ",\"origin_lsn\":";
  AppendUint(out, tx.origin_end);
  out.push_back('}');
}

// What follows the table, to the closing brace.
void DebeziumEncoder::AppendBinlogSource(std::string& out, const EventContext& e) {
  const TransactionInfo& tx = *e.tx;
  out += ",\"server_id\":";
  AppendUint(out, tx.server_id);
  out += ",\"gtid\":";
  if (tx.position.kind == PositionKind::kNamed) {
    AppendJsonString(out, tx.id);
  } else {
    out += "null";
  }
  out += ",\"file\":";
  AppendJsonString(out, tx.file);
  out += ",\"pos\":";
  AppendUint(out, IsSnapshot(tx) ? BinlogOffset(tx.consistent_at) : e.change->place);
  out += ",\"row\":";
  AppendUint(out, e.change->sub_place);
  out += ",\"thread\":";
  if (tx.thread != 0) {
    AppendUint(out, tx.thread);
  } else {
    out += "null";
  }
  out += ",\"query\":";
  const Op op = e.change->op;
  if (op != Op::kTruncate && op != Op::kSchema && !e.change->extra.empty()) {
    AppendJsonString(out, e.change->extra);
  } else {
    out += "null";
  }
  out.push_back('}');
}

// "571:53195829", the GTID, or a place in the binary log. `lsn`: of the record at hand (PostgreSQL).
void DebeziumEncoder::AppendTransactionId(std::string& out, const EventContext& e, std::uint64_t lsn) {
  const TransactionInfo& tx = *e.tx;
  if (tx.position.kind == PositionKind::kBinlog) {
    out += "file=" + tx.file + ",pos=";
    AppendUint(out, tx.position.b);
    return;
  }
  out += tx.id;
  if (tx.position.kind == PositionKind::kNamed) return;
  out.push_back(':');
  AppendUint(out, lsn);
}

void DebeziumEncoder::CountEvent(std::string_view collection) {
  Transaction& t = *transaction_;
  ++t.events;
  auto found = std::ranges::find(t.collections, collection, [](const auto& c) { return std::string_view(c.first); });
  if (found == t.collections.end()) found = t.collections.emplace(found, std::string(collection), 0);
  t.of_collection = ++found->second;
}

void DebeziumEncoder::AppendTransaction(std::string& out, const EventContext& e) {
  if (!options_->transaction_metadata || !IsStreamed(*e.tx)) {
    out += ",\"transaction\":null";
    return;
  }
  out += ",\"transaction\":{\"id\":\"";
  AppendTransactionId(out, e, LsnOf(e));
  out += "\",\"total_order\":";
  AppendUint(out, transaction_->events);
  out += ",\"data_collection_order\":";
  AppendUint(out, transaction_->of_collection);
  out.push_back('}');
}

Status DebeziumEncoder::AppendValue(std::string& out, const EventContext& e, const Shape& shape, char op,
                                    Images images) {
  out += shape.value_head;
  out += "{\"before\":";
  if (images.before) {
    HG_RETURN_IF_ERROR(shape.AppendRow(out, before_, Shape::Image::kBefore));
  } else {
    out += "null";
  }
  out += ",\"after\":";
  if (images.after) {
    HG_RETURN_IF_ERROR(shape.AppendRow(out, after_, Shape::Image::kAfter));
  } else {
    out += "null";
  }
  AppendSource(out, e, shape.names);
  AppendTransaction(out, e);
  out += ",\"op\":\"";
  out.push_back(op);
  out += "\",";
  AppendTimestamps(out, e.tx->stored_us);
  out += shape.value_head.empty() ? "}" : "}}";
  return Ok();
}

Record& DebeziumEncoder::AddRecord(RecordList& out, const Shape& shape, std::string_view key) {
  Record& record = out.Add();
  record.topic = shape.topic;
  record.has_key = !key.empty();
  if (shape.key_schema) record.key_schema = &*shape.key_schema;
  if (shape.value_schema) record.value_schema = &*shape.value_schema;
  record.key = shape.key_head;
  record.key += key;
  if (!shape.key_head.empty() && record.has_key) record.key.push_back('}');
  return record;
}

void DebeziumEncoder::AddHeaders(Record& record, const EventContext& e) {
  if (!options_->extended_headers) return;
  const auto add = [&](const char* name, std::string_view value) {
    std::string json;
    AppendJsonString(json, value);
    record.headers.emplace_back(name, std::move(json));
  };
  add("__debezium.context.connectorLogicalName", e.source_name);
  add("__debezium.context.taskId", options_->task_id);
  add("__debezium.context.connectorName", e.connector);
  add("__debezium.context.runId", options_->run_id);
}

Status DebeziumEncoder::RenderRow(const EventContext& e, const Shape& shape, RecordList& out) {
  const Change& change = *e.change;
  HG_RETURN_IF_ERROR(ReadRows(e, shape));
  const bool both = change.op == Op::kUpdate && change.has_before && change.has_after;
  key_.clear();
  old_key_.clear();
  if (change.has_after) HG_RETURN_IF_ERROR(shape.AppendKey(key_, after_, Shape::Image::kAfter));
  if (change.has_before) HG_RETURN_IF_ERROR(shape.AppendKey(old_key_, before_, Shape::Image::kBefore));
  const bool key_change = both && key_ != old_key_;
  const bool deletes = change.op == Op::kDelete || key_change;

  if (deletes && !options_->skip_delete) {
    CountEvent(shape.table);
    const bool several = options_->tombstones || key_change;
    Record* record = &AddRecord(out, shape, old_key_);
    HG_RETURN_IF_ERROR(AppendValue(record->value, e, shape, 'd', {change.has_before, false}));
    record->has_value = true;
    if (several) record->id_suffix = "-d";
    if (key_change) record->headers.emplace_back("__debezium.newkey", key_);
    AddHeaders(*record, e);
    if (options_->tombstones) {
      auto headers = record->headers;
      record = &AddRecord(out, shape, old_key_);
      record->headers = std::move(headers);
      record->id_suffix = "-t";
    }
  }
  if (change.op == Op::kDelete) return Ok();

  const char op = change.op == Op::kRead ? 'r' : change.op == Op::kInsert || key_change ? 'c' : 'u';
  if ((op == 'c' && options_->skip_create) || (op == 'u' && options_->skip_update)) return Ok();
  if (!IsSnapshot(*e.tx)) CountEvent(shape.table);
  Record& record = AddRecord(out, shape, key_);
  HG_RETURN_IF_ERROR(AppendValue(record.value, e, shape, op, {both && !key_change, change.has_after}));
  record.has_value = true;
  if (key_change) {
    record.id_suffix = "-c";
    record.headers.emplace_back("__debezium.oldkey", old_key_);
  }
  AddHeaders(record, e);
  return Ok();
}

Status DebeziumEncoder::RenderTruncate(const EventContext& e, const Shape& shape, RecordList& out) {
  if (options_->skip_truncate) return Ok();
  CountEvent(shape.table);
  Record& record = AddRecord(out, shape, {});
  HG_RETURN_IF_ERROR(AppendValue(record.value, e, shape, 't', {false, false}));
  record.has_value = true;
  AddHeaders(record, e);
  return Ok();
}

Status DebeziumEncoder::RenderMessage(const EventContext& e, RecordList& out) {
  HG_ASSIGN_OR_RETURN(const MessageExtra message, DecodeMessage(e.change->extra));
  if (IsStreamed(*e.tx)) CountEvent(kMessageCollection);
  Record& record = out.Add();
  record.topic = TopicName(std::string(e.source_name) + ".message");
  record.has_key = true;
  record.key = "{\"prefix\":";
  AppendJsonString(record.key, message.prefix);
  record.key.push_back('}');

  std::string& value = record.value;
  record.has_value = true;
  value = "{\"op\":\"m\",";
  if (options_->message_all_timestamps) {
    AppendTimestamps(value, e.tx->stored_us);
  } else {
    value += "\"ts_ms\":";
    AppendInt(value, e.tx->stored_us / 1000);
  }
  AppendSource(value, e, SourceNames(e.database, "", ""));
  AppendTransaction(value, e);
  value += ",\"message\":{\"prefix\":";
  AppendJsonString(value, message.prefix);
  value += ",\"content\":";
  AppendBinary(value, message.content, options_->binary);
  value += "}}";
  Wrap(record, ServiceRecord::kMessage, e.connector);
  return Ok();
}

void DebeziumEncoder::Begin(const EventContext& e, RecordList& out) {
  transaction_->begun = true;
  transaction_->end_key = "{\"id\":\"";
  AppendTransactionId(transaction_->end_key, e, e.tx->end);
  transaction_->end_key += "\"}";
  transaction_->end_topic = TopicName(std::string(e.source_name) + ".transaction");
  transaction_->commit_ms = e.tx->commit_us / 1000;
  std::string key = "{\"id\":\"";
  AppendTransactionId(key, e, e.tx->origin.empty() ? LsnOf(e) : 0);
  key += "\"}";
  Record& record = out.Add();
  record.topic = transaction_->end_topic;
  record.has_key = record.has_value = true;
  record.id_suffix = "-begin";
  record.value = "{\"status\":\"BEGIN\"," + key.substr(1, key.size() - 2) +
                 ",\"event_count\":null,\"data_collections\":null,\"ts_ms\":";
  AppendInt(record.value, e.tx->commit_us / 1000);
  record.value.push_back('}');
  record.key = std::move(key);
  Wrap(record, ServiceRecord::kTransaction, "");
}

void DebeziumEncoder::EndTransaction(RecordList& out) {
  if (transaction_->begun) End(out);
}

void DebeziumEncoder::End(RecordList& out) {
  Transaction& t = *transaction_;
  t.begun = false;
  const std::string& key = t.end_key;
  Record& record = out.Add();
  record.topic = t.end_topic;
  record.has_key = record.has_value = true;
  record.id_suffix = "-end";
  std::string& value = record.value;
  value = "{\"status\":\"END\"," + key.substr(1, key.size() - 2) + ",\"event_count\":";
  AppendUint(value, t.events);
  value += ",\"data_collections\":[";
  std::vector<std::uint32_t> hashes;
  for (const auto& [name, count] : t.collections) hashes.push_back(JavaStringHash(name));
  bool first = true;
  for (const std::size_t i : JavaMapOrder(hashes)) {
    value += first ? "{\"data_collection\":" : ",{\"data_collection\":";
    first = false;
    AppendJsonString(value, t.collections[i].first);
    value += ",\"event_count\":";
    AppendUint(value, t.collections[i].second);
    value.push_back('}');
  }
  value += "],\"ts_ms\":";
  AppendInt(value, t.commit_ms);
  value.push_back('}');
  record.key = key;
  Wrap(record, ServiceRecord::kTransaction, "");
}

Status DebeziumEncoder::Render(const EventContext& e, RecordList& out) {
  const Change& change = *e.change;
  const bool statement = change.op == Op::kSchema && !change.extra.empty();
  const bool rows = IsOfRow(change.op);
  if (!rows && !statement && change.op != Op::kTruncate && change.op != Op::kMessage) return Ok();
  if (!statement && change.op != Op::kMessage && e.schema == nullptr)
    return Rejected("a row change came without the schema of its stream");

  const bool counted = options_->transaction_metadata && IsStreamed(*e.tx);
  if (counted && (change.ordinal == 1 || !(transaction_->position == e.tx->position))) {
    *transaction_ = {};
    transaction_->position = e.tx->position;
  }
  if (statement) return RenderSchemaChange(e, out);  // counts in no transaction
  const std::uint64_t events_before = transaction_->events;
  const std::size_t start = out.size();
  if (counted && !transaction_->begun) Begin(e, out);
  const std::size_t body = out.size();

  Status status = Ok();
  if (change.op == Op::kMessage) {
    status = RenderMessage(e, out);
  } else if (change.op == Op::kTruncate) {
    status = RenderTruncate(e, ShapeOf(e), out);
  } else {
    status = RenderRow(e, ShapeOf(e), out);
  }
  if (!status.ok()) out.Truncate(body);
  if (counted && body != start && transaction_->events == events_before) {  // nothing of it was captured
    out.Truncate(start);
    transaction_->begun = false;
  }
  if (counted && transaction_->begun && change.ordinal == e.tx->total) End(out);
  return status;
}

Status DebeziumEncoder::Render(const EventContext& event, std::string_view topic, RecordList& out) {
  const std::size_t start = out.size();
  Status status = Render(event, out);
  if (event.change->op == Op::kMessage || event.change->op == Op::kSchema) return status;
  for (std::size_t i = start; i < out.size(); ++i) {
    const bool of_transaction = out[i].id_suffix == "-begin" || out[i].id_suffix == "-end";
    if (!of_transaction) out[i].topic = topic;
  }
  return status;
}

Status DebeziumEncoder::AppendKeyJson(std::string& out, const EventContext& e) {
  const Change& change = *e.change;
  if (e.schema == nullptr || (!change.has_after && !change.has_before)) return Ok();
  const Shape& shape = ShapeOf(e);
  if (shape.key.empty()) return Ok();
  HG_RETURN_IF_ERROR(ReadRows(e, shape));
  const std::size_t start = out.size();
  Status status = change.has_after ? shape.AppendKey(out, after_, Shape::Image::kAfter)
                                   : shape.AppendKey(out, before_, Shape::Image::kBefore);
  if (!status.ok()) out.resize(start);
  return status;
}

}  // namespace headgate::codec
