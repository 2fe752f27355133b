#include "core/sql/date_time_reader.h"

// What words in a text mean, and what the fields of a text make together.
namespace headgate::sql {

using Reserved = ReservedTime;
using Unit = TimeUnit;
using FieldKind = TimeField::Kind;

TimeProblem DateTimeReader::Word(const std::string& text) {
  if (const ZoneAbbreviation* zone = FindZoneAbbreviation(text.substr(0, 10)); zone != nullptr) {
    now_ = kZoneBit | (zone->daylight ? kDaylightBit : 0);
    if (zone->zone.empty()) {
      offset_ = zone->offset;
    } else {
      now_ |= kHistoricZoneBit;
      abbreviation_ = text;
      abbreviation_zone_ = TimeZone::Find(zone->zone);
      if (abbreviation_zone_ == nullptr) return TimeProblem::kFormat;
    }
    return TimeProblem::kNone;
  }
  const TimeWord* word = FindTimeWord(text);
  if (word == nullptr) {
    zone_ = TimeZone::Find(text);
    now_ = kZoneBit;
    return zone_ == nullptr ? TimeProblem::kFormat : TimeProblem::kNone;
  }
  switch (word->kind) {
    case TimeWordKind::kIgnored:
      return TimeProblem::kNone;
    case TimeWordKind::kReserved:
      return ReservedWord(static_cast<Reserved>(word->value), text);
    case TimeWordKind::kMonth:
      return MonthName(word->value);
    case TimeWordKind::kDaylightSaving:
      now_ = kDaylightBit | kDaylightWordBit;
      offset_ += word->value;
      return TimeProblem::kNone;
    case TimeWordKind::kAmPm:
      now_ = kAmPmBit;
      am_pm_ = word->value;
      return TimeProblem::kNone;
    case TimeWordKind::kEra:
      now_ = kEraBit;
      bc_ = word->value == 1;
      return TimeProblem::kNone;
    case TimeWordKind::kWeekday:
      now_ = kWeekdayBit;
      return time_only_ ? TimeProblem::kFormat : TimeProblem::kNone;
    case TimeWordKind::kUnit:
      label_ = static_cast<Unit>(word->value);
      time_follows_ = false;
      return TimeProblem::kNone;
    case TimeWordKind::kTimeFollows: {
      if (!time_only_ && (seen_ & kDateBits) != kDateBits) return TimeProblem::kFormat;
      if (at_ + 1 >= fields_.size()) return TimeProblem::kFormat;
      const FieldKind next = fields_[at_ + 1].kind;
      if (next != FieldKind::kNumber && next != FieldKind::kTime && next != FieldKind::kDate)
        return TimeProblem::kFormat;
      label_.reset();
      time_follows_ = true;
      return TimeProblem::kNone;
    }
    default:
      return TimeProblem::kFormat;
  }
}

TimeProblem DateTimeReader::MonthName(int month) {
  if (time_only_) return TimeProblem::kFormat;
  now_ = kMonthBit;
  // "1 Jan": what was taken for the month was the day.
  if ((seen_ & kMonthBit) != 0 && !text_month_ && (seen_ & kDayBit) == 0 && tm_.month >= 1 && tm_.month <= 31) {
    tm_.day = tm_.month;
    now_ = kDayBit;
  }
  text_month_ = true;
  tm_.month = month;
  return TimeProblem::kNone;
}

TimeProblem DateTimeReader::ReservedWord(Reserved word, const std::string& text) {
  if (time_only_ && word != Reserved::kNow && word != Reserved::kZulu) return TimeProblem::kFormat;
  const bool clock =
      word == Reserved::kNow || word == Reserved::kToday || word == Reserved::kTomorrow || word == Reserved::kYesterday;
  if (clock && !context_.has_now) {
    context_.Fail("0A000", "'" + text + "' is not allowed here: its value depends on the moment it is read");
    return TimeProblem::kReported;
  }
  const TimeZone& session = SessionZone(context_.zone);
  const std::int64_t local = clock ? ToLocal(session, context_.now_us) : 0;
  result_ = Result::kFields;
  switch (word) {
    case Reserved::kNow:
      now_ = time_only_ ? kTimeBits : kDateBits | kTimeBits | kZoneBit;
      if (time_only_) {
        tm_.SetTimeOfDay(FloorMod(local, kDayUs));
      } else {
        tm_ = SplitTimestamp(local);
        offset_ = OffsetAt(session, context_.now_us);
      }
      return TimeProblem::kNone;
    case Reserved::kToday:
    case Reserved::kTomorrow:
    case Reserved::kYesterday:
      now_ = kDateBits;
      tm_.SetDays(TimestampToDate(local) + (word == Reserved::kTomorrow ? 1 : word == Reserved::kYesterday ? -1 : 0));
      return TimeProblem::kNone;
    case Reserved::kZulu:
      now_ = kTimeBits | kZoneBit;
      tm_.SetTimeOfDay(0);
      if (!time_only_) offset_ = 0;
      return TimeProblem::kNone;
    default:
      now_ = kReservedBit;
      result_ = word == Reserved::kEpoch      ? Result::kEpoch
                : word == Reserved::kInfinity ? Result::kInfinity
                                              : Result::kMinusInfinity;
      return TimeProblem::kNone;
  }
}

TimeProblem DateTimeReader::CheckDate() {
  if ((seen_ & kYearBit) != 0 && !julian_) {
    if (bc_ || !two_digits_) {
      if (tm_.year <= 0) return TimeProblem::kFieldRange;
      if (bc_) tm_.year = 1 - tm_.year;
    } else {
      if (tm_.year < 0) return TimeProblem::kFieldRange;
      tm_.year += tm_.year < 70 ? 2000 : tm_.year < 100 ? 1900 : 0;
    }
  }
  if ((seen_ & kDayOfYearBit) != 0) tm_.SetDays(DaysFromCivil(tm_.year, 1, 1) + day_of_year_ - 1);
  if ((seen_ & kMonthBit) != 0 && (tm_.month < 1 || tm_.month > 12)) return TimeProblem::kFieldRange;
  if ((seen_ & kDayBit) != 0 && (tm_.day < 1 || tm_.day > 31)) return TimeProblem::kFieldRange;
  if ((seen_ & kDateBits) == kDateBits && tm_.day > DaysInMonth(tm_.year, tm_.month)) return TimeProblem::kFieldRange;
  return TimeProblem::kNone;
}

TimeProblem DateTimeReader::ApplyAmPm() {
  if (am_pm_ < 0) return TimeProblem::kNone;
  if (tm_.hour > 12) return TimeProblem::kFieldRange;
  if (tm_.hour == 12) {
    tm_.hour = am_pm_ * 12;
  } else {
    tm_.hour += am_pm_ * 12;
  }
  return TimeProblem::kNone;
}

TimeProblem DateTimeReader::ResolveZone(const TimeFields& at) {
  const bool named = zone_ != nullptr || abbreviation_zone_ != nullptr;
  if ((named || (seen_ & kZoneBit) == 0) && (seen_ & kDaylightWordBit) != 0) return TimeProblem::kFormat;
  const bool known = CivilInRange(at.year, at.month);
  const std::int64_t local = known ? at.Days() * 86'400 + at.TimeOfDay() / kSecondUs : 0;
  const auto offset_in = [&](const TimeZone& zone) { return known ? zone.OffsetOfLocal(local) : 0; };
  if (zone_ != nullptr) offset_ = offset_in(*zone_);
  if (abbreviation_zone_ != nullptr) {
    offset_ = offset_in(*abbreviation_zone_);
    std::string upper = abbreviation_;
    for (char& c : upper) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c);
    offset_ = abbreviation_zone_->OffsetOfAbbreviation(upper, local - offset_).value_or(offset_);
  }
  if ((seen_ & kZoneBit) == 0) offset_ = offset_in(SessionZone(context_.zone));
  return TimeProblem::kNone;
}

TimeProblem DateTimeReader::FinishDateTime() {
  if (result_ != Result::kFields) return TimeProblem::kNone;
  if ((seen_ & kDateBits) != kDateBits) return TimeProblem::kFormat;
  return ResolveZone(tm_);
}

TimeProblem DateTimeReader::FinishTime() {
  if (tm_.hour < 0 || tm_.hour > 24 || tm_.minute < 0 || tm_.minute > 59 || tm_.second < 0 || tm_.second > 60 ||
      tm_.TimeOfDay() > kDayUs)
    return TimeProblem::kFieldRange;
  if ((seen_ & kTimeBits) != kTimeBits) return TimeProblem::kFormat;
  const bool date = (seen_ & kDateBits) == kDateBits;
  if (zone_ != nullptr && zone_->OnlyOffset()) {
    if ((seen_ & kDaylightWordBit) != 0) return TimeProblem::kFormat;
    offset_ = *zone_->OnlyOffset();
    return TimeProblem::kNone;
  }
  if (zone_ != nullptr && !date) return TimeProblem::kFormat;
  if (zone_ == nullptr && abbreviation_zone_ == nullptr && (seen_ & kZoneBit) != 0) return TimeProblem::kNone;
  if (date) return ResolveZone(tm_);
  if ((seen_ & kDateBits) != 0) return TimeProblem::kFormat;
  return ResolveZoneToday();
}

TimeProblem DateTimeReader::ResolveZoneToday() {
  TimeFields today = tm_;
  today.SetDays(kDaysTo2000);
  const TimeZone& session = SessionZone(context_.zone);
  if (context_.has_now) {
    today.SetDays(TimestampToDate(ToLocal(session, context_.now_us)));
  } else if (needs_zone_ && (abbreviation_zone_ != nullptr || !session.OnlyOffset())) {
    context_.Fail("0A000", "a time without offset is not allowed here: its time zone depends on the current date");
    return TimeProblem::kReported;
  }
  return ResolveZone(today);
}

}  // namespace headgate::sql
