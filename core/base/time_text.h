#pragma once

#include <cstdint>
#include <string>

namespace headgate {

struct CivilDate {
  std::int64_t year;  // astronomical: 1 BC is 0
  int month;          // 1..12
  int day;            // 1..31
};

// Proleptic Gregorian calendar; days count from 1970-01-01. Exact over the whole range of int32 days and beyond.
std::int64_t DaysFromCivil(std::int64_t year, int month, int day);
CivilDate CivilFromDays(std::int64_t days);

// Microseconds since 1970-01-01 UTC as RFC 3339 with six digits: 2026-03-04T05:06:07.123456Z.
std::string UtcText(std::int64_t unix_us);

}  // namespace headgate
