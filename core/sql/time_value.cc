#include "core/sql/time_value.h"

#include <algorithm>
#include <string>

namespace headgate::sql {
namespace {

bool FitsInt32(std::int64_t v) {
  return v >= std::numeric_limits<std::int32_t>::min() && v <= std::numeric_limits<std::int32_t>::max();
}

// Months and days of an interval, added to a local time.
std::optional<std::int64_t> AddMonths(std::int64_t us, std::int32_t months) {
  TimeFields fields = SplitTimestamp(us);
  const std::int64_t month = fields.year * 12 + fields.month - 1 + months;
  fields.year = FloorDiv(month, 12);
  fields.month = static_cast<int>(FloorMod(month, 12)) + 1;
  fields.day = std::min(fields.day, DaysInMonth(fields.year, fields.month));
  return JoinTimestamp(fields);
}

std::optional<std::int64_t> AddDays(std::int64_t us, std::int32_t days) {
  const Int128 sum = static_cast<Int128>(us) + static_cast<Int128>(days) * kDayUs;
  if (sum < kTimestampMin || sum >= kTimestampEnd) return std::nullopt;
  return static_cast<std::int64_t>(sum);
}

std::optional<std::int64_t> AddTime(std::int64_t us, std::int64_t time) {
  std::int64_t sum;
  if (__builtin_add_overflow(us, time, &sum) || !TimestampInRange(sum)) return std::nullopt;
  return sum;
}

}  // namespace

void TimeFields::SetDays(std::int64_t days) {
  const CivilDate date = CivilFromDays(days);
  year = date.year;
  month = date.month;
  day = date.day;
}

void TimeFields::SetTimeOfDay(std::int64_t of_day) {
  hour = static_cast<int>(of_day / kHourUs);
  minute = static_cast<int>(of_day / kMinuteUs % 60);
  second = static_cast<int>(of_day / kSecondUs % 60);
  us = static_cast<int>(of_day % kSecondUs);
}

TimeFields SplitTimestamp(std::int64_t us) {
  const codec::DateTime at = codec::SplitTimestamp(us);
  TimeFields fields;
  fields.SetDays(at.days);
  fields.SetTimeOfDay(at.us);
  return fields;
}

std::optional<std::int64_t> JoinTimestamp(const TimeFields& fields, std::int32_t offset) {
  if (!CivilInRange(fields.year, fields.month)) return std::nullopt;
  const Int128 us = static_cast<Int128>(fields.Days() - kDaysTo2000) * kDayUs + fields.TimeOfDay() - offset * kSecondUs;
  if (us < kTimestampMin || us >= kTimestampEnd) return std::nullopt;
  return static_cast<std::int64_t>(us);
}

bool IsLeapYear(std::int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int DaysInMonth(std::int64_t year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return kDays[month - 1] + (month == 2 && IsLeapYear(year) ? 1 : 0);
}

const TimeZone& SessionZone(std::string_view name) {
  thread_local std::string last;
  thread_local std::shared_ptr<const TimeZone> zone;
  if (zone == nullptr || last != name) {
    zone = TimeZone::FindSetting(name);
    if (zone == nullptr) zone = TimeZone::Fixed(0, "UTC");
    last = name;
  }
  return *zone;
}

std::int32_t OffsetAt(const TimeZone& zone, std::int64_t us) {
  return zone.At(FloorDiv(us, kSecondUs) + kSecondsTo2000).offset;
}

std::int32_t OffsetOfLocal(const TimeZone& zone, std::int64_t local_us) {
  return zone.OffsetOfLocal(FloorDiv(local_us, kSecondUs) + kSecondsTo2000);
}

std::optional<std::int64_t> DateToTimestamp(std::int64_t days) {
  if (IsInfinite(days)) return days;
  const Int128 us = static_cast<Int128>(days - kDaysTo2000) * kDayUs;
  if (us < kTimestampMin || us >= kTimestampEnd) return std::nullopt;
  return static_cast<std::int64_t>(us);
}

std::int64_t TimestampToDate(std::int64_t us) { return IsInfinite(us) ? us : FloorDiv(us, kDayUs) + kDaysTo2000; }

std::optional<std::int64_t> TimestampToTimestampTz(const TimeZone& zone, std::int64_t local_us) {
  if (IsInfinite(local_us)) return local_us;
  return AddTime(local_us, -OffsetOfLocal(zone, local_us) * kSecondUs);
}

std::optional<std::int64_t> TimestampTzToTimestamp(const TimeZone& zone, std::int64_t us) {
  if (IsInfinite(us)) return us;
  return AddTime(us, OffsetAt(zone, us) * kSecondUs);
}

std::optional<std::int64_t> AddInterval(std::int64_t us, const Wide& interval) {
  if (IsInfinite(us)) return us;
  std::optional<std::int64_t> sum = us;
  if (interval.months != 0) sum = AddMonths(*sum, interval.months);
  if (sum && interval.days != 0) sum = AddDays(*sum, interval.days);
  if (sum) sum = AddTime(*sum, interval.us);
  return sum;
}

std::optional<std::int64_t> AddInterval(const TimeZone& zone, std::int64_t us, const Wide& interval) {
  if (IsInfinite(us)) return us;
  std::optional<std::int64_t> sum = us;
  if (interval.months != 0) {
    sum = AddMonths(ToLocal(zone, *sum), interval.months);
    if (sum) sum = AddTime(*sum, -OffsetOfLocal(zone, *sum) * kSecondUs);
  }
  if (sum && interval.days != 0) {
    sum = AddDays(ToLocal(zone, *sum), interval.days);
    if (sum) sum = AddTime(*sum, -OffsetOfLocal(zone, *sum) * kSecondUs);
  }
  if (sum) sum = AddTime(*sum, interval.us);
  return sum;
}

std::optional<Wide> Negate(const Wide& interval) { return SubtractIntervals({}, interval); }

std::optional<Wide> AddIntervals(const Wide& a, const Wide& b) {
  Wide sum;
  if (__builtin_add_overflow(a.months, b.months, &sum.months) || __builtin_add_overflow(a.days, b.days, &sum.days) ||
      __builtin_add_overflow(a.us, b.us, &sum.us))
    return std::nullopt;
  return sum;
}

std::optional<Wide> SubtractIntervals(const Wide& a, const Wide& b) {
  Wide difference;
  if (__builtin_sub_overflow(a.months, b.months, &difference.months) ||
      __builtin_sub_overflow(a.days, b.days, &difference.days) || __builtin_sub_overflow(a.us, b.us, &difference.us))
    return std::nullopt;
  return difference;
}

std::optional<Wide> JustifyHours(Wide interval) {
  std::int64_t days = interval.us / kDayUs;
  interval.us %= kDayUs;
  days += interval.days;
  if (days > 0 && interval.us < 0) {
    interval.us += kDayUs;
    --days;
  } else if (days < 0 && interval.us > 0) {
    interval.us -= kDayUs;
    ++days;
  }
  if (!FitsInt32(days)) return std::nullopt;
  interval.days = static_cast<std::int32_t>(days);
  return interval;
}

Int128 IntervalKey(const Wide& interval) {
  return static_cast<Int128>(interval.months * std::int64_t{30} + interval.days) * kDayUs + interval.us;
}

std::strong_ordering CompareIntervals(const Wide& a, const Wide& b) {
  const Int128 x = IntervalKey(a);
  const Int128 y = IntervalKey(b);
  if (x == y) return std::strong_ordering::equal;
  return x < y ? std::strong_ordering::less : std::strong_ordering::greater;
}

std::strong_ordering CompareTimeTz(const Wide& a, const Wide& b) {
  const std::int64_t x = a.us - a.days * kSecondUs;
  const std::int64_t y = b.us - b.days * kSecondUs;
  return x != y ? x <=> y : b.days <=> a.days;
}

std::int64_t RoundFraction(std::int64_t us, std::int32_t digits) {
  if (digits < 0 || digits >= 6) return us;
  std::int64_t unit = 1;
  for (std::int32_t i = digits; i < 6; ++i) unit *= 10;
  const std::int64_t rest = us % unit;
  us -= rest;
  const std::int64_t twice = rest * 2;
  std::int64_t rounded = us;
  if (twice >= unit && __builtin_add_overflow(us, unit, &rounded)) return us;
  if (twice <= -unit && __builtin_sub_overflow(us, unit, &rounded)) return us;
  return rounded;
}

}  // namespace headgate::sql
