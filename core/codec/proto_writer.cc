#include "core/codec/proto_writer.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include <limits>
#include <optional>
#include <string>

#include "core/base/encoding.h"
#include "core/codec/debezium_value.h"
#include "core/codec/decimal.h"
#include "core/codec/native_value.h"
#include "core/codec/record_decoder.h"
#include "core/codec/time_text.h"

namespace headgate::codec {
namespace {

namespace pb = google::protobuf;
using Cpp = pb::FieldDescriptor::CppType;

constexpr const char* kNoFit = "the number does not fit the field";
// 0001-01-01 and 10000-01-01 as Unix seconds: what a Timestamp may be.
constexpr std::int64_t kFirstSecond = -62'135'596'800;
constexpr std::int64_t kEndSecond = 253'402'300'800;

// An integer between these, as what a field of that range takes.
template <class T>
std::optional<T> IntegerOf(const Value& v) {
  if (v.kind == ValueKind::kBool) return v.b ? T{1} : T{0};
  if (v.kind == ValueKind::kInt && std::in_range<T>(v.i)) return static_cast<T>(v.i);
  if (v.kind == ValueKind::kUint && std::in_range<T>(v.u)) return static_cast<T>(v.u);
  return std::nullopt;
}

std::optional<double> RealNumberOf(const Value& v) {
  switch (v.kind) {
    case ValueKind::kFloat:
    case ValueKind::kDouble:
      return v.d;
    case ValueKind::kInt:
      return static_cast<double>(v.i);
    case ValueKind::kUint:
      return static_cast<double>(v.u);
    case ValueKind::kDecimal:
      if (v.text == "NaN") return std::numeric_limits<double>::quiet_NaN();
      if (v.text == "Infinity") return std::numeric_limits<double>::infinity();
      if (v.text == "-Infinity") return -std::numeric_limits<double>::infinity();
      if (!v.text.empty()) return DecimalToDouble(v.text);
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

const char* StringOf(const Value& v, const DataType& type, std::string& text) {
  if (v.kind == ValueKind::kText || v.kind == ValueKind::kDecimal || v.kind == ValueKind::kBits) {
    text = v.text;
    return nullptr;
  }
  if (v.kind == ValueKind::kRawText) return "it is not text in the encoding of its database, and a string is UTF-8";
  if (!AppendNativeValue(text, v, type, {})) return kMalformed;
  const bool quoted = v.kind != ValueKind::kJson && text.size() >= 2 && text.front() == '"';
  if (quoted) text = text.substr(1, text.size() - 2);
  return nullptr;
}

const char* EnumNumber(const pb::EnumDescriptor& type, const Value& v, int& number) {
  if (const auto integer = IntegerOf<std::int32_t>(v); integer && v.kind != ValueKind::kBool) {
    number = *integer;
    return type.FindValueByNumber(number) != nullptr ? nullptr : "the enum has no value of that number";
  }
  if (v.kind != ValueKind::kText) return kWrongKind;
  const pb::EnumValueDescriptor* label = type.FindValueByName(std::string(v.text));
  for (int i = 0; label == nullptr && i < type.value_count(); ++i) {
    if (SameFieldName(type.value(i)->name(), v.text)) label = type.value(i);
  }
  if (label == nullptr) return "the enum has no value of that name";
  number = label->number();
  return nullptr;
}

// Sets seconds and nanoseconds.
void SetParts(pb::Message& message, std::int64_t seconds, std::int64_t us) {
  const pb::Reflection* reflection = message.GetReflection();
  reflection->SetInt64(&message, message.GetDescriptor()->FindFieldByNumber(1), seconds);
  reflection->SetInt32(&message, message.GetDescriptor()->FindFieldByNumber(2), static_cast<std::int32_t>(us * 1'000));
}

const char* SetTimestamp(pb::Message& message, const Value& v) {
  if (v.kind != ValueKind::kTimestamp && v.kind != ValueKind::kTimestampTz) return kWrongKind;
  const DateTime at = SplitTimestamp(v.i);
  const std::int64_t seconds = at.days * 86'400 + at.us / kSecondUs;
  if (v.i == kInfinity || v.i == kMinusInfinity || seconds < kFirstSecond || seconds >= kEndSecond)
    return "google.protobuf.Timestamp holds the years 1 to 9999 alone";
  SetParts(message, seconds, at.us % kSecondUs);
  return nullptr;
}

const char* SetDuration(pb::Message& message, const Value& v) {
  if (v.kind != ValueKind::kInterval && v.kind != ValueKind::kTime) return kWrongKind;
  const bool interval = v.kind == ValueKind::kInterval;
  if (interval && v.aux != 0) return "google.protobuf.Duration has no months";
  const std::int64_t days = interval ? v.i2 : 0;
  std::int64_t us = 0;
  if (__builtin_add_overflow(days * kDayUs, v.i, &us)) return kNoFit;
  SetParts(message, us / kSecondUs, us % kSecondUs);
  return nullptr;
}

const char* SetMessage(pb::Message& message, const Value& v, const DataType& type) {
  const pb::Descriptor& known = *message.GetDescriptor();
  if (known.well_known_type() == pb::Descriptor::WELLKNOWNTYPE_TIMESTAMP) return SetTimestamp(message, v);
  if (known.well_known_type() == pb::Descriptor::WELLKNOWNTYPE_DURATION) return SetDuration(message, v);
  const bool wrapper = known.well_known_type() >= pb::Descriptor::WELLKNOWNTYPE_DOUBLEVALUE &&
                       known.well_known_type() <= pb::Descriptor::WELLKNOWNTYPE_BOOLVALUE;
  if (wrapper) return SetProtoField(message, *known.FindFieldByName("value"), v, type);
  std::string json;
  if (v.kind != ValueKind::kJson && v.kind != ValueKind::kComposite) return kWrongKind;
  if (!AppendNativeValue(json, v, type, {})) return kMalformed;
  if (!pb::util::JsonStringToMessage(json, &message).ok())
    return "it is no JSON of the field's message: another member, or another type";
  return nullptr;
}

// Sets a field, or adds an element to a repeated one.
const char* Put(pb::Message& m, const pb::FieldDescriptor& f, const Value& v, const DataType& type) {
  const pb::Reflection& r = *m.GetReflection();
  const bool add = f.is_repeated();
  const auto put = [&](auto value, auto set, auto append) -> const char* {
    if (!value) return kNoFit;
    add ? (r.*append)(&m, &f, *value) : (r.*set)(&m, &f, *value);
    return nullptr;
  };
  using R = pb::Reflection;
  switch (f.cpp_type()) {
    case Cpp::CPPTYPE_INT32:
      return put(IntegerOf<std::int32_t>(v), &R::SetInt32, &R::AddInt32);
    case Cpp::CPPTYPE_INT64:
      return put(IntegerOf<std::int64_t>(v), &R::SetInt64, &R::AddInt64);
    case Cpp::CPPTYPE_UINT32:
      return put(IntegerOf<std::uint32_t>(v), &R::SetUInt32, &R::AddUInt32);
    case Cpp::CPPTYPE_UINT64:
      return put(IntegerOf<std::uint64_t>(v), &R::SetUInt64, &R::AddUInt64);
    case Cpp::CPPTYPE_DOUBLE:
      return put(RealNumberOf(v), &R::SetDouble, &R::AddDouble);
    case Cpp::CPPTYPE_FLOAT: {
      const auto number = RealNumberOf(v);
      return put(number ? std::optional(static_cast<float>(*number)) : std::nullopt, &R::SetFloat, &R::AddFloat);
    }
    case Cpp::CPPTYPE_BOOL: {
      const auto number = IntegerOf<std::uint8_t>(v);
      return put(number && *number <= 1 ? std::optional(*number == 1) : std::nullopt, &R::SetBool, &R::AddBool);
    }
    case Cpp::CPPTYPE_ENUM: {
      int number = 0;
      if (const char* why = EnumNumber(*f.enum_type(), v, number)) return why;
      add ? r.AddEnumValue(&m, &f, number) : r.SetEnumValue(&m, &f, number);
      return nullptr;
    }
    case Cpp::CPPTYPE_STRING: {
      std::string text;
      const bool bytes = f.type() == pb::FieldDescriptor::TYPE_BYTES;
      if (bytes && v.kind != ValueKind::kBytes && v.kind != ValueKind::kText && v.kind != ValueKind::kRawText)
        return kWrongKind;
      const char* why = bytes ? nullptr : StringOf(v, type, text);
      if (why != nullptr) return why;
      if (bytes) text = v.text;
      if (!bytes && !IsUtf8(text)) return kMalformed;  // the library would write it and complain on standard error
      add ? r.AddString(&m, &f, std::move(text)) : r.SetString(&m, &f, std::move(text));
      return nullptr;
    }
    case Cpp::CPPTYPE_MESSAGE:
      return SetMessage(*(add ? r.AddMessage(&m, &f) : r.MutableMessage(&m, &f)), v, type);
  }
  return kWrongKind;
}

}  // namespace

const char* SetProtoField(pb::Message& message, const pb::FieldDescriptor& field, const Value& value,
                          const DataType& type) {
  if (field.is_map()) return "a map cannot be taken from a column";
  if (!field.is_repeated()) return Put(message, field, value, type);
  if (value.kind != ValueKind::kArray) return kWrongKind;
  ArrayReader in(value.text);
  if (in.failed()) return kMalformed;
  if (in.dimensions().size() > 1) return "it is an array of several dimensions, and the field has one";
  if (!in.dimensions().empty() && in.dimensions()[0].lower_bound != 1) return "it is an array that does not start at 1";
  static const DataType kUnknown;
  const DataType& element = type.children.empty() ? kUnknown : type.children[0];
  while (!in.done()) {
    const Value v = in.Next();
    if (in.failed() || v.is_absent()) return kMalformed;
    if (v.is_null()) return "an element of the array is null, and a repeated field has no nulls";
    if (const char* why = Put(message, field, v, element)) return why;
  }
  return in.failed() ? kMalformed : nullptr;
}

}  // namespace headgate::codec
