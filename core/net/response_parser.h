#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace headgate::net {

// Reads one HTTP/1.x answer from bytes as they arrive. Pure and bounded: never holds more than the limits, whatever the
// bytes are. Interim answers (1xx) are skipped. One object serves many answers; Reset between them.
class ResponseParser {
 public:
  struct Limits {
    std::size_t head_bytes_max = 16 * 1024;  // status line, headers and interim answers
    std::size_t body_bytes_max = 64 * 1024;  // as received, chunk framing and trailers included
    std::size_t body_bytes_kept = 4 * 1024;  // the first ones, decoded
  };
  enum class State : std::uint8_t {
    kNeedMore,
    kDone,
    kCut,     // the body goes on past the limit; status, headers and the kept part are good, the connection is not
    kBroken,  // not HTTP, or a head past its limit; error() says which
  };

  explicit ResponseParser(Limits limits) : limits_(limits) {}

  void Reset();
  // Takes all bytes. After anything but kNeedMore the answer is over; what follows only spoils keep_alive().
  State Feed(std::string_view bytes);
  // The peer closed its side: the end of a body without a length, else a broken answer.
  State FinishAtEnd();

  bool started() const { return started_; }  // a byte of the answer has come
  // Valid after kDone and kCut.
  int status() const { return status_; }
  bool keep_alive() const { return keep_alive_ && state_ == State::kDone; }
  std::string_view header_lines() const {
    return std::string_view(head_).substr(status_line_end_);
  }  // without the status line
  std::string TakeHeaderLines() {
    head_.erase(0, status_line_end_);
    return std::move(head_);
  }
  std::string TakeBody() { return std::move(body_); }
  // Valid after kBroken: what is wrong, without repeating foreign bytes.
  const char* error() const { return error_; }

 private:
  enum class Body : std::uint8_t { kNone, kLength, kChunked, kToEnd };
  enum class Chunk : std::uint8_t { kSizeFirst, kSize, kExtension, kData, kDataEnd, kTrailerStart, kTrailer };

  State Break(const char* error);
  void Keep(std::string_view bytes);
  void TakeHead();
  bool ParseStatusLine(std::string_view line);
  bool ParseHeader(std::string_view line);
  bool TakeFraming(std::string_view name, std::string_view value);
  bool TakeLength(std::string_view value);
  State StartBody();
  State FeedBody(std::string_view bytes);
  State FeedChunks(std::string_view& bytes);
  State ChunkFraming(char c);

  Limits limits_;
  State state_ = State::kNeedMore;
  bool started_ = false;
  bool in_body_ = false;
  bool keep_alive_ = false;
  bool framing_line_ = false;  // the last header line was one that decides about the body's length
  Body body_kind_ = Body::kToEnd;
  Chunk chunk_ = Chunk::kSizeFirst;
  int chunk_digits_ = 0;
  int status_ = 0;
  std::string head_;
  std::size_t scanned_ = 0;        // of head_, without finding its end
  std::size_t interim_bytes_ = 0;  // of 1xx answers already dropped
  std::size_t status_line_end_ = 0;
  std::optional<std::uint64_t> length_;
  std::uint64_t left_ = 0;  // of the body or the chunk
  std::size_t body_bytes_ = 0;
  std::string body_;
  const char* error_ = "";
};

// The first value of a header in lines as header_lines() gives them; the name in any case.
std::optional<std::string_view> FindHeader(std::string_view header_lines, std::string_view name);

// Retry-After (RFC 9110, 10.2.3): seconds, or one of the three HTTP date forms, past ones as 0. Nothing if it is
// neither.
std::optional<std::chrono::seconds> ParseRetryAfter(std::string_view value, std::int64_t now_unix_s);

}  // namespace headgate::net
