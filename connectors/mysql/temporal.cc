#include "connectors/mysql/temporal.h"

#include <charconv>

#include "core/base/time_text.h"
#include "core/model/value.h"

namespace headgate::mysql {
namespace {

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kMinuteUs = 60 * kSecondUs;
constexpr std::int64_t kHourUs = 60 * kMinuteUs;
constexpr std::int64_t kDayUs = 24 * kHourUs;
constexpr std::int64_t kDaysTo2000 = 10'957;
constexpr unsigned kPowers[] = {1'000'000, 100'000, 10'000, 1'000, 100, 10, 1};

unsigned DaysOf(unsigned year, unsigned month) {
  constexpr unsigned kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return kDays[month - 1] + (month == 2 && leap ? 1 : 0);
}
bool IsDay(const StoredMoment& at) {
  return at.month >= 1 && at.month <= 12 && at.day >= 1 && at.day <= DaysOf(at.year, at.month);
}
bool IsClock(const StoredMoment& at) { return at.hour < 24 && at.minute < 60 && at.second < 60; }

void AppendPadded(std::string& out, std::uint64_t v, std::size_t width) {
  char digits[20];
  const char* const end = std::to_chars(digits, digits + sizeof digits, v).ptr;
  const auto size = static_cast<std::size_t>(end - digits);
  if (size < width) out.append(width - size, '0');
  out.append(digits, size);
}

std::int64_t Since2000(const StoredMoment& at) {
  const std::int64_t days = DaysFromCivil(at.year, static_cast<int>(at.month), static_cast<int>(at.day)) - kDaysTo2000;
  return days * kDayUs + at.hour * kHourUs + at.minute * kMinuteUs + at.second * kSecondUs + at.us;
}

void PutOddMoment(std::string& out, const StoredMoment& at, int digits) {
  std::string text;
  AppendDateText(text, at);
  text.push_back('T');
  AppendClockText(text, at.hour, at.minute, at.second, at.us, digits);
  PutBlob(out, ValueKind::kText, text);
}

std::uint64_t BigEndianBytes(ByteReader& in, int bytes) {
  std::uint64_t v = 0;
  for (int i = 0; i < bytes; ++i) v = v << 8 | in.Byte();
  return v;
}

std::int64_t ClockUs(std::int64_t hms, std::int64_t us) {  // hour in 10 bits, minute and second in 6 each
  return (hms >> 12) * kHourUs + (hms >> 6 & 63) * kMinuteUs + (hms & 63) * kSecondUs + us;
}

// Reads digits up to anything else.
bool TakeNumber(std::string_view& text, unsigned& v) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (ec != std::errc() || end == text.data()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}
bool Take(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

// HH:MM:SS and a fraction, to the end.
bool TakeClock(std::string_view text, unsigned& hour, unsigned& minute, unsigned& second, unsigned& us) {
  if (!TakeNumber(text, hour) || !Take(text, ':') || !TakeNumber(text, minute) || !Take(text, ':') ||
      !TakeNumber(text, second)) {
    return false;
  }
  us = 0;
  if (text.empty()) return true;
  const std::size_t digits = text.size() - 1;
  if (!Take(text, '.') || digits < 1 || digits > 6 || !TakeNumber(text, us)) return false;
  us *= kPowers[digits];
  return text.empty();
}

}  // namespace

void PutMomentAsDate(std::string& out, const StoredMoment& at) {
  if (IsDay(at)) return PutDate(out, DaysFromCivil(at.year, static_cast<int>(at.month), static_cast<int>(at.day)));
  std::string text;
  AppendDateText(text, at);
  PutBlob(out, ValueKind::kText, text);
}

void PutMoment(std::string& out, const StoredMoment& at, int digits) {
  if (!IsDay(at) || !IsClock(at)) return PutOddMoment(out, at, digits);
  PutTimestamp(out, Since2000(at));
}

void PutInstant(std::string& out, const StoredMoment& utc, int digits) {
  if (!IsDay(utc) || !IsClock(utc)) return PutOddMoment(out, utc, digits);
  PutTimestampTz(out, Since2000(utc));
}

void PutInstant(std::string& out, std::uint32_t seconds, std::uint32_t us, int digits) {
  if (seconds == 0 && us == 0) return PutOddMoment(out, {}, digits);
  PutTimestampTz(out, seconds * kSecondUs + us - kEpoch2000Us);
}

StoredMoment ReadDate(ByteReader& in) {
  std::uint32_t v = in.Fixed<std::uint16_t>();
  v |= static_cast<std::uint32_t>(in.Byte()) << 16;
  StoredMoment at;
  at.day = v & 31;
  at.month = v >> 5 & 15;
  at.year = v >> 9;
  return at;
}

std::uint32_t ReadFraction(ByteReader& in, int digits) {
  const int bytes = (digits + 1) / 2;
  const auto v = static_cast<std::uint32_t>(BigEndianBytes(in, bytes));
  return v * kPowers[bytes * 2];
}

StoredMoment ReadDatetime2(ByteReader& in, int digits) {
  const std::uint64_t v = BigEndianBytes(in, 5) & 0x7F'FFFF'FFFF;
  StoredMoment at;
  const auto months = static_cast<unsigned>(v >> 22);
  at.year = months / 13;
  at.month = months % 13;
  at.day = static_cast<unsigned>(v >> 17 & 31);
  at.hour = static_cast<unsigned>(v >> 12 & 31);
  at.minute = static_cast<unsigned>(v >> 6 & 63);
  at.second = static_cast<unsigned>(v & 63);
  at.us = ReadFraction(in, digits);
  return at;
}

StoredMoment ReadOldDatetime(ByteReader& in) {
  const auto v = in.Fixed<std::uint64_t>();  // YYYYMMDDhhmmss in decimal
  const auto part = [&](std::uint64_t divisor, std::uint64_t size) {
    return static_cast<unsigned>(v / divisor % size);
  };
  StoredMoment at;
  at.year = part(10'000'000'000, 10'000);
  at.month = part(100'000'000, 100);
  at.day = part(1'000'000, 100);
  at.hour = part(10'000, 100);
  at.minute = part(100, 100);
  at.second = part(1, 100);
  return at;
}

std::int64_t ReadTime2(ByteReader& in, int digits) {
  const int bytes = (digits + 1) / 2;
  const int bits = bytes * 8;
  const auto raw = static_cast<std::int64_t>(BigEndianBytes(in, 3 + bytes));
  const std::int64_t v = raw - (std::int64_t{0x80'0000} << bits);
  const std::int64_t magnitude = v < 0 ? -v : v;
  const std::int64_t fraction = magnitude & ((std::int64_t{1} << bits) - 1);
  const std::int64_t us = ClockUs(magnitude >> bits & 0x3F'FFFF, fraction * kPowers[bytes * 2]);
  return v < 0 ? -us : us;
}

std::int64_t ReadOldTime(ByteReader& in) {
  std::int32_t v = in.Fixed<std::uint16_t>();
  v |= static_cast<std::int8_t>(in.Byte()) * 0x10000;
  const std::int64_t hms = v < 0 ? -v : v;  // HHMMSS in decimal
  const std::int64_t us = hms / 10'000 * kHourUs + hms / 100 % 100 * kMinuteUs + hms % 100 * kSecondUs;
  return v < 0 ? -us : us;
}

StoredMoment UnpackMoment(std::int64_t packed) {
  const std::int64_t magnitude = packed < 0 ? -packed : packed;
  const std::int64_t v = magnitude >> 24;
  StoredMoment at;
  const std::int64_t months = v >> 22;
  at.year = static_cast<unsigned>(months / 13);
  at.month = static_cast<unsigned>(months % 13);
  at.day = static_cast<unsigned>(v >> 17 & 31);
  at.hour = static_cast<unsigned>(v >> 12 & 31);
  at.minute = static_cast<unsigned>(v >> 6 & 63);
  at.second = static_cast<unsigned>(v & 63);
  at.us = static_cast<unsigned>(magnitude & 0xFF'FFFF);
  return at;
}

std::int64_t UnpackTime(std::int64_t packed) {
  const std::int64_t magnitude = packed < 0 ? -packed : packed;
  const std::int64_t us = ClockUs(magnitude >> 24 & 0x3F'FFFF, magnitude & 0xFF'FFFF);
  return packed < 0 ? -us : us;
}

bool ParseMoment(std::string_view text, StoredMoment& at) {
  at = {};
  if (!TakeNumber(text, at.year) || !Take(text, '-') || !TakeNumber(text, at.month) || !Take(text, '-') ||
      !TakeNumber(text, at.day)) {
    return false;
  }
  return text.empty() || (Take(text, ' ') && TakeClock(text, at.hour, at.minute, at.second, at.us));
}

bool ParseTime(std::string_view text, std::int64_t& us) {
  const bool negative = Take(text, '-');
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
  unsigned fraction = 0;
  if (!TakeClock(text, hour, minute, second, fraction)) return false;
  us = hour * kHourUs + minute * kMinuteUs + second * kSecondUs + fraction;
  if (negative) us = -us;
  return true;
}

void AppendDateText(std::string& out, const StoredMoment& at) {
  AppendPadded(out, at.year, 4);
  out.push_back('-');
  AppendPadded(out, at.month, 2);
  out.push_back('-');
  AppendPadded(out, at.day, 2);
}

void AppendClockText(std::string& out, unsigned hour, unsigned minute, unsigned second, unsigned us, int digits) {
  AppendPadded(out, hour, 2);
  out.push_back(':');
  AppendPadded(out, minute, 2);
  out.push_back(':');
  AppendPadded(out, second, 2);
  if (digits <= 0) return;
  out.push_back('.');
  AppendPadded(out, us / kPowers[digits], static_cast<std::size_t>(digits));
}

void AppendTimeText(std::string& out, std::int64_t us, int digits) {
  if (us < 0) out.push_back('-');
  const auto v = static_cast<std::uint64_t>(us < 0 ? -us : us);
  const auto part = [&](std::int64_t unit, std::uint64_t size) {
    return static_cast<unsigned>(v / static_cast<std::uint64_t>(unit) % size);
  };
  AppendClockText(out, part(kHourUs, 100'000), part(kMinuteUs, 60), part(kSecondUs, 60), part(1, 1'000'000), digits);
}

}  // namespace headgate::mysql
