#include "connectors/mysql/gtid_set.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "core/base/bytes.h"
#include "core/base/encoding.h"

namespace headgate::mysql {
namespace {

using Interval = GtidSet::Interval;

constexpr std::uint64_t kNumberMax = std::numeric_limits<std::int64_t>::max() - 1;  // of the server
constexpr std::size_t kUuidTextBytes = 36;
constexpr std::size_t kTagMax = 32;

using Uuid = decltype(GtidSource::uuid);

// This, and the numbers behind it, are written for every transaction.
void AppendUuid(std::string& out, const Uuid& uuid) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  char text[kUuidTextBytes];
  char* to = text;
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *to++ = '-';
    *to++ = kDigits[uuid[i] >> 4];
    *to++ = kDigits[uuid[i] & 15];
  }
  out.append(text, sizeof text);
}

std::string Text(const Gtid& gtid, char between) {
  constexpr std::size_t kNumberDigits = 20;
  std::string text;
  text.reserve(kUuidTextBytes + gtid.source.tag.size() + 2 + kNumberDigits);
  AppendUuid(text, gtid.source.uuid);
  text += between;
  if (!gtid.source.tag.empty()) (text += gtid.source.tag) += between;
  char number[kNumberDigits];
  text.append(number, std::to_chars(number, std::end(number), gtid.number).ptr);
  return text;
}

// With hyphens at their places or without any, as servers read it.
std::optional<Uuid> ReadUuid(std::string_view text) {
  std::string hex;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool place = i == 8 || i == 13 || i == 18 || i == 23;
    if (text.size() == kUuidTextBytes && place != (text[i] == '-')) return std::nullopt;
    if (text[i] != '-') hex += text[i];
  }
  Uuid uuid;
  const auto bytes = FromHex(hex);
  if (!bytes || bytes->size() != uuid.size()) return std::nullopt;
  std::ranges::copy(*bytes, uuid.begin());
  return uuid;
}

bool IsTag(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  return !text.empty() && text.size() <= kTagMax && letter(text[0]) &&
         std::ranges::all_of(text, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

std::optional<std::uint64_t> ReadNumber(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > kNumberMax) return std::nullopt;
  return number;
}

std::optional<Interval> ReadInterval(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = ReadNumber(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : ReadNumber(text.substr(dash + 1));
  if (!first || !last || *first == 0) return std::nullopt;
  return Interval{*first, *last};
}

// Without blanks, in lower case.
std::string Plain(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') continue;
    plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return plain;
}

std::vector<std::string_view> Split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t end = std::min(text.find(by, from), text.size());
    parts.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return parts;
}

Error NoSet(std::string_view text, std::string_view part) {
  return ConfigError("\"" + std::string(text.substr(0, 200)) + "\" is no set of GTIDs: \"" +
                     std::string(part.substr(0, 100)) + "\" in it is neither server UUID, tag, nor interval");
}

// One source's part: uuid:1-3:tag:5.
Status ReadPart(std::string_view text, std::string_view part, GtidSet& set) {
  const std::vector<std::string_view> fields = Split(part, ':');
  const auto uuid = ReadUuid(fields[0]);
  if (!uuid || fields.size() == 1) return NoSet(text, fields[0]);
  GtidSource source{*uuid, ""};
  for (std::size_t i = 1; i < fields.size(); ++i) {
    if (IsTag(fields[i])) {
      source.tag = fields[i];
      continue;
    }
    const auto interval = ReadInterval(fields[i]);
    if (!interval) return NoSet(text, fields[i]);
    set.Add(source, *interval);
  }
  return Ok();
}

constexpr std::uint64_t kTagged = 1;  // of the forms of a set in bytes

}  // namespace

std::string ToText(const Gtid& gtid) { return Text(gtid, ':'); }
std::string IdOf(const Gtid& gtid) { return Text(gtid, '-'); }

Result<GtidSet> GtidSet::Parse(std::string_view text) {
  GtidSet set;
  const std::string plain = Plain(text);
  for (const std::string_view part : Split(plain, ',')) {
    if (!part.empty()) HG_RETURN_IF_ERROR(ReadPart(text, part, set));
  }
  return set;
}

Result<GtidSet> GtidSet::Decode(std::string_view bytes) {
  const auto broken = [] { return Corrupt("a set of GTIDs from the server makes no sense"); };
  ByteReader in(bytes);
  const auto head = in.Fixed<std::uint64_t>();
  const std::uint64_t form = head >> 56;
  if (form > kTagged) return broken();
  const std::uint64_t sources = form == kTagged ? (head >> 8) & 0xffff'ffff'ffff : head;
  GtidSet set;
  for (std::uint64_t i = 0; i < sources && !in.failed(); ++i) {
    GtidSource source{in.Fixed<Uuid>(), ""};
    if (form == kTagged) {
      const std::uint8_t twice = in.Byte();  // a number of their serialization: up to 127 in one byte
      source.tag = in.Take(twice / 2U);
      if (twice % 2 != 0 || (!source.tag.empty() && !IsTag(source.tag))) return broken();
    }
    const auto count = in.Fixed<std::uint64_t>();
    for (std::uint64_t n = 0; n < count && !in.failed(); ++n) {
      const auto first = in.Fixed<std::uint64_t>();
      const auto end = in.Fixed<std::uint64_t>();
      if (first == 0 || end <= first || end > kNumberMax + 1) return broken();
      set.Add(source, {first, end - 1});
    }
  }
  if (in.failed() || !in.done()) return broken();
  return set;
}

std::string GtidSet::ToText() const {
  std::string text;
  const Uuid* uuid = nullptr;
  for (const auto& [source, intervals] : intervals_) {
    if (uuid == nullptr || *uuid != source.uuid) {
      if (uuid != nullptr) text += ',';
      AppendUuid(text, source.uuid);
    }
    uuid = &source.uuid;
    if (!source.tag.empty()) text += ":" + source.tag;
    for (const Interval& interval : intervals) {
      text += ":" + std::to_string(interval.first);
      if (interval.last > interval.first) text += "-" + std::to_string(interval.last);
    }
  }
  return text;
}

std::string GtidSet::Encode() const {
  const bool tagged = std::ranges::any_of(intervals_, [](const auto& of) { return !of.first.tag.empty(); });
  std::string out;
  PutFixed<std::uint64_t>(out, tagged ? kTagged << 56 | intervals_.size() << 8 | kTagged : intervals_.size());
  for (const auto& [source, intervals] : intervals_) {
    PutFixed(out, source.uuid);
    if (tagged) {
      out += static_cast<char>(2 * source.tag.size());
      out += source.tag;
    }
    PutFixed<std::uint64_t>(out, intervals.size());
    for (const Interval& interval : intervals) {
      PutFixed<std::uint64_t>(out, interval.first);
      PutFixed<std::uint64_t>(out, interval.last + 1);
    }
  }
  return out;
}

std::uint64_t GtidSet::count() const {
  std::uint64_t count = 0;
  for (const auto& [source, intervals] : intervals_) {
    for (const Interval& interval : intervals) count += interval.last - interval.first + 1;
  }
  return count;
}

bool GtidSet::Contains(const Gtid& gtid) const {
  const auto found = intervals_.find(gtid.source);
  return found != intervals_.end() && std::ranges::any_of(found->second, [&](const Interval& interval) {
           return interval.first <= gtid.number && gtid.number <= interval.last;
         });
}

bool GtidSet::Contains(const GtidSet& other) const {
  GtidSet rest = other;
  rest.Subtract(*this);
  return rest.empty();
}

void GtidSet::Add(const GtidSet& other) {
  for (const auto& [source, intervals] : other.intervals_) {
    for (const Interval& interval : intervals) Add(source, interval);
  }
}

// Merges it with those that it touches.
void GtidSet::Add(const GtidSource& source, Interval interval) {
  if (interval.last < interval.first) return;
  std::vector<Interval>& all = intervals_[source];
  if (!all.empty() && all.back().last + 1 == interval.first) {  // the next transaction of a running server
    all.back().last = interval.last;
    return;
  }
  const auto from = std::ranges::lower_bound(all, interval.first, {}, [](const Interval& i) { return i.last + 1; });
  auto to = from;
  for (; to != all.end() && to->first <= interval.last + 1; ++to) {
    interval.first = std::min(interval.first, to->first);
    interval.last = std::max(interval.last, to->last);
  }
  all.insert(all.erase(from, to), interval);
}

void GtidSet::Subtract(const GtidSet& other) {
  for (const auto& [source, gone] : other.intervals_) {
    const auto found = intervals_.find(source);
    if (found == intervals_.end()) continue;
    std::vector<Interval> rest;
    for (Interval left : found->second) {
      for (const Interval& out : gone) {
        if (out.last < left.first || out.first > left.last) continue;
        if (out.first > left.first) rest.push_back({left.first, out.first - 1});
        left.first = out.last + 1;
        if (left.first > left.last) break;
      }
      if (left.first <= left.last) rest.push_back(left);
    }
    if (rest.empty()) {
      intervals_.erase(found);
    } else {
      found->second = std::move(rest);
    }
  }
}

GtidSet GtidSet::Common(const GtidSet& other) const {
  GtidSet not_in_other = *this;
  not_in_other.Subtract(other);
  GtidSet common = *this;
  common.Subtract(not_in_other);
  return common;
}

}  // namespace headgate::mysql
