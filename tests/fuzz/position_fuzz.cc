// Stored positions, and the addresses of changes that people type.
#include "core/base/check.h"
#include "core/model/change.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headgate;
  const std::string_view bytes = fuzz::Bytes(data, size);
  ByteReader in(bytes);
  const Position position = ReadPosition(in);
  if (!in.failed()) {
    std::string again;
    PutPosition(again, position);
    ByteReader back(again);
    CHECK(ReadPosition(back) == position && back.done());
    CHECK(!OrderedBefore(position, position));
    std::string id;
    AppendPositionId(id, position);
    CHECK(id.size() <= 64 + position.text.size());
  }
  At at;
  if (ParseAt(bytes, at)) {
    At back;
    CHECK(ParseAt(ToText(at), back) && back == at);
  }
  return 0;
}
