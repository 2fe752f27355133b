#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/sql/time_parse.h"

namespace headgate::sql {

// Reads one date, time or timestamp: fields in any order that leaves no doubt, months first where it does ("ISO, MDY").
// A reader reads one text.
class DateTimeReader {
 public:
  enum class Result : std::uint8_t { kFields, kEpoch, kInfinity, kMinusInfinity };

  DateTimeReader(EvalContext& context, bool time_only)
      : context_(context), time_only_(time_only), assumed_(time_only ? kDateBits : 0) {}
  // A time without offset is no good then: it is asked for.
  void NeedZone() { needs_zone_ = true; }

  // Texts whose fields take more than `size_max` bytes are refused.
  TimeProblem Read(std::string_view text, std::size_t size_max);
  const TimeFields& fields() const { return tm_; }
  std::int32_t offset() const { return offset_; }  // of the zone given, else of the session's
  Result result() const { return result_; }

 private:
  using Problem = TimeProblem;

  // What has been said, one bit a field.
  static constexpr unsigned kYearBit = TimeUnitBit(TimeUnit::kYear), kMonthBit = TimeUnitBit(TimeUnit::kMonth),
                            kDayBit = TimeUnitBit(TimeUnit::kDay);
  static constexpr unsigned kHourBit = TimeUnitBit(TimeUnit::kHour), kMinuteBit = TimeUnitBit(TimeUnit::kMinute),
                            kSecondBit = TimeUnitBit(TimeUnit::kSecond);
  static constexpr unsigned kDayOfYearBit = TimeUnitBit(TimeUnit::kDayOfYear),
                            kWeekdayBit = TimeUnitBit(TimeUnit::kDayOfWeek);
  static constexpr unsigned kZoneBit = TimeUnitBit(TimeUnit::kZone);
  static constexpr unsigned kDaylightBit = 1U << 24, kDaylightWordBit = 1U << 25, kAmPmBit = 1U << 26,
                            kEraBit = 1U << 27;
  static constexpr unsigned kReservedBit = 1U << 28, kHistoricZoneBit = 1U << 29;
  static constexpr unsigned kDateBits = kYearBit | kMonthBit | kDayBit;
  static constexpr unsigned kSecondBits =
      kSecondBit | TimeUnitBit(TimeUnit::kMillisecond) | TimeUnitBit(TimeUnit::kMicrosecond);
  static constexpr unsigned kTimeBits = kHourBit | kMinuteBit | kSecondBits;

  // A time alone is read as if its date had been said.
  unsigned seen() const { return seen_ | assumed_; }

  Problem One(const TimeField& field);
  Problem Date(const std::string& text);
  // hhmmss-zz
  Problem TimeWithZone(const std::string& text);
  Problem DateWithinTime(const std::string& text);
  Problem NamedZone(const std::string& name);
  Problem Time(std::string_view text);
  Problem SetClock(const ClockTime& clock);
  // A number after a word that says what it is: "y2001m02d04", "J2451187", "T040506".
  Problem Labelled(const std::string& text);
  Problem Julian(const LeadingInteger& number);
  Problem Number(const std::string& text);
  Problem NumberWithinTime(const std::string& text);
  // yyyymmdd, yymmdd, hhmmss, hhmm, the last two with a fraction.
  Problem RunTogether(std::string_view text);
  Problem RunTogetherTime(std::string_view text);
  // 2024-01-02, 1/2/2024, 2-Jan-2024, 2024.366
  Problem PlainDate(std::string_view text);
  // A single number: what has been said before and its length decide what it is.
  Problem Part(std::string_view text, bool text_month);
  Problem Word(const std::string& text);
  Problem MonthName(int month);
  Problem ReservedWord(ReservedTime word, const std::string& text);
  Problem CheckDate();
  Problem ApplyAmPm();
  // The zones whose offset depends on the date.
  Problem ResolveZone(const TimeFields& at);
  Problem FinishDateTime();
  Problem FinishTime();
  // A time without a date takes the offset that its zone has today.
  Problem ResolveZoneToday();

  EvalContext& context_;
  const bool time_only_;
  bool needs_zone_ = false;
  std::vector<TimeField> fields_;
  std::size_t at_ = 0;
  unsigned seen_ = 0;
  unsigned now_ = 0;  // said by the field in hand
  unsigned assumed_;

  TimeFields tm_;
  std::int32_t offset_ = 0;
  int day_of_year_ = 0;
  int am_pm_ = -1;
  bool text_month_ = false, julian_ = false, two_digits_ = false, bc_ = false;
  std::optional<TimeUnit> label_;  // what the next number is
  bool time_follows_ = false;
  std::shared_ptr<const TimeZone> zone_, abbreviation_zone_;
  std::string abbreviation_;
  Result result_ = Result::kFields;
};

}  // namespace headgate::sql
