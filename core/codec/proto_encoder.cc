#include "core/codec/proto_encoder.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <optional>

#include "core/codec/proto_derived.h"
#include "core/codec/proto_writer.h"
#include "core/codec/record_decoder.h"
#include "core/codec/wire_header.h"

namespace headgate::codec {
namespace {

namespace pb = google::protobuf;

const pb::FieldDescriptor* FieldNamed(const pb::Descriptor& message, std::string_view name) {
  if (const pb::FieldDescriptor* field = message.FindFieldByName(std::string(name))) return field;
  for (int i = 0; i < message.field_count(); ++i) {
    if (SameFieldName(message.field(i)->name(), name)) return message.field(i);
  }
  return nullptr;
}

}  // namespace

// Which columns fill which fields of a message.
struct ProtobufEncoder::Layout {
  struct Target {
    std::vector<const pb::FieldDescriptor*> path;  // messages on the way, then the field
    std::size_t column = 0;
  };
  const pb::Descriptor* message = nullptr;
  std::unique_ptr<pb::Message> empty;
  std::vector<int> message_path;
  std::vector<Target> targets;
  SchemaText schema;  // as it is registered, references not yet

  // Ids of one topic; asked for again if another comes.
  mutable std::string topic;
  mutable std::optional<std::uint32_t> id;

  Layout(const ProtoSchema& compiled, const pb::Descriptor& of)
      : message(&of), empty(compiled.New(of)), message_path(ProtoSchema::PathOf(of)) {}

  // Every field of the message in order of number takes the column of the same place.
  void TakeInOrder(const std::vector<std::size_t>& columns) {
    for (std::size_t i = 0; i < columns.size(); ++i)
      targets.push_back({{message->field(static_cast<int>(i))}, columns[i]});
  }

  Status TakeByName(const std::vector<std::pair<std::string, std::string>>& fields, const TableSchema& schema_of) {
    const auto& columns = schema_of.columns;
    const std::string where = "the Protobuf message '" + message->full_name() + "'";
    for (const auto& [field, column] : fields) {
      const auto place = std::ranges::find(columns, column, &Column::name);
      if (place == columns.end())
        return ConfigError("fields fills '" + field + "' from the column '" + column + "', which " + schema_of.table +
                           " does not have");
      Target& target = targets.emplace_back();
      target.column = static_cast<std::size_t>(place - columns.begin());
      const pb::Descriptor* at = message;
      for (std::string_view rest = field; !rest.empty();) {
        const std::size_t dot = std::min(rest.find('.'), rest.size());
        const bool into = !target.path.empty() && target.path.back()->is_repeated();
        const pb::FieldDescriptor* found = at == nullptr || into ? nullptr : FieldNamed(*at, rest.substr(0, dot));
        if (found == nullptr) return ConfigError(where + " has no field '" + field + "', which fields names");
        target.path.push_back(found);
        at = found->message_type();
        rest.remove_prefix(std::min(dot + 1, rest.size()));
      }
    }
    for (std::size_t i = 0; fields.empty() && i < columns.size(); ++i) {
      if (const auto* field = FieldNamed(*message, columns[i].name)) targets.push_back({{field}, i});
    }
    if (!targets.empty()) return Ok();
    return ConfigError(where + " has no field with the name of a column of " + schema_of.table + ": set fields");
  }
};

struct ProtobufEncoder::Shape {
  std::string stream;
  std::size_t columns = 0;
  std::vector<std::size_t> key;
  std::shared_ptr<const ProtoSchema> schema;
  std::unique_ptr<Layout> value;
  std::unique_ptr<Layout> key_layout;  // nullptr: the key is JSON
  TableSchema table;

  bool Identifies(const std::vector<Value>& row) const {
    return !key.empty() && std::ranges::none_of(key, [&](std::size_t i) { return row[i].is_absent(); });
  }
};

ProtobufEncoder::ProtobufEncoder(ProtobufOptions options, SchemaStore* schemas)
    : options_(std::move(options)), schemas_(schemas) {}
ProtobufEncoder::~ProtobufEncoder() = default;

Result<std::unique_ptr<ProtobufEncoder>> ProtobufEncoder::Make(ProtobufOptions options, SchemaStore* schemas) {
  std::unique_ptr<ProtobufEncoder> encoder(new ProtobufEncoder(std::move(options), schemas));
  const ProtobufOptions& o = encoder->options_;
  if (o.schema.empty()) {
    if (!o.message.empty() || !o.fields.empty())
      return ConfigError("message and fields belong to a Protobuf schema: set the schema, too");
    return encoder;
  }
  auto compiled = ProtoSchema::Compile(o.schema, o.imports);
  if (!compiled.ok()) return ConfigError(compiled.error().what);
  HG_RETURN_IF_ERROR((*compiled)->Find(o.message));
  encoder->given_ = std::move(*compiled);
  return encoder;
}

Result<const ProtobufEncoder::Shape*> ProtobufEncoder::ShapeOf(const EventContext& event) {
  const std::uint64_t id = static_cast<std::uint64_t>(event.change->stream) << 32 | event.change->schema;
  auto& slot = shapes_[id];
  if (slot != nullptr) return slot.get();
  auto shape = std::make_unique<Shape>();
  shape->table = *event.schema;
  shape->stream = StreamName(shape->table.schema, shape->table.table);
  shape->columns = shape->table.columns.size();
  shape->key = shape->table.EventKey();
  shape->schema = given_;
  if (given_ != nullptr) {
    HG_ASSIGN_OR_RETURN(const pb::Descriptor* message, given_->Find(options_.message));
    shape->value = std::make_unique<Layout>(*given_, *message);
    shape->value->schema = {SchemaLanguage::kProtobuf, options_.schema, {}};
    HG_RETURN_IF_ERROR(shape->value->TakeByName(options_.fields, shape->table));
  } else {
    const std::string text = ProtoTextOf(shape->table, event.source_name, shape->key);
    HG_ASSIGN_OR_RETURN(shape->schema, ProtoSchema::Compile(text));
    const auto layout = [&](int index, const std::vector<std::size_t>& columns) {
      auto out = std::make_unique<Layout>(*shape->schema, *shape->schema->At({index}));
      out->schema = {SchemaLanguage::kProtobuf, text, {}};
      out->TakeInOrder(columns);
      return out;
    };
    std::vector<std::size_t> all(shape->columns);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    shape->value = layout(0, all);
    if (!shape->key.empty()) shape->key_layout = layout(1, shape->key);
  }
  slot = std::move(shape);
  return slot.get();
}

Result<std::uint32_t> ProtobufEncoder::IdOf(const Layout& layout, std::string_view topic, bool of_key) {
  if (layout.id && layout.topic == topic) return *layout.id;
  // Imported files are registered under their own names, as references have to exist before what refers to them.
  std::unordered_map<std::string, int> versions;
  const auto references = [&](const auto& self, const std::string& file) -> Result<std::vector<SchemaReference>> {
    std::vector<SchemaReference> out;
    if (given_ == nullptr) return out;
    for (const std::string& name : given_->ImportsOf(file)) {
      if (!versions.contains(name)) {
        const auto import = std::ranges::find(options_.imports, name, &ProtoFile::name);
        if (import == options_.imports.end()) continue;
        HG_ASSIGN_OR_RETURN(auto below, self(self, name));
        HG_ASSIGN_OR_RETURN(versions[name],
                            schemas_->VersionOf(name, {SchemaLanguage::kProtobuf, import->text, std::move(below)}));
      }
      out.push_back({name, name, versions[name]});
    }
    return out;
  };
  SchemaText schema = layout.schema;
  HG_ASSIGN_OR_RETURN(schema.references, references(references, ""));
  HG_ASSIGN_OR_RETURN(layout.id,
                      schemas_->IdOf(SubjectOf(options_.subjects, topic, of_key, layout.message->full_name()), schema));
  layout.topic = topic;
  return *layout.id;
}

Status ProtobufEncoder::AppendMessage(std::string& out, const Shape& shape, const Layout& layout,
                                      const std::vector<Value>& row, std::string_view topic, bool of_key) {
  if (schemas_ != nullptr) {
    HG_ASSIGN_OR_RETURN(const std::uint32_t id, IdOf(layout, topic, of_key));
    AppendWireHeader(out, id);
    AppendMessagePath(out, layout.message_path);
  }
  pb::Message& message = *layout.empty;
  message.Clear();
  for (const Layout::Target& target : layout.targets) {
    const Value& value = row[target.column];
    const Column& column = shape.table.columns[target.column];
    const pb::FieldDescriptor& field = *target.path.back();
    const char* why = nullptr;
    if (value.is_absent()) {
      why =
          "the source did not send its value: log whole rows at the source (REPLICA IDENTITY FULL, "
          "binlog_row_image=FULL)";
    } else if (value.is_null()) {
      if (field.has_presence() && !field.is_required()) continue;
      why = field.is_repeated() ? "it is null, and a repeated field can only be empty"
                                : "it is null, and the field cannot be left unset: declare it optional";
    } else {
      pb::Message* at = &message;
      for (std::size_t i = 0; i + 1 < target.path.size(); ++i)
        at = at->GetReflection()->MutableMessage(at, target.path[i]);
      why = SetProtoField(*at, field, value, column.type);
    }
    if (why != nullptr)
      return Rejected("column " + column.name + " of " + shape.stream + " in the Protobuf field " + field.full_name() +
                      ": " + why);
  }
  if (!message.IsInitialized())
    return ConfigError("the Protobuf message '" + layout.message->full_name() +
                       "' has required fields that no column of " + shape.stream + " fills: set fields");
  if (!message.AppendToString(&out)) return Rejected("a row of " + shape.stream + " is too large for Protobuf");
  return Ok();
}

Status ProtobufEncoder::AppendKey(std::string& out, const EventContext& event, const Shape& shape,
                                  const std::vector<Value>& row, bool previous, std::string_view topic) {
  if (shape.key_layout == nullptr) return native_.AppendKeyJson(out, event, previous);
  if (!shape.Identifies(row)) return Ok();
  return AppendMessage(out, shape, *shape.key_layout, row, topic, true);
}

Status ProtobufEncoder::EncodeRow(const EventContext& event, const Shape& shape, std::string_view topic,
                                  RecordList& out) {
  const Change& change = *event.change;
  before_.clear();
  after_.clear();
  if (change.has_before) HG_RETURN_IF_ERROR(ReadRow(change.before, before_));
  if (change.has_after) HG_RETURN_IF_ERROR(ReadRow(change.after, after_));
  const bool fits =
      (!change.has_before || before_.size() == shape.columns) && (!change.has_after || after_.size() == shape.columns);
  if (!fits) return Corrupt("stored row of stream " + shape.stream + " does not fit its schema");
  const bool both = change.has_before && change.has_after;
  for (std::size_t i = 0; both && i < after_.size(); ++i) {
    if (after_[i].is_absent()) after_[i] = before_[i];
  }
  key_.clear();
  previous_key_.clear();
  if (change.has_after || change.has_before)
    HG_RETURN_IF_ERROR(AppendKey(key_, event, shape, change.has_after ? after_ : before_, false, topic));
  if (both) HG_RETURN_IF_ERROR(AppendKey(previous_key_, event, shape, before_, true, topic));
  const auto add = [&](const std::string& key) -> Record& {
    Record& record = out.Add();
    record.topic = topic;
    record.has_key = !key.empty();
    record.key = key;
    return record;
  };
  if (change.op == Op::kDelete) {
    if (key_.empty())
      return Rejected("a delete in stream " + shape.stream +
                      ", which has no key, has no form in format protobuf: give the table a primary key");
    add(key_);
    return Ok();
  }
  if (!change.has_after) return Ok();
  if (!previous_key_.empty() && previous_key_ != key_) add(previous_key_).id_suffix = "-t";
  Record& record = add(key_);
  record.has_value = true;
  return AppendMessage(record.value, shape, *shape.value, after_, topic, false);
}

Status ProtobufEncoder::Encode(const EventContext& event, std::string_view topic, RecordList& out) {
  const Op op = event.change->op;
  if (op != Op::kInsert && op != Op::kUpdate && op != Op::kDelete && op != Op::kRead) return Ok();
  if (event.schema == nullptr)
    return Rejected("a change of op " + std::string(Name(op)) + " came without the schema of its stream");
  HG_ASSIGN_OR_RETURN(const Shape* shape, ShapeOf(event));
  const std::size_t start = out.size();
  Status status = EncodeRow(event, *shape, topic, out);
  if (!status.ok()) out.Truncate(start);
  return status;
}

}  // namespace headgate::codec
