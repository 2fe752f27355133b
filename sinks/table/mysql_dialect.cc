#include "sinks/table/mysql_dialect.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/base/encoding.h"
#include "core/codec/json_text.h"
#include "core/codec/mysql_text.h"
#include "core/codec/native_value.h"
#include "core/codec/pg_text.h"
#include "core/codec/time_text.h"
#include "sinks/table/limits.h"

namespace headgate::table {
namespace {

constexpr std::int32_t kVarcharMax = 16'383;  // characters of four bytes in a row
constexpr std::int32_t kKeyMax =
    255;  // characters of a text in a key: an index of InnoDB has 3 072 bytes for all of them
constexpr std::int32_t kBitsMax = 64;
constexpr std::int32_t kDecimalDigitsMax = 65;
constexpr std::int32_t kDecimalScaleMax = 30;

bool IsMysql(const DataType& type) { return type.family == TypeFamily::kMysql; }

std::string Limited(std::string_view type, std::int32_t limit) {
  return std::string(type) + "(" + std::to_string(limit) + ")";
}

bool IsBoundedDecimal(const DataType& type) {
  return type.kind == TypeKind::kDecimal && type.precision > 0 && type.precision <= kDecimalDigitsMax &&
         type.scale >= 0 && type.scale <= kDecimalScaleMax && type.scale <= type.precision;
}

bool IsBit(const DataType& type) {
  return type.kind == TypeKind::kBits && type.length > 0 && type.length <= kBitsMax && type.base == "bit";
}

std::string FractionOf(std::string_view type, std::int32_t digits) { return Limited(type, digits < 0 ? 6 : digits); }

// "" if it is text without a limit.
std::string MysqlTypeOf(const DataType& type) {
  switch (type.kind) {
    case TypeKind::kBool:
      return "tinyint(1)";
    case TypeKind::kInt16:
      return "smallint";
    case TypeKind::kInt32:
      return "int";
    case TypeKind::kInt64:
      return "bigint";
    case TypeKind::kUint:
      return DigitsOf(type) == 20 ? "bigint unsigned" : "int unsigned";
    case TypeKind::kFloat:
      return "float";
    case TypeKind::kDouble:
      return "double";
    case TypeKind::kDecimal:
      return IsBoundedDecimal(type)
                 ? "decimal(" + std::to_string(type.precision) + "," + std::to_string(type.scale) + ")"
                 : "";
    case TypeKind::kMoney:
      return "decimal(22,4)";
    case TypeKind::kBytes:
      return "longblob";
    case TypeKind::kDate:
      return "date";
    case TypeKind::kTime:
      return FractionOf("time", type.precision);
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampTz:
      return FractionOf("datetime", type.precision);
    case TypeKind::kJson:
    case TypeKind::kJsonb:
    case TypeKind::kHstore:
    case TypeKind::kArray:
    case TypeKind::kComposite:
      return "json";
    case TypeKind::kBits:
      return IsBit(type) ? Limited("bit", type.length) : "";
    default:
      return "";
  }
}

bool IsText(std::string_view base) {
  return base == "char" || base == "varchar" || base == "enum" || base == "set" || base.ends_with("text");
}

std::int32_t TextLength(const DataType& type) {
  switch (type.kind) {
    case TypeKind::kUuid:
      return 36;
    case TypeKind::kTimeTz:
      return 32;
    case TypeKind::kInterval:
    case TypeKind::kNetwork:
      return 64;
    case TypeKind::kText:
    case TypeKind::kChar:
      return type.length;
    default:
      return 0;
  }
}

constexpr auto kIntegers = std::to_array<std::pair<std::string_view, std::int32_t>>(
    {{"tinyint", 8}, {"smallint", 16}, {"mediumint", 24}, {"int", 32}, {"bigint", 64}});

std::int32_t BitsOf(const DataType& type) {
  switch (type.kind) {
    case TypeKind::kBool:
      return 8;
    case TypeKind::kInt16:
      return 16;
    case TypeKind::kInt32:
      return 32;
    case TypeKind::kInt64:
      return 64;
    default:
      return 0;
  }
}

bool HoldsInteger(const DataType& type, const TargetColumn& target) {
  const auto it = std::ranges::find(kIntegers, target.base, &std::pair<std::string_view, std::int32_t>::first);
  if (it == kIntegers.end()) return false;
  const bool is_unsigned = target.type.find("unsigned") != std::string::npos;
  if (type.kind == TypeKind::kUint) {
    const std::int32_t bits = DigitsOf(type) == 20 ? 64 : 32;
    return is_unsigned ? it->second >= bits : it->second > bits;
  }
  const std::int32_t bits = BitsOf(type);
  return bits > 0 && !is_unsigned && it->second >= bits;
}

bool HoldsText(const DataType& type, const TargetColumn& target) {
  if (target.base == "longtext") return true;
  const auto limits = LimitsOf(target.type);
  const std::int32_t length = TextLength(type);
  const std::int32_t room = target.base == "varchar" && !limits.empty() ? limits[0]
                            : target.base == "text"                     ? kVarcharMax
                            : target.base == "mediumtext"               ? kVarcharMax * 256
                                                                        : 0;
  return length > 0 && length <= room;
}

bool IsSame(std::string_view target, std::string_view wanted) {
  if (target == wanted) return true;
  // MariaDB, and MySQL before 8.0.19, print how wide an integer is shown.
  const auto open = target.find('(');
  const auto close = target.find(')');
  if (open == std::string_view::npos || close == std::string_view::npos ||
      target.substr(0, open).find("int") == std::string_view::npos)
    return false;
  std::string plain(target.substr(0, open));
  plain += target.substr(close + 1);
  const auto wanted_open = wanted.find('(');
  const auto wanted_close = wanted.find(')');
  if (wanted_open == std::string_view::npos) return plain == wanted;
  return plain == std::string(wanted.substr(0, wanted_open)).append(wanted.substr(wanted_close + 1));
}

bool MysqlHolds(const DataType& type, const TargetColumn& target) {
  const std::string_view base = target.base;
  const auto limits = LimitsOf(target.type);
  const std::int32_t fraction = type.precision < 0 ? (IsMysql(type) ? 0 : 6) : type.precision;
  const bool fine = (limits.empty() ? 0 : limits[0]) >= fraction;
  if (base == "decimal") return HoldsDecimal(limits.empty() ? std::vector<std::int32_t>{10, 0} : limits, type);
  switch (type.kind) {
    case TypeKind::kBool:
    case TypeKind::kInt16:
    case TypeKind::kInt32:
    case TypeKind::kInt64:
    case TypeKind::kUint:
      return HoldsInteger(type, target);
    case TypeKind::kFloat:
      return base == "float" || base == "double";
    case TypeKind::kDouble:
      return base == "double";
    case TypeKind::kDate:
      return base == "date";
    case TypeKind::kTime:
      return base == "time" && fine;
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampTz:
      return base == "datetime" && fine;
    case TypeKind::kJson:
    case TypeKind::kJsonb:
    case TypeKind::kHstore:
    case TypeKind::kArray:
    case TypeKind::kComposite:
      return base == "json" || base == "longtext";
    case TypeKind::kBytes:
      return base == "longblob";
    case TypeKind::kGeometry:
      return base == "geometry";
    case TypeKind::kBits:
      return IsBit(type) ? base == "bit" && !limits.empty() && limits[0] == type.length : HoldsText(type, target);
    default:
      return HoldsText(type, target) || base == "enum" || base == "set";
  }
}

bool AppendTemporal(std::string& out, const Value& value, const DataType& type) {
  if (value.kind != ValueKind::kTime && (value.i == kInfinity || value.i == kMinusInfinity)) return false;
  const int digits = IsMysql(type) ? std::max(type.precision, 0) : codec::kTrimmed;
  switch (value.kind) {
    case ValueKind::kDate:
      if (!codec::IsDate(value.i)) return false;
      codec::AppendIsoDate(out, value.i);
      return true;
    case ValueKind::kTime:
      codec::AppendMysqlTime(out, value.i, digits == codec::kTrimmed ? 6 : digits);
      return true;
    default:
      codec::AppendIsoDateTime(out, codec::SplitTimestamp(value.i), digits);
      return true;
  }
}

}  // namespace

std::string MysqlDialect::Quote(std::string_view name) const {
  std::string out = "`";
  for (const char c : name) {
    if (c == '`') out.push_back(c);
    out.push_back(c);
  }
  return out + "`";
}

// Different keys never meet: bytes are compared, and blanks at the end count.
std::string MysqlDialect::KeyText(std::string_view type) const {
  return std::string(type) + " CHARACTER SET utf8mb4 COLLATE " +
         (flavor_ == Database::kMariadb ? "utf8mb4_nopad_bin" : "utf8mb4_0900_bin");
}

Result<std::string> MysqlDialect::TypeFor(const Column& column, bool key) const {
  const DataType& type = column.type;
  if (IsMysql(type)) {
    if (type.base == "boolean") return std::string("tinyint(1)");
    if (!IsText(type.base)) return type.declared;
    return key ? KeyText(type.declared) : type.declared + " CHARACTER SET utf8mb4";
  }
  std::string own = MysqlTypeOf(type);
  if (key && own == "longblob") return std::string("varbinary(3072)");
  if (key && own == "json") {
    return ConfigError("Key column " + column.name + " has type " + type.declared +
                       ", which no index of the target takes. Deliver a view that has another key");
  }
  if (!own.empty()) return own;
  const std::int32_t length = TextLength(type);
  if (key) return KeyText(Limited("varchar", length > 0 ? length : kKeyMax));
  const bool fits = length > 0 && length <= kVarcharMax;
  return (fits ? Limited("varchar", length) : std::string("longtext")) + " CHARACTER SET utf8mb4";
}

std::string MysqlDialect::Misfit(const Column& column, const TargetColumn& target, bool key) const {
  const auto wanted = TypeFor(column, key);
  const std::string type = wanted.ok() ? wanted->substr(0, wanted->find(" CHARACTER SET")) : column.type.declared;
  if (key && IsText(target.base) && !IsMysql(column.type) && !target.collation.ends_with("bin")) {
    return "key column " + column.name + " has collation " + target.collation +
           " there, by which different keys are the same; it needs a binary one, such as that of " +
           (wanted.ok() ? *wanted : type);
  }
  if (IsSame(target.type, type) || MysqlHolds(column.type, target)) return {};
  if (key && target.base == "varchar" && IsText(type.substr(0, type.find('(')))) {
    if (HoldsText(column.type, target)) return {};
    if (TextLength(column.type) == 0) return {};  // a longer key is an error of the server's
  }
  return "column " + column.name + " is " + target.type + " there, and needs " + type;
}

Literal MysqlDialect::LiteralFor(const DataType& type) const {
  switch (type.kind) {
    case TypeKind::kBool:
    case TypeKind::kInt16:
    case TypeKind::kInt32:
    case TypeKind::kInt64:
    case TypeKind::kUint:
    case TypeKind::kFloat:
    case TypeKind::kDouble:
      return Literal::kPlain;
    case TypeKind::kBytes:
    case TypeKind::kGeometry:
      return Literal::kHex;
    case TypeKind::kBits:
      return IsBit(type) ? Literal::kBits : Literal::kQuoted;
    default:
      return Literal::kQuoted;
  }
}

bool MysqlDialect::AppendCell(std::string& out, const Value& value, const DataType& type) const {
  switch (value.kind) {
    case ValueKind::kRawText:
      return false;
    case ValueKind::kBool:
      out.push_back(value.b ? '1' : '0');
      return true;
    case ValueKind::kFloat:
    case ValueKind::kDouble:
      return std::isfinite(value.d) && codec::AppendServerText(out, value, type);
    case ValueKind::kDecimal:
      if (IsBoundedDecimal(type) && !value.text.empty() && (value.text.back() < '0' || value.text.back() > '9'))
        return false;  // NaN, Infinity
      out += value.text;
      return true;
    case ValueKind::kBytes:
      AppendHex(out, value.text);
      return true;
    case ValueKind::kDate:
    case ValueKind::kTime:
    case ValueKind::kTimestamp:
    case ValueKind::kTimestampTz:
      return AppendTemporal(out, value, type);
    case ValueKind::kArray:
    case ValueKind::kComposite:
      return codec::AppendNativeValue(out, value, type, {});
    case ValueKind::kText:
      if (type.kind == TypeKind::kHstore) return codec::AppendNativeValue(out, value, type, {});
      out += value.text;
      return true;
    default:
      return codec::AppendServerText(out, value, type);
  }
}

}  // namespace headgate::table
