#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/sql/expr.h"
#include "core/sql/key.h"

namespace headgate::sql {

enum class AggregateKind : std::uint8_t {
  kCountAll,
  kCount,
  kSum,
  kAvg,
  kMin,
  kMax,
  kBoolAnd,
  kBoolOr,
  kBitAnd,
  kBitOr,
  kBitXor,
  kStringAgg,
  kArrayAgg,
  kJsonAgg,
  kJsonObjectAgg,
  kVarPop,
  kVarSamp,
  kStddevPop,
  kStddevSamp,
  kCorr,
  kCovarPop,
  kCovarSamp,
  kPercentileCont,
  kPercentileDisc,
  kMode,
  kSingle,  // of a scalar subquery: the value of its row; an error if there are several
};

struct AggregateFunction {
  Function signature;
  AggregateKind kind;
};
std::span<const AggregateFunction> AggregateFunctions();
bool IsAggregate(std::string_view name);

struct AggregateOrder {
  ExprPtr expr;
  KeyOrder order;
};

// One aggregate of a grouping. Expressions refer to the input of the grouping.
struct AggregateCall {
  AggregateKind kind = AggregateKind::kCountAll;
  Type result;
  std::vector<ExprPtr> arguments;
  bool distinct = false;
  ExprPtr filter;                     // null: none
  std::vector<AggregateOrder> order;  // ORDER BY inside, or WITHIN GROUP
  std::uint32_t location = 0;
};
AggregateCall Clone(const AggregateCall& call);
bool Same(const AggregateCall& a, const AggregateCall& b);

}  // namespace headgate::sql
