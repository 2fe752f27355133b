#include <limits>

#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/functions/time_errors.h"
#include "core/sql/lift.h"
#include "core/sql/time_calendar.h"
#include "core/sql/time_parse.h"

// date_trunc, date_bin and age.
namespace headgate::sql {
namespace {

using I = std::int64_t;
using Text = std::string_view;
using Unit = TimeUnit;

std::optional<Unit> UnitOf(EvalContext& context, const std::string& name, Type type) {
  const TimeWord* word = FindUnitWord(name);
  if (word != nullptr && word->kind == TimeWordKind::kUnit) return static_cast<Unit>(word->value);
  BadTimeUnit(context, false, name, type);
  return std::nullopt;
}

// The first year of the decade, century or millennium.
I FirstYear(Unit unit, I year) {
  switch (unit) {
    case Unit::kDecade:
      return FloorDiv(year, 10) * 10;
    case Unit::kCentury:
    case Unit::kMillennium: {
      const I years = unit == Unit::kCentury ? 100 : 1000;
      const I number = CenturyOf(year, years);
      return number > 0 ? (number - 1) * years + 1 : number * years + 1;
    }
    default:
      return year;
  }
}

bool TruncateTime(Unit unit, TimeFields& at) {
  switch (unit) {
    case Unit::kMicrosecond:
      return true;
    case Unit::kMillisecond:
      at.us -= at.us % 1000;
      return true;
    case Unit::kHour:
      at.minute = 0;
      [[fallthrough]];
    case Unit::kMinute:
      at.second = 0;
      [[fallthrough]];
    case Unit::kSecond:
      at.us = 0;
      return true;
    default:
      return false;
  }
}

bool TruncateDate(Unit unit, TimeFields& at) {
  switch (unit) {
    case Unit::kDay:
      break;
    case Unit::kWeek:
      at.SetDays(at.Days() - IsoDayOfWeek(at.Days()) + 1);
      break;
    case Unit::kQuarter:
      at.month = (at.month - 1) / 3 * 3 + 1;
      at.day = 1;
      break;
    case Unit::kMillennium:
    case Unit::kCentury:
    case Unit::kDecade:
    case Unit::kYear:
      at.year = FirstYear(unit, at.year);
      at.month = 1;
      [[fallthrough]];
    case Unit::kMonth:
      at.day = 1;
      break;
    default:
      return false;
  }
  at.SetTimeOfDay(0);
  return true;
}

I TruncateTimestamp(EvalContext& context, Text unit_name, I us) {
  if (IsInfinite(us)) return us;
  const std::string name = Lower(unit_name);
  const auto unit = UnitOf(context, name, TypeId::kTimestamp);
  if (!unit) return 0;
  TimeFields at = SplitTimestamp(us);
  if (!TruncateTime(*unit, at) && !TruncateDate(*unit, at)) {
    BadTimeUnit(context, true, name, TypeId::kTimestamp);
    return 0;
  }
  const auto out = JoinTimestamp(at);
  return out ? *out : TimeRange<I>(context, "timestamp out of range");
}

// In local time. Up to an hour the offset stays what it is, so that the doubled hour of autumn is not mixed up.
I TruncateIn(EvalContext& context, Text unit_name, I us, const TimeZone& zone) {
  const std::string name = Lower(unit_name);
  const auto unit = UnitOf(context, name, TypeId::kTimestampTz);
  if (!unit) return 0;
  std::int32_t offset = OffsetAt(zone, us);
  TimeFields at = SplitTimestamp(us + offset * kSecondUs);
  if (!TruncateTime(*unit, at)) {
    if (!TruncateDate(*unit, at)) {
      BadTimeUnit(context, true, name, TypeId::kTimestampTz);
      return 0;
    }
    offset = zone.OffsetOfLocal(at.Days() * 86'400);
  }
  const auto out = JoinTimestamp(at, offset);
  return out ? *out : TimeRange<I>(context, "timestamp out of range");
}
I TruncateTimestampTz(EvalContext& context, Text unit, I us) {
  return IsInfinite(us) ? us : TruncateIn(context, unit, us, SessionZone(context.zone));
}
I TruncateInZone(EvalContext& context, Text unit, I us, Text name) {
  if (IsInfinite(us)) return us;
  if (const ZoneAbbreviation* known = FindZoneAbbreviation(Lower(name).substr(0, 10)); known != nullptr) {
    // An abbreviation with a history truncates in the zone that has it.
    if (!known->zone.empty()) {
      if (const auto zone = TimeZone::Find(known->zone)) return TruncateIn(context, unit, us, *zone);
    }
    return TruncateIn(context, unit, us, *TimeZone::Fixed(known->offset, std::string(name)));
  }
  if (const auto zone = TimeZone::Find(name)) return TruncateIn(context, unit, us, *zone);
  context.Fail("22023", "time zone \"" + std::string(name) + "\" not recognized");
  return 0;
}

Wide TruncateInterval(EvalContext& context, Text unit_name, Wide interval) {
  const std::string name = Lower(unit_name);
  const auto unit = UnitOf(context, name, TypeId::kInterval);
  if (!unit) return {};
  const auto months = [&](std::int32_t size) { return Wide{0, 0, interval.months - interval.months % size}; };
  const auto time = [&](I size) { return Wide{interval.us - interval.us % size, interval.days, interval.months}; };
  switch (*unit) {
    case Unit::kMillennium:
      return months(12'000);
    case Unit::kCentury:
      return months(1200);
    case Unit::kDecade:
      return months(120);
    case Unit::kYear:
      return months(12);
    case Unit::kQuarter:
      return months(3);
    case Unit::kMonth:
      return months(1);
    case Unit::kDay:
      return {0, interval.days, interval.months};
    case Unit::kHour:
      return time(kHourUs);
    case Unit::kMinute:
      return time(kMinuteUs);
    case Unit::kSecond:
      return time(kSecondUs);
    case Unit::kMillisecond:
      return time(1000);
    case Unit::kMicrosecond:
      return interval;
    default:
      BadTimeUnit(context, true, name, TypeId::kInterval);
      return {};
  }
}

I Bin(EvalContext& context, Wide stride, I us, I origin) {
  if (IsInfinite(us)) return us;
  if (IsInfinite(origin)) return TimeRange<I>(context, "origin out of range");
  if (stride.months != 0) {
    context.Fail("0A000", "timestamps cannot be binned into intervals containing months or years");
    return 0;
  }
  I size = 0, difference = 0;
  if (__builtin_mul_overflow(I{stride.days}, kDayUs, &size) || __builtin_add_overflow(size, stride.us, &size))
    return TimeRange<I>(context, "interval out of range");
  if (size <= 0) return TimeRange<I>(context, "stride must be greater than zero");
  if (__builtin_sub_overflow(us, origin, &difference)) return TimeRange<I>(context, "interval out of range");
  const I rest = difference % size;
  I out = origin + (difference - rest);
  if (rest < 0 && (__builtin_sub_overflow(out, size, &out) || !TimestampInRange(out)))
    return TimeRange<I>(context, "timestamp out of range");
  return out;
}

// The difference in years, months, days and time; months borrow the days of the earlier moment's month. Infinity counts
// as the number it is, as it does there.
Wide Difference(EvalContext& context, I a, I b, const TimeZone* zone) {
  if (a == kMinusInfinity || b == kMinusInfinity) return TimeRange<Wide>(context, "timestamp out of range");
  const bool negative = a < b;
  if (negative) std::swap(a, b);
  const auto fields = [&](I us) {
    codec::DateTime at = codec::SplitTimestamp(us);
    if (zone != nullptr) at.us += OffsetAt(*zone, us) * kSecondUs;
    TimeFields out;
    out.SetDays(at.days + FloorDiv(at.us, kDayUs));
    out.SetTimeOfDay(FloorMod(at.us, kDayUs));
    return out;
  };
  const TimeFields late = fields(a);
  const TimeFields early = fields(b);
  I months = (late.year - early.year) * 12 + late.month - early.month;
  I days = late.day - early.day;
  I us = late.TimeOfDay() - early.TimeOfDay();
  if (us < 0) {
    us += kDayUs;
    --days;
  }
  if (days < 0) {
    days += DaysInMonth(early.year, early.month);
    --months;
  }
  const Wide age{us, static_cast<std::int32_t>(days), static_cast<std::int32_t>(months)};
  return negative ? *Negate(age) : age;
}
Wide AgeOf(EvalContext& context, I a, I b) { return Difference(context, a, b, nullptr); }
Wide AgeOfTz(EvalContext& context, I a, I b) { return Difference(context, a, b, &SessionZone(context.zone)); }
// Of midnight today.
std::optional<I> LocalMidnight(EvalContext& context) {
  if (!NeedsNow(context, "age() of one argument")) return std::nullopt;
  return FloorDiv(ToLocal(SessionZone(context.zone), context.now_us), kDayUs) * kDayUs;
}
Wide AgeNow(EvalContext& context, I us) {
  const auto midnight = LocalMidnight(context);
  return midnight ? AgeOf(context, *midnight, us) : Wide{};
}
Wide AgeNowTz(EvalContext& context, I us) {
  const auto midnight = LocalMidnight(context);
  return midnight ? AgeOfTz(context, FromLocal(SessionZone(context.zone), *midnight), us) : Wide{};
}

const Function kTimeTruncFunctions[] = {
    {"date_trunc", {kText, kTs}, kTs, kLift<TruncateTimestamp>},
    {"date_trunc", {kText, kTsTz}, kTsTz, kLift<TruncateTimestampTz>, false, kStable},
    {"date_trunc", {kText, kTsTz, kText}, kTsTz, kLift<TruncateInZone>, false, kStable},
    {"date_trunc", {kText, kInterval}, kInterval, kLift<TruncateInterval>},
    {"date_bin", {kInterval, kTs, kTs}, kTs, kLift<Bin>},
    {"date_bin", {kInterval, kTsTz, kTsTz}, kTsTz, kLift<Bin>},
    {"age", {kTs, kTs}, kInterval, kLift<AgeOf>},
    {"age", {kTsTz, kTsTz}, kInterval, kLift<AgeOfTz>, false, kStable},
    {"age", {kTs}, kInterval, kLift<AgeNow>, false, kClock},
    {"age", {kTsTz}, kInterval, kLift<AgeNowTz>, false, kClock},
};

}  // namespace

std::span<const Function> TimeTruncFunctions() { return kTimeTruncFunctions; }

}  // namespace headgate::sql
