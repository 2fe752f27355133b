#include "core/codec/connect_schema.h"

#include "core/codec/json_text.h"

namespace headgate::codec {
namespace {

std::string_view TypeName(ConnectType type) {
  switch (type) {
    case ConnectType::kInt8:
      return "int8";
    case ConnectType::kInt16:
      return "int16";
    case ConnectType::kInt32:
      return "int32";
    case ConnectType::kInt64:
      return "int64";
    case ConnectType::kFloat32:
      return "float";
    case ConnectType::kFloat64:
      return "double";
    case ConnectType::kBoolean:
      return "boolean";
    case ConnectType::kString:
      return "string";
    case ConnectType::kBytes:
      return "bytes";
    case ConnectType::kArray:
      return "array";
    case ConnectType::kMap:
      return "map";
    case ConnectType::kStruct:
      return "struct";
  }
  return "";
}

void AppendText(std::string& out, std::string_view member, std::string_view text) {
  out += member;
  AppendJsonString(out, text);
}

void AppendChildren(std::string& out, const ConnectSchema& schema) {
  if (schema.type == ConnectType::kArray) {
    out += ",\"items\":";
    AppendJson(out, schema.children[0]);
  } else if (schema.type == ConnectType::kMap) {
    out += ",\"keys\":";
    AppendJson(out, schema.children[0]);
    out += ",\"values\":";
    AppendJson(out, schema.children[1]);
  } else if (schema.type == ConnectType::kStruct) {
    out += ",\"fields\":[";
    for (const ConnectSchema& child : schema.children) {
      if (&child != schema.children.data()) out.push_back(',');
      AppendJson(out, child);
    }
    out.push_back(']');
  }
}

}  // namespace

ConnectSchema ConnectSchema::Optional(bool is) && {
  optional = is;
  return std::move(*this);
}

ConnectSchema ConnectSchema::Field(std::string_view field_name) && {
  field = field_name;
  return std::move(*this);
}

ConnectSchema ConnectSchema::Parameter(std::string_view key, std::string_view value) && {
  parameters.emplace_back(key, value);
  return std::move(*this);
}

ConnectSchema Plain(ConnectType type) {
  ConnectSchema schema;
  schema.type = type;
  return schema;
}

ConnectSchema Named(ConnectType type, std::string_view name, int version) {
  ConnectSchema schema;
  schema.type = type;
  schema.name = name;
  schema.version = version;
  return schema;
}

ConnectSchema StructOf(std::string_view name, int version, std::vector<ConnectSchema> fields) {
  ConnectSchema schema = Named(ConnectType::kStruct, name, version);
  schema.children = std::move(fields);
  return schema;
}

ConnectSchema ArrayOf(ConnectSchema items) {
  ConnectSchema schema = Plain(ConnectType::kArray);
  schema.children.push_back(std::move(items));
  return schema;
}

ConnectSchema MapOf(ConnectSchema key, ConnectSchema value) {
  ConnectSchema schema = Plain(ConnectType::kMap);
  schema.children.push_back(std::move(key));
  schema.children.push_back(std::move(value));
  return schema;
}

void AppendJson(std::string& out, const ConnectSchema& schema) {
  AppendText(out, "{\"type\":", TypeName(schema.type));
  AppendChildren(out, schema);
  out += schema.optional ? ",\"optional\":true" : ",\"optional\":false";
  if (!schema.name.empty()) AppendText(out, ",\"name\":", schema.name);
  if (schema.version != 0) out += ",\"version\":" + std::to_string(schema.version);
  if (!schema.doc.empty()) AppendText(out, ",\"doc\":", schema.doc);
  if (!schema.parameters.empty()) {
    char separator = '{';
    out += ",\"parameters\":";
    for (const auto& [key, value] : schema.parameters) {
      out.push_back(separator);
      separator = ',';
      AppendText(out, "", key);
      AppendText(out, ":", value);
    }
    out.push_back('}');
  }
  if (!schema.default_json.empty()) out += ",\"default\":" + schema.default_json;
  if (!schema.field.empty()) AppendText(out, ",\"field\":", schema.field);
  out.push_back('}');
}

}  // namespace headgate::codec
