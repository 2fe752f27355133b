#include <cmath>
#include <cstdio>

#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/functions/time_errors.h"
#include "core/sql/lift.h"
#include "core/sql/text_forms.h"
#include "core/sql/time_parse.h"

// Making dates, times and intervals of parts, changing zones, and the moment.
namespace headgate::sql {

void BadTimeUnit(EvalContext& context, bool recognized, const std::string& unit, Type type) {
  context.Fail(
      recognized ? "0A000" : "22023",
      "unit \"" + unit + "\" not " + (recognized ? "supported" : "recognized") + " for type " + Name(type.Bare()));
}

std::optional<std::int32_t> ZoneOffset(EvalContext& context, std::string_view name, std::int64_t us, bool local) {
  const std::int64_t seconds = FloorDiv(us, kSecondUs) + kSecondsTo2000;
  const auto at = [&](const TimeZone& zone) { return local ? zone.OffsetOfLocal(seconds) : zone.At(seconds).offset; };
  if (const ZoneAbbreviation* known = FindZoneAbbreviation(Lower(name).substr(0, 10)); known != nullptr) {
    if (known->zone.empty()) return known->offset;
    if (const auto zone = TimeZone::Find(known->zone); zone != nullptr) {
      std::string upper(name);
      for (char& c : upper) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c);
      const std::int32_t then = at(*zone);
      return zone->OffsetOfAbbreviation(upper, local ? seconds - then : seconds).value_or(then);
    }
  }
  if (const auto zone = TimeZone::Find(name); zone != nullptr) return at(*zone);
  context.Fail("22023", "time zone \"" + std::string(name) + "\" not recognized");
  return std::nullopt;
}

bool NeedsNow(EvalContext& context, std::string_view name) {
  if (!context.has_now) context.Fail("0A000", std::string(name) + " is not allowed here: the moment is not fixed");
  return context.has_now;
}

namespace {

using I = std::int64_t;
using Text = std::string_view;

std::string PrintParts(const char* format, auto... parts) {
  char text[128];
  std::snprintf(text, sizeof text, format, parts...);
  return text;
}

// As %02g there: with words for what is no number.
std::string SecondText(double second) {
  if (std::isnan(second)) return "NaN";
  if (std::isinf(second)) return second < 0 ? "-Infinity" : "Infinity";
  return PrintParts("%02g", second);
}

// A year of parts: negative ones are BC, and there is no year 0.
std::optional<TimeFields> DateOfParts(I year, I month, I day) {
  TimeFields fields;
  if (year == 0 || month < 1 || month > 12 || day < 1 || day > 31) return std::nullopt;
  fields.year = year < 0 ? year + 1 : year;
  fields.month = static_cast<int>(month);
  fields.day = static_cast<int>(day);
  if (day > DaysInMonth(fields.year, fields.month)) return std::nullopt;
  return fields;
}
std::optional<I> TimeOfParts(I hour, I minute, double second) {
  if (hour < 0 || hour > 24 || minute < 0 || minute > 59 || std::isnan(second) || second < 0 || second > 60)
    return std::nullopt;
  const I us = (hour * 60 + minute) * kMinuteUs + static_cast<I>(std::rint(second * 1e6));
  if (us > kDayUs) return std::nullopt;
  return us;
}

std::string DateText(I year, I month, I day) {
  return PrintParts("%d-%02d-%02d", static_cast<int>(year), static_cast<int>(month), static_cast<int>(day));
}

I MakeDate(EvalContext& context, I year, I month, I day) {
  const auto fields = DateOfParts(year, month, day);
  const auto text = [&] { return DateText(year < 0 ? year + 1 : year, month, day); };
  if (!fields) return TimeRange<I>(context, "date field value out of range: " + text());
  if (CivilInRange(fields->year, fields->month) && DateInRange(fields->Days())) return fields->Days();
  return TimeRange<I>(context, "date out of range: " + text());
}

I MakeTime(EvalContext& context, I hour, I minute, double second) {
  const auto us = TimeOfParts(hour, minute, second);
  if (us) return *us;
  return TimeRange<I>(context, "time field value out of range: " +
                                   PrintParts("%d:%02d:", static_cast<int>(hour), static_cast<int>(minute)) +
                                   SecondText(second));
}

I MakeTimestamp(EvalContext& context, I year, I month, I day, I hour, I minute, double second) {
  const auto time = [&] {
    return PrintParts("%d:%02d:", static_cast<int>(hour), static_cast<int>(minute)) + SecondText(second);
  };
  const auto fields = DateOfParts(year, month, day);
  if (!fields) return TimeRange<I>(context, "date field value out of range: " + DateText(year, month, day));
  const auto of_day = TimeOfParts(hour, minute, second);
  const bool known = CivilInRange(fields->year, fields->month);
  if (!known) return TimeRange<I>(context, "date out of range: " + DateText(year, month, day));
  if (!of_day) return TimeRange<I>(context, "time field value out of range: " + time());
  const Int128 us = static_cast<Int128>(fields->Days() - kDaysTo2000) * kDayUs + *of_day;
  if (us >= kTimestampMin && us < kTimestampEnd) return static_cast<I>(us);
  return TimeRange<I>(context, "timestamp out of range: " + DateText(year, month, day) + " " + time());
}

I LocalToMoment(EvalContext& context, I local, std::int32_t offset) {
  const I us = local - offset * kSecondUs;
  return TimestampInRange(us) ? us : TimeRange<I>(context, "timestamp out of range");
}

I MakeTimestampTz(EvalContext& context, I year, I month, I day, I hour, I minute, double second) {
  const I local = MakeTimestamp(context, year, month, day, hour, minute, second);
  return LocalToMoment(context, local, OffsetOfLocal(SessionZone(context.zone), local));
}

I MakeTimestampTzIn(EvalContext& context, I year, I month, I day, I hour, I minute, double second, Text zone) {
  const I local = MakeTimestamp(context, year, month, day, hour, minute, second);
  if (context.failed() && context.errors().back().row == context.row) return 0;
  const std::string name(zone);
  if (!zone.empty() && zone[0] >= '0' && zone[0] <= '9') {
    context.Fail("22023", "invalid input syntax for type numeric time zone: \"" + name + "\"");
    return 0;
  }
  std::int32_t offset = 0;
  switch (ReadZoneOffset(zone, offset)) {
    case TimeProblem::kNone:
      return LocalToMoment(context, local, offset);
    case TimeProblem::kZoneRange:
      context.Fail("22023", "numeric time zone \"" + name + "\" out of range");
      return 0;
    default:
      return LocalToMoment(context, local, ZoneOffset(context, zone, local, true).value_or(0));
  }
}

Wide Interval(EvalContext& context, I years, I months, I weeks, I days, I hours, I minutes, double seconds) {
  const I all_months = years * 12 + months;
  const I all_days = weeks * 7 + days;
  const I time = hours * kHourUs + minutes * kMinuteUs;
  const double us = std::rint(seconds * 1e6);
  Wide out{0, static_cast<std::int32_t>(all_days), static_cast<std::int32_t>(all_months)};
  if (!std::isfinite(us) || std::fabs(us) >= 9.2e18 || all_months != out.months || all_days != out.days ||
      __builtin_add_overflow(time, static_cast<I>(us), &out.us))
    return TimeRange<Wide>(context, "interval out of range");
  return out;
}
Wide MakeInterval0(EvalContext& c) { return Interval(c, 0, 0, 0, 0, 0, 0, 0); }
Wide MakeInterval1(EvalContext& c, I y) { return Interval(c, y, 0, 0, 0, 0, 0, 0); }
Wide MakeInterval2(EvalContext& c, I y, I m) { return Interval(c, y, m, 0, 0, 0, 0, 0); }
Wide MakeInterval3(EvalContext& c, I y, I m, I w) { return Interval(c, y, m, w, 0, 0, 0, 0); }
Wide MakeInterval4(EvalContext& c, I y, I m, I w, I d) { return Interval(c, y, m, w, d, 0, 0, 0); }
Wide MakeInterval5(EvalContext& c, I y, I m, I w, I d, I h) { return Interval(c, y, m, w, d, h, 0, 0); }
Wide MakeInterval6(EvalContext& c, I y, I m, I w, I d, I h, I n) { return Interval(c, y, m, w, d, h, n, 0); }

I TimestampOfSeconds(EvalContext& context, double seconds) {
  if (std::isnan(seconds)) return TimeRange<I>(context, "timestamp cannot be NaN");
  if (std::isinf(seconds)) return seconds < 0 ? kMinusInfinity : kInfinity;
  constexpr double kLow = static_cast<double>(kDateMin) * 86'400;
  constexpr double kEnd = static_cast<double>(kTimestampEnd / kSecondUs + kSecondsTo2000);
  const double us = std::rint((seconds - static_cast<double>(kSecondsTo2000)) * 1e6);
  if (seconds < kLow || seconds >= kEnd || !TimestampInRange(static_cast<I>(us)))
    return TimeRange<I>(context, "timestamp out of range: \"" + PrintParts("%g", seconds) + "\"");
  return static_cast<I>(us);
}

bool IsFinite(I v) { return !IsInfinite(v); }
bool IsFiniteInterval(Wide) { return true; }

Wide JustifyHoursOf(EvalContext& context, Wide interval) {
  const auto out = JustifyHours(interval);
  return out ? *out : TimeRange<Wide>(context, "interval out of range");
}
Wide JustifyDays(EvalContext& context, Wide interval) {
  if (__builtin_add_overflow(interval.months, interval.days / 30, &interval.months))
    return TimeRange<Wide>(context, "interval out of range");
  interval.days %= 30;
  if (interval.months > 0 && interval.days < 0) {
    interval.days += 30;
    --interval.months;
  } else if (interval.months < 0 && interval.days > 0) {
    interval.days -= 30;
    ++interval.months;
  }
  return interval;
}
Wide JustifyInterval(EvalContext& context, Wide interval) {
  I days = interval.days + interval.us / kDayUs;
  interval.us %= kDayUs;
  I months = interval.months + days / 30;
  days %= 30;
  if (months > 0 && (days < 0 || (days == 0 && interval.us < 0))) {
    days += 30;
    --months;
  } else if (months < 0 && (days > 0 || (days == 0 && interval.us > 0))) {
    days -= 30;
    ++months;
  }
  if (days > 0 && interval.us < 0) {
    interval.us += kDayUs;
    --days;
  } else if (days < 0 && interval.us > 0) {
    interval.us -= kDayUs;
    ++days;
  }
  interval.days = static_cast<std::int32_t>(days);
  interval.months = static_cast<std::int32_t>(months);
  return interval.months == months ? interval : TimeRange<Wide>(context, "interval out of range");
}

I MomentToLocal(EvalContext& context, I us, std::int32_t offset) {
  const I local = us + offset * kSecondUs;
  return TimestampInRange(local) ? local : TimeRange<I>(context, "timestamp out of range");
}
I LocalIn(EvalContext& context, Text zone, I us) {
  if (IsInfinite(us)) return us;
  return MomentToLocal(context, us, ZoneOffset(context, zone, us, false).value_or(0));
}
I MomentIn(EvalContext& context, Text zone, I local) {
  if (IsInfinite(local)) return local;
  return LocalToMoment(context, local, ZoneOffset(context, zone, local, true).value_or(0));
}
Wide TimeTzAt(Wide time, std::int32_t offset) {
  return {FloorMod(time.us + (offset - time.days) * kSecondUs, kDayUs), offset, 0};
}
// What a zone is now: for times, which have no date.
Wide TimeTzIn(EvalContext& context, Text name, Wide time) {
  const ZoneAbbreviation* known = FindZoneAbbreviation(Lower(name).substr(0, 10));
  const auto zone = known != nullptr ? nullptr : TimeZone::Find(name);
  if (known != nullptr && known->zone.empty()) return TimeTzAt(time, known->offset);
  if (zone != nullptr && zone->OnlyOffset()) return TimeTzAt(time, *zone->OnlyOffset());
  if ((known != nullptr || zone != nullptr) && !NeedsNow(context, "a time zone that changes its offset")) return {};
  return TimeTzAt(time, ZoneOffset(context, name, context.now_us, false).value_or(0));
}

std::int32_t OffsetOfInterval(EvalContext& context, const Wide& zone) {
  if (zone.months == 0 && zone.days == 0) return static_cast<std::int32_t>(zone.us / kSecondUs);
  std::string text;
  AppendTimeText(text, TypeId::kInterval, Datum::Of(zone), "");
  context.Fail("22023", "interval time zone \"" + text + "\" must not include months or days");
  return 0;
}
I LocalAt(EvalContext& context, Wide zone, I us) {
  return IsInfinite(us) ? us : MomentToLocal(context, us, OffsetOfInterval(context, zone));
}
I MomentAt(EvalContext& context, Wide zone, I local) {
  return IsInfinite(local) ? local : LocalToMoment(context, local, OffsetOfInterval(context, zone));
}
Wide TimeTzAtInterval(EvalContext& context, Wide zone, Wide time) {
  return TimeTzAt(time, OffsetOfInterval(context, zone));
}

I Now(EvalContext& context) { return NeedsNow(context, "now()") ? context.now_us : 0; }
I LocalNow(EvalContext& context) { return ToLocal(SessionZone(context.zone), Now(context)); }
I CurrentDate(EvalContext& context) { return TimestampToDate(LocalNow(context)); }
I LocalTime(EvalContext& context) { return FloorMod(LocalNow(context), kDayUs); }
Wide CurrentTime(EvalContext& context) {
  const I now = Now(context);
  return {LocalTime(context), OffsetAt(SessionZone(context.zone), now), 0};
}

const Function kTimeFunctions[] = {
    {"make_date", {kI4, kI4, kI4}, kDate, kLift<MakeDate>},
    {"make_time", {kI4, kI4, kF8}, kTime, kLift<MakeTime>},
    {"make_timestamp", {kI4, kI4, kI4, kI4, kI4, kF8}, kTs, kLift<MakeTimestamp>},
    {"make_timestamptz", {kI4, kI4, kI4, kI4, kI4, kF8}, kTsTz, kLift<MakeTimestampTz>, false, kStable},
    {"make_timestamptz", {kI4, kI4, kI4, kI4, kI4, kF8, kText}, kTsTz, kLift<MakeTimestampTzIn>, false, kStable},
    // Its arguments have defaults; an argument by name becomes one by place, with 0 for those before it.
    {"make_interval", {}, kInterval, kLift<MakeInterval0>},
    {"make_interval", {kI4}, kInterval, kLift<MakeInterval1>},
    {"make_interval", {kI4, kI4}, kInterval, kLift<MakeInterval2>},
    {"make_interval", {kI4, kI4, kI4}, kInterval, kLift<MakeInterval3>},
    {"make_interval", {kI4, kI4, kI4, kI4}, kInterval, kLift<MakeInterval4>},
    {"make_interval", {kI4, kI4, kI4, kI4, kI4}, kInterval, kLift<MakeInterval5>},
    {"make_interval", {kI4, kI4, kI4, kI4, kI4, kI4}, kInterval, kLift<MakeInterval6>},
    {"make_interval", {kI4, kI4, kI4, kI4, kI4, kI4, kF8}, kInterval, kLift<Interval>},
    {"to_timestamp", {kF8}, kTsTz, kLift<TimestampOfSeconds>},
    {"isfinite", {kDate}, kBool, kLift<IsFinite>},
    {"isfinite", {kTs}, kBool, kLift<IsFinite>},
    {"isfinite", {kTsTz}, kBool, kLift<IsFinite>},
    {"isfinite", {kInterval}, kBool, kLift<IsFiniteInterval>},
    {"justify_hours", {kInterval}, kInterval, kLift<JustifyHoursOf>},
    {"justify_days", {kInterval}, kInterval, kLift<JustifyDays>},
    {"justify_interval", {kInterval}, kInterval, kLift<JustifyInterval>},
    {"timezone", {kText, kTsTz}, kTs, kLift<LocalIn>},
    {"timezone", {kText, kTs}, kTsTz, kLift<MomentIn>},
    {"timezone", {kText, kTimeTz}, kTimeTz, kLift<TimeTzIn>, false, kStable},
    {"timezone", {kInterval, kTsTz}, kTs, kLift<LocalAt>},
    {"timezone", {kInterval, kTs}, kTsTz, kLift<MomentAt>},
    {"timezone", {kInterval, kTimeTz}, kTimeTz, kLift<TimeTzAtInterval>},
    {"now", {}, kTsTz, kLift<Now>, false, kClock},
    {"current_timestamp", {}, kTsTz, kLift<Now>, false, kClock},
    {"transaction_timestamp", {}, kTsTz, kLift<Now>, false, kClock},
    {"statement_timestamp", {}, kTsTz, kLift<Now>, false, kClock},
    {"clock_timestamp", {}, kTsTz, kLift<Now>, false, kClock},
    {"localtimestamp", {}, kTs, kLift<LocalNow>, false, kClock},
    {"current_date", {}, kDate, kLift<CurrentDate>, false, kClock},
    {"current_time", {}, kTimeTz, kLift<CurrentTime>, false, kClock},
    {"localtime", {}, kTime, kLift<LocalTime>, false, kClock},
};

}  // namespace

std::span<const Function> TimeFunctions() { return kTimeFunctions; }

}  // namespace headgate::sql
