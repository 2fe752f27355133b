#include "core/sql/time_zone.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "core/base/time_text.h"
#include "core/sql/time_value.h"

namespace headgate::sql {
namespace {

constexpr std::int64_t kDaySeconds = 86'400;
constexpr std::size_t kCacheMax = 512;
constexpr std::size_t kFileMax = 1 << 20;
constexpr std::size_t kNameMax = 255;
const char* const kDatabase = "/usr/share/zoneinfo";

bool Leap(std::int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

// Big-endian numbers from the left; reads beyond the end fail.
class ZoneFileReader {
 public:
  explicit ZoneFileReader(std::string_view bytes) : bytes_(bytes) {}
  std::int64_t Number(std::size_t size) {
    const std::string_view raw = Take(size);
    std::uint64_t v = 0;
    for (const char c : raw) v = v << 8 | static_cast<unsigned char>(c);
    return size == 4 ? static_cast<std::int32_t>(v) : static_cast<std::int64_t>(v);
  }
  std::string_view Take(std::size_t size) {
    if (size > bytes_.size() - at_) failed_ = true;
    if (failed_) return {};
    at_ += size;
    return bytes_.substr(at_ - size, size);
  }
  std::string_view rest() const { return bytes_.substr(at_); }
  bool failed() const { return failed_; }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

struct Counts {
  std::size_t is_utc, is_standard, leaps, transitions, kinds, characters;
  std::size_t Bytes(std::size_t time) const {
    return transitions * (time + 1) + kinds * 6 + characters + leaps * (time + 4) + is_standard + is_utc;
  }
};

bool ReadHeader(ZoneFileReader& in, char& version, Counts& counts) {
  if (in.Take(4) != "TZif") return false;
  const std::string_view rest = in.Take(16);
  if (in.failed()) return false;
  version = rest[0];
  for (std::size_t* count :
       {&counts.is_utc, &counts.is_standard, &counts.leaps, &counts.transitions, &counts.kinds, &counts.characters}) {
    *count = static_cast<std::uint32_t>(in.Number(4));
    if (*count > kFileMax) return false;
  }
  return !in.failed() && counts.kinds > 0;
}

std::optional<std::string> ReadWhole(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in || bytes.size() > kFileMax) return std::nullopt;
  return bytes;
}

bool SameName(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

// The file of a zone whatever the case of its name; names of a part that begin with a dot are none.
std::optional<std::string> ReadZoneFile(std::string_view name) {
  std::filesystem::path path = kDatabase;
  while (true) {
    const std::size_t slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    if (part.empty() || part[0] == '.') return std::nullopt;
    std::error_code error;
    bool found = false;
    for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
      const std::string file = entry.path().filename();
      if (!SameName(file, part)) continue;
      path = entry.path();
      found = true;
      break;
    }
    if (!found) return std::nullopt;
    if (slash == std::string_view::npos) break;
    name.remove_prefix(slash + 1);
  }
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return std::nullopt;
  return ReadWhole(path);
}

std::shared_ptr<const TimeZone> Load(std::string_view name) {
  if (name.empty() || name.size() > kNameMax) return nullptr;
  if (const auto bytes = ReadZoneFile(name)) {
    if (auto zone = TimeZone::FromFile(*bytes)) return zone;
  }
  if (SameName(name, "utc") || SameName(name, "gmt")) return TimeZone::Fixed(0, SameName(name, "utc") ? "UTC" : "GMT");
  std::string upper(name);
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return TimeZone::FromPosix(upper);
}

}  // namespace

// Reads std offset [dst [offset] [,start,end]], as POSIX describes the variable TZ.
class PosixReader {
 public:
  explicit PosixReader(std::string_view text) : text_(text) {}

  bool Read(TimeZone& zone) {
    TimeZone::Kind standard;
    if (!Name(standard.abbreviation) || !Offset(standard.offset)) return false;
    standard.offset = -standard.offset;
    zone.kinds_.push_back(standard);
    if (Done()) return true;
    TimeZone::Kind daylight;
    daylight.daylight = true;
    if (!Name(daylight.abbreviation) || daylight.abbreviation.empty()) return false;
    if (Done() || Peek() == ',' || Peek() == ';') {
      daylight.offset = standard.offset + 3600;
    } else {
      if (!Offset(daylight.offset)) return false;
      daylight.offset = -daylight.offset;
    }
    if (Done()) text_ = ",M3.2.0,M11.1.0", at_ = 0;
    if (!(Take(',') || Take(';')) || !Rule(zone.to_daylight_) || !Take(',') || !Rule(zone.to_standard_) || !Done())
      return false;
    zone.kinds_.push_back(daylight);
    zone.has_rule_ = true;
    zone.standard_ = 0;
    zone.daylight_ = 1;
    return true;
  }

 private:
  bool Done() const { return at_ == text_.size(); }
  char Peek() const { return Done() ? '\0' : text_[at_]; }
  bool Take(char c) {
    if (Peek() != c || Done()) return false;
    ++at_;
    return true;
  }
  bool Digit() const { return Peek() >= '0' && Peek() <= '9'; }

  bool Name(std::string& out) {
    if (Take('<')) {
      const std::size_t end = text_.find('>', at_);
      if (end == std::string_view::npos) return false;
      out = text_.substr(at_, end - at_);
      at_ = end + 1;
      return true;
    }
    const std::size_t start = at_;
    while (!Done() && !Digit() && Peek() != ',' && Peek() != '-' && Peek() != '+') ++at_;
    out = text_.substr(start, at_ - start);
    return true;
  }
  bool Number(int& out, int low, int high) {
    if (!Digit()) return false;
    out = 0;
    while (Digit()) {
      out = out * 10 + (text_[at_++] - '0');
      if (out > high) return false;
    }
    return out >= low;
  }
  // [+-]hh[:mm[:ss]]
  bool Offset(std::int32_t& out) {
    const bool negative = Take('-');
    if (!negative) Take('+');
    int hours = 0, minutes = 0, seconds = 0;
    if (!Number(hours, 0, 167)) return false;
    if (Take(':')) {
      if (!Number(minutes, 0, 59)) return false;
      if (Take(':') && !Number(seconds, 0, 60)) return false;
    }
    out = (hours * 60 + minutes) * 60 + seconds;
    if (negative) out = -out;
    return true;
  }
  bool Rule(TimeZone::Change& out) {
    using Form = TimeZone::Change::Form;
    if (Take('J')) {
      out.form = Form::kJulian;
      if (!Number(out.day, 1, 365)) return false;
    } else if (Take('M')) {
      out.form = Form::kWeekday;
      if (!Number(out.month, 1, 12) || !Take('.') || !Number(out.week, 1, 5) || !Take('.') || !Number(out.day, 0, 6))
        return false;
    } else {
      out.form = Form::kDayOfYear;
      if (!Number(out.day, 0, 365)) return false;
    }
    out.second = 7200;
    return !Take('/') || Offset(out.second);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

std::int64_t TimeZone::Change::In(std::int64_t year) const {
  const std::int64_t first = DaysFromCivil(year, 1, 1);
  std::int64_t days = first;
  switch (form) {
    case Form::kJulian:
      days = first + day - 1 + (Leap(year) && day >= 60 ? 1 : 0);
      break;
    case Form::kDayOfYear:
      days = first + day;
      break;
    case Form::kWeekday: {
      days = DaysFromCivil(year, month, 1);
      const std::int64_t weekday = ((days + 4) % 7 + 7) % 7;  // 1970-01-01 was a Thursday
      days += (day - weekday + 7) % 7 + (week - 1) * 7;
      const std::int64_t next_month = month == 12 ? DaysFromCivil(year + 1, 1, 1) : DaysFromCivil(year, month + 1, 1);
      while (days >= next_month) days -= 7;
      break;
    }
  }
  return days * kDaySeconds + second;
}

void TimeZone::RuleTransitions(std::int64_t year, Transition (&out)[2]) const {
  out[0] = {to_daylight_.In(year) - kinds_[standard_].offset, daylight_};
  out[1] = {to_standard_.In(year) - kinds_[daylight_].offset, standard_};
  if (out[1].at < out[0].at) std::swap(out[0], out[1]);
}

std::optional<TimeZone::Transition> TimeZone::NextAfter(std::int64_t moment) const {
  const auto next = std::ranges::upper_bound(transitions_, moment, {}, &Transition::at);
  if (next != transitions_.end()) return *next;
  if (!has_rule_) return std::nullopt;
  const std::int64_t year = CivilFromDays(FloorDiv(moment, kDaySeconds)).year;
  for (std::int64_t y = year - 1; y <= year + 2; ++y) {
    Transition changes[2];
    RuleTransitions(y, changes);
    for (const Transition& change : changes) {
      if (change.at > moment) return change;
    }
  }
  return std::nullopt;
}

std::size_t TimeZone::KindAt(std::int64_t moment) const {
  const auto next = std::ranges::upper_bound(transitions_, moment, {}, &Transition::at);
  const bool beyond = next == transitions_.end();
  if (!beyond || !has_rule_) return next == transitions_.begin() ? 0 : std::prev(next)->kind;
  std::size_t kind = transitions_.empty() ? standard_ : transitions_.back().kind;
  const std::int64_t year = CivilFromDays(FloorDiv(moment, kDaySeconds)).year;
  for (std::int64_t y = year - 1; y <= year + 1; ++y) {
    Transition changes[2];
    RuleTransitions(y, changes);
    for (const Transition& change : changes) {
      const bool counts = transitions_.empty() || change.at > transitions_.back().at;
      if (counts && change.at <= moment) kind = change.kind;
    }
  }
  return kind;
}

const TimeZone::Kind& TimeZone::At(std::int64_t moment) const { return kinds_[KindAt(moment)]; }

// Two readings of the local time are possible around the one change that can lie within a day of it.
std::int32_t TimeZone::OffsetOfLocal(std::int64_t local) const {
  const std::int64_t day_before = local - kDaySeconds;
  const std::int32_t before = kinds_[KindAt(day_before)].offset;
  const auto change = NextAfter(day_before);
  if (!change) return before;
  const std::int32_t after = kinds_[change->kind].offset;
  const std::int64_t as_before = local - before;
  const std::int64_t as_after = local - after;
  if (as_before < change->at && as_after < change->at) return before;
  if (as_before > change->at && as_after >= change->at) return after;
  return as_before > as_after ? before : after;
}

std::optional<std::int32_t> TimeZone::OnlyOffset() const {
  for (const Kind& kind : kinds_) {
    if (kind.offset != kinds_[0].offset) return std::nullopt;
  }
  return kinds_[0].offset;
}

std::optional<std::int32_t> TimeZone::OffsetOfAbbreviation(std::string_view upper, std::int64_t moment) const {
  const auto cut = std::ranges::upper_bound(transitions_, moment, {}, &Transition::at);
  for (auto at = cut; at != transitions_.begin();) {
    --at;
    if (kinds_[at->kind].abbreviation == upper) return kinds_[at->kind].offset;
  }
  if (kinds_[0].abbreviation == upper) return kinds_[0].offset;
  for (auto at = cut; at != transitions_.end(); ++at) {
    if (kinds_[at->kind].abbreviation == upper) return kinds_[at->kind].offset;
  }
  if (has_rule_) {
    for (const std::size_t kind : {standard_, daylight_}) {
      if (kinds_[kind].abbreviation == upper) return kinds_[kind].offset;
    }
  }
  return std::nullopt;
}

std::shared_ptr<const TimeZone> TimeZone::Fixed(std::int32_t offset, std::string abbreviation) {
  auto zone = std::make_shared<TimeZone>();
  zone->kinds_.push_back({offset, false, std::move(abbreviation)});
  return zone;
}

std::shared_ptr<const TimeZone> TimeZone::FromPosix(std::string_view text) {
  auto zone = std::make_shared<TimeZone>();
  return PosixReader(text).Read(*zone) ? zone : nullptr;
}

std::shared_ptr<const TimeZone> TimeZone::FromFile(std::string_view bytes) {
  ZoneFileReader in(bytes);
  char version = 0;
  Counts counts{};
  if (!ReadHeader(in, version, counts)) return nullptr;
  std::size_t time = 4;
  if (version >= '2') {  // the same again with eight bytes a moment
    in.Take(counts.Bytes(4));
    if (!ReadHeader(in, version, counts)) return nullptr;
    time = 8;
  }
  auto zone = std::make_shared<TimeZone>();
  zone->transitions_.resize(counts.transitions);
  for (Transition& transition : zone->transitions_) transition.at = in.Number(time);
  for (Transition& transition : zone->transitions_) {
    transition.kind = static_cast<std::size_t>(in.Number(1));
    if (transition.kind >= counts.kinds) return nullptr;
  }
  std::vector<std::size_t> names(counts.kinds);
  zone->kinds_.resize(counts.kinds);
  for (std::size_t i = 0; i < counts.kinds; ++i) {
    zone->kinds_[i].offset = static_cast<std::int32_t>(in.Number(4));
    zone->kinds_[i].daylight = in.Number(1) != 0;
    names[i] = static_cast<std::size_t>(in.Number(1));
  }
  const std::string_view characters = in.Take(counts.characters);
  in.Take(counts.leaps * (time + 4) + counts.is_standard + counts.is_utc);
  if (in.failed()) return nullptr;
  for (std::size_t i = 0; i < counts.kinds; ++i) {
    if (names[i] >= characters.size()) return nullptr;
    const std::string_view name = characters.substr(names[i]);
    zone->kinds_[i].abbreviation = name.substr(0, name.find('\0'));
  }
  const std::string_view footer = in.rest();
  if (time == 8 && footer.size() > 2 && footer.front() == '\n') {
    TimeZone rule;
    const std::size_t end = footer.find('\n', 1);
    if (end != std::string_view::npos && PosixReader(footer.substr(1, end - 1)).Read(rule) && rule.has_rule_) {
      zone->has_rule_ = true;
      zone->standard_ = zone->kinds_.size();
      zone->daylight_ = zone->standard_ + 1;
      zone->kinds_.insert(zone->kinds_.end(), rule.kinds_.begin(), rule.kinds_.end());
      zone->to_daylight_ = rule.to_daylight_;
      zone->to_standard_ = rule.to_standard_;
    }
  }
  return zone;
}

std::shared_ptr<const TimeZone> TimeZone::Find(std::string_view name) {
  // Names come from rows, so what is kept has a bound; names that are none are kept too.
  thread_local std::map<std::string, std::shared_ptr<const TimeZone>, std::less<>> known;
  if (const auto found = known.find(name); found != known.end()) return found->second;
  if (known.size() >= kCacheMax) known.clear();
  return known.emplace(name, Load(name)).first->second;
}

std::shared_ptr<const TimeZone> TimeZone::FindSetting(std::string_view name) {
  double hours = 0;
  const char* begin = name.data() + (!name.empty() && name[0] == '+' ? 1 : 0);
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(begin, end, hours);
  if (error != std::errc() || stop != end || !(hours > -168 && hours < 168)) return Find(name);
  const auto offset = static_cast<std::int32_t>(hours * 3600);
  const std::int32_t size = std::abs(offset);
  char text[32];
  int length = std::snprintf(text, sizeof text, "%c%02d", offset < 0 ? '-' : '+', size / 3600);
  if (size % 3600 != 0) length += std::snprintf(text + length, 8, ":%02d", size / 60 % 60);
  if (size % 60 != 0) length += std::snprintf(text + length, 8, ":%02d", size % 60);
  return Fixed(offset, std::string(text, static_cast<std::size_t>(length)));
}

}  // namespace headgate::sql
