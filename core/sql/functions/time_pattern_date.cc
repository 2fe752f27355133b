#include "core/sql/functions/time_pattern_date.h"

#include "core/sql/time_calendar.h"
#include "core/sql/time_parse.h"

namespace headgate::sql {
namespace {

using I = std::int64_t;
using Text = std::string_view;
using Calendar = PatternCalendar;
using Fields = PatternFields;

class PatternDate {
 public:
  PatternDate(EvalContext& context, Text text, Fields fields) : context_(context), text_(text), in_(fields) {
    at_.month = 1;
    at_.day = 1;
  }

  bool Compute() { return Time() && Year() && Day() && Check(); }
  const TimeFields& fields() const { return at_; }

 private:
  bool Time() {
    if (in_.second_of_day != 0) {
      at_.hour = in_.second_of_day / 3600;
      at_.minute = in_.second_of_day % 3600 / 60;
      at_.second = in_.second_of_day % 60;
    }
    if (in_.second != 0) at_.second = in_.second;
    if (in_.minute != 0) at_.minute = in_.minute;
    if (in_.hour != 0) at_.hour = in_.hour;
    if (in_.twelve_hours) {
      if (at_.hour < 1 || at_.hour > 12) {
        context_.Fail("22007", "hour \"" + std::to_string(at_.hour) + "\" is invalid for the 12-hour clock");
        return false;
      }
      if (at_.hour == 12) at_.hour = 0;
      if (in_.pm != 0) at_.hour += 12;
    }
    us_ = I{in_.ms} * 1000 + in_.us;
    return true;
  }

  bool Year() {
    if (in_.century != 0 && in_.bc != 0 && (in_.year == 0 || in_.year_digits <= 2)) in_.century = -in_.century;
    const I century = in_.century;
    if (in_.year != 0) {
      year_said_ = true;
      if (century != 0 && in_.year_digits <= 2) {
        // The last two digits of a year in the century.
        at_.year = in_.year % 100;
        if (at_.year != 0) {
          at_.year = century >= 0 ? at_.year + (century - 1) * 100 : (century + 1) * 100 - at_.year + 1;
        } else {
          at_.year = century * 100 + (century >= 0 ? 0 : 1);
        }
      } else {
        at_.year = in_.bc != 0 ? -I{in_.year} : in_.year;
        if (at_.year < 0) ++at_.year;
      }
    } else if (century != 0) {
      year_said_ = true;
      at_.year = century >= 0 ? (century - 1) * 100 + 1 : century * 100 + 1;
    }
    return true;
  }

  void SetDays(I days) {
    at_.SetDays(days);
    year_said_ = month_said_ = day_said_ = true;
  }

  bool Day() {
    if (in_.julian != 0) SetDays(I{in_.julian} - kJulianOf1970);
    if (in_.week != 0) {
      if (in_.calendar == Calendar::kIsoWeek) {
        const I monday = DaysOfIsoWeek(at_.year, in_.week);
        SetDays(in_.week_day == 0 ? monday : in_.week_day > 1 ? monday + in_.week_day - 2 : monday + 6);
      } else {
        in_.day_of_year = static_cast<int>((I{in_.week} - 1) * 7 + 1);
      }
    }
    if (in_.week_of_month != 0) in_.day = static_cast<int>((I{in_.week_of_month} - 1) * 7 + 1);
    if (in_.day != 0) {
      at_.day = in_.day;
      day_said_ = true;
    }
    if (in_.month != 0) {
      at_.month = in_.month;
      month_said_ = true;
    }
    return in_.day_of_year == 0 || (at_.month > 1 && at_.day > 1) || DayOfTheYear();
  }

  // Month and day of a day of the year, where they are not said.
  bool DayOfTheYear() {
    if (at_.year == 0 && in_.bc == 0) {
      context_.Fail("22007", "cannot calculate day of year without year information");
      return false;
    }
    if (in_.calendar == Calendar::kIsoWeek) {
      SetDays(DaysOfIsoWeek(at_.year, 1) - 1 + in_.day_of_year);
      return true;
    }
    int month = 1;
    I before = 0;
    while (month < 13 && in_.day_of_year > before + (month <= 12 ? DaysInMonth(at_.year, month) : 0)) {
      if (month == 12) {
        month = 13;
        break;
      }
      before += DaysInMonth(at_.year, month);
      ++month;
    }
    if (at_.month <= 1) at_.month = month;
    if (at_.day <= 1) at_.day = static_cast<int>(in_.day_of_year - before);
    month_said_ = day_said_ = true;
    return true;
  }

  bool Check() {
    bool fits = true;
    if (month_said_) fits = at_.month >= 1 && at_.month <= 12;
    if (day_said_) fits = fits && at_.day >= 1 && at_.day <= 31;
    if (year_said_ && month_said_ && day_said_) fits = fits && at_.day <= DaysInMonth(at_.year, at_.month);
    fits = fits && at_.hour >= 0 && at_.hour < 24 && at_.minute >= 0 && at_.minute < 60 && at_.second >= 0 &&
           at_.second < 60 && us_ >= 0 && us_ < kSecondUs;
    TimeProblem problem = fits ? TimeProblem::kNone : TimeProblem::kFieldRange;
    if (fits && (in_.zone_hour < 0 || in_.zone_hour > 15 || in_.zone_minute < 0 || in_.zone_minute >= 60))
      problem = TimeProblem::kZoneRange;
    ReportTimeProblem(context_, problem, text_, "timestamp");
    at_.us = static_cast<int>(us_);
    return problem == TimeProblem::kNone;
  }

  EvalContext& context_;
  Text text_;
  Fields in_;
  TimeFields at_;
  I us_ = 0;
  bool year_said_ = false, month_said_ = false, day_said_ = false;
};

}  // namespace

std::optional<TimeFields> DateOfPattern(EvalContext& context, std::string_view text, const PatternFields& fields) {
  PatternDate date(context, text, fields);
  if (!date.Compute()) return std::nullopt;
  return date.fields();
}

}  // namespace headgate::sql
