#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

#include "core/sql/magnitude.h"
#include "core/sql/text_forms.h"

namespace headgate::sql {
namespace {

double Parse(const char* text, char** end, double) { return std::strtod(text, end); }
float Parse(const char* text, char** end, float) { return std::strtof(text, end); }

// |v| = digits[0].digits[1]digits[2]... * 10^exponent
struct Decimal {
  std::string digits;
  int exponent = 0;
};

template <class F>
Decimal DigitsOf(F v, int digits) {  // 0: as few as read back as v
  char buffer[64];
  const auto end = digits == 0
                       ? std::to_chars(buffer, buffer + sizeof(buffer), v, std::chars_format::scientific)
                       : std::to_chars(buffer, buffer + sizeof(buffer), v, std::chars_format::scientific, digits - 1);
  const std::string_view text(buffer, static_cast<std::size_t>(end.ptr - buffer));
  const std::size_t mark = text.find('e');
  Decimal out;
  for (const char c : text.substr(0, mark)) {
    if (c != '.') out.digits.push_back(c);
  }
  const std::string_view exponent = text.substr(mark + (text[mark + 1] == '+' ? 2 : 1));
  std::from_chars(exponent.data(), exponent.data() + exponent.size(), out.exponent);
  return out;
}

// True if the digits stand exactly halfway between v and a neighbour: only the rule that ties go to even brings them
// back to v, and the server does not count on it. Happens to large whole numbers only.
template <class F>
bool IsHalfway(F v, const Decimal& decimal) {
  constexpr int kMantissaBits = std::numeric_limits<F>::digits;
  const int power = decimal.exponent + 1 - static_cast<int>(decimal.digits.size());
  int exponent = 0;
  const F fraction = std::frexp(v, &exponent);  // v = fraction * 2^exponent, 0.5 <= fraction < 1
  if (exponent <= kMantissaBits || power < -1 || power > 40) return false;
  // Everything times 40, which makes quarters of the last place and tenths whole.
  const auto mantissa = static_cast<std::uint64_t>(std::ldexp(fraction, kMantissaBits));
  const auto shift = static_cast<unsigned>(exponent - kMantissaBits);
  const Magnitude exact = (Magnitude(mantissa) << shift) * Magnitude(40);
  const Magnitude near =
      (Magnitude::FromDigits(decimal.digits) * Magnitude(4)).TimesPowerOfTen(static_cast<unsigned>(power + 1));
  const bool below = near < exact;
  const bool narrow = below && std::has_single_bit(mantissa);  // the gap below a power of two is half as wide
  return (below ? exact - near : near - exact) == (Magnitude(narrow ? 10 : 20) << shift);
}

// The fewest digits, `digits` or more, that read back as v whatever the rule for ties.
template <class F>
Decimal MoreDigitsOf(F v, int digits) {
  for (; digits < std::numeric_limits<F>::max_digits10; ++digits) {
    Decimal decimal = DigitsOf(v, digits);
    const std::string text = decimal.digits + "e" + std::to_string(decimal.exponent + 1 - digits);
    if (Parse(text.c_str(), nullptr, F{}) == v && !IsHalfway(v, decimal)) return decimal;
  }
  return DigitsOf(v, digits);
}

template <class F>
void AppendFloat(std::string& out, F value, int fixed_max) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::signbit(value)) out.push_back('-');
  value = std::fabs(value);
  if (std::isinf(value)) {
    out += "Infinity";
    return;
  }
  if (value == 0) {
    out.push_back('0');
    return;
  }
  Decimal decimal = DigitsOf(value, 0);
  if (IsHalfway(value, decimal)) decimal = MoreDigitsOf(value, static_cast<int>(decimal.digits.size()) + 1);
  const auto& [digits, exponent] = decimal;
  if (exponent < -4 || exponent >= fixed_max) {
    out.push_back(digits[0]);
    if (digits.size() > 1) out.append(".").append(digits, 1);
    out.append(exponent < 0 ? "e-" : "e+");
    if (std::abs(exponent) < 10) out.push_back('0');
    out += std::to_string(std::abs(exponent));
    return;
  }
  if (exponent < 0) {
    out.append("0.").append(static_cast<std::size_t>(-exponent - 1), '0').append(digits);
    return;
  }
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  out.append(digits, 0, whole);
  if (digits.size() > whole) {
    out.append(".").append(digits, whole);
  } else {
    out.append(whole - digits.size(), '0');
  }
}

template <class F>
Datum FromText(Type type, std::string_view text, EvalContext& context) {
  const std::string copy(text);
  const char* start = copy.c_str();
  const auto blank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (blank(*start)) ++start;
  char* end = nullptr;
  errno = 0;
  const F value = Parse(start, &end, F{});
  const bool range = errno == ERANGE;
  if (end == start) return InvalidSyntax(type, text, context);
  if (range && (value == 0 || std::isinf(value))) {
    // The server names the number of a double, and all that was given for a real.
    const std::string named(type.id == TypeId::kFloat8 ? text.substr(static_cast<std::size_t>(start - copy.c_str()),
                                                                     static_cast<std::size_t>(end - start))
                                                       : text);
    context.Fail("22003", "\"" + named + "\" is out of range for type " + Name(type));
    return Datum::Null();
  }
  while (blank(*end)) ++end;
  if (end != copy.c_str() + copy.size()) return InvalidSyntax(type, text, context);
  return Datum::Of(static_cast<double>(value));
}

}  // namespace

void AppendDouble(std::string& out, double value) { AppendFloat(out, value, 15); }
void AppendFloat(std::string& out, float value) { AppendFloat(out, value, 6); }
Datum DoubleFromText(std::string_view text, EvalContext& context) {
  return FromText<double>(TypeId::kFloat8, text, context);
}
Datum FloatFromText(std::string_view text, EvalContext& context) {
  return FromText<float>(TypeId::kFloat4, text, context);
}

}  // namespace headgate::sql
