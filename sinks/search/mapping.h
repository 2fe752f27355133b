#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/codec/native_value.h"
#include "core/model/schema.h"

// Columns as fields of an index (search.md Q22). Pure.
namespace headgate::search {

// What the server is: the names of a few field types differ.
enum class Product : std::uint8_t { kOpenSearch, kElasticsearch };

struct Field {
  std::string name;     // as the column's
  std::string type;     // "long"
  std::string mapping;  // JSON: {"type":"long"}
  codec::NativeOptions rendering;
  bool wraps = false;  // must be an object: anything else goes in as {"value":...}
};

// By column.
std::vector<Field> FieldsOf(const TableSchema& schema, Product product);

// {"<name>":<mapping>,...}
std::string Properties(const std::vector<Field>& fields);

}  // namespace headgate::search
