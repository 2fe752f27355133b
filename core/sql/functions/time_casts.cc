#include "core/sql/cast.h"
#include "core/sql/functions/time_errors.h"
#include "core/sql/lift.h"

// Casts among dates, times and intervals, in the contexts of pg_cast. Digits of a second are cut by the modifier
// afterwards.
namespace headgate::sql {
namespace {

using I = std::int64_t;

I Checked(EvalContext& context, const std::optional<I>& us, const char* message) {
  return us ? *us : TimeRange<I>(context, message);
}

I TimestampOfDate(EvalContext& context, I days) {
  return Checked(context, DateToTimestamp(days), "date out of range for timestamp");
}
I TimestampTzOfDate(EvalContext& context, I days) {
  auto us = DateToTimestamp(days);
  if (us) us = TimestampToTimestampTz(SessionZone(context.zone), *us);
  return Checked(context, us, "date out of range for timestamp");
}
I TimestampTzOfTimestamp(EvalContext& context, I local) {
  return Checked(context, TimestampToTimestampTz(SessionZone(context.zone), local), "timestamp out of range");
}
I TimestampOfTimestampTz(EvalContext& context, I us) {
  return Checked(context, TimestampTzToTimestamp(SessionZone(context.zone), us), "timestamp out of range");
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

constexpr TypeId kD = TypeId::kDate;
constexpr TypeId kT = TypeId::kTime;
constexpr TypeId kTz = TypeId::kTimeTz;
constexpr TypeId kS = TypeId::kTimestamp;
constexpr TypeId kStz = TypeId::kTimestampTz;
constexpr TypeId kIv = TypeId::kInterval;
constexpr auto kImplicit = CastContext::kImplicit;
constexpr auto kAssignment = CastContext::kAssignment;
constexpr auto kZoned = Volatility::kStable;

const Cast kTable[] = {
    {kD, kS, kImplicit, kLift<TimestampOfDate>},
    {kD, kStz, kImplicit, kLift<TimestampTzOfDate>, kZoned},
    {kT, kIv, kImplicit, kLift<IntervalOfTime>},
    {kT, kTz, kImplicit, kLift<TimeTzOfTime>, kZoned},
    {kS, kD, kAssignment, kLift<DateOfTimestamp>},
    {kS, kT, kAssignment, kLift<TimeOfTimestamp>},
    {kS, kStz, kImplicit, kLift<TimestampTzOfTimestamp>, kZoned},
    {kStz, kD, kAssignment, kLift<DateOfTimestampTz>, kZoned},
    {kStz, kT, kAssignment, kLift<TimeOfTimestampTz>, kZoned},
    {kStz, kS, kAssignment, kLift<TimestampOfTimestampTz>, kZoned},
    {kStz, kTz, kAssignment, kLift<TimeTzOfTimestampTz>, kZoned},
    {kIv, kT, kAssignment, kLift<TimeOfInterval>},
    {kTz, kT, kAssignment, kLift<TimeOfTimeTz>},
};

}  // namespace

std::span<const Cast> TimeCasts() { return kTable; }

}  // namespace headgate::sql
