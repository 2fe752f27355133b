#include "core/sql/date_time_reader.h"
#include "core/sql/text_forms.h"

// Dates and times read from text: fields in any order that leaves no doubt, months first where it does ("ISO, MDY").
namespace headgate::sql {
namespace {

using Reading = DateTimeReader::Result;

Datum ReadDate(std::string_view text, EvalContext& context) {
  DateTimeReader reader(context, false);
  const TimeProblem problem = reader.Read(text, 129);
  if (problem != TimeProblem::kNone) return ReportTimeProblem(context, problem, text, "date"), Datum::Null();
  switch (reader.result()) {
    case Reading::kEpoch:
      return Datum::Of(std::int64_t{0});
    case Reading::kInfinity:
      return Datum::Of(kInfinity);
    case Reading::kMinusInfinity:
      return Datum::Of(kMinusInfinity);
    case Reading::kFields:
      break;
  }
  const TimeFields& at = reader.fields();
  if (CivilInRange(at.year, at.month) && DateInRange(at.Days())) return Datum::Of(at.Days());
  context.Fail("22008", "date out of range: \"" + std::string(text) + "\"");
  return Datum::Null();
}

Datum ReadTime(Type type, std::string_view text, EvalContext& context) {
  const bool zoned = type.id == TypeId::kTimeTz;
  DateTimeReader reader(context, true);
  if (zoned) reader.NeedZone();
  const TimeProblem problem = reader.Read(text, zoned ? 154 : 129);
  if (problem != TimeProblem::kNone)
    return ReportTimeProblem(context, problem, text, zoned ? "time with time zone" : "time"), Datum::Null();
  const std::int64_t us = RoundFraction(reader.fields().TimeOfDay(), type.mod);
  return zoned ? Datum::Of(Wide{us, reader.offset(), 0}) : Datum::Of(us);
}

Datum ReadTimestamp(Type type, std::string_view text, EvalContext& context) {
  const bool zoned = type.id == TypeId::kTimestampTz;
  DateTimeReader reader(context, false);
  const TimeProblem problem = reader.Read(text, 153);
  if (problem != TimeProblem::kNone)
    return ReportTimeProblem(context, problem, text, zoned ? "timestamp with time zone" : "timestamp"), Datum::Null();
  switch (reader.result()) {
    case Reading::kEpoch:
      return Datum::Of(-kSecondsTo2000 * kSecondUs);
    case Reading::kInfinity:
      return Datum::Of(kInfinity);
    case Reading::kMinusInfinity:
      return Datum::Of(kMinusInfinity);
    case Reading::kFields:
      break;
  }
  const auto us = JoinTimestamp(reader.fields(), zoned ? reader.offset() : 0);
  if (us) return Datum::Of(RoundFraction(*us, type.mod));
  context.Fail("22008", "timestamp out of range: \"" + std::string(text) + "\"");
  return Datum::Null();
}

}  // namespace

Datum TimeFromText(Type type, std::string_view text, EvalContext& context) {
  switch (type.id) {
    case TypeId::kDate:
      return ReadDate(text, context);
    case TypeId::kTime:
    case TypeId::kTimeTz:
      return ReadTime(type, text, context);
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      return ReadTimestamp(type, text, context);
    case TypeId::kInterval: {
      Wide interval;
      const TimeProblem problem = ReadInterval(text, interval);
      if (problem != TimeProblem::kNone) return ReportTimeProblem(context, problem, text, "interval"), Datum::Null();
      interval.us = RoundFraction(interval.us, type.mod);
      return Datum::Of(interval);
    }
    default:
      return Datum::Null();
  }
}

}  // namespace headgate::sql
