#include <algorithm>
#include <span>

#include "core/sql/time_parse.h"

namespace headgate::sql {
namespace {

constexpr std::size_t kSignificant = 10;
using Kind = TimeWordKind;
using Unit = TimeUnit;
using Reserved = ReservedTime;

constexpr TimeWord OfUnit(std::string_view name, Unit unit) { return {name, Kind::kUnit, static_cast<int>(unit)}; }
constexpr TimeWord OfReserved(std::string_view name, Reserved what) {
  return {name, Kind::kReserved, static_cast<int>(what)};
}

// Both sorted by name.
constexpr TimeWord kTimeWords[] = {
    OfReserved("-infinity", Reserved::kMinusInfinity),
    {"ad", Kind::kEra, 0},
    OfReserved("allballs", Reserved::kZulu),
    {"am", Kind::kAmPm, 0},
    {"apr", Kind::kMonth, 4},
    {"april", Kind::kMonth, 4},
    {"at", Kind::kIgnored},
    {"aug", Kind::kMonth, 8},
    {"august", Kind::kMonth, 8},
    {"bc", Kind::kEra, 1},
    OfUnit("d", Unit::kDay),
    {"dec", Kind::kMonth, 12},
    {"december", Kind::kMonth, 12},
    OfUnit("dow", Unit::kDayOfWeek),
    OfUnit("doy", Unit::kDayOfYear),
    {"dst", Kind::kDaylightSaving, 3600},
    OfReserved("epoch", Reserved::kEpoch),
    {"feb", Kind::kMonth, 2},
    {"february", Kind::kMonth, 2},
    {"fri", Kind::kWeekday, 5},
    {"friday", Kind::kWeekday, 5},
    OfUnit("h", Unit::kHour),
    OfReserved("infinity", Reserved::kInfinity),
    OfUnit("isodow", Unit::kIsoDayOfWeek),
    OfUnit("isoyear", Unit::kIsoYear),
    OfUnit("j", Unit::kJulian),
    {"jan", Kind::kMonth, 1},
    {"january", Kind::kMonth, 1},
    OfUnit("jd", Unit::kJulian),
    {"jul", Kind::kMonth, 7},
    OfUnit("julian", Unit::kJulian),
    {"july", Kind::kMonth, 7},
    {"jun", Kind::kMonth, 6},
    {"june", Kind::kMonth, 6},
    OfUnit("m", Unit::kMonth),
    {"mar", Kind::kMonth, 3},
    {"march", Kind::kMonth, 3},
    {"may", Kind::kMonth, 5},
    OfUnit("mm", Unit::kMinute),
    {"mon", Kind::kWeekday, 1},
    {"monday", Kind::kWeekday, 1},
    {"nov", Kind::kMonth, 11},
    {"november", Kind::kMonth, 11},
    OfReserved("now", Reserved::kNow),
    {"oct", Kind::kMonth, 10},
    {"october", Kind::kMonth, 10},
    {"on", Kind::kIgnored},
    {"pm", Kind::kAmPm, 1},
    OfUnit("s", Unit::kSecond),
    {"sat", Kind::kWeekday, 6},
    {"saturday", Kind::kWeekday, 6},
    {"sep", Kind::kMonth, 9},
    {"sept", Kind::kMonth, 9},
    {"september", Kind::kMonth, 9},
    {"sun", Kind::kWeekday, 0},
    {"sunday", Kind::kWeekday, 0},
    {"t", Kind::kTimeFollows},
    {"thu", Kind::kWeekday, 4},
    {"thur", Kind::kWeekday, 4},
    {"thurs", Kind::kWeekday, 4},
    {"thursday", Kind::kWeekday, 4},
    OfReserved("today", Reserved::kToday),
    OfReserved("tomorrow", Reserved::kTomorrow),
    {"tue", Kind::kWeekday, 2},
    {"tues", Kind::kWeekday, 2},
    {"tuesday", Kind::kWeekday, 2},
    {"wed", Kind::kWeekday, 3},
    {"wednesday", Kind::kWeekday, 3},
    {"weds", Kind::kWeekday, 3},
    OfUnit("y", Unit::kYear),
    OfReserved("yesterday", Reserved::kYesterday),
};
static_assert(std::ranges::is_sorted(kTimeWords, {}, &TimeWord::name));

constexpr TimeWord kUnitWords[] = {
    {"@", Kind::kIgnored},
    {"ago", Kind::kAgo},
    OfUnit("c", Unit::kCentury),
    OfUnit("cent", Unit::kCentury),
    OfUnit("centuries", Unit::kCentury),
    OfUnit("century", Unit::kCentury),
    OfUnit("d", Unit::kDay),
    OfUnit("day", Unit::kDay),
    OfUnit("days", Unit::kDay),
    OfUnit("dec", Unit::kDecade),
    OfUnit("decade", Unit::kDecade),
    OfUnit("decades", Unit::kDecade),
    OfUnit("decs", Unit::kDecade),
    OfUnit("h", Unit::kHour),
    OfUnit("hour", Unit::kHour),
    OfUnit("hours", Unit::kHour),
    OfUnit("hr", Unit::kHour),
    OfUnit("hrs", Unit::kHour),
    OfUnit("m", Unit::kMinute),
    OfUnit("microsecon", Unit::kMicrosecond),
    OfUnit("mil", Unit::kMillennium),
    OfUnit("millennia", Unit::kMillennium),
    OfUnit("millennium", Unit::kMillennium),
    OfUnit("millisecon", Unit::kMillisecond),
    OfUnit("mils", Unit::kMillennium),
    OfUnit("min", Unit::kMinute),
    OfUnit("mins", Unit::kMinute),
    OfUnit("minute", Unit::kMinute),
    OfUnit("minutes", Unit::kMinute),
    OfUnit("mon", Unit::kMonth),
    OfUnit("mons", Unit::kMonth),
    OfUnit("month", Unit::kMonth),
    OfUnit("months", Unit::kMonth),
    OfUnit("ms", Unit::kMillisecond),
    OfUnit("msec", Unit::kMillisecond),
    OfUnit("mseconds", Unit::kMillisecond),
    OfUnit("msecs", Unit::kMillisecond),
    OfUnit("qtr", Unit::kQuarter),
    OfUnit("quarter", Unit::kQuarter),
    OfUnit("s", Unit::kSecond),
    OfUnit("sec", Unit::kSecond),
    OfUnit("second", Unit::kSecond),
    OfUnit("seconds", Unit::kSecond),
    OfUnit("secs", Unit::kSecond),
    OfUnit("timezone", Unit::kZone),
    OfUnit("timezone_h", Unit::kZoneHour),
    OfUnit("timezone_m", Unit::kZoneMinute),
    OfUnit("us", Unit::kMicrosecond),
    OfUnit("usec", Unit::kMicrosecond),
    OfUnit("usecond", Unit::kMicrosecond),
    OfUnit("useconds", Unit::kMicrosecond),
    OfUnit("usecs", Unit::kMicrosecond),
    OfUnit("w", Unit::kWeek),
    OfUnit("week", Unit::kWeek),
    OfUnit("weeks", Unit::kWeek),
    OfUnit("y", Unit::kYear),
    OfUnit("year", Unit::kYear),
    OfUnit("years", Unit::kYear),
    OfUnit("yr", Unit::kYear),
    OfUnit("yrs", Unit::kYear),
};
static_assert(std::ranges::is_sorted(kUnitWords, {}, &TimeWord::name));

const TimeWord* Find(std::span<const TimeWord> words, std::string_view lower) {
  const std::string_view key = lower.substr(0, kSignificant);
  const auto found = std::ranges::lower_bound(words, key, {}, &TimeWord::name);
  return found != words.end() && found->name == key ? &*found : nullptr;
}

}  // namespace

const TimeWord* FindTimeWord(std::string_view lower) { return Find(kTimeWords, lower); }
const TimeWord* FindUnitWord(std::string_view lower) { return Find(kUnitWords, lower); }

}  // namespace headgate::sql
