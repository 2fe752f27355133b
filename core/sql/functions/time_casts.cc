#include "core/sql/cast.h"
#include "core/sql/functions/table_words.h"
#include "core/sql/functions/time_errors.h"
#include "core/sql/lift.h"

// Casts among dates, times and intervals, in the contexts of pg_cast. Digits of a second are cut by the modifier
// afterwards.
namespace headgate::sql {
namespace {

using I = std::int64_t;

I TimestampOfDate(EvalContext& context, I days) {
  return OrTimeRange(context, DateToTimestamp(days), "date out of range for timestamp");
}
I TimestampTzOfDate(EvalContext& context, I days) {
  auto us = DateToTimestamp(days);
  if (us) us = TimestampToTimestampTz(SessionZone(context.zone), *us);
  return OrTimeRange(context, us, "date out of range for timestamp");
}
I TimestampTzOfTimestamp(EvalContext& context, I local) {
  return OrTimeRange(context, TimestampToTimestampTz(SessionZone(context.zone), local), "timestamp out of range");
}
I TimestampOfTimestampTz(EvalContext& context, I us) {
  return OrTimeRange(context, TimestampTzToTimestamp(SessionZone(context.zone), us), "timestamp out of range");
}
// Local time even where it is beyond the range of timestamps.
I LocalOf(EvalContext& context, I us) { return IsInfinite(us) ? us : ToLocal(SessionZone(context.zone), us); }

I DateOfTimestamp(I us) { return TimestampToDate(us); }
I DateOfTimestampTz(EvalContext& context, I us) { return TimestampToDate(LocalOf(context, us)); }
std::optional<I> TimeOfTimestamp(I us) { return IsInfinite(us) ? std::nullopt : std::optional(FloorMod(us, kDayUs)); }
std::optional<I> TimeOfTimestampTz(EvalContext& context, I us) { return TimeOfTimestamp(LocalOf(context, us)); }
std::optional<Wide> TimeTzOfTimestampTz(EvalContext& context, I us) {
  if (IsInfinite(us)) return std::nullopt;
  return Wide{FloorMod(LocalOf(context, us), kDayUs), OffsetAt(SessionZone(context.zone), us), 0};
}
// The offset that the session's zone has today at that time.
Wide TimeTzOfTime(EvalContext& context, I time) {
  const TimeZone& zone = SessionZone(context.zone);
  if (const auto offset = zone.OnlyOffset()) return {time, *offset, 0};
  if (!NeedsNow(context, "a time in a time zone that changes its offset")) return {};
  const I today = FloorDiv(ToLocal(zone, context.now_us), kDayUs) * kDayUs;
  return {time, OffsetOfLocal(zone, today + time), 0};
}
I TimeOfTimeTz(Wide time) { return time.us; }
Wide IntervalOfTime(I time) { return {time, 0, 0}; }
I TimeOfInterval(Wide interval) { return FloorMod(interval.us, kDayUs); }

const Cast kTimeCasts[] = {
    {kDate, kTs, kImplicit, kLift<TimestampOfDate>},
    {kDate, kTsTz, kImplicit, kLift<TimestampTzOfDate>, kStable},
    {kTime, kInterval, kImplicit, kLift<IntervalOfTime>},
    {kTime, kTimeTz, kImplicit, kLift<TimeTzOfTime>, kStable},
    {kTs, kDate, kAssignment, kLift<DateOfTimestamp>},
    {kTs, kTime, kAssignment, kLift<TimeOfTimestamp>},
    {kTs, kTsTz, kImplicit, kLift<TimestampTzOfTimestamp>, kStable},
    {kTsTz, kDate, kAssignment, kLift<DateOfTimestampTz>, kStable},
    {kTsTz, kTime, kAssignment, kLift<TimeOfTimestampTz>, kStable},
    {kTsTz, kTs, kAssignment, kLift<TimestampOfTimestampTz>, kStable},
    {kTsTz, kTimeTz, kAssignment, kLift<TimeTzOfTimestampTz>, kStable},
    {kInterval, kTime, kAssignment, kLift<TimeOfInterval>},
    {kTimeTz, kTime, kAssignment, kLift<TimeOfTimeTz>},
};

}  // namespace

std::span<const Cast> TimeCasts() { return kTimeCasts; }

}  // namespace headgate::sql
