#include "core/sql/aggregate.h"

#include <algorithm>

namespace headgate::sql {
namespace {

using T = TypeId;
using K = AggregateKind;

void AddNumeric(std::vector<AggregateFunction>& all) {
  struct Row {
    T argument;
    T sum;
    T avg;
  };
  for (const Row& row : {Row{T::kInt2, T::kInt8, T::kNumeric}, Row{T::kInt4, T::kInt8, T::kNumeric},
                         Row{T::kInt8, T::kNumeric, T::kNumeric}, Row{T::kFloat4, T::kFloat4, T::kFloat8},
                         Row{T::kFloat8, T::kFloat8, T::kFloat8}, Row{T::kNumeric, T::kNumeric, T::kNumeric},
                         Row{T::kInterval, T::kInterval, T::kInterval}}) {
    all.push_back({{"sum", {row.argument}, row.sum}, K::kSum});
    all.push_back({{"avg", {row.argument}, row.avg}, K::kAvg});
  }
}

void AddStatistics(std::vector<AggregateFunction>& all) {
  for (const auto& [name, kind] : {std::pair{"var_pop", K::kVarPop}, std::pair{"var_samp", K::kVarSamp},
                                   std::pair{"variance", K::kVarSamp}, std::pair{"stddev_pop", K::kStddevPop},
                                   std::pair{"stddev_samp", K::kStddevSamp}, std::pair{"stddev", K::kStddevSamp}}) {
    for (const T type : {T::kInt2, T::kInt4, T::kInt8, T::kNumeric}) all.push_back({{name, {type}, T::kNumeric}, kind});
    for (const T type : {T::kFloat4, T::kFloat8}) all.push_back({{name, {type}, T::kFloat8}, kind});
  }
  for (const auto& [name, kind] :
       {std::pair{"corr", K::kCorr}, std::pair{"covar_pop", K::kCovarPop}, std::pair{"covar_samp", K::kCovarSamp}})
    all.push_back({{name, {T::kFloat8, T::kFloat8}, T::kFloat8}, kind});
}

std::vector<AggregateFunction> MakeTable() {
  std::vector<AggregateFunction> all;
  all.push_back({{"count", {}, T::kInt8}, K::kCountAll});
  all.push_back({{"count", {T::kAny}, T::kInt8}, K::kCount});
  AddNumeric(all);
  for (const auto& [name, kind] : {std::pair{"min", K::kMin}, std::pair{"max", K::kMax}}) {
    for (const T type : {T::kInt2, T::kInt4, T::kInt8, T::kFloat4, T::kFloat8, T::kNumeric, T::kText, T::kBpchar,
                         T::kDate, T::kTime, T::kTimeTz, T::kTimestamp, T::kTimestampTz, T::kInterval, T::kInet})
      all.push_back({{name, {type}, type}, kind});
    all.push_back({{name, {T::kAnyArray}, T::kAnyArray}, kind});
  }
  all.push_back({{"bool_and", {T::kBool}, T::kBool}, K::kBoolAnd});
  all.push_back({{"every", {T::kBool}, T::kBool}, K::kBoolAnd});
  all.push_back({{"bool_or", {T::kBool}, T::kBool}, K::kBoolOr});
  for (const T type : {T::kInt2, T::kInt4, T::kInt8, T::kBit}) {
    all.push_back({{"bit_and", {type}, type}, K::kBitAnd});
    all.push_back({{"bit_or", {type}, type}, K::kBitOr});
    all.push_back({{"bit_xor", {type}, type}, K::kBitXor});
  }
  all.push_back({{"string_agg", {T::kText, T::kText}, T::kText}, K::kStringAgg});
  all.push_back({{"string_agg", {T::kBytea, T::kBytea}, T::kBytea}, K::kStringAgg});
  all.push_back({{"array_agg", {T::kAnyNonArray}, T::kAnyArray}, K::kArrayAgg});
  all.push_back({{"json_agg", {T::kJson}, T::kJson}, K::kJsonAgg});
  all.push_back({{"jsonb_agg", {T::kJsonb}, T::kJsonb}, K::kJsonAgg});
  all.push_back({{"json_object_agg", {T::kText, T::kJson}, T::kJson}, K::kJsonObjectAgg});
  all.push_back({{"jsonb_object_agg", {T::kText, T::kJsonb}, T::kJsonb}, K::kJsonObjectAgg});
  AddStatistics(all);
  for (const bool array : {false, true}) {  // results are of the type that is ordered
    const Type fraction{T::kFloat8, array};
    all.push_back({{"percentile_cont", {fraction}, fraction}, K::kPercentileCont});
    all.push_back({{"percentile_disc", {fraction}, fraction}, K::kPercentileDisc});
  }
  all.push_back({{"mode", {}, T::kAny}, K::kMode});
  return all;
}

}  // namespace

std::span<const AggregateFunction> AggregateFunctions() {
  static const std::vector<AggregateFunction> table = MakeTable();
  return table;
}

bool IsAggregate(std::string_view name) {
  return std::ranges::any_of(AggregateFunctions(), [&](const auto& f) { return f.signature.name == name; });
}

AggregateCall Clone(const AggregateCall& call) {
  AggregateCall copy;
  copy.kind = call.kind;
  copy.result = call.result;
  for (const ExprPtr& argument : call.arguments) copy.arguments.push_back(Clone(*argument));
  copy.distinct = call.distinct;
  if (call.filter) copy.filter = Clone(*call.filter);
  for (const AggregateOrder& key : call.order) copy.order.push_back({Clone(*key.expr), key.order});
  copy.location = call.location;
  return copy;
}

bool Same(const AggregateCall& a, const AggregateCall& b) {
  const auto same = [](const ExprPtr& x, const ExprPtr& y) { return Same(*x, *y); };
  return a.kind == b.kind && a.result == b.result && a.distinct == b.distinct && !a.filter == !b.filter &&
         (!a.filter || Same(*a.filter, *b.filter)) && std::ranges::equal(a.arguments, b.arguments, same) &&
         std::ranges::equal(a.order, b.order, [](const AggregateOrder& x, const AggregateOrder& y) {
           return x.order == y.order && Same(*x.expr, *y.expr);
         });
}

}  // namespace headgate::sql
