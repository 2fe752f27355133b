#include <bit>
#include <cstdlib>
#include <limits>
#include <numeric>

#include "core/sql/functions/integer_range.h"
#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/lift.h"

// Arithmetic of smallint, integer and bigint.
namespace headgate::sql {
namespace {

using I = std::int64_t;

template <int kBytes>
I AddIntegers(EvalContext& context, I a, I b) {
  I sum;
  return __builtin_add_overflow(a, b, &sum) ? OutOfRange<kBytes>(context) : Fit<kBytes>(context, sum);
}
template <int kBytes>
I SubtractIntegers(EvalContext& context, I a, I b) {
  I difference;
  return __builtin_sub_overflow(a, b, &difference) ? OutOfRange<kBytes>(context) : Fit<kBytes>(context, difference);
}
template <int kBytes>
I MultiplyIntegers(EvalContext& context, I a, I b) {
  I product;
  return __builtin_mul_overflow(a, b, &product) ? OutOfRange<kBytes>(context) : Fit<kBytes>(context, product);
}
template <int kBytes>
I DivideIntegers(EvalContext& context, I a, I b) {
  if (b == 0) {
    context.Fail("22012", "division by zero");
    return 0;
  }
  if (b == -1) return a == kIntegerRange<kBytes>.low ? OutOfRange<kBytes>(context) : -a;
  return a / b;
}
I RemainderOfIntegers(EvalContext& context, I a, I b) {
  if (b == 0) {
    context.Fail("22012", "division by zero");
    return 0;
  }
  return b == -1 ? 0 : a % b;
}
template <int kBytes>
I NegateInteger(EvalContext& context, I a) {
  return a == kIntegerRange<kBytes>.low ? OutOfRange<kBytes>(context) : -a;
}
I PlusInteger(I a) { return a; }
template <int kBytes>
I AbsInteger(EvalContext& context, I a) {
  return a < 0 ? NegateInteger<kBytes>(context, a) : a;
}

I And(I a, I b) { return a & b; }
I Or(I a, I b) { return a | b; }
I Xor(I a, I b) { return a ^ b; }
I Not(I a) { return ~a; }
// A shift uses as many bits of its distance as the type has, as the server's processor does.
template <int kBytes>
I ShiftLeft(I a, I by) {
  constexpr unsigned kMask = kBytes == 8 ? 63 : 31;
  const auto shifted = static_cast<std::uint64_t>(a) << (static_cast<unsigned>(by) & kMask);
  if constexpr (kBytes == 2) return static_cast<std::int16_t>(shifted);
  if constexpr (kBytes == 4) return static_cast<std::int32_t>(shifted);
  return static_cast<I>(shifted);
}
template <int kBytes>
I ShiftRight(I a, I by) {
  constexpr unsigned kMask = kBytes == 8 ? 63 : 31;
  return a >> (static_cast<unsigned>(by) & kMask);
}

template <int kBytes>
I GcdOfIntegers(EvalContext& context, I a, I b) {
  const auto magnitude = [](I v) { return v < 0 ? 0 - static_cast<std::uint64_t>(v) : static_cast<std::uint64_t>(v); };
  const std::uint64_t gcd = std::gcd(magnitude(a), magnitude(b));
  return gcd > static_cast<std::uint64_t>(kIntegerRange<kBytes>.high) ? OutOfRange<kBytes>(context)
                                                                      : static_cast<I>(gcd);
}
template <int kBytes>
I LcmOfIntegers(EvalContext& context, I a, I b) {
  if (a == 0 || b == 0) return 0;
  const I gcd = GcdOfIntegers<kBytes>(context, a, b);
  if (context.failed() && gcd == 0) return 0;
  I product;
  if (__builtin_mul_overflow(a / gcd, b, &product)) return OutOfRange<kBytes>(context);
  return AbsInteger<kBytes>(context, Fit<kBytes>(context, product));
}

// Results of mixed widths have the wider type.
const Function kIntegerFunctions[] = {
    {"+", {kI2, kI2}, kI2, kLift<AddIntegers<2>>},
    {"+", {kI2, kI4}, kI4, kLift<AddIntegers<4>>},
    {"+", {kI4, kI2}, kI4, kLift<AddIntegers<4>>},
    {"+", {kI4, kI4}, kI4, kLift<AddIntegers<4>>},
    {"+", {kI2, kI8}, kI8, kLift<AddIntegers<8>>},
    {"+", {kI8, kI2}, kI8, kLift<AddIntegers<8>>},
    {"+", {kI4, kI8}, kI8, kLift<AddIntegers<8>>},
    {"+", {kI8, kI4}, kI8, kLift<AddIntegers<8>>},
    {"+", {kI8, kI8}, kI8, kLift<AddIntegers<8>>},
    {"-", {kI2, kI2}, kI2, kLift<SubtractIntegers<2>>},
    {"-", {kI2, kI4}, kI4, kLift<SubtractIntegers<4>>},
    {"-", {kI4, kI2}, kI4, kLift<SubtractIntegers<4>>},
    {"-", {kI4, kI4}, kI4, kLift<SubtractIntegers<4>>},
    {"-", {kI2, kI8}, kI8, kLift<SubtractIntegers<8>>},
    {"-", {kI8, kI2}, kI8, kLift<SubtractIntegers<8>>},
    {"-", {kI4, kI8}, kI8, kLift<SubtractIntegers<8>>},
    {"-", {kI8, kI4}, kI8, kLift<SubtractIntegers<8>>},
    {"-", {kI8, kI8}, kI8, kLift<SubtractIntegers<8>>},
    {"*", {kI2, kI2}, kI2, kLift<MultiplyIntegers<2>>},
    {"*", {kI2, kI4}, kI4, kLift<MultiplyIntegers<4>>},
    {"*", {kI4, kI2}, kI4, kLift<MultiplyIntegers<4>>},
    {"*", {kI4, kI4}, kI4, kLift<MultiplyIntegers<4>>},
    {"*", {kI2, kI8}, kI8, kLift<MultiplyIntegers<8>>},
    {"*", {kI8, kI2}, kI8, kLift<MultiplyIntegers<8>>},
    {"*", {kI4, kI8}, kI8, kLift<MultiplyIntegers<8>>},
    {"*", {kI8, kI4}, kI8, kLift<MultiplyIntegers<8>>},
    {"*", {kI8, kI8}, kI8, kLift<MultiplyIntegers<8>>},
    {"/", {kI2, kI2}, kI2, kLift<DivideIntegers<2>>},
    {"/", {kI2, kI4}, kI4, kLift<DivideIntegers<4>>},
    {"/", {kI4, kI2}, kI4, kLift<DivideIntegers<4>>},
    {"/", {kI4, kI4}, kI4, kLift<DivideIntegers<4>>},
    {"/", {kI2, kI8}, kI8, kLift<DivideIntegers<8>>},
    {"/", {kI8, kI2}, kI8, kLift<DivideIntegers<8>>},
    {"/", {kI4, kI8}, kI8, kLift<DivideIntegers<8>>},
    {"/", {kI8, kI4}, kI8, kLift<DivideIntegers<8>>},
    {"/", {kI8, kI8}, kI8, kLift<DivideIntegers<8>>},
    {"%", {kI2, kI2}, kI2, kLift<RemainderOfIntegers>},
    {"%", {kI4, kI4}, kI4, kLift<RemainderOfIntegers>},
    {"%", {kI8, kI8}, kI8, kLift<RemainderOfIntegers>},
    {"mod", {kI2, kI2}, kI2, kLift<RemainderOfIntegers>},
    {"mod", {kI4, kI4}, kI4, kLift<RemainderOfIntegers>},
    {"mod", {kI8, kI8}, kI8, kLift<RemainderOfIntegers>},
    {"-", {kI2}, kI2, kLift<NegateInteger<2>>},
    {"-", {kI4}, kI4, kLift<NegateInteger<4>>},
    {"-", {kI8}, kI8, kLift<NegateInteger<8>>},
    {"+", {kI2}, kI2, kLift<PlusInteger>},
    {"+", {kI4}, kI4, kLift<PlusInteger>},
    {"+", {kI8}, kI8, kLift<PlusInteger>},
    {"abs", {kI2}, kI2, kLift<AbsInteger<2>>},
    {"abs", {kI4}, kI4, kLift<AbsInteger<4>>},
    {"abs", {kI8}, kI8, kLift<AbsInteger<8>>},
    {"@", {kI2}, kI2, kLift<AbsInteger<2>>},
    {"@", {kI4}, kI4, kLift<AbsInteger<4>>},
    {"@", {kI8}, kI8, kLift<AbsInteger<8>>},
    {"&", {kI2, kI2}, kI2, kLift<And>},
    {"&", {kI4, kI4}, kI4, kLift<And>},
    {"&", {kI8, kI8}, kI8, kLift<And>},
    {"|", {kI2, kI2}, kI2, kLift<Or>},
    {"|", {kI4, kI4}, kI4, kLift<Or>},
    {"|", {kI8, kI8}, kI8, kLift<Or>},
    {"#", {kI2, kI2}, kI2, kLift<Xor>},
    {"#", {kI4, kI4}, kI4, kLift<Xor>},
    {"#", {kI8, kI8}, kI8, kLift<Xor>},
    {"~", {kI2}, kI2, kLift<Not>},
    {"~", {kI4}, kI4, kLift<Not>},
    {"~", {kI8}, kI8, kLift<Not>},
    {"<<", {kI2, kI4}, kI2, kLift<ShiftLeft<2>>},
    {"<<", {kI4, kI4}, kI4, kLift<ShiftLeft<4>>},
    {"<<", {kI8, kI4}, kI8, kLift<ShiftLeft<8>>},
    {">>", {kI2, kI4}, kI2, kLift<ShiftRight<2>>},
    {">>", {kI4, kI4}, kI4, kLift<ShiftRight<4>>},
    {">>", {kI8, kI4}, kI8, kLift<ShiftRight<8>>},
    {"gcd", {kI4, kI4}, kI4, kLift<GcdOfIntegers<4>>},
    {"gcd", {kI8, kI8}, kI8, kLift<GcdOfIntegers<8>>},
    {"lcm", {kI4, kI4}, kI4, kLift<LcmOfIntegers<4>>},
    {"lcm", {kI8, kI8}, kI8, kLift<LcmOfIntegers<8>>},
};

}  // namespace

std::span<const Function> IntegerFunctions() { return kIntegerFunctions; }

}  // namespace headgate::sql
