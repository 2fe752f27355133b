#include "tests/support/connect_json.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

namespace headgate::testing {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::string_view kMembers[] = {"type", "fields",  "items", "keys",       "values",  "optional",
                                         "name", "version", "doc",   "parameters", "default", "field"};

std::string WrongWith(const OrderedJson& schema, const OrderedJson& value, const std::string& where);

std::string WrongWithSchema(const OrderedJson& schema, const std::string& where) {
  if (!schema.is_object() || !schema.contains("type") || !schema["type"].is_string()) return where + " has no type";
  if (!schema.contains("optional") || !schema["optional"].is_boolean()) return where + " has no optional";
  std::ptrdiff_t before = -1;
  for (const auto& [name, member] : schema.items()) {
    const auto* found = std::ranges::find(kMembers, name);
    const std::ptrdiff_t place = found - std::begin(kMembers);
    if (found == std::end(kMembers) || place < before) return where + " has the member " + name + " or has it late";
    before = place;
  }
  if (schema.contains("parameters")) {
    for (const auto& [key, parameter] : schema["parameters"].items()) {
      if (!parameter.is_string()) return where + " has a parameter that is no text";
    }
  }
  if (schema.contains("default")) return WrongWith(schema, schema["default"], where + " (default)");
  return "";
}

std::string WrongWithNumber(const std::string& type, const OrderedJson& value, const std::string& where) {
  static const std::map<std::string, int> kBits = {{"int8", 8}, {"int16", 16}, {"int32", 32}, {"int64", 64}};
  if (!value.is_number_integer()) return where + " is no integer: " + value.dump();
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) return where + " is beyond int64";
  const int bits = kBits.at(type);
  const auto limit = bits == 64 ? INT64_MAX : (std::int64_t{1} << (bits - 1)) - 1;
  const auto number = value.get<std::int64_t>();
  return number > limit || number < -limit - 1 ? where + " is beyond " + type : "";
}

std::string WrongWithMap(const OrderedJson& schema, const OrderedJson& value, const std::string& where) {
  const OrderedJson& keys = schema["keys"];
  if (keys["type"] == "string") {
    if (!value.is_object()) return where + " is no map";
    for (const auto& [key, item] : value.items()) {
      if (std::string wrong = WrongWith(schema["values"], item, where + "." + key); !wrong.empty()) return wrong;
    }
    return "";
  }
  if (!value.is_array()) return where + " is no map of pairs";
  for (const OrderedJson& pair : value) {
    if (!pair.is_array() || pair.size() != 2) return where + " has something that is no pair";
    if (std::string wrong = WrongWith(keys, pair[0], where + ".key"); !wrong.empty()) return wrong;
    if (std::string wrong = WrongWith(schema["values"], pair[1], where + ".value"); !wrong.empty()) return wrong;
  }
  return "";
}

std::string WrongWithStruct(const OrderedJson& schema, const OrderedJson& value, const std::string& where) {
  if (!value.is_object()) return where + " is no struct: " + value.dump();
  const OrderedJson& fields = schema["fields"];
  if (!fields.is_array() || fields.size() != value.size())
    return where + " has " + std::to_string(value.size()) + " members, its schema " + std::to_string(fields.size());
  auto member = value.items().begin();
  for (const OrderedJson& field : fields) {
    const std::string name = field.value("field", "");
    if (name != member.key()) return where + " has " + member.key() + " where its schema has " + name;
    if (std::string wrong = WrongWith(field, member.value(), where + "." + name); !wrong.empty()) return wrong;
    ++member;
  }
  return "";
}

std::string WrongWith(const OrderedJson& schema, const OrderedJson& value, const std::string& where) {
  if (!schema.contains("default") || &value != &schema["default"]) {
    if (std::string wrong = WrongWithSchema(schema, where); !wrong.empty()) return wrong;
  }
  if (value.is_null()) return schema["optional"] == true ? "" : where + " is null, and not optional";
  const std::string type = schema["type"];
  if (type.starts_with("int")) return WrongWithNumber(type, value, where);
  if (type == "float" || type == "double") {
    const bool special = value == "NaN" || value == "Infinity" || value == "-Infinity";
    return value.is_number_float() || special ? "" : where + " is no " + type + ": " + value.dump();
  }
  if (type == "boolean") return value.is_boolean() ? "" : where + " is no boolean: " + value.dump();
  if (type == "string") return value.is_string() ? "" : where + " is no string: " + value.dump();
  if (type == "bytes") {
    const bool decimal = schema.value("name", "") == "org.apache.kafka.connect.data.Decimal" && value.is_number();
    return value.is_string() || decimal ? "" : where + " is no bytes: " + value.dump();
  }
  if (type == "map") return WrongWithMap(schema, value, where);
  if (type == "struct") return WrongWithStruct(schema, value, where);
  if (type != "array" || !value.is_array()) return where + " is no " + type + ": " + value.dump();
  for (const OrderedJson& item : value) {
    if (std::string wrong = WrongWith(schema["items"], item, where + "[]"); !wrong.empty()) return wrong;
  }
  return "";
}

}  // namespace

Result<std::string> PayloadOf(std::string_view text) {
  constexpr std::string_view kSchema = "{\"schema\":";
  constexpr std::string_view kPayload = ",\"payload\":";
  const OrderedJson json = OrderedJson::parse(text, nullptr, false);
  if (!json.is_object() || json.size() != 2 || !text.starts_with(kSchema) || !json.contains("payload"))
    return Rejected("not a schema and a payload: " + std::string(text.substr(0, 200)));
  if (const std::string wrong = WrongWith(json["schema"], json["payload"], "payload"); !wrong.empty())
    return Rejected(wrong);
  const std::size_t at = text.find(kPayload) + kPayload.size();  // nothing in a schema reads like this
  return std::string(text.substr(at, text.size() - at - 1));
}

}  // namespace headgate::testing
