#pragma once

#include "core/sql/eval_context.h"

// What trigonometry in radians and in degrees shares.
namespace headgate::sql {

inline constexpr double kRadiansPerDegree = 0.0174532925199432957692;

// The error of an argument outside the function's domain; what is returned does not count.
inline double OutOfDomain(EvalContext& context) {
  context.Fail("22003", "input is out of range");
  return 0;
}

}  // namespace headgate::sql
