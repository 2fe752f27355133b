#include "core/sql/column_type.h"

#include <algorithm>
#include <iterator>

namespace headgate::sql {
namespace {

struct Row {
  TypeId id;
  TypeKind kind;
  std::string_view base;
  std::uint32_t oid;  // pg_type.dat
  std::uint32_t array_oid;
};

constexpr Row kRows[] = {
    {TypeId::kBool, TypeKind::kBool, "bool", 16, 1000},
    {TypeId::kInt2, TypeKind::kInt16, "int2", 21, 1005},
    {TypeId::kInt4, TypeKind::kInt32, "int4", 23, 1007},
    {TypeId::kInt8, TypeKind::kInt64, "int8", 20, 1016},
    {TypeId::kFloat4, TypeKind::kFloat, "float4", 700, 1021},
    {TypeId::kFloat8, TypeKind::kDouble, "float8", 701, 1022},
    {TypeId::kNumeric, TypeKind::kDecimal, "numeric", 1700, 1231},
    {TypeId::kText, TypeKind::kText, "text", 25, 1009},
    {TypeId::kVarchar, TypeKind::kText, "varchar", 1043, 1015},
    {TypeId::kBpchar, TypeKind::kChar, "bpchar", 1042, 1014},
    {TypeId::kBytea, TypeKind::kBytes, "bytea", 17, 1001},
    {TypeId::kDate, TypeKind::kDate, "date", 1082, 1182},
    {TypeId::kTime, TypeKind::kTime, "time", 1083, 1183},
    {TypeId::kTimeTz, TypeKind::kTimeTz, "timetz", 1266, 1270},
    {TypeId::kTimestamp, TypeKind::kTimestamp, "timestamp", 1114, 1115},
    {TypeId::kTimestampTz, TypeKind::kTimestampTz, "timestamptz", 1184, 1185},
    {TypeId::kInterval, TypeKind::kInterval, "interval", 1186, 1187},
    {TypeId::kUuid, TypeKind::kUuid, "uuid", 2950, 2951},
    {TypeId::kJson, TypeKind::kJson, "json", 114, 199},
    {TypeId::kJsonb, TypeKind::kJsonb, "jsonb", 3802, 3807},
    {TypeId::kBit, TypeKind::kBits, "bit", 1560, 1561},
    {TypeId::kVarbit, TypeKind::kBits, "varbit", 1562, 1563},
    {TypeId::kInet, TypeKind::kNetwork, "inet", 869, 1041},
    {TypeId::kCidr, TypeKind::kNetwork, "cidr", 650, 651},
    {TypeId::kInt4Range, TypeKind::kRange, "int4range", 3904, 3905},
    {TypeId::kInt8Range, TypeKind::kRange, "int8range", 3926, 3927},
    {TypeId::kNumRange, TypeKind::kRange, "numrange", 3906, 3907},
    {TypeId::kDateRange, TypeKind::kRange, "daterange", 3912, 3913},
    {TypeId::kTsRange, TypeKind::kRange, "tsrange", 3908, 3909},
    {TypeId::kTsTzRange, TypeKind::kRange, "tstzrange", 3910, 3911},
};

void SetModifier(DataType& data, Type type) {
  if (type.mod < 0) return;
  switch (data.kind) {
    case TypeKind::kDecimal:
      data.precision = NumericPrecision(type.mod);
      data.scale = NumericScale(type.mod);
      return;
    case TypeKind::kText:
    case TypeKind::kChar:
    case TypeKind::kBits:
      data.length = type.mod;
      return;
    default:
      data.precision = type.mod;
  }
}

}  // namespace

DataType ToColumn(Type type) {
  DataType data;
  data.declared = Name(type);
  const Row* const row = std::ranges::find(kRows, type.id, &Row::id);
  if (row == std::end(kRows)) {  // text in its own form
    data.base = type.id == TypeId::kUnknown ? "text" : Name(type.Bare());
    return data;
  }
  if (type.array) {
    data.kind = TypeKind::kArray;
    data.base = "_" + std::string(row->base);
    data.oid = row->array_oid;
    data.children.push_back(ToColumn(type.Element()));
    return data;
  }
  data.kind = row->kind;
  data.base = row->base;
  data.oid = row->oid;
  SetModifier(data, type);
  return data;
}

}  // namespace headgate::sql
