#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace headgate::sql {

__extension__ typedef __int128 Int128;            // NOLINT: only a typedef takes the __extension__
__extension__ typedef unsigned __int128 Uint128;  // NOLINT

// A whole number, not negative, of any size: up to 128 bits it is a plain integer and nothing is allocated, beyond that
// limbs with schoolbook arithmetic (the numbers of numeric.h have at most 147 455 decimal digits).
class Magnitude {
 public:
  Magnitude() = default;
  Magnitude(Uint128 v) : small_(v) {}  // NOLINT: implicit on purpose
  static Magnitude PowerOfTen(unsigned n);
  static Magnitude FromDigits(std::string_view decimal);
  static Magnitude FromBytes(std::string_view little_endian);

  bool small() const { return wide_.empty(); }
  Uint128 value() const { return small_; }  // if small()
  bool zero() const { return wide_.empty() && small_ == 0; }
  bool odd() const { return ((wide_.empty() ? static_cast<std::uint64_t>(small_) : wide_[0]) & 1) != 0; }
  unsigned Bits() const;    // 0 for 0
  unsigned Digits() const;  // decimal, 0 for 0
  std::string Text() const;
  void AppendBytes(std::string& out) const;  // little-endian, without leading zero bytes

  std::strong_ordering operator<=>(const Magnitude& other) const;
  bool operator==(const Magnitude& other) const { return small_ == other.small_ && wide_ == other.wide_; }

  Magnitude operator+(const Magnitude& other) const;
  Magnitude operator-(const Magnitude& smaller) const;
  Magnitude operator*(const Magnitude& other) const;
  Magnitude operator<<(unsigned bits) const;
  Magnitude operator>>(unsigned bits) const;
  // The divisor is not 0.
  Magnitude operator/(const Magnitude& divisor) const;
  Magnitude operator%(const Magnitude& divisor) const;
  static void Divide(const Magnitude& a, const Magnitude& b, Magnitude& quotient, Magnitude& rest);
  // a / b, halves up.
  static Magnitude DivideRounded(const Magnitude& a, const Magnitude& b);

  Magnitude TimesPowerOfTen(unsigned n) const;
  Magnitude OverPowerOfTen(unsigned n) const;         // towards 0
  Magnitude OverPowerOfTenRounded(unsigned n) const;  // halves up
  // The decimal digits that are 0 at the end, at most `limit`.
  unsigned TrailingZeros(unsigned limit) const;
  Magnitude SquareRoot() const;  // towards 0

 private:
  using Limbs = std::vector<std::uint64_t>;
  using View = std::span<const std::uint64_t>;
  struct Parts;  // the limbs of any magnitude, small ones included

  static Magnitude OfLimbs(Limbs limbs);
  void AppendDigits(std::string& out, unsigned digits) const;
  static Limbs MultiplyLimbs(View a, View b);
  static Limbs DivideLimbs(View a, View b, Limbs& rest);
  static std::uint64_t DivideInPlace(Limbs& limbs, std::uint64_t divisor);  // gives the rest

  Uint128 small_ = 0;  // the value, if wide_ is empty; else 0
  Limbs wide_;         // little-endian, three limbs or more, the last is not 0
};

// 10 to the n, n at most 38.
Uint128 SmallPowerOfTen(unsigned n);

}  // namespace headgate::sql
