#include "connectors/http/gunzip.h"

#include <zlib.h>

#include <algorithm>

#include "core/base/check.h"

namespace headgate::http {
namespace {

constexpr int kGzipFrame = 15 + 16;  // the largest window, with gzip's header and trailer
constexpr std::size_t kFirstRoom = 16 * 1024;

struct Inflater {
  z_stream stream = {};
  Inflater() { CHECK(inflateInit2(&stream, kGzipFrame) == Z_OK); }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
};

}  // namespace

Unpacked Gunzip(std::string_view packed, std::size_t bytes_max, std::size_t padding, std::string& out) {
  Inflater inflater;
  z_stream& z = inflater.stream;
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  z.avail_in = static_cast<uInt>(packed.size());
  std::size_t filled = 0;
  out.clear();
  while (true) {
    if (filled == out.size()) {
      // One byte more than is allowed: a body that fills it is too large.
      if (filled > bytes_max) return Unpacked::kTooLarge;
      out.resize(std::min(bytes_max + 1, std::max({kFirstRoom, packed.size() * 4, filled * 2})));
    }
    z.next_out = reinterpret_cast<Bytef*>(out.data() + filled);
    z.avail_out = static_cast<uInt>(out.size() - filled);
    const int done = inflate(&z, Z_NO_FLUSH);
    filled = out.size() - z.avail_out;
    if (done == Z_STREAM_END) {
      if (filled > bytes_max) return Unpacked::kTooLarge;
      if (z.avail_in == 0) break;
      if (inflateReset(&z) != Z_OK) return Unpacked::kBroken;
      continue;
    }
    if (done == Z_BUF_ERROR && z.avail_out == 0) continue;
    if (done != Z_OK) return Unpacked::kBroken;
    if (z.avail_in == 0 && z.avail_out != 0) return Unpacked::kBroken;  // cut
  }
  out.resize(filled);
  out.reserve(filled + padding);
  return Unpacked::kOk;
}

}  // namespace headgate::http
