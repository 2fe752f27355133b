#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "core/sql/eval_context.h"

// The ranges of smallint, integer and bigint, by their bytes. All three are 64 bits in memory; a result that leaves its
// type is an error.
namespace headgate::sql {

struct IntegerRange {
  std::int64_t low;
  std::int64_t high;
  const char* name;
};
template <int kBytes>
inline constexpr IntegerRange kIntegerRange{};
template <>
inline constexpr IntegerRange kIntegerRange<2>{std::numeric_limits<std::int16_t>::min(),
                                               std::numeric_limits<std::int16_t>::max(), "smallint"};
template <>
inline constexpr IntegerRange kIntegerRange<4>{std::numeric_limits<std::int32_t>::min(),
                                               std::numeric_limits<std::int32_t>::max(), "integer"};
template <>
inline constexpr IntegerRange kIntegerRange<8>{std::numeric_limits<std::int64_t>::min(),
                                               std::numeric_limits<std::int64_t>::max(), "bigint"};

// What is returned does not count.
template <int kBytes>
std::int64_t OutOfRange(EvalContext& context) {
  context.Fail("22003", std::string(kIntegerRange<kBytes>.name) + " out of range");
  return 0;
}
template <int kBytes>
std::int64_t Fit(EvalContext& context, std::int64_t v) {
  return v < kIntegerRange<kBytes>.low || v > kIntegerRange<kBytes>.high ? OutOfRange<kBytes>(context) : v;
}

}  // namespace headgate::sql
