#include <algorithm>
#include <span>

#include "core/sql/time_parse.h"

namespace headgate::sql {
namespace {

constexpr std::size_t kSignificant = 10;
using WordKind = TimeWordKind;
using Unit = TimeUnit;
using Reserved = ReservedTime;

constexpr TimeWord OfUnit(std::string_view name, Unit unit) { return {name, WordKind::kUnit, static_cast<int>(unit)}; }
constexpr TimeWord OfReserved(std::string_view name, Reserved what) {
  return {name, WordKind::kReserved, static_cast<int>(what)};
}

// Both sorted by name.
constexpr TimeWord kTimeWords[] = {
    OfReserved("-infinity", Reserved::kMinusInfinity),
    {"ad", WordKind::kEra, 0},
    OfReserved("allballs", Reserved::kZulu),
    {"am", WordKind::kAmPm, 0},
    {"apr", WordKind::kMonth, 4},
    {"april", WordKind::kMonth, 4},
    {"at", WordKind::kIgnored},
    {"aug", WordKind::kMonth, 8},
    {"august", WordKind::kMonth, 8},
    {"bc", WordKind::kEra, 1},
    OfUnit("d", Unit::kDay),
    {"dec", WordKind::kMonth, 12},
    {"december", WordKind::kMonth, 12},
    OfUnit("dow", Unit::kDayOfWeek),
    OfUnit("doy", Unit::kDayOfYear),
    {"dst", WordKind::kDaylightSaving, 3600},
    OfReserved("epoch", Reserved::kEpoch),
    {"feb", WordKind::kMonth, 2},
    {"february", WordKind::kMonth, 2},
    {"fri", WordKind::kWeekday, 5},
    {"friday", WordKind::kWeekday, 5},
    OfUnit("h", Unit::kHour),
    OfReserved("infinity", Reserved::kInfinity),
    OfUnit("isodow", Unit::kIsoDayOfWeek),
    OfUnit("isoyear", Unit::kIsoYear),
    OfUnit("j", Unit::kJulian),
    {"jan", WordKind::kMonth, 1},
    {"january", WordKind::kMonth, 1},
    OfUnit("jd", Unit::kJulian),
    {"jul", WordKind::kMonth, 7},
    OfUnit("julian", Unit::kJulian),
    {"july", WordKind::kMonth, 7},
    {"jun", WordKind::kMonth, 6},
    {"june", WordKind::kMonth, 6},
    OfUnit("m", Unit::kMonth),
    {"mar", WordKind::kMonth, 3},
    {"march", WordKind::kMonth, 3},
    {"may", WordKind::kMonth, 5},
    OfUnit("mm", Unit::kMinute),
    {"mon", WordKind::kWeekday, 1},
    {"monday", WordKind::kWeekday, 1},
    {"nov", WordKind::kMonth, 11},
    {"november", WordKind::kMonth, 11},
    OfReserved("now", Reserved::kNow),
    {"oct", WordKind::kMonth, 10},
    {"october", WordKind::kMonth, 10},
    {"on", WordKind::kIgnored},
    {"pm", WordKind::kAmPm, 1},
    OfUnit("s", Unit::kSecond),
    {"sat", WordKind::kWeekday, 6},
    {"saturday", WordKind::kWeekday, 6},
    {"sep", WordKind::kMonth, 9},
    {"sept", WordKind::kMonth, 9},
    {"september", WordKind::kMonth, 9},
    {"sun", WordKind::kWeekday, 0},
    {"sunday", WordKind::kWeekday, 0},
    {"t", WordKind::kTimeFollows},
    {"thu", WordKind::kWeekday, 4},
    {"thur", WordKind::kWeekday, 4},
    {"thurs", WordKind::kWeekday, 4},
    {"thursday", WordKind::kWeekday, 4},
    OfReserved("today", Reserved::kToday),
    OfReserved("tomorrow", Reserved::kTomorrow),
    {"tue", WordKind::kWeekday, 2},
    {"tues", WordKind::kWeekday, 2},
    {"tuesday", WordKind::kWeekday, 2},
    {"wed", WordKind::kWeekday, 3},
    {"wednesday", WordKind::kWeekday, 3},
    {"weds", WordKind::kWeekday, 3},
    OfUnit("y", Unit::kYear),
    OfReserved("yesterday", Reserved::kYesterday),
};
static_assert(std::ranges::is_sorted(kTimeWords, {}, &TimeWord::name));

constexpr TimeWord kUnitWords[] = {
    {"@", WordKind::kIgnored},
    {"ago", WordKind::kAgo},
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
