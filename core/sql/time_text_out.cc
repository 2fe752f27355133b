#include <cstdlib>

#include "core/sql/text_forms.h"
#include "core/sql/time_value.h"

namespace headgate::sql {
namespace {

void AppendPadded(std::string& out, std::int64_t v, std::size_t width) {
  const std::string digits = std::to_string(v);
  if (digits.size() < width) out.append(width - digits.size(), '0');
  out += digits;
}

void AppendDate(std::string& out, const TimeFields& at) {
  AppendPadded(out, at.year > 0 ? at.year : 1 - at.year, 4);
  out.push_back('-');
  AppendPadded(out, at.month, 2);
  out.push_back('-');
  AppendPadded(out, at.day, 2);
}

void AppendEra(std::string& out, const TimeFields& at) {
  if (at.year <= 0) out += " BC";
}

// Hours without a leading part for days; the fraction without trailing zeros.
void AppendTime(std::string& out, std::uint64_t us) {
  AppendPadded(out, static_cast<std::int64_t>(us / kHourUs), 2);
  out.push_back(':');
  AppendPadded(out, static_cast<std::int64_t>(us / kMinuteUs % 60), 2);
  out.push_back(':');
  AppendPadded(out, static_cast<std::int64_t>(us / kSecondUs % 60), 2);
  const auto fraction = static_cast<std::int64_t>(us % kSecondUs);
  if (fraction == 0) return;
  out.push_back('.');
  AppendPadded(out, fraction, 6);
  while (out.back() == '0') out.pop_back();
}

void AppendZone(std::string& out, std::int32_t offset) {
  const std::int32_t size = std::abs(offset);
  out.push_back(offset < 0 ? '-' : '+');
  AppendPadded(out, size / 3600, 2);
  if (size % 3600 == 0) return;
  out.push_back(':');
  AppendPadded(out, size / 60 % 60, 2);
  if (size % 60 == 0) return;
  out.push_back(':');
  AppendPadded(out, size % 60, 2);
}

bool AppendInfinity(std::string& out, std::int64_t v) {
  if (!IsInfinite(v)) return false;
  out += v == kInfinity ? "infinity" : "-infinity";
  return true;
}

// One unit of an interval. After a negative part a positive one shows its sign.
void AppendPart(std::string& out, std::size_t start, std::int64_t v, const char* unit, bool& negative) {
  if (v == 0) return;
  if (out.size() != start) out.push_back(' ');
  if (negative && v > 0) out.push_back('+');
  out += std::to_string(v);
  out.push_back(' ');
  out += unit;
  if (v != 1) out.push_back('s');
  negative = v < 0;
}

void AppendInterval(std::string& out, const Wide& interval) {
  const std::size_t start = out.size();
  bool negative = false;
  AppendPart(out, start, interval.months / 12, "year", negative);
  AppendPart(out, start, interval.months % 12, "mon", negative);
  AppendPart(out, start, interval.days, "day", negative);
  if (out.size() != start && interval.us == 0) return;
  if (out.size() != start) out.push_back(' ');
  if (interval.us < 0) {
    out.push_back('-');
  } else if (negative) {
    out.push_back('+');
  }
  const auto us = static_cast<std::uint64_t>(interval.us);
  AppendTime(out, interval.us < 0 ? 0 - us : us);
}

}  // namespace

void AppendTimeText(std::string& out, Type type, const Datum& value, std::string_view zone) {
  switch (type.id) {
    case TypeId::kDate: {
      if (AppendInfinity(out, value.i)) return;
      TimeFields at;
      at.SetDays(value.i);
      AppendDate(out, at);
      AppendEra(out, at);
      return;
    }
    case TypeId::kTime:
      return AppendTime(out, static_cast<std::uint64_t>(value.i));
    case TypeId::kTimeTz:
      AppendTime(out, static_cast<std::uint64_t>(value.w.us));
      return AppendZone(out, value.w.days);
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz: {
      if (AppendInfinity(out, value.i)) return;
      const bool zoned = type.id == TypeId::kTimestampTz;
      const std::int32_t offset = zoned ? OffsetAt(SessionZone(zone), value.i) : 0;
      const TimeFields at = SplitTimestamp(value.i + offset * kSecondUs);
      AppendDate(out, at);
      out.push_back(' ');
      AppendTime(out, static_cast<std::uint64_t>(at.TimeOfDay()));
      if (zoned) AppendZone(out, offset);
      return AppendEra(out, at);
    }
    case TypeId::kInterval:
      return AppendInterval(out, value.w);
    default:
      return;
  }
}

}  // namespace headgate::sql
