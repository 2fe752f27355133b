#include <bit>
#include <cstdlib>
#include <limits>
#include <numeric>

#include "core/sql/functions/tables.h"
#include "core/sql/lift.h"

// Arithmetic of smallint, integer and bigint. All three are 64 bits in memory; a result that leaves its type is an
// error.
namespace headgate::sql {
namespace {

using I = std::int64_t;

struct Bounds {
  I low;
  I high;
  const char* message;
};
template <int kBytes>
constexpr Bounds kBounds{};
template <>
constexpr Bounds kBounds<2>{std::numeric_limits<std::int16_t>::min(), std::numeric_limits<std::int16_t>::max(),
                            "smallint out of range"};
template <>
constexpr Bounds kBounds<4>{std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max(),
                            "integer out of range"};
template <>
constexpr Bounds kBounds<8>{std::numeric_limits<I>::min(), std::numeric_limits<I>::max(), "bigint out of range"};

template <int kBytes>
I OutOfRange(EvalContext& context) {
  context.Fail("22003", kBounds<kBytes>.message);
  return 0;
}
template <int kBytes>
I Fit(EvalContext& context, I v) {
  return v < kBounds<kBytes>.low || v > kBounds<kBytes>.high ? OutOfRange<kBytes>(context) : v;
}

template <int kBytes>
I Add(EvalContext& context, I a, I b) {
  I sum;
  return __builtin_add_overflow(a, b, &sum) ? OutOfRange<kBytes>(context) : Fit<kBytes>(context, sum);
}
template <int kBytes>
I Subtract(EvalContext& context, I a, I b) {
  I difference;
  return __builtin_sub_overflow(a, b, &difference) ? OutOfRange<kBytes>(context) : Fit<kBytes>(context, difference);
}
template <int kBytes>
I Multiply(EvalContext& context, I a, I b) {
  I product;
  return __builtin_mul_overflow(a, b, &product) ? OutOfRange<kBytes>(context) : Fit<kBytes>(context, product);
}
template <int kBytes>
I Divide(EvalContext& context, I a, I b) {
  if (b == 0) {
    context.Fail("22012", "division by zero");
    return 0;
  }
  if (b == -1) return a == kBounds<kBytes>.low ? OutOfRange<kBytes>(context) : -a;
  return a / b;
}
I Modulo(EvalContext& context, I a, I b) {
  if (b == 0) {
    context.Fail("22012", "division by zero");
    return 0;
  }
  return b == -1 ? 0 : a % b;
}
template <int kBytes>
I Negate(EvalContext& context, I a) {
  return a == kBounds<kBytes>.low ? OutOfRange<kBytes>(context) : -a;
}
I Plus(I a) { return a; }
template <int kBytes>
I Abs(EvalContext& context, I a) {
  return a < 0 ? Negate<kBytes>(context, a) : a;
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
I Gcd(EvalContext& context, I a, I b) {
  const auto magnitude = [](I v) { return v < 0 ? 0 - static_cast<std::uint64_t>(v) : static_cast<std::uint64_t>(v); };
  const std::uint64_t gcd = std::gcd(magnitude(a), magnitude(b));
  return gcd > static_cast<std::uint64_t>(kBounds<kBytes>.high) ? OutOfRange<kBytes>(context) : static_cast<I>(gcd);
}
template <int kBytes>
I Lcm(EvalContext& context, I a, I b) {
  if (a == 0 || b == 0) return 0;
  const I gcd = Gcd<kBytes>(context, a, b);
  if (context.failed() && gcd == 0) return 0;
  I product;
  if (__builtin_mul_overflow(a / gcd, b, &product)) return OutOfRange<kBytes>(context);
  return Abs<kBytes>(context, Fit<kBytes>(context, product));
}

constexpr TypeId kI2 = TypeId::kInt2;
constexpr TypeId kI4 = TypeId::kInt4;
constexpr TypeId kI8 = TypeId::kInt8;

// Results of mixed widths have the wider type.
const Function kTable[] = {
    {"+", {kI2, kI2}, kI2, kLift<Add<2>>},
    {"+", {kI2, kI4}, kI4, kLift<Add<4>>},
    {"+", {kI4, kI2}, kI4, kLift<Add<4>>},
    {"+", {kI4, kI4}, kI4, kLift<Add<4>>},
    {"+", {kI2, kI8}, kI8, kLift<Add<8>>},
    {"+", {kI8, kI2}, kI8, kLift<Add<8>>},
    {"+", {kI4, kI8}, kI8, kLift<Add<8>>},
    {"+", {kI8, kI4}, kI8, kLift<Add<8>>},
    {"+", {kI8, kI8}, kI8, kLift<Add<8>>},
    {"-", {kI2, kI2}, kI2, kLift<Subtract<2>>},
    {"-", {kI2, kI4}, kI4, kLift<Subtract<4>>},
    {"-", {kI4, kI2}, kI4, kLift<Subtract<4>>},
    {"-", {kI4, kI4}, kI4, kLift<Subtract<4>>},
    {"-", {kI2, kI8}, kI8, kLift<Subtract<8>>},
    {"-", {kI8, kI2}, kI8, kLift<Subtract<8>>},
    {"-", {kI4, kI8}, kI8, kLift<Subtract<8>>},
    {"-", {kI8, kI4}, kI8, kLift<Subtract<8>>},
    {"-", {kI8, kI8}, kI8, kLift<Subtract<8>>},
    {"*", {kI2, kI2}, kI2, kLift<Multiply<2>>},
    {"*", {kI2, kI4}, kI4, kLift<Multiply<4>>},
    {"*", {kI4, kI2}, kI4, kLift<Multiply<4>>},
    {"*", {kI4, kI4}, kI4, kLift<Multiply<4>>},
    {"*", {kI2, kI8}, kI8, kLift<Multiply<8>>},
    {"*", {kI8, kI2}, kI8, kLift<Multiply<8>>},
    {"*", {kI4, kI8}, kI8, kLift<Multiply<8>>},
    {"*", {kI8, kI4}, kI8, kLift<Multiply<8>>},
    {"*", {kI8, kI8}, kI8, kLift<Multiply<8>>},
    {"/", {kI2, kI2}, kI2, kLift<Divide<2>>},
    {"/", {kI2, kI4}, kI4, kLift<Divide<4>>},
    {"/", {kI4, kI2}, kI4, kLift<Divide<4>>},
    {"/", {kI4, kI4}, kI4, kLift<Divide<4>>},
    {"/", {kI2, kI8}, kI8, kLift<Divide<8>>},
    {"/", {kI8, kI2}, kI8, kLift<Divide<8>>},
    {"/", {kI4, kI8}, kI8, kLift<Divide<8>>},
    {"/", {kI8, kI4}, kI8, kLift<Divide<8>>},
    {"/", {kI8, kI8}, kI8, kLift<Divide<8>>},
    {"%", {kI2, kI2}, kI2, kLift<Modulo>},
    {"%", {kI4, kI4}, kI4, kLift<Modulo>},
    {"%", {kI8, kI8}, kI8, kLift<Modulo>},
    {"mod", {kI2, kI2}, kI2, kLift<Modulo>},
    {"mod", {kI4, kI4}, kI4, kLift<Modulo>},
    {"mod", {kI8, kI8}, kI8, kLift<Modulo>},
    {"-", {kI2}, kI2, kLift<Negate<2>>},
    {"-", {kI4}, kI4, kLift<Negate<4>>},
    {"-", {kI8}, kI8, kLift<Negate<8>>},
    {"+", {kI2}, kI2, kLift<Plus>},
    {"+", {kI4}, kI4, kLift<Plus>},
    {"+", {kI8}, kI8, kLift<Plus>},
    {"abs", {kI2}, kI2, kLift<Abs<2>>},
    {"abs", {kI4}, kI4, kLift<Abs<4>>},
    {"abs", {kI8}, kI8, kLift<Abs<8>>},
    {"@", {kI2}, kI2, kLift<Abs<2>>},
    {"@", {kI4}, kI4, kLift<Abs<4>>},
    {"@", {kI8}, kI8, kLift<Abs<8>>},
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
    {"gcd", {kI4, kI4}, kI4, kLift<Gcd<4>>},
    {"gcd", {kI8, kI8}, kI8, kLift<Gcd<8>>},
    {"lcm", {kI4, kI4}, kI4, kLift<Lcm<4>>},
    {"lcm", {kI8, kI8}, kI8, kLift<Lcm<8>>},
};

}  // namespace

std::span<const Function> IntegerFunctions() { return kTable; }

}  // namespace headgate::sql
