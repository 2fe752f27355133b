#include "connectors/http/json_number.h"

#include <algorithm>
#include <charconv>

#include "core/base/ascii.h"

namespace headgate::http {
namespace {

// What numeric holds.
constexpr std::int64_t kIntegerDigitsMax = 131'072;
constexpr std::int64_t kScaleMax = 16'383;

std::string_view TakeDigits(std::string_view& text) {
  const auto end = static_cast<std::size_t>(std::ranges::find_if_not(text, IsDigit) - text.begin());
  const std::string_view digits = text.substr(0, end);
  text.remove_prefix(end);
  return digits;
}

// What follows e; larger than any number can have where it is larger than an int64_t.
bool TakeExponent(std::string_view& text, std::int64_t& exponent) {
  const bool minus = text.starts_with('-');
  if (minus || text.starts_with('+')) text.remove_prefix(1);
  const std::string_view digits = TakeDigits(text);
  if (digits.empty()) return false;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), exponent).ec != std::errc())
    exponent = std::int64_t{1} << 40;
  exponent = std::min(exponent, std::int64_t{1} << 40) * (minus ? -1 : 1);
  return true;
}

}  // namespace

bool IsJsonNumber(std::string_view token) {
  const char* at = token.data();
  const char* const end = at + token.size();
  const auto digits = [&] {
    const char* const first = at;
    while (at != end && IsDigit(*at)) ++at;
    return at != first;
  };
  if (at != end && *at == '-') ++at;
  if (at != end && *at == '0') {
    ++at;
  } else if (!digits()) {
    return false;
  }
  if (at != end && *at == '.') {
    ++at;
    if (!digits()) return false;
  }
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    if (at != end && (*at == '+' || *at == '-')) ++at;
    if (!digits()) return false;
  }
  return at == end;
}

Expanded ExpandDecimal(std::string_view text, std::string& out) {
  const bool minus = text.starts_with('-');
  if (minus || text.starts_with('+')) text.remove_prefix(1);
  const std::string_view whole = TakeDigits(text);
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = TakeDigits(text);
  }
  std::int64_t exponent = 0;
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (!TakeExponent(text, exponent)) return Expanded::kNoNumber;
  }
  if (!text.empty() || (whole.empty() && fraction.empty())) return Expanded::kNoNumber;

  std::string digits(whole);
  digits += fraction;
  const auto scale_before = static_cast<std::int64_t>(fraction.size()) - exponent;
  const std::size_t first = digits.find_first_not_of('0');
  const bool zero = first == std::string::npos;
  if (scale_before > kScaleMax) return Expanded::kOutOfRange;
  if (!zero && static_cast<std::int64_t>(digits.size() - first) - scale_before > kIntegerDigitsMax)
    return Expanded::kOutOfRange;
  if (scale_before < 0 && !zero) digits.append(static_cast<std::size_t>(-scale_before), '0');
  const auto scale = static_cast<std::size_t>(std::max<std::int64_t>(scale_before, 0));
  if (digits.size() <= scale) digits.insert(0, scale + 1 - digits.size(), '0');
  const std::size_t point = digits.size() - scale;
  const std::size_t begin = std::min(digits.find_first_not_of('0'), point - 1);
  if (minus && !zero) out.push_back('-');
  out.append(digits, begin, point - begin);
  if (scale > 0) out.append(".").append(digits, point);
  return Expanded::kOk;
}

}  // namespace headgate::http
