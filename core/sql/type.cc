#include "core/sql/type.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace headgate::sql {
namespace {

struct Facts {
  TypeId id;
  std::string_view name;  // as printed
  std::string_view own;   // PostgreSQL's internal name
  Physical physical;
  Category category;
  bool preferred = false;
};

constexpr Facts kFacts[] = {
    {TypeId::kUnknown, "unknown", "unknown", Physical::kString, Category::kUnknown},
    {TypeId::kBool, "boolean", "bool", Physical::kBool, Category::kBool, true},
    {TypeId::kInt2, "smallint", "int2", Physical::kInt, Category::kNumeric},
    {TypeId::kInt4, "integer", "int4", Physical::kInt, Category::kNumeric},
    {TypeId::kInt8, "bigint", "int8", Physical::kInt, Category::kNumeric},
    {TypeId::kFloat4, "real", "float4", Physical::kDouble, Category::kNumeric},
    {TypeId::kFloat8, "double precision", "float8", Physical::kDouble, Category::kNumeric, true},
    {TypeId::kNumeric, "numeric", "numeric", Physical::kString, Category::kNumeric},
    {TypeId::kText, "text", "text", Physical::kString, Category::kString, true},
    {TypeId::kVarchar, "character varying", "varchar", Physical::kString, Category::kString},
    {TypeId::kBpchar, "character", "bpchar", Physical::kString, Category::kString},
    {TypeId::kBytea, "bytea", "bytea", Physical::kString, Category::kUser},
    {TypeId::kDate, "date", "date", Physical::kInt, Category::kDateTime},
    {TypeId::kTime, "time without time zone", "time", Physical::kInt, Category::kDateTime},
    {TypeId::kTimeTz, "time with time zone", "timetz", Physical::kWide, Category::kDateTime},
    {TypeId::kTimestamp, "timestamp without time zone", "timestamp", Physical::kInt, Category::kDateTime},
    {TypeId::kTimestampTz, "timestamp with time zone", "timestamptz", Physical::kInt, Category::kDateTime, true},
    {TypeId::kInterval, "interval", "interval", Physical::kWide, Category::kTimespan, true},
    {TypeId::kUuid, "uuid", "uuid", Physical::kString, Category::kUser},
    {TypeId::kJson, "json", "json", Physical::kString, Category::kUser},
    {TypeId::kJsonb, "jsonb", "jsonb", Physical::kString, Category::kUser},
    {TypeId::kBit, "bit", "bit", Physical::kString, Category::kBits},
    {TypeId::kVarbit, "bit varying", "varbit", Physical::kString, Category::kBits, true},
    {TypeId::kInet, "inet", "inet", Physical::kString, Category::kNetwork, true},
    {TypeId::kCidr, "cidr", "cidr", Physical::kString, Category::kNetwork},
    {TypeId::kInt4Range, "int4range", "int4range", Physical::kString, Category::kRange},
    {TypeId::kInt8Range, "int8range", "int8range", Physical::kString, Category::kRange},
    {TypeId::kNumRange, "numrange", "numrange", Physical::kString, Category::kRange},
    {TypeId::kDateRange, "daterange", "daterange", Physical::kString, Category::kRange},
    {TypeId::kTsRange, "tsrange", "tsrange", Physical::kString, Category::kRange},
    {TypeId::kTsTzRange, "tstzrange", "tstzrange", Physical::kString, Category::kRange},
    {TypeId::kJsonPath, "jsonpath", "jsonpath", Physical::kString, Category::kUser},
    {TypeId::kAny, "\"any\"", "any", Physical::kString, Category::kPseudo},
    {TypeId::kAnyElement, "anyelement", "anyelement", Physical::kString, Category::kPseudo},
    {TypeId::kAnyArray, "anyarray", "anyarray", Physical::kString, Category::kPseudo},
    {TypeId::kAnyNonArray, "anynonarray", "anynonarray", Physical::kString, Category::kPseudo},
    {TypeId::kAnyCompatible, "anycompatible", "anycompatible", Physical::kString, Category::kPseudo},
    {TypeId::kAnyCompatibleArray, "anycompatiblearray", "anycompatiblearray", Physical::kString, Category::kPseudo},
    {TypeId::kAnyRange, "anyrange", "anyrange", Physical::kString, Category::kPseudo},
};

const Facts& FactsOf(TypeId id) {
  const auto* found = std::ranges::find(kFacts, id, &Facts::id);
  return found == std::end(kFacts) ? kFacts[0] : *found;
}

struct Alias {
  std::string_view name;
  TypeId id;
};
// Other spellings. Unsigned server types are one size up, names and the like are text.
constexpr Alias kAliases[] = {
    {"int", TypeId::kInt4},
    {"decimal", TypeId::kNumeric},
    {"dec", TypeId::kNumeric},
    {"float", TypeId::kFloat8},
    {"string", TypeId::kText},
    {"char", TypeId::kBpchar},
    {"name", TypeId::kText},
    {"oid", TypeId::kInt8},
    {"citext", TypeId::kText},
    {"timestamp with time zone", TypeId::kTimestampTz},
    {"timestamp", TypeId::kTimestamp},
    {"serial", TypeId::kInt4},
    {"bigserial", TypeId::kInt8},
    {"smallserial", TypeId::kInt2},
};

std::string ModifierText(Type type) {
  if (type.mod < 0) return "";
  switch (type.id) {
    case TypeId::kNumeric:
      return "(" + std::to_string(NumericPrecision(type.mod)) + "," + std::to_string(NumericScale(type.mod)) + ")";
    case TypeId::kVarchar:
    case TypeId::kBpchar:
    case TypeId::kBit:
    case TypeId::kVarbit:
      return "(" + std::to_string(type.mod) + ")";
    default:
      return "";
  }
}

}  // namespace

Physical PhysicalOf(Type type) { return type.array ? Physical::kString : FactsOf(type.id).physical; }

Category CategoryOf(Type type) {
  if (type.array || type.id == TypeId::kAnyArray || type.id == TypeId::kAnyCompatibleArray) return Category::kArray;
  return FactsOf(type.id).category;
}

bool IsPreferred(Type type) { return !type.array && FactsOf(type.id).preferred; }

bool IsPolymorphic(Type type) { return type.id > TypeId::kAny; }

bool IsRange(TypeId id) { return id >= TypeId::kInt4Range && id <= TypeId::kTsTzRange; }

TypeId RangeElement(TypeId id) {
  switch (id) {
    case TypeId::kInt4Range:
      return TypeId::kInt4;
    case TypeId::kInt8Range:
      return TypeId::kInt8;
    case TypeId::kNumRange:
      return TypeId::kNumeric;
    case TypeId::kDateRange:
      return TypeId::kDate;
    case TypeId::kTsRange:
      return TypeId::kTimestamp;
    case TypeId::kTsTzRange:
      return TypeId::kTimestampTz;
    default:
      return TypeId::kUnknown;
  }
}

std::string Name(Type type) {
  std::string name;
  const bool time = type.id == TypeId::kTime || type.id == TypeId::kTimeTz || type.id == TypeId::kTimestamp ||
                    type.id == TypeId::kTimestampTz;
  const std::string_view plain = FactsOf(type.id).name;
  if (time && type.mod >= 0) {  // timestamp(3) without time zone
    const auto space = plain.find(' ');
    name.append(plain.substr(0, space)).append("(" + std::to_string(type.mod) + ")").append(plain.substr(space));
  } else {
    name.append(plain).append(ModifierText(type));
  }
  if (type.array) name += "[]";
  return name;
}

bool FindType(std::string_view name, TypeId& id) {
  for (const Facts& facts : kFacts) {
    if (facts.id == TypeId::kUnknown || facts.id >= TypeId::kAny) continue;
    if (facts.own == name || facts.name == name) {
      id = facts.id;
      return true;
    }
  }
  for (const Alias& alias : kAliases) {
    if (alias.name == name) {
      id = alias.id;
      return true;
    }
  }
  return false;
}

Type FromColumn(const DataType& type) {
  switch (type.kind) {
    case TypeKind::kBool:
      return TypeId::kBool;
    case TypeKind::kInt16:
      return TypeId::kInt2;
    case TypeKind::kInt32:
      return TypeId::kInt4;
    case TypeKind::kInt64:
      return TypeId::kInt8;
    case TypeKind::kUint:
      return type.base == "xid8" || type.base.starts_with("bigint") ? Type{TypeId::kNumeric, false, NumericMod(20, 0)}
                                                                    : Type{TypeId::kInt8};
    case TypeKind::kFloat:
      return TypeId::kFloat4;
    case TypeKind::kDouble:
      return TypeId::kFloat8;
    case TypeKind::kDecimal:
      return {TypeId::kNumeric, false, type.precision > 0 ? NumericMod(type.precision, type.scale) : -1};
    case TypeKind::kMoney:
      return {TypeId::kNumeric, false, NumericMod(20, 2)};
    case TypeKind::kChar:
      return {TypeId::kBpchar, false, type.length > 0 ? type.length : -1};
    case TypeKind::kBytes:
      return TypeId::kBytea;
    case TypeKind::kDate:
      return TypeId::kDate;
    case TypeKind::kTime:
      return TypeId::kTime;
    case TypeKind::kTimeTz:
      return TypeId::kTimeTz;
    case TypeKind::kTimestamp:
      return TypeId::kTimestamp;
    case TypeKind::kTimestampTz:
      return TypeId::kTimestampTz;
    case TypeKind::kInterval:
      return TypeId::kInterval;
    case TypeKind::kUuid:
      return TypeId::kUuid;
    case TypeKind::kJson:
      return TypeId::kJson;
    case TypeKind::kJsonb:
      return TypeId::kJsonb;
    case TypeKind::kBits:
      return TypeId::kVarbit;
    case TypeKind::kNetwork:
      if (type.base == "inet") return TypeId::kInet;
      return type.base == "cidr" ? Type{TypeId::kCidr} : Type{TypeId::kText};
    case TypeKind::kRange: {
      TypeId id = TypeId::kText;
      return FindType(type.base, id) && IsRange(id) ? Type{id} : Type{TypeId::kText};
    }
    case TypeKind::kArray:
      return type.children.empty() ? Type{TypeId::kText} : FromColumn(type.children[0]).ArrayOf();
    default:
      return TypeId::kText;
  }
}

}  // namespace headgate::sql
