#include "sinks/webhook/settings_text.h"

#include <algorithm>
#include <charconv>

#include "core/base/ascii.h"
#include "core/base/time_text.h"

namespace headgate::webhook {
namespace {

bool StartsWithHeader(std::string_view name, std::string_view prefix) {
  return name.size() >= prefix.size() && SameHeader(name.substr(0, prefix.size()), prefix);
}

// Takes exactly `count` digits.
bool TakeNumber(std::string_view& text, std::size_t count, int& out) {
  if (text.size() < count) return false;
  out = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    out = out * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return true;
}

bool TakeChar(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

bool TakeZone(std::string_view& text, std::int64_t& east_us) {
  east_us = 0;
  if (TakeChar(text, "Zz")) return true;
  const bool west = !text.empty() && text.front() == '-';
  int hours = 0;
  int minutes = 0;
  if (!TakeChar(text, "+-") || !TakeNumber(text, 2, hours) || !TakeChar(text, ":") || !TakeNumber(text, 2, minutes))
    return false;
  if (hours > 23 || minutes > 59) return false;
  east_us = (hours * 60LL + minutes) * 60'000'000LL * (west ? -1 : 1);
  return true;
}

// The index after a JSON string that starts at `at`.
std::size_t SkipString(std::string_view json, std::size_t at) {
  for (++at; at < json.size(); ++at) {
    if (json[at] == '\\') {
      ++at;
    } else if (json[at] == '"') {
      return at + 1;
    }
  }
  return json.size();
}

// The index after a JSON value that starts at `at`.
std::size_t SkipValue(std::string_view json, std::size_t at) {
  int depth = 0;
  while (at < json.size()) {
    const char c = json[at];
    if (c == '"') {
      at = SkipString(json, at);
      if (depth == 0) return at;
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') {
      if (depth == 0) return at;
      if (--depth == 0) return at + 1;
    }
    if (c == ',' && depth == 0) return at;
    ++at;
  }
  return at;
}

}  // namespace

std::optional<std::chrono::milliseconds> ParseWait(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  std::int64_t factor = 0;
  if (unit == "ms") factor = 1;
  if (unit == "s") factor = 1000;
  if (unit == "m") factor = 60'000;
  if (unit == "h") factor = 3'600'000;
  if (unit == "d") factor = 86'400'000;
  constexpr std::int64_t kMax = 400LL * 86'400'000;
  if (factor == 0 || number > kMax / factor) return std::nullopt;
  return std::chrono::milliseconds(number * factor);
}

std::optional<std::int64_t> ParseTime(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!TakeNumber(text, 4, year) || !TakeChar(text, "-") || !TakeNumber(text, 2, month) || !TakeChar(text, "-") ||
      !TakeNumber(text, 2, day) || !TakeChar(text, "Tt ") || !TakeNumber(text, 2, hour) || !TakeChar(text, ":") ||
      !TakeNumber(text, 2, minute) || !TakeChar(text, ":") || !TakeNumber(text, 2, second)) {
    return std::nullopt;
  }
  std::int64_t fraction_us = 0;
  if (TakeChar(text, ".")) {
    std::int64_t unit = 100'000;
    if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
    while (!text.empty() && IsDigit(text.front())) {
      fraction_us += (text.front() - '0') * unit;
      unit /= 10;
      text.remove_prefix(1);
    }
  }
  std::int64_t east_us = 0;
  if (!TakeZone(text, east_us) || !text.empty()) return std::nullopt;
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const std::int64_t days = DaysFromCivil(year, month, day);
  const CivilDate back = CivilFromDays(days);
  if (back.month != month || back.day != day) return std::nullopt;  // such as 31 February
  return ((days * 24 + hour) * 60 + minute) * 60'000'000 + second * 1'000'000LL + fraction_us - east_us;
}

bool IsHeaderName(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return IsLetter(c) || IsDigit(c) || kMarks.find(c) != std::string_view::npos;
  });
}

bool IsHeaderValue(std::string_view value) {
  if (value.empty()) return true;
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  if (blank(value.front()) || blank(value.back())) return false;
  return std::all_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte != 0x7f) || c == '\t';
  });
}

bool IsReservedHeader(std::string_view name) {
  constexpr std::string_view kNames[] = {"Host",
                                         "User-Agent",
                                         "Connection",
                                         "Keep-Alive",
                                         "Proxy-Authenticate",
                                         "Proxy-Authorization",
                                         "Proxy-Connection",
                                         "TE",
                                         "Trailer",
                                         "Transfer-Encoding",
                                         "Upgrade",
                                         "Expect",
                                         "Idempotency-Key"};
  if (StartsWithHeader(name, "content-") || StartsWithHeader(name, "webhook-")) return true;
  return std::any_of(std::begin(kNames), std::end(kNames), [&](std::string_view n) { return SameHeader(n, name); });
}

bool SameHeader(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return LowerAscii(x) == LowerAscii(y); });
}

std::string_view JsonMember(std::string_view object, std::string_view name) {
  std::size_t at = 0;
  if (object.empty() || object[at++] != '{') return {};
  while (at < object.size() && object[at] == '"') {
    const std::size_t end = SkipString(object, at);
    const std::string_view member = object.substr(at + 1, end - at - 2);
    if (end >= object.size() || object[end] != ':') return {};
    const std::size_t value = end + 1;
    const std::size_t value_end = SkipValue(object, value);
    if (member == name) return object.substr(value, value_end - value);
    if (value_end >= object.size() || object[value_end] != ',') return {};
    at = value_end + 1;
  }
  return {};
}

}  // namespace headgate::webhook
