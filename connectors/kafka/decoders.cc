#include "connectors/kafka/decoders.h"

#include "core/codec/avro_decoder.h"
#include "core/codec/json_decoder.h"
#include "core/codec/proto_decoder.h"

namespace headgate::kafka::source {
namespace {

using Made = Result<std::unique_ptr<codec::RecordDecoder>>;

class RawDecoder final : public codec::RecordDecoder {
 public:
  Status Decode(std::string_view bytes, std::vector<Value>& values) override {
    values.resize(1);
    values[0] = Value();
    values[0].kind = ValueKind::kBytes;
    values[0].text = bytes;
    return Ok();
  }
};

Made MakeRaw(const std::vector<codec::FieldPath>& paths) {
  for (const codec::FieldPath& path : paths) {
    if (!path.steps.empty() || path.type_name) {
      const std::string whole = path.of_key ? "key" : "value";
      return ConfigError("Setting \"fields\" looks for a field in a " + whole +
                         " that is raw, and has none: write column=" + whole + ", or set the format.");
    }
  }
  return std::unique_ptr<codec::RecordDecoder>(std::make_unique<RawDecoder>());
}

}  // namespace

Made MakeDecoder(const RecordFormat& format, const std::vector<codec::FieldPath>& paths, codec::SchemaStore* store) {
  if (format.format == Format::kJson) return codec::MakeJsonDecoder(paths);
  if (format.format == Format::kRaw) return MakeRaw(paths);
  if (format.schema.empty() && store == nullptr)
    return ConfigError("Setting \"registry\" is missing: records without a schema in the settings have one there.");
  if (format.format == Format::kAvro) {
    return format.schema.empty() ? codec::MakeAvroDecoder(paths, *store) : codec::MakeAvroDecoder(paths, format.schema);
  }
  return format.schema.empty() ? codec::MakeProtobufDecoder(paths, format.message, *store)
                               : codec::MakeProtobufDecoder(paths, format.message, format.schema);
}

}  // namespace headgate::kafka::source
