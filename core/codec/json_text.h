#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// JSON text as the change-events contract wants it, byte by byte (3.1, NG3, NG5, NG8). All functions append.
namespace headgate::codec {

// Quotes and escapes: `"`, `\`, controls below U+0020 (short forms, else \u00XX in upper-case hex), and characters
// above U+FFFF as surrogate pairs. Both renderings. The text is taken as UTF-8.
void AppendJsonString(std::string& out, std::string_view utf8);
// The same with characters above U+FFFF as they are: JSON inside a JSON string.
void AppendInnerJsonString(std::string& out, std::string_view utf8);

void AppendInt(std::string& out, std::int64_t v);
void AppendUint(std::string& out, std::uint64_t v);
// `width` digits with leading zeros, at most 9; v must fit.
void AppendPadded(std::string& out, std::uint32_t v, int width);

// Java's Double.toString and Float.toString since JDK 19; NaN and infinities as JSON strings.
void AppendJavaDouble(std::string& out, double v);
void AppendJavaFloat(std::string& out, float v);

// Shortest digits that round-trip, laid out as ECMAScript does; -0 stays -0; NaN and infinities as JSON strings.
void AppendEcmaDouble(std::string& out, double v);
void AppendEcmaFloat(std::string& out, float v);

// Appends a JSON document without its white space; every token stays as written. False, with `out` as before, if the
// text is not one JSON document (RFC 8259).
bool AppendCompactJson(std::string& out, std::string_view text);
// The same of the value that the text begins with: how many bytes of the text it took, 0 if there is none.
std::size_t AppendCompactJsonValue(std::string& out, std::string_view text);

// Calls f(unit) for each UTF-16 code unit of a UTF-8 text. Malformed bytes count as one unit each.
template <class F>
void ForEachUtf16(std::string_view utf8, F f) {
  for (std::size_t i = 0; i < utf8.size();) {
    const auto b = static_cast<unsigned char>(utf8[i]);
    const std::size_t length = b < 0x80 ? 1 : b < 0xE0 ? 2 : b < 0xF0 ? 3 : 4;
    if (b < 0x80 || b < 0xC0 || i + length > utf8.size()) {
      f(static_cast<char16_t>(b));
      ++i;
      continue;
    }
    std::uint32_t c = b & (0xFFu >> (length + 1));
    for (std::size_t k = 1; k < length; ++k) c = c << 6 | (static_cast<unsigned char>(utf8[i + k]) & 0x3Fu);
    if (c >= 0x10000) {
      f(static_cast<char16_t>(0xD800 + ((c - 0x10000) >> 10)));
      f(static_cast<char16_t>(0xDC00 + ((c - 0x10000) & 0x3FF)));
    } else {
      f(static_cast<char16_t>(c));
    }
    i += length;
  }
}

}  // namespace headgate::codec
