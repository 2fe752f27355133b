#pragma once

#include <cstdint>
#include <string_view>

// PostgreSQL's ISO text forms of dates, times and intervals (DateStyle=ISO, IntervalStyle=iso_8601), BC years, years
// beyond 9999 and both infinities included. Pure; false if the text is anything else, the outputs are then undefined.
namespace headgate::postgres {

// Days since 1970-01-01; kInfinity, kMinusInfinity.
bool ParseDate(std::string_view text, std::int64_t& days);

// Microseconds since midnight, 24:00:00 allowed.
bool ParseTime(std::string_view text, std::int64_t& us);

// Local time and its offset in seconds east of UTC.
bool ParseTimeTz(std::string_view text, std::int64_t& us, std::int32_t& offset_seconds);

// Microseconds since 2000-01-01 00:00; kInfinity, kMinusInfinity.
bool ParseTimestamp(std::string_view text, std::int64_t& us_since_2000);

// The same in UTC, from a text with an offset.
bool ParseTimestampTz(std::string_view text, std::int64_t& us_since_2000);

struct Interval {
  std::int32_t months = 0;
  std::int32_t days = 0;
  std::int64_t us = 0;
};
bool ParseInterval(std::string_view text, Interval& interval);

}  // namespace headgate::postgres
