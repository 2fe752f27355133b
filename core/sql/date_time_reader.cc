#include "core/sql/date_time_reader.h"

#include <cmath>
#include <cstdlib>
#include <utility>

#include "core/base/ascii.h"

// What dates, times and numbers in a text mean.
namespace headgate::sql {

using Unit = TimeUnit;
using FieldKind = TimeField::Kind;

namespace {
bool StartsWithDigit(std::string_view text) { return !text.empty() && IsDigit(text[0]); }

}  // namespace

TimeProblem DateTimeReader::Read(std::string_view text, std::size_t size_max) {
  if (!SplitTimeText(text, size_max, fields_)) return TimeProblem::kFormat;
  for (at_ = 0; at_ < fields_.size(); ++at_) {
    now_ = 0;
    const TimeProblem problem = One(fields_[at_]);
    if (problem != TimeProblem::kNone) return problem;
    if ((now_ & seen_) != 0) return TimeProblem::kFormat;
    seen_ |= now_;
  }
  if (const TimeProblem problem = CheckDate(); problem != TimeProblem::kNone) return problem;
  if (const TimeProblem problem = ApplyAmPm(); problem != TimeProblem::kNone) return problem;
  if (time_only_) return FinishTime();
  return FinishDateTime();
}

TimeProblem DateTimeReader::One(const TimeField& field) {
  switch (field.kind) {
    case FieldKind::kDate:
      return time_only_ ? DateWithinTime(field.text) : Date(field.text);
    case FieldKind::kTime:
      return Time(field.text);
    case FieldKind::kZone:
      now_ = kZoneBit;
      return ReadZoneOffset(field.text, offset_);
    case FieldKind::kNumber:
      if (label_) return Labelled(field.text);
      return time_only_ ? NumberWithinTime(field.text) : Number(field.text);
    case FieldKind::kWord:
    case FieldKind::kSpecial:
      return Word(field.text);
  }
  return TimeProblem::kFormat;
}

TimeProblem DateTimeReader::Date(const std::string& text) {
  if (label_ == Unit::kJulian) {  // "J2451187-08"
    const LeadingInteger number = ReadInt32(text);
    if (number.overflow) return TimeProblem::kFieldRange;
    tm_.SetDays(number.value - kJulianOf1970);
    julian_ = true;
    label_.reset();
    now_ = kDateBits | kTimeBits | kZoneBit;
    return ReadZoneOffset(number.rest, offset_);
  }
  if (!label_ && !time_follows_ && (seen_ & (kMonthBit | kDayBit)) != (kMonthBit | kDayBit)) return PlainDate(text);
  if (label_) return TimeProblem::kFormat;
  if (!StartsWithDigit(text) && !time_follows_) return NamedZone(text);
  time_follows_ = false;
  if ((seen_ & kTimeBits) == kTimeBits) return TimeProblem::kFormat;
  return TimeWithZone(text);
}

TimeProblem DateTimeReader::TimeWithZone(const std::string& text) {
  const std::size_t sign = text.find('-');
  if (sign == std::string::npos) return TimeProblem::kFormat;
  if (const TimeProblem p = ReadZoneOffset(std::string_view(text).substr(sign), offset_); p != TimeProblem::kNone)
    return p;
  const TimeProblem problem = RunTogether(std::string_view(text).substr(0, sign));
  now_ |= kZoneBit;
  return problem;
}

TimeProblem DateTimeReader::DateWithinTime(const std::string& text) {
  const std::size_t count = fields_.size();
  if (at_ == 0 && count >= 2 && (fields_.back().kind == FieldKind::kDate || fields_[1].kind == FieldKind::kTime))
    return PlainDate(text);
  if (!StartsWithDigit(text)) return NamedZone(text);
  if ((seen_ & kTimeBits) == kTimeBits) return TimeProblem::kFormat;
  return TimeWithZone(text);
}

TimeProblem DateTimeReader::NamedZone(const std::string& name) {
  zone_ = TimeZone::Find(name);
  now_ = kZoneBit;
  if (zone_ != nullptr) return TimeProblem::kNone;
  context_.Fail("22023", "time zone \"" + name + "\" not recognized");
  return TimeProblem::kReported;
}

TimeProblem DateTimeReader::Time(std::string_view text) {
  if (label_ && !time_only_) return TimeProblem::kFormat;
  time_follows_ = false;
  ClockTime clock;
  now_ = kTimeBits;
  const TimeProblem problem = ReadClock(text, std::numeric_limits<std::int32_t>::max(), clock);
  if (problem != TimeProblem::kNone) return problem;
  return SetClock(clock);
}

TimeProblem DateTimeReader::SetClock(const ClockTime& clock) {
  if (clock.hour > 24 && !time_only_) return TimeProblem::kFieldRange;
  tm_.hour = static_cast<int>(clock.hour);
  tm_.minute = clock.minute;
  tm_.second = clock.second;
  tm_.us = clock.us;
  return tm_.TimeOfDay() > kDayUs && !time_only_ ? TimeProblem::kFieldRange : TimeProblem::kNone;
}

TimeProblem DateTimeReader::Labelled(const std::string& text) {
  const LeadingInteger number = ReadInt32(text);
  if (number.overflow) return TimeProblem::kFieldRange;
  const Unit label = *label_;
  const bool point = !number.rest.empty() && number.rest[0] == '.';
  if (!number.rest.empty() && !point) return TimeProblem::kFormat;
  if (point && label != Unit::kJulian && label != Unit::kSecond) return TimeProblem::kFormat;
  label_.reset();
  result_ = Result::kFields;
  const auto value = static_cast<int>(number.value);
  switch (label) {
    case Unit::kYear:
      tm_.year = value;
      break;
    case Unit::kMonth:
      // After month and hour an m means minutes.
      if ((seen_ & kMonthBit) != 0 && (seen_ & kHourBit) != 0) {
        tm_.minute = value;
        now_ = kMinuteBit;
        return TimeProblem::kNone;
      }
      tm_.month = value;
      break;
    case Unit::kDay:
      tm_.day = value;
      break;
    case Unit::kHour:
      tm_.hour = value;
      break;
    case Unit::kMinute:
      tm_.minute = value;
      break;
    case Unit::kSecond: {
      tm_.second = value;
      const auto us = point ? ReadFractionUs(number.rest) : 0;
      if (!us) return TimeProblem::kFormat;
      tm_.us = *us;
      now_ = point ? kSecondBits : kSecondBit;
      return TimeProblem::kNone;
    }
    case Unit::kJulian:
      return Julian(number);
    default:
      return TimeProblem::kFormat;
  }
  now_ = TimeUnitBit(label);
  return TimeProblem::kNone;
}

TimeProblem DateTimeReader::Julian(const LeadingInteger& number) {
  if (number.value < 0) return TimeProblem::kFieldRange;
  tm_.SetDays(number.value - kJulianOf1970);
  julian_ = true;
  now_ = kDateBits;
  if (number.rest.empty()) return TimeProblem::kNone;
  const auto fraction = ReadFraction(number.rest);
  if (!fraction) return TimeProblem::kFormat;
  tm_.SetTimeOfDay(static_cast<std::int64_t>(*fraction * static_cast<double>(kDayUs)));
  now_ |= kTimeBits;
  return TimeProblem::kNone;
}

TimeProblem DateTimeReader::Number(const std::string& text) {
  if (time_follows_) {
    time_follows_ = false;
    if (ReadInt32(text).overflow) return TimeProblem::kFieldRange;
    const TimeProblem problem = RunTogetherTime(text);
    return problem == TimeProblem::kNone && now_ != kTimeBits ? TimeProblem::kFormat : problem;
  }
  const std::size_t point = text.find('.');
  if (point != std::string::npos && (seen_ & kDateBits) == 0) return PlainDate(text);
  if (point != std::string::npos && point > 2) return RunTogether(text);
  if (text.size() >= 6 && ((seen_ & kDateBits) == 0 || (seen_ & kTimeBits) == 0)) return RunTogether(text);
  return Part(text, text_month_);
}

TimeProblem DateTimeReader::NumberWithinTime(const std::string& text) {
  if (time_follows_) {
    time_follows_ = false;
    if (ReadInt32(text).overflow) return TimeProblem::kFieldRange;
    const TimeProblem problem = RunTogether(text);
    return problem == TimeProblem::kNone && now_ != kTimeBits ? TimeProblem::kFormat : problem;
  }
  const std::size_t point = text.find('.');
  if (point != std::string::npos) {
    if (at_ == 0 && fields_.size() >= 2 && fields_.back().kind == FieldKind::kDate) return PlainDate(text);
    return point > 2 ? RunTogether(text) : TimeProblem::kFormat;
  }
  return text.size() > 4 ? RunTogether(text) : Part(text, false);
}

TimeProblem DateTimeReader::RunTogether(std::string_view text) {
  const auto number = [&](std::size_t from, std::size_t size) {
    return static_cast<int>(ReadInt32(text.substr(from, size)).value);
  };
  const std::size_t point = text.find('.');
  if (point != std::string_view::npos) {
    tm_.us = static_cast<int>(std::rint(std::strtod(("0" + std::string(text.substr(point))).c_str(), nullptr) * 1e6));
    text = text.substr(0, point);
  } else if ((seen() & kDateBits) != kDateBits && text.size() >= 6) {
    const std::size_t size = text.size();
    tm_.day = number(size - 2, 2);
    tm_.month = number(size - 4, 2);
    tm_.year = number(0, size - 4);
    if (size == 6) two_digits_ = true;
    now_ = kDateBits;
    return TimeProblem::kNone;
  }
  if ((seen() & kTimeBits) == kTimeBits || (text.size() != 6 && text.size() != 4)) return TimeProblem::kFormat;
  tm_.hour = number(0, 2);
  tm_.minute = number(2, 2);
  tm_.second = text.size() == 6 ? number(4, 2) : 0;
  now_ = kTimeBits;
  return TimeProblem::kNone;
}

TimeProblem DateTimeReader::RunTogetherTime(std::string_view text) {
  const unsigned assumed = std::exchange(assumed_, kDateBits);
  const TimeProblem problem = RunTogether(text);
  assumed_ = assumed;
  return problem;
}

TimeProblem DateTimeReader::PlainDate(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < text.size();) {
    const auto alike = [&](char c) {
      const bool digit = IsDigit(c);
      const bool letter = (c >= 'a' && c <= 'z') || (static_cast<unsigned char>(c) >= 0x80);
      return StartsWithDigit(text.substr(i)) ? digit : letter;
    };
    std::size_t end = i;
    while (end < text.size() && alike(text[end])) ++end;
    if (end == i) {
      if (++i == text.size()) return TimeProblem::kFormat;
      continue;
    }
    parts.emplace_back(text.substr(i, end - i));
    i = end + 1;  // the separator, or whatever stands there
  }
  const unsigned before = seen_;
  const unsigned assumed = std::exchange(assumed_, 0);
  unsigned said = 0;
  bool text_month = false;
  const auto take = [&](unsigned bits) {
    const bool twice = (seen_ & bits) != 0;
    seen_ |= bits;
    said |= bits;
    return !twice;
  };
  TimeProblem problem = TimeProblem::kNone;
  for (std::string& part : parts) {
    if (StartsWithDigit(part)) continue;
    const TimeWord* word = FindTimeWord(part);
    part.clear();
    if (word == nullptr || word->kind != TimeWordKind::kMonth || !take(kMonthBit)) problem = TimeProblem::kFormat;
    if (problem != TimeProblem::kNone) break;
    tm_.month = word->value;
    text_month = true;
  }
  for (const std::string& part : parts) {
    if (part.empty() || problem != TimeProblem::kNone) continue;
    now_ = 0;
    problem = Part(part, text_month);
    if (problem == TimeProblem::kNone && !take(now_)) problem = TimeProblem::kFormat;
  }
  const bool whole = (seen_ & ~(kDayOfYearBit | kZoneBit)) == kDateBits;
  seen_ = before;
  assumed_ = assumed;
  now_ = said;
  if (problem == TimeProblem::kNone && !whole) problem = TimeProblem::kFormat;
  return problem;
}

TimeProblem DateTimeReader::Part(std::string_view text, bool text_month) {
  const LeadingInteger number = ReadInt32(text);
  if (number.overflow) return TimeProblem::kFieldRange;
  if (!number.any) return TimeProblem::kFormat;
  const auto value = static_cast<int>(number.value);
  if (!number.rest.empty()) {
    if (number.rest[0] != '.') return TimeProblem::kFormat;
    if (text.size() - number.rest.size() > 2) {
      return RunTogetherTime(text);
    }
    const auto us = ReadFractionUs(number.rest);
    if (!us) return TimeProblem::kFormat;
    tm_.us = *us;
  }
  if (text.size() == 3 && (seen() & kDateBits) == kYearBit && value >= 1 && value <= 366) {
    now_ = kDayOfYearBit | kMonthBit | kDayBit;
    day_of_year_ = value;
    return TimeProblem::kNone;
  }
  const bool year_like = text.size() >= 3;
  switch (seen() & kDateBits) {
    case 0:
      now_ = year_like ? kYearBit : kMonthBit;
      break;
    case kYearBit:
    case kDayBit:
      now_ = kMonthBit;
      break;
    case kMonthBit:
      now_ = text_month && year_like ? kYearBit : kDayBit;
      break;
    case kYearBit | kMonthBit:
      now_ = kDayBit;
      if (text_month && year_like && two_digits_) {  // the first number was the day after all
        tm_.day = static_cast<int>(tm_.year);
        tm_.year = value;
        two_digits_ = false;
        return TimeProblem::kNone;
      }
      break;
    case kMonthBit | kDayBit:
      now_ = kYearBit;
      break;
    case kDateBits:
      return RunTogether(text);
    default:
      return TimeProblem::kFormat;
  }
  if (now_ == kYearBit) {
    tm_.year = value;
    two_digits_ = text.size() <= 2;
  } else {
    (now_ == kMonthBit ? tm_.month : tm_.day) = value;
  }
  return TimeProblem::kNone;
}

}  // namespace headgate::sql
