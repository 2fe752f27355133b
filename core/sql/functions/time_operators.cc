#include <cmath>
#include <limits>

#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/functions/time_errors.h"
#include "core/sql/lift.h"
#include "core/sql/time_value.h"

// + - * / of dates, times and intervals.
namespace headgate::sql {
namespace {

using I = std::int64_t;

I DateToTimestampOr(EvalContext& context, I days) {
  return OrTimeRange(context, DateToTimestamp(days), "date out of range for timestamp");
}
I OrTimestampRange(EvalContext& context, const std::optional<I>& us) {
  return OrTimeRange(context, us, "timestamp out of range");
}
Wide OrIntervalRange(EvalContext& context, const std::optional<Wide>& interval) {
  return OrTimeRange(context, interval, "interval out of range");
}
Wide Negated(EvalContext& context, const Wide& interval) { return OrIntervalRange(context, Negate(interval)); }

I DatePlusDays(EvalContext& context, I date, I days) {
  if (IsInfinite(date)) return date;
  return DateInRange(date + days) ? date + days : TimeRange<I>(context, "date out of range");
}
I DaysPlusDate(EvalContext& context, I days, I date) { return DatePlusDays(context, date, days); }
I DateMinusDays(EvalContext& context, I date, I days) { return DatePlusDays(context, date, -days); }
I DateMinusDate(EvalContext& context, I a, I b) {
  return IsInfinite(a) || IsInfinite(b) ? TimeRange<I>(context, "cannot subtract infinite dates") : a - b;
}

I DatePlusTime(EvalContext& context, I date, I time) {
  const I us = DateToTimestampOr(context, date);
  if (IsInfinite(us)) return us;
  return TimestampInRange(us + time) ? us + time : TimeRange<I>(context, "timestamp out of range");
}
I TimePlusDate(EvalContext& context, I time, I date) { return DatePlusTime(context, date, time); }
I DatePlusTimeTz(EvalContext& context, I date, Wide time) {
  const I us = DateToTimestampOr(context, date);
  if (IsInfinite(us)) return us;
  const Int128 sum = static_cast<Int128>(us) + time.us - time.days * kSecondUs;
  if (sum < kTimestampMin || sum >= kTimestampEnd) return TimeRange<I>(context, "date out of range for timestamp");
  return static_cast<I>(sum);
}
I TimeTzPlusDate(EvalContext& context, Wide time, I date) { return DatePlusTimeTz(context, date, time); }

I TimestampPlus(EvalContext& context, I us, Wide interval) {
  return OrTimestampRange(context, AddInterval(us, interval));
}
I PlusTimestamp(EvalContext& context, Wide interval, I us) { return TimestampPlus(context, us, interval); }
I TimestampMinus(EvalContext& context, I us, Wide interval) {
  if (IsInfinite(us)) return us;
  const auto negative = Negate(interval);
  return negative ? TimestampPlus(context, us, *negative) : TimeRange<I>(context, "timestamp out of range");
}
I DatePlus(EvalContext& context, I date, Wide interval) {
  return TimestampPlus(context, DateToTimestampOr(context, date), interval);
}
I PlusDate(EvalContext& context, Wide interval, I date) { return DatePlus(context, date, interval); }
I DateMinus(EvalContext& context, I date, Wide interval) {
  return TimestampMinus(context, DateToTimestampOr(context, date), interval);
}
I TimestampTzPlus(EvalContext& context, I us, Wide interval) {
  return OrTimestampRange(context, AddInterval(SessionZone(context.zone), us, interval));
}
I PlusTimestampTz(EvalContext& context, Wide interval, I us) { return TimestampTzPlus(context, us, interval); }
I TimestampTzMinus(EvalContext& context, I us, Wide interval) {
  if (IsInfinite(us)) return us;
  const auto negative = Negate(interval);
  return negative ? TimestampTzPlus(context, us, *negative) : TimeRange<I>(context, "timestamp out of range");
}
Wide TimestampMinusTimestamp(EvalContext& context, I a, I b) {
  Wide difference;
  if (IsInfinite(a) || IsInfinite(b)) return TimeRange<Wide>(context, "cannot subtract infinite timestamps");
  if (__builtin_sub_overflow(a, b, &difference.us)) return TimeRange<Wide>(context, "interval out of range");
  return *JustifyHours(difference);
}

// Around the clock; months and days do not count.
I TimePlus(I time, Wide interval) { return FloorMod(time + interval.us % kDayUs, kDayUs); }
I PlusTime(Wide interval, I time) { return TimePlus(time, interval); }
I TimeMinus(I time, Wide interval) { return FloorMod(time - interval.us % kDayUs, kDayUs); }
Wide TimeMinusTime(I a, I b) { return {a - b, 0, 0}; }
Wide TimeTzPlus(Wide time, Wide interval) { return {TimePlus(time.us, interval), time.days, 0}; }
Wide PlusTimeTz(Wide interval, Wide time) { return TimeTzPlus(time, interval); }
Wide TimeTzMinus(Wide time, Wide interval) { return {TimeMinus(time.us, interval), time.days, 0}; }

Wide IntervalPlus(EvalContext& context, Wide a, Wide b) { return OrIntervalRange(context, AddIntervals(a, b)); }
Wide IntervalMinus(EvalContext& context, Wide a, Wide b) { return OrIntervalRange(context, SubtractIntervals(a, b)); }

double RoundToUs(double seconds) { return std::rint(seconds * 1e6) / 1e6; }

std::optional<std::int32_t> WholeInt32(double v) {
  if (std::isnan(v) || v > std::numeric_limits<std::int32_t>::max() || v < std::numeric_limits<std::int32_t>::min())
    return std::nullopt;
  return static_cast<std::int32_t>(v);
}

// Months and days of a product or quotient pass their fractions down, a month as 30 days, but nothing is passed up.
// `scale` computes the exact product or quotient of a part.
template <class F>
Wide Scaled(EvalContext& context, const Wide& interval, F scale) {
  const auto fail = [&] { return TimeRange<Wide>(context, "interval out of range"); };
  const double months = scale(interval.months);
  const double days = scale(interval.days);
  const auto whole_months = WholeInt32(months);
  const auto whole_days = WholeInt32(days);
  if (!whole_months || !whole_days) return fail();
  Wide out{0, *whole_days, *whole_months};
  const double month_days = RoundToUs((months - *whole_months) * 30);
  double seconds =
      RoundToUs((days - *whole_days + month_days - static_cast<double>(static_cast<I>(month_days))) * 86'400);
  if (std::fabs(seconds) >= 86'400) {
    const I more = static_cast<I>(seconds / 86'400);
    if (__builtin_add_overflow(out.days, more, &out.days)) return fail();
    seconds -= static_cast<double>(more * 86'400);
  }
  if (__builtin_add_overflow(out.days, static_cast<I>(month_days), &out.days)) return fail();
  const double us = std::rint(scale(static_cast<double>(interval.us)) + seconds * 1e6);
  if (std::isnan(us) || us < -9223372036854775808.0 || us >= 9223372036854775808.0) return fail();
  out.us = static_cast<I>(us);
  return out;
}
Wide IntervalTimes(EvalContext& context, Wide interval, double factor) {
  return Scaled(context, interval, [&](double part) { return part * factor; });
}
Wide TimesInterval(EvalContext& context, double factor, Wide interval) {
  return IntervalTimes(context, interval, factor);
}
Wide IntervalDivided(EvalContext& context, Wide interval, double divisor) {
  if (divisor == 0) {
    context.Fail("22012", "division by zero");
    return {};
  }
  return Scaled(context, interval, [&](double part) { return part / divisor; });
}

const Function kTimeOperatorFunctions[] = {
    {"+", {kDate, kI4}, kDate, kLift<DatePlusDays>},
    {"+", {kI4, kDate}, kDate, kLift<DaysPlusDate>},
    {"+", {kDate, kInterval}, kTs, kLift<DatePlus>},
    {"+", {kInterval, kDate}, kTs, kLift<PlusDate>},
    {"+", {kDate, kTime}, kTs, kLift<DatePlusTime>},
    {"+", {kTime, kDate}, kTs, kLift<TimePlusDate>},
    {"+", {kDate, kTimeTz}, kTsTz, kLift<DatePlusTimeTz>},
    {"+", {kTimeTz, kDate}, kTsTz, kLift<TimeTzPlusDate>},
    {"+", {kTs, kInterval}, kTs, kLift<TimestampPlus>},
    {"+", {kInterval, kTs}, kTs, kLift<PlusTimestamp>},
    {"+", {kTsTz, kInterval}, kTsTz, kLift<TimestampTzPlus>, false, kStable},
    {"+", {kInterval, kTsTz}, kTsTz, kLift<PlusTimestampTz>, false, kStable},
    {"+", {kTime, kInterval}, kTime, kLift<TimePlus>},
    {"+", {kInterval, kTime}, kTime, kLift<PlusTime>},
    {"+", {kTimeTz, kInterval}, kTimeTz, kLift<TimeTzPlus>},
    {"+", {kInterval, kTimeTz}, kTimeTz, kLift<PlusTimeTz>},
    {"+", {kInterval, kInterval}, kInterval, kLift<IntervalPlus>},
    {"-", {kDate, kI4}, kDate, kLift<DateMinusDays>},
    {"-", {kDate, kDate}, kI4, kLift<DateMinusDate>},
    {"-", {kDate, kInterval}, kTs, kLift<DateMinus>},
    {"-", {kTs, kInterval}, kTs, kLift<TimestampMinus>},
    {"-", {kTsTz, kInterval}, kTsTz, kLift<TimestampTzMinus>, false, kStable},
    {"-", {kTs, kTs}, kInterval, kLift<TimestampMinusTimestamp>},
    {"-", {kTsTz, kTsTz}, kInterval, kLift<TimestampMinusTimestamp>},
    {"-", {kTime, kInterval}, kTime, kLift<TimeMinus>},
    {"-", {kTimeTz, kInterval}, kTimeTz, kLift<TimeTzMinus>},
    {"-", {kTime, kTime}, kInterval, kLift<TimeMinusTime>},
    {"-", {kInterval, kInterval}, kInterval, kLift<IntervalMinus>},
    {"-", {kInterval}, kInterval, kLift<Negated>},
    {"*", {kInterval, kF8}, kInterval, kLift<IntervalTimes>},
    {"*", {kF8, kInterval}, kInterval, kLift<TimesInterval>},
    {"/", {kInterval, kF8}, kInterval, kLift<IntervalDivided>},
};

}  // namespace

std::span<const Function> TimeOperatorFunctions() { return kTimeOperatorFunctions; }

}  // namespace headgate::sql
