#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Schemas of Kafka Connect (org.apache.kafka.connect.data.Schema), as upstream gives them to converters. Pure.
namespace headgate::codec {

enum class ConnectType : std::uint8_t {
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFloat32,
  kFloat64,
  kBoolean,
  kString,
  kBytes,
  kArray,   // children: the items
  kMap,     // children: key, value
  kStruct,  // children with their field names
};

struct ConnectSchema {
  ConnectType type = ConnectType::kString;
  bool optional = false;
  std::string name;  // "": none
  int version = 0;   // 0: none
  std::string doc;   // "": none
  std::vector<std::pair<std::string, std::string>> parameters;
  std::string default_json;  // as JsonConverter writes the value; "": none
  std::vector<ConnectSchema> children;
  std::string field;  // in the struct that has it

  // This one, but so.
  ConnectSchema Optional(bool is = true) &&;
  ConnectSchema Field(std::string_view field_name) &&;
  ConnectSchema Parameter(std::string_view key, std::string_view value) &&;
};

// A schema without more, and one with a name.
ConnectSchema Plain(ConnectType type);
ConnectSchema Named(ConnectType type, std::string_view name, int version = 1);
ConnectSchema StructOf(std::string_view name, int version, std::vector<ConnectSchema> fields);
ConnectSchema ArrayOf(ConnectSchema items);
ConnectSchema MapOf(ConnectSchema key, ConnectSchema value);

// As JsonConverter writes it, members in its order: {"type":"int32","optional":false,"field":"id"}
void AppendJson(std::string& out, const ConnectSchema& schema);

}  // namespace headgate::codec
