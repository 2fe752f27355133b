#include "connectors/mysql/payload.h"

#include <zstd.h>

#include <cstring>

namespace headgate::mysql {
namespace {

constexpr std::size_t kStepBytes = 256 * 1024;
constexpr std::size_t kLengthAt = 9;  // of an event's header
constexpr std::uint32_t kEventBytesMax = 1U << 30;
constexpr int kWindowLogMax = 27;  // 128 MiB; servers use far less

Error Broken() { return Corrupt("the binary log holds a TRANSACTION_PAYLOAD that cannot be decompressed"); }

}  // namespace

struct BinlogDecoder::PayloadReader::Stream {
  ZSTD_DCtx* context = ZSTD_createDCtx();
  Stream() { ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, kWindowLogMax); }
  ~Stream() { ZSTD_freeDCtx(context); }
};

BinlogDecoder::PayloadReader::PayloadReader(const Payload& payload, EventRest* rest)
    : bytes_(payload.bytes), rest_(rest) {
  if (payload.compression == Payload::Compression::kZstd) stream_ = std::make_unique<Stream>();
}
BinlogDecoder::PayloadReader::~PayloadReader() = default;

// Has so many bytes ready, or ended_.
Status BinlogDecoder::PayloadReader::Fill(std::size_t bytes) {
  if (buffer_.size() - used_ >= bytes) return Ok();
  buffer_.erase(0, used_);
  used_ = 0;
  while (buffer_.size() < bytes && !ended_) {
    if (bytes_.empty() && rest_ != nullptr) {
      HG_ASSIGN_OR_RETURN(bytes_, rest_->More());
      if (bytes_.empty()) rest_ = nullptr;
    }
    if (!bytes_.empty() || more_) {
      HG_RETURN_IF_ERROR(Take());
    } else {
      if (within_) return Broken();
      ended_ = true;
    }
  }
  return Ok();
}

// Some of what has come.
Status BinlogDecoder::PayloadReader::Take() {
  const std::size_t had = buffer_.size();
  buffer_.resize(had + kStepBytes);
  std::size_t made = 0;
  if (stream_ == nullptr) {
    made = bytes_.copy(buffer_.data() + had, kStepBytes);
    bytes_.remove_prefix(made);
  } else {
    ZSTD_outBuffer out{buffer_.data() + had, kStepBytes, 0};
    ZSTD_inBuffer in{bytes_.data(), bytes_.size(), 0};
    const std::size_t status = ZSTD_decompressStream(stream_->context, &out, &in);
    bytes_.remove_prefix(in.pos);
    made = out.pos;
    within_ = status != 0;
    more_ = within_ && out.pos == out.size;
    if (ZSTD_isError(status) != 0 || (in.pos == 0 && out.pos == 0)) return Broken();
  }
  buffer_.resize(had + made);
  return Ok();
}

Result<std::string_view> BinlogDecoder::PayloadReader::Next() {
  HG_RETURN_IF_ERROR(Fill(Event::kHeaderBytes));
  const std::size_t ready = buffer_.size() - used_;
  if (ready == 0 && ended_) return std::string_view();
  if (ready < Event::kHeaderBytes) return Broken();
  std::uint32_t size = 0;
  std::memcpy(&size, buffer_.data() + used_ + kLengthAt, sizeof size);
  if (size < Event::kHeaderBytes || size > kEventBytesMax) return Broken();
  HG_RETURN_IF_ERROR(Fill(size));
  if (buffer_.size() - used_ < size) return Broken();
  const std::string_view event(buffer_.data() + used_, size);
  used_ += size;
  return event;
}

}  // namespace headgate::mysql
