#include "core/codec/mysql_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "core/base/ascii.h"
#include "core/base/encoding.h"
#include "core/codec/json_text.h"
#include "core/codec/time_text.h"

namespace headgate::codec {
namespace {

constexpr std::size_t kSridBytes = 4;
constexpr std::size_t kWkbHeadBytes = 5;  // byte order, type

// Without exponent and without ".0": all digits that the binary value has.
void AppendExactDouble(std::string& out, double v) {
  constexpr int kDigitsMax = 1074;  // of the smallest double
  char text[1500];
  int size = std::snprintf(text, sizeof text, "%.*f", kDigitsMax, v);
  while (text[size - 1] == '0') --size;
  if (text[size - 1] == '.') --size;
  out.append(text, static_cast<std::size_t>(size));
}

// Java's digits where it would write none of its exponents, else the exact value.
void AppendStreamDouble(std::string& out, std::string_view text) {
  double v = 0;
  std::from_chars(text.data(), text.data() + text.size(), v);
  const double magnitude = std::fabs(v);
  if (magnitude == 0 || (magnitude >= 1e-3 && magnitude < 1e7)) {
    AppendJavaDouble(out, v);
  } else {
    AppendExactDouble(out, v);
  }
}

// The text between the quotes, escapes and all; hex digits of escapes in upper case.
void AppendStreamString(std::string& out, std::string_view text) {
  constexpr std::string_view kOpaque = "base64:type";
  if (text.starts_with(kOpaque)) {
    const std::size_t colon = text.find(':', kOpaque.size());
    if (colon != std::string_view::npos) text.remove_prefix(colon + 1);
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\\') {
        ++i;  // a line end
      } else {
        out.push_back(text[i]);
      }
    }
    return;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    out.push_back(text[i]);
    if (text[i] != '\\' || i + 1 >= text.size()) continue;
    out.push_back(text[++i]);
    if (text[i] != 'u') continue;
    for (int digit = 0; digit < 4 && i + 1 < text.size(); ++digit) {
      const char c = text[++i];
      out.push_back(c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c);
    }
  }
}

std::size_t StringEnd(std::string_view text, std::size_t from) {  // behind the opening quote
  while (from < text.size() && text[from] != '"') from += text[from] == '\\' ? 2 : 1;
  return from < text.size() ? from : text.size();
}

// A geometry that begins at `at`, which is moved behind it.
bool SwapGeometry(std::string& wkb, std::size_t& at, int depth) {
  constexpr int kDepthMax = 32;
  constexpr std::size_t kPointBytes = 2 * sizeof(double);
  enum : std::uint32_t { kPoint = 1, kLine = 2, kPolygon = 3, kCollection = 7 };
  const auto number = [&](std::uint32_t& v) {
    if (wkb.size() < at + sizeof v) return false;
    std::memcpy(&v, wkb.data() + at, sizeof v);
    at += sizeof v;
    return true;
  };
  const auto points = [&](std::uint32_t count) {
    if ((wkb.size() - at) / kPointBytes < count) return false;
    for (; count > 0; --count, at += kPointBytes)
      std::swap_ranges(wkb.begin() + static_cast<std::ptrdiff_t>(at),
                       wkb.begin() + static_cast<std::ptrdiff_t>(at + sizeof(double)),
                       wkb.begin() + static_cast<std::ptrdiff_t>(at + sizeof(double)));
    return true;
  };
  std::uint32_t type = 0;
  std::uint32_t count = 0;
  if (depth > kDepthMax || wkb.size() <= at || wkb[at++] != 1 || !number(type)) return false;
  if (type == kPoint) return points(1);
  if (type > kCollection || !number(count)) return false;
  if (type == kLine) return points(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    std::uint32_t ring = 0;
    const bool good = type == kPolygon ? number(ring) && points(ring) : SwapGeometry(wkb, at, depth + 1);
    if (!good) return false;
  }
  return true;
}

bool IsNumberByte(char c) { return IsDigit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'; }

}  // namespace

void AppendMysqlDouble(std::string& out, double v) {
  constexpr int kPlacesMax = 15;
  if (v == 0) {
    out += std::signbit(v) ? "-0.0" : "0.0";
    return;
  }
  char text[40];
  const char* const end = std::to_chars(text, text + sizeof text, v, std::chars_format::scientific).ptr;
  std::string_view all(text, static_cast<std::size_t>(end - text));
  if (all[0] == '-') {
    out.push_back('-');
    all.remove_prefix(1);
  }
  const std::size_t e = all.find('e');
  int exponent = 0;
  const std::size_t sign = all[e + 1] == '+' ? 1 : 0;
  std::from_chars(all.data() + e + 1 + sign, all.data() + all.size(), exponent);
  std::string digits(all.substr(0, 1));
  if (e > 2) digits += all.substr(2, e - 2);
  const int point = exponent + 1;  // digits before the point
  if (point > kPlacesMax || point < 1 - kPlacesMax) {
    out += digits[0];
    if (digits.size() > 1) out.append(".").append(digits, 1);
    out += "e" + std::to_string(exponent);
  } else if (point <= 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-point), '0');
    out += digits;
  } else if (static_cast<std::size_t>(point) >= digits.size()) {
    out += digits;
    out.append(static_cast<std::size_t>(point) - digits.size(), '0');
    out += ".0";
  } else {
    out.append(digits, 0, static_cast<std::size_t>(point));
    out.push_back('.');
    out.append(digits, static_cast<std::size_t>(point));
  }
}

bool IsSurelyDecimal(std::string_view number) {
  double v = 0;
  std::from_chars(number.data(), number.data() + number.size(), v);
  std::string text;
  AppendMysqlDouble(text, v);
  return text != number;
}

void AppendMysqlTime(std::string& out, std::int64_t us, int digits) {
  if (us < 0) out.push_back('-');
  AppendIsoTime(out, us < 0 ? -us : us, digits);
}

void AppendLabels(std::string& out, std::string_view value) {
  out.push_back('[');
  bool first = true;
  while (!value.empty()) {
    const std::string_view label = value.substr(0, value.find(','));
    if (!first) out.push_back(',');
    first = false;
    AppendJsonString(out, label);
    value.remove_prefix(label.size() < value.size() ? label.size() + 1 : label.size());
  }
  out.push_back(']');
}

bool SplitGeometry(std::string_view stored, std::uint32_t& srid, std::string_view& wkb) {
  if (stored.size() < kSridBytes + kWkbHeadBytes) return false;
  std::memcpy(&srid, stored.data(), kSridBytes);
  wkb = stored.substr(kSridBytes);
  return wkb[0] == 1;
}

bool SwapCoordinates(std::string& wkb) {
  std::size_t at = 0;
  return SwapGeometry(wkb, at, 0) && at == wkb.size();
}

std::string HexEwkbOf(std::string_view stored) {
  constexpr std::uint32_t kHasSrid = 0x2000'0000;
  std::uint32_t srid = 0;
  std::string_view wkb;
  if (!SplitGeometry(stored, srid, wkb)) return "";
  if (srid == 0) return Hex(wkb);
  std::string ewkb(wkb.substr(0, 1));
  std::uint32_t type = 0;
  std::memcpy(&type, wkb.data() + 1, sizeof type);
  type |= kHasSrid;
  ewkb.append(reinterpret_cast<const char*>(&type), sizeof type);
  ewkb.append(reinterpret_cast<const char*>(&srid), sizeof srid);
  ewkb.append(wkb.substr(kWkbHeadBytes));
  return Hex(ewkb);
}

void AppendStreamJson(std::string& out, std::string_view marked) {
  for (std::size_t i = 0; i < marked.size();) {
    const char c = marked[i];
    if (c == '"') {
      const std::size_t end = StringEnd(marked, i + 1);
      out.push_back('"');
      AppendStreamString(out, marked.substr(i + 1, end - i - 1));
      out.push_back('"');
      i = end + 1;
      continue;
    }
    if (!IsDigit(c) && c != '-') {
      out.push_back(c);
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < marked.size() && IsNumberByte(marked[end])) ++end;
    const std::string_view number = marked.substr(i, end - i);
    const bool decimal = end < marked.size() && marked[end] == 'm';
    const bool whole = number.find_first_of(".eE") == std::string_view::npos;
    if (decimal || whole || IsSurelyDecimal(number)) {
      out += number;
    } else {
      AppendStreamDouble(out, number);
    }
    i = end + (decimal ? 1 : 0);
  }
}

}  // namespace headgate::codec
