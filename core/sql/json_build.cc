#include "core/sql/json_build.h"

#include "core/sql/array_value.h"
#include "core/sql/function.h"
#include "core/sql/json.h"

namespace headgate::sql {
namespace {

bool IsNumber(TypeId id) { return CategoryOf(id) == Category::kNumeric; }

// 2024-01-31T10:00:00+02:00: a T between date and time, the offset with its minutes.
std::string IsoText(Type type, const Datum& value, std::string_view zone) {
  std::string text = ToText(type, value, zone);
  if (type.id != TypeId::kTimestamp && type.id != TypeId::kTimestampTz) return text;
  const std::size_t blank = text.find(' ');
  if (blank == std::string::npos) return text;  // infinity
  text[blank] = 'T';
  if (type.id == TypeId::kTimestamp) return text;
  const std::size_t end = std::min(text.find(' '), text.size());  // before BC
  const std::size_t sign = text.find_last_of("+-", end - 1);
  if (sign != std::string::npos && text.substr(sign, end - sign).find(':') == std::string::npos)
    text.insert(end, ":00");
  return text;
}

std::string PlainText(Type type, const Datum& value, std::string_view zone) {
  switch (type.id) {
    case TypeId::kBool:
      return value.b ? "true" : "false";
    case TypeId::kDate:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      return IsoText(type, value, zone);
    default:
      return ToText(type, value, zone);
  }
}

void AppendArray(std::string& out, const ArrayValue& array, Type element, std::size_t depth, std::size_t& next,
                 std::string_view zone) {
  out.push_back('[');
  for (std::int64_t i = 0; depth < array.dimensions.size() && i < array.dimensions[depth].length; ++i) {
    if (i > 0) out.push_back(',');
    if (depth + 1 < array.dimensions.size()) {
      AppendArray(out, array, element, depth + 1, next, zone);
    } else {
      AppendAsJson(out, element, array.elements[next++], zone);
    }
  }
  out.push_back(']');
}

}  // namespace

void AppendAsJson(std::string& out, Type type, const Datum& value, std::string_view zone) {
  if (value.null) {
    out += "null";
    return;
  }
  if (type.array) {
    std::size_t next = 0;
    AppendArray(out, ArrayValue::Read(value.s, type.Element()), type.Element(), 0, next, zone);
    return;
  }
  if (type.id == TypeId::kJson || type.id == TypeId::kJsonb) {
    out += value.s;
    return;
  }
  const std::string text = PlainText(type, value, zone);
  const bool letters = text.find_first_of("NI") != std::string::npos;  // NaN, Infinity
  if (type.id == TypeId::kBool || (IsNumber(type.id) && !letters)) {
    out += text;
  } else {
    AppendJsonQuoted(out, text);
  }
}

void AppendAsJsonb(std::string& out, Type type, const Datum& value, EvalContext& context) {
  if (!value.null && !type.array && type.id == TypeId::kJsonb) {
    out += value.s;
    return;
  }
  std::string text;
  AppendAsJson(text, type, value, context.zone);
  ReadJsonb(out, text, context);
}

bool JsonKeyOf(std::string& key, Type type, const Datum& value, EvalContext& context) {
  if (type.array || type.id == TypeId::kJson || type.id == TypeId::kJsonb) {
    context.Fail("22023", "key value must be scalar, not array, composite, or json");
    return false;
  }
  key = PlainText(type, value, context.zone);
  return true;
}

}  // namespace headgate::sql
