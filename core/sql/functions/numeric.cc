#include "core/sql/numeric.h"

#include <algorithm>
#include <limits>

#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/lift.h"

// Operators and functions of numeric.
namespace headgate::sql {
namespace {

using I = std::int64_t;
using Optional = std::optional<Numeric>;

Numeric NoNumeric(EvalContext& context, std::string_view code, const char* message) {
  context.Fail(code, message);
  return {};
}
Numeric OrOverflow(EvalContext& context, Optional&& result) {
  return result ? *std::move(result) : NoNumeric(context, "22003", "value overflows numeric format");
}
Numeric DivisionByZero(EvalContext& context) { return NoNumeric(context, "22012", "division by zero"); }

template <Optional (*kOperation)(const Numeric&, const Numeric&)>
Numeric Binary(EvalContext& context, const Numeric& a, const Numeric& b) {
  return OrOverflow(context, kOperation(a, b));
}
template <Optional (*kOperation)(const Numeric&, const Numeric&)>
Numeric Quotient(EvalContext& context, const Numeric& a, const Numeric& b) {
  if (b.zero() && !a.nan()) return DivisionByZero(context);
  return OrOverflow(context, kOperation(a, b));
}

Numeric NegateNumeric(const Numeric& a) { return a.Negated(); }
std::string_view PlusNumeric(std::string_view a) { return a; }
Numeric AbsNumeric(const Numeric& a) { return a.Abs(); }
Numeric SignOfNumeric(const Numeric& a) { return a.nan() ? a : Numeric(a.Sign()); }

int ScaleOf(I scale) {  // as far as round and trunc go
  constexpr I kLow = -Numeric::kIntegerDigitsMax - 1;
  return static_cast<int>(std::clamp(scale, kLow, I{Numeric::kScaleMax}));
}
Numeric RoundTo(EvalContext& context, const Numeric& a, I scale) {
  Numeric rounded = a.Rounded(ScaleOf(scale));
  if (rounded.IntegerDigits() > Numeric::kIntegerDigitsMax) return OrOverflow(context, std::nullopt);
  return rounded;
}
Numeric TruncateTo(const Numeric& a, I scale) { return a.Truncated(ScaleOf(scale)); }
Numeric Round(EvalContext& context, const Numeric& a) { return RoundTo(context, a, 0); }
Numeric Truncate(const Numeric& a) { return a.Truncated(0); }
Numeric Ceil(const Numeric& a) { return a.Ceil(); }
Numeric Floor(const Numeric& a) { return a.Floor(); }

std::optional<I> Scale(const Numeric& a) { return a.finite() ? std::optional<I>(a.scale()) : std::nullopt; }
std::optional<I> MinScale(const Numeric& a) { return a.finite() ? std::optional<I>(a.MinScale()) : std::nullopt; }
Numeric TrimScale(const Numeric& a) { return a.Trimmed(); }

Numeric SquareRoot(EvalContext& context, const Numeric& a) {
  if (a.Sign() < 0) return NoNumeric(context, "2201F", "cannot take square root of a negative number");
  return Sqrt(a);
}
Numeric Exponential(EvalContext& context, const Numeric& a) { return OrOverflow(context, Exp(a)); }

bool HasLogarithm(EvalContext& context, const Numeric& a) {
  if (a.nan() || a.Sign() > 0) return true;
  NoNumeric(context, "2201E",
            a.Sign() < 0 ? "cannot take logarithm of a negative number" : "cannot take logarithm of zero");
  return false;
}
Numeric NaturalLogarithm(EvalContext& context, const Numeric& a) {
  return HasLogarithm(context, a) ? Ln(a) : Numeric();
}
Numeric Logarithm(EvalContext& context, const Numeric& base, const Numeric& a) {
  if (base.nan() || a.nan()) return Numeric::NaN();
  // Beside an infinity the server looks for negative numbers before it looks for zeros.
  const bool a_first = (base.infinite() || a.infinite()) && a.negative();
  if (!HasLogarithm(context, a_first ? a : base) || !HasLogarithm(context, a)) return {};
  auto result = Log(base, a);
  return result ? *std::move(result) : DivisionByZero(context);
}
Numeric DecimalLogarithm(EvalContext& context, const Numeric& a) { return Logarithm(context, 10, a); }

Numeric RaisedTo(EvalContext& context, const Numeric& base, const Numeric& exponent) {
  if (!base.nan() && !exponent.nan()) {
    if (base.zero() && exponent.negative()) {
      return NoNumeric(context, "2201F", "zero raised to a negative power is undefined");
    }
    if (base.negative() && exponent.finite() && !exponent.Whole()) {
      return NoNumeric(context, "2201F", "a negative number raised to a non-integer power yields a complex result");
    }
  }
  return OrOverflow(context, Power(base, exponent));
}

Numeric GreatestDivisor(const Numeric& a, const Numeric& b) { return Gcd(a, b); }

I IntegerOutOfRange(EvalContext& context) {
  context.Fail("22003", "integer out of range");
  return 0;
}

// The bucket of `v` among `count` ones of equal width from low to high, which may run downwards; 0 and count + 1 lie
// outside.
I BucketOfNumeric(EvalContext& context, const Numeric& v, const Numeric& low, const Numeric& high, I count) {
  const auto refuse = [&context](const char* message) {
    context.Fail("2201G", message);
    return I{0};
  };
  if (count <= 0) return refuse("count must be greater than zero");
  if (v.nan() || low.nan() || high.nan()) return refuse("operand, lower bound, and upper bound cannot be NaN");
  if (!low.finite() || !high.finite()) return refuse("lower and upper bounds must be finite");
  if (low == high) return refuse("lower bound cannot equal upper bound");
  const bool up = low < high;
  if (up ? v < low : v > low) return 0;
  if (up ? v >= high : v <= high) {
    return count == std::numeric_limits<std::int32_t>::max() ? IntegerOutOfRange(context) : count + 1;
  }
  const auto offset = up ? Subtract(v, low) : Subtract(low, v);
  const auto width = up ? Subtract(high, low) : Subtract(low, high);
  const auto scaled = offset ? Multiply(*offset, count) : std::nullopt;
  if (!scaled || !width) return IntegerOutOfRange(context);
  return std::min(count, DivideTo(*scaled, *width, DivideScale(*scaled, *width)).Floor().ToInt64().value_or(count) + 1);
}

const Function kNumericFunctions[] = {
    {"+", {kNum, kNum}, kNum, kLift<Binary<Add>>},
    {"-", {kNum, kNum}, kNum, kLift<Binary<Subtract>>},
    {"*", {kNum, kNum}, kNum, kLift<Binary<Multiply>>},
    {"/", {kNum, kNum}, kNum, kLift<Quotient<Divide>>},
    {"%", {kNum, kNum}, kNum, kLift<Quotient<Modulo>>},
    {"mod", {kNum, kNum}, kNum, kLift<Quotient<Modulo>>},
    {"div", {kNum, kNum}, kNum, kLift<Quotient<DivideTruncated>>},
    {"+", {kNum}, kNum, kLift<PlusNumeric>},
    {"-", {kNum}, kNum, kLift<NegateNumeric>},
    {"@", {kNum}, kNum, kLift<AbsNumeric>},
    {"abs", {kNum}, kNum, kLift<AbsNumeric>},
    {"sign", {kNum}, kNum, kLift<SignOfNumeric>},
    {"round", {kNum}, kNum, kLift<Round>},
    {"round", {kNum, kI4}, kNum, kLift<RoundTo>},
    {"trunc", {kNum}, kNum, kLift<Truncate>},
    {"trunc", {kNum, kI4}, kNum, kLift<TruncateTo>},
    {"ceil", {kNum}, kNum, kLift<Ceil>},
    {"ceiling", {kNum}, kNum, kLift<Ceil>},
    {"floor", {kNum}, kNum, kLift<Floor>},
    {"scale", {kNum}, kI4, kLift<Scale>},
    {"min_scale", {kNum}, kI4, kLift<MinScale>},
    {"trim_scale", {kNum}, kNum, kLift<TrimScale>},
    {"sqrt", {kNum}, kNum, kLift<SquareRoot>},
    {"exp", {kNum}, kNum, kLift<Exponential>},
    {"ln", {kNum}, kNum, kLift<NaturalLogarithm>},
    {"log", {kNum}, kNum, kLift<DecimalLogarithm>},
    {"log10", {kNum}, kNum, kLift<DecimalLogarithm>},
    {"log", {kNum, kNum}, kNum, kLift<Logarithm>},
    {"power", {kNum, kNum}, kNum, kLift<RaisedTo>},
    {"pow", {kNum, kNum}, kNum, kLift<RaisedTo>},
    {"^", {kNum, kNum}, kNum, kLift<RaisedTo>},
    {"gcd", {kNum, kNum}, kNum, kLift<GreatestDivisor>},
    {"lcm", {kNum, kNum}, kNum, kLift<Binary<Lcm>>},
    {"width_bucket", {kNum, kNum, kNum, kI4}, kI4, kLift<BucketOfNumeric>},
};

}  // namespace

std::span<const Function> NumericFunctions() { return kNumericFunctions; }

}  // namespace headgate::sql
