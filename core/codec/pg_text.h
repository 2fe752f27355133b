#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/schema.h"
#include "core/model/value.h"

// PostgreSQL's text forms: parsers for the types that arrive as text but render as structures, and the text of a typed
// value for renderings that pass a type through as it is.
namespace headgate::codec {

struct HstoreEntry {
  std::string key;
  std::optional<std::string> value;  // nothing: NULL
};
// "a"=>"1", "b"=>NULL. False on anything else.
bool ParseHstore(std::string_view text, std::vector<HstoreEntry>& entries);

// All numbers of a text in order, whatever stands between them: "<(10,20),5>" is 10, 20, 5. False if it has none or one
// cannot be read; "Infinity" and "NaN" are numbers.
bool ParseNumbers(std::string_view text, std::vector<double>& numbers);

// {1:201,9:209}/3000
struct SparseVector {
  std::uint32_t dimensions = 0;
  std::vector<std::uint32_t> indices;  // from 1
  std::vector<float> values;
};
bool ParseSparseVector(std::string_view text, SparseVector& vector);

// The text the server prints for the value under the pinned session settings. False if the value's stored bytes are
// malformed. Neither null nor absent values.
bool AppendServerText(std::string& out, const Value& value, const DataType& type);

// 8-4-4-4-12 lower-case hex digits of 16 bytes.
void AppendUuid(std::string& out, std::string_view sixteen_bytes);

}  // namespace headgate::codec
