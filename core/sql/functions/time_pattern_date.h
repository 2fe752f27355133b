#pragma once

#include <string_view>

#include "core/sql/eval_context.h"
#include "core/sql/functions/time_pattern.h"
#include "core/sql/time_value.h"

namespace headgate::sql {

// The values of the fields as they stand in the text; 0: none.
struct PatternFields {
  PatternCalendar calendar = PatternCalendar::kAny;
  int hour = 0, pm = 0, minute = 0, second = 0, second_of_day = 0;
  int week_day = 0, day = 0, day_of_year = 0, month = 0, week = 0, week_of_month = 0;
  int ms = 0, us = 0, fraction_digits = 0;
  int year = 0, year_digits = 0, century = 0, bc = 0, julian = 0;
  int zone_sign = 0, zone_hour = 0, zone_minute = 0;
  bool twelve_hours = false;
};

// What the fields read from `text` make together; nothing, and an error of the row, if that is no date or no time. What
// is not said is the first of January of the year 0 (1 BC), midnight.
std::optional<TimeFields> DateOfPattern(EvalContext& context, std::string_view text, const PatternFields& fields);

}  // namespace headgate::sql
