// Stored schemas.
#include "core/base/check.h"
#include "core/model/schema.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headgate;
  const auto schema = DecodeSchema(fuzz::Bytes(data, size));
  if (!schema.ok()) return 0;
  CHECK(schema->Key().size() <= schema->columns.size());
  const auto again = DecodeSchema(EncodeSchema(*schema));
  CHECK(again.ok() && *again == *schema);
  return 0;
}
