#include "core/net/response_parser.h"

#include <algorithm>

#include "core/base/ascii.h"

namespace headgate::net {
namespace {

constexpr int kChunkDigitsMax = 12;  // far beyond the body limit, far from overflow

// `lower` is in lower case.
bool EqualsLower(std::string_view text, std::string_view lower) {
  return text.size() == lower.size() &&
         std::equal(text.begin(), text.end(), lower.begin(), [](char a, char b) { return LowerAscii(a) == b; });
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

bool ListHas(std::string_view list, std::string_view lower) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (EqualsLower(Trim(list.substr(0, comma)), lower)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

// Takes the next line off `text`, without its end. LF alone counts as an end.
std::string_view TakeLine(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

// One past the empty line that ends a head, or npos. `from` is where an earlier search stopped.
std::size_t FindHeadEnd(std::string_view head, std::size_t from) {
  std::size_t at = from < 3 ? 0 : from - 3;
  while ((at = head.find('\n', at)) != std::string_view::npos) {
    ++at;
    if (at < head.size() && head[at] == '\n') return at + 1;
    if (at + 1 < head.size() && head[at] == '\r' && head[at + 1] == '\n') return at + 2;
  }
  return std::string_view::npos;
}

bool IsTokenChar(char c) {
  return IsDigit(c) || (LowerAscii(c) >= 'a' && LowerAscii(c) <= 'z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

}  // namespace

void ResponseParser::Reset() {
  std::string head = std::move(head_);
  std::string body = std::move(body_);
  *this = ResponseParser(limits_);
  head.clear();
  body.clear();
  head_ = std::move(head);
  body_ = std::move(body);
}

ResponseParser::State ResponseParser::Break(const char* error) {
  error_ = error;
  return state_ = State::kBroken;
}

ResponseParser::State ResponseParser::Feed(std::string_view bytes) {
  if (bytes.empty()) return state_;
  started_ = true;
  if (state_ != State::kNeedMore) {
    keep_alive_ = false;
    return state_;
  }
  if (in_body_) return FeedBody(bytes);
  const std::size_t head_max = limits_.head_bytes_max - interim_bytes_;
  const std::size_t taken = std::min(bytes.size(), head_max + 1 - std::min(head_.size(), head_max));
  const std::size_t before = head_.size();
  head_.append(bytes.substr(0, taken));
  const std::size_t end = FindHeadEnd(head_, scanned_);
  if (end == std::string_view::npos) {
    scanned_ = head_.size();
    if (head_.size() > head_max) return Break("its headers are longer than the limit");
    return state_;
  }
  if (end > head_max) return Break("its headers are longer than the limit");
  const std::string_view rest = bytes.substr(end - before);
  head_.resize(end);
  TakeHead();
  return Feed(rest);
}

// Called with exactly one head in head_.
void ResponseParser::TakeHead() {
  std::string_view rest = head_;
  if (!ParseStatusLine(TakeLine(rest))) {
    Break("its first line is no HTTP/1.x status line");
    return;
  }
  status_line_end_ = head_.size() - rest.size();
  framing_line_ = false;
  while (!rest.empty()) {
    const std::string_view line = TakeLine(rest);
    if (!line.empty() && !ParseHeader(line)) {
      Break("it has a header line that cannot be read");
      return;
    }
  }
  if (status_ == 101) {
    Break("it switches protocols, which was not asked for");
    return;
  }
  if (status_ >= 200) {
    StartBody();
    return;
  }
  interim_bytes_ += head_.size();
  head_.clear();
  scanned_ = 0;
  status_line_end_ = 0;
  length_.reset();
  body_kind_ = Body::kToEnd;
}

bool ResponseParser::ParseStatusLine(std::string_view line) {
  if (line.size() < 12 || line.substr(0, 7) != "HTTP/1." || !IsDigit(line[7]) || line[8] != ' ') return false;
  if (!IsDigit(line[9]) || !IsDigit(line[10]) || !IsDigit(line[11])) return false;
  if (line.size() > 12 && line[12] != ' ') return false;
  status_ = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  keep_alive_ = line[7] != '0';
  return status_ >= 100 && status_ <= 599;
}

bool ResponseParser::ParseHeader(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t') {
    // A folded line (obsolete) belongs to the one before; where that decides about the length, it is not to be trusted.
    return !framing_line_;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view name = line.substr(0, colon);
  if (!std::all_of(name.begin(), name.end(), IsTokenChar)) return false;
  framing_line_ = false;
  return TakeFraming(name, Trim(line.substr(colon + 1)));
}

bool ResponseParser::TakeFraming(std::string_view name, std::string_view value) {
  switch (name.size()) {
    case 10:
      if (!EqualsLower(name, "connection")) return true;
      if (ListHas(value, "close")) {
        keep_alive_ = false;
      } else if (ListHas(value, "keep-alive")) {
        keep_alive_ = true;
      }
      return true;
    case 14:
      if (!EqualsLower(name, "content-length")) return true;
      framing_line_ = true;
      return TakeLength(value);
    case 17: {
      if (!EqualsLower(name, "transfer-encoding")) return true;
      framing_line_ = true;
      // Only a final "chunked" frames the body; any other coding ends with the connection (RFC 9112, 6.3).
      const std::size_t comma = value.rfind(',');
      const bool chunked =
          EqualsLower(Trim(comma == std::string_view::npos ? value : value.substr(comma + 1)), "chunked");
      body_kind_ = chunked ? Body::kChunked : Body::kToEnd;
      if (!chunked) keep_alive_ = false;
      return true;
    }
    default:
      return true;
  }
}

bool ResponseParser::TakeLength(std::string_view value) {
  while (true) {
    const std::size_t comma = std::min(value.find(','), value.size());
    const std::string_view item = Trim(value.substr(0, comma));
    if (item.empty() || item.size() > 18 || !std::all_of(item.begin(), item.end(), IsDigit)) return false;
    std::uint64_t number = 0;
    for (const char c : item) number = number * 10 + static_cast<std::uint64_t>(c - '0');
    if (length_ && *length_ != number) return false;  // two lengths: nobody knows where the answer ends
    length_ = number;
    if (comma == value.size()) return true;
    value.remove_prefix(comma + 1);
  }
}

ResponseParser::State ResponseParser::StartBody() {
  in_body_ = true;
  if (status_ == 204 || status_ == 304) {
    body_kind_ = Body::kNone;
  } else if (body_kind_ == Body::kChunked) {
    if (length_) keep_alive_ = false;  // both framings: take the chunks, do not trust what follows
  } else if (length_ && body_kind_ == Body::kToEnd) {
    body_kind_ = Body::kLength;
    left_ = *length_;
  }
  if (body_kind_ == Body::kNone || (body_kind_ == Body::kLength && left_ == 0)) state_ = State::kDone;
  if (body_kind_ == Body::kToEnd) keep_alive_ = false;
  return state_;
}

void ResponseParser::Keep(std::string_view bytes) {
  body_.append(bytes.substr(0, limits_.body_bytes_kept - std::min(body_.size(), limits_.body_bytes_kept)));
}

ResponseParser::State ResponseParser::FeedBody(std::string_view bytes) {
  const std::size_t room = limits_.body_bytes_max - body_bytes_;
  const bool cut = bytes.size() > room;
  if (cut) bytes = bytes.substr(0, room);
  body_bytes_ += bytes.size();
  if (body_kind_ == Body::kChunked) {
    FeedChunks(bytes);
  } else if (body_kind_ == Body::kLength) {
    const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
    Keep(bytes.substr(0, taken));
    left_ -= taken;
    bytes.remove_prefix(taken);
    if (left_ == 0) state_ = State::kDone;
  } else {
    Keep(bytes);
    bytes = {};
  }
  if (state_ == State::kDone && (cut || !bytes.empty())) keep_alive_ = false;
  if (state_ == State::kNeedMore && cut) state_ = State::kCut;
  return state_;
}

ResponseParser::State ResponseParser::FeedChunks(std::string_view& bytes) {
  while (!bytes.empty() && state_ == State::kNeedMore) {
    if (chunk_ == Chunk::kData) {
      const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
      Keep(bytes.substr(0, taken));
      left_ -= taken;
      bytes.remove_prefix(taken);
      if (left_ == 0) chunk_ = Chunk::kDataEnd;
      continue;
    }
    const char c = bytes.front();
    bytes.remove_prefix(1);
    ChunkFraming(c);
  }
  return state_;
}

// One byte that is not chunk data. CR is taken wherever an LF must follow.
ResponseParser::State ResponseParser::ChunkFraming(char c) {
  switch (chunk_) {
    case Chunk::kSizeFirst:
    case Chunk::kSize: {
      const int digit = HexDigit(c);
      if (digit >= 0) {
        if (++chunk_digits_ > kChunkDigitsMax) return Break("a chunk of its body has an impossible size");
        left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
        chunk_ = Chunk::kSize;
        return state_;
      }
      if (chunk_ == Chunk::kSizeFirst) return Break("a chunk of its body has no size");
      if (c != ';' && c != ' ' && c != '\t' && c != '\r' && c != '\n')
        return Break("a chunk size of its body is no number");
      chunk_ = Chunk::kExtension;
      [[fallthrough]];
    }
    case Chunk::kExtension:
      if (c != '\n') return state_;
      chunk_ = left_ == 0 ? Chunk::kTrailerStart : Chunk::kData;
      return state_;
    case Chunk::kDataEnd:
      if (c == '\r') return state_;
      if (c != '\n') return Break("a chunk of its body is longer than its size");
      chunk_ = Chunk::kSizeFirst;
      chunk_digits_ = 0;
      return state_;
    case Chunk::kTrailerStart:
      if (c == '\r') return state_;
      if (c == '\n') return state_ = State::kDone;
      chunk_ = Chunk::kTrailer;
      return state_;
    case Chunk::kTrailer:
      if (c == '\n') chunk_ = Chunk::kTrailerStart;
      return state_;
    case Chunk::kData:
      break;
  }
  return state_;
}

ResponseParser::State ResponseParser::FinishAtEnd() {
  if (state_ != State::kNeedMore) return state_;
  keep_alive_ = false;
  if (in_body_ && body_kind_ == Body::kToEnd) return state_ = State::kDone;
  if (!started_) return Break("the connection was closed without an answer");
  return Break(in_body_ ? "the connection was closed inside its body" : "the connection was closed inside its headers");
}

std::optional<std::string_view> FindHeader(std::string_view header_lines, std::string_view name) {
  while (!header_lines.empty()) {
    const std::string_view line = TakeLine(header_lines);
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    if (!std::equal(name.begin(), name.end(), line.begin(),
                    [](char a, char b) { return LowerAscii(a) == LowerAscii(b); }))
      continue;
    return Trim(line.substr(name.size() + 1));
  }
  return std::nullopt;
}

}  // namespace headgate::net
