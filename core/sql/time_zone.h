#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace headgate::sql {

// A time zone of the system's database (/usr/share/zoneinfo), or one described by a POSIX text ("EST5EDT",
// "<+02>-2", "+05:30": hours west of Greenwich, with the daylight rules of the USA unless it gives its own). Immutable:
// whoever holds one may read it from any thread. Moments are seconds since 1970, UTC.
class TimeZone {
 public:
  struct Kind {
    std::int32_t offset = 0;  // seconds east of Greenwich
    bool daylight = false;
    std::string abbreviation;
  };

  // By name, in any case; nothing if there is no such zone. Kept per thread, so that asking again is cheap.
  static std::shared_ptr<const TimeZone> Find(std::string_view name);
  // As the setting TimeZone reads it: a plain number counts hours east of Greenwich.
  static std::shared_ptr<const TimeZone> FindSetting(std::string_view name);
  static std::shared_ptr<const TimeZone> Fixed(std::int32_t offset, std::string abbreviation);
  // What a file of the database says; nothing if the bytes are not such a file (RFC 8536).
  static std::shared_ptr<const TimeZone> FromFile(std::string_view bytes);
  static std::shared_ptr<const TimeZone> FromPosix(std::string_view text);

  const Kind& At(std::int64_t moment) const;
  // The offset of a local time, given as if it were UTC. A time that a change to daylight time left out counts with the
  // offset before the change, one that comes twice with the one after it.
  std::int32_t OffsetOfLocal(std::int64_t local) const;
  // The one offset of a zone that never had another.
  std::optional<std::int32_t> OnlyOffset() const;
  // The offset that the zone means by an abbreviation, as of its last use before the moment, else of its first one.
  std::optional<std::int32_t> OffsetOfAbbreviation(std::string_view upper, std::int64_t moment) const;

 private:
  // A day of the year at which a rule changes the offset.
  struct Change {
    enum class Form : std::uint8_t { kJulian, kDayOfYear, kWeekday } form = Form::kWeekday;
    int month = 0, week = 0, day = 0;
    std::int32_t second = 7200;  // of local time
    std::int64_t In(std::int64_t year) const;
  };
  struct Transition {
    std::int64_t at = 0;
    std::size_t kind = 0;
  };
  friend class PosixReader;

  std::optional<Transition> NextAfter(std::int64_t moment) const;
  std::size_t KindAt(std::int64_t moment) const;
  void RuleTransitions(std::int64_t year, Transition (&out)[2]) const;

  std::vector<Kind> kinds_;  // at least one; the first counts before all transitions
  std::vector<Transition> transitions_;
  // What goes on after the last transition, if the zone has daylight time.
  bool has_rule_ = false;
  std::size_t standard_ = 0, daylight_ = 0;
  Change to_daylight_, to_standard_;
};

// What a short name of a zone says: an offset of its own, or a zone of the database whose history decides.
struct ZoneAbbreviation {
  std::string_view name;  // lower case
  std::int32_t offset;    // seconds east of Greenwich
  bool daylight;
  std::string_view zone;  // empty: the offset counts
};
// PostgreSQL's default set of abbreviations; the name in lower case.
const ZoneAbbreviation* FindZoneAbbreviation(std::string_view lower);

}  // namespace headgate::sql
