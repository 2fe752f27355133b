// What stands before records of a schema registry: whatever is read is written the same, or shorter.
#include "core/base/check.h"
#include "core/codec/wire_header.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headgate;
  const std::string_view bytes = fuzz::Bytes(data, size);
  for (const bool with_path : {false, true}) {
    const auto header = codec::ReadWireHeader(bytes, with_path);
    if (!header.ok()) {
      CHECK(header.error().kind == ErrorKind::kRejected && !header.error().what.empty());
      continue;
    }
    CHECK(header->size >= codec::kWireHeaderBytes && header->size <= size);
    CHECK(header->message_path.empty() != with_path);
    std::string again;
    codec::AppendWireHeader(again, header->schema_id);
    if (with_path) codec::AppendMessagePath(again, header->message_path);
    CHECK(again.size() <= header->size);
    const auto same = codec::ReadWireHeader(again, with_path);
    CHECK(same.ok() && same->schema_id == header->schema_id && same->message_path == header->message_path);
  }
  return 0;
}
