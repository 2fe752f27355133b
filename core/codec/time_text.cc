#include "core/codec/time_text.h"

#include <cstdlib>

#include "core/base/time_text.h"
#include "core/codec/json_text.h"
#include "core/model/value.h"

namespace headgate::codec {
namespace {

char* Put2(char* p, std::int64_t v) {
  p[0] = static_cast<char>('0' + v / 10);
  p[1] = static_cast<char>('0' + v % 10);
  return p + 2;
}

// At most 10 + 8 + 7 characters and the year's excess.
char* PutTime(char* p, std::int64_t us, int digits) {
  const std::int64_t seconds = us / kSecondUs;
  auto fraction = static_cast<std::uint32_t>(us % kSecondUs);
  const std::int64_t hours = seconds / 3600;
  if (hours < 100) {
    p = Put2(p, hours);
  } else {
    for (const char c : std::to_string(hours)) *p++ = c;
  }
  *p++ = ':';
  p = Put2(p, seconds / 60 % 60);
  *p++ = ':';
  p = Put2(p, seconds % 60);
  if (digits == kTrimmed) {
    if (fraction == 0) return p;
    digits = 6;
    for (std::uint32_t f = fraction; f % 10 == 0; f /= 10) --digits;
  }
  if (digits == 0) return p;
  *p++ = '.';
  for (int i = 6; i > digits; --i) fraction /= 10;
  for (int i = digits; i-- > 0; fraction /= 10) p[i] = static_cast<char>('0' + fraction % 10);
  return p + digits;
}

char* PutDate(char* p, std::int64_t days) {
  const CivilDate date = CivilFromDays(days);
  if (date.year >= 0 && date.year <= 9999) {
    p = Put2(p, date.year / 100);
    p = Put2(p, date.year % 100);
  } else {
    *p++ = date.year < 0 ? '-' : '+';
    const std::string year = std::to_string(std::llabs(date.year));
    for (std::size_t i = year.size(); i < 4; ++i) *p++ = '0';
    for (const char c : year) *p++ = c;
  }
  *p++ = '-';
  p = Put2(p, date.month);
  *p++ = '-';
  return Put2(p, date.day);
}

void AppendFraction(std::string& out, std::int64_t micros) {
  if (micros == 0) return;
  char digits[8];
  char* end = digits;
  *end++ = '.';
  auto v = static_cast<std::uint32_t>(std::llabs(micros));
  for (int i = 6; i-- > 0; v /= 10) end[i] = static_cast<char>('0' + v % 10);
  end += 6;
  while (end[-1] == '0') --end;
  out.append(digits, static_cast<std::size_t>(end - digits));
}

// 6.78, -0.5: seconds and micros have one sign.
void AppendSeconds(std::string& out, const IntervalParts& p) {
  if (p.seconds == 0 && p.micros < 0) out.push_back('-');
  AppendInt(out, p.seconds);
  AppendFraction(out, p.micros);
}

// Reads server text from the left.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool done() const { return at_ == text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  bool Take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  bool Take(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  // Up to 9 digits; -1 if there is none.
  std::int64_t Number() {
    const std::size_t start = at_;
    std::int64_t v = 0;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9' && at_ - start < 9)
      v = v * 10 + (text_[at_++] - '0');
    return at_ == start ? -1 : v;
  }
  // Fraction digits after a point, as microseconds; more than six are cut.
  std::int64_t Fraction() {
    std::int64_t v = 0;
    int digits = 0;
    for (; peek() >= '0' && peek() <= '9'; ++at_, ++digits) {
      if (digits < 6) v = v * 10 + (peek() - '0');
    }
    for (; digits < 6; ++digits) v *= 10;
    return v;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

bool ScanTime(Scanner& in, std::int64_t& us) {
  const std::int64_t h = in.Number();
  if (h < 0 || !in.Take(':')) return false;
  const std::int64_t m = in.Number();
  if (m < 0) return false;
  std::int64_t s = 0;
  if (in.Take(':')) s = in.Number();
  if (s < 0) return false;
  us = ((h * 60 + m) * 60 + s) * kSecondUs;
  if (in.Take('.')) us += in.Fraction();
  return true;
}

bool ScanOffset(Scanner& in, std::int64_t& seconds) {
  const bool negative = in.peek() == '-';
  if (!in.Take('+') && !in.Take('-')) return false;
  const std::int64_t h = in.Number();
  const std::int64_t m = in.Take(':') ? in.Number() : 0;
  const std::int64_t s = in.Take(':') ? in.Number() : 0;
  if (h < 0 || m < 0 || s < 0) return false;
  seconds = (h * 60 + m) * 60 + s;
  if (negative) seconds = -seconds;
  return true;
}

struct Ymd {
  std::int64_t year = 0;
  std::int64_t month = 0;
  std::int64_t day = 0;
};
bool ScanDate(Scanner& in, Ymd& d) {
  d.year = in.Number();
  if (d.year < 0 || !in.Take('-')) return false;
  d.month = in.Number();
  if (d.month < 1 || d.month > 12 || !in.Take('-')) return false;
  d.day = in.Number();
  return d.day >= 1 && d.day <= 31;
}
std::int64_t Days(const Ymd& d, bool bc) {
  return DaysFromCivil(bc ? 1 - d.year : d.year, static_cast<int>(d.month), static_cast<int>(d.day));
}

std::optional<std::int64_t> SpecialTime(std::string_view text) {
  if (text == "infinity") return kInfinity;
  if (text == "-infinity") return kMinusInfinity;
  return std::nullopt;
}

}  // namespace

DateTime SplitTimestamp(std::int64_t us) {
  std::int64_t days = us / kDayUs;
  std::int64_t rest = us % kDayUs;
  if (rest < 0) {
    rest += kDayUs;
    --days;
  }
  return {days + kDaysTo2000, rest};
}

void AppendIsoDate(std::string& out, std::int64_t days) {
  char buffer[48];
  out.append(buffer, static_cast<std::size_t>(PutDate(buffer, days) - buffer));
}

void AppendIsoTime(std::string& out, std::int64_t us, int fraction_digits) {
  char buffer[48];
  out.append(buffer, static_cast<std::size_t>(PutTime(buffer, us, fraction_digits) - buffer));
}

void AppendIsoDateTime(std::string& out, DateTime at, int fraction_digits) {
  char buffer[80];
  char* p = PutDate(buffer, at.days);
  *p++ = 'T';
  p = PutTime(p, at.us, fraction_digits);
  out.append(buffer, static_cast<std::size_t>(p - buffer));
}

void AppendOffset(std::string& out, std::int32_t seconds) {
  char buffer[16];
  char* p = buffer;
  *p++ = seconds < 0 ? '-' : '+';
  const std::int64_t s = std::llabs(seconds);
  p = Put2(p, s / 3600 % 100);
  *p++ = ':';
  p = Put2(p, s / 60 % 60);
  if (s % 60 != 0) {
    *p++ = ':';
    p = Put2(p, s % 60);
  }
  out.append(buffer, static_cast<std::size_t>(p - buffer));
}

void AppendUnixUtc(std::string& out, std::int64_t unix_us) {
  const DateTime at = SplitTimestamp(unix_us);  // days are off by the distance of the epochs
  AppendIsoDateTime(out, {at.days - kDaysTo2000, at.us}, 6);
  out.push_back('Z');
}

IntervalParts SplitInterval(std::int32_t months, std::int32_t days, std::int64_t us) {
  IntervalParts p;
  p.years = months / 12;
  p.months = months % 12;
  p.days = days;
  p.hours = us / (3600 * kSecondUs);
  p.minutes = us / (60 * kSecondUs) % 60;
  p.seconds = us / kSecondUs % 60;
  p.micros = us % kSecondUs;
  return p;
}

void AppendIsoInterval(std::string& out, std::int32_t months, std::int32_t days, std::int64_t us) {
  const IntervalParts p = SplitInterval(months, days, us);
  const auto part = [&](std::int64_t v, char unit) {
    if (v == 0) return;
    AppendInt(out, v);
    out.push_back(unit);
  };
  out.push_back('P');
  part(p.years, 'Y');
  part(p.months, 'M');
  part(p.days, 'D');
  if (us != 0) {
    out.push_back('T');
    part(p.hours, 'H');
    part(p.minutes, 'M');
    if (p.seconds != 0 || p.micros != 0) {
      AppendSeconds(out, p);
      out.push_back('S');
    }
  } else if (months == 0 && days == 0) {
    out += "T0S";
  }
}

void AppendFullInterval(std::string& out, std::int32_t months, std::int32_t days, std::int64_t us) {
  const IntervalParts p = SplitInterval(months, days, us);
  const auto part = [&](std::int64_t v, char unit) {
    AppendInt(out, v);
    out.push_back(unit);
  };
  out.push_back('P');
  part(p.years, 'Y');
  part(p.months, 'M');
  part(p.days, 'D');
  out.push_back('T');
  part(p.hours, 'H');
  part(p.minutes, 'M');
  AppendSeconds(out, p);
  out.push_back('S');
}

std::optional<std::int64_t> ParseDate(std::string_view text) {
  if (const auto special = SpecialTime(text)) return special;
  Scanner in(text);
  Ymd d;
  if (!ScanDate(in, d)) return std::nullopt;
  const bool bc = in.Take(" BC");
  if (!in.done()) return std::nullopt;
  return Days(d, bc);
}

std::optional<std::int64_t> ParseTime(std::string_view text) {
  Scanner in(text);
  std::int64_t us = 0;
  if (!ScanTime(in, us) || !in.done()) return std::nullopt;
  return us;
}

std::optional<std::int64_t> ParseTimestamp(std::string_view text) {
  if (const auto special = SpecialTime(text)) return special;
  Scanner in(text);
  Ymd d;
  std::int64_t us = 0;
  if (!ScanDate(in, d) || !in.Take(' ') || !ScanTime(in, us)) return std::nullopt;
  std::int64_t offset = 0;
  if ((in.peek() == '+' || in.peek() == '-') && !ScanOffset(in, offset)) return std::nullopt;
  const bool bc = in.Take(" BC");
  if (!in.done()) return std::nullopt;
  const std::int64_t days = Days(d, bc) - kDaysTo2000;
  if (days < -2'500'000 || days > 106'751'990) return std::nullopt;
  return days * kDayUs + us - offset * kSecondUs;
}

std::optional<Interval> ParseInterval(std::string_view text) {
  Scanner in(text);
  if (!in.Take('P')) return std::nullopt;
  constexpr std::int64_t kLimit = 4'000'000'000'000'000'000;  // what one more part cannot carry over the edge
  Interval v;
  bool time = false;
  std::int64_t months = 0;
  while (!in.done()) {
    if (!time && in.Take('T')) {
      time = true;
      continue;
    }
    const std::int64_t sign = in.Take('-') ? -1 : 1;
    const std::int64_t n = in.Number();
    if (n < 0 || std::llabs(v.us) > kLimit || std::llabs(months) > kLimit) return std::nullopt;
    const std::int64_t micros = in.Take('.') ? in.Fraction() : 0;
    if (time && in.Take('H')) {
      v.us += sign * n * 3600 * kSecondUs;
    } else if (time && in.Take('M')) {
      v.us += sign * n * 60 * kSecondUs;
    } else if (time && in.Take('S')) {
      v.us += sign * (n * kSecondUs + micros);
    } else if (!time && in.Take('Y')) {
      months += sign * n * 12;
    } else if (!time && in.Take('M')) {
      months += sign * n;
    } else if (!time && in.Take('D')) {
      v.days = static_cast<std::int32_t>(sign * n);
    } else {
      return std::nullopt;
    }
  }
  v.months = static_cast<std::int32_t>(months);
  return v;
}

}  // namespace headgate::codec
