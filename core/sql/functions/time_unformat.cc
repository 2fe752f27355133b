#include <cstdlib>
#include <limits>
#include <span>

#include "core/base/ascii.h"
#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/functions/time_errors.h"
#include "core/sql/functions/time_pattern_date.h"
#include "core/sql/lift.h"
#include "core/sql/time_parse.h"

// to_timestamp and to_date: text read by a pattern.
namespace headgate::sql {
namespace {

using I = std::int64_t;
using Text = std::string_view;
using Field = PatternField;
using Calendar = PatternCalendar;
using Fields = PatternFields;

// A year of less than four digits is the one nearest to 2020.
int NearYear(int year) {
  if (year < 70) return year + 2000;
  if (year < 100) return year + 1900;
  if (year < 520) return year + 2000;
  return year < 1000 ? year + 1000 : year;
}

class PatternReader {
 public:
  PatternReader(EvalContext& context, Text text, const std::vector<PatternNode>& pattern)
      : context_(context), text_(text), pattern_(pattern) {}

  bool Read(Fields& out) {
    for (std::size_t i = 0; i < pattern_.size() && !text_.empty(); ++i) {
      node_ = &pattern_[i];
      const bool field = node_->kind == PatternNode::Kind::kField;
      if (!fixed_ && (node_->kind != PatternNode::Kind::kText || i == 0) &&
          (!field || node_->word->field != Field::kFixed))
        SkipSpaces();
      if (!field) {
        SkipLiteral();
        continue;
      }
      next_ = i + 1 < pattern_.size() ? &pattern_[i + 1] : nullptr;
      if (!TakeCalendar(out) || !ReadField(out)) return false;
      if (fixed_) continue;
      skipped_ = 0;
      SkipSpaces();
    }
    return true;
  }

 private:
  bool Fail(const char* code, std::string message) {
    context_.Fail(code, std::move(message));
    return false;
  }
  void Drop(std::size_t bytes) {
    if (bytes > 0) last_ = text_[bytes - 1];
    text_.remove_prefix(bytes);
  }
  void SkipSpaces() {
    while (!text_.empty() && IsPatternSpace(text_[0])) {
      Drop(1);
      ++skipped_;
    }
  }
  // A character of the pattern that is no field. Outside fixed mode what was skipped before makes up for it.
  void SkipLiteral() {
    if (fixed_) {
      if (!text_.empty()) Drop(CharacterSize(text_));
    } else if (node_->kind != PatternNode::Kind::kText) {
      --skipped_;
      if (!text_.empty() && (IsPatternSpace(text_[0]) || IsPatternSeparator(text_[0]))) {
        Drop(1);
        ++skipped_;
      }
    } else if (skipped_ > 0) {
      --skipped_;
    } else if (!text_.empty()) {
      Drop(CharacterSize(text_));
    }
  }
  void SkipOrdinal() {
    if (node_->ordinal == PatternNode::Ordinal::kNone) return;
    for (int i = 0; i < 2 && !text_.empty(); ++i) Drop(CharacterSize(text_));
  }

  std::string Name() const { return "\"" + std::string(node_->word->name) + "\""; }

  bool TakeCalendar(Fields& out) {
    const Calendar calendar = node_->word->calendar;
    if (calendar == Calendar::kAny) return true;
    if (out.calendar == Calendar::kAny) out.calendar = calendar;
    return out.calendar == calendar || Fail("22007", "invalid combination of date conventions");
  }

  bool Set(int& field, int value) {
    if (field != 0 && field != value)
      return Fail("22007", "conflicting values for " + Name() + " field in formatting string");
    field = value;
    return true;
  }

  // Whether a number may take all digits there are: what follows in the pattern is no digit.
  bool Open() const {
    if (node_->fill_mode || node_->ordinal != PatternNode::Ordinal::kNone || next_ == nullptr) return true;
    if (next_->kind == PatternNode::Kind::kField) return !next_->word->digits;
    return !(next_->text.size() == 1 && IsDigit(next_->text[0]));
  }

  // A number of `size` characters, or more if the pattern allows; `used` counts them with the blanks before.
  bool Number(int& field, std::size_t size, int* used = nullptr) {
    int value = 0;
    if (!Digits(value, size, used) || !Set(field, value)) return false;
    return true;
  }
  bool Digits(int& value, std::size_t size, int* used) {
    const std::size_t all = text_.size();
    const Text with_blanks = text_;
    while (!text_.empty() && IsPatternSpace(text_[0])) Drop(1);
    const Text copy = text_.substr(0, size);
    LeadingInteger number;
    if (Open()) {
      // Once more from before the blanks: they count with the number.
      number = ReadInteger(text_, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max());
      if (number.any) {
        Drop(text_.size() - number.rest.size());
      } else {
        text_ = with_blanks;
      }
    } else {
      if (text_.size() < size) return Fail("22007", "source string too short for " + Name() + " formatting field");
      Text digits = copy;
      while (!digits.empty() && IsPatternSpace(digits[0])) digits.remove_prefix(1);
      number = ReadInteger(digits, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max());
      const std::size_t taken = number.any ? copy.size() - number.rest.size() : 0;
      if (taken > 0 && taken < size) return Invalid(copy);
      Drop(taken);
      if (taken == 0) text_ = with_blanks;
    }
    if (text_.size() == all) return Invalid(copy);
    if (number.overflow) return Fail("22008", "value for " + Name() + " in source string is out of range");
    value = static_cast<int>(number.value);
    if (used != nullptr) *used = static_cast<int>(all - text_.size());
    return true;
  }
  // Of the value only whole characters: a field's width may cut one.
  bool Invalid(Text text) {
    std::size_t cut = text.size();
    while (cut > 0 && (static_cast<unsigned char>(text[cut - 1]) & 0xC0) == 0x80) --cut;
    if (cut > 0 && static_cast<unsigned char>(text[cut - 1]) >= 0xC0) {
      const auto lead = static_cast<unsigned char>(text[cut - 1]);
      const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
      if (text.size() - (cut - 1) < size) text = text.substr(0, cut - 1);
    }
    return Fail("22007", "invalid value \"" + std::string(text) + "\" for " + Name());
  }

  // One of the words, in any case; its place among them.
  bool Word(int& index, std::span<const Text> words, std::size_t letters = Text::npos) {
    const std::string lower = Lower(text_);
    for (std::size_t i = 0; i < words.size(); ++i) {
      const std::string word = Lower(words[i].substr(0, letters));
      if (!lower.starts_with(word)) continue;
      index = static_cast<int>(i);
      Drop(word.size());
      return true;
    }
    std::size_t end = 0;
    while (end < text_.size() && !IsPatternSpace(text_[end])) ++end;
    return Invalid(text_.substr(0, end));
  }

  bool ReadField(Fields& out) {
    switch (node_->word->field) {
      case Field::kFixed:
        fixed_ = true;
        return true;
      case Field::kZone:
      case Field::kOffset:
        return Fail("0A000", "formatting field " + Name() + " is only supported in to_char");
      case Field::kYear:
      case Field::kIsoYear:
      case Field::kYearComma:
        return ReadYear(out);
      case Field::kZoneHour:
        return ReadZoneHour(out);
      case Field::kMonthName:
      case Field::kMonthShort:
      case Field::kRomanMonth:
      case Field::kDayName:
      case Field::kDayShort:
      case Field::kAmPm:
      case Field::kAmPmDots:
      case Field::kEra:
      case Field::kEraDots:
        return ReadWord(out);
      default:
        break;
    }
    if (!ReadTimeNumber(out)) return false;
    SkipOrdinal();
    return true;
  }

  bool ReadWord(Fields& out) {
    static constexpr Text kAmPm[] = {"am", "pm"}, kAmPmDots[] = {"a.m.", "p.m."};
    static constexpr Text kEra[] = {"ad", "bc"}, kEraDots[] = {"a.d.", "b.c."};
    static constexpr Text kRoman[] = {"xii", "xi", "x", "ix", "viii", "vii", "vi", "v", "iv", "iii", "ii", "i"};
    int index = 0;
    switch (node_->word->field) {
      case Field::kMonthName:
        return Word(index, kMonthNames) && Set(out.month, index + 1);
      case Field::kMonthShort:
        return Word(index, kMonthNames, 3) && Set(out.month, index + 1);
      case Field::kRomanMonth:
        return Word(index, kRoman) && Set(out.month, 12 - index);
      case Field::kDayName:
      case Field::kDayShort:
        if (!Word(index, kDayNames, node_->word->field == Field::kDayShort ? 3 : Text::npos)) return false;
        if (!Set(out.week_day, index)) return false;
        ++out.week_day;
        return true;
      case Field::kAmPm:
      case Field::kAmPmDots:
        out.twelve_hours = true;
        return (node_->word->field == Field::kAmPm ? Word(index, kAmPm) : Word(index, kAmPmDots)) && Set(out.pm, index);
      default:
        return (node_->word->field == Field::kEra ? Word(index, kEra) : Word(index, kEraDots)) && Set(out.bc, index);
    }
  }

  bool ReadYear(Fields& out) {
    const auto digits = static_cast<int>(node_->word->name.size());
    if (node_->word->field == Field::kYearComma) {
      return ReadYearWithComma(out);
    } else {
      int used = 0;
      if (!Number(out.year, static_cast<std::size_t>(digits), &used)) return false;
      if (digits < 4 && used < 4) out.year = NearYear(out.year);
      out.year_digits = digits;
    }
    SkipOrdinal();
    return true;
  }

  bool ReadYearWithComma(Fields& out) {
    const auto trimmed = [](Text text) {
      while (!text.empty() && IsPatternSpace(text[0])) text.remove_prefix(1);
      return text;
    };
    const LeadingInteger thousands = ReadInt32(trimmed(text_));
    const Text three = thousands.rest.starts_with(',') ? trimmed(thousands.rest.substr(1)) : Text();
    const LeadingInteger rest = ReadInt32(three.substr(0, 3));
    if (!thousands.any || !rest.any) return Fail("22007", "invalid input string for \"Y,YYY\"");
    if (!Set(out.year, static_cast<int>(thousands.value * 1000 + rest.value))) return false;
    out.year_digits = 4;
    Drop(text_.size() - three.size() + std::min<std::size_t>(3, three.size()) - rest.rest.size());
    SkipOrdinal();
    return true;
  }

  // A minus that was taken for a separator belongs to the zone.
  bool ReadZoneHour(Fields& out) {
    if (!text_.empty() && (text_[0] == '+' || text_[0] == '-' || text_[0] == ' ')) {
      out.zone_sign = text_[0] == '-' ? -1 : 1;
      Drop(1);
    } else {
      out.zone_sign = skipped_ > 0 && last_ == '-' ? -1 : 1;
    }
    return Number(out.zone_hour, 2);
  }

  // A fraction of fewer digits than its unit has: 25 is 0.25.
  bool Fraction(int& field, int digits) {
    int used = 0;
    if (!Number(field, static_cast<std::size_t>(digits), &used)) return false;
    const int all = node_->word->field == Field::kMillisecond ? 3 : 6;
    for (int i = used; i < all; ++i) field *= 10;
    return true;
  }

  bool ReadTimeNumber(Fields& out) {
    const std::size_t size = node_->word->name.size();
    switch (node_->word->field) {
      case Field::kHour12:
        out.twelve_hours = true;
        return Number(out.hour, 2);
      case Field::kHour24:
        return Number(out.hour, 2);
      case Field::kMinute:
        return Number(out.minute, size);
      case Field::kSecond:
        return Number(out.second, size);
      case Field::kSecondOfDay:
        return Number(out.second_of_day, size);
      case Field::kMillisecond:
        return Fraction(out.ms, 3);
      case Field::kMicrosecond:
        return Fraction(out.us, 6);
      case Field::kFraction:
        out.fraction_digits = node_->word->name[2] - '0';
        return Fraction(out.us, out.fraction_digits);
      case Field::kZoneMinute:
        if (out.zone_sign == 0) out.zone_sign = 1;
        return Number(out.zone_minute, 2);
      case Field::kQuarter: {  // says nothing that other fields do not: it is only passed over
        int ignored = 0;
        return Digits(ignored, size, nullptr);
      }
      case Field::kCentury:
        return Number(out.century, size);
      case Field::kMonth:
        return Number(out.month, size);
      case Field::kDayOfYear:
        return Number(out.day_of_year, size);
      case Field::kIsoDayOfYear:
        return Number(out.day_of_year, 3);
      case Field::kDay:
        return Number(out.day, size);
      case Field::kDayOfWeek:
        return Number(out.week_day, size);
      case Field::kIsoDayOfWeek:  // counted from Sunday as 1, as the other one
        if (!Number(out.week_day, 1)) return false;
        if (++out.week_day > 7) out.week_day = 1;
        return true;
      case Field::kWeek:
      case Field::kIsoWeek:
        return Number(out.week, size);
      case Field::kWeekOfMonth:
        return Number(out.week_of_month, size);
      case Field::kJulian:
        return Number(out.julian, size);
      default:
        return true;
    }
  }

  EvalContext& context_;
  Text text_;
  const std::vector<PatternNode>& pattern_;
  const PatternNode* node_ = nullptr;
  const PatternNode* next_ = nullptr;
  bool fixed_ = false;
  int skipped_ = 0;  // characters beyond what the pattern has
  char last_ = '\0';
};

std::optional<TimeFields> ReadByPattern(EvalContext& context, Text text, Text pattern, Fields& fields) {
  if (!PatternReader(context, text, TimePattern(pattern)).Read(fields)) return std::nullopt;
  return DateOfPattern(context, text, fields);
}

I ToTimestamp(EvalContext& context, Text text, Text pattern) {
  Fields fields;
  const auto at = ReadByPattern(context, text, pattern, fields);
  if (!at) return 0;
  std::int32_t offset = fields.zone_sign * (fields.zone_hour * 60 + fields.zone_minute) * 60;
  if (fields.zone_sign == 0 && CivilInRange(at->year, at->month))
    offset = SessionZone(context.zone).OffsetOfLocal(at->Days() * 86'400 + at->TimeOfDay() / kSecondUs);
  const auto us = JoinTimestamp(*at, offset);
  if (!us) return TimeRange<I>(context, "timestamp out of range");
  return fields.fraction_digits != 0 ? RoundFraction(*us, fields.fraction_digits) : *us;
}

I ToDate(EvalContext& context, Text text, Text pattern) {
  Fields fields;
  const auto at = ReadByPattern(context, text, pattern, fields);
  if (!at) return 0;
  if (CivilInRange(at->year, at->month) && DateInRange(at->Days())) return at->Days();
  return TimeRange<I>(context, "date out of range: \"" + std::string(text) + "\"");
}

const Function kTimeUnformatFunctions[] = {
    {"to_timestamp", {kText, kText}, kTsTz, kLift<ToTimestamp>, false, kStable},
    {"to_date", {kText, kText}, kDate, kLift<ToDate>, false, kStable},
};

}  // namespace

std::span<const Function> TimeUnformatFunctions() { return kTimeUnformatFunctions; }

}  // namespace headgate::sql
