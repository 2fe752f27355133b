#include "core/sql/functions/tables.h"
#include "core/sql/key.h"
#include "core/sql/lift.h"

// = <> < <= > >= of every type that PostgreSQL orders, by the rules of key.h.
namespace headgate::sql {
namespace {

enum class Relation : std::uint8_t { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

template <Relation kRelation>
bool Holds(std::strong_ordering order) {
  switch (kRelation) {
    case Relation::kEqual:
      return order == 0;
    case Relation::kNotEqual:
      return order != 0;
    case Relation::kLess:
      return order < 0;
    case Relation::kLessEqual:
      return order <= 0;
    case Relation::kGreater:
      return order > 0;
    case Relation::kGreaterEqual:
      return order >= 0;
  }
  return false;
}

template <Relation kRelation>
bool Ints(std::int64_t a, std::int64_t b) {
  return Holds<kRelation>(a <=> b);
}
template <Relation kRelation>
bool Texts(std::string_view a, std::string_view b) {
  return Holds<kRelation>(a <=> b);
}

template <Relation kRelation>
void Any(EvalContext&, const CallSite& site, std::span<const Vector* const> arguments, const Rows& rows, Vector& out) {
  const Vector& a = *arguments[0];
  const Vector& b = *arguments[1];
  for (std::size_t n = 0; n < rows.size(); ++n) {
    const std::uint32_t row = rows[n];
    if (a.IsNull(row) || b.IsNull(row)) {
      out.SetNull(row);
    } else {
      out.bools[row] = Holds<kRelation>(Compare(site.arguments[0], a, row, b, row)) ? 1 : 0;
    }
  }
}

template <Relation kRelation>
void AppendTable(std::vector<Function>& out, std::string_view name) {
  constexpr TypeId kIntegers[] = {TypeId::kInt2, TypeId::kInt4, TypeId::kInt8};
  for (const TypeId a : kIntegers) {
    for (const TypeId b : kIntegers) out.push_back({name, {a, b}, TypeId::kBool, kLift<Ints<kRelation>>});
  }
  for (const TypeId type : {TypeId::kText, TypeId::kBpchar, TypeId::kBytea, TypeId::kUuid})
    out.push_back({name, {type, type}, TypeId::kBool, kLift<Texts<kRelation>>});
  for (const TypeId type : {TypeId::kDate, TypeId::kTime, TypeId::kTimestamp, TypeId::kTimestampTz})
    out.push_back({name, {type, type}, TypeId::kBool, kLift<Ints<kRelation>>});
  for (const TypeId type : {TypeId::kBool, TypeId::kFloat4, TypeId::kFloat8, TypeId::kNumeric, TypeId::kTimeTz,
                            TypeId::kInterval, TypeId::kJsonb, TypeId::kBit, TypeId::kVarbit, TypeId::kInet})
    out.push_back({name, {type, type}, TypeId::kBool, Any<kRelation>});
  out.push_back({name, {TypeId::kAnyArray, TypeId::kAnyArray}, TypeId::kBool, Any<kRelation>});
  out.push_back({name, {TypeId::kAnyRange, TypeId::kAnyRange}, TypeId::kBool, Any<kRelation>});
}

}  // namespace

std::span<const Function> ComparisonFunctions() {
  static const std::vector<Function> table = [] {
    std::vector<Function> all;
    AppendTable<Relation::kEqual>(all, "=");
    AppendTable<Relation::kNotEqual>(all, "<>");
    AppendTable<Relation::kLess>(all, "<");
    AppendTable<Relation::kLessEqual>(all, "<=");
    AppendTable<Relation::kGreater>(all, ">");
    AppendTable<Relation::kGreaterEqual>(all, ">=");
    return all;
  }();
  return table;
}

}  // namespace headgate::sql
