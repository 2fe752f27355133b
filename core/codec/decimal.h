#pragma once

#include <optional>
#include <string>
#include <string_view>

// Decimal numbers from the server's digits, as Java's BigDecimal would see them.
namespace headgate::codec {

// A decimal as sign, digits and scale; digits have no leading zeros ("0" for zero).
struct Decimal {
  bool negative = false;
  std::string digits;
  int scale = 0;
};

// "1.10", "-0.0099", "12300", "1e-7": nothing for anything else (NaN and infinities included).
std::optional<Decimal> ParseDecimal(std::string_view text);

// Trailing zeros of the fraction go; the scale does not fall below 0.
void StripZeros(Decimal& d);
// More digits are filled with zeros; fewer round half away from zero.
void SetScale(Decimal& d, int scale);

// The unscaled number as big-endian two's complement, as short as possible; and the number that such bytes of any
// length are with a scale. The time of the latter grows with the square of the length: callers bound it.
void AppendUnscaled(std::string& out, const Decimal& d);
Decimal FromUnscaled(std::string_view bytes, int scale);
// Base64 of the unscaled number as big-endian two's complement, as short as possible. No quotes.
void AppendUnscaledBase64(std::string& out, const Decimal& d);
// BigDecimal.toString: plain, or with an exponent if the adjusted exponent is below -6.
void AppendJavaDecimal(std::string& out, const Decimal& d);
// BigDecimal.toPlainString.
void AppendPlainDecimal(std::string& out, const Decimal& d);

// Fast form of the above for the common case: digits with exactly `scale` fraction digits that fit 64 bits. False,
// with nothing appended, if the text is anything else.
bool AppendSmallUnscaledBase64(std::string& out, std::string_view text, int scale);
bool AppendSmallUnscaled(std::string& out, std::string_view text, int scale);

// The nearest double; overflow gives an infinity.
double DecimalToDouble(std::string_view text);

}  // namespace headgate::codec
