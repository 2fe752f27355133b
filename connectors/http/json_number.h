#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace headgate::http {

// By the grammar of RFC 8259. The parser of events looks only at where tokens begin.
bool IsJsonNumber(std::string_view token);

// A decimal number, as JSON or SQL writes it, with all of its digits and without exponent, as numeric prints it: 1.50e1
// is 15.0. In time that grows with the digits alone: a short text may have many.
enum class Expanded : std::uint8_t { kOk, kNoNumber, kOutOfRange };
Expanded ExpandDecimal(std::string_view text, std::string& out);

}  // namespace headgate::http
