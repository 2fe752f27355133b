#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

// Packets of the client protocol: three bytes of length, one of their number, the payload. (MySQL source documentation,
// "MySQL Packets", "ERR_Packet", "Binary Protocol Resultset"; MariaDB, "Client/Server Protocol".) Pure.
namespace headgate::mysql {

constexpr std::size_t kPacketHead = 4;
constexpr std::size_t kPacketBytesMax = 0xFF'FFFF;  // of a payload; one as long as this goes on in the next packet
constexpr unsigned char kErrorPacket = 0xFF;
constexpr unsigned char kEndPacket = 0xFE;  // with less than nine bytes
constexpr std::size_t kEndPacketBytesMax = 8;

inline std::uint32_t NumberAt(std::string_view bytes, std::size_t at) {
  std::uint32_t number = 0;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}
inline std::size_t PacketBytes(std::string_view head) { return NumberAt(head, 0) & kPacketBytesMax; }
bool IsEnd(std::string_view payload);

// What the server says is wrong; views of the payload. Nothing if it is no such packet.
struct ServerError {
  int code = 0;
  std::string_view text;
};
std::optional<ServerError> ParseError(std::string_view payload);

}  // namespace headgate::mysql
