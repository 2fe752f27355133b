#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "core/sql/functions/angles.h"
#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/lift.h"

// Operators and functions of real and double precision. A finite computation that ends in an infinity, or in zero
// without a zero among its arguments, is an error.
namespace headgate::sql {
namespace {

using I = std::int64_t;
using F = double;

constexpr F kNaN = std::numeric_limits<F>::quiet_NaN();
constexpr F kInfinite = std::numeric_limits<F>::infinity();

F NoFloat(EvalContext& context, std::string_view code, const char* message) {
  context.Fail(code, message);
  return 0;
}
F Overflow(EvalContext& context) { return NoFloat(context, "22003", "value out of range: overflow"); }
F Underflow(EvalContext& context) { return NoFloat(context, "22003", "value out of range: underflow"); }

// T is the type computed in: float for two reals.
template <class T>
F AddFloats(EvalContext& context, F a, F b) {
  const T sum = static_cast<T>(a) + static_cast<T>(b);
  if (std::isinf(sum) && !std::isinf(a) && !std::isinf(b)) return Overflow(context);
  return static_cast<F>(sum);
}
template <class T>
F SubtractFloats(EvalContext& context, F a, F b) {
  return AddFloats<T>(context, a, -b);
}
template <class T>
F MultiplyFloats(EvalContext& context, F a, F b) {
  const T product = static_cast<T>(a) * static_cast<T>(b);
  if (std::isinf(product) && !std::isinf(a) && !std::isinf(b)) return Overflow(context);
  if (product == 0 && a != 0 && b != 0) return Underflow(context);
  return static_cast<F>(product);
}
template <class T>
F DivideFloats(EvalContext& context, F a, F b) {
  if (b == 0 && !std::isnan(a)) return NoFloat(context, "22012", "division by zero");
  const T quotient = static_cast<T>(a) / static_cast<T>(b);
  if (std::isinf(quotient) && !std::isinf(a)) return Overflow(context);
  if (quotient == 0 && a != 0 && !std::isinf(b)) return Underflow(context);
  return static_cast<F>(quotient);
}
F PlusFloat(F a) { return a; }
F NegateFloat(F a) { return -a; }
F AbsFloat(F a) { return std::fabs(a); }
F SignOfFloat(F a) { return a > 0 ? 1 : (a < 0 ? -1 : 0); }

F RoundFloat(F a) { return std::nearbyint(a); }  // half to even
F TruncateFloat(F a) { return std::trunc(a); }
F CeilFloat(F a) { return std::ceil(a); }
F FloorFloat(F a) { return std::floor(a); }

F SquareRootOfFloat(EvalContext& context, F a) {
  if (a < 0) return NoFloat(context, "2201F", "cannot take square root of a negative number");
  return std::sqrt(a);
}
F CubeRoot(F a) { return std::cbrt(a); }

F ExponentialOfFloat(EvalContext& context, F a) {
  if (std::isnan(a)) return a;
  if (std::isinf(a)) return a > 0 ? a : 0;
  const F result = std::exp(a);
  if (std::isinf(result)) return Overflow(context);
  return result == 0 ? Underflow(context) : result;
}

template <F (*kLogarithm)(F)>
F LogarithmOfFloat(EvalContext& context, F a) {
  if (a == 0) return NoFloat(context, "2201E", "cannot take logarithm of zero");
  if (a < 0) return NoFloat(context, "2201E", "cannot take logarithm of a negative number");
  return kLogarithm(a);
}
F NaturalLogarithmOfFloat(F a) { return std::log(a); }
F DecimalLogarithmOfFloat(F a) { return std::log10(a); }

bool IsOdd(F whole) { return std::floor(whole / 2) * 2 != whole; }

F InfinitePower(F base, F exponent) {  // one of them is infinite
  if (std::isinf(exponent)) {
    const F size = std::fabs(base);
    if (size == 1) return 1;
    return (size > 1) == (exponent > 0) ? kInfinite : 0;
  }
  if (exponent == 0) return 1;
  if (base > 0) return exponent > 0 ? kInfinite : 0;
  const F size = exponent > 0 ? kInfinite : 0;
  return IsOdd(exponent) ? -size : size;
}

F Power(EvalContext& context, F base, F exponent) {
  if (std::isnan(base)) return exponent == 0 ? 1 : kNaN;
  if (std::isnan(exponent)) return base == 1 ? 1 : kNaN;
  if (base == 0 && exponent < 0) return NoFloat(context, "2201F", "zero raised to a negative power is undefined");
  if (base < 0 && std::floor(exponent) != exponent) {
    return NoFloat(context, "2201F", "a negative number raised to a non-integer power yields a complex result");
  }
  if (std::isinf(base) || std::isinf(exponent)) return InfinitePower(base, exponent);
  const F result = std::pow(base, exponent);
  if (std::isinf(result)) return Overflow(context);
  return result == 0 && base != 0 ? Underflow(context) : result;
}

F Pi() { return std::numbers::pi; }
F Degrees(EvalContext& context, F a) { return DivideFloats<F>(context, a, kRadiansPerDegree); }
F Radians(EvalContext& context, F a) { return MultiplyFloats<F>(context, a, kRadiansPerDegree); }

F Sine(F a) { return std::sin(a); }
F Cosine(F a) { return std::cos(a); }
F Tangent(F a) { return std::tan(a); }
F Cotangent(F a) { return 1.0 / std::tan(a); }
template <F (*kFunction)(F)>
F OfAngle(EvalContext& context, F a) {
  return std::isinf(a) ? OutOfDomain(context) : kFunction(a);
}
F ArcSine(F a) { return std::asin(a); }
F ArcCosine(F a) { return std::acos(a); }
F HyperbolicArcTangent(F a) { return std::fabs(a) == 1 ? std::copysign(kInfinite, a) : std::atanh(a); }
template <F (*kFunction)(F)>
F OfRatio(EvalContext& context, F a) {  // from -1 to 1
  return std::fabs(a) > 1 ? OutOfDomain(context) : kFunction(a);
}
F ArcTangent(F a) { return std::atan(a); }
F ArcTangent2(F y, F x) { return std::atan2(y, x); }
F HyperbolicSine(F a) { return std::sinh(a); }
F HyperbolicCosine(F a) { return std::cosh(a); }
F HyperbolicTangent(F a) { return std::tanh(a); }
F HyperbolicArcSine(F a) { return std::asinh(a); }
F HyperbolicArcCosine(EvalContext& context, F a) { return a < 1 ? OutOfDomain(context) : std::acosh(a); }

// As width_bucket of numeric. Where the width is too large for a double, halves have one.
I BucketOfFloat(EvalContext& context, F v, F low, F high, I count) {
  const auto refuse = [&context](const char* message) {
    context.Fail("2201G", message);
    return I{0};
  };
  if (count <= 0) return refuse("count must be greater than zero");
  if (std::isnan(v) || std::isnan(low) || std::isnan(high)) {
    return refuse("operand, lower bound, and upper bound cannot be NaN");
  }
  if (std::isinf(low) || std::isinf(high)) return refuse("lower and upper bounds must be finite");
  if (low == high) return refuse("lower bound cannot equal upper bound");
  const bool up = low < high;
  if (up ? v < low : v > low) return 0;
  if (up ? v >= high : v <= high) {
    if (count < std::numeric_limits<std::int32_t>::max()) return count + 1;
    context.Fail("22003", "integer out of range");
    return 0;
  }
  const auto buckets = static_cast<F>(count);
  const F place = up ? buckets * (v - low) / (high - low) : buckets * (low - v) / (low - high);
  if (std::isfinite(place)) return static_cast<I>(place + 1);
  const F share = (v / 2 - low / 2) / (high / 2 - low / 2);
  return std::min(count, static_cast<I>(buckets * share) + 1);
}

const Function kFloatFunctions[] = {
    {"+", {kF4, kF4}, kF4, kLift<AddFloats<float>>},
    {"+", {kF4, kF8}, kF8, kLift<AddFloats<F>>},
    {"+", {kF8, kF4}, kF8, kLift<AddFloats<F>>},
    {"+", {kF8, kF8}, kF8, kLift<AddFloats<F>>},
    {"-", {kF4, kF4}, kF4, kLift<SubtractFloats<float>>},
    {"-", {kF4, kF8}, kF8, kLift<SubtractFloats<F>>},
    {"-", {kF8, kF4}, kF8, kLift<SubtractFloats<F>>},
    {"-", {kF8, kF8}, kF8, kLift<SubtractFloats<F>>},
    {"*", {kF4, kF4}, kF4, kLift<MultiplyFloats<float>>},
    {"*", {kF4, kF8}, kF8, kLift<MultiplyFloats<F>>},
    {"*", {kF8, kF4}, kF8, kLift<MultiplyFloats<F>>},
    {"*", {kF8, kF8}, kF8, kLift<MultiplyFloats<F>>},
    {"/", {kF4, kF4}, kF4, kLift<DivideFloats<float>>},
    {"/", {kF4, kF8}, kF8, kLift<DivideFloats<F>>},
    {"/", {kF8, kF4}, kF8, kLift<DivideFloats<F>>},
    {"/", {kF8, kF8}, kF8, kLift<DivideFloats<F>>},
    {"+", {kF4}, kF4, kLift<PlusFloat>},
    {"+", {kF8}, kF8, kLift<PlusFloat>},
    {"-", {kF4}, kF4, kLift<NegateFloat>},
    {"-", {kF8}, kF8, kLift<NegateFloat>},
    {"@", {kF4}, kF4, kLift<AbsFloat>},
    {"@", {kF8}, kF8, kLift<AbsFloat>},
    {"abs", {kF4}, kF4, kLift<AbsFloat>},
    {"abs", {kF8}, kF8, kLift<AbsFloat>},
    {"sign", {kF8}, kF8, kLift<SignOfFloat>},
    {"round", {kF8}, kF8, kLift<RoundFloat>},
    {"trunc", {kF8}, kF8, kLift<TruncateFloat>},
    {"ceil", {kF8}, kF8, kLift<CeilFloat>},
    {"ceiling", {kF8}, kF8, kLift<CeilFloat>},
    {"floor", {kF8}, kF8, kLift<FloorFloat>},
    {"sqrt", {kF8}, kF8, kLift<SquareRootOfFloat>},
    {"|/", {kF8}, kF8, kLift<SquareRootOfFloat>},
    {"cbrt", {kF8}, kF8, kLift<CubeRoot>},
    {"||/", {kF8}, kF8, kLift<CubeRoot>},
    {"exp", {kF8}, kF8, kLift<ExponentialOfFloat>},
    {"ln", {kF8}, kF8, kLift<LogarithmOfFloat<NaturalLogarithmOfFloat>>},
    {"log", {kF8}, kF8, kLift<LogarithmOfFloat<DecimalLogarithmOfFloat>>},
    {"log10", {kF8}, kF8, kLift<LogarithmOfFloat<DecimalLogarithmOfFloat>>},
    {"power", {kF8, kF8}, kF8, kLift<Power>},
    {"pow", {kF8, kF8}, kF8, kLift<Power>},
    {"^", {kF8, kF8}, kF8, kLift<Power>},
    {"pi", {}, kF8, kLift<Pi>},
    {"degrees", {kF8}, kF8, kLift<Degrees>},
    {"radians", {kF8}, kF8, kLift<Radians>},
    {"sin", {kF8}, kF8, kLift<OfAngle<Sine>>},
    {"cos", {kF8}, kF8, kLift<OfAngle<Cosine>>},
    {"tan", {kF8}, kF8, kLift<OfAngle<Tangent>>},
    {"cot", {kF8}, kF8, kLift<OfAngle<Cotangent>>},
    {"asin", {kF8}, kF8, kLift<OfRatio<ArcSine>>},
    {"acos", {kF8}, kF8, kLift<OfRatio<ArcCosine>>},
    {"atan", {kF8}, kF8, kLift<ArcTangent>},
    {"atan2", {kF8, kF8}, kF8, kLift<ArcTangent2>},
    {"sinh", {kF8}, kF8, kLift<HyperbolicSine>},
    {"cosh", {kF8}, kF8, kLift<HyperbolicCosine>},
    {"tanh", {kF8}, kF8, kLift<HyperbolicTangent>},
    {"asinh", {kF8}, kF8, kLift<HyperbolicArcSine>},
    {"acosh", {kF8}, kF8, kLift<HyperbolicArcCosine>},
    {"atanh", {kF8}, kF8, kLift<OfRatio<HyperbolicArcTangent>>},
    {"width_bucket", {kF8, kF8, kF8, kI4}, kI4, kLift<BucketOfFloat>},
};

}  // namespace

std::span<const Function> FloatFunctions() { return kFloatFunctions; }

}  // namespace headgate::sql
