#pragma once

#include <charconv>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/model/schema.h"

// What the dialects share when they compare types. Pure.
namespace headgate::table {

// The numbers in parentheses: "numeric(10,2)" has 10 and 2.
inline std::vector<std::int32_t> LimitsOf(std::string_view type) {
  std::vector<std::int32_t> limits;
  const auto open = type.find('(');
  if (open == std::string_view::npos) return limits;
  const char* p = type.data() + open + 1;
  const char* const end = type.data() + type.size();
  for (;;) {
    std::int32_t number = 0;
    const auto read = std::from_chars(p, end, number);
    if (read.ec != std::errc()) return limits;
    limits.push_back(number);
    if (read.ptr == end || *read.ptr != ',') return limits;
    p = read.ptr + 1;
  }
}

// Decimal digits of a whole number of the kind, 0 if it is none.
inline std::int32_t DigitsOf(const DataType& type) {
  switch (type.kind) {
    case TypeKind::kInt16:
      return 5;
    case TypeKind::kInt32:
      return 10;
    case TypeKind::kInt64:
      return 19;
    case TypeKind::kUint:
      return type.base.find("big") != std::string::npos || type.base == "xid8" ? 20 : 10;
    default:
      return 0;
  }
}

// Whether a decimal type with these limits, none if it has no limit, takes all of a column's numbers.
inline bool HoldsDecimal(const std::vector<std::int32_t>& limits, const DataType& type) {
  if (limits.empty()) return true;
  const std::int32_t scale = limits.size() > 1 ? limits[1] : 0;
  const std::int32_t whole = limits[0] - scale;
  if (const std::int32_t digits = DigitsOf(type); digits > 0) return whole >= digits;
  return type.kind == TypeKind::kDecimal && type.precision > 0 && scale >= type.scale &&
         whole >= type.precision - type.scale;
}

}  // namespace headgate::table
