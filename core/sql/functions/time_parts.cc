#include <cmath>
#include <limits>

#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/functions/time_errors.h"
#include "core/sql/lift.h"
#include "core/sql/time_calendar.h"
#include "core/sql/time_parse.h"

// extract and date_part: one field of a date, time or interval, as numeric and as float8.
namespace headgate::sql {
namespace {

using I = std::int64_t;
using Text = std::string_view;
using Unit = TimeUnit;

// One field in both forms. The numeric has the scale that its unit has in PostgreSQL, whatever the value.
struct Part {
  enum class Kind : std::uint8_t { kNumber, kJulian, kInfinity, kMinusInfinity, kNothing } kind = Kind::kNumber;
  Int128 unscaled = 0;
  int scale = 0;
  double real = 0;
  I julian_us = 0;  // of the day, for kJulian
};
Part Whole(I v) { return {Part::Kind::kNumber, v, 0, static_cast<double>(v), 0}; }
Part Scaled(Int128 unscaled, int scale, double real) { return {Part::Kind::kNumber, unscaled, scale, real, 0}; }

// A unit as the caller names it.
struct Asked {
  std::string name;
  std::optional<Unit> unit;
};
Asked Ask(Text name) {
  Asked asked{Lower(name), std::nullopt};
  const TimeWord* word = FindUnitWord(asked.name);
  if (word == nullptr) word = FindTimeWord(asked.name);
  if (word == nullptr) return asked;
  if (word->kind == TimeWordKind::kUnit) asked.unit = static_cast<Unit>(word->value);
  if (word->kind == TimeWordKind::kReserved && static_cast<ReservedTime>(word->value) == ReservedTime::kEpoch)
    asked.unit = Unit::kEpoch;
  return asked;
}
// Dates and timestamps know words like "now" that are units of nothing.
bool IsReserved(const Asked& asked) {
  const TimeWord* word = FindTimeWord(asked.name);
  return word != nullptr && word->kind == TimeWordKind::kReserved;
}

Part Unsupported(EvalContext& context, const Asked& asked, Type type) {
  const bool dated = type.id == TypeId::kDate || type.id == TypeId::kTimestamp || type.id == TypeId::kTimestampTz;
  BadTimeUnit(context, asked.unit || (dated && IsReserved(asked)), asked.name, type);
  return {};
}

// Seconds and what is below, of a time.
std::optional<Part> FractionPart(Unit unit, I second, I us) {
  const I all = second * kSecondUs + us;
  const auto s = static_cast<double>(second);
  const auto f = static_cast<double>(us);
  switch (unit) {
    case Unit::kMicrosecond:
      return Whole(all);
    case Unit::kMillisecond:
      return Scaled(all, 3, s * 1000.0 + f / 1000.0);
    case Unit::kSecond:
      return Scaled(all, 6, s + f / 1000000.0);
    default:
      return std::nullopt;
  }
}

std::optional<Part> DatePart(Unit unit, const TimeFields& at) {
  const I year = at.year;
  switch (unit) {
    case Unit::kDay:
      return Whole(at.day);
    case Unit::kMonth:
      return Whole(at.month);
    case Unit::kQuarter:
      return Whole((at.month - 1) / 3 + 1);
    case Unit::kWeek:
      return Whole(IsoWeekOf(at.Days()).week);
    case Unit::kYear:
      return Whole(EraYear(year));
    case Unit::kDecade:
      return Whole(FloorDiv(year, 10));
    case Unit::kCentury:
      return Whole(CenturyOf(year, 100));
    case Unit::kMillennium:
      return Whole(CenturyOf(year, 1000));
    case Unit::kIsoYear:
      return Whole(EraYear(IsoWeekOf(at.Days()).year));
    case Unit::kDayOfWeek:
      return Whole(DayOfWeek(at.Days()));
    case Unit::kIsoDayOfWeek:
      return Whole(IsoDayOfWeek(at.Days()));
    case Unit::kDayOfYear:
      return Whole(DayOfYear(at.Days()));
    default:
      return std::nullopt;
  }
}

std::optional<Part> ZonePart(Unit unit, std::int32_t offset) {
  switch (unit) {
    case Unit::kZone:
      return Whole(offset);
    case Unit::kZoneHour:
      return Whole(offset / 3600);
    case Unit::kZoneMinute:
      return Whole(offset / 60 % 60);
    default:
      return std::nullopt;
  }
}

// Of an infinity: fields that grow with time are infinite, those that come round again are nothing.
Part InfinitePart(Unit unit, bool negative) {
  Part part;
  part.kind = Part::Kind::kNothing;
  const bool grows = unit == Unit::kEpoch || unit == Unit::kJulian || unit == Unit::kIsoYear ||
                     (unit >= Unit::kYear && unit <= Unit::kMillennium);
  if (!grows) return part;
  part.kind = negative ? Part::Kind::kMinusInfinity : Part::Kind::kInfinity;
  part.real = negative ? -HUGE_VAL : HUGE_VAL;
  return part;
}

Part TimestampPart(EvalContext& context, Text field, I us, bool zoned) {
  const Type type = zoned ? TypeId::kTimestampTz : TypeId::kTimestamp;
  const Asked asked = Ask(field);
  if (!asked.unit) return Unsupported(context, asked, type);
  const Unit unit = *asked.unit;
  if (IsInfinite(us)) return InfinitePart(unit, us < 0);
  if (unit == Unit::kEpoch) {
    constexpr I kEpoch = -kSecondsTo2000 * kSecondUs;
    const bool close = us < std::numeric_limits<I>::max() + kEpoch;
    return Scaled(
        static_cast<Int128>(us) - kEpoch, 6,
        close ? static_cast<double>(us - kEpoch) / 1e6 : (static_cast<double>(us) - static_cast<double>(kEpoch)) / 1e6);
  }
  const std::int32_t offset = zoned ? OffsetAt(SessionZone(context.zone), us) : 0;
  const TimeFields at = SplitTimestamp(us + offset * kSecondUs);
  if (unit == Unit::kHour) return Whole(at.hour);
  if (unit == Unit::kMinute) return Whole(at.minute);
  if (unit == Unit::kJulian) {
    Part part = Whole(at.Days() + kJulianOf1970);
    part.kind = Part::Kind::kJulian;
    part.julian_us = at.TimeOfDay();
    part.real += ((((at.hour * 60) + at.minute) * 60) + at.second + (at.us / 1000000.0)) / 86400.0;
    return part;
  }
  if (const auto part = FractionPart(unit, at.second, at.us)) return *part;
  if (const auto part = DatePart(unit, at)) return *part;
  if (zoned) {
    if (const auto part = ZonePart(unit, offset)) return *part;
  }
  return Unsupported(context, asked, type);
}

Part TimePart(EvalContext& context, Text field, I us, std::optional<std::int32_t> offset) {
  const Type type = offset ? TypeId::kTimeTz : TypeId::kTime;
  const Asked asked = Ask(field);
  if (!asked.unit) return Unsupported(context, asked, type);
  TimeFields at;
  at.SetTimeOfDay(us);
  switch (*asked.unit) {
    case Unit::kHour:
      return Whole(at.hour);
    case Unit::kMinute:
      return Whole(at.minute);
    case Unit::kEpoch: {
      const double real = static_cast<double>(us) / 1e6 - offset.value_or(0);
      return Scaled(us - offset.value_or(0) * kSecondUs, 6, real);
    }
    default:
      break;
  }
  if (const auto part = FractionPart(*asked.unit, at.second, at.us)) return *part;
  if (offset) {
    if (const auto part = ZonePart(*asked.unit, *offset)) return *part;
  }
  return Unsupported(context, asked, type);
}

Part IntervalPart(EvalContext& context, Text field, const Wide& interval) {
  const Asked asked = Ask(field);
  if (!asked.unit) return Unsupported(context, asked, TypeId::kInterval);
  const I years = interval.months / 12;
  const I months = interval.months % 12;
  switch (*asked.unit) {
    case Unit::kHour:
      return Whole(interval.us / kHourUs);
    case Unit::kMinute:
      return Whole(interval.us / kMinuteUs % 60);
    case Unit::kDay:
      return Whole(interval.days);
    case Unit::kMonth:
      return Whole(months);
    case Unit::kQuarter:
      return Whole(months / 3 + 1);
    case Unit::kYear:
      return Whole(years);
    case Unit::kDecade:
      return Whole(years / 10);
    case Unit::kCentury:
      return Whole(years / 100);
    case Unit::kMillennium:
      return Whole(years / 1000);
    case Unit::kEpoch: {  // years of 365.25 days, months of 30
      const I quarter_days = years * 1461 + months * 120 + I{4} * interval.days;
      const Int128 us = static_cast<Int128>(quarter_days) * (kDayUs / 4) + interval.us;
      const double real = static_cast<double>(interval.us) / 1000000.0 + (365.25 * 86400) * static_cast<double>(years) +
                          (30.0 * 86400) * static_cast<double>(months) + 86400.0 * interval.days;
      return Scaled(us, 6, real);
    }
    default:
      break;
  }
  const I of_minute = interval.us % kMinuteUs;
  if (const auto part = FractionPart(*asked.unit, of_minute / kSecondUs, of_minute % kSecondUs)) return *part;
  return Unsupported(context, asked, TypeId::kInterval);
}

Part DateFieldPart(EvalContext& context, Text field, I days) {
  const Asked asked = Ask(field);
  if (!asked.unit) return Unsupported(context, asked, TypeId::kDate);
  const Unit unit = *asked.unit;
  const bool of_time = unit <= Unit::kHour || unit >= Unit::kZone;
  if (IsInfinite(days) && !of_time) return InfinitePart(unit, days < 0);
  if (of_time) return Unsupported(context, asked, TypeId::kDate);
  if (unit == Unit::kEpoch) return Whole(days * 86'400);
  if (unit == Unit::kJulian) return Whole(days + kJulianOf1970);
  TimeFields at;
  at.SetDays(days);
  const auto part = DatePart(unit, at);
  return part ? *part : Unsupported(context, asked, TypeId::kDate);
}

std::optional<double> AsDouble(const Part& part) {
  return part.kind == Part::Kind::kNothing ? std::nullopt : std::optional(part.real);
}
std::optional<Numeric> AsNumeric(const Part& part) {
  switch (part.kind) {
    case Part::Kind::kNothing:
      return std::nullopt;
    case Part::Kind::kInfinity:
    case Part::Kind::kMinusInfinity:
      return Numeric::Infinity(part.kind == Part::Kind::kMinusInfinity);
    case Part::Kind::kJulian: {
      const auto fraction = Divide(Numeric(part.julian_us), Numeric(kDayUs));
      return Add(Numeric::OfInt128(part.unscaled, 0), fraction.value_or(Numeric()));
    }
    case Part::Kind::kNumber:
      break;
  }
  return Numeric::OfInt128(part.unscaled, part.scale);
}

using Real = std::optional<double>;
using Exact = std::optional<Numeric>;

Real TimestampReal(EvalContext& c, Text field, I us) { return AsDouble(TimestampPart(c, field, us, false)); }
Real TimestampTzReal(EvalContext& c, Text field, I us) { return AsDouble(TimestampPart(c, field, us, true)); }
Real TimeReal(EvalContext& c, Text field, I us) { return AsDouble(TimePart(c, field, us, std::nullopt)); }
Real TimeTzReal(EvalContext& c, Text field, Wide t) { return AsDouble(TimePart(c, field, t.us, t.days)); }
Real IntervalReal(EvalContext& c, Text field, Wide v) { return AsDouble(IntervalPart(c, field, v)); }
// By way of timestamp: a date has hours there.
Real DateReal(EvalContext& c, Text field, I days) {
  const auto us = DateToTimestamp(days);
  return us ? TimestampReal(c, field, *us) : TimeRange<Real>(c, "date out of range for timestamp");
}
Exact TimestampExact(EvalContext& c, Text field, I us) { return AsNumeric(TimestampPart(c, field, us, false)); }
Exact TimestampTzExact(EvalContext& c, Text field, I us) { return AsNumeric(TimestampPart(c, field, us, true)); }
Exact TimeExact(EvalContext& c, Text field, I us) { return AsNumeric(TimePart(c, field, us, std::nullopt)); }
Exact TimeTzExact(EvalContext& c, Text field, Wide t) { return AsNumeric(TimePart(c, field, t.us, t.days)); }
Exact IntervalExact(EvalContext& c, Text field, Wide v) { return AsNumeric(IntervalPart(c, field, v)); }
Exact DateExact(EvalContext& c, Text field, I days) { return AsNumeric(DateFieldPart(c, field, days)); }

const Function kTimePartFunctions[] = {
    {"date_part", {kText, kDate}, kF8, kLift<DateReal>},
    {"date_part", {kText, kTime}, kF8, kLift<TimeReal>},
    {"date_part", {kText, kTimeTz}, kF8, kLift<TimeTzReal>},
    {"date_part", {kText, kTs}, kF8, kLift<TimestampReal>},
    {"date_part", {kText, kTsTz}, kF8, kLift<TimestampTzReal>, false, kStable},
    {"date_part", {kText, kInterval}, kF8, kLift<IntervalReal>},
    {"extract", {kText, kDate}, kNum, kLift<DateExact>},
    {"extract", {kText, kTime}, kNum, kLift<TimeExact>},
    {"extract", {kText, kTimeTz}, kNum, kLift<TimeTzExact>},
    {"extract", {kText, kTs}, kNum, kLift<TimestampExact>},
    {"extract", {kText, kTsTz}, kNum, kLift<TimestampTzExact>, false, kStable},
    {"extract", {kText, kInterval}, kNum, kLift<IntervalExact>},
};

}  // namespace

std::span<const Function> TimePartFunctions() { return kTimePartFunctions; }

}  // namespace headgate::sql
