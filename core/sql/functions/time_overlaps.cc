#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/functions/time_errors.h"
#include "core/sql/lift.h"

// (a, b) OVERLAPS (c, d): whether two periods share a moment. A period's end is not part of it, an empty one is a
// moment; it may be given by either end or by a length.
namespace headgate::sql {
namespace {

using MaybeInt = std::optional<std::int64_t>;
using MaybeWide = std::optional<Wide>;
using MaybeBool = std::optional<bool>;

bool Less(std::int64_t a, std::int64_t b) { return a < b; }
bool Less(const Wide& a, const Wide& b) { return CompareTimeTz(a, b) < 0; }

template <class T>
MaybeBool Overlap(std::optional<T> start1, std::optional<T> end1, std::optional<T> start2, std::optional<T> end2) {
  for (auto [start, end] : {std::pair{&start1, &end1}, std::pair{&start2, &end2}}) {
    if (!*start || (*end && Less(**end, **start))) std::swap(*start, *end);
    if (!*start) return std::nullopt;
  }
  if (Less(*start2, *start1)) {
    std::swap(start1, start2);
    std::swap(end1, end2);
  }
  if (Less(*start1, *start2)) {  // the later one starts within the earlier, or not at all
    if (!end1) return std::nullopt;
    if (Less(*start2, *end1)) return true;
    return end2 ? MaybeBool(false) : std::nullopt;
  }
  return end1 && end2 ? MaybeBool(true) : std::nullopt;
}

struct TimeEnd {
  static MaybeInt Of(EvalContext&, MaybeInt start, MaybeWide length) {
    if (!start || !length) return std::nullopt;
    return FloorMod(*start + length->us % kDayUs, kDayUs);
  }
};
struct TimestampEnd {
  static MaybeInt Of(EvalContext& context, MaybeInt start, MaybeWide length) {
    if (!start || !length) return std::nullopt;
    const auto end = AddInterval(*start, *length);
    return end ? *end : TimeRange<std::int64_t>(context, "timestamp out of range");
  }
};
struct TimestampTzEnd {
  static MaybeInt Of(EvalContext& context, MaybeInt start, MaybeWide length) {
    if (!start || !length) return std::nullopt;
    const auto end = AddInterval(SessionZone(context.zone), *start, *length);
    return end ? *end : TimeRange<std::int64_t>(context, "timestamp out of range");
  }
};

MaybeBool Ends(MaybeInt a, MaybeInt b, MaybeInt c, MaybeInt d) { return Overlap(a, b, c, d); }
MaybeBool TimeTzEnds(MaybeWide a, MaybeWide b, MaybeWide c, MaybeWide d) { return Overlap(a, b, c, d); }
template <class End>
MaybeBool Lengths(EvalContext& context, MaybeInt a, MaybeWide b, MaybeInt c, MaybeWide d) {
  return Overlap(a, End::Of(context, a, b), c, End::Of(context, c, d));
}
template <class End>
MaybeBool LengthAndEnd(EvalContext& context, MaybeInt a, MaybeWide b, MaybeInt c, MaybeInt d) {
  return Overlap(a, End::Of(context, a, b), c, d);
}
template <class End>
MaybeBool EndAndLength(EvalContext& context, MaybeInt a, MaybeInt b, MaybeInt c, MaybeWide d) {
  return Overlap(a, b, c, End::Of(context, c, d));
}

const Function kTimeOverlapsFunctions[] = {
    {"overlaps", {kTime, kTime, kTime, kTime}, kBool, kLiftNull<Ends>},
    {"overlaps", {kTs, kTs, kTs, kTs}, kBool, kLiftNull<Ends>},
    {"overlaps", {kTsTz, kTsTz, kTsTz, kTsTz}, kBool, kLiftNull<Ends>},
    {"overlaps", {kTimeTz, kTimeTz, kTimeTz, kTimeTz}, kBool, kLiftNull<TimeTzEnds>},
    {"overlaps", {kTime, kInterval, kTime, kInterval}, kBool, kLiftNull<Lengths<TimeEnd>>},
    {"overlaps", {kTime, kInterval, kTime, kTime}, kBool, kLiftNull<LengthAndEnd<TimeEnd>>},
    {"overlaps", {kTime, kTime, kTime, kInterval}, kBool, kLiftNull<EndAndLength<TimeEnd>>},
    {"overlaps", {kTs, kInterval, kTs, kInterval}, kBool, kLiftNull<Lengths<TimestampEnd>>},
    {"overlaps", {kTs, kInterval, kTs, kTs}, kBool, kLiftNull<LengthAndEnd<TimestampEnd>>},
    {"overlaps", {kTs, kTs, kTs, kInterval}, kBool, kLiftNull<EndAndLength<TimestampEnd>>},
    {"overlaps", {kTsTz, kInterval, kTsTz, kInterval}, kBool, kLiftNull<Lengths<TimestampTzEnd>>, false, kStable},
    {"overlaps", {kTsTz, kInterval, kTsTz, kTsTz}, kBool, kLiftNull<LengthAndEnd<TimestampTzEnd>>, false, kStable},
    {"overlaps", {kTsTz, kTsTz, kTsTz, kInterval}, kBool, kLiftNull<EndAndLength<TimestampTzEnd>>, false, kStable},
};

}  // namespace

std::span<const Function> TimeOverlapsFunctions() { return kTimeOverlapsFunctions; }

}  // namespace headgate::sql
