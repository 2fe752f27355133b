#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace headgate::sql {

__extension__ typedef __int128 Int128;            // NOLINT: only a typedef takes the __extension__
__extension__ typedef unsigned __int128 Uint128;  // NOLINT

// PostgreSQL's numeric: an exact decimal with a display scale, or NaN or an infinity. 1.5 and 1.50 are equal and print
// differently. Values of up to 38 digits are computed in 128 bits, wider ones in as many limbs as they need.
class Numeric {
 public:
  enum class Kind : std::uint8_t { kMinusInfinity = 0, kFinite = 1, kInfinity = 2, kNaN = 3 };  // in sort order
  static constexpr int kScaleMax = 16383;           // digits after the point
  static constexpr int kIntegerDigitsMax = 131072;  // digits before it

  Numeric() = default;      // 0
  Numeric(std::int64_t v);  // NOLINT: implicit on purpose
  static Numeric OfInt128(Int128 unscaled, int scale);
  static Numeric NaN();
  static Numeric Infinity(bool negative);
  // As PostgreSQL casts: 15 significant digits (float8), 6 (float4).
  static Numeric OfDouble(double v);
  static Numeric OfFloat(float v);

  // What numeric_in takes, blanks around it included: "-1.50", "1e-7", "NaN", "inf". Nothing for anything else and for
  // more digits than the format holds.
  static std::optional<Numeric> Parse(std::string_view text);
  std::string Text() const;

  // The stored form: one byte (bits 0-1 Kind, bit 2 negative), scale in two bytes, magnitude little-endian without
  // leading zero bytes.
  std::string Encode() const;
  void EncodeTo(std::string& out) const;
  static Numeric Decode(std::string_view bytes);

  Kind kind() const { return kind_; }
  bool finite() const { return kind_ == Kind::kFinite; }
  bool negative() const { return negative_; }  // -Infinity too
  bool zero() const;
  int scale() const { return scale_; }
  // Decimal digits before the point, 0 for |v| < 1.
  int IntegerDigits() const;

  double ToDouble() const;
  // Rounded half away from zero; nothing if it does not fit or is not finite.
  std::optional<std::int64_t> ToInt64() const;

  // The total order of PostgreSQL: -Infinity < numbers < Infinity < NaN = NaN. The scale does not count.
  friend std::strong_ordering operator<=>(const Numeric& a, const Numeric& b);
  friend bool operator==(const Numeric& a, const Numeric& b) { return (a <=> b) == std::strong_ordering::equal; }

  // Results have the scales that PostgreSQL 15 gives. NaN and infinities as there. Nothing: the result has more digits
  // than the format holds ("value overflows numeric format"), or for Divide, DivideTruncated and Modulo the divisor is
  // 0.
  friend std::optional<Numeric> Add(const Numeric& a, const Numeric& b);
  friend std::optional<Numeric> Subtract(const Numeric& a, const Numeric& b);
  friend std::optional<Numeric> Multiply(const Numeric& a, const Numeric& b);
  friend std::optional<Numeric> Divide(const Numeric& a, const Numeric& b);
  friend std::optional<Numeric> DivideTruncated(const Numeric& a, const Numeric& b);  // div(a, b)
  friend std::optional<Numeric> Modulo(const Numeric& a, const Numeric& b);
  Numeric Negated() const;
  Numeric Abs() const;
  // Half away from zero; `scale` may be negative.
  Numeric Rounded(int scale) const;
  Numeric Truncated(int scale) const;
  Numeric Ceil() const;
  Numeric Floor() const;
  // Trailing zeros of the fraction gone; the same bytes for equal numbers, so Encode of it is a hash and group key.
  Numeric Trimmed() const;
  // As Trimmed, without a change of the value: the smallest scale that holds it.
  int MinScale() const;

 private:
  using Limbs = std::vector<std::uint64_t>;  // little-endian, no leading zero limbs

  Kind kind_ = Kind::kFinite;
  bool negative_ = false;
  std::int32_t scale_ = 0;
  Uint128 small_ = 0;  // the magnitude, unscaled, if wide_ is empty
  Limbs wide_;         // else here
};

std::optional<Numeric> Add(const Numeric& a, const Numeric& b);
std::optional<Numeric> Subtract(const Numeric& a, const Numeric& b);
std::optional<Numeric> Multiply(const Numeric& a, const Numeric& b);
std::optional<Numeric> Divide(const Numeric& a, const Numeric& b);
std::optional<Numeric> DivideTruncated(const Numeric& a, const Numeric& b);
std::optional<Numeric> Modulo(const Numeric& a, const Numeric& b);

}  // namespace headgate::sql
