#include "core/codec/mysql_text.h"

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

bool IsNumberByte(char c) { return IsDigit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'; }

}  // namespace

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
    if (decimal || whole) {
      out += number;
    } else {
      AppendStreamDouble(out, number);
    }
    i = end + (decimal ? 1 : 0);
  }
}

}  // namespace headgate::codec
