#include "core/sql/functions/tables.h"
#include "core/sql/functions/time_errors.h"
#include "core/sql/lift.h"

// (a, b) OVERLAPS (c, d): whether two periods share a moment. A period's end is not part of it, an empty one is a
// moment; it may be given by either end or by a length.
namespace headgate::sql {
namespace {

using I = std::optional<std::int64_t>;
using W = std::optional<Wide>;
using B = std::optional<bool>;

bool Less(std::int64_t a, std::int64_t b) { return a < b; }
bool Less(const Wide& a, const Wide& b) { return CompareTimeTz(a, b) < 0; }

template <class T>
B Overlap(std::optional<T> start1, std::optional<T> end1, std::optional<T> start2, std::optional<T> end2) {
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
    return end2 ? B(false) : std::nullopt;
  }
  return end1 && end2 ? B(true) : std::nullopt;
}

struct TimePlus {
  static I Of(EvalContext&, I start, W length) {
    if (!start || !length) return std::nullopt;
    return FloorMod(*start + length->us % kDayUs, kDayUs);
  }
};
struct TimestampPlus {
  static I Of(EvalContext& context, I start, W length) {
    if (!start || !length) return std::nullopt;
    const auto end = AddInterval(*start, *length);
    return end ? *end : TimeRange<std::int64_t>(context, "timestamp out of range");
  }
};
struct TimestampTzPlus {
  static I Of(EvalContext& context, I start, W length) {
    if (!start || !length) return std::nullopt;
    const auto end = AddInterval(SessionZone(context.zone), *start, *length);
    return end ? *end : TimeRange<std::int64_t>(context, "timestamp out of range");
  }
};

B Ends(I a, I b, I c, I d) { return Overlap(a, b, c, d); }
B TimeTzEnds(W a, W b, W c, W d) { return Overlap(a, b, c, d); }
template <class Plus>
B Lengths(EvalContext& context, I a, W b, I c, W d) {
  return Overlap(a, Plus::Of(context, a, b), c, Plus::Of(context, c, d));
}
template <class Plus>
B LengthAndEnd(EvalContext& context, I a, W b, I c, I d) {
  return Overlap(a, Plus::Of(context, a, b), c, d);
}
template <class Plus>
B EndAndLength(EvalContext& context, I a, I b, I c, W d) {
  return Overlap(a, b, c, Plus::Of(context, c, d));
}

constexpr TypeId kT = TypeId::kTime;
constexpr TypeId kTz = TypeId::kTimeTz;
constexpr TypeId kS = TypeId::kTimestamp;
constexpr TypeId kStz = TypeId::kTimestampTz;
constexpr TypeId kIv = TypeId::kInterval;
constexpr auto kZoned = Volatility::kStable;

const Function kTable[] = {
    {"overlaps", {kT, kT, kT, kT}, TypeId::kBool, kLiftNull<Ends>},
    {"overlaps", {kS, kS, kS, kS}, TypeId::kBool, kLiftNull<Ends>},
    {"overlaps", {kStz, kStz, kStz, kStz}, TypeId::kBool, kLiftNull<Ends>},
    {"overlaps", {kTz, kTz, kTz, kTz}, TypeId::kBool, kLiftNull<TimeTzEnds>},
    {"overlaps", {kT, kIv, kT, kIv}, TypeId::kBool, kLiftNull<Lengths<TimePlus>>},
    {"overlaps", {kT, kIv, kT, kT}, TypeId::kBool, kLiftNull<LengthAndEnd<TimePlus>>},
    {"overlaps", {kT, kT, kT, kIv}, TypeId::kBool, kLiftNull<EndAndLength<TimePlus>>},
    {"overlaps", {kS, kIv, kS, kIv}, TypeId::kBool, kLiftNull<Lengths<TimestampPlus>>},
    {"overlaps", {kS, kIv, kS, kS}, TypeId::kBool, kLiftNull<LengthAndEnd<TimestampPlus>>},
    {"overlaps", {kS, kS, kS, kIv}, TypeId::kBool, kLiftNull<EndAndLength<TimestampPlus>>},
    {"overlaps", {kStz, kIv, kStz, kIv}, TypeId::kBool, kLiftNull<Lengths<TimestampTzPlus>>, false, kZoned},
    {"overlaps", {kStz, kIv, kStz, kStz}, TypeId::kBool, kLiftNull<LengthAndEnd<TimestampTzPlus>>, false, kZoned},
    {"overlaps", {kStz, kStz, kStz, kIv}, TypeId::kBool, kLiftNull<EndAndLength<TimestampTzPlus>>, false, kZoned},
};

}  // namespace

std::span<const Function> TimeOverlapsFunctions() { return kTable; }

}  // namespace headgate::sql
