#include "core/operators/ordered_rows.h"

#include <array>
#include <cmath>

#include "core/base/check.h"
#include "core/sql/array_value.h"
#include "core/sql/json.h"
#include "core/sql/key.h"

namespace headgate::operators {
namespace {

using sql::AggregateKind;
using sql::Datum;
using sql::Type;
using sql::TypeId;

// a + (b - a) * part, by the operators of SQL: intervals have no other arithmetic.
Datum Call(std::string_view name, std::array<Type, 2> types, std::array<const Datum*, 2> values, Type result) {
  for (const sql::Function& function : sql::FindFunctions(name)) {
    if (!std::ranges::equal(function.arguments, types)) continue;
    const sql::Vector a = sql::Vector::Constant(types[0], *values[0]);
    const sql::Vector b = sql::Vector::Constant(types[1], *values[1]);
    const std::array<const sql::Vector*, 2> arguments = {&a, &b};
    sql::Vector out(PhysicalOf(result), 1);
    sql::EvalContext context;
    function.kernel(context, {types, result}, arguments, sql::Rows(1), out);
    return context.failed() ? Datum::Null() : out.At(0);
  }
  CHECK(false);
  return Datum::Null();
}
Datum Between(Type type, const Datum& a, const Datum& b, double part) {
  if (!type.Is(TypeId::kInterval)) return Datum::Of(a.d + part * (b.d - a.d));
  const Datum distance = Call("-", {type, type}, {&b, &a}, type);
  const Datum share = Datum::Of(part);
  const Datum step = Call("*", {type, TypeId::kFloat8}, {&distance, &share}, type);
  return Call("+", {type, type}, {&step, &a}, type);
}

// json_agg starts a line for each array; the argument is to_json of it (bind_call.cc).
bool OfArrays(const sql::AggregateCall& call) {
  const sql::Expr& argument = *call.arguments[0];
  return argument.kind == sql::ExprKind::kCall && argument.argument_types.size() == 1 &&
         argument.argument_types[0].array;
}

}  // namespace

bool IsOrdered(AggregateKind kind) {
  switch (kind) {
    case AggregateKind::kMin:
    case AggregateKind::kMax:
    case AggregateKind::kStringAgg:
    case AggregateKind::kArrayAgg:
    case AggregateKind::kJsonAgg:
    case AggregateKind::kJsonObjectAgg:
    case AggregateKind::kPercentileCont:
    case AggregateKind::kPercentileDisc:
    case AggregateKind::kMode:
    case AggregateKind::kSingle:
      return true;
    default:
      return false;
  }
}

// array_agg, the aggregates of JSON and a scalar subquery keep NULLs.
bool Skips(const sql::AggregateCall& call, const std::vector<sql::Column>& columns, std::size_t row) {
  switch (call.kind) {
    case AggregateKind::kArrayAgg:
    case AggregateKind::kJsonAgg:
    case AggregateKind::kJsonObjectAgg:
    case AggregateKind::kSingle:
      return false;
    case AggregateKind::kPercentileCont:
    case AggregateKind::kPercentileDisc:
    case AggregateKind::kMode:
      return columns[call.arguments.size()]->IsNull(row);
    default:
      return columns[0]->IsNull(row);
  }
}

AggregateResult OrderedRows::Result() const {
  if (rows_.empty()) return NoValue();
  switch (call().kind) {
    case AggregateKind::kMin:
      return Value(rows_.begin()->second.row[0]);
    case AggregateKind::kMax:
      return Value(rows_.rbegin()->second.row[0]);
    case AggregateKind::kSingle:
      if (rows_.size() > 1 || rows_.begin()->second.weight > 1)
        return {Datum::Null(), "21000", "more than one row returned by a subquery used as an expression"};
      return Value(rows_.begin()->second.row[0]);
    case AggregateKind::kStringAgg:
      return Joined();
    case AggregateKind::kArrayAgg:
      return Array();
    case AggregateKind::kJsonAgg:
      return JsonArray();
    case AggregateKind::kJsonObjectAgg:
      return JsonObject();
    case AggregateKind::kMode:
      return Mode();
    case AggregateKind::kPercentileCont:
    case AggregateKind::kPercentileDisc:
      return Percentiles();
    default:
      CHECK(false);
      return NoValue();
  }
}

AggregateResult OrderedRows::Joined() const {
  std::string text;
  bool first = true;
  for (const auto& [key, item] : rows_) {
    for (std::int64_t n = 0; n < Times(item); ++n) {
      if (!first && !item.row[1].null) text += item.row[1].s;
      text += item.row[0].s;
      first = false;
    }
  }
  return Value(Datum::Of(std::move(text)));
}

AggregateResult OrderedRows::Array() const {
  std::vector<Datum> elements;
  for (const auto& [key, item] : rows_)
    elements.insert(elements.end(), static_cast<std::size_t>(Times(item)), item.row[0]);
  return Value(Datum::Of(sql::ArrayValue::OneDimension(std::move(elements)).Payload(of_.types()[0])));
}

// The values are JSON already.
AggregateResult OrderedRows::JsonArray() const {
  const bool lines = call().result.Is(TypeId::kJson) && OfArrays(call());
  std::string text = "[";
  for (const auto& [key, item] : rows_) {
    for (std::int64_t n = 0; n < Times(item); ++n) {
      if (text.size() > 1) text += lines && !item.row[0].null ? ", \n " : ", ";
      text += item.row[0].null ? "null" : item.row[0].s;
    }
  }
  return Value(Datum::Of(text + "]"));
}

AggregateResult OrderedRows::JsonObject() const {
  const bool binary = call().result.Is(TypeId::kJsonb);
  sql::JsonMembers members;
  std::string text = "{ ";
  for (const auto& [key, item] : rows_) {
    const std::string& value = item.row[1].null ? "null" : item.row[1].s;
    for (std::int64_t n = 0; n < Times(item); ++n) {
      if (binary) {
        members.emplace_back(item.row[0].s, value);
        break;  // of members with one name the last counts
      }
      if (text.size() > 2) text += ", ";
      sql::AppendJsonQuoted(text, item.row[0].s);
      text.append(" : ").append(value);
    }
  }
  if (!binary) return Value(Datum::Of(text + " }"));
  text.clear();
  sql::AppendJsonbObject(text, std::move(members));
  return Value(Datum::Of(std::move(text)));
}

AggregateResult OrderedRows::Mode() const {
  const Item* most = nullptr;
  for (const auto& [key, item] : rows_) {
    if (most == nullptr || item.weight > most->weight) most = &item;
  }
  return Value(Ordered(*most));
}

std::int64_t OrderedRows::Total() const {
  std::int64_t total = 0;
  for (const auto& [key, item] : rows_) total += item.weight;
  return total;
}

// The value at this place among all, from 0.
const Datum& OrderedRows::At(std::int64_t place) const {
  for (const auto& [key, item] : rows_) {
    if (place < item.weight) return Ordered(item);
    place -= item.weight;
  }
  return Ordered(rows_.rbegin()->second);
}

AggregateResult OrderedRows::Percentile(double fraction) const {
  if (!(fraction >= 0 && fraction <= 1)) {
    char shown[32];
    std::snprintf(shown, sizeof(shown), "%g", fraction);
    return {Datum::Null(), "22003",
            "percentile value " + std::string(std::isnan(fraction) ? "NaN" : shown) + " is not between 0 and 1"};
  }
  const std::int64_t total = Total();
  if (call().kind == AggregateKind::kPercentileDisc) {
    const auto place = static_cast<std::int64_t>(std::ceil(fraction * static_cast<double>(total)));
    return Value(At(std::max<std::int64_t>(place, 1) - 1));
  }
  const double exact = fraction * static_cast<double>(total - 1);
  const double low = std::floor(exact);
  const Datum& before = At(static_cast<std::int64_t>(low));
  if (low == std::ceil(exact)) return Value(before);
  return Value(Between(of_.types()[1], before, At(static_cast<std::int64_t>(low) + 1), exact - low));
}

// Of one fraction, or of an array of them.
AggregateResult OrderedRows::Percentiles() const {
  const Datum& argument = rows_.begin()->second.row[0];
  if (argument.null) return NoValue();
  if (!of_.types()[0].array) return Percentile(argument.d);
  sql::ArrayValue array = sql::ArrayValue::Read(argument.s, TypeId::kFloat8);
  for (Datum& element : array.elements) {
    if (element.null) continue;
    AggregateResult result = Percentile(element.d);
    if (!result.code.empty()) return result;
    element = std::move(result.value);
  }
  return Value(Datum::Of(array.Payload(call().result.Element())));
}

}  // namespace headgate::operators
