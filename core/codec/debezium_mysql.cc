#include <algorithm>
#include <charconv>

#include "core/base/encoding.h"
#include "core/base/time_text.h"
#include "core/codec/debezium_value.h"
#include "core/codec/decimal.h"
#include "core/codec/json_text.h"
#include "core/codec/mysql_text.h"
#include "core/codec/time_text.h"

// Types of MySQL and MariaDB, rows DM01 to DM54 of 3.12: what upstream makes of them in its stream, in both phases (X1
// to X5).
namespace headgate::codec {
namespace {

using O = DebeziumOptions;
using Form = DebeziumForm;

constexpr const char* kInvalidDate = "the date is one that no calendar has, which this rendering cannot hold";
constexpr const char* kBeyondDay = "the time lies outside of a day; use another time.precision.mode";

const char* WriteTinyInt(std::string& out, const DebeziumType& t, const Value& v) {
  if (v.kind != ValueKind::kInt) return kWrongKind;
  const O::TinyInt1 mode = t.options->tinyint1;
  const bool width_one = IsTinyInt1(t.type) && t.type.declared.find("zerofill") == std::string::npos;
  if (width_one && mode != O::TinyInt1::kNumber && t.type.base == "boolean") {
    out += v.i != 0 ? "true" : "false";
  } else if (width_one && mode == O::TinyInt1::kBoolean) {  // upstream's converter looks at a signed byte
    out += static_cast<std::int8_t>(v.i) > 0 ? "true" : "false";
  } else {
    AppendInt(out, v.i);
  }
  return nullptr;
}

// BIGINT UNSIGNED above the signed range: its bits, or all of it.
const char* WriteUnsigned(std::string& out, const DebeziumType& t, const Value& v) {
  if (v.kind != ValueKind::kUint) return kWrongKind;
  if (!t.options->unsigned_precise) {
    AppendInt(out, static_cast<std::int64_t>(v.u));
    return nullptr;
  }
  const std::string digits = std::to_string(v.u);
  if (t.options->decimal_format == O::DecimalFormat::kNumeric) {
    out += digits;
    return nullptr;
  }
  const auto d = ParseDecimal(digits);
  if (!d) return kMalformed;
  out.push_back('"');
  AppendUnscaledBase64(out, *d);
  out.push_back('"');
  return nullptr;
}

// FLOAT(M,D) is a double upstream.
const char* WriteWideFloat(std::string& out, const DebeziumType&, const Value& v) {
  if (v.kind != ValueKind::kFloat) return kWrongKind;
  AppendJavaDouble(out, v.d);
  return nullptr;
}

// YEAR 0000 counts from 1900.
const char* WriteYear(std::string& out, const DebeziumType&, const Value& v) {
  if (v.kind != ValueKind::kInt) return kWrongKind;
  AppendInt(out, v.i == 0 ? 1900 : v.i);
  return nullptr;
}

// All bytes, lowest first.
const char* WriteBitBytes(std::string& out, const DebeziumType&, const Value& v) {
  if (v.kind != ValueKind::kBits) return kWrongKind;
  std::string bytes((v.text.size() + 7) / 8, '\0');
  for (std::size_t i = 0; i < v.text.size(); ++i) {
    const std::size_t bit = v.text.size() - 1 - i;
    if (v.text[i] == '1') bytes[bit / 8] = static_cast<char>(bytes[bit / 8] | 1 << bit % 8);
  }
  out.push_back('"');  // whatever the binary mode
  AppendBase64(out, bytes);
  out.push_back('"');
  return nullptr;
}

const char* WriteStreamJson(std::string& out, const DebeziumType&, const Value& v) {
  if (v.kind != ValueKind::kJson) return kWrongKind;
  std::string text;
  AppendStreamJson(text, v.marked_json());
  AppendJsonString(out, text);
  return nullptr;
}

// "{ \"values\": [1.1, 2.2] }", a text (vector-to-json).
const char* WriteVectorText(std::string& out, const DebeziumType& t, const Value& v) {
  std::string numbers;
  if (const char* why = PlainWriter(Form::kArray, t.options->decimals)(numbers, t, v); why != nullptr) return why;
  std::string text = "{ \"values\": ";
  for (const char c : numbers) {
    text.push_back(c);
    if (c == ',') text.push_back(' ');
  }
  AppendJsonString(out, text + " }");
  return nullptr;
}

void AppendSrid(std::string& out, std::uint32_t srid) {
  out += "\",\"srid\":";
  if (srid == 0) {
    out += "null";
  } else {
    AppendUint(out, srid);
  }
}

const char* WriteMysqlGeometry(std::string& out, const DebeziumType& t, const Value& v) {
  std::uint32_t srid = 0;
  std::string_view wkb;
  if (v.kind != ValueKind::kBytes || !SplitGeometry(v.text, srid, wkb)) return kMalformed;
  std::string swapped;
  if (t.options->swap_geometry && (srid == 4326 || srid == 3857 || srid == 4269)) {
    swapped = wkb;
    if (!SwapCoordinates(swapped)) return kMalformed;
    wkb = swapped;
  }
  out += "{\"wkb\":\"";
  AppendBase64(out, wkb);
  AppendSrid(out, srid);
  out += ",\"extensions\":null}";
  return nullptr;
}

const char* WriteMysqlPoint(std::string& out, const DebeziumType&, const Value& v) {
  constexpr std::size_t kHead = 5;
  std::uint32_t srid = 0;
  std::string_view wkb;
  if (v.kind != ValueKind::kBytes || !SplitGeometry(v.text, srid, wkb)) return kMalformed;
  ByteReader in(wkb.substr(kHead));
  const auto x = in.Fixed<double>();
  const auto y = in.Fixed<double>();
  if (in.failed()) return kMalformed;
  out += "{\"x\":";
  AppendJavaDouble(out, x);
  out += ",\"y\":";
  AppendJavaDouble(out, y);
  out += ",\"wkb\":\"";
  AppendBase64(out, wkb);
  AppendSrid(out, srid);
  out.push_back('}');
  return nullptr;
}

// --- dates and times

// Years of two digits are meant for 1970 to 2069 (enable.time.adjuster).
std::int64_t AdjustedDays(std::int64_t days) {
  CivilDate date = CivilFromDays(days);
  if (date.year < 0 || date.year >= 100) return days;
  date.year += date.year < 70 ? 2000 : 1900;
  return DaysFromCivil(date.year, date.month, date.day);
}

// The fields as they are stored: 2014-00-00 or 2014-00-00T01:02:03.450.
const char* WriteOddObject(std::string& out, const DebeziumType& t, std::string_view text) {
  constexpr const char* kNames[] = {"year", "month", "day", "hour", "minute", "second", "nanos"};
  std::int64_t fields[7] = {};
  std::size_t count = 0;
  while (!text.empty() && count < 7) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    std::from_chars(text.data(), text.data() + digits, fields[count]);
    if (count == 6) {
      for (std::size_t i = digits; i < 9; ++i) fields[6] *= 10;
    }
    ++count;
    text.remove_prefix(std::min(digits + 1, text.size()));
  }
  const std::size_t shown = t.form == Form::kDate ? 3 : 7;
  for (std::size_t i = 0; i < shown; ++i) {
    out += i == 0 ? "{\"" : ",\"";
    out += kNames[i];
    out += "\":";
    AppendInt(out, fields[i]);
  }
  if (t.form == Form::kTimestampTz) out += ",\"offsetSeconds\":0,\"zoneId\":\"Z\"";
  out += ",\"specialValue\":null";
  if (t.form != Form::kDate) {
    out += ",\"precision\":";
    out += t.digits == 0 ? "null" : std::to_string(t.digits);
  }
  out.push_back('}');
  return nullptr;
}

// A text is a date that no calendar has. With a zero in it upstream sees no value at all; else it stops.
const char* WriteOddDate(std::string& out, const DebeziumType& t, std::string_view text) {
  constexpr std::size_t kMonth = 5;
  constexpr std::size_t kDay = 8;
  if (text.size() < kDay + 2) return kWrongKind;
  if (t.options->time == O::Time::kStructured) return WriteOddObject(out, t, text);
  const bool zero = text.substr(kMonth, 2) == "00" || text.substr(kDay, 2) == "00";
  if (!zero) return kInvalidDate;
  if (t.nullable) {
    out += "null";
    return nullptr;
  }
  if (t.zero_date.empty() && t.form == Form::kTimestamp && t.options->time == O::Time::kNanoseconds) {
    out.push_back('0');
    return nullptr;
  }
  const auto stand_in = t.zero_date.empty() ? ZeroOf(t) : std::optional(t.zero_date);
  if (!stand_in) return kInvalidDate;
  out += *stand_in;
  return nullptr;
}

const char* WriteMysqlDate(std::string& out, const DebeziumType& t, const Value& v) {
  if (v.kind == ValueKind::kText) return WriteOddDate(out, t, v.text);
  Value adjusted = v;
  if (v.kind == ValueKind::kDate && t.options->time_adjuster) adjusted.i = AdjustedDays(v.i);
  return t.inner(out, t, adjusted);
}

const char* WriteMysqlDatetime(std::string& out, const DebeziumType& t, const Value& v) {
  if (v.kind == ValueKind::kText) return WriteOddDate(out, t, v.text);
  Value adjusted = v;
  if (v.kind == ValueKind::kTimestamp && t.options->time_adjuster) {
    const DateTime at = SplitTimestamp(v.i);
    adjusted.i += (AdjustedDays(at.days) - at.days) * kDayUs;
  }
  return t.inner(out, t, adjusted);
}

const char* WriteMysqlInstant(std::string& out, const DebeziumType& t, const Value& v) {
  if (v.kind == ValueKind::kText) return WriteOddDate(out, t, v.text);
  return t.inner(out, t, v);
}

// Signed and longer than a day. Modes that know a time of day alone have null for what is none.
const char* WriteMysqlTimeValue(std::string& out, const DebeziumType& t, const Value& v) {
  if (v.kind != ValueKind::kTime) return kWrongKind;
  switch (t.options->time) {
    case O::Time::kConnect:
    case O::Time::kIsoString:
      if (!IsTimeOfDay(v.i)) return t.nullable ? (out += "null", nullptr) : kBeyondDay;
      return t.inner(out, t, v);
    case O::Time::kNanoseconds:
      AppendInt(out, v.i);
      if (v.i != 0) out += "000";
      return nullptr;
    case O::Time::kStructured:
      return t.inner(out, t, v);
    default:
      AppendInt(out, v.i);
      return nullptr;
  }
}

const char* WriteDuration(std::string& out, const DebeziumType& t, const Value& v) {
  if (v.kind != ValueKind::kTime) return kWrongKind;
  const auto member = [&](std::string_view name, std::int64_t value) {
    out += name;
    AppendInt(out, value);
  };
  out += "{\"years\":0,\"months\":0,\"days\":0";
  member(",\"hours\":", v.i / (3600 * kSecondUs));
  member(",\"minutes\":", v.i / (60 * kSecondUs) % 60);
  member(",\"seconds\":", v.i / kSecondUs % 60);
  member(",\"nanos\":", v.i % kSecondUs * 1000);
  out += ",\"precision\":";
  if (t.type.precision > 0) {
    AppendInt(out, t.type.precision);
  } else {
    out += "null";
  }
  out.push_back('}');
  return nullptr;
}

Form FormOfKind(const DataType& type) {
  switch (type.kind) {
    case TypeKind::kInt16:
    case TypeKind::kInt32:
    case TypeKind::kInt64:
    case TypeKind::kUint:
      return Form::kInteger;
    case TypeKind::kFloat:
      return type.precision >= 0 ? Form::kDouble : Form::kReal;
    case TypeKind::kDouble:
      return Form::kDouble;
    case TypeKind::kDecimal:
      return Form::kScaledDecimal;
    case TypeKind::kBytes:
      return Form::kBytes;
    case TypeKind::kBits:
      return type.length == 1 ? Form::kBit : Form::kBits;
    case TypeKind::kDate:
      return Form::kDate;
    case TypeKind::kTime:
      return Form::kTime;
    case TypeKind::kTimestamp:
      return Form::kTimestamp;
    case TypeKind::kTimestampTz:
      return Form::kTimestampTz;
    case TypeKind::kUuid:
      return Form::kUuid;
    case TypeKind::kJsonb:
      return Form::kJson;
    case TypeKind::kGeometry:
      return type.base == "point" ? Form::kPoint : Form::kGeometry;
    case TypeKind::kArray:
      return Form::kArray;
    case TypeKind::kUnknown:
      return Form::kUnknown;
    default:
      return Form::kString;
  }
}

DebeziumWriter WriterOfKind(const DebeziumType& t) {
  switch (t.type.kind) {
    case TypeKind::kInt16:
      return t.type.base == "year" ? WriteYear : WriteTinyInt;
    case TypeKind::kUint:
      return WriteUnsigned;
    case TypeKind::kFloat:
      return t.form == Form::kDouble ? WriteWideFloat : PlainWriter(t.form, t.options->decimals);
    case TypeKind::kBits:
      return t.form == Form::kBits ? WriteBitBytes : PlainWriter(t.form, t.options->decimals);
    case TypeKind::kArray:
      return t.options->vector_to_json ? WriteVectorText : PlainWriter(t.form, t.options->decimals);
    case TypeKind::kJsonb:
      return WriteStreamJson;
    case TypeKind::kGeometry:
      return t.form == Form::kPoint ? WriteMysqlPoint : WriteMysqlGeometry;
    case TypeKind::kDate:
      return WriteMysqlDate;
    case TypeKind::kTime:
      return t.options->time == O::Time::kStructured ? WriteDuration : WriteMysqlTimeValue;
    case TypeKind::kTimestamp:
      return WriteMysqlDatetime;
    case TypeKind::kTimestampTz:
      return WriteMysqlInstant;
    default:
      return PlainWriter(t.form, t.options->decimals);
  }
}

}  // namespace

std::optional<DebeziumType> MakeMysqlType(const DataType& type, const DebeziumOptions& options) {
  DebeziumType t;
  t.form = FormOfKind(type);
  t.options = &options;
  t.type = type;
  t.digits = std::max(type.precision, 0);
  t.scale = std::max(type.scale, 0);
  if (t.form == Form::kArray) {
    auto element = MakeMysqlType(type.children[0], options);
    t.element = std::make_unique<DebeziumType>(std::move(*element));
  }
  if (t.form == Form::kUnknown && !options.unknown_types) return std::nullopt;
  t.write = WriterOfKind(t);
  const bool temporal =
      t.form == Form::kDate || t.form == Form::kTime || t.form == Form::kTimestamp || t.form == Form::kTimestampTz;
  if (temporal) t.inner = TemporalWriter(t.form, options.time, options.interval, t.digits);
  return t;
}

}  // namespace headgate::codec
