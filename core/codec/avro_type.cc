#include "core/codec/avro_type.h"

#include <limits>
#include <unordered_set>

#include "core/base/bytes.h"
#include "core/codec/debezium_value.h"
#include "core/codec/decimal.h"
#include "core/codec/json_text.h"
#include "core/codec/mysql_text.h"
#include "core/codec/native_value.h"
#include "core/codec/pg_text.h"
#include "core/codec/time_text.h"

namespace headgate::codec {
namespace {

constexpr const char* kNoDate = "it is no date of the calendar (infinity, or zero), and Avro has no other";
constexpr const char* kNoNumber = "NaN, infinities and more digits than declared have no form in Avro's decimal";

const char* WriteBool(std::string& out, const AvroColumn&, const Value& v) {
  if (v.kind != ValueKind::kBool) return kWrongKind;
  out.push_back(v.b ? '\1' : '\0');
  return nullptr;
}

const char* WriteInt(std::string& out, const AvroColumn& column, const Value& v) {
  const bool wide = column.type == AvroType::kLong;
  if (v.kind == ValueKind::kInt && (wide || v.i == static_cast<std::int32_t>(v.i))) {
    PutSigned(out, v.i);
    return nullptr;
  }
  constexpr auto kIntMax = static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max());
  constexpr auto kLongMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (v.kind != ValueKind::kUint || v.u > (wide ? kLongMax : kIntMax)) return kWrongKind;
  PutSigned(out, static_cast<std::int64_t>(v.u));
  return nullptr;
}

const char* WriteFloat(std::string& out, const AvroColumn&, const Value& v) {
  if (v.kind != ValueKind::kFloat && v.kind != ValueKind::kDouble) return kWrongKind;
  PutFixed(out, static_cast<float>(v.d));
  return nullptr;
}

const char* WriteDouble(std::string& out, const AvroColumn&, const Value& v) {
  if (v.kind != ValueKind::kFloat && v.kind != ValueKind::kDouble) return kWrongKind;
  PutFixed(out, v.d);
  return nullptr;
}

const char* WriteBytes(std::string& out, const AvroColumn&, const Value& v) {
  if (v.kind != ValueKind::kBytes && v.kind != ValueKind::kText && v.kind != ValueKind::kRawText) return kWrongKind;
  AppendAvroBytes(out, v.text);
  return nullptr;
}

const char* WriteDecimal(std::string& out, const AvroColumn& column, const Value& v) {
  if (v.kind != ValueKind::kDecimal) return kWrongKind;
  const std::size_t length = out.size();
  out.push_back('\0');
  if (!AppendSmallUnscaled(out, v.text, column.source.scale)) {
    auto d = ParseDecimal(v.text);
    if (!d || d->scale > column.source.scale) return kNoNumber;
    SetScale(*d, column.source.scale);
    if (d->digits.size() > static_cast<std::size_t>(column.source.precision)) return kNoNumber;
    std::string bytes;
    AppendUnscaled(bytes, *d);
    out.resize(length);
    AppendAvroBytes(out, bytes);
    return nullptr;
  }
  out[length] = static_cast<char>((out.size() - length - 1) * 2);  // at most 8 bytes: the length is one byte
  return nullptr;
}

const char* WriteUnsigned(std::string& out, const AvroColumn&, const Value& v) {
  if (v.kind != ValueKind::kUint && !(v.kind == ValueKind::kInt && v.i >= 0)) return kWrongKind;
  std::string digits;
  AppendUint(digits, v.u);
  std::string bytes;
  AppendUnscaled(bytes, *ParseDecimal(digits));
  AppendAvroBytes(out, bytes);
  return nullptr;
}

const char* WriteDate(std::string& out, const AvroColumn&, const Value& v) {
  if (v.kind == ValueKind::kText) return kNoDate;
  if (v.kind != ValueKind::kDate) return kWrongKind;
  if (v.i != static_cast<std::int32_t>(v.i)) return kNoDate;
  PutSigned(out, v.i);
  return nullptr;
}

const char* WriteTime(std::string& out, const AvroColumn&, const Value& v) {
  if (v.kind != ValueKind::kTime) return kWrongKind;
  if (!IsTimeOfDay(v.i)) return kMalformed;
  PutSigned(out, v.i);
  return nullptr;
}

const char* WriteTimestamp(std::string& out, const AvroColumn&, const Value& v) {
  if (v.kind == ValueKind::kText) return kNoDate;
  if (v.kind != ValueKind::kTimestamp && v.kind != ValueKind::kTimestampTz) return kWrongKind;
  std::int64_t unix_us = 0;
  if (v.i == kInfinity || v.i == kMinusInfinity || __builtin_add_overflow(v.i, kEpoch2000Us, &unix_us)) return kNoDate;
  PutSigned(out, unix_us);
  return nullptr;
}

const char* WriteUuid(std::string& out, const AvroColumn&, const Value& v) {
  std::string text;
  if (v.kind == ValueKind::kUuid) {
    AppendUuid(text, v.text);
  } else if (v.kind == ValueKind::kText) {
    text = v.text;
  } else {
    return kWrongKind;
  }
  AppendAvroBytes(out, text);
  return nullptr;
}

// What the native rendering shows, without the quotes around it.
const char* WriteText(std::string& out, const AvroColumn& column, const Value& v) {
  switch (v.kind) {
    case ValueKind::kText:
    case ValueKind::kDecimal:
    case ValueKind::kBits:
      if (v.kind == ValueKind::kText && (column.source.extension || column.source.kind == TypeKind::kHstore)) break;
      AppendAvroBytes(out, v.text);
      return nullptr;
    case ValueKind::kRawText:
      return "it is not text in the encoding of its database, and a string of Avro is UTF-8";
    default:
      break;
  }
  std::string text;
  if (!AppendNativeValue(text, v, column.source, {})) return kMalformed;
  if (v.kind == ValueKind::kText && !text.empty() && text.front() == '"') text = v.text;
  const bool quoted =
      v.kind != ValueKind::kText && v.kind != ValueKind::kJson && text.size() >= 2 && text.front() == '"';
  AppendAvroBytes(out, quoted ? std::string_view(text).substr(1, text.size() - 2) : std::string_view(text));
  return nullptr;
}

const char* WriteElement(std::string& out, const AvroColumn& element, const Value& v) {
  if (v.is_absent()) return kMalformed;
  out.push_back(v.is_null() ? '\0' : '\2');
  return v.is_null() ? nullptr : element.write(out, element, v);
}

const char* WriteArray(std::string& out, const AvroColumn& column, const Value& v) {
  if (v.kind != ValueKind::kArray) return kWrongKind;
  ArrayReader in(v.text);
  if (in.failed() || in.dimensions().size() > 1)
    return in.failed() ? kMalformed : "it is an array of several dimensions, and the schema says one";
  if (!in.dimensions().empty()) {
    if (in.dimensions()[0].lower_bound != 1) return "it is an array that does not start at 1";
    const std::int64_t length = in.dimensions()[0].length;
    if (length > 0) PutSigned(out, length);
    for (std::int64_t i = 0; i < length; ++i) {
      if (in.done()) return kMalformed;
      const Value element = in.Next();
      if (in.failed()) return kMalformed;
      if (const char* why = WriteElement(out, *column.element, element)) return why;
    }
  }
  if (!in.done() || in.failed()) return kMalformed;
  out.push_back('\0');
  return nullptr;
}

// The labels of a SET, which hold no comma.
const char* WriteLabels(std::string& out, const AvroColumn&, const Value& v) {
  if (v.kind != ValueKind::kText) return kWrongKind;
  std::string labels;
  std::int64_t count = 0;
  for (std::string_view rest = v.text; !rest.empty(); ++count) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    AppendAvroBytes(labels, rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  if (count > 0) PutSigned(out, count);
  out += labels;
  out.push_back('\0');
  return nullptr;
}

bool IsWideUnsigned(const DataType& type) {
  return type.base == "xid8" || type.base.find("bigint") != std::string::npos;
}

void PlanType(AvroColumn& column) {
  const DataType& type = column.source;
  const auto set = [&column](AvroType avro, AvroWrite write) {
    column.type = avro;
    column.write = write;
  };
  const bool fixed_scale = type.precision > 0 && type.scale >= 0 && type.scale <= type.precision;
  switch (type.kind) {
    case TypeKind::kBool:
      return set(AvroType::kBoolean, WriteBool);
    case TypeKind::kInt16:
    case TypeKind::kInt32:
      return set(AvroType::kInt, WriteInt);
    case TypeKind::kInt64:
      return set(AvroType::kLong, WriteInt);
    case TypeKind::kUint:
      if (IsWideUnsigned(type)) return set(AvroType::kBytes, WriteUnsigned);
      return set(AvroType::kLong, WriteInt);
    case TypeKind::kFloat:
      return set(AvroType::kFloat, WriteFloat);
    case TypeKind::kDouble:
      return set(AvroType::kDouble, WriteDouble);
    case TypeKind::kDecimal:
      if (fixed_scale) return set(AvroType::kBytes, WriteDecimal);
      return set(AvroType::kString, WriteText);
    case TypeKind::kBytes:
      return set(AvroType::kBytes, WriteBytes);
    case TypeKind::kDate:
      return set(AvroType::kInt, WriteDate);
    case TypeKind::kTime:
      if (!IsMysql(type)) return set(AvroType::kLong, WriteTime);
      return set(AvroType::kString, WriteText);
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampTz:
      return set(AvroType::kLong, WriteTimestamp);
    case TypeKind::kUuid:
      return set(AvroType::kString, WriteUuid);
    case TypeKind::kSet:
      return set(AvroType::kArray, WriteLabels);
    case TypeKind::kArray:
      if (type.children.empty() || type.children[0].kind == TypeKind::kArray) return set(AvroType::kString, WriteText);
      column.element = std::make_unique<AvroColumn>();
      column.element->plain = column.plain;
      column.element->source = type.children[0];
      PlanType(*column.element);
      return set(AvroType::kArray, WriteArray);
    default:
      return set(AvroType::kString, WriteText);
  }
}

std::string WithLogical(const char* type, const std::string& logical) {
  return std::string("{\"type\":\"") + type + "\",\"logicalType\":\"" + logical + "\"}";
}

std::string DecimalSchema(int precision, int scale) {
  return "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":" + std::to_string(precision) +
         ",\"scale\":" + std::to_string(scale) + "}";
}

}  // namespace

std::string AvroName(std::string_view name) {
  std::string adjusted = AdjustName(name, DebeziumOptions::Names::kAvro);
  if (adjusted.empty()) adjusted = "_";
  return adjusted;
}

void AppendAvroBytes(std::string& out, std::string_view bytes) {
  PutSigned(out, static_cast<std::int64_t>(bytes.size()));
  out += bytes;
}

std::string AvroColumn::SchemaOfValue() const {
  switch (type) {
    case AvroType::kBoolean:
      return "\"boolean\"";
    case AvroType::kInt:
      return source.kind == TypeKind::kDate ? WithLogical("int", "date") : "\"int\"";
    case AvroType::kLong:
      if (source.kind == TypeKind::kTime) return WithLogical("long", "time-micros");
      if (source.kind == TypeKind::kTimestamp) return WithLogical("long", "local-timestamp-micros");
      if (source.kind == TypeKind::kTimestampTz) return WithLogical("long", "timestamp-micros");
      return "\"long\"";
    case AvroType::kFloat:
      return "\"float\"";
    case AvroType::kDouble:
      return "\"double\"";
    case AvroType::kBytes:
      if (source.kind == TypeKind::kDecimal) return DecimalSchema(source.precision, source.scale);
      if (source.kind == TypeKind::kUint) return DecimalSchema(20, 0);
      return "\"bytes\"";
    case AvroType::kArray:
      if (element == nullptr) return R"({"type":"array","items":"string"})";
      return "{\"type\":\"array\",\"items\":[\"null\"," + element->SchemaOfValue() + "]}";
    default:
      return source.kind == TypeKind::kUuid ? WithLogical("string", "uuid") : "\"string\"";
  }
}

std::string AvroColumn::SchemaOfField() const {
  std::string out = "{\"name\":\"" + name + "\",\"type\":";
  out += nullable ? "[\"null\"," + SchemaOfValue() + "],\"default\":null" : SchemaOfValue();
  // What a string holds that is none in the database.
  const bool text = source.kind == TypeKind::kText || source.kind == TypeKind::kChar || source.kind == TypeKind::kUuid;
  if (type == AvroType::kString && !text) {
    out += ",\"doc\":";
    AppendJsonString(out, source.declared);
  }
  return out + "}";
}

std::vector<AvroColumn> AvroColumnsOf(const TableSchema& schema) {
  std::vector<AvroColumn> columns;
  std::unordered_set<std::string> names;
  for (const Column& c : schema.columns) {
    AvroColumn& column = columns.emplace_back();
    column.plain = c.name;
    const std::string name = AvroName(c.name);
    column.name = name;
    for (int n = 2; !names.insert(column.name).second; ++n) column.name = name + "_" + std::to_string(n);
    column.source = c.type;
    column.nullable = c.nullable;
    PlanType(column);
  }
  return columns;
}

}  // namespace headgate::codec
