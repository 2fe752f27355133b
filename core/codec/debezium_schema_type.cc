#include <algorithm>

#include "core/codec/debezium_schema.h"
#include "core/codec/mysql_text.h"

// Schemas of columns, by the form that their values take.
namespace headgate::codec {
namespace {

using O = DebeziumOptions;
using T = ConnectType;
using Form = DebeziumForm;

ConnectSchema Member(T type, std::string_view field) { return Plain(type).Optional().Field(field); }

// --- dates and times

ConnectSchema StructuredSchema(Form form, bool mysql) {
  const auto date = [] {
    return std::vector{Member(T::kInt32, "year"), Member(T::kInt8, "month"), Member(T::kInt8, "day")};
  };
  const auto clock = [](std::vector<ConnectSchema> fields) {
    for (const char* name : {"hour", "minute", "second"}) fields.push_back(Member(T::kInt8, name));
    fields.push_back(Member(T::kInt32, "nanos"));
    return fields;
  };
  const auto ended = [](std::string_view name, std::vector<ConnectSchema> fields) {
    fields.push_back(Member(T::kInt32, "precision"));
    return StructOf("io.debezium.time.Structured" + std::string(name), 1, std::move(fields));
  };
  std::vector<ConnectSchema> fields;
  switch (mysql && form == Form::kTime ? Form::kInterval : form) {
    case Form::kDate:
      fields = date();
      fields.push_back(Member(T::kString, "specialValue"));
      return StructOf("io.debezium.time.StructuredDate", 1, std::move(fields));
    case Form::kTime:
      return ended("Time", clock({}));
    case Form::kTimeTz:
      fields = clock({});
      fields.push_back(Member(T::kInt32, "offsetSeconds"));
      return ended("ZonedTime", std::move(fields));
    case Form::kTimestamp:
      fields = clock(date());
      fields.push_back(Member(T::kString, "specialValue"));
      return ended("Timestamp", std::move(fields));
    case Form::kTimestampTz:
      fields = clock(date());
      fields.push_back(Member(T::kInt32, "offsetSeconds"));
      fields.push_back(Member(T::kString, "zoneId"));
      fields.push_back(Member(T::kString, "specialValue"));
      return ended("ZonedTimestamp", std::move(fields));
    default:
      for (const char* name : {"years", "months", "days", "hours", "minutes"})
        fields.push_back(Member(T::kInt32, name));
      fields.push_back(Member(T::kInt64, "seconds"));
      fields.push_back(Member(T::kInt32, "nanos"));
      return ended("Duration", std::move(fields));
  }
}

ConnectSchema DateSchema(O::Time mode) {
  if (mode == O::Time::kIsoString) return Named(T::kString, "io.debezium.time.IsoDate");
  return Named(T::kInt32, mode == O::Time::kConnect ? "org.apache.kafka.connect.data.Date" : "io.debezium.time.Date");
}

ConnectSchema TimeSchema(O::Time mode, int digits) {
  switch (mode) {
    case O::Time::kConnect:
      return Named(T::kInt32, "org.apache.kafka.connect.data.Time");
    case O::Time::kIsoString:
      return Named(T::kString, "io.debezium.time.IsoTime");
    case O::Time::kNanoseconds:
      return Named(T::kInt64, "io.debezium.time.NanoTime");
    case O::Time::kAdaptive:
      if (digits <= 3) return Named(T::kInt32, "io.debezium.time.Time");
      [[fallthrough]];
    default:
      return Named(T::kInt64, "io.debezium.time.MicroTime");
  }
}

ConnectSchema TimestampSchema(O::Time mode, int digits) {
  switch (mode) {
    case O::Time::kConnect:
      return Named(T::kInt64, "org.apache.kafka.connect.data.Timestamp");
    case O::Time::kIsoString:
      return Named(T::kString, "io.debezium.time.IsoTimestamp");
    case O::Time::kNanoseconds:
      return Named(T::kInt64, "io.debezium.time.NanoTimestamp");
    case O::Time::kMicroseconds:
      return Named(T::kInt64, "io.debezium.time.MicroTimestamp");
    default:
      return Named(T::kInt64, digits <= 3 ? "io.debezium.time.Timestamp" : "io.debezium.time.MicroTimestamp");
  }
}

ConnectSchema TemporalSchema(const DebeziumType& t) {
  const O::Time mode = t.options->time;
  if (mode == O::Time::kStructured) return StructuredSchema(t.form, IsMysql(t.type));
  switch (t.form) {
    case Form::kDate:
      return DateSchema(mode);
    case Form::kTime:
      // MySQL has no `adaptive`: its times, longer than a day, are microseconds.
      return TimeSchema(IsMysql(t.type) && mode == O::Time::kAdaptive ? O::Time::kMicroseconds : mode, t.digits);
    case Form::kTimeTz:
      return Named(T::kString, "io.debezium.time.ZonedTime");
    case Form::kTimestamp:
      return TimestampSchema(mode, t.digits);
    case Form::kTimestampTz:
      return Named(T::kString, "io.debezium.time.ZonedTimestamp");
    default:
      if (t.options->interval == O::Interval::kString) return Named(T::kString, "io.debezium.time.Interval");
      return Named(T::kInt64, "io.debezium.time.MicroDuration");
  }
}

// --- numbers

// `precision` 0: not told, as of money.
ConnectSchema DecimalSchema(O::Decimals mode, int precision, int scale) {
  if (mode == O::Decimals::kDouble) return Plain(T::kFloat64);
  if (mode == O::Decimals::kString) return Plain(T::kString);
  ConnectSchema schema =
      Named(T::kBytes, "org.apache.kafka.connect.data.Decimal").Parameter("scale", std::to_string(scale));
  if (precision > 0) schema = std::move(schema).Parameter("connect.decimal.precision", std::to_string(precision));
  return schema;
}

ConnectSchema FreeDecimalSchema(O::Decimals mode) {
  if (mode != O::Decimals::kPrecise) return DecimalSchema(mode, 0, 0);
  ConnectSchema schema = StructOf("io.debezium.data.VariableScaleDecimal", 1,
                                  {Plain(T::kInt32).Field("scale"), Plain(T::kBytes).Field("value")});
  schema.doc = "Variable scaled decimal";
  return schema;
}

ConnectSchema IntegerSchema(const DebeziumType& t) {
  const std::string& base = t.type.base;
  switch (t.type.kind) {
    case TypeKind::kInt16:
      if (base == "year") return Named(T::kInt32, "io.debezium.time.Year");
      if (IsTinyInt1(t.type) && t.type.declared.find("zerofill") == std::string::npos &&
          (t.options->tinyint1 == O::TinyInt1::kBoolean ||
           (t.options->tinyint1 != O::TinyInt1::kNumber && base == "boolean")))
        return Plain(T::kBoolean);
      return Plain(T::kInt16);
    case TypeKind::kInt32:
      return Plain(T::kInt32);
    case TypeKind::kUint:
      if (base == "bigint" && t.options->unsigned_precise) return DecimalSchema(O::Decimals::kPrecise, 20, 0);
      return Plain(T::kInt64);
    default:
      return Plain(T::kInt64);
  }
}

// --- texts

// "enum('a','b,c')": a,b\,c
std::string AllowedLabels(std::string_view declared) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < declared.size(); ++i) {
    const char c = declared[i];
    if (c == '\'') {
      const bool escaped = quoted && i + 1 < declared.size() && declared[i + 1] == '\'';
      if (escaped) ++i;
      if (escaped) out.push_back(c);
      if (!escaped) quoted = !quoted;
    } else if (quoted) {
      if (c == ',' || c == '\\') out.push_back('\\');
      out.push_back(c);
    } else if (c == ',') {
      out.push_back(c);
    }
  }
  return out;
}

// The labels of an enum of PostgreSQL are not known here, and not made up.
ConnectSchema TextSchema(const DataType& type) {
  const bool set = IsMysql(type) && type.base == "set";
  if (set || type.kind == TypeKind::kEnum) {
    ConnectSchema schema = Named(T::kString, set ? "io.debezium.data.EnumSet" : "io.debezium.data.Enum");
    if (!IsMysql(type)) return schema;
    return std::move(schema).Parameter("allowed", AllowedLabels(type.declared));
  }
  if (type.base == "xml") return Named(T::kString, "io.debezium.data.Xml");
  if (type.base == "ltree") return Named(T::kString, "io.debezium.data.Ltree");
  if (type.base == "tsvector") return Named(T::kString, "io.debezium.data.Tsvector");
  return Plain(T::kString);
}

ConnectSchema BinarySchema(O::Binary mode) { return Plain(mode == O::Binary::kBytes ? T::kBytes : T::kString); }

// --- shapes

ConnectSchema Shape(std::string_view name, int version, std::string_view doc, std::vector<ConnectSchema> fields) {
  ConnectSchema schema = StructOf("io.debezium.data.geometry." + std::string(name), version, std::move(fields));
  schema.doc = doc;
  return schema;
}

ConnectSchema PointSchema() {
  return Shape("Point", 1, "Geometry (POINT)",
               {Plain(T::kFloat64).Field("x"), Plain(T::kFloat64).Field("y"), Member(T::kBytes, "wkb"),
                Member(T::kInt32, "srid")});
}

ConnectSchema ShapeSchema(Form form) {
  switch (form) {
    case Form::kPoint:
      return PointSchema();
    case Form::kCircle:
      return Shape("Circle", 1, "Geometry (CIRCLE)",
                   {PointSchema().Field("center"), Plain(T::kFloat64).Field("radius")})
          .Optional();
    case Form::kLine:
      return Shape("Line", 1, "Geometry (LINE)",
                   {Plain(T::kFloat64).Field("a"), Plain(T::kFloat64).Field("b"), Plain(T::kFloat64).Field("c")})
          .Optional();
    case Form::kGeography:
      return Shape("Geography", 1, "Geography", {Plain(T::kBytes).Field("wkb"), Member(T::kInt32, "srid")});
    default:
      return Shape("Geometry", 2, "Geometry",
                   {Plain(T::kBytes).Field("wkb"), Member(T::kInt32, "srid"),
                    MapOf(Plain(T::kString), Plain(T::kString)).Optional().Field("extensions")})
          .Optional();
  }
}

ConnectSchema VectorSchema(const DebeziumType& t) {
  const bool narrow = IsMysql(t.type) || t.type.base == "halfvec";
  ConnectSchema schema = ArrayOf(Plain(narrow ? T::kFloat32 : T::kFloat64));
  schema.name = narrow ? "io.debezium.data.FloatVector" : "io.debezium.data.DoubleVector";
  schema.version = 1;
  return schema;
}

ConnectSchema SparseVectorSchema() {
  ConnectSchema schema =
      StructOf("io.debezium.data.SparseDoubleVector", 1,
               {Plain(T::kInt16).Field("dimensions"), MapOf(Plain(T::kInt16), Plain(T::kFloat64)).Field("vector")});
  schema.doc = "Sparse double vector";
  return schema;
}

// Elements may be null, but for those that upstream has from its general rule: enums, texts of extensions, what it does
// not know.
bool ElementsMayBeNull(const DebeziumType& element) {
  const std::string& base = element.type.base;
  return element.form != Form::kUnknown && element.type.kind != TypeKind::kEnum && base != "isbn" &&
         base != "tsvector" && element.form != Form::kVector && element.form != Form::kSparseVector;
}

ConnectSchema ArraySchema(const DebeziumType& t) {
  if (IsMysql(t.type)) {
    return t.options->vector_to_json ? Named(T::kString, "io.debezium.data.Json") : VectorSchema(t);
  }
  ConnectSchema items = SchemaOfType(*t.element);
  items.optional = items.optional || ElementsMayBeNull(*t.element);
  return ArrayOf(std::move(items));
}

}  // namespace

ConnectSchema SchemaOfType(const DebeziumType& t) {
  const O::Decimals decimals = t.options->decimals;
  switch (t.form) {
    case Form::kInteger:
      return IntegerSchema(t);
    case Form::kReal:
      return Plain(T::kFloat32);
    case Form::kDouble:
      return Plain(T::kFloat64);
    case Form::kBoolean:
    case Form::kBit:
      return Plain(T::kBoolean);
    case Form::kString:
      return TextSchema(t.type);
    case Form::kJson:
      return Named(T::kString, "io.debezium.data.Json");
    case Form::kUuid:
      return Named(T::kString, "io.debezium.data.Uuid");
    case Form::kBits:
      return Named(T::kBytes, "io.debezium.data.Bits")
          .Parameter("length", t.type.length > 0 ? std::to_string(t.type.length) : "2147483647");
    case Form::kScaledDecimal:
      return DecimalSchema(decimals, std::max(t.type.precision, 0), t.scale);
    case Form::kFreeDecimal:
      return FreeDecimalSchema(decimals);
    case Form::kMoney:
      return DecimalSchema(decimals, 0, t.scale);
    case Form::kDate:
    case Form::kTime:
    case Form::kTimeTz:
    case Form::kTimestamp:
    case Form::kTimestampTz:
    case Form::kInterval:
      return TemporalSchema(t);
    case Form::kHstore:
      if (t.options->hstore == O::Hstore::kJson) return Named(T::kString, "io.debezium.data.Json");
      return MapOf(Plain(T::kString), Plain(T::kString).Optional());
    case Form::kPoint:
    case Form::kShape:
    case Form::kCircle:
    case Form::kLine:
    case Form::kGeometry:
    case Form::kGeography:
      return ShapeSchema(t.form);
    case Form::kVector:
      return VectorSchema(t);
    case Form::kSparseVector:
      return SparseVectorSchema();
    case Form::kIntVector:
      return ArrayOf(Plain(t.type.base == "int2vector" ? T::kInt16 : T::kInt64).Optional());
    case Form::kArray:
      return ArraySchema(t);
    case Form::kBytes:
    case Form::kUnknown:
      break;
  }
  return BinarySchema(t.options->binary);
}

}  // namespace headgate::codec
