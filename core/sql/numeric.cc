#include "core/sql/numeric.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "core/base/ascii.h"

namespace headgate::sql {
namespace {

constexpr std::size_t kMagnitudeBytesMax = 61'300;  // of the digits that the format holds
constexpr std::size_t kHead = 3;

bool EqualFolded(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

std::optional<Numeric> ParseSpecial(std::string_view text) {
  if (EqualFolded(text, "nan")) return Numeric::NaN();
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (EqualFolded(text, "inf") || EqualFolded(text, "infinity")) return Numeric::Infinity(negative);
  return std::nullopt;
}

// The number behind the "e", as strtol reads it. False if there is none. Far outside of what matters it is capped.
bool ParseExponent(std::string_view text, long& exponent) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || !std::ranges::all_of(text, IsDigit)) return false;
  exponent = 0;
  for (const char c : text) exponent = std::min(exponent * 10 + (c - '0'), 2'000'000'000L);
  if (negative) exponent = -exponent;
  return true;
}

// Digits without a sign and point, `fraction` of them behind the point.
struct DecimalLiteral {
  bool negative = false;
  bool overflow = false;  // the server's own limit of exponents, even for 0
  std::string digits;
  long fraction = 0;
};

std::optional<DecimalLiteral> ParseLiteral(std::string_view text) {
  DecimalLiteral out;
  out.negative = text.starts_with('-');
  if (out.negative || text.starts_with('+')) text.remove_prefix(1);
  std::size_t at = 0;
  bool point = false;
  for (; at < text.size(); ++at) {
    if (IsDigit(text[at])) {
      out.digits.push_back(text[at]);
      if (point) ++out.fraction;
    } else if (text[at] == '.' && !point) {
      point = true;
    } else {
      break;
    }
  }
  if (out.digits.empty()) return std::nullopt;
  if (at == text.size()) return out;
  long exponent = 0;
  if ((text[at] != 'e' && text[at] != 'E') || !ParseExponent(text.substr(at + 1), exponent)) return std::nullopt;
  out.overflow = std::abs(exponent) >= std::numeric_limits<std::int32_t>::max() / 2;
  out.fraction -= exponent;
  return out;
}

// By way of the digits that printf gives.
Numeric OfDigits(double v, int significant) {
  if (std::isnan(v)) return Numeric::NaN();
  if (std::isinf(v)) return Numeric::Infinity(v < 0);
  char buffer[64];
  const int length = std::snprintf(buffer, sizeof(buffer), "%.*g", significant, v);
  return *Numeric::Parse({buffer, static_cast<std::size_t>(length)});
}

}  // namespace

Numeric::Numeric(std::int64_t v)
    : negative_(v < 0), magnitude_(v < 0 ? Uint128{0 - static_cast<std::uint64_t>(v)} : static_cast<Uint128>(v)) {}

Numeric Numeric::OfInt128(Int128 unscaled, int scale) {
  const auto bits = static_cast<Uint128>(unscaled);
  return Of(unscaled < 0, unscaled < 0 ? 0 - bits : bits, scale);
}

Numeric::Numeric(bool negative, Magnitude&& unscaled, int scale)
    : negative_(negative && !unscaled.zero()), scale_(scale), magnitude_(std::move(unscaled)) {}

Numeric Numeric::Of(bool negative, Magnitude unscaled, int scale) { return {negative, std::move(unscaled), scale}; }

Numeric Numeric::NaN() {
  Numeric out;
  out.kind_ = Kind::kNaN;
  return out;
}

Numeric Numeric::Infinity(bool negative) {
  Numeric out;
  out.kind_ = negative ? Kind::kMinusInfinity : Kind::kInfinity;
  out.negative_ = negative;
  return out;
}

Numeric Numeric::OfDouble(double v) { return OfDigits(v, 15); }
Numeric Numeric::OfFloat(float v) { return OfDigits(static_cast<double>(v), 6); }

std::optional<Numeric> Numeric::Parse(std::string_view text, bool* overflow) {
  if (overflow != nullptr) *overflow = false;
  text = StripSpace(text);
  if (auto special = ParseSpecial(text)) return special;
  auto literal = ParseLiteral(text);
  if (!literal) return std::nullopt;
  const auto leading = static_cast<long>(literal->digits.find_first_not_of('0'));
  const bool zero = leading < 0;
  const long before = static_cast<long>(literal->digits.size()) - literal->fraction - leading;
  if (literal->overflow || literal->fraction > kScaleMax || (!zero && before > kIntegerDigitsMax)) {
    if (overflow != nullptr) *overflow = true;
    return std::nullopt;
  }
  if (zero) return Of(false, {}, static_cast<int>(std::max(literal->fraction, 0L)));
  if (literal->fraction < 0) {
    literal->digits.append(static_cast<std::size_t>(-literal->fraction), '0');
    literal->fraction = 0;
  }
  const std::string_view digits = literal->digits;
  return Of(literal->negative, Magnitude::FromDigits(digits.substr(static_cast<std::size_t>(leading))),
            static_cast<int>(literal->fraction));
}

void Numeric::AppendText(std::string& out) const {
  switch (kind_) {
    case Kind::kNaN:
      out += "NaN";
      return;
    case Kind::kInfinity:
      out += "Infinity";
      return;
    case Kind::kMinusInfinity:
      out += "-Infinity";
      return;
    case Kind::kFinite:
      break;
  }
  if (negative_) out.push_back('-');
  const std::string digits = magnitude_.Text();
  const auto scale = static_cast<std::size_t>(scale_);
  if (digits.size() <= scale) {
    out.append("0.").append(scale - digits.size(), '0').append(digits);
    return;
  }
  out.append(digits, 0, digits.size() - scale);
  if (scale > 0) out.append(".").append(digits, digits.size() - scale);
}

std::string Numeric::Text() const {
  std::string out;
  AppendText(out);
  return out;
}

void Numeric::EncodeTo(std::string& out) const {
  out.push_back(static_cast<char>(static_cast<unsigned>(kind_) | (negative_ ? 4U : 0U)));
  out.push_back(static_cast<char>(scale_));
  out.push_back(static_cast<char>(scale_ >> 8));
  magnitude_.AppendBytes(out);
}

std::string Numeric::Encode() const {
  std::string out;
  EncodeTo(out);
  return out;
}

Numeric Numeric::Decode(std::string_view bytes) {
  if (bytes.size() < kHead || bytes.size() - kHead > kMagnitudeBytesMax) return NaN();
  const auto head = static_cast<std::uint8_t>(bytes[0]);
  const auto kind = static_cast<Kind>(head & 3);
  if (kind != Kind::kFinite) return kind == Kind::kNaN ? NaN() : Infinity(kind == Kind::kMinusInfinity);
  const int scale = static_cast<std::uint8_t>(bytes[1]) | static_cast<std::uint8_t>(bytes[2]) << 8;
  if (scale > kScaleMax) return NaN();
  return Of((head & 4) != 0, Magnitude::FromBytes(bytes.substr(kHead)), scale);
}

int Numeric::IntegerDigits() const { return std::max(0, static_cast<int>(magnitude_.Digits()) - scale_); }

int Numeric::FirstDigitPlace() const { return magnitude_.zero() ? 1 : static_cast<int>(magnitude_.Digits()) - scale_; }

bool Numeric::Whole() const {
  return finite() &&
         (scale_ == 0 || magnitude_.TrailingZeros(static_cast<unsigned>(scale_)) == static_cast<unsigned>(scale_));
}

double Numeric::ToDouble() const {
  switch (kind_) {
    case Kind::kNaN:
      return std::nan("");
    case Kind::kInfinity:
      return HUGE_VAL;
    case Kind::kMinusInfinity:
      return -HUGE_VAL;
    case Kind::kFinite:
      break;
  }
  constexpr int kExactPower = 22;  // 10^22 is the last power of ten that a double holds exactly
  if (scale_ <= kExactPower && magnitude_.Bits() <= 53) {
    const double v = static_cast<double>(static_cast<std::uint64_t>(magnitude_.value())) /
                     static_cast<double>(SmallPowerOfTen(static_cast<unsigned>(scale_)));
    return negative_ ? -v : v;
  }
  return std::strtod(Text().c_str(), nullptr);
}

std::optional<std::int64_t> Numeric::ToInt64() const {
  if (!finite()) return std::nullopt;
  const Magnitude whole = magnitude_.OverPowerOfTenRounded(static_cast<unsigned>(scale_));
  const Uint128 limit = (Uint128{1} << 63) - (negative_ ? 0 : 1);
  if (!whole.small() || whole.value() > limit) return std::nullopt;
  const auto v = static_cast<std::uint64_t>(whole.value());
  return static_cast<std::int64_t>(negative_ ? 0 - v : v);
}

std::strong_ordering operator<=>(const Numeric& a, const Numeric& b) {
  if (a.kind_ != b.kind_) return a.kind_ <=> b.kind_;
  if (!a.finite()) return std::strong_ordering::equal;
  if (a.negative_ != b.negative_) {
    return a.negative_ ? std::strong_ordering::less : std::strong_ordering::greater;
  }
  const Numeric& low = a.negative_ ? b : a;
  const Numeric& high = a.negative_ ? a : b;
  if (low.scale_ == high.scale_) return low.magnitude_ <=> high.magnitude_;
  if (low.zero() || high.zero()) return low.magnitude_ <=> high.magnitude_;
  const int places = low.FirstDigitPlace() - high.FirstDigitPlace();
  if (places != 0) return places <=> 0;
  const int scale = std::max(low.scale_, high.scale_);
  return low.magnitude_.TimesPowerOfTen(static_cast<unsigned>(scale - low.scale_)) <=>
         high.magnitude_.TimesPowerOfTen(static_cast<unsigned>(scale - high.scale_));
}

Numeric Numeric::Negated() const {
  if (!finite()) return nan() ? *this : Infinity(!negative_);
  return Of(!negative_, magnitude_, scale_);
}

Numeric Numeric::Abs() const { return negative_ ? Negated() : *this; }

Numeric Numeric::Rounded(int scale) const {
  if (!finite()) return *this;
  if (scale >= scale_) return Of(negative_, magnitude_.TimesPowerOfTen(static_cast<unsigned>(scale - scale_)), scale);
  Magnitude kept = magnitude_.OverPowerOfTenRounded(static_cast<unsigned>(scale_ - scale));
  if (scale >= 0) return Of(negative_, std::move(kept), scale);
  return Of(negative_, kept.TimesPowerOfTen(static_cast<unsigned>(-scale)), 0);
}

Numeric Numeric::Truncated(int scale) const {
  if (!finite() || scale >= scale_) return Rounded(scale);
  const Magnitude kept = magnitude_.OverPowerOfTen(static_cast<unsigned>(scale_ - scale));
  return Of(negative_, kept.TimesPowerOfTen(static_cast<unsigned>(std::max(0, -scale))), std::max(0, scale));
}

Numeric Numeric::Ceil() const {
  Numeric whole = Truncated(0);
  return !negative_ && whole != *this ? *Add(whole, 1) : whole;
}

Numeric Numeric::Floor() const {
  Numeric whole = Truncated(0);
  return negative_ && whole != *this ? *Subtract(whole, 1) : whole;
}

int Numeric::MinScale() const {
  if (!finite() || scale_ == 0) return 0;
  return scale_ - static_cast<int>(magnitude_.TrailingZeros(static_cast<unsigned>(scale_)));
}

Numeric Numeric::Trimmed() const { return finite() ? Truncated(MinScale()) : *this; }

}  // namespace headgate::sql
