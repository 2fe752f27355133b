#include "core/codec/native.h"

#include <algorithm>

#include "core/base/encoding.h"
#include "core/codec/json_text.h"
#include "core/codec/native_position.h"
#include "core/codec/time_text.h"

namespace headgate::codec {
namespace {

void AppendId(std::string& out, const EventContext& e) {
  out += "{\"id\":\"";
  AppendEventId(out, e.source_id, e.tx->epoch, e.tx->position, e.change->ordinal);
}

bool IsStreamed(PositionKind kind) {
  return kind == PositionKind::kPgCommit || kind == PositionKind::kNamed || kind == PositionKind::kBinlog;
}

void AppendPart(std::string& out, std::string_view part) {
  if (!part.empty() && part.find_first_of(".\"") == std::string_view::npos) {
    out += part;
    return;
  }
  out.push_back('"');
  for (const char c : part) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
}

// The server prints "timestamp(3) with time zone"; events show timestamptz(3).
std::string ShortTypeName(std::string_view declared) {
  const std::size_t words = declared.find(" with");
  if (words == std::string_view::npos || !declared.starts_with("time")) return std::string(declared);
  const std::string_view rest = declared.substr(words);
  constexpr std::string_view kWith = " with time zone";
  constexpr std::string_view kWithout = " without time zone";
  const bool zone = rest.starts_with(kWith);
  if (!zone && !rest.starts_with(kWithout)) return std::string(declared);
  const std::size_t name_end = std::min(declared.find('('), words);
  std::string name(declared.substr(0, name_end));
  if (zone) name += "tz";
  name += declared.substr(name_end, words - name_end);
  name += rest.substr((zone ? kWith : kWithout).size());
  return name;
}

void AppendColumns(std::string& out, const TableSchema& schema) {
  const std::vector<std::size_t> key = schema.EventKey();
  out += ",\"columns\":[";
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    const Column& c = schema.columns[i];
    out += i > 0 ? ",{\"name\":" : "{\"name\":";
    AppendJsonString(out, c.name);
    out += ",\"type\":";
    AppendJsonString(out, ShortTypeName(c.type.declared));
    out += c.nullable ? ",\"nullable\":true" : ",\"nullable\":false";
    if (const auto place = std::ranges::find(key, i); place != key.end()) {
      out += ",\"key\":";
      AppendInt(out, place - key.begin() + 1);
    }
    out.push_back('}');
  }
  out.push_back(']');
}

Status AppendTruncate(std::string& out, const Change& change) {
  HG_ASSIGN_OR_RETURN(const TruncateExtra extra, DecodeTruncate(change.extra));
  out += extra.cascade ? ",\"truncate\":{\"cascade\":true" : ",\"truncate\":{\"cascade\":false";
  out += extra.restart_identity ? ",\"restart_identity\":true}" : ",\"restart_identity\":false}";
  return Ok();
}

Status AppendMessage(std::string& out, const Change& change) {
  HG_ASSIGN_OR_RETURN(const MessageExtra extra, DecodeMessage(change.extra));
  out += ",\"message\":{\"prefix\":";
  AppendJsonString(out, extra.prefix);
  out += extra.transactional ? ",\"transactional\":true" : ",\"transactional\":false";
  if (IsUtf8(extra.content)) {
    out += ",\"content\":";
    AppendJsonString(out, extra.content);
  } else {
    out += ",\"content_base64\":\"";
    AppendBase64(out, extra.content);
    out.push_back('"');
  }
  out.push_back('}');
  return Ok();
}

// The number of rows is known, and written, when the snapshot completed.
Status AppendSnapshot(std::string& out, const TransactionInfo& tx, const Change& change) {
  HG_ASSIGN_OR_RETURN(const SnapshotExtra extra, DecodeSnapshot(change.extra));
  out += ",\"snapshot\":{\"run\":";
  AppendUint(out, tx.position.a);
  if (extra.completed) {
    out += ",\"phase\":\"completed\",\"rows\":";
    AppendUint(out, extra.rows);
    out.push_back('}');
  } else {
    out += ",\"phase\":\"started\"}";
  }
  return Ok();
}

// A statement is told with the columns that the table has then, if it leaves any and they are known.
Status AppendSchemaEvent(std::string& out, const EventContext& e) {
  if (e.change->extra.empty()) {
    if (e.schema == nullptr) return Rejected("a schema event came without its schema");
    AppendColumns(out, *e.schema);
    return Ok();
  }
  HG_ASSIGN_OR_RETURN(const SchemaExtra statement, DecodeSchemaChange(e.change->extra));
  if (e.schema != nullptr && statement.kind != SchemaExtra::Kind::kDrop) AppendColumns(out, *e.schema);
  out += ",\"ddl\":";
  AppendJsonString(out, statement.ddl);
  return Ok();
}

}  // namespace

struct NativeEncoder::Shape {
  struct Field {
    std::string name;    // "id":
    std::string quoted;  // "id"
    DataType type;
    bool json = false;  // json or jsonb itself, not an array of it
  };

  std::string head;  // ","source":"shop","stream":"public.orders","op":"
  std::string stream;
  std::vector<Field> fields;
  std::vector<std::size_t> key;
  bool has_json = false;

  bool AppendKey(std::string& out, const std::vector<Value>& row, const NativeOptions& options) const {
    for (std::size_t i = 0; i < key.size(); ++i) {
      out.push_back(i == 0 ? '{' : ',');
      out += fields[key[i]].name;
      if (!AppendNativeValue(out, row[key[i]], fields[key[i]].type, options)) return false;
    }
    out.push_back('}');
    return true;
  }
  // The columns of the row that are there.
  bool AppendRow(std::string& out, const std::vector<Value>& row, const NativeOptions& options) const {
    char separator = '{';
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (row[i].is_absent()) continue;
      out.push_back(separator);
      separator = ',';
      out += fields[i].name;
      if (!AppendNativeValue(out, row[i], fields[i].type, options)) return false;
    }
    if (separator == '{') out.push_back('{');
    out.push_back('}');
    return true;
  }
  // True if the key can be written from this row.
  bool Identifies(const std::vector<Value>& row) const {
    for (const std::size_t i : key) {
      if (row[i].is_absent()) return false;
    }
    return !key.empty();
  }
  bool SameKey(const std::vector<Value>& a, const std::vector<Value>& b) const {
    for (const std::size_t i : key) {
      if (!SameValue(a[i], b[i])) return false;
    }
    return true;
  }
  template <class F>
  void AppendNames(std::string& out, std::string_view member, F chosen) const {
    bool any = false;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (!chosen(i)) continue;
      out += any ? std::string_view(",") : member;
      any = true;
      out += fields[i].quoted;
    }
    if (any) out.push_back(']');
  }
};

NativeEncoder::NativeEncoder(NativeOptions options) : options_(options) {}
NativeEncoder::~NativeEncoder() = default;
NativeEncoder::NativeEncoder(NativeEncoder&&) noexcept = default;

std::string StreamName(std::string_view schema, std::string_view table) {
  std::string name;
  if (!schema.empty()) {
    AppendPart(name, schema);
    name.push_back('.');
  }
  AppendPart(name, table);
  return name;
}

const NativeEncoder::Shape& NativeEncoder::ShapeOf(const EventContext& e) {
  const std::uint64_t id = static_cast<std::uint64_t>(e.change->stream) << 32 | e.change->schema;
  if (last_ != nullptr && id == last_id_) return *last_;
  auto& slot = shapes_[id];
  if (slot == nullptr) {
    slot = std::make_unique<Shape>();
    slot->stream = StreamName(e.schema->schema, e.schema->table);
    slot->head = "\",\"source\":";
    AppendJsonString(slot->head, e.source_id);
    slot->head += ",\"stream\":";
    AppendJsonString(slot->head, slot->stream);
    slot->head += ",\"op\":\"";
    for (const Column& c : e.schema->columns) {
      Shape::Field& field = slot->fields.emplace_back();
      AppendJsonString(field.quoted, c.name);
      field.name = field.quoted + ':';
      field.type = c.type;
      field.json = c.type.kind == TypeKind::kJson || c.type.kind == TypeKind::kJsonb;
      slot->has_json = slot->has_json || field.json;
    }
    slot->key = e.schema->EventKey();
  }
  last_ = slot.get();
  last_id_ = id;
  return *slot;
}

// After this, `after_` has what an unchanged TOAST column holds where the old row tells it (REPLICA IDENTITY FULL).
Status NativeEncoder::ReadRows(const EventContext& e, const Shape& shape) {
  const Change& change = *e.change;
  if (change.has_before) {
    HG_RETURN_IF_ERROR(ReadRow(change.before, before_));
    if (before_.size() != shape.fields.size())
      return Corrupt("stored old row of stream " + shape.stream + " does not fit its schema");
  }
  if (!change.has_after) return Ok();
  HG_RETURN_IF_ERROR(ReadRow(change.after, after_));
  if (after_.size() != shape.fields.size())
    return Corrupt("stored row of stream " + shape.stream + " does not fit its schema");
  if (change.has_before) {
    for (std::size_t i = 0; i < after_.size(); ++i) {
      if (after_[i].is_absent()) after_[i] = before_[i];
    }
  }
  return Ok();
}

void NativeEncoder::AppendTail(std::string& out, const EventContext& e) {
  const TransactionInfo& tx = *e.tx;
  AppendPosition(out, e);
  if (IsStreamed(tx.position.kind)) {
    out += ",\"tx\":{\"id\":";
    AppendJsonString(out, tx.id);
    out += ",\"ordinal\":";
    AppendUint(out, e.change->ordinal);
    if (tx.total != 0) {
      out += ",\"total\":";
      AppendUint(out, tx.total);
    }
    out.push_back('}');
  }
  if (!tx.origin.empty()) {
    out += ",\"origin\":";
    AppendJsonString(out, tx.origin);
  }
  if (IsOfRow(e.change->op) && !e.change->extra.empty()) {
    out += ",\"query\":";
    AppendJsonString(out, e.change->extra);
  }
  if (commit_text_.empty() || commit_us_ != tx.commit_us) {
    commit_us_ = tx.commit_us;
    commit_text_ = ",\"commit_ts\":\"";
    AppendUnixUtc(commit_text_, tx.commit_us);
    commit_text_.push_back('"');
  }
  out += commit_text_;
  if (e.schema_version != 0) {
    out += ",\"schema\":";
    AppendUint(out, e.schema_version);
  }
  out.push_back('}');
}

Status NativeEncoder::AppendRowEvent(std::string& out, const EventContext& e, const Shape& shape) {
  const Change& change = *e.change;
  HG_RETURN_IF_ERROR(ReadRows(e, shape));
  AppendId(out, e);
  out += shape.head;
  out += Name(change.op);
  out.push_back('"');
  const std::vector<Value>& newest = change.has_after ? after_ : before_;
  bool good = change.has_after || change.has_before;
  if (good && shape.Identifies(newest)) {
    out += ",\"key\":";
    good = shape.AppendKey(out, newest, options_);
    if (good && change.op == Op::kUpdate && change.has_before && shape.Identifies(before_) &&
        !shape.SameKey(before_, after_)) {
      out += ",\"previous_key\":";
      good = shape.AppendKey(out, before_, options_);
    }
  }
  if (good && change.has_before) {
    out += ",\"before\":";
    good = shape.AppendRow(out, before_, options_);
  }
  if (good && change.has_after) {
    out += ",\"after\":";
    good = shape.AppendRow(out, after_, options_);
    shape.AppendNames(out, ",\"unavailable\":[", [&](std::size_t i) { return after_[i].is_absent(); });
    if (shape.has_json && options_.json == NativeOptions::Json::kEmbed) {
      shape.AppendNames(out, ",\"json_null\":[",
                        [&](std::size_t i) { return shape.fields[i].json && IsJsonNull(after_[i]); });
    }
  }
  if (!good) return Corrupt("stored row of stream " + shape.stream + " is malformed");
  if (change.op == Op::kRead) {
    out += ",\"snapshot\":{\"run\":";
    AppendUint(out, e.tx->position.a);
    out += ",\"chunk\":";
    AppendUint(out, e.tx->position.c);
    out.push_back('}');
  }
  AppendTail(out, e);
  return Ok();
}

Status NativeEncoder::AppendOther(std::string& out, const EventContext& e) {
  const Change& change = *e.change;
  AppendId(out, e);
  out += "\",\"source\":";
  AppendJsonString(out, e.source_id);
  const bool of_stream =
      change.op == Op::kSchema ? change.stream != 0 : change.op != Op::kMessage && change.op != Op::kGap;
  if (of_stream) {
    out += ",\"stream\":";
    AppendJsonString(out, e.schema != nullptr ? StreamName(e.schema->schema, e.schema->table)
                                              : StreamName(e.stream_schema, e.stream_table));
  }
  out += ",\"op\":\"";
  out += Name(change.op);
  out.push_back('"');
  switch (change.op) {
    case Op::kTruncate:
      HG_RETURN_IF_ERROR(AppendTruncate(out, change));
      break;
    case Op::kMessage:
      HG_RETURN_IF_ERROR(AppendMessage(out, change));
      break;
    case Op::kSnapshot:
      HG_RETURN_IF_ERROR(AppendSnapshot(out, *e.tx, change));
      break;
    case Op::kGap:
      HG_RETURN_IF_ERROR(AppendGap(out, e));
      break;
    case Op::kSchema:
      HG_RETURN_IF_ERROR(AppendSchemaEvent(out, e));
      break;
    default:
      return Rejected("a change of op " + std::string(Name(change.op)) + " came without the schema of its stream");
  }
  AppendTail(out, e);
  return Ok();
}

Status NativeEncoder::Append(std::string& out, const EventContext& event) {
  const std::size_t start = out.size();
  const bool row = IsOfRow(event.change->op) && event.schema != nullptr;
  Status status = row ? AppendRowEvent(out, event, ShapeOf(event)) : AppendOther(out, event);
  if (!status.ok()) out.resize(start);
  return status;
}

Status NativeEncoder::AppendRowRead(std::string& out, const EventContext& event, const Shape& shape) {
  if (!event.change->has_after) return Ok();
  const std::size_t start = out.size();
  if (shape.AppendRow(out, after_, options_)) return Ok();
  out.resize(start);
  return Corrupt("stored row of stream " + shape.stream + " is malformed");
}

Status NativeEncoder::AppendKeyRead(std::string& out, const EventContext& event, const Shape& shape, bool previous) {
  const Change& change = *event.change;
  if (shape.key.empty()) return Ok();
  if (previous) {
    const bool changed = change.op == Op::kUpdate && change.has_before && change.has_after &&
                         shape.Identifies(before_) && shape.Identifies(after_) && !shape.SameKey(before_, after_);
    if (!changed) return Ok();
  } else if (!change.has_after && !change.has_before) {
    return Ok();
  }
  const std::vector<Value>& row = !previous && change.has_after ? after_ : before_;
  if (!shape.Identifies(row)) return Ok();
  const std::size_t start = out.size();
  if (shape.AppendKey(out, row, options_)) return Ok();
  out.resize(start);
  return Corrupt("stored row of stream " + shape.stream + " is malformed");
}

Status NativeEncoder::AppendKeyJson(std::string& out, const EventContext& event, bool previous) {
  if (!IsOfRow(event.change->op) || event.schema == nullptr) return Ok();
  const Shape& shape = ShapeOf(event);
  if (shape.key.empty()) return Ok();
  HG_RETURN_IF_ERROR(ReadRows(event, shape));
  return AppendKeyRead(out, event, shape, previous);
}

Status NativeEncoder::AppendRowJson(std::string& out, const EventContext& event) {
  if (!IsOfRow(event.change->op) || event.schema == nullptr || !event.change->has_after) return Ok();
  const Shape& shape = ShapeOf(event);
  HG_RETURN_IF_ERROR(ReadRows(event, shape));
  return AppendRowRead(out, event, shape);
}

Status NativeEncoder::AppendKeysAndRow(std::string& key, std::string& previous_key, std::string* row,
                                       const EventContext& event) {
  if (!IsOfRow(event.change->op) || event.schema == nullptr) return Ok();
  const Shape& shape = ShapeOf(event);
  const bool with_row = row != nullptr && event.change->has_after;
  if (shape.key.empty() && !with_row) return Ok();
  HG_RETURN_IF_ERROR(ReadRows(event, shape));
  HG_RETURN_IF_ERROR(AppendKeyRead(key, event, shape, false));
  HG_RETURN_IF_ERROR(AppendKeyRead(previous_key, event, shape, true));
  return with_row ? AppendRowRead(*row, event, shape) : Ok();
}

}  // namespace headgate::codec
