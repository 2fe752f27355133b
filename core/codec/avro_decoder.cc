#include "core/codec/avro_decoder.h"

#include <optional>
#include <unordered_map>

#include "core/codec/avro_reader.h"
#include "core/codec/avro_schema.h"
#include "core/codec/wire_header.h"

namespace headgate::codec {
namespace {

// What is wanted of one node of a schema. Children follow the fields of a record, the branches of a union, or, of a
// map, the wanted keys; nullptr: nothing is.
struct AvroPlan {
  const AvroNode* node = nullptr;
  const WantedFields* wanted = nullptr;
  std::vector<std::unique_ptr<AvroPlan>> children;
};

// Unions within unions multiply what a path may meet.
constexpr std::size_t kPlansMax = 100'000;

// nullptr once there are too many.
std::unique_ptr<AvroPlan> PlanOf(const AvroSchema& schema, const AvroNode& node, const WantedFields& wanted,
                                 std::size_t& plans) {
  if (++plans > kPlansMax) return nullptr;
  auto plan = std::make_unique<AvroPlan>();
  plan->node = &node;
  plan->wanted = &wanted;
  const auto add = [&](AvroIndex child, const WantedFields* below) {
    plan->children.push_back(below == nullptr ? nullptr : PlanOf(schema, schema.at(child), *below, plans));
  };
  if (node.type == AvroType::kUnion) {
    for (const AvroIndex branch : node.children) add(branch, &wanted);
  } else if (node.type == AvroType::kRecord && !wanted.fields.empty()) {
    for (const AvroNode::Field& field : node.fields) add(field.node, wanted.Find(field.name));
  } else if (node.type == AvroType::kMap) {
    for (const auto& field : wanted.fields) add(node.children[0], &field.wanted);
  }
  return plan;
}

// A schema with the plan for it.
struct AvroWriter {
  AvroSchema schema;
  std::unique_ptr<AvroPlan> plan;
};

class AvroDecoder final : public RecordDecoder {
 public:
  AvroDecoder(WantedFields wanted, std::size_t columns, SchemaStore* store)
      : wanted_(std::move(wanted)), columns_(columns), store_(store) {}

  Status UseSchema(std::string_view json, const std::vector<std::string_view>& parts, std::uint32_t id) {
    HG_ASSIGN_OR_RETURN(AvroSchema schema, AvroSchema::Parse(json, parts));
    auto writer = std::make_unique<AvroWriter>(AvroWriter{std::move(schema), nullptr});
    const AvroType root = writer->schema.root().type;
    const bool has_fields = root == AvroType::kRecord || root == AvroType::kMap || root == AvroType::kUnion;
    if (!has_fields && !wanted_.fields.empty())
      return Rejected("the schema is of type " + std::string(writer->schema.root().short_name()) +
                      ", not of a record: it has no fields to take columns from");
    std::size_t plans = 0;
    writer->plan = PlanOf(writer->schema, writer->schema.root(), wanted_, plans);
    if (plans > kPlansMax) return Rejected("the schema has too many unions within unions on the paths of the columns");
    writers_[id] = std::move(writer);
    return Ok();
  }

  Status Decode(std::string_view bytes, std::vector<Value>& values) override {
    Value absent;
    absent.kind = ValueKind::kAbsent;
    values.assign(columns_, absent);
    std::uint32_t id = 0;
    if (store_ != nullptr) {
      HG_ASSIGN_OR_RETURN(const WireHeader header, ReadWireHeader(bytes, false));
      id = header.schema_id;
      bytes.remove_prefix(header.size);
      if (!writers_.contains(id)) HG_RETURN_IF_ERROR(Fetch(id));
    }
    const AvroWriter& writer = *writers_.at(id);
    reader_.emplace(writer.schema, bytes);
    Walk(*writer.plan, values);
    if (!reader_->failed() && !reader_->done()) reader_->Fail("bytes are left over behind the record");
    Status status = reader_->status();
    if (status.ok()) return status;
    values.assign(columns_, absent);
    return Rejected("the record cannot be read with the Avro schema that it names" +
                    (store_ == nullptr ? std::string() : " (id " + std::to_string(id) + ")") + ": " +
                    status.error().what);
  }

 private:
  Status Fetch(std::uint32_t id) {
    HG_ASSIGN_OR_RETURN(const auto resolved, store_->SchemaOf(id));
    const std::string named = "schema " + std::to_string(id) + ": ";
    if (resolved->schema.language != SchemaLanguage::kAvro)
      return Rejected(named + "it is " + std::string(Name(resolved->schema.language)) + ", not AVRO");
    std::vector<std::string_view> parts;
    for (const auto& part : resolved->parts) parts.push_back(part.text);
    Status status = UseSchema(resolved->schema.text, parts, id);
    return status.ok() ? status : Error{status.error().kind, named + status.error().what};
  }

  void Walk(const AvroPlan& plan, std::vector<Value>& values) {
    AvroReader& in = *reader_;
    if (in.failed()) return;
    const AvroNode& node = *plan.node;
    const WantedFields& wanted = *plan.wanted;
    if (node.type == AvroType::kUnion) {
      std::size_t branch = 0;
      if (in.Branch(node, branch) != nullptr) Walk(*plan.children[branch], values);
      return;
    }
    if (node.type == AvroType::kNull) return wanted.SetNull(values);
    if (wanted.type_column >= 0) {
      Value& name = values[static_cast<std::size_t>(wanted.type_column)];
      name = Value{};
      name.kind = ValueKind::kText;
      name.text = node.short_name();
    }
    if (wanted.column >= 0) {
      const AvroReader::Place start = in.place();
      values[static_cast<std::size_t>(wanted.column)] = in.Read(node);
      if (wanted.fields.empty() || in.failed()) return;
      in.Rewind(start);
    }
    if (node.type == AvroType::kRecord && !plan.children.empty()) {
      for (std::size_t i = 0; i < node.fields.size() && !in.failed(); ++i) {
        if (plan.children[i] != nullptr) {
          Walk(*plan.children[i], values);
        } else {
          in.Skip(reader_schema().at(node.fields[i].node));
        }
      }
    } else if (node.type == AvroType::kMap && !plan.children.empty()) {
      WalkMap(plan, values);
    } else {
      in.Skip(node);
    }
  }

  void WalkMap(const AvroPlan& plan, std::vector<Value>& values) {
    AvroReader& in = *reader_;
    for (std::uint64_t count = in.Block(); count > 0; count = in.Block()) {
      for (; count > 0 && !in.failed(); --count) {
        const std::string_view key = in.Bytes();
        const auto& fields = plan.wanted->fields;
        std::size_t i = 0;
        while (i < fields.size() && fields[i].name != key) ++i;
        if (i < fields.size()) {
          Walk(*plan.children[i], values);
        } else {
          in.Skip(reader_schema().at(plan.node->children[0]));
        }
      }
    }
  }

  const AvroSchema& reader_schema() const { return reader_->schema(); }

  const WantedFields wanted_;
  const std::size_t columns_;
  SchemaStore* store_;
  std::unordered_map<std::uint32_t, std::unique_ptr<AvroWriter>> writers_;
  std::optional<AvroReader> reader_;  // of the last record: values point into it
};

Result<std::unique_ptr<AvroDecoder>> NewAvroDecoder(const std::vector<FieldPath>& paths, SchemaStore* store) {
  HG_ASSIGN_OR_RETURN(WantedFields wanted, WantedOf(paths));
  return std::make_unique<AvroDecoder>(std::move(wanted), paths.size(), store);
}

}  // namespace

Result<std::unique_ptr<RecordDecoder>> MakeAvroDecoder(const std::vector<FieldPath>& paths, SchemaStore& store) {
  HG_ASSIGN_OR_RETURN(auto decoder, NewAvroDecoder(paths, &store));
  return std::unique_ptr<RecordDecoder>(std::move(decoder));
}

Result<std::unique_ptr<RecordDecoder>> MakeAvroDecoder(const std::vector<FieldPath>& paths, std::string_view schema) {
  HG_ASSIGN_OR_RETURN(auto decoder, NewAvroDecoder(paths, nullptr));
  Status status = decoder->UseSchema(schema, {}, 0);
  if (!status.ok()) return ConfigError(status.error().what);
  return std::unique_ptr<RecordDecoder>(std::move(decoder));
}

}  // namespace headgate::codec
