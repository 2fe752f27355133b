#include <charconv>
#include <cstdlib>
#include <iterator>

#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/functions/time_errors.h"
#include "core/sql/functions/time_pattern.h"
#include "core/sql/lift.h"
#include "core/sql/time_calendar.h"
#include "core/sql/time_parse.h"

// to_char of timestamps and intervals.
namespace headgate::sql {
namespace {

using I = std::int64_t;
using Text = std::string_view;
using Field = PatternField;

// What the fields of a pattern show. Of an interval the parts may be negative and beyond their clocks.
struct Moment {
  I year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, us = 0;
  I weekday = 0, day_of_year = 0;
  std::int32_t offset = 0;
  std::string zone;
  bool interval = false;

  // Julian-like count also for parts that are no date; the calendar's formula goes on beyond its months.
  I Days() const {
    const I months = month > 2 ? month + 1 : month + 13;
    const I years = month > 2 ? year + 4800 : year + 4799;
    const I julian = years * 365 - 32167 + years / 4 - years / 100 + years / 100 / 4 + 7834 * months / 256 + day;
    return julian - kJulianOf1970;
  }
  I ShownYear(I v) const { return interval || v > 0 ? v : 1 - v; }
};

std::string Padded(I v, int width) {
  char digits[24];
  const char* const end = std::to_chars(std::begin(digits), std::end(digits), v).ptr;
  std::string_view rest(digits, static_cast<std::size_t>(end - digits));
  std::string text;
  if (v < 0) {
    text += '-';
    rest.remove_prefix(1);
  }
  const std::size_t size = text.size() + rest.size();
  if (static_cast<std::size_t>(width) > size) text.append(static_cast<std::size_t>(width) - size, '0');
  return text.append(rest);
}

class TimeFormatter {
 public:
  TimeFormatter(EvalContext& context, const Moment& moment) : context_(context), at_(moment) {}

  std::string Format(Text pattern) {
    for (const PatternNode& node : TimePattern(pattern)) {
      if (node.kind != PatternNode::Kind::kField) {
        out_ += node.text;
      } else if (!Add(node)) {
        break;
      }
    }
    return std::move(out_);
  }

 private:
  // Numbers with the sign beside the digits.
  void Number(const PatternNode& node, I v, int width) {
    Plain(node, Padded(v, node.fill_mode ? 0 : v < 0 ? width + 1 : width));
  }
  void Plain(const PatternNode& node, const std::string& digits) {
    out_ += digits;
    if (node.ordinal != PatternNode::Ordinal::kNone)
      out_ += OrdinalSuffix(digits, node.ordinal == PatternNode::Ordinal::kUpper);
  }
  void Word(const PatternNode& node, Text capital, std::size_t width) {
    std::string word(capital);
    for (std::size_t i = 0; i < word.size(); ++i) {
      char& c = word[i];
      if (node.word->letters == PatternCase::kUpper && c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
      if (node.word->letters == PatternCase::kLower && c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    }
    if (!node.fill_mode && !node.translated && word.size() < width) word.append(width - word.size(), ' ');
    out_ += word;
  }
  bool NotOfInterval() {
    if (at_.interval) context_.Fail("22007", "invalid format specification for an interval value");
    return !at_.interval;
  }

  bool Add(const PatternNode& node) {
    return AddTime(node) || AddZone(node) || AddDay(node) || AddYear(node) || !context_.failed() ||
           context_.errors().back().row != context_.row;
  }

  bool AddTime(const PatternNode& node) {
    switch (node.word->field) {
      case Field::kAmPm:
        Word(node, at_.hour % 24 >= 12 ? "PM" : "AM", 0);
        return true;
      case Field::kAmPmDots:
        Word(node, at_.hour % 24 >= 12 ? "P.M." : "A.M.", 0);
        return true;
      case Field::kHour12: {
        const I hour = at_.hour % 12 == 0 ? 12 : at_.hour % 12;
        Plain(node, Padded(hour, node.fill_mode ? 0 : at_.hour < 0 ? 3 : 2));
        return true;
      }
      case Field::kHour24:
        Number(node, at_.hour, 2);
        return true;
      case Field::kMinute:
        Number(node, at_.minute, 2);
        return true;
      case Field::kSecond:
        Number(node, at_.second, 2);
        return true;
      case Field::kFraction: {
        const int digits = node.word->name[2] - '0';
        I v = at_.us;
        for (int i = digits; i < 6; ++i) v /= 10;
        Plain(node, Padded(v, digits));
        return true;
      }
      case Field::kMillisecond:
        Plain(node, Padded(at_.us / 1000, 3));
        return true;
      case Field::kMicrosecond:
        Plain(node, Padded(at_.us, 6));
        return true;
      case Field::kSecondOfDay:
        Plain(node, Padded((at_.hour * 60 + at_.minute) * 60 + at_.second, 0));
        return true;
      default:
        return false;
    }
  }

  bool AddZone(const PatternNode& node) {
    const std::int32_t size = std::abs(at_.offset);
    const char sign = at_.offset < 0 ? '-' : '+';
    switch (node.word->field) {
      case Field::kZone:
        if (NotOfInterval()) out_ += node.word->letters == PatternCase::kLower ? Lower(at_.zone) : at_.zone;
        break;
      case Field::kZoneHour:
        if (NotOfInterval()) out_ += sign + Padded(size / 3600, 2);
        break;
      case Field::kZoneMinute:
        if (NotOfInterval()) out_ += Padded(size % 3600 / 60, 2);
        break;
      case Field::kOffset:
        if (!NotOfInterval()) break;
        out_ += sign + Padded(size / 3600, node.fill_mode ? 0 : 2);
        if (size % 3600 != 0) out_ += ":" + Padded(size % 3600 / 60, 2);
        break;
      default:
        return false;
    }
    return !at_.interval;
  }

  bool AddDay(const PatternNode& node) {
    switch (node.word->field) {
      case Field::kMonthName:
        if (!NotOfInterval()) return false;
        Word(node, kMonthNames[at_.month - 1], 9);
        return true;
      case Field::kMonthShort:
        if (!NotOfInterval()) return false;
        Word(node, kMonthNames[at_.month - 1].substr(0, 3), 0);
        return true;
      case Field::kMonth:
        Number(node, at_.month, 2);
        return true;
      case Field::kRomanMonth:
        AddRomanMonth(node);
        return true;
      case Field::kDayName:
        if (!NotOfInterval()) return false;
        Word(node, kDayNames[at_.weekday], 9);
        return true;
      case Field::kDayShort:
        if (!NotOfInterval()) return false;
        Word(node, kDayNames[at_.weekday].substr(0, 3), 0);
        return true;
      case Field::kDayOfYear:
        Plain(node, Padded(at_.day_of_year, node.fill_mode ? 0 : 3));
        return true;
      case Field::kIsoDayOfYear:
        Plain(node, Padded(at_.Days() - DaysOfIsoWeek(IsoWeekOf(at_.Days()).year, 1) + 1, node.fill_mode ? 0 : 3));
        return true;
      case Field::kDay:
        Plain(node, Padded(at_.day, node.fill_mode ? 0 : 2));
        return true;
      case Field::kDayOfWeek:
      case Field::kIsoDayOfWeek: {
        if (!NotOfInterval()) return false;
        const bool iso = node.word->field == Field::kIsoDayOfWeek;
        Plain(node, Padded(!iso ? at_.weekday + 1 : at_.weekday == 0 ? 7 : at_.weekday, 0));
        return true;
      }
      case Field::kWeek:
        Plain(node, Padded((at_.day_of_year - 1) / 7 + 1, node.fill_mode ? 0 : 2));
        return true;
      case Field::kIsoWeek:
        Plain(node, Padded(IsoWeekOf(at_.Days()).week, node.fill_mode ? 0 : 2));
        return true;
      case Field::kWeekOfMonth:
        Plain(node, Padded((at_.day - 1) / 7 + 1, 0));
        return true;
      case Field::kJulian:
        Plain(node, Padded(at_.Days() + kJulianOf1970, 0));
        return true;
      default:
        return false;
    }
  }

  // Of an interval negative months count back from December.
  void AddRomanMonth(const PatternNode& node) {
    if (at_.month == 0 && at_.year == 0) return;
    const I index = at_.month > 0 ? at_.month - 1 : at_.month < 0 ? 12 + at_.month : at_.year < 0 ? 0 : 11;
    std::string roman(kRomanMonths[index]);
    if (node.word->letters == PatternCase::kLower) roman = Lower(roman);
    if (!node.fill_mode && roman.size() < 4) roman.append(4 - roman.size(), ' ');
    out_ += roman;
  }

  bool AddYear(const PatternNode& node) {
    switch (node.word->field) {
      case Field::kEra:
        if (!NotOfInterval()) return false;
        Word(node, at_.year <= 0 ? "BC" : "AD", 0);
        return true;
      case Field::kEraDots:
        if (!NotOfInterval()) return false;
        Word(node, at_.year <= 0 ? "B.C." : "A.D.", 0);
        return true;
      case Field::kQuarter:
        if (at_.month != 0) Plain(node, Padded((at_.month - 1) / 3 + 1, 0));
        return true;
      case Field::kCentury: {
        const I century = at_.interval ? at_.year / 100 : at_.year > 0 ? (at_.year - 1) / 100 + 1 : at_.year / 100 - 1;
        Number(node, century, 2);
        return true;
      }
      case Field::kYearComma: {
        const I year = at_.ShownYear(at_.year);
        Plain(node, Padded(year / 1000, 0) + "," + Padded(year - year / 1000 * 1000, 3));
        return true;
      }
      case Field::kYear:
        AddYearDigits(node, at_.ShownYear(at_.year), static_cast<int>(node.word->name.size()));
        return true;
      case Field::kIsoYear:
        AddYearDigits(node, at_.ShownYear(IsoWeekOf(at_.Days()).year), static_cast<int>(node.word->name.size()));
        return true;
      default:
        return false;
    }
  }
  void AddYearDigits(const PatternNode& node, I year, int digits) {
    constexpr I kTens[] = {1, 10, 100, 1000};
    const bool negative = at_.ShownYear(at_.year) < 0;
    const int width = node.fill_mode || digits == 1 ? 0 : negative ? digits + 1 : digits;
    Plain(node, Padded(digits == 4 ? year : year % kTens[digits], width));
  }

  EvalContext& context_;
  const Moment& at_;
  std::string out_;
};

using Out = std::optional<std::string>;

void SetDate(Moment& out, const TimeFields& at) {
  out.year = at.year;
  out.month = at.month;
  out.day = at.day;
  out.hour = at.hour;
  out.minute = at.minute;
  out.second = at.second;
  out.us = at.us;
  out.weekday = DayOfWeek(at.Days());
  out.day_of_year = DayOfYear(at.Days());
}

Out FormatTimestamp(EvalContext& context, I us, Text pattern) {
  if (pattern.empty() || IsInfinite(us)) return std::nullopt;
  Moment moment;
  SetDate(moment, SplitTimestamp(us));
  return TimeFormatter(context, moment).Format(pattern);
}

Out FormatTimestampTz(EvalContext& context, I us, Text pattern) {
  if (pattern.empty() || IsInfinite(us)) return std::nullopt;
  const TimeZone::Kind& kind = SessionZone(context.zone).At(FloorDiv(us, kSecondUs) + kSecondsTo2000);
  Moment moment;
  SetDate(moment, SplitTimestamp(us + kind.offset * kSecondUs));
  moment.offset = kind.offset;
  moment.zone = kind.abbreviation;
  return TimeFormatter(context, moment).Format(pattern);
}

Out FormatInterval(EvalContext& context, Wide interval, Text pattern) {
  if (pattern.empty()) return std::nullopt;
  Moment moment;
  moment.interval = true;
  moment.year = interval.months / 12;
  moment.month = interval.months % 12;
  moment.day = interval.days;
  moment.hour = interval.us / kHourUs;
  moment.minute = interval.us / kMinuteUs % 60;
  moment.second = interval.us / kSecondUs % 60;
  moment.us = interval.us % kSecondUs;
  moment.day_of_year = interval.months * I{30} + interval.days;
  return TimeFormatter(context, moment).Format(pattern);
}

const Function kTimeFormatFunctions[] = {
    {"to_char", {kTs, kText}, kText, kLift<FormatTimestamp>, false, kStable},
    {"to_char", {kTsTz, kText}, kText, kLift<FormatTimestampTz>, false, kStable},
    {"to_char", {kInterval, kText}, kText, kLift<FormatInterval>, false, kStable},
};

}  // namespace

std::span<const Function> TimeFormatFunctions() { return kTimeFormatFunctions; }

}  // namespace headgate::sql
