#include "core/codec/pg_text.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "core/base/encoding.h"
#include "core/base/time_text.h"
#include "core/codec/json_text.h"
#include "core/codec/time_text.h"

namespace headgate::codec {
namespace {

// A double-quoted string with backslash escapes; `i` stands on the opening quote and ends behind the closing one.
bool ReadQuoted(std::string_view text, std::size_t& i, std::string& out) {
  if (i >= text.size() || text[i] != '"') return false;
  for (++i; i < text.size(); ++i) {
    if (text[i] == '"') {
      ++i;
      return true;
    }
    if (text[i] == '\\' && ++i >= text.size()) return false;
    out.push_back(text[i]);
  }
  return false;
}

// float4out, float8out: shortest digits, an exponent below 1e-4 or from `plain_below` on.
template <class T>
void AppendServerFloat(std::string& out, T v, double plain_below) {
  if (std::isnan(v)) {
    out += "NaN";
  } else if (std::isinf(v)) {
    out += v > 0 ? "Infinity" : "-Infinity";
  } else {
    const double a = std::fabs(static_cast<double>(v));
    const bool plain = a == 0 || (a >= 1e-4 && a < plain_below);
    char buffer[64];
    const auto result = std::to_chars(buffer, buffer + sizeof buffer, v,
                                      plain ? std::chars_format::fixed : std::chars_format::scientific);
    out.append(buffer, static_cast<std::size_t>(result.ptr - buffer));
  }
}

// Dates before Christ end in " BC" and count years from 1.
void AppendServerDate(std::string& out, std::int64_t days, std::string_view time) {
  const CivilDate date = CivilFromDays(days);
  const bool bc = date.year <= 0;
  const std::string year = std::to_string(bc ? 1 - date.year : date.year);
  if (year.size() < 4) out.append(4 - year.size(), '0');
  out += year;
  out.push_back('-');
  AppendPadded(out, static_cast<std::uint32_t>(date.month), 2);
  out.push_back('-');
  AppendPadded(out, static_cast<std::uint32_t>(date.day), 2);
  out += time;
  if (bc) out += " BC";
}

void AppendServerOffset(std::string& out, std::int32_t seconds) {
  out.push_back(seconds < 0 ? '-' : '+');
  const auto s = static_cast<std::uint32_t>(std::abs(seconds));
  AppendPadded(out, s / 3600, 2);
  if (s % 3600 == 0) return;
  out.push_back(':');
  AppendPadded(out, s / 60 % 60, 2);
  if (s % 60 == 0) return;
  out.push_back(':');
  AppendPadded(out, s % 60, 2);
}

void AppendServerTimestamp(std::string& out, std::int64_t us, std::string_view zone) {
  if (us == kInfinity || us == kMinusInfinity) {
    out += us == kInfinity ? "infinity" : "-infinity";
    return;
  }
  const DateTime at = SplitTimestamp(us);
  std::string time = " ";
  AppendIsoTime(time, at.us, kTrimmed);
  time += zone;
  AppendServerDate(out, at.days, time);
}

// array_out quotes what could be read as something else.
void AppendArrayElement(std::string& out, std::string_view text) {
  const bool null_word = text.size() == 4 && (text[0] | 32) == 'n' && (text[1] | 32) == 'u' && (text[2] | 32) == 'l' &&
                         (text[3] | 32) == 'l';
  if (!text.empty() && !null_word && text.find_first_of("\"\\{}, \t\n\r\v\f") == std::string_view::npos) {
    out += text;
    return;
  }
  out.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('"');
}

// record_out doubles quotes and backslashes.
void AppendField(std::string& out, std::string_view text) {
  if (!text.empty() && text.find_first_of("\"\\(), \t\n\r\v\f") == std::string_view::npos) {
    out += text;
    return;
  }
  out.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back(c);
    out.push_back(c);
  }
  out.push_back('"');
}

bool AppendDimension(std::string& out, ArrayReader& in, const DataType& element, std::size_t depth) {
  out.push_back('{');
  const std::int64_t length = in.dimensions()[depth].length;
  for (std::int64_t i = 0; i < length; ++i) {
    if (i > 0) out.push_back(',');
    if (depth + 1 < in.dimensions().size()) {
      if (!AppendDimension(out, in, element, depth + 1)) return false;
      continue;
    }
    if (in.done()) return false;
    const Value v = in.Next();
    if (in.failed()) return false;
    if (v.is_null()) {
      out += "NULL";
      continue;
    }
    std::string text;
    if (!AppendServerText(text, v, element)) return false;
    AppendArrayElement(out, text);
  }
  out.push_back('}');
  return true;
}

bool AppendArray(std::string& out, std::string_view payload, const DataType& type) {
  ArrayReader in(payload);
  if (in.failed() || type.children.empty()) return false;  // no deeper than the type
  bool bounds = false;
  for (const ArrayDimension& d : in.dimensions()) bounds = bounds || d.lower_bound != 1;
  if (bounds) {
    for (const ArrayDimension& d : in.dimensions()) {
      out.push_back('[');
      AppendInt(out, d.lower_bound);
      out.push_back(':');
      AppendInt(out, d.lower_bound + d.length - 1);
      out.push_back(']');
    }
    out.push_back('=');
  }
  if (in.dimensions().empty()) {
    out += "{}";
    return true;
  }
  return AppendDimension(out, in, type.children[0], 0) && in.done();
}

bool AppendComposite(std::string& out, std::string_view payload, const DataType& type) {
  CompositeReader in(payload);
  out.push_back('(');
  for (std::size_t i = 0; !in.done(); ++i) {
    if (i > 0) out.push_back(',');
    const Value v = in.Next();
    if (v.is_null() || v.is_absent()) continue;
    std::string text;
    if (i >= type.children.size() || !AppendServerText(text, v, type.children[i])) return false;
    AppendField(out, text);
  }
  out.push_back(')');
  return true;
}

}  // namespace

bool ParseHstore(std::string_view text, std::vector<HstoreEntry>& entries) {
  entries.clear();
  std::size_t i = 0;
  while (i < text.size()) {
    if (!entries.empty()) {
      if (text.substr(i, 2) != ", ") return false;
      i += 2;
    }
    HstoreEntry& entry = entries.emplace_back();
    if (!ReadQuoted(text, i, entry.key) || text.substr(i, 2) != "=>") return false;
    i += 2;
    if (text.substr(i, 4) == "NULL") {
      i += 4;
    } else if (!ReadQuoted(text, i, entry.value.emplace())) {
      return false;
    }
  }
  return true;
}

bool ParseNumbers(std::string_view text, std::vector<double>& numbers) {
  numbers.clear();
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p != end) {
    if (std::string_view("()[]{}<>, ").find(*p) != std::string_view::npos) {
      ++p;
      continue;
    }
    double v = 0;
    const auto result = std::from_chars(p, end, v);
    if (result.ec != std::errc()) return false;
    numbers.push_back(v);
    p = result.ptr;
  }
  return !numbers.empty();
}

bool ParseSparseVector(std::string_view text, SparseVector& vector) {
  vector = {};
  const char* p = text.data();
  const char* const end = p + text.size();
  if (p == end || *p++ != '{') return false;
  while (p != end && *p != '}') {
    if (!vector.indices.empty() && *p++ != ',') return false;
    const auto index = std::from_chars(p, end, vector.indices.emplace_back());
    if (index.ec != std::errc() || index.ptr == end || *index.ptr != ':') return false;
    const auto value = std::from_chars(index.ptr + 1, end, vector.values.emplace_back());
    if (value.ec != std::errc()) return false;
    p = value.ptr;
  }
  if (end - p < 3 || p[1] != '/') return false;
  const auto dimensions = std::from_chars(p + 2, end, vector.dimensions);
  return dimensions.ec == std::errc() && dimensions.ptr == end;
}

void AppendUuid(std::string& out, std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  char text[36];
  std::size_t at = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text[at++] = '-';
    const auto b = static_cast<unsigned char>(bytes[i]);
    text[at++] = kHex[b >> 4];
    text[at++] = kHex[b & 15];
  }
  out.append(text, 36);
}

bool AppendServerText(std::string& out, const Value& v, const DataType& type) {
  switch (v.kind) {
    case ValueKind::kNull:
    case ValueKind::kAbsent:
      return false;
    case ValueKind::kBool:
      out.push_back(v.b ? 't' : 'f');
      break;
    case ValueKind::kInt:
      AppendInt(out, v.i);
      break;
    case ValueKind::kUint:
      AppendUint(out, v.u);
      break;
    case ValueKind::kFloat:
      AppendServerFloat(out, static_cast<float>(v.d), 1e6);
      break;
    case ValueKind::kDouble:
      AppendServerFloat(out, v.d, 1e15);
      break;
    case ValueKind::kDecimal:
    case ValueKind::kText:
    case ValueKind::kRawText:
    case ValueKind::kJson:
    case ValueKind::kBits:
      out += v.text;
      break;
    case ValueKind::kBytes:
      out += "\\x";
      AppendHex(out, v.text);
      break;
    case ValueKind::kDate:
      if (v.i == kInfinity || v.i == kMinusInfinity) {
        out += v.i == kInfinity ? "infinity" : "-infinity";
      } else {
        if (!IsDate(v.i)) return false;
        AppendServerDate(out, v.i, {});
      }
      break;
    case ValueKind::kTime:
      AppendIsoTime(out, v.i, kTrimmed);
      break;
    case ValueKind::kTimeTz:
      AppendIsoTime(out, v.i, kTrimmed);
      AppendServerOffset(out, v.aux);
      break;
    case ValueKind::kTimestamp:
      AppendServerTimestamp(out, v.i, {});
      break;
    case ValueKind::kTimestampTz:
      AppendServerTimestamp(out, v.i, "+00");
      break;
    case ValueKind::kInterval:
      AppendIsoInterval(out, v.aux, v.i2, v.i);
      break;
    case ValueKind::kUuid:
      AppendUuid(out, v.text);
      break;
    case ValueKind::kArray:
      return AppendArray(out, v.text, type);
    case ValueKind::kComposite:
      return AppendComposite(out, v.text, type);
  }
  return true;
}

}  // namespace headgate::codec
