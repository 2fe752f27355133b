#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/sql/vector.h"

namespace headgate::sql {

// Keys: bytes whose order is PostgreSQL's order of the values ("C" for text), equal for equal values whatever their
// form (1.5 and 1.50, -0.0 and 0.0, 1 month and 30 days). No key is a prefix of another of the same types, so keys of
// several columns are put behind each other. Types without an order in PostgreSQL (json) are ordered by their bytes.
struct KeyOrder {
  bool descending = false;
  bool nulls_first = false;
  bool operator==(const KeyOrder&) const = default;
};

void AppendKey(std::string& out, Type type, const Vector& values, std::size_t row, KeyOrder order = {});
void AppendKey(std::string& out, Type type, const Datum& value, KeyOrder order = {});

// Neither value may be NULL.
std::strong_ordering Compare(Type type, const Vector& a, std::size_t a_row, const Vector& b, std::size_t b_row);

}  // namespace headgate::sql
