#include "connectors/mysql/packed.h"

#include <zlib.h>

namespace headgate::mysql {

bool InflateMariadb(std::string_view packed, std::string& out) {
  ByteReader in(packed);
  const std::uint8_t head = in.Byte();
  constexpr std::uint8_t kCompressed = 0x80;
  const int size_bytes = head & 7;
  if ((head & kCompressed) == 0 || (head & 0x70) != 0) return false;  // only zlib is defined
  std::uint64_t size = 0;
  for (int i = 0; i < size_bytes; ++i) size = size << 8 | in.Byte();
  if (in.failed() || size_bytes == 0 || size > kInflatedMax) return false;
  const std::string_view stream = in.Take(in.remaining());
  out.resize(static_cast<std::size_t>(size));
  auto length = static_cast<uLongf>(size);
  const int status = ::uncompress(reinterpret_cast<Bytef*>(out.data()), &length,
                                  reinterpret_cast<const Bytef*>(stream.data()), static_cast<uLong>(stream.size()));
  return status == Z_OK && length == size;
}

}  // namespace headgate::mysql
