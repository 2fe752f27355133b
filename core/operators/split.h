#pragma once

#include <array>
#include <vector>

#include "core/sql/plan.h"

namespace headgate::operators {

inline constexpr std::size_t kLeft = 0;
inline constexpr std::size_t kRight = 1;

struct JoinKey {
  std::array<sql::ExprPtr, 2> side;  // over the side's own columns
  bool null_safe = false;            // IS NOT DISTINCT FROM: NULL is a value
};

// The equalities of the condition, and what is left of it.
struct Split {
  std::vector<JoinKey> keys;
  sql::ExprPtr residual;
};

// `width` is the number of columns of the left side.
Split SplitCondition(const sql::ExprPtr& condition, std::size_t width);

}  // namespace headgate::operators
