#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Dates, times and intervals as ISO 8601 text, and the same read back from the server's text (defaults of columns).
// All Append functions append without quotes.
namespace headgate::codec {

inline constexpr std::int64_t kSecondUs = 1'000'000;
inline constexpr std::int64_t kDayUs = 86'400 * kSecondUs;
inline constexpr std::int64_t kDaysTo2000 = 10'957;  // from 1970-01-01

// A moment split without overflow, whatever the 64 bits hold.
struct DateTime {
  std::int64_t days;  // since 1970-01-01
  std::int64_t us;    // of the day
};
DateTime SplitTimestamp(std::int64_t us_since_2000);

// What the functions below take: days that a server's date can hold, and a time within a day, 24:00 included. Stored
// bytes may say anything; callers ask first.
constexpr bool IsDate(std::int64_t days) { return days > -3'000'000'000 && days < 3'000'000'000; }
constexpr bool IsTimeOfDay(std::int64_t us) { return us >= 0 && us <= kDayUs; }
constexpr bool IsOffset(std::int32_t seconds) { return seconds > -360'000 && seconds < 360'000; }

// How fractions of a second are written: a number of digits, or kTrimmed (none that are trailing zeros).
inline constexpr int kTrimmed = -1;

// 2016-11-04, -4712-01-01, +21016-11-04; the year before 1 is 0000.
void AppendIsoDate(std::string& out, std::int64_t days);
// 13:51:30.12; 24:00:00 stays. `us` may lie beyond a day, never below zero.
void AppendIsoTime(std::string& out, std::int64_t us, int fraction_digits);
// 2016-11-04T13:51:30.123456, without zone.
void AppendIsoDateTime(std::string& out, DateTime at, int fraction_digits);
// +02:00, -03:30, +15:59:59.
void AppendOffset(std::string& out, std::int32_t seconds);
// Unix time as 2026-03-04T05:06:07.123456Z.
void AppendUnixUtc(std::string& out, std::int64_t unix_us);

// The parts of an interval as PostgreSQL prints them: months carry into years, time does not carry into days; every
// part has its own sign.
struct IntervalParts {
  std::int64_t years, months, days, hours, minutes, seconds, micros;
};
IntervalParts SplitInterval(std::int32_t months, std::int32_t days, std::int64_t us);
// P1Y2M3DT4H5M6.78S, P-1DT2H, PT0S: parts that are zero are left out.
void AppendIsoInterval(std::string& out, std::int32_t months, std::int32_t days, std::int64_t us);
// P0Y0M1DT0H0M0S: every part is written.
void AppendFullInterval(std::string& out, std::int32_t months, std::int32_t days, std::int64_t us);

// Server text read back. Nothing if it is not in the pinned output form (ISO dates, iso_8601 intervals).
std::optional<std::int64_t> ParseDate(std::string_view text);       // days since 1970-01-01; infinities as in Value
std::optional<std::int64_t> ParseTime(std::string_view text);       // microseconds
std::optional<std::int64_t> ParseTimestamp(std::string_view text);  // microseconds since 2000; a zone is applied
struct Interval {
  std::int32_t months = 0;
  std::int32_t days = 0;
  std::int64_t us = 0;
};
std::optional<Interval> ParseInterval(std::string_view text);

}  // namespace headgate::codec
