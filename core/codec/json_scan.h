#pragma once

#include <string_view>

// Tokens of JSON as RFC 8259 has them, without looking at what they mean.
namespace headgate::codec {

// Behind the string that begins with the quote at `p`; nullptr if it is none. The text is taken as UTF-8.
inline const char* SkipJsonString(const char* p, const char* end) {
  for (++p; p != end; ++p) {
    const auto c = static_cast<unsigned char>(*p);
    if (c == '"') return p + 1;
    if (c < 0x20) return nullptr;
    if (c != '\\') continue;
    if (++p == end) return nullptr;
    if (*p != 'u') {
      if (std::string_view("\"\\/bfnrt").find(*p) == std::string_view::npos) return nullptr;
      continue;
    }
    for (int i = 0; i < 4; ++i) {
      if (++p == end) return nullptr;
      const char h = *p;
      if (!((h >= '0' && h <= '9') || (h >= 'a' && h <= 'f') || (h >= 'A' && h <= 'F'))) return nullptr;
    }
  }
  return nullptr;
}

// Behind the number at `p`, which is not the end; nullptr if there is none.
inline const char* SkipJsonNumber(const char* p, const char* end) {
  const auto digits = [&] {
    const char* const start = p;
    while (p != end && *p >= '0' && *p <= '9') ++p;
    return p != start;
  };
  if (*p == '-') ++p;
  if (p == end) return nullptr;
  if (*p == '0') {
    ++p;
  } else if (!digits()) {
    return nullptr;
  }
  if (p != end && *p == '.') {
    ++p;
    if (!digits()) return nullptr;
  }
  if (p != end && (*p == 'e' || *p == 'E')) {
    ++p;
    if (p != end && (*p == '+' || *p == '-')) ++p;
    if (!digits()) return nullptr;
  }
  return p;
}

}  // namespace headgate::codec
