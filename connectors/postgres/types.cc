#include "connectors/postgres/types.h"

#include <algorithm>
#include <array>

namespace headgate::postgres {
namespace {

struct BuiltIn {
  std::uint32_t oid;
  Form form;
  TypeKind kind;
};

// Types with fixed OIDs (pg_type.dat), sorted by OID. What is missing is text of an unknown kind.
constexpr auto kBuiltIns = std::to_array<BuiltIn>({
    {16, Form::kBool, TypeKind::kBool},                  // bool
    {17, Form::kBytes, TypeKind::kBytes},                // bytea
    {18, Form::kText, TypeKind::kText},                  // "char"
    {19, Form::kText, TypeKind::kText},                  // name
    {20, Form::kInt, TypeKind::kInt64},                  // int8
    {21, Form::kInt, TypeKind::kInt16},                  // int2
    {23, Form::kInt, TypeKind::kInt32},                  // int4
    {25, Form::kText, TypeKind::kText},                  // text
    {26, Form::kUint, TypeKind::kUint},                  // oid
    {28, Form::kUint, TypeKind::kUint},                  // xid
    {29, Form::kUint, TypeKind::kUint},                  // cid
    {114, Form::kJson, TypeKind::kJson},                 // json
    {142, Form::kText, TypeKind::kXml},                  // xml
    {600, Form::kText, TypeKind::kGeometric},            // point
    {601, Form::kText, TypeKind::kGeometric},            // lseg
    {602, Form::kText, TypeKind::kGeometric},            // path
    {603, Form::kText, TypeKind::kGeometric},            // box
    {604, Form::kText, TypeKind::kGeometric},            // polygon
    {628, Form::kText, TypeKind::kGeometric},            // line
    {650, Form::kText, TypeKind::kNetwork},              // cidr
    {700, Form::kFloat, TypeKind::kFloat},               // float4
    {701, Form::kDouble, TypeKind::kDouble},             // float8
    {718, Form::kText, TypeKind::kGeometric},            // circle
    {774, Form::kText, TypeKind::kNetwork},              // macaddr8
    {790, Form::kMoney, TypeKind::kMoney},               // money
    {829, Form::kText, TypeKind::kNetwork},              // macaddr
    {869, Form::kText, TypeKind::kNetwork},              // inet
    {1042, Form::kText, TypeKind::kChar},                // bpchar
    {1043, Form::kText, TypeKind::kText},                // varchar
    {1082, Form::kDate, TypeKind::kDate},                // date
    {1083, Form::kTime, TypeKind::kTime},                // time
    {1114, Form::kTimestamp, TypeKind::kTimestamp},      // timestamp
    {1184, Form::kTimestampTz, TypeKind::kTimestampTz},  // timestamptz
    {1186, Form::kInterval, TypeKind::kInterval},        // interval
    {1266, Form::kTimeTz, TypeKind::kTimeTz},            // timetz
    {1560, Form::kBits, TypeKind::kBits},                // bit
    {1562, Form::kBits, TypeKind::kBits},                // varbit
    {1700, Form::kNumeric, TypeKind::kDecimal},          // numeric
    {2950, Form::kUuid, TypeKind::kUuid},                // uuid
    {3614, Form::kText, TypeKind::kTextSearch},          // tsvector
    {3615, Form::kText, TypeKind::kTextSearch},          // tsquery
    {3802, Form::kJson, TypeKind::kJsonb},               // jsonb
    {5069, Form::kUint, TypeKind::kUint},                // xid8
});
static_assert(std::ranges::is_sorted(kBuiltIns, {}, &BuiltIn::oid));

const BuiltIn* FindBuiltIn(std::uint32_t oid) {
  const auto it = std::ranges::lower_bound(kBuiltIns, oid, {}, &BuiltIn::oid);
  return it != kBuiltIns.end() && it->oid == oid ? &*it : nullptr;
}

// pg_type.h: a modifier of a varlena type counts its four header bytes.
constexpr std::int32_t kHeader = 4;
// Interval modifiers keep the precision in the low half, all ones if undeclared.
constexpr std::int32_t kIntervalFullPrecision = 0xFFFF;

void ApplyModifier(DataType& data, std::int32_t typmod) {
  if (typmod < 0) return;
  switch (data.kind) {
    case TypeKind::kDecimal:
      if (typmod < kHeader) return;
      data.precision = ((typmod - kHeader) >> 16) & 0xFFFF;
      // From PostgreSQL 15 on eleven bits with sign; before, the same bits for every scale that was allowed.
      data.scale = (((typmod - kHeader) & 0x7FF) ^ 1024) - 1024;
      break;
    case TypeKind::kText:
    case TypeKind::kChar:
      if (data.base == "varchar" || data.base == "bpchar") data.length = std::max(0, typmod - kHeader);
      break;
    case TypeKind::kBits:
      data.length = typmod;
      break;
    case TypeKind::kTime:
    case TypeKind::kTimeTz:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampTz:
      data.precision = typmod;
      break;
    case TypeKind::kInterval:
      if ((typmod & 0xFFFF) != kIntervalFullPrecision) data.precision = typmod & 0xFFFF;
      break;
    default:
      break;
  }
}

TypeKind KindOf(const TypeRow& row) {
  if (row.type == 'e') return TypeKind::kEnum;
  if (row.type == 'r' || row.type == 'm') return TypeKind::kRange;
  if (row.extension && row.name == "citext") return TypeKind::kText;
  if (row.extension && row.name == "hstore") return TypeKind::kHstore;
  return TypeKind::kUnknown;
}

}  // namespace

TypePtr MakeScalar(const TypeRow& row, std::int32_t typmod, std::string declared, int money_digits) {
  auto type = std::make_shared<Type>();
  type->delimiter = row.delimiter;
  type->money_digits = money_digits;
  type->data.declared = std::move(declared);
  type->data.base = row.name;
  type->data.oid = row.oid;
  type->data.extension = row.extension;
  if (const BuiltIn* built_in = FindBuiltIn(row.oid)) {
    type->form = built_in->form;
    type->data.kind = built_in->kind;
    ApplyModifier(type->data, typmod);
  } else {
    type->data.kind = KindOf(row);
  }
  return type;
}

TypePtr MakeArray(const TypeRow& row, std::string declared, TypePtr element) {
  auto type = std::make_shared<Type>();
  type->form = Form::kArray;
  type->delimiter = row.delimiter;
  type->data.kind = TypeKind::kArray;
  type->data.declared = std::move(declared);
  type->data.base = row.name;
  type->data.oid = row.oid;
  type->data.extension = row.extension || element->data.extension;
  type->data.children.push_back(element->data);
  type->parts.push_back(std::move(element));
  return type;
}

TypePtr MakeComposite(const TypeRow& row, std::string declared, std::vector<std::string> names,
                      std::vector<TypePtr> attributes) {
  auto type = std::make_shared<Type>();
  type->form = Form::kComposite;
  type->delimiter = row.delimiter;
  type->data.kind = TypeKind::kComposite;
  type->data.declared = std::move(declared);
  type->data.base = row.name;
  type->data.oid = row.oid;
  type->data.extension = row.extension;
  type->data.field_names = std::move(names);
  for (const TypePtr& attribute : attributes) type->data.children.push_back(attribute->data);
  type->parts = std::move(attributes);
  return type;
}

TypePtr MakeDomain(const TypeRow& row, std::string declared, const Type& base) {
  auto type = std::make_shared<Type>(base);
  type->delimiter = row.delimiter;
  type->data.declared = std::move(declared);
  type->data.oid = row.oid;
  type->data.domain = true;
  type->data.extension = base.data.extension || row.extension;
  return type;
}

TypePtr UnknownType(std::uint32_t oid) {
  auto type = std::make_shared<Type>();
  type->data.declared = "unknown";
  type->data.base = "unknown";
  type->data.oid = oid;
  return type;
}

}  // namespace headgate::postgres
