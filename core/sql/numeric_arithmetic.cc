#include <algorithm>
#include <optional>

#include "core/sql/numeric.h"

namespace headgate::sql {
namespace {

bool TooLarge(const Numeric& v) { return !v.magnitude().small() && v.IntegerDigits() > Numeric::kIntegerDigitsMax; }

Numeric Sum(const Numeric& a, const Numeric& b, bool b_negative) {
  const int scale = std::max(a.scale(), b.scale());
  const auto add = [&](const Magnitude& x, const Magnitude& y) {
    if (a.negative() == b_negative) return Numeric::Of(b_negative, x + y, scale);
    return x >= y ? Numeric::Of(a.negative(), x - y, scale) : Numeric::Of(b_negative, y - x, scale);
  };
  if (a.scale() == b.scale()) return add(a.magnitude(), b.magnitude());
  return add(a.magnitude().TimesPowerOfTen(static_cast<unsigned>(scale - a.scale())),
             b.magnitude().TimesPowerOfTen(static_cast<unsigned>(scale - b.scale())));
}

std::optional<Numeric> AddSigned(const Numeric& a, const Numeric& b, bool b_negative) {
  if (a.finite() && b.finite()) {
    std::optional<Numeric> sum(Sum(a, b, b_negative));
    if (TooLarge(*sum)) sum.reset();
    return sum;
  }
  if (a.nan() || b.nan()) return Numeric::NaN();
  if (a.infinite() && b.infinite() && a.negative() != b_negative) return Numeric::NaN();
  return Numeric::Infinity(a.infinite() ? a.negative() : b_negative);
}

// The place of the first group of four digits, as the server stores numbers, and the group.
struct FirstGroup {
  int weight = 0;
  int digits = 0;
};
FirstGroup FirstGroupOf(const Numeric& v) {
  const Magnitude& m = v.magnitude();
  if (m.zero()) return {};
  const auto digits = static_cast<int>(m.Digits());
  const int place = digits - v.scale();                             // digits before the point, may be negative
  const int weight = (place - 1 >= 0 ? place - 1 : place - 4) / 4;  // floor
  const int in_group = place - weight * 4;
  const Magnitude group = digits >= in_group ? m.OverPowerOfTen(static_cast<unsigned>(digits - in_group))
                                             : m.TimesPowerOfTen(static_cast<unsigned>(in_group - digits));
  return {weight, static_cast<int>(group.value())};
}

// a * 10^n / b, halves up, without memory of its own where b has 64 bits and the quotient 128.
Magnitude ScaledQuotient(const Magnitude& a, unsigned n, const Magnitude& b) {
  constexpr unsigned kSmall = 38;
  if (a.small() && b.small() && n <= kSmall && b.value() >> 64 == 0) {
    const Uint128 power = SmallPowerOfTen(n);
    const auto divisor = static_cast<std::uint64_t>(b.value());
    Uint128 product;
    if (!__builtin_mul_overflow(a.value(), power, &product)) {
      const Uint128 quotient = product / divisor;
      return quotient + (product - quotient * divisor >= divisor - (product - quotient * divisor) ? 1 : 0);
    }
    if (a.value() >> 64 == 0 || power >> 64 == 0) {  // 192 bits: three limbs, divided one by one
      const Uint128 wide = a.value() >> 64 == 0 ? power : a.value();
      const auto narrow = static_cast<std::uint64_t>(a.value() >> 64 == 0 ? a.value() : power);
      const Uint128 low = static_cast<Uint128>(static_cast<std::uint64_t>(wide)) * narrow;
      const Uint128 high = (wide >> 64) * narrow + (low >> 64);
      const Uint128 top = high / divisor;
      const Uint128 bottom = (high % divisor) << 64 | static_cast<std::uint64_t>(low);
      const Uint128 rest = bottom % divisor;
      const Uint128 quotient = top << 64 | bottom / divisor;
      if (top >> 64 == 0 && ~quotient != 0) return quotient + (rest >= divisor - rest ? 1 : 0);
    }
  }
  return Magnitude::DivideRounded(a.TimesPowerOfTen(n), b);
}

}  // namespace

std::optional<Numeric> IfItFits(Numeric v) {
  if (TooLarge(v)) return std::nullopt;
  return v;
}

std::optional<Numeric> Add(const Numeric& a, const Numeric& b) { return AddSigned(a, b, b.negative()); }
std::optional<Numeric> Subtract(const Numeric& a, const Numeric& b) {
  return AddSigned(a, b, b.Sign() != 0 && !b.negative());
}

std::optional<Numeric> Multiply(const Numeric& a, const Numeric& b) {
  if (!a.finite() || !b.finite()) {
    if (a.nan() || b.nan() || a.Sign() == 0 || b.Sign() == 0) return Numeric::NaN();
    return Numeric::Infinity(a.negative() != b.negative());
  }
  const int scale = a.scale() + b.scale();
  Numeric product = Numeric::Of(a.negative() != b.negative(), a.magnitude() * b.magnitude(), scale);
  return IfItFits(scale > Numeric::kScaleMax ? product.Rounded(Numeric::kScaleMax) : std::move(product));
}

int DivideScale(const Numeric& a, const Numeric& b) {
  const FirstGroup first_a = FirstGroupOf(a);
  const FirstGroup first_b = FirstGroupOf(b);
  int weight = first_a.weight - first_b.weight;
  if (first_a.digits <= first_b.digits) --weight;
  const int scale = std::max({Numeric::kSignificantDigitsMin - weight * 4, a.scale(), b.scale(), 0});
  return std::min(scale, Numeric::kChosenScaleMax);
}

Numeric DivideTo(const Numeric& a, const Numeric& b, int scale) {
  const bool negative = a.negative() != b.negative();
  const int shift = scale + b.scale() - a.scale();
  if (shift >= 0) {
    return Numeric::Of(negative, ScaledQuotient(a.magnitude(), static_cast<unsigned>(shift), b.magnitude()), scale);
  }
  return Numeric::Of(
      negative, Magnitude::DivideRounded(a.magnitude(), b.magnitude().TimesPowerOfTen(static_cast<unsigned>(-shift))),
      scale);
}

std::optional<Numeric> Divide(const Numeric& a, const Numeric& b) {
  if (a.nan() || b.nan()) return Numeric::NaN();
  if (a.infinite()) {
    if (b.infinite()) return Numeric::NaN();
    if (b.zero()) return std::nullopt;
    return Numeric::Infinity(a.negative() != b.negative());
  }
  if (b.infinite()) return Numeric();
  if (b.zero()) return std::nullopt;
  return IfItFits(DivideTo(a, b, DivideScale(a, b)));
}

std::optional<Numeric> DivideTruncated(const Numeric& a, const Numeric& b) {
  if (!a.finite() || !b.finite()) return Divide(a, b);
  if (b.zero()) return std::nullopt;
  const int scale = std::max(a.scale(), b.scale());
  const Magnitude x = a.magnitude().TimesPowerOfTen(static_cast<unsigned>(scale - a.scale()));
  const Magnitude y = b.magnitude().TimesPowerOfTen(static_cast<unsigned>(scale - b.scale()));
  return IfItFits(Numeric::Of(a.negative() != b.negative(), x / y, 0));
}

std::optional<Numeric> Modulo(const Numeric& a, const Numeric& b) {
  if (a.nan() || b.nan()) return Numeric::NaN();
  if (a.infinite()) {
    if (b.zero()) return std::nullopt;
    return Numeric::NaN();
  }
  if (b.infinite()) return a;
  if (b.zero()) return std::nullopt;
  const int scale = std::max(a.scale(), b.scale());
  const Magnitude x = a.magnitude().TimesPowerOfTen(static_cast<unsigned>(scale - a.scale()));
  const Magnitude y = b.magnitude().TimesPowerOfTen(static_cast<unsigned>(scale - b.scale()));
  return Numeric::Of(a.negative(), x % y, scale);
}

Numeric Gcd(const Numeric& a, const Numeric& b) {
  if (!a.finite() || !b.finite()) return Numeric::NaN();
  const int scale = std::max(a.scale(), b.scale());
  Magnitude x = a.magnitude().TimesPowerOfTen(static_cast<unsigned>(scale - a.scale()));
  Magnitude y = b.magnitude().TimesPowerOfTen(static_cast<unsigned>(scale - b.scale()));
  while (!y.zero()) {
    Magnitude rest = x % y;
    x = std::move(y);
    y = std::move(rest);
  }
  return Numeric::Of(false, std::move(x), scale);
}

std::optional<Numeric> Lcm(const Numeric& a, const Numeric& b) {
  if (!a.finite() || !b.finite()) return Numeric::NaN();
  const int scale = std::max(a.scale(), b.scale());
  if (a.zero() || b.zero()) return Numeric::Of(false, {}, scale);
  const Numeric times = *DivideTruncated(a, Gcd(a, b));
  return IfItFits(Numeric::Of(false, times.magnitude() * b.magnitude(), b.scale()).Rounded(scale));
}

}  // namespace headgate::sql
