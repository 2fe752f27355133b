#include "connectors/kafka/column_value.h"

#include <charconv>
#include <cmath>

#include "core/base/encoding.h"
#include "core/codec/json_text.h"
#include "core/sql/array_value.h"
#include "core/sql/cast.h"
#include "core/sql/function.h"
#include "core/sql/numeric.h"

namespace headgate::kafka::source {
namespace {

using sql::TypeId;

constexpr std::size_t kDigitsMax = 1'100;              // of a number that is looked at exactly
constexpr double kFarthestMs = 8'000'000'000'000'000;  // of a time that a column holds, about

std::string_view KindName(ValueKind kind) {
  switch (kind) {
    case ValueKind::kBool:
      return "true or false";
    case ValueKind::kInt:
    case ValueKind::kUint:
    case ValueKind::kFloat:
    case ValueKind::kDouble:
    case ValueKind::kDecimal:
      return "a number";
    case ValueKind::kText:
      return "a text";
    case ValueKind::kBytes:
    case ValueKind::kRawText:
      return "bytes";
    case ValueKind::kDate:
      return "a date";
    case ValueKind::kTime:
    case ValueKind::kTimeTz:
      return "a time of day";
    case ValueKind::kTimestamp:
    case ValueKind::kTimestampTz:
      return "a timestamp";
    case ValueKind::kInterval:
      return "an interval";
    case ValueKind::kUuid:
      return "a UUID";
    case ValueKind::kJson:
      return "an object or an array";
    case ValueKind::kArray:
      return "an array";
    default:
      return "another kind of value";
  }
}

bool IsTextType(const sql::Type& type) {
  return type.Is(TypeId::kText) || type.Is(TypeId::kVarchar) || type.Is(TypeId::kBpchar);
}
// The nearest number that the type has to some digits. False: there is none.
bool ReadNear(const sql::Type& type, std::string_view digits, double& number) {
  const char* const end = digits.data() + digits.size();
  if (type.id == TypeId::kFloat8) {
    const auto read = std::from_chars(digits.data(), end, number);
    return read.ec == std::errc() && read.ptr == end;
  }
  float narrow = 0;
  const auto read = std::from_chars(digits.data(), end, narrow);
  number = narrow;
  return read.ec == std::errc() && read.ptr == end;
}
bool IsNumberKind(ValueKind kind) { return kind >= ValueKind::kInt && kind <= ValueKind::kDecimal; }

}  // namespace

bool ColumnWriter::Refuse(const sql::Type& type, std::string_view got) {
  detail_ = "expected " + sql::Name(type) + ", got ";
  detail_ += got;
  return false;
}

bool ColumnWriter::Append(std::string& out, const sql::Type& type, const Value& value) {
  if (value.is_null() || value.is_absent()) return PutNull(out), true;
  const std::string_view got = KindName(value.kind);
  if (type.array) return value.kind == ValueKind::kArray ? AppendArray(out, type, value.text) : Refuse(type, got);
  if (type.id == TypeId::kJson || type.id == TypeId::kJsonb) return AppendJson(out, type, value);
  if (IsNumberKind(value.kind)) return AppendNumber(out, type, value);
  switch (value.kind) {
    case ValueKind::kBool:
      if (type.id != TypeId::kBool) return Refuse(type, got);
      return PutBool(out, value.b), true;
    case ValueKind::kText:
      if (type.id == TypeId::kBool) return Refuse(type, got);
      if (type.id != TypeId::kBytea || value.text.starts_with("\\x")) return AppendText(out, type, value.text, got);
      if (const auto bytes = FromBase64(value.text)) return PutBlob(out, ValueKind::kBytes, *bytes), true;
      return Refuse(type, "a text that is neither base64 nor \\x and hexadecimal digits");
    case ValueKind::kBytes:
    case ValueKind::kRawText:
      if (type.id == TypeId::kBytea) return PutBlob(out, ValueKind::kBytes, value.text), true;
      return IsUtf8(value.text) ? AppendText(out, type, value.text, "bytes")
                                : Refuse(type, "bytes that are no text in UTF-8");
    case ValueKind::kUuid:
      if (type.id != TypeId::kUuid) return Refuse(type, got);
      return PutUuid(out, value.text), true;
    case ValueKind::kDate:
    case ValueKind::kTime:
    case ValueKind::kTimestamp:
    case ValueKind::kTimestampTz:
      return AppendTime(out, type, value);
    default:
      return Refuse(type, got);
  }
}

bool ColumnWriter::AppendTime(std::string& out, const sql::Type& type, const Value& value) {
  const bool finite = value.i != kInfinity && value.i != kMinusInfinity;
  if (value.kind == ValueKind::kDate && type.id == TypeId::kDate) return PutDate(out, value.i), true;
  if (value.kind == ValueKind::kTime && type.id == TypeId::kTime && type.mod < 0) return PutTime(out, value.i), true;
  const bool zoned = type.id == TypeId::kTimestampTz;
  const bool stamp = value.kind == ValueKind::kTimestamp || value.kind == ValueKind::kTimestampTz;
  if (!stamp || (!zoned && type.id != TypeId::kTimestamp)) return Refuse(type, KindName(value.kind));
  if (type.mod >= 0 && finite) {
    const sql::Datum rounded = sql::ApplyModifier(type, sql::Datum::Of(value.i), false, context_);
    return sql::PutDatum(out, type, rounded), true;
  }
  zoned ? PutTimestampTz(out, value.i) : PutTimestamp(out, value.i);
  return true;
}

bool ColumnWriter::AppendNumber(std::string& out, const sql::Type& type, const Value& value) {
  switch (type.id) {
    case TypeId::kInt2:
    case TypeId::kInt4:
    case TypeId::kInt8:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      break;
    case TypeId::kFloat4:
    case TypeId::kFloat8:
      return AppendFloat(out, type, value);
    case TypeId::kNumeric:
      break;
    default:
      return Refuse(type, "a number");
  }
  if (value.kind == ValueKind::kInt && type.id != TypeId::kNumeric) return AppendInteger(out, type, value.i);
  text_.clear();
  if (value.kind == ValueKind::kInt) {
    codec::AppendInt(text_, value.i);
  } else if (value.kind == ValueKind::kUint) {
    codec::AppendUint(text_, value.u);
  } else if (value.kind == ValueKind::kDecimal) {
    text_ = value.text;
  } else {
    if (!std::isfinite(value.d) && type.id != TypeId::kNumeric) return Refuse(type, "a number that is not finite");
    const sql::Type own = value.kind == ValueKind::kFloat ? TypeId::kFloat4 : TypeId::kFloat8;
    text_ = sql::ToText(own, sql::Datum::Of(value.d), "UTC");
  }
  return type.id == TypeId::kNumeric ? AppendText(out, type, text_, "a number") : AppendWhole(out, type, text_);
}

bool ColumnWriter::AppendWhole(std::string& out, const sql::Type& type, std::string_view digits) {
  const auto exact = digits.size() <= kDigitsMax ? sql::Numeric::Parse(digits) : std::nullopt;
  if (!exact) return Refuse(type, "a number out of range");
  if (!exact->Whole()) return Refuse(type, "a number with a fraction");
  const auto whole = exact->ToInt64();
  return whole ? AppendInteger(out, type, *whole) : Refuse(type, "a number out of range");
}

bool ColumnWriter::AppendInteger(std::string& out, const sql::Type& type, std::int64_t number) {
  if (type.id == TypeId::kTimestamp || type.id == TypeId::kTimestampTz) {
    if (std::abs(static_cast<double>(number)) > kFarthestMs) return Refuse(type, "a number out of range");
    Value time;
    time.kind = ValueKind::kTimestampTz;
    time.i = number * 1'000 - kEpoch2000Us;
    return AppendTime(out, type, time);
  }
  const bool fits =
      type.id == TypeId::kInt8 || (type.id == TypeId::kInt4 ? number == static_cast<std::int32_t>(number)
                                                            : number == static_cast<std::int16_t>(number));
  if (!fits) return Refuse(type, "a number out of range");
  PutInt(out, number);
  return true;
}

bool ColumnWriter::AppendFloat(std::string& out, const sql::Type& type, const Value& value) {
  double number = value.d;
  if (value.kind == ValueKind::kInt) number = static_cast<double>(value.i);
  if (value.kind == ValueKind::kUint) number = static_cast<double>(value.u);
  if (value.kind == ValueKind::kDecimal && !ReadNear(type, value.text, number))
    return AppendFromText(out, type, value.text, "a number");
  if (type.id == TypeId::kFloat8) return PutDouble(out, number), true;
  const auto narrow = static_cast<float>(number);
  if (std::isinf(narrow) && !std::isinf(number)) return Refuse(type, "a number out of range");
  PutFloat(out, narrow);
  return true;
}

bool ColumnWriter::AppendText(std::string& out, const sql::Type& type, std::string_view text, std::string_view got) {
  if (!IsTextType(type)) return AppendFromText(out, type, text, got);
  if (text.find('\0') != std::string_view::npos) return Refuse(type, "a text with \\u0000");
  if (type.mod >= 0 || type.id == TypeId::kBpchar) return AppendFromText(out, type, text, got);
  PutBlob(out, ValueKind::kText, text);
  return true;
}

bool ColumnWriter::AppendFromText(std::string& out, const sql::Type& type, std::string_view text,
                                  std::string_view got) {
  sql::Datum datum = sql::FromText(type.Bare(), text, context_);
  if (!context_.failed()) datum = sql::ApplyModifier(type, std::move(datum), false, context_);
  if (!context_.failed()) {
    if (type.Is(TypeId::kBpchar)) {  // the log has it as a server writes it
      PutBlob(out, ValueKind::kText, sql::ToText(type, datum, "UTC"));
    } else {
      sql::PutDatum(out, type, datum);
    }
    return true;
  }
  const std::string code = context_.errors()[0].code;
  context_.Reset();
  std::string what(got);
  if (code == "22001") {
    what += " that is too long";
  } else if (code == "22003" || code == "22008") {
    what += " out of range";
  } else {
    what += " that is none";
  }
  return Refuse(type, what);
}

// A text of JSON is a string in it, bytes are the document.
bool ColumnWriter::AppendJson(std::string& out, const sql::Type& type, const Value& value) {
  std::string json;
  switch (value.kind) {
    case ValueKind::kJson:
    case ValueKind::kDecimal:
      json = value.text;
      break;
    case ValueKind::kBytes:
      if (!IsUtf8(value.text)) return Refuse(type, "bytes that are no text in UTF-8");
      json = value.text;
      break;
    case ValueKind::kText:
      codec::AppendJsonString(json, value.text);
      break;
    case ValueKind::kBool:
      json = value.b ? "true" : "false";
      break;
    case ValueKind::kInt:
      codec::AppendInt(json, value.i);
      break;
    case ValueKind::kUint:
      codec::AppendUint(json, value.u);
      break;
    case ValueKind::kDouble:
      codec::AppendEcmaDouble(json, value.d);
      break;
    case ValueKind::kFloat:
      codec::AppendEcmaFloat(json, static_cast<float>(value.d));
      break;
    default:
      return Refuse(type, KindName(value.kind));
  }
  return AppendFromText(out, type, json, KindName(value.kind));
}

bool ColumnWriter::AppendArray(std::string& out, const sql::Type& type, std::string_view payload) {
  ArrayReader in(payload);
  std::string own;
  PutArrayHeader(own, in.dimensions());
  while (!in.done()) {
    const Value element = in.Next();
    if (in.failed()) break;
    if (!Append(own, type.Element(), element)) {
      detail_ += " in an array";
      return false;
    }
  }
  if (in.failed()) return Refuse(type, "an array that is damaged");
  PutBlob(out, ValueKind::kArray, own);
  return true;
}

}  // namespace headgate::kafka::source
