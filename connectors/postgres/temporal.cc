#include "connectors/postgres/temporal.h"

#include <charconv>
#include <limits>

#include "core/base/ascii.h"
#include "core/base/time_text.h"
#include "core/model/value.h"

namespace headgate::postgres {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

// A cursor over the text; every Take is false, and stays where it is, when the text does not go on like that.
struct Scanner {
  const char* p;
  const char* end;
  explicit Scanner(std::string_view text) : p(text.data()), end(text.data() + text.size()) {}

  bool Done() const { return p == end; }
  bool Take(char c) {
    if (p == end || *p != c) return false;
    ++p;
    return true;
  }
  bool Take(std::string_view word) {
    if (static_cast<std::size_t>(end - p) < word.size() || std::string_view(p, word.size()) != word) return false;
    p += word.size();
    return true;
  }
  // Exactly two digits.
  bool TwoDigits(int& value) {
    if (end - p < 2 || !IsDigit(p[0]) || !IsDigit(p[1])) return false;
    value = (p[0] - '0') * 10 + (p[1] - '0');
    p += 2;
    return true;
  }
  bool Number(std::int64_t& value) {
    const auto [next, error] = std::from_chars(p, end, value);
    if (error != std::errc() || next == p) return false;
    p = next;
    return true;
  }
  // ".5" and the like after a decimal point was taken: up to six digits, scaled to microseconds.
  bool Fraction(std::int64_t& us) {
    us = 0;
    std::int64_t unit = kSecond / 10;
    const char* const start = p;
    for (; p != end && IsDigit(*p); ++p, unit /= 10) us += (*p - '0') * unit;
    return p != start && p - start <= 6;
  }
};

bool TakeDatePart(Scanner& in, std::int64_t& year, int& month, int& day) {
  if (in.Done() || !IsDigit(*in.p) || !in.Number(year) || year < 1 || year > 6'000'000) return false;
  return in.Take('-') && in.TwoDigits(month) && in.Take('-') && in.TwoDigits(day) && month >= 1 && month <= 12 &&
         day >= 1 && day <= 31;
}

bool TakeTimePart(Scanner& in, std::int64_t& us) {
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!in.TwoDigits(hour) || !in.Take(':') || !in.TwoDigits(minute) || !in.Take(':') || !in.TwoDigits(second))
    return false;
  if (hour > 24 || minute > 59 || second > 60) return false;
  std::int64_t fraction = 0;
  if (in.Take('.') && !in.Fraction(fraction)) return false;
  us = hour * kHour + minute * kMinute + second * kSecond + fraction;
  return us <= kDay;
}

// +02, -03:30, +02:30:15
bool TakeOffset(Scanner& in, std::int32_t& seconds) {
  const bool minus = !in.Done() && *in.p == '-';
  if (!in.Take('+') && !in.Take('-')) return false;
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!in.TwoDigits(hour)) return false;
  if (in.Take(':') && !in.TwoDigits(minute)) return false;
  if (in.Take(':') && !in.TwoDigits(second)) return false;
  seconds = hour * 3600 + minute * 60 + second;
  if (minus) seconds = -seconds;
  return true;
}

bool ParseInfinity(std::string_view text, std::int64_t& value) {
  if (text == "infinity") {
    value = kInfinity;
    return true;
  }
  value = kMinusInfinity;
  return text == "-infinity";
}

// Ends the text: nothing, or the era.
bool TakeEnd(Scanner& in, std::int64_t& year) {
  if (in.Take(" BC")) year = 1 - year;
  return in.Done();
}

bool ParseTimestampText(std::string_view text, bool with_zone, std::int64_t& result) {
  Scanner in(text);
  std::int64_t year = 0;
  int month = 0;
  int day = 0;
  std::int64_t us = 0;
  std::int32_t offset = 0;
  if (!TakeDatePart(in, year, month, day)) return ParseInfinity(text, result);
  if (!in.Take(' ') || !TakeTimePart(in, us)) return false;
  if (with_zone && !TakeOffset(in, offset)) return false;
  if (!TakeEnd(in, year)) return false;
  const std::int64_t days = DaysFromCivil(year, month, day) - kEpoch2000Us / kDay;
  const std::int64_t rest = us - offset * kSecond;
  return !__builtin_mul_overflow(days, kDay, &result) && !__builtin_add_overflow(result, rest, &result) &&
         result != kInfinity && result != kMinusInfinity;
}

// value * unit added to sum; false beyond the type.
template <class T>
bool AddScaled(T& sum, std::int64_t value, std::int64_t unit) {
  std::int64_t scaled = 0;
  std::int64_t total = 0;
  if (__builtin_mul_overflow(value, unit, &scaled) ||
      __builtin_add_overflow(static_cast<std::int64_t>(sum), scaled, &total))
    return false;
  if (total > std::numeric_limits<T>::max() || total < std::numeric_limits<T>::min()) return false;
  sum = static_cast<T>(total);
  return true;
}

bool AddDatePart(Interval& interval, char unit, std::int64_t value) {
  switch (unit) {
    case 'Y':
      return AddScaled(interval.months, value, 12);
    case 'M':
      return AddScaled(interval.months, value, 1);
    case 'W':
      return AddScaled(interval.days, value, 7);
    case 'D':
      return AddScaled(interval.days, value, 1);
    default:
      return false;
  }
}

bool AddTimePart(Interval& interval, char unit, std::int64_t value, std::int64_t fraction_us) {
  if (unit != 'S' && fraction_us != 0) return false;
  switch (unit) {
    case 'H':
      return AddScaled(interval.us, value, kHour);
    case 'M':
      return AddScaled(interval.us, value, kMinute);
    case 'S':
      return AddScaled(interval.us, value, kSecond) && AddScaled(interval.us, fraction_us, 1);
    default:
      return false;
  }
}

}  // namespace

bool ParseDate(std::string_view text, std::int64_t& days) {
  Scanner in(text);
  std::int64_t year = 0;
  int month = 0;
  int day = 0;
  if (!TakeDatePart(in, year, month, day)) return ParseInfinity(text, days);
  if (!TakeEnd(in, year)) return false;
  days = DaysFromCivil(year, month, day);
  return true;
}

bool ParseTime(std::string_view text, std::int64_t& us) {
  Scanner in(text);
  return TakeTimePart(in, us) && in.Done();
}

bool ParseTimeTz(std::string_view text, std::int64_t& us, std::int32_t& offset_seconds) {
  Scanner in(text);
  return TakeTimePart(in, us) && TakeOffset(in, offset_seconds) && in.Done();
}

bool ParseTimestamp(std::string_view text, std::int64_t& us_since_2000) {
  return ParseTimestampText(text, false, us_since_2000);
}

bool ParseTimestampTz(std::string_view text, std::int64_t& us_since_2000) {
  return ParseTimestampText(text, true, us_since_2000);
}

bool ParseInterval(std::string_view text, Interval& interval) {
  interval = {};
  Scanner in(text);
  if (!in.Take('P') || in.Done()) return false;
  bool time = false;
  while (!in.Done()) {
    if (!time && in.Take('T')) {
      time = true;
      if (in.Done()) return false;
    }
    const bool minus = *in.p == '-';
    std::int64_t value = 0;
    std::int64_t fraction = 0;
    if (!in.Number(value)) return false;  // "-0" before ".5" reads as 0: the sign is remembered apart
    if (in.Take('.') && !in.Fraction(fraction)) return false;
    if (in.Done()) return false;
    const char unit = *in.p++;
    if (!(time ? AddTimePart(interval, unit, value, minus ? -fraction : fraction)
               : fraction == 0 && AddDatePart(interval, unit, value))) {
      return false;
    }
  }
  return true;
}

}  // namespace headgate::postgres
