#include "core/codec/native_value.h"

#include <vector>

#include "core/base/encoding.h"
#include "core/codec/geometry.h"
#include "core/codec/json_text.h"
#include "core/codec/mysql_text.h"
#include "core/codec/pg_text.h"
#include "core/codec/time_text.h"

namespace headgate::codec {
namespace {

void AppendQuoted(std::string& out, std::string_view plain) {
  out.push_back('"');
  out += plain;
  out.push_back('"');
}

bool AppendSpecial(std::string& out, std::int64_t v) {
  if (v != kInfinity && v != kMinusInfinity) return false;
  out += v == kInfinity ? "\"infinity\"" : "\"-infinity\"";
  return true;
}

// Dates, times and intervals, in quotes. False for what no server can have sent.
// MySQL's values have exactly the declared digits.
bool AppendTemporal(std::string& out, const Value& v, const DataType& type) {
  const int digits = IsMysql(type) ? std::max(type.precision, 0) : kTrimmed;
  const bool timestamp = v.kind == ValueKind::kTimestamp || v.kind == ValueKind::kTimestampTz;
  if ((timestamp || v.kind == ValueKind::kDate) && AppendSpecial(out, v.i)) return true;
  if (v.kind == ValueKind::kDate && !IsDate(v.i)) return false;
  if (v.kind == ValueKind::kTime && IsMysql(type)) {
    out.push_back('"');
    AppendMysqlTime(out, v.i, digits);
    out.push_back('"');
    return true;
  }
  const bool time = v.kind == ValueKind::kTime || v.kind == ValueKind::kTimeTz;
  if (time && (!IsTimeOfDay(v.i) || !IsOffset(v.aux))) return false;
  out.push_back('"');
  switch (v.kind) {
    case ValueKind::kDate:
      AppendIsoDate(out, v.i);
      break;
    case ValueKind::kTime:
      AppendIsoTime(out, v.i, kTrimmed);
      break;
    case ValueKind::kTimeTz:
      AppendIsoTime(out, v.i, kTrimmed);
      AppendOffset(out, v.aux);
      break;
    case ValueKind::kTimestamp:
      AppendIsoDateTime(out, SplitTimestamp(v.i), digits);
      break;
    case ValueKind::kTimestampTz:
      AppendIsoDateTime(out, SplitTimestamp(v.i), digits);
      out.push_back('Z');
      break;
    default:
      AppendIsoInterval(out, v.aux, v.i2, v.i);
      break;
  }
  out.push_back('"');
  return true;
}

void AppendDecimal(std::string& out, std::string_view text, const NativeOptions& options) {
  const bool number = options.decimal == NativeOptions::Decimals::kNumber && !text.empty() &&
                      (text.back() >= '0' && text.back() <= '9');  // not NaN, not Infinity
  if (number) {
    out += text;
  } else {
    AppendQuoted(out, text);
  }
}

void AppendJson(std::string& out, std::string_view text, const NativeOptions& options) {
  if (options.json == NativeOptions::Json::kEmbed) {
    // What is no document stays visible as text rather than breaking the event around it.
    if (!AppendCompactJson(out, text)) AppendJsonString(out, text);
    return;
  }
  std::string compact;
  AppendJsonString(out, AppendCompactJson(compact, text) ? std::string_view(compact) : text);
}

bool AppendHstore(std::string& out, std::string_view text) {
  std::vector<HstoreEntry> entries;
  if (!ParseHstore(text, entries)) return false;
  out.push_back('{');
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i > 0) out.push_back(',');
    AppendJsonString(out, entries[i].key);
    out.push_back(':');
    if (entries[i].value) {
      AppendJsonString(out, *entries[i].value);
    } else {
      out += "null";
    }
  }
  out.push_back('}');
  return true;
}

bool AppendVector(std::string& out, std::string_view text) {
  std::vector<double> numbers;
  if (text != "[]" && !ParseNumbers(text, numbers)) return false;
  out.push_back('[');
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0) out.push_back(',');
    AppendEcmaFloat(out, static_cast<float>(numbers[i]));
  }
  out.push_back(']');
  return true;
}

bool AppendSparseVector(std::string& out, std::string_view text) {
  SparseVector v;
  if (!ParseSparseVector(text, v)) return false;
  out += "{\"dimensions\":";
  AppendUint(out, v.dimensions);
  out += ",\"indices\":[";
  for (std::size_t i = 0; i < v.indices.size(); ++i) {
    if (i > 0) out.push_back(',');
    AppendUint(out, v.indices[i]);
  }
  out += "],\"values\":[";
  for (std::size_t i = 0; i < v.values.size(); ++i) {
    if (i > 0) out.push_back(',');
    AppendEcmaFloat(out, v.values[i]);
  }
  out += "]}";
  return true;
}

// Types that arrive as server text but are structures. False: render the text as a string.
bool AppendStructuredText(std::string& out, std::string_view text, const DataType& type, const NativeOptions& options) {
  if (type.kind == TypeKind::kHstore) return AppendHstore(out, text);
  if (!type.extension) return false;
  const std::size_t before = out.size();
  bool done = false;
  if (type.base == "geometry" || type.base == "geography") {
    done = options.geometry == NativeOptions::Geometry::kWkb ? AppendWkbObject(out, text) : AppendGeoJson(out, text);
  } else if (type.base == "vector" || type.base == "halfvec") {
    done = AppendVector(out, text);
  } else if (type.base == "sparsevec") {
    done = AppendSparseVector(out, text);
  }
  if (!done) out.resize(before);
  return done;
}

const DataType& Child(const DataType& type, std::size_t i) {
  static const DataType kUnknown;
  return i < type.children.size() ? type.children[i] : kUnknown;
}

bool AppendDimension(std::string& out, ArrayReader& in, const DataType& element, const NativeOptions& options,
                     std::size_t depth) {
  out.push_back('[');
  const std::int64_t length = in.dimensions()[depth].length;
  for (std::int64_t i = 0; i < length; ++i) {
    if (i > 0) out.push_back(',');
    if (depth + 1 < in.dimensions().size()) {
      if (in.done() || !AppendDimension(out, in, element, options, depth + 1)) return false;
      continue;
    }
    if (in.done()) return false;
    const Value v = in.Next();
    if (in.failed() || v.is_absent() || !AppendNativeValue(out, v, element, options)) return false;
  }
  out.push_back(']');
  return true;
}

bool AppendArray(std::string& out, std::string_view payload, const DataType& type, const NativeOptions& options) {
  ArrayReader in(payload);
  if (in.failed() || type.children.empty()) return false;  // no deeper than the type
  if (in.dimensions().empty()) {
    out += "[]";
    return in.done();
  }
  bool shifted = false;
  for (const ArrayDimension& d : in.dimensions()) shifted = shifted || d.lower_bound != 1;
  if (shifted) {
    out += "{\"lower_bounds\":[";
    for (std::size_t i = 0; i < in.dimensions().size(); ++i) {
      if (i > 0) out.push_back(',');
      AppendInt(out, in.dimensions()[i].lower_bound);
    }
    out += "],\"elements\":";
  }
  if (!AppendDimension(out, in, type.children[0], options, 0)) return false;
  if (shifted) out.push_back('}');
  return in.done() && !in.failed();
}

// False, with `out` as before, if it is none.
bool AppendGeometry(std::string& out, std::string_view stored, const NativeOptions& options) {
  const std::string hex = HexEwkbOf(stored);
  const std::size_t start = out.size();
  if (!hex.empty() &&
      (options.geometry == NativeOptions::Geometry::kWkb ? AppendWkbObject(out, hex) : AppendGeoJson(out, hex)))
    return true;
  out.resize(start);
  return false;
}

bool AppendComposite(std::string& out, std::string_view payload, const DataType& type, const NativeOptions& options) {
  CompositeReader in(payload);
  out.push_back('{');
  for (std::size_t i = 0; !in.done(); ++i) {
    const Value v = in.Next();
    if (i >= type.field_names.size() || v.is_absent()) return false;
    if (i > 0) out.push_back(',');
    AppendJsonString(out, type.field_names[i]);
    out.push_back(':');
    if (!AppendNativeValue(out, v, Child(type, i), options)) return false;
  }
  out.push_back('}');
  return true;
}

void AppendText(std::string& out, std::string_view text, const DataType& type, const NativeOptions& options) {
  if ((type.kind == TypeKind::kHstore || type.extension) && AppendStructuredText(out, text, type, options)) return;
  if (type.kind == TypeKind::kSet) {
    AppendLabels(out, text);
  } else {
    AppendJsonString(out, text);
  }
}

void AppendSigned(std::string& out, std::int64_t v, const DataType& type, const NativeOptions& options) {
  if (options.tinyint1 == NativeOptions::TinyInt1::kBoolean && IsTinyInt1(type)) {
    out += v != 0 ? "true" : "false";
  } else {
    AppendInt(out, v);
  }
}

}  // namespace

bool IsJsonNull(const Value& value) {
  if (value.kind != ValueKind::kJson) return false;
  const std::size_t start = value.text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos || value.text.substr(start, 4) != "null") return false;
  return value.text.find_first_not_of(" \t\r\n", start + 4) == std::string_view::npos;
}

bool AppendNativeValue(std::string& out, const Value& v, const DataType& type, const NativeOptions& options) {
  switch (v.kind) {
    case ValueKind::kAbsent:
      return false;
    case ValueKind::kNull:
      out += "null";
      return true;
    case ValueKind::kBool:
      out += v.b ? "true" : "false";
      return true;
    case ValueKind::kInt:
      AppendSigned(out, v.i, type, options);
      return true;
    case ValueKind::kUint:
      AppendUint(out, v.u);
      return true;
    case ValueKind::kFloat:
      AppendEcmaFloat(out, static_cast<float>(v.d));
      return true;
    case ValueKind::kDouble:
      AppendEcmaDouble(out, v.d);
      return true;
    case ValueKind::kDecimal:
      AppendDecimal(out, v.text, options);
      return true;
    case ValueKind::kText:
      AppendText(out, v.text, type, options);
      return true;
    case ValueKind::kBytes:
      if (type.kind == TypeKind::kGeometry && AppendGeometry(out, v.text, options)) return true;
      out.push_back('"');
      AppendBase64(out, v.text);
      out.push_back('"');
      return true;
    case ValueKind::kRawText:
      out += "{\"bytes\":\"";
      AppendBase64(out, v.text);
      out += "\"}";
      return true;
    case ValueKind::kDate:
    case ValueKind::kTime:
    case ValueKind::kTimeTz:
    case ValueKind::kTimestamp:
    case ValueKind::kTimestampTz:
    case ValueKind::kInterval:
      return AppendTemporal(out, v, type);
    case ValueKind::kUuid:
      out.push_back('"');
      AppendUuid(out, v.text);
      out.push_back('"');
      return true;
    case ValueKind::kJson:
      AppendJson(out, v.text, options);
      return true;
    case ValueKind::kBits:
      AppendQuoted(out, v.text);
      return true;
    case ValueKind::kArray:
      return AppendArray(out, v.text, type, options);
    case ValueKind::kComposite:
      return AppendComposite(out, v.text, type, options);
  }
  return false;
}

Result<bool> SetOption(NativeOptions& options, std::string_view name, std::string_view value) {
  const auto choose = [&](auto& target, std::string_view first, auto first_value, std::string_view second,
                          auto second_value) -> Result<bool> {
    if (value != first && value != second) {
      return ConfigError("option '" + std::string(name) + "' has no value '" + std::string(value) + "'; use " +
                         std::string(first) + " or " + std::string(second));
    }
    target = value == first ? first_value : second_value;
    return true;
  };
  using O = NativeOptions;
  if (name == "decimal") return choose(options.decimal, "string", O::Decimals::kString, "number", O::Decimals::kNumber);
  if (name == "json") return choose(options.json, "embed", O::Json::kEmbed, "text", O::Json::kText);
  if (name == "geometry") return choose(options.geometry, "geojson", O::Geometry::kGeoJson, "wkb", O::Geometry::kWkb);
  if (name == "tinyint1")
    return choose(options.tinyint1, "number", O::TinyInt1::kNumber, "boolean", O::TinyInt1::kBoolean);
  return false;
}

}  // namespace headgate::codec
