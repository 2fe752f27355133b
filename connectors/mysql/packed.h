#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/bytes.h"

// Small forms that several events of a binary log share.
namespace headgate::mysql {

// A number of the protocol ("length-encoded integer"): one byte up to 250, else 252, 253 or 254 and 2, 3 or 8 bytes.
inline std::uint64_t PackedNumber(ByteReader& in) {
  const std::uint8_t first = in.Byte();
  if (first <= 250) return first;
  if (first == 252) return in.Fixed<std::uint16_t>();
  if (first == 253) {
    const std::uint64_t low = in.Fixed<std::uint16_t>();
    return low | static_cast<std::uint64_t>(in.Byte()) << 16;
  }
  if (first != 254) in.Fail();
  return in.Fixed<std::uint64_t>();
}

// What MariaDB compressed (log_bin_compress): a byte that says the method and how long the size is, the size, then
// zlib's stream. False if it is none, or longer than kInflatedMax.
inline constexpr std::uint64_t kInflatedMax = std::uint64_t{1} << 30;  // of an event: the server's own bound
bool InflateMariadb(std::string_view packed, std::string& out);

}  // namespace headgate::mysql
