#include "core/codec/connect_avro.h"

#include <array>
#include <bit>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/bytes.h"
#include "core/base/encoding.h"
#include "core/codec/avro_type.h"
#include "core/codec/json_text.h"

namespace headgate::codec {
namespace {

using ConnectJson = nlohmann::ordered_json;
using T = ConnectType;

constexpr std::string_view kNamespace = "io.confluent.connect.avro";  // of what has no name

std::string_view AvroPrimitive(T type) {
  switch (type) {
    case T::kInt8:
    case T::kInt16:
    case T::kInt32:
      return "int";
    case T::kInt64:
      return "long";
    case T::kFloat32:
      return "float";
    case T::kFloat64:
      return "double";
    case T::kBoolean:
      return "boolean";
    case T::kBytes:
      return "bytes";
    default:
      return "string";
  }
}

std::string_view LogicalName(std::string_view name) {
  if (name == "org.apache.kafka.connect.data.Decimal") return "decimal";
  if (name == "org.apache.kafka.connect.data.Date") return "date";
  if (name == "org.apache.kafka.connect.data.Time") return "time-millis";
  if (name == "org.apache.kafka.connect.data.Timestamp") return "timestamp-millis";
  return "";
}

std::string_view ParameterOf(const ConnectSchema& schema, std::string_view key) {
  for (const auto& [name, value] : schema.parameters) {
    if (name == key) return value;
  }
  return "";
}

int NumberOf(std::string_view text, int otherwise) {
  int number = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// A default as Avro has it: bytes are text, a character each.
std::string DefaultJson(const ConnectSchema& schema) {
  if (schema.type != T::kBytes) return schema.default_json;
  const std::string_view quoted = schema.default_json;
  const auto bytes = FromBase64(quoted.substr(1, quoted.size() - 2));
  if (!bytes) return "";
  std::string text;
  for (const unsigned char c : *bytes) {
    if (c >= 0x80) text.push_back(static_cast<char>(0xC0 | c >> 6));
    text.push_back(static_cast<char>(c < 0x80 ? c : 0x80 | (c & 0x3F)));
  }
  std::string json;
  AppendJsonString(json, text);
  return json;
}

class SchemaWriter {
 public:
  void Append(const ConnectSchema& schema, std::string_view space) {
    if (!schema.optional) return AppendBase(schema, space);
    const bool null_last = !schema.default_json.empty();
    out_ += null_last ? "[" : "[\"null\",";
    AppendBase(schema, space);
    out_ += null_last ? ",\"null\"]" : "]";
  }
  std::string Take() { return std::move(out_); }

 private:
  void Text(std::string_view member, std::string_view text) {
    out_ += member;
    AppendJsonString(out_, text);
  }

  void AppendBase(const ConnectSchema& schema, std::string_view space) {
    switch (schema.type) {
      case T::kStruct:
        return AppendRecord(schema, space);
      case T::kArray:
        out_ += "{\"type\":\"array\",\"items\":";
        Append(schema.children[0], space);
        break;
      case T::kMap:
        AppendMap(schema, space);
        break;
      default:
        AppendPrimitive(schema);
        return;
    }
    AppendMetadata(schema);
    out_.push_back('}');
  }

  void AppendPrimitive(const ConnectSchema& schema) {
    const bool narrow = schema.type == T::kInt8 || schema.type == T::kInt16;
    const bool bare = !narrow && schema.name.empty() && schema.doc.empty() && schema.default_json.empty();
    Text(bare ? "" : "{\"type\":", AvroPrimitive(schema.type));
    if (bare) return;
    std::string_view logical = LogicalName(schema.name);
    if (logical == "decimal") {
      const int scale = NumberOf(ParameterOf(schema, "scale"), 0);
      const int precision = NumberOf(ParameterOf(schema, "connect.decimal.precision"), 64);
      if (scale <= precision) {
        out_ += ",\"scale\":" + std::to_string(scale) + ",\"precision\":" + std::to_string(precision);
      } else {
        logical = "";  // Avro has no such decimal: AvroConverter says it all the same, and some readers refuse it
      }
    }
    AppendMetadata(schema);
    if (narrow) out_ += schema.type == T::kInt8 ? ",\"connect.type\":\"int8\"" : ",\"connect.type\":\"int16\"";
    if (!logical.empty()) Text(",\"logicalType\":", logical);
    out_.push_back('}');
  }

  // Keys that are no strings: pairs.
  void AppendMap(const ConnectSchema& schema, std::string_view space) {
    if (schema.children[0].type == T::kString) {
      out_ += "{\"type\":\"map\",\"values\":";
      return Append(schema.children[1], space);
    }
    out_ += "{\"type\":\"array\",\"items\":";
    if (!named_.insert("MapEntry").second) {
      return Text("", std::string(kNamespace) + ".MapEntry");
    }
    out_ += "{\"type\":\"record\",\"name\":\"MapEntry\",\"namespace\":\"" + std::string(kNamespace) + "\",\"fields\":[";
    AppendField("key", schema.children[0], kNamespace);
    out_.push_back(',');
    AppendField("value", schema.children[1], kNamespace);
    out_ += "]}";
  }

  void AppendRecord(const ConnectSchema& schema, std::string_view space) {
    const std::size_t dot = schema.name.rfind('.');
    const std::string own_space = dot == std::string::npos ? "" : schema.name.substr(0, dot);
    const std::string name = dot == std::string::npos ? schema.name : schema.name.substr(dot + 1);
    if (!named_.insert(schema.name).second) return Text("", own_space == space ? name : schema.name);
    Text("{\"type\":\"record\",\"name\":", name);
    if (own_space != space) Text(",\"namespace\":", own_space);
    out_ += ",\"fields\":[";
    for (const ConnectSchema& field : schema.children) {
      if (&field != schema.children.data()) out_.push_back(',');
      AppendField(field.field, field, own_space);
    }
    out_.push_back(']');
    AppendMetadata(schema);
    out_.push_back('}');
  }

  void AppendField(std::string_view name, const ConnectSchema& schema, std::string_view space) {
    Text("{\"name\":", name);
    out_ += ",\"type\":";
    Append(schema, space);
    if (!schema.default_json.empty()) {
      out_ += ",\"default\":" + DefaultJson(schema);
    } else if (schema.optional) {
      out_ += ",\"default\":null";
    }
    out_.push_back('}');
  }

  void AppendMetadata(const ConnectSchema& schema) {
    if (!schema.doc.empty()) Text(",\"connect.doc\":", schema.doc);
    if (schema.version != 0) out_ += ",\"connect.version\":" + std::to_string(schema.version);
    if (!schema.parameters.empty()) {
      char separator = '{';
      out_ += ",\"connect.parameters\":";
      for (const auto& [key, value] : schema.parameters) {
        out_.push_back(separator);
        separator = ',';
        Text("", key);
        Text(":", value);
      }
      out_.push_back('}');
    }
    if (!schema.default_json.empty()) out_ += ",\"connect.default\":" + DefaultJson(schema);
    if (!schema.name.empty()) Text(",\"connect.name\":", schema.name);
  }

  std::string out_;
  std::set<std::string> named_;
};

// --- data

template <class Float>
void PutFloat(std::string& out, const ConnectJson& value) {
  double number = std::numeric_limits<double>::quiet_NaN();
  if (value.is_number()) {
    number = value.get<double>();
  } else if (value != "NaN") {
    number = value == "Infinity" ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
  }
  const auto bits = std::bit_cast<std::array<char, sizeof(Float)>>(static_cast<Float>(number));
  out.append(bits.data(), bits.size());  // little-endian, as all machines of ours are
}

bool PutValue(std::string& out, const ConnectSchema& schema, const ConnectJson& value);

bool PutItems(std::string& out, const ConnectSchema& schema, const ConnectJson& value) {
  if (!value.is_array() && !value.is_object()) return false;
  const bool map = schema.type == T::kMap;
  const bool pairs = map && value.is_array();
  if (!value.empty()) PutSigned(out, static_cast<std::int64_t>(value.size()));
  for (const auto& [key, item] : value.items()) {
    if (pairs && (!item.is_array() || item.size() != 2 || !PutValue(out, schema.children[0], item[0]))) return false;
    if (map && !pairs) AppendAvroBytes(out, key);
    if (!PutValue(out, schema.children[map ? 1 : 0], pairs ? item[1] : item)) return false;
  }
  out.push_back('\0');
  return true;
}

bool PutStruct(std::string& out, const ConnectSchema& schema, const ConnectJson& value) {
  if (!value.is_object() || value.size() != schema.children.size()) return false;
  auto member = value.begin();
  for (const ConnectSchema& field : schema.children) {
    if (member.key() != field.field || !PutValue(out, field, *member)) return false;
    ++member;
  }
  return true;
}

bool PutBase(std::string& out, const ConnectSchema& schema, const ConnectJson& value) {
  switch (schema.type) {
    case T::kInt8:
    case T::kInt16:
    case T::kInt32:
    case T::kInt64:
      if (!value.is_number_integer()) return false;
      PutSigned(out, value.get<std::int64_t>());
      return true;
    case T::kFloat32:
      PutFloat<float>(out, value);
      return true;
    case T::kFloat64:
      PutFloat<double>(out, value);
      return true;
    case T::kBoolean:
      if (!value.is_boolean()) return false;
      out.push_back(value.get<bool>() ? '\1' : '\0');
      return true;
    case T::kString:
      if (!value.is_string()) return false;
      AppendAvroBytes(out, value.get_ref<const std::string&>());
      return true;
    case T::kBytes: {
      const auto bytes = value.is_string() ? FromBase64(value.get_ref<const std::string&>()) : std::nullopt;
      if (bytes) AppendAvroBytes(out, *bytes);
      return bytes.has_value();
    }
    case T::kArray:
    case T::kMap:
      return PutItems(out, schema, value);
    case T::kStruct:
      break;
  }
  return PutStruct(out, schema, value);
}

bool PutValue(std::string& out, const ConnectSchema& schema, const ConnectJson& value) {
  if (schema.optional) {
    const bool null_first = schema.default_json.empty();
    PutSigned(out, value.is_null() == null_first ? 0 : 1);
    if (value.is_null()) return true;
  }
  return PutBase(out, schema, value);
}

}  // namespace

std::string AvroSchemaOf(const ConnectSchema& schema) {
  SchemaWriter writer;
  writer.Append(schema, "");
  return writer.Take();
}

Status AppendAvro(std::string& out, const ConnectSchema& schema, std::string_view json) {
  const ConnectJson value = ConnectJson::parse(json, nullptr, false);
  if (value.is_discarded() || !PutValue(out, schema, value))
    return Corrupt("what was rendered does not fit the schema " + schema.name);
  return Ok();
}

}  // namespace headgate::codec
