#include <cmath>
#include <cstdlib>
#include <limits>

#include "core/sql/cast.h"
#include "core/sql/characters.h"
#include "core/sql/functions/integer_range.h"
#include "core/sql/functions/table_words.h"
#include "core/sql/lift.h"

// Casts among booleans, numbers, texts and bit strings. What is not here goes by way of text.
namespace headgate::sql {
namespace {

using I = std::int64_t;

// Half to even.
template <int kBytes>
I OfDouble(EvalContext& context, double v) {
  const double rounded = std::nearbyint(v);
  constexpr auto kLow = static_cast<double>(kIntegerRange<kBytes>.low);
  if (!(rounded >= kLow && rounded < -kLow)) return OutOfRange<kBytes>(context);
  return static_cast<I>(rounded);
}

// Half away from zero.
template <int kBytes>
I OfNumeric(EvalContext& context, const Numeric& v) {
  if (!v.finite()) {
    context.Fail("0A000",
                 std::string("cannot convert ") + (v.nan() ? "NaN" : "infinity") + " to " + kIntegerRange<kBytes>.name);
    return 0;
  }
  const auto whole = v.ToInt64();
  return whole ? Fit<kBytes>(context, *whole) : OutOfRange<kBytes>(context);
}

I OfBool(bool v) { return v ? 1 : 0; }
bool ToBool(I v) { return v != 0; }

double DoubleOfInteger(I v) { return static_cast<double>(v); }
double FloatOfInteger(I v) { return static_cast<double>(static_cast<float>(v)); }
double FloatOfDouble(EvalContext& context, double v) {
  const auto narrow = static_cast<float>(v);
  if (std::isinf(narrow) && !std::isinf(v)) context.Fail("22003", "value out of range: overflow");
  if (narrow == 0 && v != 0) context.Fail("22003", "value out of range: underflow");
  return static_cast<double>(narrow);
}

// By way of the digits, as the server does: numbers of the other type's size are read from text.
double DoubleOfNumeric(EvalContext& context, const Numeric& v) {
  const double d = v.ToDouble();
  if (v.finite() && (std::isinf(d) || (d == 0 && !v.zero()))) {
    context.Fail("22003", "\"" + v.Text() + "\" is out of range for type double precision");
  }
  return d;
}
double FloatOfNumeric(EvalContext& context, const Numeric& v) {
  if (!v.finite()) return v.ToDouble();
  const std::string text = v.Text();
  const float f = std::strtof(text.c_str(), nullptr);
  if (std::isinf(f) || (f == 0 && !v.zero())) {
    context.Fail("22003", "\"" + text + "\" is out of range for type real");
  }
  return static_cast<double>(f);
}

Numeric NumericOfInteger(I v) { return v; }
Numeric NumericOfDouble(double v) { return Numeric::OfDouble(v); }
Numeric NumericOfFloat(double v) { return Numeric::OfFloat(static_cast<float>(v)); }

std::string_view TextOfBool(bool v) { return v ? "true" : "false"; }

// The lowest bits, the sign in front of them where there are more.
template <int kBytes>
std::string BitsOfInteger(EvalContext&, const CallSite& site, I v) {
  const auto length = static_cast<std::size_t>(site.result.mod < 1 ? 1 : site.result.mod);
  std::string bits(length, v < 0 ? '1' : '0');
  for (std::size_t i = 0; i < length && i < kBytes * 8; ++i) bits[length - 1 - i] = (v >> i & 1) != 0 ? '1' : '0';
  return bits;
}
template <int kBytes>
I IntegerOfBits(EvalContext& context, std::string_view bits) {
  if (bits.size() > kBytes * 8) return OutOfRange<kBytes>(context);
  std::uint64_t v = 0;
  for (const char c : bits) v = v << 1 | (c == '1' ? 1 : 0);
  return kBytes == 4 ? static_cast<std::int32_t>(v) : static_cast<I>(v);
}

constexpr Kernel kSame = nullptr;  // integers are 64 bits in memory, floats doubles

const Cast kBasicCasts[] = {
    {kI2, kI4, kImplicit, kSame},
    {kI2, kI8, kImplicit, kSame},
    {kI4, kI8, kImplicit, kSame},
    {kI4, kI2, kAssignment, kLift<Fit<2>>},
    {kI8, kI2, kAssignment, kLift<Fit<2>>},
    {kI8, kI4, kAssignment, kLift<Fit<4>>},

    {kI2, kF4, kImplicit, kLift<FloatOfInteger>},
    {kI4, kF4, kImplicit, kLift<FloatOfInteger>},
    {kI8, kF4, kImplicit, kLift<FloatOfInteger>},
    {kI2, kF8, kImplicit, kLift<DoubleOfInteger>},
    {kI4, kF8, kImplicit, kLift<DoubleOfInteger>},
    {kI8, kF8, kImplicit, kLift<DoubleOfInteger>},
    {kF4, kF8, kImplicit, kSame},
    {kF8, kF4, kAssignment, kLift<FloatOfDouble>},
    {kF4, kI2, kAssignment, kLift<OfDouble<2>>},
    {kF4, kI4, kAssignment, kLift<OfDouble<4>>},
    {kF4, kI8, kAssignment, kLift<OfDouble<8>>},
    {kF8, kI2, kAssignment, kLift<OfDouble<2>>},
    {kF8, kI4, kAssignment, kLift<OfDouble<4>>},
    {kF8, kI8, kAssignment, kLift<OfDouble<8>>},

    {kI2, kNum, kImplicit, kLift<NumericOfInteger>},
    {kI4, kNum, kImplicit, kLift<NumericOfInteger>},
    {kI8, kNum, kImplicit, kLift<NumericOfInteger>},
    {kF4, kNum, kAssignment, kLift<NumericOfFloat>},
    {kF8, kNum, kAssignment, kLift<NumericOfDouble>},
    {kNum, kI2, kAssignment, kLift<OfNumeric<2>>},
    {kNum, kI4, kAssignment, kLift<OfNumeric<4>>},
    {kNum, kI8, kAssignment, kLift<OfNumeric<8>>},
    {kNum, kF4, kImplicit, kLift<FloatOfNumeric>},
    {kNum, kF8, kImplicit, kLift<DoubleOfNumeric>},

    {kBool, kI4, kExplicit, kLift<OfBool>},
    {kI4, kBool, kExplicit, kLift<ToBool>},
    {kBool, kText, kAssignment, kLift<TextOfBool>},
    {kBool, kVarchar, kAssignment, kLift<TextOfBool>},
    {kBool, kBpchar, kAssignment, kLift<TextOfBool>},

    {kText, kVarchar, kImplicit, kSame},
    {kText, kBpchar, kImplicit, kLift<WithoutTrailingBlanks>},
    {kVarchar, kText, kImplicit, kSame},
    {kVarchar, kBpchar, kImplicit, kLift<WithoutTrailingBlanks>},
    {kBpchar, kText, kImplicit, kSame},
    {kBpchar, kVarchar, kImplicit, kSame},

    {kBit, kVarbit, kImplicit, kSame},
    {kVarbit, kBit, kImplicit, kSame},
    {kI4, kBit, kExplicit, kLift<BitsOfInteger<4>>},
    {kI8, kBit, kExplicit, kLift<BitsOfInteger<8>>},
    {kBit, kI4, kExplicit, kLift<IntegerOfBits<4>>},
    {kBit, kI8, kExplicit, kLift<IntegerOfBits<8>>},
};

}  // namespace

std::span<const Cast> BasicCasts() { return kBasicCasts; }

}  // namespace headgate::sql
