// Schemas and records of Protobuf: whatever comes, columns that are sound values or an error. The first byte chooses a
// schema; the last choice takes it from the input, up to a zero byte, and the first message of it.
#include <array>
#include <string>

#include "core/base/check.h"
#include "core/base/encoding.h"
#include "core/codec/json_text.h"
#include "core/codec/proto_decoder.h"
#include "core/codec/proto_schema.h"
#include "tests/fuzz/input.h"

namespace headgate::codec {
namespace {

constexpr std::array<std::string_view, 3> kSchemas = {
    R"(syntax = "proto3"; message M { int32 a = 1; double b = 2; })",
    R"(syntax = "proto3"; import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto";
       import "google/protobuf/wrappers.proto";
       message M { uint32 u = 1; uint64 v = 2; sint32 w = 3; sfixed64 x = 4; float f = 5; bool g = 6; string s = 7; bytes y = 8;
         repeated int32 i = 9; repeated string t = 10; map<string, int32> m = 11; google.protobuf.Timestamp at = 12;
         google.protobuf.Duration took = 13; google.protobuf.Int64Value maybe = 14; optional int32 o = 15;
         message P { string b = 1; P a = 2; } P a = 16; repeated P r = 17; oneof c { P woke = 18; P slept = 19; }
         enum E { A = 0; } E e = 20; })",
    R"(syntax = "proto3"; import "google/protobuf/any.proto"; import "google/protobuf/struct.proto";
       message M { google.protobuf.Any a = 1; google.protobuf.Struct b = 2; google.protobuf.Value c = 3; })",
};

const std::vector<FieldPath>& Wanted() {
  static const std::vector<FieldPath> paths = [] {
    std::vector<FieldPath> out;
    for (const char* text :
         {"value", "a", "a.b", "a.a.b", "a#type", "b", "c", "c#type", "d", "e", "f",  "g",    "i",
          "m",     "o", "r",   "s",     "t",      "u", "v", "w",      "x", "y", "at", "took", "maybe"})
      out.push_back(*ParseFieldPath(text));
    return out;
  }();
  return paths;
}

// One schema, whose id is 1.
class OneSchema final : public SchemaStore {
 public:
  explicit OneSchema(std::string_view text) {
    auto resolved = std::make_shared<ResolvedSchema>();
    resolved->schema = {SchemaLanguage::kProtobuf, std::string(text), {}};
    schema_ = std::move(resolved);
  }
  Result<std::uint32_t> IdOf(const std::string&, const SchemaText&) override { return 1U; }
  Result<int> VersionOf(const std::string&, const SchemaText&) override { return 1; }
  Result<std::shared_ptr<const ResolvedSchema>> SchemaOf(std::uint32_t id) override {
    if (id == 1) return schema_;
    return Rejected("there is no such schema");
  }

 private:
  std::shared_ptr<const ResolvedSchema> schema_;
};

void CheckValue(const Value& v) {
  if (v.kind == ValueKind::kText) CHECK(IsUtf8(v.text));
  if (v.kind == ValueKind::kJson) {
    std::string compact;
    CHECK(AppendCompactJson(compact, v.text));
  }
  if (v.kind != ValueKind::kArray) return;
  ArrayReader in(v.text);
  CHECK(!in.failed() && in.dimensions().size() <= 1);
  while (!in.done()) CheckValue(in.Next());
  CHECK(!in.failed());
}

void CheckRecord(RecordDecoder& decoder, std::string_view bytes) {
  std::vector<Value> values;
  const Status status = decoder.Decode(bytes, values);
  CHECK(status.ok() || (status.error().kind == ErrorKind::kRejected && !status.error().what.empty()));
  CHECK(values.size() == Wanted().size());
  for (const Value& v : values) CheckValue(v);
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
    const std::size_t end = std::min(bytes.find('\0'), bytes.size());
    schema = bytes.substr(0, end);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  codec::OneSchema store(schema);
  auto decoder = codec::MakeProtobufDecoder(codec::Wanted(), "", store);
  CHECK(decoder.ok());
  codec::CheckRecord(**decoder, bytes);
  codec::CheckRecord(**decoder, std::string("\0\0\0\0\1\0", 6).append(bytes));
  return 0;
}
