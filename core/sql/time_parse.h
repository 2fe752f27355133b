#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/sql/eval_context.h"
#include "core/sql/time_value.h"

// What the readers of dates, times and intervals share: words, the split of a text into fields, numbers.
namespace headgate::sql {

enum class TimeUnit : std::uint8_t {
  kMicrosecond,
  kMillisecond,
  kSecond,
  kMinute,
  kHour,
  kDay,
  kWeek,
  kMonth,
  kQuarter,
  kYear,
  kDecade,
  kCentury,
  kMillennium,
  kEpoch,
  kDayOfWeek,
  kDayOfYear,
  kIsoDayOfWeek,
  kIsoYear,
  kJulian,
  kZone,
  kZoneHour,
  kZoneMinute,
};
constexpr unsigned TimeUnitBit(TimeUnit unit) { return 1U << static_cast<unsigned>(unit); }

enum class TimeWordKind : std::uint8_t {
  kIgnored,         // at, on
  kMonth,           // value: 1..12
  kWeekday,         // value: 0 is Sunday
  kAmPm,            // value: 1 is PM
  kEra,             // value: 1 is BC
  kUnit,            // value: TimeUnit
  kReserved,        // value: ReservedTime
  kTimeFollows,     // T between date and time
  kDaylightSaving,  // DST: an hour more than the zone before it
  kAgo,
};
enum class ReservedTime : std::uint8_t {
  kEpoch,
  kInfinity,
  kMinusInfinity,
  kNow,
  kToday,
  kTomorrow,
  kYesterday,
  kZulu
};

struct TimeWord {
  std::string_view name;  // at most ten letters count
  TimeWordKind kind;
  int value = 0;
};
// A word of dates and times, or a unit as intervals and extract name it; lower case.
const TimeWord* FindTimeWord(std::string_view lower);
const TimeWord* FindUnitWord(std::string_view lower);

struct TimeField {
  enum class Kind : std::uint8_t {
    kNumber,   // 12, 12.5, .5
    kDate,     // digits or letters with - / . between them; names of zones
    kTime,     // digits with colons
    kWord,     // letters, lower case
    kZone,     // sign and digits
    kSpecial,  // sign and letters
  } kind;
  std::string text;
};
// False: the text cannot be split, or its fields do not fit into `size_max` bytes with an end each.
bool SplitTimeText(std::string_view text, std::size_t size_max, std::vector<TimeField>& fields);

enum class TimeProblem : std::uint8_t {
  kNone,
  kFormat,
  kFieldRange,
  kIntervalRange,
  kZoneRange,
  kResultRange,  // every field fits, what they make together does not
  kReported,     // the context has it
};
// "invalid input syntax for type date: ..." and its kin.
void ReportTimeProblem(EvalContext& context, TimeProblem problem, std::string_view text, std::string_view type);

// A sign and digits from the left of the text.
struct LeadingInteger {
  std::int64_t value = 0;
  std::string_view rest;
  bool any = false;
  bool overflow = false;
};
LeadingInteger ReadInteger(std::string_view text, std::int64_t low, std::int64_t high);
LeadingInteger ReadInt32(std::string_view text);
// The whole text, a point and digits; 0 for a single point.
std::optional<double> ReadFraction(std::string_view text);
std::optional<int> ReadFractionUs(std::string_view text);

struct ClockTime {
  std::int64_t hour = 0;
  int minute = 0;
  int second = 0;
  int us = 0;  // up to a full second, by rounding
};
// h:m, h:m:s, h:m:s.f, and m:s.f.
TimeProblem ReadClock(std::string_view text, std::int64_t hour_max, ClockTime& out);

// +hh, +hhmm, +hh:mm, +hh:mm:ss; seconds east of Greenwich.
TimeProblem ReadZoneOffset(std::string_view text, std::int32_t& offset);

TimeProblem ReadInterval(std::string_view text, Wide& out);

std::string Lower(std::string_view text);

}  // namespace headgate::sql
