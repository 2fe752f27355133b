#pragma once

#include <string>
#include <vector>

namespace headgate {

struct TextTable {
  struct Column {
    std::string name;
    bool right = false;  // numbers
  };
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;
};

// Columns side by side under their names, then how many rows there are; the way psql does it.
std::string Aligned(const TextTable& table);

// The line of `text` that `offset` is in, with "LINE n: " before it and a caret under the place.
std::string Pointed(const std::string& text, std::size_t offset);

// The offset of a line and a column (in characters), both from 1.
std::size_t OffsetOf(const std::string& text, std::size_t line, std::size_t column);

}  // namespace headgate
