#include "core/codec/proto_decoder.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/message.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/unknown_field_set.h>

#include <deque>
#include <map>
#include <optional>
#include <unordered_map>

#include "core/codec/proto_reader.h"
#include "core/codec/proto_scan.h"
#include "core/codec/wire_header.h"

namespace headgate::codec {
namespace {

namespace pb = google::protobuf;

const pb::FieldDescriptor* FieldOf(const pb::Descriptor& message, const std::string& name) {
  if (const pb::FieldDescriptor* field = message.FindFieldByName(name)) return field;
  for (int i = 0; i < message.field_count(); ++i) {
    if (SameFieldName(message.field(i)->name(), name)) return message.field(i);
  }
  return nullptr;
}

const pb::OneofDescriptor* OneofOf(const pb::Descriptor& message, const std::string& name) {
  for (int i = 0; i < message.real_oneof_decl_count(); ++i) {
    if (SameFieldName(message.oneof_decl(i)->name(), name)) return message.oneof_decl(i);
  }
  return nullptr;
}

// What is wanted of one message. Steps that lead nowhere are not in it.
struct ProtoPlan {
  struct Field {
    const pb::FieldDescriptor* field = nullptr;
    const WantedFields* wanted = nullptr;
    std::unique_ptr<ProtoPlan> below;
  };
  std::vector<Field> fields;
  std::vector<std::pair<const pb::OneofDescriptor*, int>> oneofs;  // and the column of their case
};

std::unique_ptr<ProtoPlan> PlanOf(const pb::Descriptor& message, const WantedFields& wanted, std::string& lost) {
  auto plan = std::make_unique<ProtoPlan>();
  for (const auto& [name, below] : wanted.fields) {
    const pb::FieldDescriptor* field = FieldOf(message, name);
    if (field == nullptr) {
      const pb::OneofDescriptor* oneof = below.type_column >= 0 ? OneofOf(message, name) : nullptr;
      if (oneof != nullptr) plan->oneofs.emplace_back(oneof, below.type_column);
      if (oneof == nullptr || below.column >= 0 || !below.fields.empty()) lost = name;
      continue;
    }
    auto& planned = plan->fields.emplace_back();
    planned.field = field;
    planned.wanted = &below;
    const bool single = field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE && !field->is_repeated();
    if (single) planned.below = PlanOf(*field->message_type(), below, lost);
    if (!single && (!below.fields.empty() || below.type_column >= 0)) lost = name;
  }
  return plan;
}

// Fields that came with a wire type that their declaration does not have end among the unknown ones.
const pb::FieldDescriptor* Misread(const pb::Message& message) {
  const pb::UnknownFieldSet& unknown = message.GetReflection()->GetUnknownFields(message);
  for (int i = 0; i < unknown.field_count(); ++i) {
    const pb::FieldDescriptor* field = message.GetDescriptor()->FindFieldByNumber(unknown.field(i).number());
    // Closed enums of proto2 put values that they do not know there, too.
    if (field != nullptr && field->cpp_type() != pb::FieldDescriptor::CPPTYPE_ENUM) return field;
  }
  return nullptr;
}

// A message of a schema, ready to be read.
struct ProtoTarget {
  std::shared_ptr<const ProtoSchema> schema;
  std::unique_ptr<pb::Message> message;
  std::unique_ptr<ProtoPlan> plan;
  std::optional<ProtoScan> scan;  // if all that is wanted is plain
};

std::optional<ProtoScan> ScanOf(const pb::Descriptor& message, const WantedFields& wanted, const ProtoPlan& plan) {
  if (wanted.column >= 0 || wanted.type_column >= 0 || !plan.oneofs.empty()) return std::nullopt;
  ProtoScan::Wanted fields;
  for (const ProtoPlan::Field& planned : plan.fields) {
    if (planned.wanted->column >= 0) fields.emplace_back(planned.field, planned.wanted->column);
    if (planned.below != nullptr) return std::nullopt;
  }
  return ProtoScan::Of(message, fields);
}

class ProtobufDecoder final : public RecordDecoder {
 public:
  ProtobufDecoder(WantedFields wanted, std::size_t columns, std::string message, SchemaStore* store)
      : wanted_(std::move(wanted)), columns_(columns), message_(std::move(message)), store_(store) {}

  Status UseSchema(std::string_view text, const std::vector<ProtoFile>& imports) {
    HG_ASSIGN_OR_RETURN(auto schema, ProtoSchema::Compile(text, imports));
    HG_ASSIGN_OR_RETURN(const pb::Descriptor* message, schema->Find(message_));
    std::string lost;
    fixed_ = TargetOf(std::move(schema), *message, lost);
    if (lost.empty()) return Ok();
    return ConfigError("the Protobuf message '" + message->full_name() + "' has no field '" + lost +
                       "' where fields looks for one");
  }

  Status Decode(std::string_view bytes, std::vector<Value>& values) override {
    Value absent;
    absent.kind = ValueKind::kAbsent;
    values.assign(columns_, absent);
    kept_.clear();
    ProtoTarget* target = &fixed_;
    if (store_ != nullptr) {
      HG_ASSIGN_OR_RETURN(const WireHeader header, ReadWireHeader(bytes, true));
      bytes.remove_prefix(header.size);
      HG_ASSIGN_OR_RETURN(target, TargetOf(header));
    }
    if (target->scan && bytes.size() <= kBytesMax && target->scan->Read(bytes, values)) return Ok();
    values.assign(columns_, absent);
    pb::Message& message = *target->message;
    const pb::LogSilencer no_warnings;  // of text that is no UTF-8
    const std::string& name = message.GetDescriptor()->full_name();
    if (bytes.size() > kBytesMax || !message.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size())))
      return Rejected("the record is no Protobuf message '" + name + "': it is damaged, cut off, or something else");
    if (!message.IsInitialized())
      return Rejected("the record is no Protobuf message '" + name + "': it lacks the required fields " +
                      message.InitializationErrorString().substr(0, 200));
    if (const pb::FieldDescriptor* field = Misread(message))
      return Rejected("the record is no Protobuf message '" + name + "': its field " + std::to_string(field->number()) +
                      " has another wire type than '" + field->name() + "'");
    if (wanted_.column >= 0) values[static_cast<std::size_t>(wanted_.column)] = ProtoValue(message, kept_);
    SetName(wanted_.type_column, message.GetDescriptor()->name(), values);
    Walk(message, *target->plan, values);
    return Ok();
  }

 private:
  static constexpr std::size_t kBytesMax = std::size_t{64} << 20;

  ProtoTarget TargetOf(std::shared_ptr<const ProtoSchema> schema, const pb::Descriptor& message, std::string& lost) {
    ProtoTarget target;
    target.message = schema->New(message);
    target.plan = PlanOf(message, wanted_, lost);
    target.scan = ScanOf(message, wanted_, *target.plan);
    target.schema = std::move(schema);
    return target;
  }

  Result<ProtoTarget*> TargetOf(const WireHeader& header) {
    const auto key = std::make_pair(header.schema_id, header.message_path);
    if (const auto known = targets_.find(key); known != targets_.end()) return &known->second;
    const std::string named = "schema " + std::to_string(header.schema_id) + ": ";
    auto& schema = schemas_[header.schema_id];
    if (schema == nullptr) {
      HG_ASSIGN_OR_RETURN(const auto resolved, store_->SchemaOf(header.schema_id));
      if (resolved->schema.language != SchemaLanguage::kProtobuf)
        return Rejected(named + "it is " + std::string(Name(resolved->schema.language)) + ", not PROTOBUF");
      std::vector<ProtoFile> imports;
      for (const auto& part : resolved->parts) imports.push_back({part.name, part.text});
      auto compiled = ProtoSchema::Compile(resolved->schema.text, imports);
      if (!compiled.ok()) return Rejected(named + compiled.error().what);
      schema = *compiled;
    }
    const pb::Descriptor* message = schema->At(header.message_path);
    if (message == nullptr || message->options().map_entry())
      return Rejected(named + "it has no message where the record's header points to");
    if (!message_.empty() && message->full_name() != message_ && message->name() != message_)
      return Rejected(named + "the record is of message '" + message->full_name() + "', not of '" + message_ + "'");
    std::string lost;  // a schema without the field is an older or a younger one
    return &targets_.emplace(key, TargetOf(schema, *message, lost)).first->second;
  }

  void SetName(int column, const std::string& name, std::vector<Value>& values) {
    if (column < 0) return;
    Value v;
    v.kind = ValueKind::kText;
    v.text = kept_.emplace_back(name);
    values[static_cast<std::size_t>(column)] = v;
  }

  void Walk(const pb::Message& message, const ProtoPlan& plan, std::vector<Value>& values) {
    const pb::Reflection& reflection = *message.GetReflection();
    for (const auto& [oneof, column] : plan.oneofs) {
      const pb::FieldDescriptor* set = reflection.GetOneofFieldDescriptor(message, oneof);
      if (set == nullptr) values[static_cast<std::size_t>(column)] = Value{};
      if (set != nullptr) SetName(column, set->name(), values);
    }
    for (const ProtoPlan::Field& planned : plan.fields) {
      const pb::FieldDescriptor& field = *planned.field;
      if (planned.below != nullptr && !reflection.HasField(message, &field)) {
        planned.wanted->SetNull(values);
        continue;
      }
      if (planned.wanted->column >= 0)
        values[static_cast<std::size_t>(planned.wanted->column)] = ProtoValue(message, field, kept_);
      if (planned.below == nullptr) continue;
      SetName(planned.wanted->type_column, field.message_type()->name(), values);
      Walk(reflection.GetMessage(message, &field), *planned.below, values);
    }
  }

  const WantedFields wanted_;
  const std::size_t columns_;
  const std::string message_;
  SchemaStore* store_;
  ProtoTarget fixed_;  // without registry
  std::unordered_map<std::uint32_t, std::shared_ptr<const ProtoSchema>> schemas_;
  std::map<std::pair<std::uint32_t, std::vector<int>>, ProtoTarget> targets_;
  std::deque<std::string> kept_;
};

}  // namespace

Result<std::unique_ptr<RecordDecoder>> MakeProtobufDecoder(const std::vector<FieldPath>& paths,
                                                           std::string_view message, SchemaStore& store) {
  HG_ASSIGN_OR_RETURN(WantedFields wanted, WantedOf(paths));
  return std::unique_ptr<RecordDecoder>(
      std::make_unique<ProtobufDecoder>(std::move(wanted), paths.size(), std::string(message), &store));
}

Result<std::unique_ptr<RecordDecoder>> MakeProtobufDecoder(const std::vector<FieldPath>& paths,
                                                           std::string_view message, std::string_view schema,
                                                           const std::vector<ProtoFile>& imports) {
  HG_ASSIGN_OR_RETURN(WantedFields wanted, WantedOf(paths));
  auto decoder = std::make_unique<ProtobufDecoder>(std::move(wanted), paths.size(), std::string(message), nullptr);
  Status status = decoder->UseSchema(schema, imports);
  if (!status.ok()) return ConfigError(status.error().what);
  return std::unique_ptr<RecordDecoder>(std::move(decoder));
}

}  // namespace headgate::codec
