#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace headgate::sql {

// The patterns of to_char, to_timestamp and to_date: "YYYY-MM-DD HH24:MI", with FM and TM before and TH after a field.
enum class PatternField : std::uint8_t {
  kAmPm,
  kAmPmDots,
  kEra,
  kEraDots,
  kCentury,
  kDayName,
  kDayShort,
  kDayOfYear,
  kDay,
  kDayOfWeek,
  kFraction,  // FF1..FF6
  kFixed,     // FX
  kHour24,
  kHour12,
  kIsoDayOfYear,
  kIsoDayOfWeek,
  kIsoWeek,
  kIsoYear,  // IYYY, IYY, IY, I
  kJulian,
  kMinute,
  kMonth,
  kMonthName,
  kMonthShort,
  kMillisecond,
  kMicrosecond,
  kOffset,  // OF
  kQuarter,
  kRomanMonth,
  kSecondOfDay,
  kSecond,
  kZoneHour,
  kZoneMinute,
  kZone,
  kWeek,
  kWeekOfMonth,
  kYearComma,  // Y,YYY
  kYear,       // YYYY, YYY, YY, Y
};
enum class PatternCase : std::uint8_t { kUpper, kCapital, kLower };
// Which calendar a field belongs to: they do not go together in one pattern that is read.
enum class PatternCalendar : std::uint8_t { kAny, kGregorian, kIsoWeek };

struct PatternWord {
  std::string_view name;
  PatternField field;
  PatternCase letters;
  bool digits;  // its value begins with one
  PatternCalendar calendar;
};

struct PatternNode {
  enum class Kind : std::uint8_t { kField, kSeparator, kSpace, kText } kind = Kind::kText;
  const PatternWord* word = nullptr;                                                     // of a field
  bool fill_mode = false;                                                                // FM: no padding
  bool translated = false;                                                               // TM
  enum class Ordinal : std::uint8_t { kNone, kUpper, kLower } ordinal = Ordinal::kNone;  // TH, th
  std::string text;                                                                      // one character, else
};

// Parsed anew only if it is not the pattern that this thread asked for last.
const std::vector<PatternNode>& TimePattern(std::string_view pattern);

// "st", "nd", "rd" or "th", for the number that the text ends with.
std::string_view OrdinalSuffix(std::string_view number, bool upper);

bool IsPatternSpace(char c);
bool IsPatternSeparator(char c);
// Bytes of the character that begins here.
std::size_t CharacterSize(std::string_view text);

inline constexpr std::string_view kMonthNames[] = {"January",   "February", "March",    "April",
                                                   "May",       "June",     "July",     "August",
                                                   "September", "October",  "November", "December"};
inline constexpr std::string_view kDayNames[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                 "Thursday", "Friday", "Saturday"};
inline constexpr std::string_view kRomanMonths[] = {"I",   "II",   "III", "IV", "V",  "VI",
                                                    "VII", "VIII", "IX",  "X",  "XI", "XII"};

}  // namespace headgate::sql
