#include "connectors/mysql/packet.h"

#include "core/base/bytes.h"

namespace headgate::mysql {

bool IsEnd(std::string_view payload) {
  return !payload.empty() && static_cast<unsigned char>(payload[0]) == kEndPacket &&
         payload.size() <= kEndPacketBytesMax;
}

std::optional<ServerError> ParseError(std::string_view payload) {
  constexpr std::size_t kStateBytes = 5;
  ByteReader in(payload);
  if (in.Byte() != kErrorPacket) return std::nullopt;
  ServerError error;
  error.code = in.Fixed<std::uint16_t>();
  if (in.Byte() != '#') return std::nullopt;
  in.Take(kStateBytes);
  error.text = in.Take(in.remaining());
  return in.failed() ? std::nullopt : std::optional(error);
}

}  // namespace headgate::mysql
