#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/model/schema.h"

namespace headgate::sql {

// The types of SQL values, by PostgreSQL's names. Stored by number (state, catalogue): only add.
enum class TypeId : std::uint8_t {
  kUnknown = 0,  // a literal whose type is not decided yet
  kBool = 1,
  kInt2 = 2,
  kInt4 = 3,
  kInt8 = 4,
  kFloat4 = 5,
  kFloat8 = 6,
  kNumeric = 7,
  kText = 8,
  kVarchar = 9,
  kBpchar = 10,
  kBytea = 11,
  kDate = 12,
  kTime = 13,
  kTimeTz = 14,
  kTimestamp = 15,
  kTimestampTz = 16,
  kInterval = 17,
  kUuid = 18,
  kJson = 19,
  kJsonb = 20,
  kBit = 21,
  kVarbit = 22,
  kInet = 23,
  kCidr = 24,
  kInt4Range = 25,
  kInt8Range = 26,
  kNumRange = 27,
  kDateRange = 28,
  kTsRange = 29,
  kTsTzRange = 30,
  kJsonPath = 31,

  // Only in declarations of functions; after PostgreSQL's polymorphic types.
  kAny = 200,
  kAnyElement = 201,
  kAnyArray = 202,
  kAnyNonArray = 203,
  kAnyCompatible = 204,
  kAnyCompatibleArray = 205,
  kAnyRange = 206,
};

// How the values of a type lie in memory (vector.h).
enum class Physical : std::uint8_t {
  kBool,
  kInt,     // int2, int4, int8; date: days since 1970; time: us; timestamp(tz): us since 2000 (core/model/value.h)
  kDouble,  // float8; float4, rounded to a float after each operation
  kWide,    // interval; timetz
  kString,  // text and all others: bytes in a form of the type (datum.h)
};

struct Type {
  TypeId id = TypeId::kUnknown;
  bool array = false;  // of any number of dimensions, as in PostgreSQL
  std::int32_t mod =
      -1;  // varchar, char, bit: length; numeric: precision << 16 | scale; times: fraction digits; -1: none

  constexpr Type() = default;
  constexpr Type(TypeId type) : id(type) {}  // NOLINT: implicit on purpose
  constexpr Type(TypeId type, bool is_array, std::int32_t modifier = -1) : id(type), array(is_array), mod(modifier) {}

  // Types are the same type whatever their modifiers.
  constexpr bool operator==(const Type& other) const { return id == other.id && array == other.array; }
  constexpr bool Is(TypeId type) const { return id == type && !array; }
  constexpr Type Element() const { return {id, false, mod}; }
  constexpr Type ArrayOf() const { return {id, true, mod}; }
  constexpr Type Bare() const { return {id, array}; }
};

Physical PhysicalOf(Type type);

// PostgreSQL's categories, for the resolution of overloads.
enum class Category : char {
  kArray = 'A',
  kBool = 'B',
  kDateTime = 'D',
  kNetwork = 'I',
  kNumeric = 'N',
  kPseudo = 'P',
  kRange = 'R',
  kString = 'S',
  kTimespan = 'T',
  kUser = 'U',
  kBits = 'V',
  kUnknown = 'X',
};
Category CategoryOf(Type type);
// Preferred within its category: bool, float8, text, timestamptz, interval, inet, varbit.
bool IsPreferred(Type type);
bool IsPolymorphic(Type type);
constexpr bool IsInteger(Type type) {
  return type.Is(TypeId::kInt2) || type.Is(TypeId::kInt4) || type.Is(TypeId::kInt8);
}
bool IsRange(TypeId id);
// The element type of a range type.
TypeId RangeElement(TypeId id);

// As PostgreSQL prints it: "integer", "numeric(10,2)", "character varying(5)[]".
std::string Name(Type type);
// Knows the SQL names and PostgreSQL's own: "int4", "pg_catalog.int4" without its schema, "double precision", "text".
// False if there is no such type; types that we carry as text (enum, xml, ...) are not names here.
bool FindType(std::string_view name, TypeId& id);

constexpr std::int32_t NumericMod(int precision, int scale) { return (precision << 16) | (scale & 0xFFFF); }
constexpr int NumericPrecision(std::int32_t mod) { return mod >> 16; }
constexpr int NumericScale(std::int32_t mod) { return static_cast<std::int16_t>(mod & 0xFFFF); }

// The SQL type under which a captured column is seen. What has no SQL type of ours is text in the server's form.
Type FromColumn(const DataType& type);

}  // namespace headgate::sql
