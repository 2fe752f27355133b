#include "core/sql/time_parse.h"

#include <cctype>
#include <cmath>
#include <cstdlib>

#include "core/base/ascii.h"

namespace headgate::sql {
namespace {

bool IsPunctuation(char c) { return c > ' ' && c < 0x7f && !IsDigit(c) && !IsLetter(c); }

using FieldKind = TimeField::Kind;

// Takes fields off the left of a text. The shape of the beginning decides what a field may go on with.
class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  bool Next(TimeField& field, bool& ignored) {
    field = {};
    ignored = false;
    const char c = Peek();
    if (IsDigit(c)) return Digits(field), true;
    if (c == '.') {
      field.kind = FieldKind::kNumber;
      Push(field);
      PushDigits(field);
      return true;
    }
    if (IsLetter(c)) return Letters(field), true;
    if (c == '+' || c == '-') return Signed(field);
    ignored = true;
    ++at_;
    return IsPunctuation(c);
  }
  bool SkipSpace() {
    while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
    return at_ < text_.size();
  }

 private:
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void Push(TimeField& field) { field.text.push_back(LowerAscii(text_[at_++])); }
  void PushDigits(TimeField& field) {
    while (IsDigit(Peek())) Push(field);
  }
  template <class F>
  void PushWhile(TimeField& field, F allowed) {
    while (at_ < text_.size() && allowed(text_[at_])) Push(field);
  }

  void Digits(TimeField& field) {
    PushDigits(field);
    const char delimiter = Peek();
    if (delimiter == ':') {
      field.kind = FieldKind::kTime;
      PushWhile(field, [](char c) { return IsDigit(c) || c == ':' || c == '.'; });
    } else if (delimiter == '-' || delimiter == '/' || delimiter == '.') {
      Push(field);
      if (!IsDigit(Peek())) {  // a month by name, or nothing
        field.kind = FieldKind::kDate;
        PushWhile(field, [&](char c) { return IsDigit(c) || IsLetter(c) || c == delimiter; });
        return;
      }
      field.kind = delimiter == '.' ? FieldKind::kNumber : FieldKind::kDate;
      PushDigits(field);
      if (Peek() != delimiter) return;
      field.kind = FieldKind::kDate;
      PushWhile(field, [&](char c) { return IsDigit(c) || c == delimiter; });
    } else {
      field.kind = FieldKind::kNumber;
    }
  }

  void Letters(TimeField& field) {
    field.kind = FieldKind::kWord;
    PushWhile(field, IsLetter);
    const char next = Peek();
    bool composed = next == '-' || next == '/' || next == '.';
    if (next == '+' || IsDigit(next)) composed = FindTimeWord(field.text) == nullptr;
    if (!composed) return;
    field.kind = FieldKind::kDate;
    do {
      Push(field);
    } while (IsDigit(Peek()) || IsLetter(Peek()) || std::string_view("+-/_.:").find(Peek()) != std::string_view::npos);
  }

  bool Signed(TimeField& field) {
    Push(field);
    SkipSpace();
    if (IsDigit(Peek())) {
      field.kind = FieldKind::kZone;
      PushWhile(field, [](char c) { return IsDigit(c) || c == ':' || c == '.' || c == '-'; });
      return true;
    }
    field.kind = FieldKind::kSpecial;
    PushWhile(field, IsLetter);
    return field.text.size() > 1;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = LowerAscii(c);
  return lower;
}

bool SplitTimeText(std::string_view text, std::size_t size_max, std::vector<TimeField>& fields) {
  constexpr std::size_t kFieldsMax = 25;
  Splitter splitter(text);
  std::size_t size = 0;
  fields.clear();
  while (splitter.SkipSpace()) {
    TimeField field;
    bool ignored = false;
    if (!splitter.Next(field, ignored)) return false;
    if (ignored) continue;
    size += field.text.size() + 1;
    if (fields.size() == kFieldsMax || size >= size_max) return false;
    fields.push_back(std::move(field));
  }
  return true;
}

void ReportTimeProblem(EvalContext& context, TimeProblem problem, std::string_view text, std::string_view type) {
  const std::string quoted = ": \"" + std::string(text) + "\"";
  switch (problem) {
    case TimeProblem::kNone:
    case TimeProblem::kReported:
      return;
    case TimeProblem::kFormat:
      return context.Fail("22007", "invalid input syntax for type " + std::string(type) + quoted);
    case TimeProblem::kFieldRange:
      return context.Fail("22008", "date/time field value out of range" + quoted);
    case TimeProblem::kIntervalRange:
      return context.Fail("22015", "interval field value out of range" + quoted);
    case TimeProblem::kZoneRange:
      return context.Fail("22009", "time zone displacement out of range" + quoted);
    case TimeProblem::kResultRange:
      return context.Fail("22008", std::string(type) + " out of range");
  }
}

LeadingInteger ReadInteger(std::string_view text, std::int64_t low, std::int64_t high) {
  LeadingInteger out;
  std::size_t at = 0;
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) ++at;
  const std::size_t start = at;
  for (; at < text.size() && IsDigit(text[at]); ++at) {
    const int digit = text[at] - '0';
    if (out.overflow || __builtin_mul_overflow(out.value, 10, &out.value) ||
        __builtin_add_overflow(out.value, negative ? -digit : digit, &out.value))
      out.overflow = true;
  }
  out.any = at > start;
  out.rest = out.any ? text.substr(at) : text;
  if (out.value < low || out.value > high) out.overflow = true;
  return out;
}

LeadingInteger ReadInt32(std::string_view text) {
  return ReadInteger(text, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max());
}

std::optional<double> ReadFraction(std::string_view text) {
  for (const char c : text.substr(1)) {
    if (!IsDigit(c)) return std::nullopt;
  }
  return std::strtod(("0" + std::string(text)).c_str(), nullptr);
}

std::optional<int> ReadFractionUs(std::string_view text) {
  const auto fraction = ReadFraction(text);
  if (!fraction) return std::nullopt;
  return static_cast<int>(std::rint(*fraction * 1e6));
}

TimeProblem ReadClock(std::string_view text, std::int64_t hour_max, ClockTime& out) {
  const LeadingInteger hour = ReadInteger(text, -hour_max - 1, hour_max);
  if (hour.overflow) return TimeProblem::kFieldRange;
  if (hour.rest.empty() || hour.rest[0] != ':') return TimeProblem::kFormat;
  LeadingInteger minute = ReadInt32(hour.rest.substr(1));
  if (minute.overflow) return TimeProblem::kFieldRange;
  out = {hour.value, 0, 0, 0};
  std::int64_t seconds = 0;
  std::string_view fraction;
  if (!minute.rest.empty() && minute.rest[0] == '.') {  // m:s.f
    if (out.hour > std::numeric_limits<std::int32_t>::max()) return TimeProblem::kFieldRange;
    seconds = minute.value;
    minute.value = out.hour;
    out.hour = 0;
    fraction = minute.rest;
  } else if (!minute.rest.empty()) {
    if (minute.rest[0] != ':') return TimeProblem::kFormat;
    const LeadingInteger second = ReadInt32(minute.rest.substr(1));
    if (second.overflow) return TimeProblem::kFieldRange;
    seconds = second.value;
    fraction = second.rest;
    if (!fraction.empty() && fraction[0] != '.') return TimeProblem::kFormat;
  }
  if (!fraction.empty()) {
    const auto us = ReadFractionUs(fraction);
    if (!us) return TimeProblem::kFormat;
    out.us = *us;
  }
  if (out.hour < 0 || minute.value < 0 || minute.value > 59 || seconds < 0 || seconds > 60)
    return TimeProblem::kFieldRange;
  out.minute = static_cast<int>(minute.value);
  out.second = static_cast<int>(seconds);
  return TimeProblem::kNone;
}

TimeProblem ReadZoneOffset(std::string_view text, std::int32_t& offset) {
  constexpr std::int64_t kHoursMax = 15;
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return TimeProblem::kFormat;
  LeadingInteger hours = ReadInt32(text.substr(1));
  if (hours.overflow) return TimeProblem::kZoneRange;
  LeadingInteger minutes, seconds;
  std::string_view rest = hours.rest;
  if (!rest.empty() && rest[0] == ':') {
    minutes = ReadInt32(rest.substr(1));
    rest = minutes.rest;
    if (!minutes.overflow && !rest.empty() && rest[0] == ':') {
      seconds = ReadInt32(rest.substr(1));
      rest = seconds.rest;
    }
  } else if (rest.empty() && text.size() > 3) {
    minutes.value = hours.value % 100;
    hours.value /= 100;
  }
  if (minutes.overflow || seconds.overflow || hours.value < 0 || hours.value > kHoursMax || minutes.value < 0 ||
      minutes.value > 59 || seconds.value < 0 || seconds.value > 59)
    return TimeProblem::kZoneRange;
  if (!rest.empty()) return TimeProblem::kFormat;
  offset = static_cast<std::int32_t>((hours.value * 60 + minutes.value) * 60 + seconds.value);
  if (text[0] == '-') offset = -offset;
  return TimeProblem::kNone;
}

}  // namespace headgate::sql
