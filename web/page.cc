#include "web/page.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "core/base/encoding.h"
#include "core/base/time_text.h"

namespace headgate::web {
namespace {

// Reads exactly `digits` digits.
bool Digits(std::string_view& text, std::size_t digits, int& value) {
  if (text.size() < digits) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
  if (error != std::errc() || end != text.data() + digits || text[0] == '-') return false;
  text.remove_prefix(digits);
  return true;
}

bool Eat(std::string_view& text, std::string_view one_of) {
  if (text.empty() || one_of.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// ".123456" in microseconds; further digits are dropped.
bool Fraction(std::string_view& text, std::int64_t& us) {
  std::int64_t scale = 100'000;
  std::size_t n = 0;
  for (; n < text.size() && text[n] >= '0' && text[n] <= '9'; ++n) {
    us += (text[n] - '0') * scale;
    scale /= 10;
  }
  text.remove_prefix(n);
  return n > 0;
}

// "Z", "+02:00", or nothing.
bool Offset(std::string_view text, std::int64_t& seconds) {
  if (text.empty() || text == "Z" || text == "z") return true;
  const bool west = text[0] == '-';
  int hours = 0;
  int minutes = 0;
  if (!Eat(text, "+- ") || !Digits(text, 2, hours) || !Eat(text, ":") || !Digits(text, 2, minutes) || !text.empty())
    return false;
  if (hours > 23 || minutes > 59) return false;
  seconds = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
  return true;
}

std::string WithCursor(const Request& request, const std::string& cursor) {
  std::string query;
  std::string_view rest = request.target;
  const std::size_t mark = rest.find('?');
  rest = mark == std::string_view::npos ? std::string_view() : rest.substr(mark + 1);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view item = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!item.empty() && item != "cursor" && !item.starts_with("cursor=")) query.append(item).append("&");
  }
  return request.path + "?" + query + "cursor=" + cursor;
}

}  // namespace

std::optional<std::uint64_t> ParseNumber(std::string_view text) {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return n;
}

std::optional<std::size_t> PageLimit(const Request& request) {
  if (!request.query.Has("limit")) return kPageDefault;
  const auto limit = ParseNumber(request.query.Get("limit"));
  if (!limit || *limit == 0) return std::nullopt;
  return std::min<std::size_t>(*limit, kPageMax);
}

std::string MakeCursor(std::string_view list, std::string_view place) {
  std::string text;
  AppendBase64Url(text, std::string(list).append("\n").append(place));
  while (text.ends_with('=')) text.pop_back();
  return text;
}

std::optional<std::string> ReadCursor(std::string_view list, std::string_view cursor) {
  std::string text(cursor);
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  text.append((4 - text.size() % 4) % 4, '=');
  const auto plain = FromBase64(text);
  if (!plain || !plain->starts_with(std::string(list) + "\n")) return std::nullopt;
  return plain->substr(list.size() + 1);
}

Response BadLimit(const Request& request) {
  return Fail(request, 400, "limit must be a number from 1 to 1000.", "bad-limit");
}
Response BadCursor(const Request& request) {
  return Fail(request, 400, "The cursor is not one of this list, or is outlived. Start again without it.",
              "bad-cursor");
}

std::string NextLink(const Request& request, const std::string& next) {
  return "<" + WithCursor(request, next) + ">; rel=\"next\"";
}

Response PageAnswer(const Request& request, Json items, const std::string& next) {
  Json body;
  body["items"] = std::move(items);
  body["next_cursor"] = next.empty() ? Json(nullptr) : Json(next);
  Response response = Response::Json(200, Dump(body));
  if (!next.empty()) response.headers.emplace_back("Link", NextLink(request, next));
  return response;
}

Json TimeJson(std::int64_t unix_us) { return unix_us == 0 ? Json(nullptr) : Json(UtcText(unix_us)); }
Json BigJson(std::uint64_t n) { return std::to_string(n); }

std::optional<std::int64_t> ParseTime(std::string_view text) {
  int year = 0;
  int month = 1;
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
  std::int64_t us = 0;
  std::int64_t offset = 0;
  if (!Digits(text, 4, year)) return std::nullopt;
  const bool has_month = Eat(text, "-");
  if (has_month && !Digits(text, 2, month)) return std::nullopt;
  const bool has_day = has_month && Eat(text, "-");
  if (has_day && !Digits(text, 2, day)) return std::nullopt;
  const bool has_hour = has_day && Eat(text, "Tt ");
  if (has_hour && !Digits(text, 2, hour)) return std::nullopt;
  const bool has_minute = has_hour && Eat(text, ":");
  if (has_minute && !Digits(text, 2, minute)) return std::nullopt;
  const bool has_second = has_minute && Eat(text, ":");
  if (has_second && !Digits(text, 2, second)) return std::nullopt;
  if (has_second && Eat(text, ".") && !Fraction(text, us)) return std::nullopt;
  if (!has_hour && !text.empty()) return std::nullopt;
  if (!Offset(text, offset)) return std::nullopt;
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const std::int64_t days = DaysFromCivil(year, month, day);
  const CivilDate back = CivilFromDays(days);
  if (back.month != month || back.day != day) return std::nullopt;
  return (days * 86'400 + hour * 3'600 + minute * 60 + second - offset) * 1'000'000 + us;
}

}  // namespace headgate::web
