#include "core/net/gzip.h"

#include <zlib.h>

#include "core/base/check.h"

namespace headgate::net {
namespace {

constexpr int kGzipFrame = 15 + 16;  // the largest window, with gzip's header and trailer instead of zlib's
constexpr int kMemoryLevel = 8;

}  // namespace

Gzip::Gzip() : stream_(std::make_unique<z_stream>()) {
  *stream_ = {};
  CHECK(deflateInit2(stream_.get(), Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipFrame, kMemoryLevel, Z_DEFAULT_STRATEGY) ==
        Z_OK);
}

Gzip::~Gzip() { deflateEnd(stream_.get()); }

std::string_view Gzip::Compress(std::string_view text) {
  CHECK(deflateReset(stream_.get()) == Z_OK);
  out_.resize(deflateBound(stream_.get(), text.size()));
  stream_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream_->avail_in = static_cast<uInt>(text.size());
  stream_->next_out = reinterpret_cast<Bytef*>(out_.data());
  stream_->avail_out = static_cast<uInt>(out_.size());
  CHECK(deflate(stream_.get(), Z_FINISH) == Z_STREAM_END);
  out_.resize(out_.size() - stream_->avail_out);
  return out_;
}

}  // namespace headgate::net
