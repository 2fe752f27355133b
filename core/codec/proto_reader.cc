#include "core/codec/proto_reader.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include "core/base/encoding.h"
#include "core/codec/json_text.h"
#include "core/codec/native_value.h"
#include "core/codec/time_text.h"

namespace headgate::codec {
namespace {

namespace pb = google::protobuf;
using Cpp = pb::FieldDescriptor::CppType;

Value ProtoText(ValueKind kind, std::string text, std::deque<std::string>& kept) {
  Value v;
  v.kind = kind;
  v.text = kept.emplace_back(std::move(text));
  return v;
}

Value ProtoSigned(std::int64_t i) {
  Value v;
  v.kind = ValueKind::kInt;
  v.i = i;
  return v;
}

Value ProtoUnsigned(std::uint64_t u) {
  Value v;
  v.kind = ValueKind::kUint;
  v.u = u;
  return v;
}

Value ProtoReal(ValueKind kind, double d) {
  Value v;
  v.kind = kind;
  v.d = d;
  return v;
}

Value ProtoJson(const pb::Message& message, std::deque<std::string>& kept) {
  pb::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  std::string compact;
  // An Any of an unknown type, say, or a google.protobuf.Value without one: its bytes are all there is to tell.
  if (!pb::util::MessageToJsonString(message, &json, options).ok() || !AppendCompactJson(compact, json))
    return ProtoText(ValueKind::kBytes, message.SerializePartialAsString(), kept);
  return ProtoText(ValueKind::kJson, std::move(compact), kept);
}

// Seconds and nanoseconds of a Timestamp or a Duration, as microseconds; false if they do not fit.
bool Microseconds(const pb::Message& message, std::int64_t& us) {
  const pb::Descriptor* type = message.GetDescriptor();
  const pb::FieldDescriptor* seconds = type->FindFieldByNumber(1);
  const pb::FieldDescriptor* nanos = type->FindFieldByNumber(2);
  const bool shaped = seconds != nullptr && nanos != nullptr && !seconds->is_repeated() && !nanos->is_repeated() &&
                      seconds->cpp_type() == Cpp::CPPTYPE_INT64 && nanos->cpp_type() == Cpp::CPPTYPE_INT32;
  if (!shaped) return false;
  const pb::Reflection* reflection = message.GetReflection();
  const std::int32_t rest = reflection->GetInt32(message, nanos);
  return rest > -1'000'000'000 && rest < 1'000'000'000 &&
         !__builtin_mul_overflow(reflection->GetInt64(message, seconds), kSecondUs, &us) &&
         !__builtin_add_overflow(us, std::int64_t{rest / 1'000}, &us);
}

bool IsWrapper(const pb::Descriptor& type) {
  return type.well_known_type() >= pb::Descriptor::WELLKNOWNTYPE_DOUBLEVALUE &&
         type.well_known_type() <= pb::Descriptor::WELLKNOWNTYPE_BOOLVALUE;
}

// One element of a repeated field, or, with index -1, the field.
Value ProtoElement(const pb::Message& m, const pb::FieldDescriptor& f, int index, std::deque<std::string>& kept) {
  const pb::Reflection& r = *m.GetReflection();
  const bool one = index < 0;
  switch (f.cpp_type()) {
    case Cpp::CPPTYPE_INT32:
      return ProtoSigned(one ? r.GetInt32(m, &f) : r.GetRepeatedInt32(m, &f, index));
    case Cpp::CPPTYPE_INT64:
      return ProtoSigned(one ? r.GetInt64(m, &f) : r.GetRepeatedInt64(m, &f, index));
    case Cpp::CPPTYPE_UINT32:
      return ProtoUnsigned(one ? r.GetUInt32(m, &f) : r.GetRepeatedUInt32(m, &f, index));
    case Cpp::CPPTYPE_UINT64:
      return ProtoUnsigned(one ? r.GetUInt64(m, &f) : r.GetRepeatedUInt64(m, &f, index));
    case Cpp::CPPTYPE_FLOAT:
      return ProtoReal(ValueKind::kFloat, one ? r.GetFloat(m, &f) : r.GetRepeatedFloat(m, &f, index));
    case Cpp::CPPTYPE_DOUBLE:
      return ProtoReal(ValueKind::kDouble, one ? r.GetDouble(m, &f) : r.GetRepeatedDouble(m, &f, index));
    case Cpp::CPPTYPE_BOOL: {
      Value v;
      v.kind = ValueKind::kBool;
      v.b = one ? r.GetBool(m, &f) : r.GetRepeatedBool(m, &f, index);
      return v;
    }
    case Cpp::CPPTYPE_ENUM: {
      const int number = one ? r.GetEnumValue(m, &f) : r.GetRepeatedEnumValue(m, &f, index);
      const pb::EnumValueDescriptor* label = f.enum_type()->FindValueByNumber(number);
      return label == nullptr ? ProtoSigned(number) : ProtoText(ValueKind::kText, label->name(), kept);
    }
    case Cpp::CPPTYPE_STRING: {
      std::string text = one ? r.GetString(m, &f) : r.GetRepeatedString(m, &f, index);
      if (f.type() == pb::FieldDescriptor::TYPE_BYTES) return ProtoText(ValueKind::kBytes, std::move(text), kept);
      const ValueKind kind = IsUtf8(text) ? ValueKind::kText : ValueKind::kRawText;
      return ProtoText(kind, std::move(text), kept);
    }
    case Cpp::CPPTYPE_MESSAGE:
      return ProtoValue(one ? r.GetMessage(m, &f) : r.GetRepeatedMessage(m, &f, index), kept);
  }
  return {};
}

void AppendElementJson(std::string& out, const pb::Message& m, const pb::FieldDescriptor& f, int index) {
  static const DataType kAnyType;
  std::deque<std::string> kept;
  const Value v = ProtoElement(m, f, index, kept);
  AppendNativeValue(out, v, kAnyType, {});
}

// {"key":value}
Value ProtoMap(const pb::Message& message, const pb::FieldDescriptor& field, std::deque<std::string>& kept) {
  const pb::Reflection& reflection = *message.GetReflection();
  std::string json = "{";
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const pb::Message& entry = reflection.GetRepeatedMessage(message, &field, i);
    std::string key;
    AppendElementJson(key, entry, *field.message_type()->map_key(), -1);
    if (i > 0) json.push_back(',');
    json += key.front() == '"' ? key : "\"" + key + "\"";
    json.push_back(':');
    AppendElementJson(json, entry, *field.message_type()->map_value(), -1);
  }
  return ProtoText(ValueKind::kJson, json + "}", kept);
}

Value ProtoArray(const pb::Message& message, const pb::FieldDescriptor& field, std::deque<std::string>& kept) {
  const int length = message.GetReflection()->FieldSize(message, &field);
  if (field.cpp_type() == Cpp::CPPTYPE_MESSAGE) {
    std::string json = "[";
    for (int i = 0; i < length; ++i) {
      if (i > 0) json.push_back(',');
      AppendElementJson(json, message, field, i);
    }
    return ProtoText(ValueKind::kJson, json + "]", kept);
  }
  std::string payload;
  if (length == 0) {
    PutArrayHeader(payload, {});
  } else {
    PutArrayHeader(payload, {{length, 1}});
  }
  for (int i = 0; i < length; ++i) {
    std::deque<std::string> texts;
    const Value v = ProtoElement(message, field, i, texts);
    switch (v.kind) {
      case ValueKind::kInt:
        PutInt(payload, v.i);
        break;
      case ValueKind::kUint:
        PutUint(payload, v.u);
        break;
      case ValueKind::kFloat:
        PutFloat(payload, static_cast<float>(v.d));
        break;
      case ValueKind::kDouble:
        PutDouble(payload, v.d);
        break;
      case ValueKind::kBool:
        PutBool(payload, v.b);
        break;
      default:
        PutBlob(payload, v.kind, v.text);
        break;
    }
  }
  return ProtoText(ValueKind::kArray, std::move(payload), kept);
}

}  // namespace

Value ProtoValue(const pb::Message& message, std::deque<std::string>& kept) {
  const pb::Descriptor& type = *message.GetDescriptor();
  const bool instant = type.well_known_type() == pb::Descriptor::WELLKNOWNTYPE_TIMESTAMP;
  std::int64_t us = 0;
  if (instant && Microseconds(message, us) && !__builtin_sub_overflow(us, kEpoch2000Us, &us) && us != kMinusInfinity) {
    Value v = ProtoSigned(us);
    v.kind = ValueKind::kTimestampTz;
    return v;
  }
  if (type.well_known_type() == pb::Descriptor::WELLKNOWNTYPE_DURATION && Microseconds(message, us)) {
    Value v = ProtoSigned(us);
    v.kind = ValueKind::kInterval;
    return v;
  }
  const pb::FieldDescriptor* wrapped = IsWrapper(type) ? type.FindFieldByName("value") : nullptr;
  if (wrapped != nullptr && !wrapped->is_repeated() && wrapped->cpp_type() != Cpp::CPPTYPE_MESSAGE)
    return ProtoElement(message, *wrapped, -1, kept);
  return ProtoJson(message, kept);
}

Value ProtoValue(const pb::Message& message, const pb::FieldDescriptor& field, std::deque<std::string>& kept) {
  if (field.is_map()) return ProtoMap(message, field, kept);
  if (field.is_repeated()) return ProtoArray(message, field, kept);
  if (field.has_presence() && !message.GetReflection()->HasField(message, &field) && !field.has_default_value())
    return {};
  return ProtoElement(message, field, -1, kept);
}

}  // namespace headgate::codec
