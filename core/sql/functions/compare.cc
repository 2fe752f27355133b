#include "core/sql/functions/tables.h"
#include "core/sql/key.h"
#include "core/sql/lift.h"

// = <> < <= > >= of every type that PostgreSQL orders, by the rules of key.h.
namespace headgate::sql {
namespace {

enum class Comparison : std::uint8_t { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

template <Comparison kComparison>
bool Holds(std::strong_ordering order) {
  switch (kComparison) {
    case Comparison::kEqual:
      return order == 0;
    case Comparison::kNotEqual:
      return order != 0;
    case Comparison::kLess:
      return order < 0;
    case Comparison::kLessEqual:
      return order <= 0;
    case Comparison::kGreater:
      return order > 0;
    case Comparison::kGreaterEqual:
      return order >= 0;
  }
  return false;
}

template <Comparison kComparison>
bool Ints(std::int64_t a, std::int64_t b) {
  return Holds<kComparison>(a <=> b);
}
template <Comparison kComparison>
bool Texts(std::string_view a, std::string_view b) {
  return Holds<kComparison>(a <=> b);
}

template <Comparison kComparison>
void Any(EvalContext&, const CallSite& site, std::span<const Vector* const> arguments, const Rows& rows, Vector& out) {
  const Vector& a = *arguments[0];
  const Vector& b = *arguments[1];
  for (std::size_t n = 0; n < rows.size(); ++n) {
    const std::uint32_t row = rows[n];
    if (a.IsNull(row) || b.IsNull(row)) {
      out.SetNull(row);
    } else {
      out.bools[row] = Holds<kComparison>(Compare(site.arguments[0], a, row, b, row)) ? 1 : 0;
    }
  }
}

template <Comparison kComparison>
void AppendTable(std::vector<Function>& out, std::string_view name) {
  constexpr TypeId kIntegers[] = {TypeId::kInt2, TypeId::kInt4, TypeId::kInt8};
  for (const TypeId a : kIntegers) {
    for (const TypeId b : kIntegers) out.push_back({name, {a, b}, TypeId::kBool, kLift<Ints<kComparison>>});
  }
  for (const TypeId type : {TypeId::kText, TypeId::kBpchar, TypeId::kBytea, TypeId::kUuid})
    out.push_back({name, {type, type}, TypeId::kBool, kLift<Texts<kComparison>>});
  for (const TypeId type : {TypeId::kDate, TypeId::kTime, TypeId::kTimestamp, TypeId::kTimestampTz})
    out.push_back({name, {type, type}, TypeId::kBool, kLift<Ints<kComparison>>});
  for (const TypeId type : {TypeId::kBool, TypeId::kFloat4, TypeId::kFloat8, TypeId::kNumeric, TypeId::kTimeTz,
                            TypeId::kInterval, TypeId::kJsonb, TypeId::kBit, TypeId::kVarbit, TypeId::kInet})
    out.push_back({name, {type, type}, TypeId::kBool, Any<kComparison>});
  out.push_back({name, {TypeId::kAnyArray, TypeId::kAnyArray}, TypeId::kBool, Any<kComparison>});
  out.push_back({name, {TypeId::kAnyRange, TypeId::kAnyRange}, TypeId::kBool, Any<kComparison>});
}

}  // namespace

std::span<const Function> ComparisonFunctions() {
  static const std::vector<Function> table = [] {
    std::vector<Function> all;
    AppendTable<Comparison::kEqual>(all, "=");
    AppendTable<Comparison::kNotEqual>(all, "<>");
    AppendTable<Comparison::kLess>(all, "<");
    AppendTable<Comparison::kLessEqual>(all, "<=");
    AppendTable<Comparison::kGreater>(all, ">");
    AppendTable<Comparison::kGreaterEqual>(all, ">=");
    return all;
  }();
  return table;
}

}  // namespace headgate::sql
