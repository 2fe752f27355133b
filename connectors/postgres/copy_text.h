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

 private:
  bool Unescape(std::string_view field);

  ValueEncoder encoder_;
  std::string scratch_;
};

}  // namespace headgate::postgres
