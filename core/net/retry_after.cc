#include <algorithm>
#include <array>

#include "core/base/ascii.h"
#include "core/base/time_text.h"
#include "core/net/response_parser.h"

namespace headgate::net {
namespace {

constexpr std::int64_t kSecondsMax = 10LL * 365 * 86'400;  // longer waits are not told apart

// Reads the parts of a date from the front of a text; a part that does not fit makes everything fail.
class DateReader {
 public:
  explicit DateReader(std::string_view text) : text_(text) {}

  int Number(std::size_t digits) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const char c = Next();
      if (!IsDigit(c)) failed_ = true;
      value = value * 10 + (c - '0');
    }
    return failed_ ? 0 : value;
  }
  void Expect(std::string_view literal) {
    for (const char c : literal) failed_ |= Next() != c;
  }
  int Month() {
    static constexpr std::array<std::string_view, 12> kNames = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto* it = std::find(kNames.begin(), kNames.end(), text_.substr(0, 3));
    text_.remove_prefix(std::min<std::size_t>(3, text_.size()));
    failed_ |= it == kNames.end();
    return static_cast<int>(it - kNames.begin()) + 1;
  }
  int DayWithSpace() {  // " 6" or "16"
    if (!text_.empty() && text_.front() == ' ') {
      text_.remove_prefix(1);
      return Number(1);
    }
    return Number(2);
  }
  std::int64_t TimeOfDay() {
    const int hour = Number(2);
    Expect(":");
    const int minute = Number(2);
    Expect(":");
    const int second = Number(2);
    failed_ |= hour > 23 || minute > 59 || second > 60;
    return hour * 3600 + minute * 60 + second;
  }
  bool good() const { return !failed_ && text_.empty(); }

 private:
  char Next() {
    if (text_.empty()) {
      failed_ = true;
      return 0;
    }
    const char c = text_.front();
    text_.remove_prefix(1);
    return c;
  }

  std::string_view text_;
  bool failed_ = false;
};

// RFC 9110, 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994".
// The name of the day is not checked.
std::optional<std::int64_t> ParseHttpDate(std::string_view text, std::int64_t now_unix_s) {
  const std::size_t comma = text.find(',');
  std::int64_t year = 0;
  int month = 0;
  int day = 0;
  std::int64_t time = 0;
  DateReader reader(comma == std::string_view::npos ? text.substr(std::min<std::size_t>(4, text.size()))
                                                    : text.substr(comma + 1));
  if (comma == std::string_view::npos) {
    month = reader.Month();
    reader.Expect(" ");
    day = reader.DayWithSpace();
    reader.Expect(" ");
    time = reader.TimeOfDay();
    reader.Expect(" ");
    year = reader.Number(4);
  } else {
    const bool long_day = comma > 3;
    const char* separator = long_day ? "-" : " ";
    reader.Expect(" ");
    day = reader.Number(2);
    reader.Expect(separator);
    month = reader.Month();
    reader.Expect(separator);
    year = reader.Number(long_day ? 2 : 4);
    if (long_day) {
      // Two digits: a date that seems more than 50 years ahead is in the past.
      const std::int64_t this_year = CivilFromDays(now_unix_s / 86'400).year;
      year += this_year / 100 * 100;
      if (year > this_year + 50) year -= 100;
    }
    reader.Expect(" ");
    time = reader.TimeOfDay();
    reader.Expect(" GMT");
  }
  if (!reader.good() || day < 1 || day > 31) return std::nullopt;
  return DaysFromCivil(year, month, day) * 86'400 + time;
}

}  // namespace

std::optional<std::chrono::seconds> ParseRetryAfter(std::string_view value, std::int64_t now_unix_s) {
  if (value.empty()) return std::nullopt;
  if (std::all_of(value.begin(), value.end(), IsDigit)) {
    std::int64_t seconds = 0;
    for (const char c : value) seconds = std::min(seconds * 10 + (c - '0'), kSecondsMax);
    return std::chrono::seconds(seconds);
  }
  const auto date = ParseHttpDate(value, now_unix_s);
  if (!date) return std::nullopt;
  return std::chrono::seconds(std::clamp<std::int64_t>(*date - now_unix_s, 0, kSecondsMax));
}

}  // namespace headgate::net
