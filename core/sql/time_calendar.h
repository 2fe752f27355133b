#pragma once

#include <cstdint>

#include "core/sql/time_value.h"

// Days, weeks, centuries: what the calendar says of a date. Days since 1970, years with a year 0.
namespace headgate::sql {

constexpr int DayOfWeek(std::int64_t days) { return static_cast<int>(FloorMod(days + 4, 7)); }         // Sunday 0
constexpr int IsoDayOfWeek(std::int64_t days) { return static_cast<int>(FloorMod(days + 3, 7)) + 1; }  // Monday 1
int DayOfYear(std::int64_t days);

// Weeks begin on Monday and belong to the year of their Thursday.
struct IsoWeek {
  std::int64_t year;
  int week;
};
IsoWeek IsoWeekOf(std::int64_t days);
// The Monday of a week.
std::int64_t DaysOfIsoWeek(std::int64_t year, std::int64_t week);

// 1 BC is -1 then.
constexpr std::int64_t EraYear(std::int64_t year) { return year > 0 ? year : year - 1; }
// The century (100) or millennium (1000) of a year: the first begins with year 1, and there is none of number 0.
constexpr std::int64_t CenturyOf(std::int64_t year, std::int64_t years) {
  return year > 0 ? (year + years - 1) / years : -((years - 1 - (year - 1)) / years);
}

}  // namespace headgate::sql
