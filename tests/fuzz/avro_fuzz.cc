// Schemas and records of Avro: whatever comes, columns that are sound values or an error. The first byte chooses a
// schema; the last choice takes it from the input, up to the end of the line.
#include <array>
#include <string>

#include "core/base/check.h"
#include "core/base/encoding.h"
#include "core/codec/avro_decoder.h"
#include "core/codec/json_text.h"
#include "tests/fuzz/input.h"

namespace headgate::codec {
namespace {

constexpr std::array<std::string_view, 4> kSchemas = {
    R"({"type":"record","name":"List","fields":[{"name":"value","type":"long"},{"name":"a","type":["null","List"]}]})",
    R"({"type":"record","name":"r","fields":[{"name":"a","type":"boolean"},{"name":"l","type":"long"},{"name":"b","type":"int"},)"
    R"({"name":"f","type":"float"},{"name":"d","type":"double"},{"name":"y","type":"bytes"},{"name":"s","type":"string"},)"
    R"({"name":"n","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},{"name":"t","type":{"type":"long","logicalType":"timestamp-millis"}},)"
    R"({"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]}},{"name":"u","type":{"type":"string","logicalType":"uuid"}},)"
    R"({"name":"x","type":{"type":"fixed","name":"F","size":12,"logicalType":"duration"}}]})",
    R"({"type":"record","name":"Envelope","fields":[{"name":"a","type":[{"type":"record","name":"W","fields":[]},)"
    R"({"type":"record","name":"D","fields":[{"name":"b","type":"string"},{"name":"v","type":"double"}]}]},{"name":"t","type":"long"}]})",
    R"({"type":"record","name":"r","fields":[{"name":"a","type":{"type":"array","items":["null","long"]}},)"
    R"({"name":"m","type":{"type":"map","values":"string"}}]})",
};

std::vector<FieldPath> PathsOf(std::initializer_list<const char*> texts) {
  std::vector<FieldPath> paths;
  for (const char* text : texts) paths.push_back(*ParseFieldPath(text));
  return paths;
}

void CheckValue(const Value& v) {
  if (v.kind == ValueKind::kText) CHECK(IsUtf8(v.text));
  if (v.kind == ValueKind::kJson) {
    std::string compact;
    CHECK(IsUtf8(v.text) && AppendCompactJson(compact, v.text) && compact == v.text);
  }
  if (v.kind != ValueKind::kArray) return;
  ArrayReader in(v.text);
  CHECK(!in.failed() && in.dimensions().size() <= 1);
  while (!in.done()) CheckValue(in.Next());
  CHECK(!in.failed());
}

}  // namespace
}  // namespace headgate::codec

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headgate;
  std::string_view bytes = fuzz::Bytes(data, size);
  const std::size_t choice = fuzz::Choose(bytes, codec::kSchemas.size() + 1);
  std::string_view schema;
  if (choice < codec::kSchemas.size()) {
    schema = codec::kSchemas[choice];
  } else {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    schema = bytes.substr(0, end);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  for (const auto& paths :
       {codec::PathsOf({"value"}), codec::PathsOf({"a", "a.b", "a.a.value", "a#type", "m.a", "e"})}) {
    auto decoder = codec::MakeAvroDecoder(paths, schema);
    if (!decoder.ok()) {
      CHECK(choice == codec::kSchemas.size() && !decoder.error().what.empty());
      continue;
    }
    std::vector<Value> values;
    const Status status = (*decoder)->Decode(bytes, values);
    CHECK(status.ok() || status.error().kind == ErrorKind::kRejected);
    CHECK(values.size() == paths.size());
    for (const Value& v : values) codec::CheckValue(v);
  }
  return 0;
}
