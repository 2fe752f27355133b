#include "core/codec/json_text.h"

#include <charconv>
#include <cmath>
#include <cstring>

#include "core/codec/json_scan.h"

namespace headgate::codec {
namespace {

constexpr char kUpperHex[] = "0123456789ABCDEF";
constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
constexpr std::uint64_t kHighs = 0x8080808080808080ULL;

bool IsSpecial(unsigned char c) { return c < 0x20 || c == '"' || c == '\\' || c >= 0xF0; }

std::uint64_t ZeroBytes(std::uint64_t w) { return (w - kOnes) & ~w & kHighs; }

// Index of the first byte at or after `i` that must be escaped; eight bytes at a time.
std::size_t FindSpecial(std::string_view s, std::size_t i) {
  for (; i + 8 <= s.size(); i += 8) {
    std::uint64_t w;
    std::memcpy(&w, s.data() + i, 8);
    const std::uint64_t control = (w - kOnes * 0x20) & ~w & kHighs;
    const std::uint64_t above = w & (w << 1) & (w << 2) & (w << 3) & kHighs;  // high nibble all ones
    if ((control | above | ZeroBytes(w ^ kOnes * '"') | ZeroBytes(w ^ kOnes * '\\')) != 0) break;
  }
  while (i < s.size() && !IsSpecial(static_cast<unsigned char>(s[i]))) ++i;
  return i;
}

void AppendUnit(std::string& out, std::uint32_t unit) {
  const char text[6] = {'\\',
                        'u',
                        kUpperHex[unit >> 12 & 15],
                        kUpperHex[unit >> 8 & 15],
                        kUpperHex[unit >> 4 & 15],
                        kUpperHex[unit & 15]};
  out.append(text, 6);
}

// Escapes the character at s[i]; returns the bytes it took.
std::size_t AppendEscape(std::string& out, std::string_view s, std::size_t i) {
  const auto c = static_cast<unsigned char>(s[i]);
  switch (c) {
    case '"':
      out += "\\\"";
      return 1;
    case '\\':
      out += "\\\\";
      return 1;
    case '\b':
      out += "\\b";
      return 1;
    case '\t':
      out += "\\t";
      return 1;
    case '\n':
      out += "\\n";
      return 1;
    case '\f':
      out += "\\f";
      return 1;
    case '\r':
      out += "\\r";
      return 1;
    default:
      break;
  }
  if (c < 0x20) {
    AppendUnit(out, c);
    return 1;
  }
  if (i + 4 > s.size()) {  // not UTF-8, which the caller excludes; kept as it is
    out.push_back(s[i]);
    return 1;
  }
  ForEachUtf16(s.substr(i, 4), [&](char16_t unit) { AppendUnit(out, unit); });
  return 4;
}

// Shortest digits of |v| > 0: `digits` without trailing zeros, value = 0.d1d2d3... * 10^exponent.
struct Digits {
  char text[20];
  int count = 0;
  int exponent = 0;
};

template <class T>
Digits Parse(const char* p, const char* end) {
  Digits d;
  for (; p < end && *p != 'e'; ++p) {
    if (*p != '.') d.text[d.count++] = *p;
  }
  const bool negative = *++p == '-';
  int e = 0;
  for (++p; p < end; ++p) e = e * 10 + (*p - '0');
  d.exponent = (negative ? -e : e) + 1;
  while (d.count > 1 && d.text[d.count - 1] == '0') --d.count;
  return d;
}

template <class T>
Digits Shortest(T v) {
  char buffer[64];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::scientific);
  return Parse<T>(buffer, result.ptr);
}

// The closest decimal of two digits, if it still reads back as v.
template <class T>
Digits AtLeastTwo(T v, const Digits& one) {
  char buffer[64];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::scientific, 1);
  T back = 0;
  const auto read = std::from_chars(buffer, result.ptr, back);
  return read.ec == std::errc() && back == v ? Parse<T>(buffer, result.ptr) : one;
}

// 0.001, 12.5, 3.0: digits with the point where it belongs.
void AppendPlain(std::string& out, const Digits& d, bool point_zero) {
  const auto count = static_cast<std::size_t>(d.count);
  if (d.exponent <= 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-d.exponent), '0');
    out.append(d.text, count);
  } else if (d.exponent >= d.count) {
    out.append(d.text, count);
    out.append(static_cast<std::size_t>(d.exponent - d.count), '0');
    if (point_zero) out += ".0";
  } else {
    out.append(d.text, static_cast<std::size_t>(d.exponent));
    out.push_back('.');
    out.append(d.text + d.exponent, static_cast<std::size_t>(d.count - d.exponent));
  }
}

template <class T>
bool AppendNonFinite(std::string& out, T v) {
  if (std::isfinite(v)) return false;
  out += std::isnan(v) ? "\"NaN\"" : v > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  return true;
}

template <class T>
void AppendJava(std::string& out, T v) {
  if (AppendNonFinite(out, v)) return;
  if (std::signbit(v)) out.push_back('-');
  const T a = std::fabs(v);
  if (a < static_cast<T>(1e7) && a == std::floor(a)) {
    AppendUint(out, static_cast<std::uint64_t>(a));
    out += ".0";
    return;
  }
  Digits d = Shortest(a);
  if (d.exponent > -3 && d.exponent <= 7) {
    AppendPlain(out, d, true);
    return;
  }
  if (d.count == 1) d = AtLeastTwo(a, d);
  out.push_back(d.text[0]);
  out.push_back('.');
  if (d.count > 1) {
    out.append(d.text + 1, static_cast<std::size_t>(d.count - 1));
  } else {
    out.push_back('0');
  }
  out.push_back('E');
  AppendInt(out, d.exponent - 1);
}

template <class T>
void AppendEcma(std::string& out, T v) {
  if (AppendNonFinite(out, v)) return;
  if (std::signbit(v)) out.push_back('-');
  const T a = std::fabs(v);
  constexpr T kExact = sizeof(T) == 8 ? static_cast<T>(9007199254740992.0) : static_cast<T>(16777216.0);
  if (a < kExact && a == std::floor(a)) {
    AppendUint(out, static_cast<std::uint64_t>(a));
    return;
  }
  const Digits d = Shortest(a);
  if (d.exponent > -6 && d.exponent <= 21) {
    AppendPlain(out, d, false);
    return;
  }
  out.push_back(d.text[0]);
  if (d.count > 1) {
    out.push_back('.');
    out.append(d.text + 1, static_cast<std::size_t>(d.count - 1));
  }
  out.push_back('e');
  if (d.exponent - 1 > 0) out.push_back('+');
  AppendInt(out, d.exponent - 1);
}

// Copies tokens and leaves white space out. Knows just enough grammar to tell a document from anything else.
class Compactor {
 public:
  Compactor(std::string& out, std::string_view text) : out_(out), p_(text.data()), end_(p_ + text.size()), from_(p_) {}

  // The whole text as one document.
  bool Run() {
    if (!One()) return false;
    Space();
    return p_ == end_;
  }
  // The value that the text begins with.
  bool One() {
    if (!Value()) return false;
    for (;;) {  // after a value
      if (open_.empty()) {
        Flush();
        return true;
      }
      Space();
      if (p_ == end_) return false;
      const char c = *p_++;
      if (c == ',') {
        if (open_.back() == '{' && !Member()) return false;
        if (!Value()) return false;
      } else if ((c == '}' && open_.back() == '{') || (c == ']' && open_.back() == '[')) {
        open_.pop_back();
      } else {
        return false;
      }
    }
  }

  std::size_t taken(std::string_view text) const { return static_cast<std::size_t>(p_ - text.data()); }

 private:
  void Flush() {
    out_.append(from_, static_cast<std::size_t>(p_ - from_));
    from_ = p_;
  }
  void Space() {
    if (p_ == end_ || static_cast<unsigned char>(*p_) > ' ') return;
    Flush();
    while (p_ != end_ && (*p_ == ' ' || *p_ == '\t' || *p_ == '\n' || *p_ == '\r')) ++p_;
    from_ = p_;
  }

  // Descends to the next complete scalar or empty container.
  bool Value() {
    for (;;) {
      Space();
      if (p_ == end_) return false;
      switch (*p_) {
        case '{':
          open_.push_back(*p_++);
          Space();
          if (p_ != end_ && *p_ == '}') return Close();
          if (!Member()) return false;
          break;
        case '[':
          open_.push_back(*p_++);
          Space();
          if (p_ != end_ && *p_ == ']') return Close();
          break;
        case '"':
          return String();
        case 't':
          return Word("true");
        case 'f':
          return Word("false");
        case 'n':
          return Word("null");
        default:
          return Number();
      }
    }
  }
  bool Close() {
    ++p_;
    open_.pop_back();
    return true;
  }
  bool Member() {
    Space();
    if (p_ == end_ || *p_ != '"' || !String()) return false;
    Space();
    if (p_ == end_ || *p_ != ':') return false;
    ++p_;
    return true;
  }
  bool Word(std::string_view word) {
    if (static_cast<std::size_t>(end_ - p_) < word.size() || std::string_view(p_, word.size()) != word) return false;
    p_ += word.size();
    return true;
  }
  bool Number() { return Token(SkipJsonNumber(p_, end_)); }
  bool String() { return Token(SkipJsonString(p_, end_)); }
  bool Token(const char* behind) {
    if (behind == nullptr) return false;
    p_ = behind;
    return true;
  }

  std::string& out_;
  const char* p_;
  const char* end_;
  const char* from_;  // start of what is not yet copied
  std::string open_;  // '{' and '[' that are open
};

}  // namespace

void AppendJsonString(std::string& out, std::string_view s) {
  out.push_back('"');
  std::size_t start = 0;
  for (;;) {
    const std::size_t i = FindSpecial(s, start);
    out.append(s.data() + start, i - start);
    if (i == s.size()) break;
    start = i + AppendEscape(out, s, i);
  }
  out.push_back('"');
}

void AppendInnerJsonString(std::string& out, std::string_view s) {
  out.push_back('"');
  std::size_t start = 0;
  for (std::size_t i = FindSpecial(s, 0); i < s.size(); i = FindSpecial(s, i)) {
    if (static_cast<unsigned char>(s[i]) >= 0xF0) {
      ++i;
      continue;
    }
    out.append(s.data() + start, i - start);
    i += AppendEscape(out, s, i);
    start = i;
  }
  out.append(s.data() + start, s.size() - start);
  out.push_back('"');
}

void AppendInt(std::string& out, std::int64_t v) {
  char buffer[24];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, v);
  out.append(buffer, static_cast<std::size_t>(result.ptr - buffer));
}

void AppendUint(std::string& out, std::uint64_t v) {
  char buffer[24];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, v);
  out.append(buffer, static_cast<std::size_t>(result.ptr - buffer));
}

void AppendPadded(std::string& out, std::uint32_t v, int width) {
  char buffer[10];
  for (int i = width; i-- > 0; v /= 10) buffer[i] = static_cast<char>('0' + v % 10);
  out.append(buffer, static_cast<std::size_t>(width));
}

void AppendJavaDouble(std::string& out, double v) { AppendJava(out, v); }
void AppendJavaFloat(std::string& out, float v) { AppendJava(out, v); }
void AppendEcmaDouble(std::string& out, double v) { AppendEcma(out, v); }
void AppendEcmaFloat(std::string& out, float v) { AppendEcma(out, v); }

bool AppendCompactJson(std::string& out, std::string_view text) {
  const std::size_t before = out.size();
  if (Compactor(out, text).Run()) return true;
  out.resize(before);
  return false;
}

std::size_t AppendCompactJsonValue(std::string& out, std::string_view text) {
  const std::size_t before = out.size();
  Compactor compactor(out, text);
  if (compactor.One()) return compactor.taken(text);
  out.resize(before);
  return 0;
}

}  // namespace headgate::codec
