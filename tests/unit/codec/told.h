#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/encoding.h"
#include "core/codec/record_decoder.h"

// What decoders of records give, as text.
namespace headgate::testing {

inline std::vector<codec::FieldPath> Paths(std::initializer_list<const char*> texts) {
  std::vector<codec::FieldPath> paths;
  for (const char* text : texts) paths.push_back(*codec::ParseFieldPath(text));
  return paths;
}

inline std::string HexBytes(std::string_view hex) { return *FromHex(hex); }

// A decoded value as a short text.
inline std::string Told(const Value& v) {
  switch (v.kind) {
    case ValueKind::kNull:
      return "null";
    case ValueKind::kAbsent:
      return "absent";
    case ValueKind::kBool:
      return v.b ? "true" : "false";
    case ValueKind::kFloat:
    case ValueKind::kDouble:
      return std::to_string(v.d);
    case ValueKind::kText:
    case ValueKind::kDecimal:
      return std::string(v.text);
    case ValueKind::kJson:
      return "json " + std::string(v.text);
    case ValueKind::kBytes:
    case ValueKind::kUuid:
    case ValueKind::kRawText:
      return "bytes " + Hex(v.text);
    case ValueKind::kArray: {
      std::string out = "array";
      for (ArrayReader in(v.text); !in.done();) out += " " + Told(in.Next());
      return out;
    }
    case ValueKind::kDate:
      return "date " + std::to_string(v.i);
    case ValueKind::kTime:
      return "time " + std::to_string(v.i);
    case ValueKind::kTimestamp:
      return "timestamp " + std::to_string(v.i + kEpoch2000Us);
    case ValueKind::kTimestampTz:
      return "timestamptz " + std::to_string(v.i + kEpoch2000Us);
    case ValueKind::kInterval:
      return "interval " + std::to_string(v.aux) + " " + std::to_string(v.i2) + " " + std::to_string(v.i);
    case ValueKind::kUint:
      return "unsigned " + std::to_string(v.u);
    default:
      return std::to_string(v.i);
  }
}

// The columns with commas between them, or the error with its kind in front.
inline std::string Told(codec::RecordDecoder& decoder, std::string_view hex) {
  const std::string bytes = HexBytes(hex);
  std::vector<Value> values;
  const Status status = decoder.Decode(bytes, values);
  if (!status.ok()) return std::string(Name(status.error().kind)) + ": " + status.error().what;
  std::string out;
  for (const Value& v : values) out += (out.empty() ? "" : ",") + Told(v);
  return out;
}

}  // namespace headgate::testing
