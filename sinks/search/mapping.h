#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/codec/native_value.h"
#include "core/model/schema.h"
#include "sinks/search/options.h"

// Columns as fields of an index (search.md Q22, Q25 to Q28). Pure.
namespace headgate::search {

// What the server is: the names of a few field types differ.
enum class Product : std::uint8_t { kOpenSearch, kElasticsearch };

struct Field {
  // What a field takes of a value as it is rendered. What the server itself judges is kAny.
  enum class Takes : std::uint8_t { kAny, kNumber, kDate, kPlain };

  std::string name;     // as the column's
  std::string type;     // "long"
  std::string mapping;  // JSON: {"type":"long"}
  std::size_t column = 0;
  std::string head;  // in front of the value: "name":
  codec::NativeOptions rendering;
  bool wraps = false;  // must be an object: anything else goes in as {"value":...}
  Takes takes = Takes::kAny;
};

// What the server is asked for where it has no such type: it takes the same values. Nothing: there is none.
std::optional<FieldOverride> InsteadOf(std::string_view type);

// How the rows of one version of a stream become documents.
struct Layout {
  std::vector<Field> fields;     // of columns, in their order
  std::vector<Field> others;     // that no column has: only the index has to know them
  std::vector<std::size_t> key;  // columns of the id
  std::vector<std::string> key_names;
  std::optional<std::size_t> routing;  // column
  // The id and the routing follow from what every change tells of its row; else the old row has to come whole.
  bool told_by_key = true;
};

// kConfig: the stream has no key (Q26), or lacks a column that the settings name, or has one whose name is taken.
Result<Layout> LayoutOf(const TableSchema& schema, std::string_view stream, const Options& options, Product product);

inline constexpr std::string_view kDeletedAt = "deleted_at";  // of delete_mode=soft

}  // namespace headgate::search
