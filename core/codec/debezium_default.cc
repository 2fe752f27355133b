#include <algorithm>
#include <charconv>
#include <optional>

#include "core/base/encoding.h"
#include "core/codec/debezium_value.h"
#include "core/codec/decimal.h"
#include "core/codec/geometry.h"
#include "core/codec/java_map.h"
#include "core/codec/json_text.h"
#include "core/codec/mysql_text.h"
#include "core/codec/time_text.h"

// What stands for a column that the source did not send: the fallbacks and defaults of 3.3, the placeholders of DP81 to
// DP84.
namespace headgate::codec {
namespace {

using O = DebeziumOptions;
using Form = DebeziumForm;

bool IsStructured(const DebeziumType& t) { return t.options->time == O::Time::kStructured; }

std::string Written(const DebeziumType& t, const Value& v) {
  std::string out;
  if (t.write(out, t, v) != nullptr) out.clear();
  return out;
}

std::string ZeroDecimal(const DebeziumType& t) {
  Value v;
  v.kind = ValueKind::kDecimal;
  std::string zero = "0";
  if (t.scale > 0) zero += "." + std::string(static_cast<std::size_t>(t.scale), '0');
  v.text = zero;
  return Written(t, v);
}

// 1970-01-01 and 00:00:00 in the modes that write text or numbers; a time zone has its own text.
std::optional<std::string> ZeroTemporal(const DebeziumType& t) {
  Value v;
  switch (t.form) {
    case Form::kDate:
      v.kind = ValueKind::kDate;
      break;
    case Form::kTime:
      v.kind = ValueKind::kTime;
      break;
    case Form::kTimeTz:
      v.kind = ValueKind::kTimeTz;
      break;
    case Form::kInterval:
      v.kind = ValueKind::kInterval;
      break;
    case Form::kTimestamp:
      if (t.options->time == O::Time::kNanoseconds) return std::nullopt;
      v.kind = ValueKind::kTimestamp;
      v.i = -kEpoch2000Us;
      break;
    default:
      if (!IsStructured(t)) return "\"1970-01-01T00:00:00Z\"";
      return "{\"year\":1970,\"month\":1,\"day\":1,\"hour\":0,\"minute\":0,\"second\":0,\"nanos\":0,\"offsetSeconds\":"
             "0,"
             "\"zoneId\":null,\"specialValue\":null,\"precision\":" +
             std::to_string(t.digits) + "}";
  }
  return Written(t, v);
}

std::string ZeroShape(const DebeziumType& t) {
  std::string wkb;
  if (t.type.base == "box") {
    wkb = WkbPolygon({1, 1, 1, 0, 0, 0, 0, 1, 1, 1});
  } else if (t.type.base == "polygon") {
    wkb = WkbPolygon({0, 0, 1, 0, 0, 1, 0, 0});
  } else {
    wkb = WkbLine({0, 0, 1, 0});
  }
  return "{\"wkb\":\"" + Base64(wkb) + "\",\"srid\":null,\"extensions\":{\"type\":\"" + t.type.base + "\"}}";
}

constexpr std::string_view kZeroPoint = R"({"x":0.0,"y":0.0,"wkb":"AQEAAAAAAAAAAAAAAAAAAAAAAAAA","srid":null})";

// --- constants of DEFAULT clauses, as the server prints them ---

struct Literal {
  std::string text;
};

bool IsNumber(std::string_view text) {
  double v = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), v);
  return !text.empty() && ec == std::errc() && end == text.data() + text.size() &&
         (text.back() >= '0' && text.back() <= '9');
}

// What follows the literal is nothing or casts: ::text, ::character varying(9), ::"bit".
bool OnlyCasts(std::string_view rest) {
  if (rest.empty()) return true;
  if (!rest.starts_with("::")) return false;
  return rest.find_first_of("'+-*/|<>=~!@#%^&?`;") == std::string_view::npos;
}

std::optional<Literal> ParseLiteral(std::string_view text) {
  if (text.size() > 2 && text.front() == '(' && text.back() == ')' && IsNumber(text.substr(1, text.size() - 2))) {
    return Literal{std::string(text.substr(1, text.size() - 2))};
  }
  Literal literal;
  if (text.starts_with("B'")) text.remove_prefix(1);
  const bool escapes = text.starts_with("E'");
  if (escapes) text.remove_prefix(1);
  if (!text.starts_with('\'')) {
    const std::string_view word = text.substr(0, text.find("::"));
    if (word != "true" && word != "false" && !IsNumber(word)) return std::nullopt;
    if (!OnlyCasts(text.substr(word.size()))) return std::nullopt;
    literal.text = word;
    return literal;
  }
  std::size_t i = 1;
  for (;; ++i) {
    if (i >= text.size()) return std::nullopt;
    if (text[i] == '\'') {
      if (i + 1 >= text.size() || text[i + 1] != '\'') break;
      ++i;
    } else if (escapes && text[i] == '\\' && ++i >= text.size()) {
      return std::nullopt;
    }
    literal.text.push_back(text[i]);
  }
  if (!OnlyCasts(text.substr(i + 1))) return std::nullopt;
  return literal;
}

// now(), CURRENT_DATE, nextval('s'::regclass): one call and nothing else.
bool IsFunction(std::string_view text) {
  for (const std::string_view word :
       {"CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP"}) {
    if (text.starts_with(word) && OnlyCasts(text.substr(word.size()))) return true;
  }
  std::size_t i = text.find('(');
  if (i == 0 || i == std::string_view::npos) return false;
  for (const char c : text.substr(0, i)) {
    const bool word =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '"';
    if (!word) return false;
  }
  int depth = 0;
  bool quoted = false;
  for (; i < text.size(); ++i) {
    if (text[i] == '\'') quoted = !quoted;
    if (quoted) continue;
    if (text[i] == '(') ++depth;
    if (text[i] == ')' && --depth == 0) return OnlyCasts(text.substr(i + 1));
  }
  return false;
}

bool TypeTakesDefaults(const DebeziumType& t) {
  switch (t.form) {
    case Form::kInteger:
      return t.type.base != "oid";
    case Form::kReal:
    case Form::kDouble:
    case Form::kBoolean:
    case Form::kJson:
    case Form::kUuid:
    case Form::kBit:
    case Form::kBits:
    case Form::kScaledDecimal:
      return true;
    case Form::kFreeDecimal:
      return t.options->decimals != O::Decimals::kPrecise;
    case Form::kString:
      return t.type.kind == TypeKind::kEnum || t.type.base == "text" || t.type.base == "varchar" ||
             t.type.base == "bpchar" || t.type.base == "char";
    case Form::kDate:
    case Form::kTime:
    case Form::kTimestamp:
    case Form::kTimestampTz:
    case Form::kInterval:
      return !IsStructured(t);
    default:
      return false;
  }
}

template <class T>
std::optional<T> Number(std::string_view text) {
  T v{};
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return v;
}

bool SetTemporal(Value& v, ValueKind kind, std::optional<std::int64_t> parsed) {
  v.kind = kind;
  if (parsed) v.i = *parsed;
  return parsed.has_value();
}

// The value of a literal; `storage` keeps bytes the value points to.
bool MakeValue(const DebeziumType& t, const Literal& literal, std::string& storage, Value& v) {
  storage = literal.text;
  v.text = storage;
  switch (t.form) {
    case Form::kInteger:
      v.kind = ValueKind::kInt;
      if (const auto n = Number<std::int64_t>(storage)) return v.i = *n, true;
      return false;
    case Form::kReal:
      v.kind = ValueKind::kFloat;
      if (const auto n = Number<float>(storage)) return v.d = static_cast<double>(*n), true;
      return false;
    case Form::kDouble:
      v.kind = ValueKind::kDouble;
      if (const auto n = Number<double>(storage)) return v.d = *n, true;
      return false;
    case Form::kBoolean:
      v.kind = ValueKind::kBool;
      v.b = storage == "true" || storage == "t";
      return v.b || storage == "false" || storage == "f";
    case Form::kBit:
    case Form::kBits:
      v.kind = ValueKind::kBits;
      return storage.find_first_not_of("01") == std::string::npos;
    case Form::kScaledDecimal:
    case Form::kFreeDecimal: {
      v.kind = ValueKind::kDecimal;
      auto d = ParseDecimal(storage);
      if (!d) return false;
      if (t.form == Form::kScaledDecimal) SetScale(*d, t.scale);
      storage.clear();
      AppendPlainDecimal(storage, *d);
      v.text = storage;
      return true;
    }
    case Form::kDate:
      return SetTemporal(v, ValueKind::kDate, ParseDate(storage));
    case Form::kTime:
      return SetTemporal(v, ValueKind::kTime, ParseTime(storage));
    case Form::kTimestamp:
      return SetTemporal(v, ValueKind::kTimestamp, ParseTimestamp(storage));
    case Form::kTimestampTz:
      return SetTemporal(v, ValueKind::kTimestampTz, ParseTimestamp(storage));
    case Form::kInterval: {
      const auto interval = ParseInterval(storage);
      v.kind = ValueKind::kInterval;
      if (!interval) return false;
      v.aux = interval->months;
      v.i2 = interval->days;
      v.i = interval->us;
      return true;
    }
    default:
      v.kind = ValueKind::kText;
      return true;
  }
}

// --- placeholders ---

std::string Codes(std::string_view text) {
  std::string out = "[";
  for (const char c : text) {
    if (out.size() > 1) out.push_back(',');
    AppendInt(out, static_cast<signed char>(c));
  }
  return out + "]";
}

std::optional<std::string> UnavailableElement(const DebeziumType& element) {
  const std::string& placeholder = element.options->unavailable;
  std::string text;
  switch (element.form) {
    case Form::kString:
    case Form::kJson:
      AppendJsonString(text, placeholder);
      return "[" + text + "]";
    case Form::kUuid: {
      char buffer[36];
      return "[\"" + std::string(NameUuid(placeholder, buffer)) + "\"]";
    }
    case Form::kBytes:
      if (element.options->binary != O::Binary::kBytes) return std::nullopt;
      return "[\"" + Base64(placeholder) + "\"]";
    case Form::kInteger:
      if (element.type.base != "int4" && element.type.base != "int8") return std::nullopt;
      return Codes(placeholder);
    case Form::kDate:
      if (IsStructured(element) || element.options->time == O::Time::kIsoString) return std::nullopt;
      return Codes(placeholder);
    default:
      return std::nullopt;
  }
}

std::optional<std::string> Placeholder(const DebeziumType& t) {
  const std::string& placeholder = t.options->unavailable;
  std::string text;
  AppendJsonString(text, placeholder);
  switch (t.form) {
    case Form::kString:
    case Form::kJson:
      return text;
    case Form::kBytes:
      if (IsMysql(t.type)) {  // DM49
        text.clear();
        AppendBinary(text, placeholder, t.options->binary);
        return text;
      }
      if (t.options->binary == O::Binary::kBytes) return "\"" + Base64(placeholder) + "\"";
      if (t.options->binary == O::Binary::kHex) return text;
      return std::nullopt;
    case Form::kHstore: {
      const std::string map = "{" + text + ":" + text + "}";
      if (t.options->hstore == O::Hstore::kMap) return map;
      std::string json;
      AppendJsonString(json, map);
      return json;
    }
    case Form::kArray:
      return UnavailableElement(*t.element);
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<std::string> ZeroOf(const DebeziumType& t) {
  switch (t.form) {
    case Form::kInteger:
      return "0";
    case Form::kReal:
    case Form::kDouble:
      return "0.0";
    case Form::kBoolean:
    case Form::kBit:
      return "false";
    case Form::kScaledDecimal:
    case Form::kFreeDecimal:
    case Form::kMoney:
      return ZeroDecimal(t);
    case Form::kDate:
    case Form::kTime:
    case Form::kTimeTz:
    case Form::kTimestamp:
    case Form::kTimestampTz:
    case Form::kInterval:
      return ZeroTemporal(t);
    case Form::kArray:
    case Form::kVector:
    case Form::kIntVector:
      return "[]";
    case Form::kSparseVector:
      return std::nullopt;
    case Form::kHstore:
      return t.options->hstore == O::Hstore::kMap ? "{}" : "\"{}\"";
    case Form::kPoint:
      return std::string(kZeroPoint);
    case Form::kShape:
      return ZeroShape(t);
    case Form::kCircle:
      return "{\"center\":" + std::string(kZeroPoint) + ",\"radius\":0.0}";
    case Form::kLine:
      return "{\"a\":0.0,\"b\":1.0,\"c\":0.0}";
    case Form::kGeometry:
      return R"({"wkb":"AQcAAAAAAAAA","srid":null,"extensions":null})";
    case Form::kGeography:
      return R"({"wkb":"AQcAAAAAAAAA","srid":null})";
    default:
      return "\"\"";
  }
}

std::optional<std::string> UnavailableOf(const DebeziumType& t, bool nullable) {
  if (auto placeholder = Placeholder(t)) return placeholder;
  const bool geometry = t.form == Form::kGeometry || t.form == Form::kGeography;
  if (nullable || geometry) return "null";
  return std::nullopt;
}

namespace {

// MySQL shows 0x6162, MariaDB text with escapes.
std::string BytesOfLiteral(std::string_view text) {
  if (text.starts_with("0x")) {
    if (auto bytes = FromHex(text.substr(2))) return std::move(*bytes);
  }
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '\\' && i + 1 < text.size();
    if (escaped) ++i;
    bytes.push_back(escaped && text[i] == '0' ? '\0' : text[i]);
  }
  return bytes;
}

// Constants in quotes, bits as b'1', numbers; expressions do not count.
std::optional<std::string> DefaultOfMysql(const DebeziumType& t, std::string_view expression) {
  if (IsStructured(t) || t.form == Form::kGeometry || t.form == Form::kPoint || t.form == Form::kArray)
    return std::nullopt;
  const bool bits = expression.starts_with("b'");
  if (bits) expression.remove_prefix(1);
  auto literal = ParseLiteral(expression);
  if (!literal) return std::nullopt;
  const auto length = static_cast<std::size_t>(t.type.length);
  if (bits && literal->text.size() < length) literal->text.insert(0, length - literal->text.size(), '0');
  std::string storage;
  Value v;
  if (t.form == Form::kBytes) {
    storage = BytesOfLiteral(literal->text);
    if (t.type.base == "binary") storage.resize(std::max(storage.size(), length), '\0');
    v.kind = ValueKind::kBytes;
    v.text = storage;
  } else if (t.type.kind == TypeKind::kUint) {
    const auto n = Number<std::uint64_t>(literal->text);
    if (!n) return std::nullopt;
    v.kind = ValueKind::kUint;
    v.u = *n;
  } else if (t.type.kind == TypeKind::kFloat) {
    const auto n = Number<float>(literal->text);
    if (!n) return std::nullopt;
    v.kind = ValueKind::kFloat;
    v.d = static_cast<double>(*n);
  } else if (!MakeValue(t, *literal, storage, v)) {
    return std::nullopt;
  }
  std::string out;
  if (t.write(out, t, v) != nullptr) return std::nullopt;
  return out;
}

}  // namespace

std::optional<std::string> DefaultOf(const DebeziumType& t, const std::optional<std::string>& expression) {
  if (expression && IsMysql(t.type)) return DefaultOfMysql(t, *expression);
  if (!expression || !TypeTakesDefaults(t)) return std::nullopt;
  if (const auto literal = ParseLiteral(*expression)) {
    std::string storage;
    Value v;
    if (!MakeValue(t, *literal, storage, v)) return std::nullopt;
    std::string out;
    if (t.write(out, t, v) != nullptr) return std::nullopt;
    return out;
  }
  if (!IsFunction(*expression)) return std::nullopt;
  if (t.form == Form::kUuid) return "\"00000000-0000-0000-0000-000000000000\"";
  if (t.form == Form::kTimestampTz) return "\"1970-01-01T00:00:00.000000Z\"";
  if (t.form == Form::kTimestamp && t.options->time == O::Time::kNanoseconds) return "0";
  return ZeroOf(t);
}

}  // namespace headgate::codec
