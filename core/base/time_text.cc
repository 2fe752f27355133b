#include "core/base/time_text.h"

#include <cstdio>

namespace headgate {

// Howard Hinnant's algorithms (public domain): http://howardhinnant.github.io/date_algorithms.html
std::int64_t DaysFromCivil(std::int64_t year, int month, int day) {
  year -= month <= 2;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

CivilDate CivilFromDays(std::int64_t days) {
  days += 719468;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const std::int64_t day_of_era = days - era * 146097;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const int day = static_cast<int>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
  const int month = static_cast<int>(shifted_month + (shifted_month < 10 ? 3 : -9));
  return {year_of_era + era * 400 + (month <= 2), month, day};
}

std::string UtcText(std::int64_t unix_us) {
  constexpr std::int64_t kDay = 86'400'000'000;
  std::int64_t days = unix_us / kDay;
  std::int64_t us = unix_us % kDay;
  if (us < 0) {
    us += kDay;
    --days;
  }
  const CivilDate date = CivilFromDays(days);
  char text[64];
  std::snprintf(text, sizeof text, "%04lld-%02d-%02dT%02d:%02d:%02d.%06dZ", static_cast<long long>(date.year),
                date.month, date.day, static_cast<int>(us / 3'600'000'000), static_cast<int>(us / 60'000'000 % 60),
                static_cast<int>(us / 1'000'000 % 60), static_cast<int>(us % 1'000'000));
  return text;
}

}  // namespace headgate
