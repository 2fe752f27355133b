#include "core/sql/time_calendar.h"

namespace headgate::sql {

int DayOfYear(std::int64_t days) { return static_cast<int>(days - DaysFromCivil(CivilFromDays(days).year, 1, 1)) + 1; }

IsoWeek IsoWeekOf(std::int64_t days) {
  const std::int64_t thursday = days - IsoDayOfWeek(days) + 4;
  const std::int64_t year = CivilFromDays(thursday).year;
  return {year, static_cast<int>((thursday - DaysFromCivil(year, 1, 1)) / 7) + 1};
}

std::int64_t DaysOfIsoWeek(std::int64_t year, std::int64_t week) {
  const std::int64_t fourth = DaysFromCivil(year, 1, 4);  // always in week 1
  return fourth - IsoDayOfWeek(fourth) + 1 + (week - 1) * 7;
}

}  // namespace headgate::sql
