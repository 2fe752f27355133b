#pragma once

#include <span>
#include <string>
#include <string_view>

#include "connectors/postgres/types.h"

// Rows of COPY ... TO STDOUT in text format. Pure.
namespace headgate::postgres {

class CopyRowDecoder {
 public:
  // Appends the encoded values of one line, with or without its newline. False if it has another number of columns or a
  // broken escape; `out` is then undefined.
  bool Append(std::string& out, std::string_view line, std::span<const TypePtr> types);
  // The text of one of its columns. False if there is none, or NULL.
  bool Field(std::string_view line, std::size_t column, std::string& text);

 private:
  bool Unescape(std::string_view field);

  ValueEncoder encoder_;
  std::string scratch_;
};

}  // namespace headgate::postgres
