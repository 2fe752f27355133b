#include "core/codec/wire_header.h"

#include <limits>

#include "core/base/bytes.h"

namespace headgate::codec {
namespace {

constexpr std::int64_t kDepthMax = 64;

}  // namespace

void AppendWireHeader(std::string& out, std::uint32_t schema_id) {
  out.push_back('\0');
  PutBigEndian(out, schema_id);
}

void AppendMessagePath(std::string& out, const std::vector<int>& path) {
  if (path.size() == 1 && path[0] == 0) {
    out.push_back('\0');
    return;
  }
  PutSigned(out, static_cast<std::int64_t>(path.size()));
  for (const int index : path) PutSigned(out, index);
}

Result<WireHeader> ReadWireHeader(std::string_view bytes, bool with_message_path) {
  ByteReader in(bytes);
  WireHeader header;
  const std::uint8_t magic = in.Byte();
  header.schema_id = in.BigEndian<std::uint32_t>();
  if (in.failed())
    return Rejected("the record has " + std::to_string(bytes.size()) +
                    " bytes, fewer than the header of a schema registry: it was written without one, or cut off");
  if (magic != 0)
    return Rejected("the record starts with byte " + std::to_string(magic) +
                    ", not with the zero byte of a schema registry's header: it was written without one");
  if (with_message_path) {
    const std::int64_t depth = in.Signed();
    bool good = !in.failed() && depth >= 0 && depth <= kDepthMax;
    if (good && depth == 0) header.message_path = {0};
    for (std::int64_t i = 0; good && i < depth; ++i) {
      const std::int64_t index = in.Signed();
      good = !in.failed() && index >= 0 && index <= std::numeric_limits<int>::max();
      header.message_path.push_back(static_cast<int>(index));
    }
    if (!good)
      return Rejected("the header of schema " + std::to_string(header.schema_id) +
                      " does not say which message of the schema follows: the record is damaged, or no Protobuf");
  }
  header.size = bytes.size() - in.remaining();
  return header;
}

}  // namespace headgate::codec
