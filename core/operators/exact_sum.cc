#include "core/operators/exact_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>

namespace headgate::operators {
namespace {

using sql::Magnitude;
using sql::Uint128;

constexpr int kBase = -2148;  // the lowest bit of a product of doubles
constexpr int kLimbBits = 32;
constexpr std::int64_t kLimb = std::int64_t{1} << kLimbBits;
constexpr std::uint64_t kLimbsMax = 160;  // products reach up to 2^2048, sums of 2^63 of them a little more

struct Parts {
  bool negative = false;
  std::uint64_t mantissa = 0;
  int exponent = 0;
};
Parts PartsOf(double v) {
  const auto bits = std::bit_cast<std::uint64_t>(v);
  const auto biased = static_cast<int>(bits >> 52 & 0x7FF);
  const std::uint64_t fraction = bits & ((std::uint64_t{1} << 52) - 1);
  Parts out;
  out.negative = (bits >> 63) != 0;
  out.mantissa = biased == 0 ? fraction : fraction | (std::uint64_t{1} << 52);
  out.exponent = std::max(biased, 1) - 1075;
  return out;
}

// Rounded to so many bits, none below 2^lowest.
double Rounded(const ExactNumber& v, unsigned bits, int lowest) {
  const unsigned all = v.magnitude.Bits();
  const int drop = std::max({0, static_cast<int>(all) - static_cast<int>(bits), lowest - v.exponent});
  Magnitude kept = v.magnitude;
  if (drop > static_cast<int>(all) + 1) {
    kept = Magnitude();
  } else if (drop > 0) {
    const auto shift = static_cast<unsigned>(drop);
    kept = v.magnitude >> shift;
    const Magnitude rest = v.magnitude - (kept << shift);
    const Magnitude half = Magnitude(1) << (shift - 1);
    if (rest > half || (rest == half && kept.odd())) kept = kept + Magnitude(1);
  }
  const double magnitude = std::ldexp(static_cast<double>(static_cast<std::uint64_t>(kept.value())), v.exponent + drop);
  return v.negative ? -magnitude : magnitude;
}

}  // namespace

double ExactNumber::ToDouble() const { return Rounded(*this, std::numeric_limits<double>::digits, -1074); }
float ExactNumber::ToFloat() const {
  return static_cast<float>(Rounded(*this, std::numeric_limits<float>::digits, -149));
}

ExactNumber operator*(const ExactNumber& a, const ExactNumber& b) {
  return {a.negative != b.negative, a.magnitude * b.magnitude, a.exponent + b.exponent};
}

ExactNumber operator-(const ExactNumber& a, const ExactNumber& b) {
  const int exponent = std::min(a.exponent, b.exponent);
  const Magnitude x = a.magnitude << static_cast<unsigned>(a.exponent - exponent);
  const Magnitude y = b.magnitude << static_cast<unsigned>(b.exponent - exponent);
  if (a.negative != b.negative) return {a.negative, x + y, exponent};
  return x >= y ? ExactNumber{a.negative, x - y, exponent} : ExactNumber{!a.negative, y - x, exponent};
}

double Quotient(const ExactNumber& a, Uint128 divisor) {
  if (a.zero()) return 0;
  constexpr int kEnough = 70;  // bits of the quotient, so that one bit for all that follow decides the rounding
  const Magnitude by(divisor);
  const int shift = std::max(0, kEnough + static_cast<int>(by.Bits()) - static_cast<int>(a.magnitude.Bits()));
  Magnitude quotient;
  Magnitude rest;
  Magnitude::Divide(a.magnitude << static_cast<unsigned>(shift), by, quotient, rest);
  quotient = quotient << 1;
  if (!rest.zero()) quotient = quotient + Magnitude(1);
  return ExactNumber{a.negative, quotient, a.exponent - shift - 1}.ToDouble();
}

void ExactSum::Add(double value, std::int64_t weight) {
  const Parts parts = PartsOf(value);
  AddScaled(parts.negative, parts.mantissa, parts.exponent, weight);
}

void ExactSum::AddProduct(double a, double b, std::int64_t weight) {
  const Parts x = PartsOf(a);
  const Parts y = PartsOf(b);
  AddScaled(x.negative != y.negative, static_cast<Uint128>(x.mantissa) * y.mantissa, x.exponent + y.exponent, weight);
}

void ExactSum::AddScaled(bool negative, Uint128 magnitude, int exponent, std::int64_t weight) {
  if (magnitude == 0 || weight == 0) return;
  if (weight < 0) negative = !negative;
  const std::uint64_t times = weight < 0 ? 0 - static_cast<std::uint64_t>(weight) : static_cast<std::uint64_t>(weight);
  const auto offset = static_cast<unsigned>(exponent - kBase);
  const unsigned shift = offset % kLimbBits;
  std::size_t place = offset / kLimbBits;
  // In digits of 32 bits: the magnitude is shifted by up to 31 bits, then multiplied.
  Uint128 carry = 0;
  Uint128 left = magnitude;
  std::uint64_t spill = 0;  // of the shift
  while (left != 0 || spill != 0 || carry != 0) {
    const std::uint64_t shifted = (static_cast<std::uint64_t>(left & (kLimb - 1)) << shift) | spill;
    spill = shifted >> kLimbBits;
    left >>= kLimbBits;
    carry += static_cast<Uint128>(shifted & (kLimb - 1)) * times;
    const auto part = static_cast<std::int64_t>(carry & (kLimb - 1));
    carry >>= kLimbBits;
    if (part != 0) AddLimb(place, negative ? -part : part);
    ++place;
  }
  Normalize();
}

void ExactSum::AddLimb(std::size_t place, std::int64_t part) {
  if (limbs_.empty()) first_ = place;
  if (place < first_) {
    limbs_.insert(limbs_.begin(), first_ - place, 0);
    first_ = place;
  }
  if (place - first_ >= limbs_.size()) limbs_.resize(place - first_ + 1);
  limbs_[place - first_] += part;
}

void ExactSum::Normalize() {
  for (std::size_t i = 0; i < limbs_.size(); ++i) {
    const bool last = i + 1 == limbs_.size();
    const std::int64_t carry = limbs_[i] >> kLimbBits;
    if (carry == 0 || (last && carry == -1)) continue;  // the last may be negative
    limbs_[i] &= kLimb - 1;
    if (last) limbs_.push_back(0);
    limbs_[i + 1] += carry;
  }
  while (!limbs_.empty() && limbs_.back() == 0) limbs_.pop_back();
  const auto used = std::ranges::find_if(limbs_, [](std::int64_t limb) { return limb != 0; });
  first_ += static_cast<std::size_t>(used - limbs_.begin());
  limbs_.erase(limbs_.begin(), used);
  // -1 above a limb is that limb less 2^32: one limb stands for both.
  while (limbs_.size() > 1 && limbs_.back() == -1) {
    limbs_.pop_back();
    limbs_.back() -= kLimb;
  }
}

void ExactSum::Encode(std::string& out) const {
  PutVarint(out, limbs_.size());
  if (limbs_.empty()) return;
  PutVarint(out, first_);
  for (std::size_t i = 0; i + 1 < limbs_.size(); ++i) PutFixed(out, static_cast<std::uint32_t>(limbs_[i]));
  PutSigned(out, limbs_.back());
}

bool ExactSum::Decode(ByteReader& in) {
  const std::uint64_t limbs = in.Varint();
  if (limbs == 0) return !in.failed();
  const std::uint64_t first = in.Varint();
  if (in.failed() || limbs > kLimbsMax || first > kLimbsMax) return false;
  first_ = static_cast<std::size_t>(first);
  for (std::uint64_t i = 0; i + 1 < limbs; ++i) limbs_.push_back(in.Fixed<std::uint32_t>());
  limbs_.push_back(in.Signed());
  return !in.failed() && limbs_.back() != 0 && limbs_.back() >= -kLimb && limbs_.back() < kLimb;
}

ExactNumber ExactSum::Value() const {
  ExactNumber out;
  if (limbs_.empty()) return out;
  out.exponent = static_cast<int>(first_) * kLimbBits + kBase;
  out.negative = limbs_.back() < 0;
  std::vector<std::int64_t> digits = limbs_;
  if (out.negative) {
    for (std::int64_t& digit : digits) digit = -digit;
    for (std::size_t i = 0; i + 1 < digits.size(); ++i) {
      const std::int64_t carry = digits[i] >> kLimbBits;
      digits[i] &= kLimb - 1;
      digits[i + 1] += carry;
    }
  }
  std::string bytes;
  for (const std::int64_t digit : digits) {
    const std::size_t width = &digit == &digits.back() ? 8 : 4;
    for (std::size_t i = 0; i < width; ++i)
      bytes.push_back(static_cast<char>(static_cast<std::uint64_t>(digit) >> (8 * i) & 0xFF));
  }
  out.magnitude = Magnitude::FromBytes(bytes);
  return out;
}

}  // namespace headgate::operators
