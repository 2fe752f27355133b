#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/value.h"
#include "core/sql/datum.h"

namespace headgate::sql {

// The value of a column as it stands in the log, and back. Values of a kind that the type does not foresee (text where
// a date was expected) are NULL: `fits` says so.
Datum FromValue(const Value& value, Type type, bool& fits);
void PutDatum(std::string& out, Type type, const Datum& value);

constexpr std::size_t kArrayDimensionsMax = 6;  // MAXDIM of PostgreSQL

// An array taken apart. Its stored form is the payload of kArray (core/model/value.h).
struct ArrayValue {
  std::vector<ArrayDimension> dimensions;  // none: the empty array
  std::vector<Datum> elements;             // row-major

  static ArrayValue Read(std::string_view payload, Type element);
  static ArrayValue OneDimension(std::vector<Datum> elements);  // lower bound 1
  std::string Payload(Type element) const;
  // The arrays that an array of two dimensions or more consists of.
  std::vector<Datum> Slices(Type element) const;
};

}  // namespace headgate::sql
