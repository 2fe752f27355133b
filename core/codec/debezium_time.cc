#include <algorithm>
#include <limits>

#include "core/base/time_text.h"
#include "core/codec/debezium_value.h"
#include "core/codec/json_text.h"
#include "core/codec/mysql_text.h"
#include "core/codec/time_text.h"

// DATE, TIME, TIMESTAMP and INTERVAL under the temporal modes of 3.2, rows DP31 to DP55, DP74, DP78 of 3.11. Constants
// for infinities are what upstream 3.7.0 writes.
namespace headgate::codec {
namespace {

using Mode = DebeziumOptions::Time;
using Form = DebeziumForm;

constexpr const char* kTooFar =
    "the timestamp lies outside the range of its unit; use time.precision.mode=isostring or a coarser unit";

bool IsSpecial(const Value& v) { return v.i == kInfinity || v.i == kMinusInfinity; }
void Choose(std::string& out, const Value& v, std::string_view infinity, std::string_view minus_infinity) {
  out += v.i == kInfinity ? infinity : minus_infinity;
}

__extension__ typedef __int128 Wide;

std::int64_t FloorDiv(std::int64_t v, std::int64_t by) { return v / by - (v % by < 0 ? 1 : 0); }

const char* WriteDays(std::string& out, const DebeziumType& t, const Value& v) {
  if (v.kind != ValueKind::kDate) return kWrongKind;
  if (!IsSpecial(v)) {
    AppendInt(out, v.i);
  } else if (t.in_array) {
    Choose(out, v, "-622191234", "-625821272");
  } else {
    Choose(out, v, "2146033979", "-2147472691");
  }
  return nullptr;
}

const char* WriteIsoDate(std::string& out, const DebeziumType& t, const Value& v) {
  if (v.kind != ValueKind::kDate) return kWrongKind;
  if (!IsSpecial(v) && !IsDate(v.i)) return kMalformed;
  out.push_back('"');
  if (!IsSpecial(v)) {
    AppendIsoDate(out, v.i);
  } else if (t.in_array) {
    Choose(out, v, "+292278994-08-16", "+292269055-12-02");
  } else {
    Choose(out, v, "+5877611-06-21", "-5877611-06-22");
  }
  out += "Z\"";
  return nullptr;
}

template <int kDivide, int kMultiply>
const char* WriteTime(std::string& out, const DebeziumType&, const Value& v) {
  if (v.kind != ValueKind::kTime) return kWrongKind;
  if (!IsTimeOfDay(v.i)) return kMalformed;
  AppendInt(out, v.i / kDivide * kMultiply);
  return nullptr;
}

const char* WriteIsoTime(std::string& out, const DebeziumType&, const Value& v) {
  if (v.kind != ValueKind::kTime) return kWrongKind;
  if (!IsTimeOfDay(v.i)) return kMalformed;
  out.push_back('"');
  AppendIsoTime(out, v.i == kDayUs ? 0 : v.i, kTrimmed);
  out += "Z\"";
  return nullptr;
}

// In UTC; 24:00:00 stays only where nothing has to be added.
const char* WriteTimeTz(std::string& out, const DebeziumType& t, const Value& v) {
  if (v.kind != ValueKind::kTimeTz) return kWrongKind;
  if (!IsTimeOfDay(v.i) || !IsOffset(v.aux)) return kMalformed;
  std::int64_t us = v.i;
  if (v.aux != 0) {
    us = (us - v.aux * kSecondUs) % kDayUs;
    if (us < 0) us += kDayUs;
  }
  if (t.in_array) us -= us % kSecondUs;
  out.push_back('"');
  AppendIsoTime(out, us, kTrimmed);
  out += "Z\"";
  return nullptr;
}

const char* WriteMillis(std::string& out, const DebeziumType&, const Value& v) {
  if (v.kind != ValueKind::kTimestamp) return kWrongKind;
  if (IsSpecial(v)) {
    Choose(out, v, "9223372036825200000", "-9223372036832400000");
  } else {
    AppendInt(out, FloorDiv(v.i, 1000) + kEpoch2000Us / 1000);
  }
  return nullptr;
}

const char* WriteMicros(std::string& out, const DebeziumType&, const Value& v) {
  if (v.kind != ValueKind::kTimestamp) return kWrongKind;
  std::int64_t us = v.i;
  if (!IsSpecial(v) && __builtin_add_overflow(us, kEpoch2000Us, &us)) return kTooFar;
  AppendInt(out, us);
  return nullptr;
}

// Upstream multiplies whole seconds first, so the last fraction of a second at the lower end is lost.
const char* WriteNanos(std::string& out, const DebeziumType&, const Value& v) {
  if (v.kind != ValueKind::kTimestamp) return kWrongKind;
  std::int64_t ns = v.i;
  if (!IsSpecial(v)) {
    std::int64_t us = 0;
    if (__builtin_add_overflow(v.i, kEpoch2000Us, &us) || FloorDiv(us, kSecondUs) < -9'223'372'036 ||
        __builtin_mul_overflow(us, std::int64_t{1000}, &ns)) {
      return kTooFar;
    }
  }
  AppendInt(out, ns);
  return nullptr;
}

const char* WriteIsoTimestamp(std::string& out, const DebeziumType&, const Value& v) {
  if (v.kind != ValueKind::kTimestamp) return kWrongKind;
  out.push_back('"');
  if (IsSpecial(v)) {
    Choose(out, v, "+292278994-08-16T23:00:00", "-292275055-05-16T23:00:00");
  } else {
    AppendIsoDateTime(out, SplitTimestamp(v.i), kTrimmed);
  }
  out += "Z\"";
  return nullptr;
}

const char* WriteTimestampTz(std::string& out, const DebeziumType& t, const Value& v) {
  if (v.kind != ValueKind::kTimestampTz) return kWrongKind;
  if (IsSpecial(v)) {
    Choose(out, v, "\"infinity\"", t.in_array ? "\"+292269055-12-02T23:00:00.000000Z\"" : "\"-infinity\"");
    return nullptr;
  }
  out.push_back('"');
  AppendIsoDateTime(out, SplitTimestamp(v.i), t.digits);
  out += "Z\"";
  return nullptr;
}

const char* WriteIntervalMicros(std::string& out, const DebeziumType&, const Value& v) {
  if (v.kind != ValueKind::kInterval) return kWrongKind;
  constexpr std::int64_t kMonthUs = 2'629'800 * kSecondUs;  // 30.4375 days
  const Wide sum = static_cast<Wide>(v.aux) * kMonthUs + static_cast<Wide>(v.i2) * kDayUs + v.i;
  constexpr Wide kMax = std::numeric_limits<std::int64_t>::max();
  constexpr Wide kMin = std::numeric_limits<std::int64_t>::min();
  AppendInt(out, static_cast<std::int64_t>(std::clamp(sum, kMin, kMax)));
  return nullptr;
}

const char* WriteIntervalText(std::string& out, const DebeziumType&, const Value& v) {
  if (v.kind != ValueKind::kInterval) return kWrongKind;
  out.push_back('"');
  AppendFullInterval(out, v.aux, v.i2, v.i);
  out.push_back('"');
  return nullptr;
}

// Members of the structured mode.
void Member(std::string& out, std::string_view name, std::int64_t v) {
  out += name;
  AppendInt(out, v);
}
void DateMembers(std::string& out, std::int64_t days) {
  const CivilDate date = CivilFromDays(days);
  Member(out, "{\"year\":", date.year);
  Member(out, ",\"month\":", date.month);
  Member(out, ",\"day\":", date.day);
}
void ClockMembers(std::string& out, char separator, std::int64_t us) {
  out.push_back(separator);
  Member(out, "\"hour\":", us / (3600 * kSecondUs));
  Member(out, ",\"minute\":", us / (60 * kSecondUs) % 60);
  Member(out, ",\"second\":", us / kSecondUs % 60);
  Member(out, ",\"nanos\":", us % kSecondUs * 1000);
}
void Precision(std::string& out, const DebeziumType& t) {
  if (IsMysql(t.type) && t.digits == 0) {
    out += ",\"precision\":null}";
    return;
  }
  Member(out, ",\"precision\":", t.digits);
  out.push_back('}');
}
std::string_view SpecialName(const Value& v) {
  return v.i == kInfinity ? "\"POSITIVE_INFINITY\"" : "\"NEGATIVE_INFINITY\"";
}

const char* WriteDateObject(std::string& out, const DebeziumType&, const Value& v) {
  if (v.kind != ValueKind::kDate) return kWrongKind;
  if (!IsSpecial(v) && !IsDate(v.i)) return kMalformed;
  if (IsSpecial(v)) {
    out += "{\"year\":null,\"month\":null,\"day\":null,\"specialValue\":";
    out += SpecialName(v);
  } else {
    DateMembers(out, v.i);
    out += ",\"specialValue\":null";
  }
  out.push_back('}');
  return nullptr;
}

const char* WriteTimeObject(std::string& out, const DebeziumType& t, const Value& v) {
  if (v.kind != ValueKind::kTime) return kWrongKind;
  if (!IsTimeOfDay(v.i)) return kMalformed;
  if (v.i >= kDayUs) return kAsNull;  // its structure ends at 23:59:59.999999999
  ClockMembers(out, '{', v.i);
  Precision(out, t);
  return nullptr;
}

const char* WriteTimeTzObject(std::string& out, const DebeziumType& t, const Value& v) {
  if (v.kind != ValueKind::kTimeTz) return kWrongKind;
  if (!IsTimeOfDay(v.i) || !IsOffset(v.aux)) return kMalformed;
  ClockMembers(out, '{', v.i);
  Member(out, ",\"offsetSeconds\":", v.aux);
  Precision(out, t);
  return nullptr;
}

const char* WriteTimestampObject(std::string& out, const DebeziumType& t, const Value& v) {
  const bool zone = t.form == Form::kTimestampTz;
  if (v.kind != (zone ? ValueKind::kTimestampTz : ValueKind::kTimestamp)) return kWrongKind;
  if (IsSpecial(v) && !(zone && t.in_array && v.i == kMinusInfinity)) {
    out += "{\"year\":null,\"month\":null,\"day\":null,\"hour\":null,\"minute\":null,\"second\":null,\"nanos\":null";
    if (zone) out += ",\"offsetSeconds\":null,\"zoneId\":null";
    out += ",\"specialValue\":";
    out += SpecialName(v);
  } else {
    const DateTime at =
        IsSpecial(v) ? DateTime{DaysFromCivil(292'269'055, 12, 2), 23 * 3600 * kSecondUs} : SplitTimestamp(v.i);
    DateMembers(out, at.days);
    ClockMembers(out, ',', at.us);
    if (zone) out += ",\"offsetSeconds\":0,\"zoneId\":\"Z\"";
    out += ",\"specialValue\":null";
  }
  Precision(out, t);
  return nullptr;
}

const char* WriteIntervalObject(std::string& out, const DebeziumType& t, const Value& v) {
  if (v.kind != ValueKind::kInterval) return kWrongKind;
  const IntervalParts p = SplitInterval(v.aux, v.i2, v.i);
  Member(out, "{\"years\":", p.years);
  Member(out, ",\"months\":", p.months);
  Member(out, ",\"days\":", p.days);
  Member(out, ",\"hours\":", p.hours);
  Member(out, ",\"minutes\":", p.minutes);
  Member(out, ",\"seconds\":", p.seconds);
  Member(out, ",\"nanos\":", p.micros * 1000);
  Precision(out, t);
  return nullptr;
}

DebeziumWriter Structured(Form form) {
  switch (form) {
    case Form::kDate:
      return WriteDateObject;
    case Form::kTime:
      return WriteTimeObject;
    case Form::kTimeTz:
      return WriteTimeTzObject;
    case Form::kTimestamp:
    case Form::kTimestampTz:
      return WriteTimestampObject;
    default:
      return WriteIntervalObject;
  }
}

DebeziumWriter TimeWriter(Mode mode, int digits) {
  switch (mode) {
    case Mode::kConnect:
      return WriteTime<1000, 1>;
    case Mode::kIsoString:
      return WriteIsoTime;
    case Mode::kNanoseconds:
      return WriteTime<1, 1000>;
    case Mode::kAdaptive:
      return digits <= 3 ? WriteTime<1000, 1> : WriteTime<1, 1>;
    default:
      return WriteTime<1, 1>;
  }
}

DebeziumWriter TimestampWriter(Mode mode, int digits) {
  switch (mode) {
    case Mode::kConnect:
      return WriteMillis;
    case Mode::kIsoString:
      return WriteIsoTimestamp;
    case Mode::kMicroseconds:
      return WriteMicros;
    case Mode::kNanoseconds:
      return WriteNanos;
    default:
      return digits <= 3 ? WriteMillis : WriteMicros;
  }
}

}  // namespace

DebeziumWriter TemporalWriter(Form form, Mode mode, DebeziumOptions::Interval interval, int digits) {
  if (mode == Mode::kStructured) return Structured(form);
  switch (form) {
    case Form::kDate:
      return mode == Mode::kIsoString ? WriteIsoDate : WriteDays;
    case Form::kTime:
      return TimeWriter(mode, digits);
    case Form::kTimeTz:
      return WriteTimeTz;
    case Form::kTimestamp:
      return TimestampWriter(mode, digits);
    case Form::kTimestampTz:
      return WriteTimestampTz;
    default:
      return interval == DebeziumOptions::Interval::kString ? WriteIntervalText : WriteIntervalMicros;
  }
}

}  // namespace headgate::codec
