#include <gtest/gtest.h>

#include <limits>

#include "tests/unit/codec/sample.h"

// Section 3.11 row by row, for what the golden records do not show: parked values, Headgate's deviations, types that
// need an extension, 3.3's fallbacks. The rest is in golden_test.cc.
namespace headgate::testing {
namespace {

using K = TypeKind;
using codec::DebeziumOptions;

const DataType kDecimal = Type(K::kDecimal, "numeric");
const DataType kTimestamp = Type(K::kTimestamp, "timestamp");

bool IsParked(const std::string& text) { return text.starts_with("rejected: column v of public.t: "); }

TEST(DebeziumRows, DP01ToDP06PlainTypes) {
  EXPECT_EQ(DebeziumOf(Type(K::kInt64, "int8"), Int(1234567890123)), "1234567890123");
  EXPECT_EQ(DebeziumOf(Type(K::kUint, "oid"), Uint(4000000000)), "4000000000");
  EXPECT_EQ(DebeziumOf(Type(K::kFloat, "float4"), Float(3)), "3.0");
  EXPECT_EQ(DebeziumOf(Type(K::kDouble, "float8"), Double(1e7)), "1.0E7");
  EXPECT_EQ(DebeziumOf(Type(K::kBool, "bool"), Bool(true)), "true");
  EXPECT_EQ(DebeziumOf(Type(K::kBool, "bool"), Null()), "null");
}

TEST(DebeziumRows, DP07ToDP13Decimals) {
  EXPECT_EQ(DebeziumOf(Numeric(3, 2), Decimal("1.10")), "\"bg==\"");
  EXPECT_EQ(DebeziumOf(Numeric(3, 2), Decimal("1.10"), With({{"decimal.handling.mode", "double"}})), "1.1");
  EXPECT_EQ(DebeziumOf(Numeric(3, 2), Decimal("1.10"), With({{"decimal.handling.mode", "string"}})), "\"1.10\"");
  EXPECT_EQ(DebeziumOf(kDecimal, Decimal("100.00")), R"({"scale":0,"value":"ZA=="})");
  EXPECT_EQ(DebeziumOf(kDecimal, Decimal("100.00"), With({{"decimal.format", "NUMERIC"}})),
            R"({"scale":0,"value":"ZA=="})");
  EXPECT_EQ(DebeziumOf(Numeric(3, 2), Decimal("1.10"), With({{"decimal.format", "NUMERIC"}})), "1.10");
  EXPECT_EQ(DebeziumOf(Numeric(65, 18), Decimal("0.000000000000000000"), With({{"decimal.format", "NUMERIC"}})),
            "0E-18");
}

TEST(DebeziumRows, DP14DP15NonFiniteDecimalsParkTheRecordOrAreNull) {
  for (const char* text : {"NaN", "Infinity", "-Infinity"}) {
    for (const DataType& type : {kDecimal, Numeric(5, 2)}) {
      const std::string parked = DebeziumOf(type, Decimal(text));
      EXPECT_TRUE(IsParked(parked)) << parked;
      EXPECT_NE(parked.find("compat.nonfinite_decimal"), std::string::npos);
      EXPECT_EQ(DebeziumOf(type, Decimal(text), With({{"compat.nonfinite_decimal", "null"}})), "null");
      EXPECT_TRUE(IsParked(DebeziumOf(ArrayOf(type), Array({Decimal("1.00"), Decimal(text)}))));
      EXPECT_EQ(DebeziumOf(ArrayOf(type), Array({Decimal("1.00"), Decimal(text)}),
                           With({{"compat.nonfinite_decimal", "null"}})),
                "null");
    }
  }
  const auto string = With({{"decimal.handling.mode", "string"}});
  EXPECT_EQ(DebeziumOf(kDecimal, Decimal("NaN"), string), "\"NAN\"");
  EXPECT_EQ(DebeziumOf(kDecimal, Decimal("Infinity"), string), "\"POSITIVE_INFINITY\"");
  EXPECT_EQ(DebeziumOf(kDecimal, Decimal("-Infinity"), string), "\"NEGATIVE_INFINITY\"");
  const auto real = With({{"decimal.handling.mode", "double"}});
  EXPECT_EQ(DebeziumOf(kDecimal, Decimal("NaN"), real), "\"NaN\"");
  EXPECT_EQ(DebeziumOf(kDecimal, Decimal("-Infinity"), real), "\"-Infinity\"");
}

TEST(DebeziumRows, X12NegativeScaleIsScaleZero) { EXPECT_EQ(DebeziumOf(Numeric(5, -2), Decimal("12300")), "\"MAw=\""); }

TEST(DebeziumRows, DP16DP17Money) {
  const DataType money = Type(K::kMoney, "money");
  EXPECT_EQ(DebeziumOf(money, Decimal("-1234.11")), "\"/h3t\"");
  EXPECT_EQ(DebeziumOf(money, Decimal("1234.11"), With({{"money.fraction.digits", "0"}})), "\"BNI=\"");
  EXPECT_EQ(DebeziumOf(money, Decimal("1234.11"), With({{"decimal.handling.mode", "string"}})), "\"1234.11\"");
}

TEST(DebeziumRows, X10NameIsTheText) { EXPECT_EQ(DebeziumOf(Type(K::kText, "name"), Text("nm")), "\"nm\""); }

TEST(DebeziumRows, TextThatIsNotUtf8IsParked) {
  EXPECT_TRUE(IsParked(DebeziumOf(Type(K::kText, "text"), RawText("\xE9"))));
  EXPECT_TRUE(IsParked(DebeziumOf(Type(K::kHstore, "hstore"), RawText("\xE9"))));
}

TEST(DebeziumRows, DP19ArraysOfTwoDimensionsAreNested) {
  EXPECT_EQ(DebeziumOf(ArrayOf(Type(K::kInt32, "int4")), Array({{2, 1}, {2, 1}}, {Int(1), Int(2), Int(3), Null()})),
            "[[1,2],[3,null]]");
  EXPECT_EQ(DebeziumOf(ArrayOf(Type(K::kChar, "bpchar")), Array({{1, 5}}, {Text("x  ")})), "[\"x  \"]");
}

TEST(DebeziumRows, DP22ToDP26Bits) {
  const auto bit = [](int n) { return WithLength(Type(K::kBits, "bit"), n); };
  const auto varbit = [](int n) { return WithLength(Type(K::kBits, "varbit"), n); };
  EXPECT_EQ(DebeziumOf(bit(1), Bits("1")), "true");
  EXPECT_EQ(DebeziumOf(bit(2), Bits("11")), "\"Aw==\"");
  EXPECT_EQ(DebeziumOf(bit(2), Bits("00")), "\"\"");
  EXPECT_EQ(DebeziumOf(bit(7), Bits("1000000"), With({{"binary.handling.mode", "hex"}})), "\"QA==\"");
  EXPECT_EQ(DebeziumOf(varbit(1), Bits("1")), "true");
  EXPECT_EQ(DebeziumOf(varbit(2), Bits("00")), "\"\"");
  EXPECT_EQ(DebeziumOf(varbit(24), Bits("000000110000001000000001")), "\"AQID\"");
  EXPECT_EQ(DebeziumOf(varbit(64), Bits("1" + std::string(63, '0'))), "\"AAAAAAAAAIA=\"");
  EXPECT_EQ(DebeziumOf(varbit(0), Bits("101")), "\"BQ==\"");
  EXPECT_EQ(DebeziumOf(varbit(0), Bits("100000001110110100010001000000001")), "\"ASLaAQE=\"");
  EXPECT_EQ(DebeziumOf(ArrayOf(bit(3)), Array({Bits("101"), Bits("011")})),
            R"(["BQ==","Aw=="])");  // upstream loses them
}

TEST(DebeziumRows, DP36TimeOfTwentyFourHours) {
  const DataType time = Type(K::kTime, "time");
  EXPECT_EQ(DebeziumOf(time, Time(Clock(24, 0, 0)), With({{"time.precision.mode", "isostring"}})), "\"00:00:00Z\"");
  const auto structured = With({{"time.precision.mode", "structured"}});
  EXPECT_EQ(DebeziumOf(time, Time(Clock(24, 0, 0)), structured), "null");
  EXPECT_TRUE(IsParked(DebeziumOf(time, Time(Clock(24, 0, 0)), structured, false)));
}

TEST(DebeziumRows, DP37X11TimesWithZoneAreUtc) {
  const DataType timetz = Type(K::kTimeTz, "timetz");
  EXPECT_EQ(DebeziumOf(timetz, TimeTz(Clock(12, 0, 0), 57599)), "\"20:00:01Z\"");
  EXPECT_EQ(DebeziumOf(timetz, TimeTz(Clock(24, 0, 0), 0)), "\"24:00:00Z\"");
  EXPECT_EQ(DebeziumOf(timetz, TimeTz(Clock(24, 0, 0), 7200)), "\"22:00:00Z\"");
  EXPECT_EQ(DebeziumOf(timetz, TimeTz(Clock(22, 0, 0), -7200)), "\"00:00:00Z\"");
  EXPECT_EQ(DebeziumOf(ArrayOf(timetz), Array({TimeTz(Clock(11, 51, 2, 500000), 0)})), R"(["11:51:02Z"])");  // DP78
}

TEST(DebeziumRows, DP44DP46DP47TimestampsAtTheEndsOfTheRange) {
  EXPECT_EQ(DebeziumOf(kTimestamp, Timestamp(Moment(-4712, 12, 31, 23, 59, 59, 999999))), "-210831897600000001");
  const auto nanos = With({{"time.precision.mode", "nanoseconds"}});
  EXPECT_EQ(DebeziumOf(kTimestamp, Timestamp(kInfinity), nanos), "9223372036854775807");
  EXPECT_EQ(DebeziumOf(kTimestamp, Timestamp(Moment(2262, 4, 11, 23, 47, 16, 854775)), nanos), "9223372036854775000");
  EXPECT_EQ(DebeziumOf(kTimestamp, Timestamp(Moment(1677, 9, 21, 0, 12, 44)), nanos), "-9223372036000000000");
  for (const std::int64_t outside :
       {Moment(9999, 12, 31), Moment(2262, 4, 11, 23, 47, 16, 854776), Moment(1677, 9, 21, 0, 12, 43, 999999)}) {
    EXPECT_TRUE(IsParked(DebeziumOf(kTimestamp, Timestamp(outside), nanos)));
  }
  const std::int64_t last = Moment(294276, 12, 31, 23, 59, 59, 999999);  // its microseconds since 1970 pass 64 bits
  EXPECT_TRUE(IsParked(DebeziumOf(kTimestamp, Timestamp(last))));
  EXPECT_EQ(DebeziumOf(kTimestamp, Timestamp(last), With({{"time.precision.mode", "connect"}})), "9224318015999999");
  EXPECT_EQ(DebeziumOf(kTimestamp, Timestamp(last), With({{"time.precision.mode", "isostring"}})),
            "\"+294276-12-31T23:59:59.999999Z\"");
}

TEST(DebeziumRows, DP52DP53TimestampsWithZone) {
  const DataType tstz = Type(K::kTimestampTz, "timestamptz");
  EXPECT_EQ(DebeziumOf(tstz, TimestampTz(Moment(-4713, 12, 31, 23, 59, 59, 999999))),
            "\"-4713-12-31T23:59:59.999999Z\"");
  EXPECT_EQ(DebeziumOf(WithPrecision(tstz, 3), TimestampTz(Moment(2019, 7, 9, 2, 28, 57))),
            "\"2019-07-09T02:28:57.000Z\"");
  EXPECT_EQ(DebeziumOf(tstz, TimestampTz(kMinusInfinity)), "\"-infinity\"");
}

TEST(DebeziumRows, DP54IntervalsSaturate) {
  const DataType interval = Type(K::kInterval, "interval");
  EXPECT_EQ(DebeziumOf(interval, Interval(14, 3, Clock(4, 5, 6, 780000))), "37091106780000");
  EXPECT_EQ(DebeziumOf(interval, Interval(-178000000 * 12, 0, 0)), "-9223372036854775808");
  EXPECT_TRUE(IsParked(DebeziumOf(interval, Text("infinity"))));
}

TEST(DebeziumRows, DP56DP57HstoreFollowsTheOrderOfJava) {
  const DataType hstore = Type(K::kHstore, "hstore");
  const std::string value = Text(R"("a"=>"1", "b"=>NULL, "aa"=>"3")");
  EXPECT_EQ(DebeziumOf(hstore, value), R"("{\"aa\":\"3\",\"a\":\"1\",\"b\":null}")");
  EXPECT_EQ(DebeziumOf(hstore, value, With({{"hstore.handling.mode", "map"}})), R"({"aa":"3","a":"1","b":null})");
  EXPECT_TRUE(IsParked(DebeziumOf(hstore, Text("no hstore"))));
}

TEST(DebeziumRows, DP60DP80UnknownTypesAreAbsentOrTheirText) {
  const auto unknown = With({{"include.unknown.datatypes", "true"}});
  const DataType tsquery = Type(K::kTextSearch, "tsquery");
  EXPECT_NE(DebeziumOf(tsquery, Text("'fat' <-> 'cat'")).find("not found"),
            std::string::npos);  // the row has no member v
  EXPECT_EQ(DebeziumOf(tsquery, Text("'fat' <-> 'cat'"), unknown), "\"J2ZhdCcgPC0+ICdjYXQn\"");
  DataType pair = Type(K::kComposite, "pair");
  pair.field_names = {"a", "b"};
  pair.children = {Type(K::kInt32, "int4"), Type(K::kText, "text")};
  const auto hex = With({{"include.unknown.datatypes", "true"}, {"binary.handling.mode", "hex"}});
  EXPECT_EQ(DebeziumOf(pair, Composite({Int(1), Text("x")}), hex), "\"28312c7829\"");
  EXPECT_EQ(DebeziumOf(pair, Composite({Null(), Text("a \"b\\")}), unknown), "\"KCwiYSAiImJcXCIp\"");  // (,"a ""b\\")
  DataType domain = Type(K::kText, "text");
  domain.domain = true;
  EXPECT_EQ(DebeziumOf(ArrayOf(domain), Array({Text("a"), Null()}), unknown), "[\"YQ==\",null]");
  for (const DataType& element : {Type(K::kGeometric, "point"), Type(K::kText, "name"), Type(K::kMoney, "money"),
                                  Type(K::kInterval, "interval")}) {
    EXPECT_NE(DebeziumOf(ArrayOf(element), Array({}), unknown).find("not found"), std::string::npos) << element.base;
  }
  EXPECT_EQ(DebeziumOf(Type(K::kUnknown, "int2vector"), Text("1 2")), "[1,2]");  // upstream loses them
}

TEST(DebeziumRows, DP64ToDP66ShapesOf370) {
  const auto shape = [](const char* base) { return Type(K::kGeometric, base); };
  EXPECT_EQ(DebeziumOf(shape("point"), Text("(1,1)")),
            R"({"x":1.0,"y":1.0,"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAPA/","srid":null})");
  EXPECT_EQ(DebeziumOf(shape("circle"), Text("<(10,20),5>")),
            R"({"center":{"x":10.0,"y":20.0,"wkb":"AQEAAAAAAAAAAAAkQAAAAAAAADRA","srid":null},"radius":5.0})");
  EXPECT_EQ(DebeziumOf(shape("line"), Text("{1,-1,0.5}")), R"({"a":1.0,"b":-1.0,"c":0.5})");
  EXPECT_EQ(
      DebeziumOf(shape("path"), Text("[(0,0),(1,1)]")),
      R"({"wkb":"AQIAAAACAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAPA/AAAAAAAA8D8=","srid":null,"extensions":{"type":"path","closed":"false"}})");
  EXPECT_EQ(
      DebeziumOf(shape("path"), Text("((0,0),(1,1))")),
      R"({"wkb":"AQIAAAACAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAPA/AAAAAAAA8D8=","srid":null,"extensions":{"type":"path","closed":"true"}})");
  const std::string box = DebeziumOf(shape("box"), Text("(2,2),(0,0)"));
  // (2 2), (2 0), (0 0), (0 2), (2 2)
  EXPECT_EQ(box, R"({"wkb":"AQMAAAABAAAABQAAAAAAAAAAAABAAAAAAAAAAEAAAAAAAAAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA)"
                 R"(AAAAAAAAAAAAAAAAAAAAAEAAAAAAAAAAQAAAAAAAAABA","srid":null,"extensions":{"type":"box"}})");
  EXPECT_TRUE(IsParked(DebeziumOf(shape("point"), Text("(1)"))));
}

TEST(DebeziumRows, DP67ToDP69PostGis) {
  const DataType geometry = Extension("geometry");
  EXPECT_EQ(DebeziumOf(geometry, Text("0101000020730C00001C7C613255DE6540787AA52C435C42C0")),
            R"({"wkb":"AQEAACBzDAAAHHxhMlXeZUB4eqUsQ1xCwA==","srid":3187,"extensions":null})");
  EXPECT_EQ(DebeziumOf(Extension("geography"), Text("0101000020E6100000000000000000F03F0000000000000040")),
            R"({"wkb":"AQEAACDmEAAAAAAAAAAA8D8AAAAAAAAAQA==","srid":4326})");
  EXPECT_EQ(DebeziumOf(ArrayOf(geometry), Array({Text("010700000000000000")})),
            R"([{"wkb":"AQcAAAAAAAAA","srid":null,"extensions":null}])");
  EXPECT_TRUE(IsParked(DebeziumOf(geometry, Text("POINT(1 1)"))));
}

TEST(DebeziumRows, DP70DP71Vectors) {
  EXPECT_EQ(DebeziumOf(Extension("vector"), Text("[1,2,3]")), "[1.0,2.0,3.0]");
  const DataType sparse = Extension("sparsevec");
  EXPECT_EQ(DebeziumOf(sparse, Text("{1:201,9:209}/3000")), R"({"dimensions":3000,"vector":[[1,201.0],[9,209.0]]})");
  EXPECT_EQ(DebeziumOf(sparse, Text("{1:1}/40000")), "null");
  EXPECT_TRUE(IsParked(DebeziumOf(sparse, Text("{1:1}/40000"), {}, false)));
}

TEST(DebeziumRows, DP76DP77ArraysHoldElementForms) {
  EXPECT_EQ(DebeziumOf(ArrayOf(kDecimal), Array({Decimal("1.1"), Decimal("2.22"), Decimal("3.333")})),
            R"([{"scale":1,"value":"Cw=="},{"scale":2,"value":"AN4="},{"scale":3,"value":"DQU="}])");
  EXPECT_EQ(DebeziumOf(ArrayOf(Type(K::kJson, "json")), Array({Json(R"({"a": 1})")})), R"(["{\"a\": 1}"])");
  EXPECT_EQ(DebeziumOf(ArrayOf(Type(K::kInt32, "int4")), Null()), "null");
}

TEST(DebeziumRows, DP81ToDP84WhatWasNotSentHasAPlaceholderOrIsParked) {
  for (const char* base : {"text", "varchar", "citext", "xml", "tsvector", "ltree"}) {
    EXPECT_EQ(DebeziumUnsent(Type(K::kText, base)), "\"__debezium_unavailable_value\"") << base;
  }
  EXPECT_EQ(DebeziumUnsent(Type(K::kJsonb, "jsonb"), With({{"unavailable.value.placeholder", "gone"}})), "\"gone\"");
  const DataType bytea = Type(K::kBytes, "bytea");
  EXPECT_EQ(DebeziumUnsent(bytea), "\"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==\"");
  EXPECT_EQ(DebeziumUnsent(bytea, With({{"binary.handling.mode", "base64"}})), "null");
  EXPECT_EQ(DebeziumUnsent(bytea, With({{"binary.handling.mode", "hex"}})), "\"__debezium_unavailable_value\"");
  EXPECT_EQ(DebeziumUnsent(ArrayOf(Type(K::kUuid, "uuid"))), R"(["b68a35a7-17ad-35b3-af2a-ae46edb4545a"])");
  EXPECT_EQ(DebeziumUnsent(ArrayOf(Type(K::kInt32, "int4")), With({{"unavailable.value.placeholder", "gone"}})),
            "[103,111,110,101]");
  EXPECT_EQ(DebeziumUnsent(ArrayOf(Type(K::kInt16, "int2"))), "null");
  EXPECT_EQ(DebeziumUnsent(kDecimal), "null");
  EXPECT_TRUE(IsParked(DebeziumUnsent(kDecimal, {}, false)));
  EXPECT_EQ(DebeziumUnsent(Extension("geometry"), {}, false), "null");
}

TEST(DebeziumFallbacks, AnUnloggedColumnThatForbidsNullHasTheFallbackOfItsType) {
  const std::pair<DataType, const char*> kCases[] = {
      {Type(K::kInt32, "int4"), "0"},
      {Type(K::kUint, "oid"), "0"},
      {Type(K::kInterval, "interval"), "0"},
      {Type(K::kFloat, "float4"), "0.0"},
      {Numeric(5, 2), "\"AA==\""},
      {kDecimal, R"({"scale":0,"value":"AA=="})"},
      {Type(K::kMoney, "money"), "\"AA==\""},
      {Type(K::kBool, "bool"), "false"},
      {WithLength(Type(K::kBits, "bit"), 1), "false"},
      {Type(K::kText, "text"), "\"\""},
      {Type(K::kJson, "json"), "\"\""},
      {Type(K::kUuid, "uuid"), "\"\""},
      {Type(K::kEnum, "mood"), "\"\""},
      {Type(K::kRange, "tsrange"), "\"\""},
      {ArrayOf(Type(K::kText, "text")), "[]"},
      {Extension("vector"), "[]"},
      {Type(K::kDate, "date"), "0"},
      {Type(K::kTime, "time"), "0"},
      {kTimestamp, "0"},
      {Type(K::kTimestampTz, "timestamptz"), "\"1970-01-01T00:00:00Z\""},
      {Type(K::kTimeTz, "timetz"), "\"00:00:00Z\""},
      {Type(K::kBytes, "bytea"), "\"\""},
      {Type(K::kBits, "varbit"), "\"\""},
      {Type(K::kHstore, "hstore"), "\"{}\""},
      {Extension("geometry"), R"({"wkb":"AQcAAAAAAAAA","srid":null,"extensions":null})"},
      {Type(K::kGeometric, "point"), R"({"x":0.0,"y":0.0,"wkb":"AQEAAAAAAAAAAAAAAAAAAAAAAAAA","srid":null})"},
      {Type(K::kGeometric, "line"), R"({"a":0.0,"b":1.0,"c":0.0})"},
  };
  for (const auto& [type, json] : kCases) {
    EXPECT_EQ(DebeziumUnlogged(type), json) << type.base;
    EXPECT_EQ(DebeziumUnlogged(type, {}, true), "null") << type.base;
  }
  EXPECT_TRUE(IsParked(DebeziumUnlogged(Extension("sparsevec"))));
  EXPECT_TRUE(IsParked(DebeziumUnlogged(kTimestamp, With({{"time.precision.mode", "nanoseconds"}}))));
  const auto iso = With({{"time.precision.mode", "isostring"},
                         {"interval.handling.mode", "string"},
                         {"decimal.handling.mode", "string"}});
  EXPECT_EQ(DebeziumUnlogged(Type(K::kDate, "date"), iso), "\"1970-01-01Z\"");
  EXPECT_EQ(DebeziumUnlogged(kTimestamp, iso), "\"1970-01-01T00:00:00Z\"");
  EXPECT_EQ(DebeziumUnlogged(Type(K::kInterval, "interval"), iso), "\"P0Y0M0DT0H0M0S\"");
  EXPECT_EQ(DebeziumUnlogged(Numeric(5, 2), iso), "\"0.00\"");
  EXPECT_EQ(DebeziumUnlogged(kDecimal, iso), "\"0\"");
}

TEST(DebeziumFallbacks, DefaultsCountWhereTheContractSaysSo) {
  const auto unlogged = [](const DataType& type, const char* expression) {
    return DebeziumUnlogged(type, {}, false, expression);
  };
  const DataType text = Type(K::kText, "text");
  const DataType i4 = Type(K::kInt32, "int4");
  EXPECT_EQ(unlogged(i4, "7"), "7");
  EXPECT_EQ(unlogged(i4, "'-7'::integer"), "-7");
  EXPECT_EQ(unlogged(i4, "(-7)"), "-7");
  EXPECT_EQ(unlogged(i4, "(1 + 2)"), "0");
  EXPECT_EQ(unlogged(i4, "nextval('s'::regclass)"), "0");
  EXPECT_EQ(unlogged(i4, "'99999999999999999999'::integer"), "0");
  EXPECT_EQ(unlogged(text, "'it''s'::text"), "\"it's\"");
  EXPECT_EQ(unlogged(text, "E'a\\\\b\\''::text"), R"("a\\b'")");
  EXPECT_EQ(unlogged(text, "('a'::text || 'b'::text)"), "\"\"");
  EXPECT_EQ(unlogged(text, "'a'::text || 'b'::text"), "\"\"");
  EXPECT_EQ(unlogged(text, "'unfinished"), "\"\"");
  EXPECT_EQ(unlogged(text, "upper('x'::text)"), "\"\"");
  EXPECT_EQ(unlogged(Type(K::kBool, "bool"), "true"), "true");
  EXPECT_EQ(unlogged(Numeric(5, 2), "7.5"), "\"Au4=\"");
  EXPECT_EQ(unlogged(kDecimal, "7.50"), R"({"scale":0,"value":"AA=="})");
  EXPECT_EQ(unlogged(WithLength(Type(K::kBits, "bit"), 4), "'1010'::\"bit\""), "\"Cg==\"");
  EXPECT_EQ(unlogged(Type(K::kDate, "date"), "'2020-02-03'::date"), "18295");
  EXPECT_EQ(unlogged(Type(K::kDate, "date"), "CURRENT_DATE"), "0");
  EXPECT_EQ(unlogged(Type(K::kTimestampTz, "timestamptz"), "now()"), "\"1970-01-01T00:00:00.000000Z\"");
  EXPECT_EQ(unlogged(Type(K::kUuid, "uuid"), "gen_random_uuid()"), "\"00000000-0000-0000-0000-000000000000\"");
  EXPECT_EQ(unlogged(Type(K::kInterval, "interval"), "'P1D'::interval"), "86400000000");
  EXPECT_EQ(unlogged(Type(K::kNetwork, "inet"), "'10.0.0.1'::inet"), "\"\"");
  EXPECT_EQ(unlogged(Type(K::kMoney, "money"), "'$7.50'::money"), "\"AA==\"");
}

TEST(DebeziumFallbacks, AStructureIsNeverReadPastItsEnd) {
  std::string array;
  PutBlob(array, ValueKind::kArray, std::string("\x01\x03\x02\x03\x02", 5));
  EXPECT_TRUE(IsParked(DebeziumOf(ArrayOf(Type(K::kInt32, "int4")), array)));
}

}  // namespace
}  // namespace headgate::testing
