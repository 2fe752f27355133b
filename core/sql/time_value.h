#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>

#include "core/base/time_text.h"
#include "core/codec/time_text.h"
#include "core/model/value.h"
#include "core/sql/datum.h"
#include "core/sql/numeric.h"
#include "core/sql/time_zone.h"

// Arithmetic of dates, times and intervals, in the units of core/model/value.h. A date is days since 1970, a timestamp
// us since 2000. What leaves PostgreSQL's range is nothing here, and an error of the caller's words.
namespace headgate::sql {

using codec::kDayUs;
using codec::kSecondUs;
inline constexpr std::int64_t kMinuteUs = 60 * kSecondUs;
inline constexpr std::int64_t kHourUs = 60 * kMinuteUs;
inline constexpr std::int64_t kDaysTo2000 = codec::kDaysTo2000;
inline constexpr std::int64_t kSecondsTo2000 = kDaysTo2000 * 86'400;
inline constexpr std::int64_t kJulianOf1970 = 2'440'588;  // the Julian day of 1970-01-01

inline constexpr std::int64_t kDateMin = -kJulianOf1970;                  // 4714-11-24 BC
inline constexpr std::int64_t kDateEnd = 2'147'483'494 - kJulianOf1970;   // after 5874897-12-31
inline constexpr std::int64_t kTimestampMin = -211'813'488'000'000'000;   // 4714-11-24 00:00 BC
inline constexpr std::int64_t kTimestampEnd = 9'223'371'331'200'000'000;  // 294277-01-01 00:00

constexpr bool IsInfinite(std::int64_t v) { return v == kInfinity || v == kMinusInfinity; }
constexpr bool DateInRange(std::int64_t days) { return days >= kDateMin && days < kDateEnd; }
constexpr bool TimestampInRange(std::int64_t us) { return us >= kTimestampMin && us < kTimestampEnd; }
// Whether the calendar date can be computed with at all; wider than dates are.
constexpr bool CivilInRange(std::int64_t year, int month) {
  return (year > -4713 || (year == -4713 && month >= 11)) && (year < 5'874'898 || (year == 5'874'898 && month < 6));
}
constexpr std::int64_t FloorDiv(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
constexpr std::int64_t FloorMod(std::int64_t a, std::int64_t b) { return a % b < 0 ? a % b + b : a % b; }

// A moment in the calendar; the year before 1 is 0.
struct TimeFields {
  std::int64_t year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int us = 0;

  std::int64_t Days() const { return DaysFromCivil(year, month, day); }
  std::int64_t TimeOfDay() const { return ((hour * 60LL + minute) * 60 + second) * kSecondUs + us; }
  void SetDays(std::int64_t days);
  void SetTimeOfDay(std::int64_t of_day);  // 24:00:00 stays
};
TimeFields SplitTimestamp(std::int64_t us);
// Of any fields whose month and day exist; the time of day may lie beyond the day. Local time `offset` seconds east.
std::optional<std::int64_t> JoinTimestamp(const TimeFields& fields, std::int32_t offset = 0);
bool IsLeapYear(std::int64_t year);
int DaysInMonth(std::int64_t year, int month);

// The zone of a session; UTC if the name means none.
const TimeZone& SessionZone(std::string_view name);
std::int32_t OffsetAt(const TimeZone& zone, std::int64_t us);             // of a moment
std::int32_t OffsetOfLocal(const TimeZone& zone, std::int64_t local_us);  // of a local time
inline std::int64_t ToLocal(const TimeZone& zone, std::int64_t us) { return us + OffsetAt(zone, us) * kSecondUs; }
inline std::int64_t FromLocal(const TimeZone& zone, std::int64_t local_us) {
  return local_us - OffsetOfLocal(zone, local_us) * kSecondUs;
}

// Casts; infinities stay.
std::optional<std::int64_t> DateToTimestamp(std::int64_t days);
std::int64_t TimestampToDate(std::int64_t us);
std::optional<std::int64_t> TimestampToTimestampTz(const TimeZone& zone, std::int64_t local_us);
std::optional<std::int64_t> TimestampTzToTimestamp(const TimeZone& zone, std::int64_t us);

// Months first, with the day cut to the month's last, then days, then time. With a zone, months and days count in local
// time. Infinities stay.
std::optional<std::int64_t> AddInterval(std::int64_t us, const Wide& interval);
std::optional<std::int64_t> AddInterval(const TimeZone& zone, std::int64_t us, const Wide& interval);
std::optional<Wide> Negate(const Wide& interval);
std::optional<Wide> AddIntervals(const Wide& a, const Wide& b);
std::optional<Wide> SubtractIntervals(const Wide& a, const Wide& b);
std::optional<Wide> JustifyHours(Wide interval);

// An interval as one number, of months of 30 days and days of 24 hours: equal numbers are equal intervals.
Int128 IntervalKey(const Wide& interval);
std::strong_ordering CompareIntervals(const Wide& a, const Wide& b);
// By the moment, then by the zone, the eastern first. Times with zone are equal only if both parts are.
std::strong_ordering CompareTimeTz(const Wide& a, const Wide& b);

// Half away from zero, to so many digits of a second's fraction; below 0 and from 6 on nothing changes.
std::int64_t RoundFraction(std::int64_t us, std::int32_t digits);

}  // namespace headgate::sql
