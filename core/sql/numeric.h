#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/sql/magnitude.h"

namespace headgate::sql {

// PostgreSQL's numeric: an exact decimal with a display scale, or NaN or an infinity. 1.5 and 1.50 are equal and print
// differently. Values of up to 38 digits are computed in 128 bits, wider ones in as many limbs as they need.
class Numeric {
 public:
  enum class Kind : std::uint8_t { kMinusInfinity = 0, kFinite = 1, kInfinity = 2, kNaN = 3 };  // in sort order
  static constexpr int kScaleMax = 16383;           // digits after the point
  static constexpr int kIntegerDigitsMax = 131072;  // digits before it
  // The scales that PostgreSQL chooses itself (division, sqrt, exp, ...) show so many significant digits at least, and
  // so many digits after the point at most.
  static constexpr int kSignificantDigitsMin = 16;
  static constexpr int kChosenScaleMax = 1000;

  Numeric() = default;      // 0
  Numeric(std::int64_t v);  // NOLINT: implicit on purpose
  static Numeric OfInt128(Int128 unscaled, int scale);
  static Numeric Of(bool negative, Magnitude unscaled, int scale);
  static Numeric NaN();
  static Numeric Infinity(bool negative);
  // As PostgreSQL casts: 15 significant digits (float8), 6 (float4).
  static Numeric OfDouble(double v);
  static Numeric OfFloat(float v);

  // What numeric_in takes, blanks around it included: "-1.50", "1e-7", "NaN", "inf". Nothing for anything else and for
  // more digits than the format holds; `overflow` tells the two apart.
  static std::optional<Numeric> Parse(std::string_view text, bool* overflow = nullptr);
  std::string Text() const;
  void AppendText(std::string& out) const;

  // The stored form: one byte (bits 0-1 Kind, bit 2 negative), scale in two bytes, magnitude little-endian without
  // leading zero bytes. Bytes that Encode does not write are NaN.
  std::string Encode() const;
  void EncodeTo(std::string& out) const;
  static Numeric Decode(std::string_view bytes);

  Kind kind() const { return kind_; }
  bool finite() const { return kind_ == Kind::kFinite; }
  bool nan() const { return kind_ == Kind::kNaN; }
  bool infinite() const { return kind_ == Kind::kInfinity || kind_ == Kind::kMinusInfinity; }
  bool negative() const { return negative_; }  // -Infinity too
  bool zero() const { return kind_ == Kind::kFinite && magnitude_.zero(); }
  int Sign() const { return zero() || nan() ? 0 : (negative_ ? -1 : 1); }
  int scale() const { return scale_; }
  const Magnitude& magnitude() const { return magnitude_; }  // unscaled
  // Decimal digits before the point, 0 for |v| < 1.
  int IntegerDigits() const;
  // Where the first digit that is not 0 stands: 1 for 1 to 9, 0 for 0.1, -1 for 0.01; 0 is like 1.
  int FirstDigitPlace() const;
  bool Whole() const;  // finite, and no fraction but zeros

  double ToDouble() const;  // the nearest; infinite if it is too large
  // Rounded half away from zero; nothing if it does not fit or is not finite.
  std::optional<std::int64_t> ToInt64() const;

  // The total order of PostgreSQL: -Infinity < numbers < Infinity < NaN = NaN. The scale does not count.
  friend std::strong_ordering operator<=>(const Numeric& a, const Numeric& b);
  friend bool operator==(const Numeric& a, const Numeric& b) { return (a <=> b) == std::strong_ordering::equal; }

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
  Numeric(bool negative, Magnitude&& unscaled, int scale);

  Kind kind_ = Kind::kFinite;
  bool negative_ = false;
  std::int32_t scale_ = 0;
  Magnitude magnitude_;
};

// The number, or nothing if it has more digits before the point than the format holds.
std::optional<Numeric> IfItFits(Numeric v);

// Results have the scales that PostgreSQL 15 gives. NaN and infinities as there. Nothing: the result has more digits
// than the format holds ("value overflows numeric format"), or for Divide, DivideTruncated and Modulo the divisor is 0.
std::optional<Numeric> Add(const Numeric& a, const Numeric& b);
std::optional<Numeric> Subtract(const Numeric& a, const Numeric& b);
std::optional<Numeric> Multiply(const Numeric& a, const Numeric& b);
std::optional<Numeric> Divide(const Numeric& a, const Numeric& b);
std::optional<Numeric> DivideTruncated(const Numeric& a, const Numeric& b);  // div(a, b)
std::optional<Numeric> Modulo(const Numeric& a, const Numeric& b);
// The quotient of finite numbers, rounded to a given scale; b is not 0.
Numeric DivideTo(const Numeric& a, const Numeric& b, int scale);
// The scale of a quotient.
int DivideScale(const Numeric& a, const Numeric& b);
Numeric Gcd(const Numeric& a, const Numeric& b);
std::optional<Numeric> Lcm(const Numeric& a, const Numeric& b);

// The caller has refused what PostgreSQL refuses (negative: Sqrt; not positive: Ln, Log; what has no power: Power).
// Nothing: overflow.
Numeric Sqrt(const Numeric& v);
Numeric SqrtTo(const Numeric& v, int scale);  // of a finite number, rounded to a given scale
std::optional<Numeric> Exp(const Numeric& v);
Numeric Ln(const Numeric& v);
std::optional<Numeric> Log(const Numeric& base, const Numeric& v);  // nothing: ln(base) is 0
std::optional<Numeric> Power(const Numeric& base, const Numeric& exponent);

}  // namespace headgate::sql
