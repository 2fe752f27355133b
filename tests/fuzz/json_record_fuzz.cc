// Records of JSON: whatever comes, columns that are sound values or an error.
#include <string>

#include "core/base/check.h"
#include "core/base/encoding.h"
#include "core/codec/json_decoder.h"
#include "core/codec/json_text.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headgate;
  std::vector<codec::FieldPath> paths;
  for (const char* text : {"value", "a", "a.b", "a.c", "a#type", "d", "e", "a.b#type"})
    paths.push_back(*codec::ParseFieldPath(text));
  auto decoder = codec::MakeJsonDecoder(paths);
  CHECK(decoder.ok());
  const std::string_view bytes = fuzz::Bytes(data, size);
  std::vector<Value> values;
  const Status status = (*decoder)->Decode(bytes, values);
  CHECK(status.ok() || status.error().kind == ErrorKind::kRejected);
  CHECK(values.size() == paths.size());
  std::string compact;
  CHECK(!status.ok() || codec::AppendCompactJson(compact, bytes));
  for (const Value& v : values) {
    if (v.kind == ValueKind::kText) CHECK(IsUtf8(v.text));
    compact.clear();
    if (v.kind == ValueKind::kJson) CHECK(codec::AppendCompactJson(compact, v.text) && compact == v.text);
  }
  return 0;
}
