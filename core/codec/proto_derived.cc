#include "core/codec/proto_derived.h"

#include <algorithm>
#include <unordered_set>

#include "core/codec/avro_type.h"

namespace headgate::codec {
namespace {

// The dot in front: a package of a table may have parts of the same names.
constexpr std::string_view kTimestampMessage = ".google.protobuf.Timestamp";

std::string ProtoTypeOf(const DataType& type) {
  switch (type.kind) {
    case TypeKind::kBool:
      return "bool";
    case TypeKind::kInt16:
    case TypeKind::kInt32:
      return "int32";
    case TypeKind::kInt64:
      return "int64";
    case TypeKind::kUint:
      return "uint64";
    case TypeKind::kFloat:
      return "float";
    case TypeKind::kDouble:
      return "double";
    case TypeKind::kBytes:
      return "bytes";
    case TypeKind::kTimestampTz:
      return std::string(kTimestampMessage);
    default:
      return "string";
  }
}

bool IsRepeated(const DataType& type) {
  return type.kind == TypeKind::kArray && !type.children.empty() && type.children[0].kind != TypeKind::kArray;
}

// Fields of one message must differ in more than case and underscores: their names in JSON are the same then.
std::string JsonNameOf(std::string_view name) {
  std::string key;
  for (const char c : name) {
    if (c != '_') key.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  }
  return key;
}

std::string ProtoMessageOf(const char* name, const std::vector<const Column*>& columns, bool of_key) {
  std::string text = std::string("message ") + name + " {\n";
  std::unordered_set<std::string> names;
  int number = 0;
  for (const Column* column : columns) {
    const std::string plain = AvroName(column->name);
    std::string field = plain;
    for (int n = 2; !names.insert(JsonNameOf(field)).second; ++n) field = plain + "_" + std::to_string(n);
    const bool repeated = IsRepeated(column->type);
    const char* label = repeated ? "repeated " : column->nullable && !of_key ? "optional " : "";
    text += std::string("  ") + label + ProtoTypeOf(repeated ? column->type.children[0] : column->type) + " " + field +
            " = " + std::to_string(++number) + ";\n";
    if (number == 18'999) number = 19'999;  // the numbers between are Protobuf's own
  }
  return text + "}\n";
}

}  // namespace

std::string ProtoTextOf(const TableSchema& schema, std::string_view source, const std::vector<std::size_t>& key) {
  std::vector<const Column*> columns;
  for (const Column& column : schema.columns) columns.push_back(&column);
  std::vector<const Column*> keys;
  for (const std::size_t i : key) keys.push_back(&schema.columns[i]);
  std::string package = AvroName(source);
  for (const std::string& part : {schema.schema, schema.table}) {
    if (!part.empty()) package += "." + AvroName(part);
  }
  std::string messages = ProtoMessageOf("Value", columns, false);
  if (!keys.empty()) messages += ProtoMessageOf("Key", keys, true);
  std::string text = "syntax = \"proto3\";\npackage " + package + ";\n";
  if (messages.find(kTimestampMessage) != std::string::npos) text += "import \"google/protobuf/timestamp.proto\";\n";
  return text + messages;
}

}  // namespace headgate::codec
