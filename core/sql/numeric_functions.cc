#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>

#include "core/sql/numeric.h"

// Roots, logarithms and powers. Roots and logarithms are exact and rounded once; where PostgreSQL rounds in between
// (powers, and the logarithms inside log and power), so do we, because its last digit shows it.
namespace headgate::sql {
namespace {

constexpr double kBitsPerDigit = 3.3219280948873623;
constexpr double kDigitsPerUnit = 0.434294481903252;  // log10(e)
constexpr double kExponentMax = 6000;                 // exp of more overflows, of less is 0

unsigned BitsFor(double digits) { return static_cast<unsigned>(std::max(0.0, digits) * kBitsPerDigit) + 64; }

int Bounded(int scale) { return std::clamp(scale, 0, Numeric::kChosenScaleMax); }

// Of the first group of four digits, as the server stores numbers.
int GroupWeight(const Numeric& v) {
  const int place = v.FirstDigitPlace() - 1;
  return v.zero() ? 0 : (place >= 0 ? place / 4 : -((3 - place) / 4));
}

// The first groups of digits, cut off there: about mantissa * 10^place.
struct Leading {
  double mantissa;
  int place;
};
Leading LeadingGroups(const Numeric& v, int groups) {
  const int kept = v.FirstDigitPlace() - GroupWeight(v) * 4 + (groups - 1) * 4;
  const int drop = std::max(0, static_cast<int>(v.magnitude().Digits()) - kept);
  const Magnitude top = v.magnitude().OverPowerOfTen(static_cast<unsigned>(drop));
  return {static_cast<double>(top.value()), drop - v.scale()};
}

// Roughly the place of the first digit of ln(v): 0 for 1 to 9, -1 for 0.1.
int LogarithmPlace(const Numeric& v) {
  if (v.Sign() <= 0) return 0;
  if (v >= Numeric::OfInt128(9, 1) && v <= Numeric::OfInt128(11, 1)) {
    const Numeric x = *Subtract(v, 1);  // ln(1 + x) is about x
    return x.zero() ? 0 : x.FirstDigitPlace() - 1;
  }
  const Leading leading = LeadingGroups(v, 2);
  const double logarithm = std::log(leading.mantissa) + leading.place * 2.302585092994046;
  return static_cast<int>(std::log10(std::fabs(logarithm)));
}

// 2 atanh(1/n), in units of 2^-bits.
Magnitude TwiceArtanhOfInverse(std::uint64_t n, unsigned bits) {
  const Magnitude square = static_cast<Uint128>(n) * n;
  Magnitude power = (Magnitude(2) << bits) / Magnitude(n);
  Magnitude sum;
  for (std::uint64_t i = 1; !power.zero(); i += 2) {
    sum = sum + power / Magnitude(i);
    power = power / square;
  }
  return sum;
}

Magnitude LogarithmOfTwo(unsigned bits) {  // a formula of Machin's kind
  return TwiceArtanhOfInverse(26, bits) * Magnitude(9) + TwiceArtanhOfInverse(8749, bits) * Magnitude(4) -
         TwiceArtanhOfInverse(4801, bits);
}

// ln(m) in units of 2^-bits, for m of 1 to 2 in the same units: roots bring m close to 1, then the series of atanh.
Magnitude LogarithmOfMantissa(Magnitude m, unsigned bits) {
  const unsigned roots = 4 + static_cast<unsigned>(std::sqrt(bits)) / 4;
  for (unsigned i = 0; i < roots; ++i) m = (m << bits).SquareRoot();
  const Magnitude one = Magnitude(1) << bits;
  const Magnitude z = ((m - one) << bits) / (m + one);
  const Magnitude square = (z * z) >> bits;
  Magnitude power = z;
  Magnitude sum;
  for (std::uint64_t i = 1; !power.zero(); i += 2) {
    sum = sum + power / Magnitude(i);
    power = (power * square) >> bits;
  }
  return sum << (roots + 1);
}

// v > 0, rounded to `scale`.
Numeric LogarithmTo(const Numeric& v, int scale) {
  const unsigned wanted = BitsFor(scale);
  const unsigned bits = wanted + static_cast<unsigned>(std::sqrt(wanted)) + 32;
  const Magnitude divisor = Magnitude::PowerOfTen(static_cast<unsigned>(v.scale()));
  // v = m * 2^exponent, 1 <= m < 2
  int exponent = static_cast<int>(v.magnitude().Bits()) - static_cast<int>(divisor.Bits());
  const auto mantissa = [&](int at) {
    const int shift = static_cast<int>(bits) - at;
    return shift >= 0 ? (v.magnitude() << static_cast<unsigned>(shift)) / divisor
                      : v.magnitude() / (divisor << static_cast<unsigned>(-shift));
  };
  Magnitude m = mantissa(exponent);
  if (m.Bits() <= bits) m = mantissa(--exponent);
  const Magnitude logarithm = LogarithmOfMantissa(std::move(m), bits);
  const Magnitude twos =
      exponent == 0 ? Magnitude() : LogarithmOfTwo(bits) * Magnitude(static_cast<unsigned>(std::abs(exponent)));
  const bool negative = exponent < 0 && twos > logarithm;
  const Magnitude sum = exponent >= 0 ? logarithm + twos : (negative ? twos - logarithm : logarithm - twos);
  const Magnitude scaled = sum.TimesPowerOfTen(static_cast<unsigned>(scale));
  return Numeric::Of(negative, Magnitude::DivideRounded(scaled, Magnitude(1) << bits), scale);
}

Numeric ProductTo(const Numeric& a, const Numeric& b, int scale) {
  return Numeric::Of(a.negative() != b.negative(), a.magnitude() * b.magnitude(), a.scale() + b.scale()).Rounded(scale);
}

// e^v rounded to `scale`: v is halved until it is small, and the sum of the series squared as often. The digits kept in
// between are those that the server keeps: for powers of bases close to 1 they decide the last digit.
std::optional<Numeric> ExponentialTo(const Numeric& v, int scale) {
  const double estimate = v.ToDouble();
  if (std::fabs(estimate) >= kExponentMax) {
    if (estimate > 0) return std::nullopt;
    return Numeric::Of(false, {}, scale);
  }
  int halvings = 0;
  for (double rest = std::fabs(estimate); rest > 0.01; rest /= 2) ++halvings;
  const Numeric x = halvings == 0 ? v : DivideTo(v, std::int64_t{1} << halvings, v.scale() + halvings);
  const int weight = static_cast<int>(estimate * kDigitsPerUnit);
  const int significant = std::max(0, 1 + weight + scale + static_cast<int>(halvings / kBitsPerDigit)) + 8;
  const int inner = significant - 1;
  Numeric sum = *Add(1, x);
  Numeric term = DivideTo(ProductTo(x, x, inner), 2, inner);
  for (std::int64_t n = 3; !term.zero(); ++n) {
    sum = *Add(sum, term);
    term = DivideTo(ProductTo(term, x, inner), n, inner);
  }
  for (; halvings > 0; --halvings) {
    sum = ProductTo(sum, sum, std::max(0, significant - 2 * GroupWeight(sum) * 4));
  }
  return sum.Rounded(scale);
}

// By squaring, with as many digits in between as the server keeps.
std::optional<Numeric> WholePower(const Numeric& base, int exponent, int scale) {
  if (exponent == 0) return Numeric(1).Rounded(scale);
  if (exponent == 1) return base.Rounded(scale);
  if (exponent == -1) return IfItFits(DivideTo(1, base, scale));
  if (exponent == 2) return IfItFits(ProductTo(base, base, scale));
  if (base.zero()) return Numeric::Of(false, {}, scale);

  const Leading leading = LeadingGroups(base, 4);
  const double place = exponent * (std::log10(leading.mantissa) + leading.place);
  constexpr double kPlaceMax = 3.0 * std::numeric_limits<std::int16_t>::max() * 4;
  if (place > kPlaceMax) return std::nullopt;
  if (place + 1 < -scale || place + 1 < -Numeric::kChosenScaleMax) return Numeric::Of(false, {}, scale);
  const double magnitude = std::fabs(static_cast<double>(exponent));
  const int significant = 1 + scale + static_cast<int>(place) + static_cast<int>(std::log(magnitude)) + 8;

  constexpr int kWeightMax = std::numeric_limits<std::int16_t>::max();
  auto left = static_cast<std::uint32_t>(std::llabs(exponent));
  Numeric square = base;
  Numeric result = (left & 1) != 0 ? base : Numeric(1);
  while ((left >>= 1) > 0) {
    const int room = significant - 2 * GroupWeight(square) * 4;
    square = ProductTo(square, square, std::max(0, std::min(room, 2 * square.scale())));
    if ((left & 1) != 0) {
      const int rest = significant - (GroupWeight(square) + GroupWeight(result)) * 4;
      result = ProductTo(square, result, std::max(0, std::min(rest, square.scale() + result.scale())));
    }
    if (GroupWeight(square) > kWeightMax || GroupWeight(result) > kWeightMax) {
      if (exponent > 0) return std::nullopt;
      return Numeric::Of(false, {}, scale);
    }
  }
  return IfItFits(exponent < 0 ? DivideTo(1, result, scale) : result.Rounded(scale));
}

std::optional<Numeric> BrokenPower(const Numeric& base, const Numeric& exponent) {
  const Numeric positive = base.Abs();
  const int place = LogarithmPlace(positive);
  const Numeric rough = LogarithmTo(positive, std::max(0, 8 - place));
  const double estimate = ProductTo(rough, exponent, rough.scale()).ToDouble();
  if (std::fabs(estimate) > kExponentMax * 1.00334) {  // the server's 3.01 to its 3
    if (estimate > 0) return std::nullopt;
    return Numeric::Of(false, {}, Numeric::kChosenScaleMax);
  }
  const int weight = static_cast<int>(estimate * kDigitsPerUnit);
  const int scale = Bounded(std::max({Numeric::kSignificantDigitsMin - weight, base.scale(), exponent.scale()}));
  const int inner = std::max(0, scale + weight - place + 8);
  const Numeric logarithm = ProductTo(LogarithmTo(positive, inner), exponent, inner);
  auto result = ExponentialTo(logarithm, scale);
  const bool odd = exponent.Whole() && exponent.Truncated(0).magnitude().odd();
  if (result && base.negative() && odd) return result->Negated();
  return result;
}

Numeric SpecialPower(const Numeric& base, const Numeric& exponent) {  // as POSIX says of pow
  if (base == Numeric(1) || exponent.zero()) return 1;
  if (base.nan() || exponent.nan()) return Numeric::NaN();
  if (base.zero()) return {};
  if (exponent.infinite()) {
    if (base == Numeric(-1)) return 1;
    const bool large = base.infinite() || base.Abs() > Numeric(1);
    return large == (exponent.Sign() > 0) ? Numeric::Infinity(false) : Numeric();
  }
  if (exponent.negative()) return {};
  return Numeric::Infinity(base.negative() && exponent.Truncated(0).magnitude().odd());
}

}  // namespace

Numeric Sqrt(const Numeric& v) {
  if (!v.finite()) return v;
  const int places = 2 * GroupWeight(v) + 1;
  return SqrtTo(v, Bounded(std::max(Numeric::kSignificantDigitsMin - places, v.scale())));
}

Numeric SqrtTo(const Numeric& v, int scale) {
  // The root of four times the number is twice the root: its last bit says where to round.
  const int shift = 2 * scale - v.scale();
  const Magnitude four = v.magnitude() << 2;
  const Magnitude twice = (shift >= 0 ? four.TimesPowerOfTen(static_cast<unsigned>(shift))
                                      : four.OverPowerOfTen(static_cast<unsigned>(-shift)))
                              .SquareRoot();
  return Numeric::Of(false, (twice + Magnitude(1)) >> 1, scale);
}

std::optional<Numeric> Exp(const Numeric& v) {
  if (!v.finite()) return v.kind() == Numeric::Kind::kMinusInfinity ? Numeric() : v;
  constexpr double kLimit = 2000;
  const double places = std::clamp(v.ToDouble() * kDigitsPerUnit, -kLimit, kLimit);
  const int scale = Bounded(std::max(Numeric::kSignificantDigitsMin - static_cast<int>(places), v.scale()));
  return ExponentialTo(v, scale);
}

Numeric Ln(const Numeric& v) {
  if (!v.finite()) return v;
  const int scale = Bounded(std::max(Numeric::kSignificantDigitsMin - LogarithmPlace(v), v.scale()));
  return LogarithmTo(v, scale);
}

std::optional<Numeric> Log(const Numeric& base, const Numeric& v) {
  if (base.nan() || v.nan()) return Numeric::NaN();
  if (base.infinite()) return v.infinite() ? Numeric::NaN() : Numeric();
  if (v.infinite()) return v;
  const int base_place = LogarithmPlace(base);
  const int v_place = LogarithmPlace(v);
  const int place = v_place - base_place;
  const int scale = Bounded(std::max({Numeric::kSignificantDigitsMin - place, base.scale(), v.scale()}));
  const Numeric base_logarithm = LogarithmTo(base, std::max(0, scale + place - base_place + 8));
  if (base_logarithm.zero()) return std::nullopt;
  return DivideTo(LogarithmTo(v, std::max(0, scale + place - v_place + 8)), base_logarithm, scale);
}

std::optional<Numeric> Power(const Numeric& base, const Numeric& exponent) {
  if (!base.finite() || !exponent.finite()) return SpecialPower(base, exponent);
  if (exponent.Whole()) {
    const auto whole = exponent.ToInt64();
    if (whole && *whole >= std::numeric_limits<std::int32_t>::min() &&
        *whole <= std::numeric_limits<std::int32_t>::max()) {
      const int scale = Bounded(std::max(Numeric::kSignificantDigitsMin, base.scale()));
      return WholePower(base, static_cast<int>(*whole), scale);
    }
  }
  if (base.zero()) return Numeric::Of(false, {}, Numeric::kSignificantDigitsMin);
  return BrokenPower(base, exponent);
}

}  // namespace headgate::sql
