#include <cerrno>
#include <cmath>
#include <cstdlib>

#include "core/sql/time_parse.h"

// Intervals read from text: amounts with units in any order, SQL's year-month and day-time, ISO 8601 with designators
// and in its alternative form.
namespace headgate::sql {
namespace {

using Unit = TimeUnit;

// An interval being summed up. Each Add says whether the sum still fits.
struct IntervalSum {
  std::int64_t us = 0;
  std::int32_t days = 0;
  std::int32_t months = 0;
  std::int32_t years = 0;

  static bool AddTo(std::int32_t& sum, std::int64_t value, std::int64_t scale) {
    if (value < std::numeric_limits<std::int32_t>::min() || value > std::numeric_limits<std::int32_t>::max())
      return false;
    const std::int64_t product = value * scale;
    if (product < std::numeric_limits<std::int32_t>::min() || product > std::numeric_limits<std::int32_t>::max())
      return false;
    return !__builtin_add_overflow(sum, static_cast<std::int32_t>(product), &sum);
  }
  bool AddTimePart(double fraction, std::int64_t scale) {
    if (fraction == 0) return true;
    fraction *= static_cast<double>(scale);
    auto whole = static_cast<std::int64_t>(fraction);
    fraction -= static_cast<double>(whole);
    if (fraction > 0.5) ++whole;
    if (fraction < -0.5) --whole;
    return !__builtin_add_overflow(us, whole, &us);
  }
  bool AddTime(std::int64_t value, double fraction, std::int64_t scale) {
    std::int64_t product;
    return !__builtin_mul_overflow(value, scale, &product) && !__builtin_add_overflow(us, product, &us) &&
           AddTimePart(fraction, scale);
  }
  bool AddDays(std::int64_t value, double fraction, std::int64_t scale) {
    if (!AddTo(days, value, scale)) return false;
    return scale == 1 ? AddTimePart(fraction, kDayUs) : AddDayPart(fraction, scale);
  }
  bool AddDayPart(double fraction, std::int64_t scale) {
    if (fraction == 0) return true;
    fraction *= static_cast<double>(scale);
    const auto whole = static_cast<std::int32_t>(fraction);
    return !__builtin_add_overflow(days, whole, &days) && AddTimePart(fraction - whole, kDayUs);
  }
  bool AddMonths(std::int64_t value, double fraction) { return AddTo(months, value, 1) && AddDayPart(fraction, 30); }
  bool AddYears(std::int64_t value, double fraction, std::int64_t scale) {
    const auto part = static_cast<std::int32_t>(std::rint(fraction * static_cast<double>(scale) * 12));
    return AddTo(years, value, scale) && !__builtin_add_overflow(months, part, &months);
  }
};

bool AddAmount(IntervalSum& sum, Unit unit, std::int64_t value, double fraction, TimeProblem& problem) {
  switch (unit) {
    case Unit::kMicrosecond:
      return sum.AddTime(value, fraction, 1);
    case Unit::kMillisecond:
      return sum.AddTime(value, fraction, 1000);
    case Unit::kSecond:
      return sum.AddTime(value, fraction, kSecondUs);
    case Unit::kMinute:
      return sum.AddTime(value, fraction, kMinuteUs);
    case Unit::kHour:
      return sum.AddTime(value, fraction, kHourUs);
    case Unit::kDay:
      return sum.AddDays(value, fraction, 1);
    case Unit::kWeek:
      return sum.AddDays(value, fraction, 7);
    case Unit::kMonth:
      return sum.AddMonths(value, fraction);
    case Unit::kYear:
      return sum.AddYears(value, fraction, 1);
    case Unit::kDecade:
      return sum.AddYears(value, fraction, 10);
    case Unit::kCentury:
      return sum.AddYears(value, fraction, 100);
    case Unit::kMillennium:
      return sum.AddYears(value, fraction, 1000);
    default:
      problem = TimeProblem::kFormat;
      return true;
  }
}

constexpr unsigned kSeconds =
    TimeUnitBit(Unit::kSecond) | TimeUnitBit(Unit::kMillisecond) | TimeUnitBit(Unit::kMicrosecond);

// Reads the fields from the right, so that a unit is known before its amount.
class FieldReader {
 public:
  TimeProblem Read(const std::vector<TimeField>& fields) {
    for (auto field = fields.rbegin(); field != fields.rend(); ++field) {
      seen_now_ = 0;
      const TimeProblem problem = One(*field);
      if (problem != TimeProblem::kNone) return problem;
      if ((seen_now_ & seen_) != 0) return TimeProblem::kFormat;
      seen_ |= seen_now_;
    }
    if (seen_ == 0) return TimeProblem::kFormat;
    if (ago_ && !Negate()) return TimeProblem::kFieldRange;
    return TimeProblem::kNone;
  }
  const IntervalSum& sum() const { return sum_; }

 private:
  TimeProblem One(const TimeField& field) {
    switch (field.kind) {
      case TimeField::Kind::kTime:
        return Clock(field.text, false);
      case TimeField::Kind::kZone:
        if (field.text.find(':') != std::string::npos &&
            Clock(std::string_view(field.text).substr(1), field.text[0] == '-') == TimeProblem::kNone)
          return TimeProblem::kNone;
        return Amount(field.text);
      case TimeField::Kind::kDate:
      case TimeField::Kind::kNumber:
        return Amount(field.text);
      case TimeField::Kind::kWord:
      case TimeField::Kind::kSpecial:
        return Word(field.text);
    }
    return TimeProblem::kFormat;
  }

  // A time without a unit; what stands before it counts days.
  TimeProblem Clock(std::string_view text, bool negative) {
    constexpr std::int64_t kHoursMax = std::numeric_limits<std::int64_t>::max();
    ClockTime clock;
    const TimeProblem problem = ReadClock(text, kHoursMax, clock);
    if (problem != TimeProblem::kNone) return problem;
    const std::int64_t rest = clock.minute * kMinuteUs + clock.second * kSecondUs + clock.us;
    std::int64_t us;
    if (__builtin_mul_overflow(clock.hour, kHourUs, &us) || __builtin_add_overflow(us, rest, &us))
      return TimeProblem::kFieldRange;
    sum_.us = negative ? -us : us;  // in place of what fractions to the right of it left
    seen_now_ = TimeUnitBit(Unit::kHour) | TimeUnitBit(Unit::kMinute) | kSeconds;
    unit_ = Unit::kDay;
    return TimeProblem::kNone;
  }

  TimeProblem Amount(std::string_view text) {
    if (!unit_) unit_ = Unit::kSecond;
    const bool negative = text[0] == '-';
    LeadingInteger number =
        ReadInteger(text, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
    if (number.overflow) return TimeProblem::kFieldRange;
    double fraction = 0;
    if (!number.rest.empty() && number.rest[0] == '-') {  // years-months
      const LeadingInteger months = ReadInt32(number.rest.substr(1));
      if (months.overflow || months.value < 0 || months.value >= 12) return TimeProblem::kFieldRange;
      if (!months.rest.empty()) return TimeProblem::kFormat;
      unit_ = Unit::kMonth;
      if (__builtin_mul_overflow(number.value, 12, &number.value) ||
          __builtin_add_overflow(number.value, negative ? -months.value : months.value, &number.value))
        return TimeProblem::kFieldRange;
    } else if (!number.rest.empty()) {
      if (number.rest[0] != '.') return TimeProblem::kFormat;
      const auto part = ReadFraction(number.rest);
      if (!part) return TimeProblem::kFormat;
      fraction = negative ? -*part : *part;
    }
    TimeProblem problem = TimeProblem::kNone;
    const Unit unit = *unit_;
    if (!AddAmount(sum_, unit, number.value, fraction, problem)) return TimeProblem::kFieldRange;
    seen_now_ = TimeUnitBit(unit);
    if (unit == Unit::kSecond && fraction != 0) seen_now_ = kSeconds;
    if (unit == Unit::kHour) unit_ = Unit::kDay;
    return problem;
  }

  TimeProblem Word(std::string_view text) {
    const TimeWord* word = FindUnitWord(text);
    if (word == nullptr) return TimeProblem::kFormat;
    if (word->kind == TimeWordKind::kAgo) {
      ago_ = true;
      unit_ = Unit::kQuarter;  // none that counts: an amount before it has to name its own
    } else if (word->kind == TimeWordKind::kUnit) {
      unit_ = static_cast<Unit>(word->value);
    }
    return TimeProblem::kNone;
  }

  bool Negate() {
    return !__builtin_sub_overflow(0, sum_.us, &sum_.us) && !__builtin_sub_overflow(0, sum_.days, &sum_.days) &&
           !__builtin_sub_overflow(0, sum_.months, &sum_.months) && !__builtin_sub_overflow(0, sum_.years, &sum_.years);
  }

  IntervalSum sum_;
  std::optional<Unit> unit_;  // of the next amount to the left
  unsigned seen_ = 0, seen_now_ = 0;
  bool ago_ = false;
};

// P1Y2M3W4DT5H6M7S; P0001-02-03T04:05:06; P00010203T040506.
class IsoReader {
 public:
  explicit IsoReader(std::string_view text) : text_(text) {}

  TimeProblem Read() {
    if (text_.size() < 2 || text_[0] != 'P') return TimeProblem::kFormat;
    at_ = 1;
    while (at_ < text_.size()) {
      if (text_[at_] == 'T') {
        in_date_ = false;
        any_ = false;
        ++at_;
        continue;
      }
      start_ = at_;
      if (const TimeProblem problem = Number(); problem != TimeProblem::kNone) return problem;
      bool done = false;
      const TimeProblem problem = in_date_ ? DateUnit(done) : TimeUnitOf(done);
      if (problem != TimeProblem::kNone || done) return problem;
    }
    return TimeProblem::kNone;
  }
  const IntervalSum& sum() const { return sum_; }

 private:
  char Next() { return at_ < text_.size() ? text_[at_++] : '\0'; }
  static TimeProblem Checked(bool fits) { return fits ? TimeProblem::kNone : TimeProblem::kFieldRange; }

  TimeProblem Number() {
    const std::string rest(text_.substr(at_));
    if (rest.empty() || rest[0] == ' ') return TimeProblem::kFormat;
    char* end = nullptr;
    errno = 0;
    const double v = std::strtod(rest.c_str(), &end);
    if (end == rest.c_str() || errno != 0) return TimeProblem::kFormat;
    if (std::isnan(v) || v < -1e15 || v > 1e15) return TimeProblem::kFieldRange;
    at_ += static_cast<std::size_t>(end - rest.c_str());
    value_ = static_cast<std::int64_t>(v);
    fraction_ = v - static_cast<double>(value_);
    return TimeProblem::kNone;
  }
  // Digits of the number before the point.
  std::size_t Width() const {
    std::size_t at = start_;
    if (at < text_.size() && text_[at] == '-') ++at;
    const std::size_t first = at;
    while (at < text_.size() && text_[at] >= '0' && text_[at] <= '9') ++at;
    return at - first;
  }

  TimeProblem DateUnit(bool& done) {
    const char unit = Next();
    switch (unit) {
      case 'Y':
        any_ = true;
        return Checked(sum_.AddYears(value_, fraction_, 1));
      case 'M':
        any_ = true;
        return Checked(sum_.AddMonths(value_, fraction_));
      case 'W':
        any_ = true;
        return Checked(sum_.AddDays(value_, fraction_, 7));
      case 'D':
        any_ = true;
        return Checked(sum_.AddDays(value_, fraction_, 1));
      case '\0':
      case 'T':
        if (Width() == 8 && !any_) {
          done = unit == '\0';
          in_date_ = false;
          return Checked(sum_.AddYears(value_ / 10000, 0, 1) && sum_.AddMonths(value_ / 100 % 100, 0) &&
                         sum_.AddDays(value_ % 100, fraction_, 1));
        }
        return DateWithDashes(unit, done);
      case '-':
        return DateWithDashes(unit, done);
      default:
        return TimeProblem::kFormat;
    }
  }

  TimeProblem DateWithDashes(char unit, bool& done) {
    if (any_) return TimeProblem::kFormat;
    if (!sum_.AddYears(value_, fraction_, 1)) return TimeProblem::kFieldRange;
    for (const bool month : {true, false}) {
      done = unit == '\0';
      in_date_ = unit != 'T';
      if (done || !in_date_) return TimeProblem::kNone;
      if (unit != '-') return TimeProblem::kFormat;
      if (const TimeProblem problem = Number(); problem != TimeProblem::kNone) return problem;
      if (!(month ? sum_.AddMonths(value_, fraction_) : sum_.AddDays(value_, fraction_, 1)))
        return TimeProblem::kFieldRange;
      unit = Next();
    }
    done = unit == '\0';
    in_date_ = unit != 'T';
    return done || !in_date_ ? TimeProblem::kNone : TimeProblem::kFormat;
  }

  TimeProblem TimeUnitOf(bool& done) {
    const char unit = Next();
    switch (unit) {
      case 'H':
        any_ = true;
        return Checked(sum_.AddTime(value_, fraction_, kHourUs));
      case 'M':
        any_ = true;
        return Checked(sum_.AddTime(value_, fraction_, kMinuteUs));
      case 'S':
        any_ = true;
        return Checked(sum_.AddTime(value_, fraction_, kSecondUs));
      case '\0':
        if (Width() == 6 && !any_) {
          done = true;
          return Checked(sum_.AddTime(value_ / 10000, 0, kHourUs) && sum_.AddTime(value_ / 100 % 100, 0, kMinuteUs) &&
                         sum_.AddTime(value_ % 100, 0, kSecondUs) && sum_.AddTimePart(fraction_, 1));
        }
        return TimeWithColons(unit, done);
      case ':':
        return TimeWithColons(unit, done);
      default:
        return TimeProblem::kFormat;
    }
  }

  TimeProblem TimeWithColons(char unit, bool& done) {
    if (any_) return TimeProblem::kFormat;
    done = true;
    if (!sum_.AddTime(value_, fraction_, kHourUs)) return TimeProblem::kFieldRange;
    for (const std::int64_t scale : {kMinuteUs, kSecondUs}) {
      if (unit == '\0') return TimeProblem::kNone;
      if (unit != ':') return TimeProblem::kFormat;
      if (const TimeProblem problem = Number(); problem != TimeProblem::kNone) return problem;
      if (!sum_.AddTime(value_, fraction_, scale)) return TimeProblem::kFieldRange;
      unit = Next();
    }
    return unit == '\0' ? TimeProblem::kNone : TimeProblem::kFormat;
  }

  std::string_view text_;
  std::size_t at_ = 0, start_ = 0;
  IntervalSum sum_;
  std::int64_t value_ = 0;
  double fraction_ = 0;
  bool in_date_ = true, any_ = false;
};

}  // namespace

TimeProblem ReadInterval(std::string_view text, Wide& out) {
  constexpr std::size_t kFieldBytes = 256;
  std::vector<TimeField> fields;
  IntervalSum sum;
  TimeProblem problem = TimeProblem::kFormat;
  if (SplitTimeText(text, kFieldBytes, fields)) {
    FieldReader reader;
    problem = reader.Read(fields);
    sum = reader.sum();
  }
  if (problem == TimeProblem::kFormat) {
    IsoReader reader(text);
    problem = reader.Read();
    sum = reader.sum();
  }
  if (problem == TimeProblem::kFieldRange) problem = TimeProblem::kIntervalRange;
  const std::int64_t months = std::int64_t{sum.years} * 12 + sum.months;
  if (problem == TimeProblem::kNone) {
    out = {sum.us, sum.days, static_cast<std::int32_t>(months)};
    if (months != out.months) problem = TimeProblem::kResultRange;
  }
  return problem;
}

}  // namespace headgate::sql
