#include "sinks/table/postgres_dialect.h"

#include <algorithm>

#include "core/codec/mysql_text.h"
#include "core/codec/pg_text.h"
#include "sinks/table/limits.h"

namespace headgate::table {
namespace {

// Types that every server has, by the same number.
constexpr std::uint32_t kFirstOwnOid = 16'384;

std::string WithLimit(std::string_view type, std::int32_t limit) {
  return limit > 0 ? std::string(type) + "(" + std::to_string(limit) + ")" : std::string(type);
}

std::string NumericOf(const DataType& type) {
  if (type.precision <= 0) return "numeric";
  return "numeric(" + std::to_string(type.precision) + "," + std::to_string(type.scale) + ")";
}

std::string WithFraction(std::string_view type, std::string_view rest, std::int32_t digits) {
  if (digits < 0) return std::string(type) + std::string(rest);
  return std::string(type) + "(" + std::to_string(digits) + ")" + std::string(rest);
}

// A domain has its own name in `declared`.
std::string BaseOf(const DataType& type) {
  switch (type.kind) {
    case TypeKind::kDecimal:
      return NumericOf(type);
    case TypeKind::kText:
      return type.base == "varchar" ? WithLimit("character varying", type.length) : type.base;
    case TypeKind::kChar:
      return WithLimit("character", type.length);
    case TypeKind::kBits:
      return WithLimit(type.base == "bit" ? "bit" : "bit varying", type.length);
    default:
      return type.base;
  }
}

std::string PostgresTypeOf(const DataType& type) {
  if (type.kind == TypeKind::kArray && !type.children.empty()) {
    const DataType& element = type.children[0];
    if (element.kind == TypeKind::kEnum) return "text[]";
    if (!element.extension && element.oid >= kFirstOwnOid) return "text";
    return type.domain ? PostgresTypeOf(element) + "[]" : type.declared;
  }
  if (type.domain) return BaseOf(type);
  if (type.extension || type.oid < kFirstOwnOid) return type.declared;
  return "text";  // enumerations, composites, ranges of its own: the server's text form
}

std::string PostgresTypeOfMysql(const DataType& type) {
  switch (type.kind) {
    case TypeKind::kBool:
      return "boolean";
    case TypeKind::kInt16:
      return "smallint";
    case TypeKind::kInt32:
      return "integer";
    case TypeKind::kInt64:
      return "bigint";
    case TypeKind::kUint:
      return "numeric(20,0)";
    case TypeKind::kFloat:
      return "real";
    case TypeKind::kDouble:
      return "double precision";
    case TypeKind::kDecimal:
      return NumericOf(type);
    case TypeKind::kText:
    case TypeKind::kChar:
      return type.base == "varchar" || type.base == "char" ? WithLimit("character varying", type.length) : "text";
    case TypeKind::kBytes:
      return "bytea";
    case TypeKind::kDate:
      return "date";
    case TypeKind::kTime:
      return "interval";  // reaches beyond a day, and below zero
    case TypeKind::kTimestamp:
      return WithFraction("timestamp", " without time zone", std::max(type.precision, 0));
    case TypeKind::kTimestampTz:
      return WithFraction("timestamp", " with time zone", std::max(type.precision, 0));
    case TypeKind::kJson:
    case TypeKind::kJsonb:
      return "jsonb";
    case TypeKind::kBits:
      return WithLimit("bit", type.length);
    case TypeKind::kUuid:
      return "uuid";
    case TypeKind::kNetwork:
      return "inet";
    case TypeKind::kArray:
      return "real[]";
    case TypeKind::kGeometry:
      return "";
    default:
      return "text";
  }
}

bool IsOfPostgres(const DataType& type) { return type.family == TypeFamily::kPostgres; }

// Whether the target's limit, none if it has none, is at least that of the source.
bool Reaches(const std::vector<std::int32_t>& limits, std::int32_t needed) {
  return limits.empty() || (needed > 0 && limits[0] >= needed);
}
bool ReachesFraction(const std::vector<std::int32_t>& limits, const DataType& type) {
  return limits.empty() || limits[0] >= (type.precision < 0 && IsOfPostgres(type) ? 6 : type.precision);
}

bool PostgresHolds(const DataType& type, const TargetColumn& target) {
  const std::string_view base = target.base;
  const auto limits = LimitsOf(target.type);
  if (base == "text" || (base == "character varying" && limits.empty())) return true;  // each has an exact text
  if (base == "numeric") return HoldsDecimal(limits, type);
  switch (type.kind) {
    case TypeKind::kBool:
      return base == "boolean";
    case TypeKind::kInt16:
      return base == "smallint" || base == "integer" || base == "bigint";
    case TypeKind::kInt32:
      return base == "integer" || base == "bigint";
    case TypeKind::kInt64:
      return base == "bigint";
    case TypeKind::kUint:
      return base == type.base || (base == "bigint" && DigitsOf(type) == 10);
    case TypeKind::kFloat:
      return base == "real" || base == "double precision";
    case TypeKind::kDouble:
      return base == "double precision";
    case TypeKind::kText:
    case TypeKind::kEnum:
    case TypeKind::kSet:
      return (base == "character varying" && Reaches(limits, type.length)) || target.own_type;
    case TypeKind::kChar:
      return (base == "character varying" || base == "character") && Reaches(limits, type.length);
    case TypeKind::kTime:
      return base == (IsOfPostgres(type) ? "time without time zone" : "interval") && ReachesFraction(limits, type);
    case TypeKind::kTimestamp:
      return base == "timestamp without time zone" && ReachesFraction(limits, type);
    case TypeKind::kTimestampTz:
      return base == "timestamp with time zone" && ReachesFraction(limits, type);
    case TypeKind::kJson:
    case TypeKind::kJsonb:
      return base == "json" || base == "jsonb";
    case TypeKind::kBits:
      return base == "bit varying" && Reaches(limits, type.length);
    case TypeKind::kGeometry:
      return base == "geometry" || base.ends_with(".geometry");
    default:
      return false;
  }
}

}  // namespace

std::string PostgresDialect::Quote(std::string_view name) const {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out.push_back(c);
    out.push_back(c);
  }
  return out + "\"";
}

Result<std::string> PostgresDialect::TypeFor(const Column& column, bool) const {
  std::string type = IsOfPostgres(column.type) ? PostgresTypeOf(column.type) : PostgresTypeOfMysql(column.type);
  if (!type.empty()) return type;
  return ConfigError("Column " + column.name + " has type " + column.type.declared +
                     ", for which no type is chosen here. Create the table yourself with a column of PostGIS's type "
                     "geometry or of text, or leave the column out at the source (columns_exclude)");
}

std::string PostgresDialect::Misfit(const Column& column, const TargetColumn& target, bool) const {
  const auto wanted = TypeFor(column, false);
  if (wanted.ok() && (*wanted == target.type || *wanted == target.base)) return {};
  if (PostgresHolds(column.type, target)) return {};
  return "column " + column.name + " is " + target.type + " there, and needs " +
         (wanted.ok() ? *wanted : column.type.declared);
}

// Of an element of an array literal: whether its text goes in as it is.
Literal PostgresDialect::LiteralFor(const DataType& type) const {
  switch (type.kind) {
    case TypeKind::kBool:
    case TypeKind::kInt16:
    case TypeKind::kInt32:
    case TypeKind::kInt64:
    case TypeKind::kUint:
    case TypeKind::kFloat:
    case TypeKind::kDouble:
    case TypeKind::kDecimal:
    case TypeKind::kDate:
    case TypeKind::kUuid:
    case TypeKind::kBits:
      return Literal::kPlain;
    default:
      return Literal::kQuoted;
  }
}

bool PostgresDialect::AppendCell(std::string& out, const Value& value, const DataType& type) const {
  if (value.kind == ValueKind::kRawText) return false;
  const bool text = value.kind == ValueKind::kText || value.kind == ValueKind::kJson;
  if (text && value.text.find('\0') != std::string_view::npos) return false;
  if (value.kind == ValueKind::kTime && codec::IsMysql(type)) {
    codec::AppendMysqlTime(out, value.i, std::max(type.precision, 0));
    return true;
  }
  if (type.kind == TypeKind::kGeometry && value.kind == ValueKind::kBytes) {
    const std::string hex = codec::HexEwkbOf(value.text);
    out += hex;
    return !hex.empty();
  }
  return codec::AppendServerText(out, value, type);
}

}  // namespace headgate::table
