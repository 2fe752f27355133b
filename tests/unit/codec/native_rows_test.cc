#include <gtest/gtest.h>

#include <limits>

#include "tests/unit/codec/sample.h"

// Section 4.4 of the change-events contract, row by row.
namespace headgate::testing {
namespace {

using K = TypeKind;
using codec::NativeOptions;

struct Case {
  const char* id;
  DataType type;
  std::string value;
  std::string json;
};

void Check(const std::vector<Case>& cases, NativeOptions options = {}) {
  for (const Case& c : cases) EXPECT_EQ(NativeOf(c.type, c.value, options), c.json) << c.id;
}

const DataType kText = Type(K::kText, "text");
const DataType kNumeric = Type(K::kDecimal, "numeric");

TEST(NativeRows, NP01ToNP05NumbersAndBooleans) {
  const DataType i8 = Type(K::kInt64, "int8");
  const DataType f4 = Type(K::kFloat, "float4");
  const DataType f8 = Type(K::kDouble, "float8");
  Check({
      {"NP01", i8, Int(9223372036854775807), "9223372036854775807"},
      {"NP01", i8, Int(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808"},
      {"NP02", Type(K::kUint, "oid"), Uint(4000000000), "4000000000"},
      {"NP02", Type(K::kUint, "xid8"), Uint(18446744073709551615u), "18446744073709551615"},
      {"NP03", f4, Float(3.3f), "3.3"},
      {"NP03", f4, Float(3), "3"},
      {"NP03", f4, Float(1e-45f), "1e-45"},
      {"NP03", f4, Float(std::numeric_limits<float>::quiet_NaN()), "\"NaN\""},
      {"NP04", f8, Double(4.44), "4.44"},
      {"NP04", f8, Double(-0.0), "-0"},
      {"NP04", f8, Double(5e-324), "5e-324"},
      {"NP04", f8, Double(1e21), "1e+21"},
      {"NP04", f8, Double(-std::numeric_limits<double>::infinity()), "\"-Infinity\""},
      {"NP05", Type(K::kBool, "bool"), Bool(true), "true"},
      {"NP05", Type(K::kBool, "bool"), Bool(false), "false"},
      {"NG1", i8, Null(), "null"},
  });
}

TEST(NativeRows, NP06ToNP10DecimalsKeepTheServersDigits) {
  const std::string many(1000, '7');
  Check({
      {"NP06", Numeric(3, 2), Decimal("1.10"), "\"1.10\""},
      {"NP06", kNumeric, Decimal("100.00"), "\"100.00\""},
      {"NP06", kNumeric, Decimal(many), "\"" + many + "\""},
      {"NP07", kNumeric, Decimal("NaN"), "\"NaN\""},
      {"NP07", kNumeric, Decimal("-Infinity"), "\"-Infinity\""},
      {"NP08", Numeric(3, -2), Decimal("12300"), "\"12300\""},
      {"NP10", Type(K::kMoney, "money"), Decimal("1234.11"), "\"1234.11\""},
      {"NP10", Type(K::kMoney, "money"), Decimal("-1234.11"), "\"-1234.11\""},
  });
  NativeOptions number;
  number.decimal = NativeOptions::Decimals::kNumber;
  Check({{"NP09", Numeric(3, 2), Decimal("1.10"), "1.10"},
         {"NP09", kNumeric, Decimal("-0.0099"), "-0.0099"},
         {"NP07", kNumeric, Decimal("NaN"), "\"NaN\""},
         {"NP07", kNumeric, Decimal("Infinity"), "\"Infinity\""},
         {"NP34", ArrayOf(kNumeric), Array({Decimal("1.1"), Null()}), "[1.1,null]"}},
        number);
}

TEST(NativeRows, NP11ToNP15TextBytesAndBits) {
  Check({
      {"NP11", kText, Text("\xC5\xBE\xC5\xA1"), "\"\xC5\xBE\xC5\xA1\""},
      {"NP11", Type(K::kText, "char"), Text("x"), "\"x\""},
      {"NP12", Type(K::kChar, "bpchar"), Text("cone      "), "\"cone      \""},
      {"NP13", kText, RawText("\xE9"), R"({"bytes":"6Q=="})"},
      {"NP14", Type(K::kBytes, "bytea"), Bytes(std::string("\1\2\3")), "\"AQID\""},
      {"NP15", WithLength(Type(K::kBits, "bit"), 1), Bits("1"), "\"1\""},
      {"NP15", WithLength(Type(K::kBits, "bit"), 7), Bits("1000000"), "\"1000000\""},
      {"NP15", Type(K::kBits, "varbit"), Bits(""), "\"\""},
  });
}

TEST(NativeRows, NP16NP17JsonIsEmbeddedWithItsTokens) {
  const DataType json = Type(K::kJson, "json");
  const DataType jsonb = Type(K::kJsonb, "jsonb");
  Check({
      {"NP16", json, Json(R"({ "b": 1.50, "a": 1, "a": 2 })"), R"({"b":1.50,"a":1,"a":2})"},
      {"NP17", jsonb, Json(R"({"bar": "baz"})"), R"({"bar":"baz"})"},
      {"NP17", jsonb, Json("null"), "null"},
      {"NG8", json, Json(R"("\ud83d\ude00 \u00e9")"), R"("\ud83d\ude00 \u00e9")"},
      {"NP35", ArrayOf(jsonb), Array({Json(R"({"a": 1})"), Json("null")}), R"([{"a":1},null])"},
      {"NM27", json, Json("{broken"), R"("{broken")"},
  });
  NativeOptions text;
  text.json = NativeOptions::Json::kText;
  Check({{"NG8", json, Json(R"({ "a": 1 })"), R"("{\"a\":1}")"},
         {"NG9", jsonb, Json("null"), "\"null\""},
         {"NG1", jsonb, Null(), "null"}},
        text);
}

TEST(NativeRows, NP18ToNP20NP30NP31TextOfTheServer) {
  DataType domain = kText;
  domain.domain = true;
  domain.declared = "nmtoken";
  Check({
      {"NP18", Type(K::kUuid, "uuid"), Uuid("A0EEBC999C0B4EF8BB6D6BB9BD380A11"),
       "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\""},
      {"NP19", Type(K::kUnknown, "jsonpath"), Text("$.\"a\"[*]"), R"("$.\"a\"[*]")"},
      {"NP20", Type(K::kNetwork, "inet"), Text("192.168.2.0/12"), "\"192.168.2.0/12\""},
      {"NP30", Type(K::kEnum, "mood"), Text("a,\"b"), R"("a,\"b")"},
      {"NP31", domain, Text("x"), "\"x\""},
      {"NP31", ArrayOf(domain), Array({Text("x")}), "[\"x\"]"},
  });
}

TEST(NativeRows, NP21ToNP27DatesAndTimesAreIso) {
  const DataType date = Type(K::kDate, "date");
  const DataType time = Type(K::kTime, "time");
  const DataType timetz = Type(K::kTimeTz, "timetz");
  const DataType ts = Type(K::kTimestamp, "timestamp");
  const DataType tstz = Type(K::kTimestampTz, "timestamptz");
  Check({
      {"NP21", date, Date(17109), "\"2016-11-04\""},
      {"NP21", date, Date(Moment(-4712, 1, 1) / 86400000000 + 10957), "\"-4712-01-01\""},
      {"NP21", date, Date(Moment(21016, 11, 4) / 86400000000 + 10957), "\"+21016-11-04\""},
      {"NP21", date, Date(-719163), "\"0000-12-31\""},
      {"NP22", date, Date(kInfinity), "\"infinity\""},
      {"NP22", ts, Timestamp(kMinusInfinity), "\"-infinity\""},
      {"NP22", tstz, TimestampTz(kInfinity), "\"infinity\""},
      {"NP23", time, Time(Clock(13, 51, 30, 120000)), "\"13:51:30.12\""},
      {"NP23", time, Time(Clock(24, 0, 0)), "\"24:00:00\""},
      {"NP24", timetz, TimeTz(Clock(13, 51, 30, 123789), 7200), "\"13:51:30.123789+02:00\""},
      {"NP24", timetz, TimeTz(Clock(13, 51, 30), -12600), "\"13:51:30-03:30\""},
      {"NP24", timetz, TimeTz(Clock(12, 0, 0), 57599), "\"12:00:00+15:59:59\""},
      {"NP25", ts, Timestamp(Moment(2016, 11, 4, 13, 51, 30, 123456)), "\"2016-11-04T13:51:30.123456\""},
      {"NP26", tstz, TimestampTz(Moment(2016, 11, 4, 11, 51, 30, 123456)), "\"2016-11-04T11:51:30.123456Z\""},
      {"NP27", tstz, TimestampTz(Moment(-4713, 12, 31, 23, 59, 59, 999999)), "\"-4713-12-31T23:59:59.999999Z\""},
      {"NP27", tstz, TimestampTz(Moment(21016, 11, 4, 6, 51, 30)), "\"+21016-11-04T06:51:30Z\""},
  });
}

TEST(NativeRows, NP28NP29IntervalsKeepMonthsDaysAndTimeApart) {
  const DataType interval = Type(K::kInterval, "interval");
  Check({
      {"NP28", interval, Interval(14, 3, Clock(4, 5, 6, 780000)), "\"P1Y2M3DT4H5M6.78S\""},
      {"NP28", interval, Interval(0, -1, Clock(2, 0, 0)), "\"P-1DT2H\""},
      {"NP28", interval, Interval(0, 0, 0), "\"PT0S\""},
      {"NP28", interval, Interval(11, 0, 0), "\"P11M\""},
      {"NP28", interval, Interval(0, 0, -500000), "\"PT-0.5S\""},
      {"NP28", interval, Interval(-14, -3, -Clock(4, 5, 6, 780000)), "\"P-1Y-2M-3DT-4H-5M-6.78S\""},
      {"NP29", interval, Text("infinity"), "\"infinity\""},
  });
}

TEST(NativeRows, NP32ToNP37ArraysAndComposites) {
  const DataType i4 = Type(K::kInt32, "int4");
  DataType inner = Type(K::kComposite, "inner");
  inner.field_names = {"c", "d"};
  inner.children = {kText, kText};
  DataType pair = Type(K::kComposite, "pair");
  pair.field_names = {"a", "b"};
  pair.children = {i4, inner};
  DataType one = Type(K::kComposite, "one");
  one.field_names = {"a"};
  one.children = {i4};
  Check({
      {"NP32", ArrayOf(i4), Array({{2, 1}, {2, 1}}, {Int(1), Int(2), Int(3), Null()}), "[[1,2],[3,null]]"},
      {"NP32", ArrayOf(i4), Array({}), "[]"},
      {"NP33", ArrayOf(i4), Array({{3, 0}}, {Int(1), Int(2), Int(3)}), R"({"lower_bounds":[0],"elements":[1,2,3]})"},
      {"NP33", ArrayOf(i4), Array({{1, 1}, {2, -1}}, {Int(1), Int(2)}),
       R"({"lower_bounds":[1,-1],"elements":[[1,2]]})"},
      {"NP34", ArrayOf(kNumeric), Array({Decimal("1.1")}), R"(["1.1"])"},
      {"NP34", ArrayOf(Type(K::kMoney, "money")), Array({Decimal("1234.11")}), R"(["1234.11"])"},
      {"NP34", ArrayOf(Type(K::kInterval, "interval")), Array({Interval(0, 1, 0)}), R"(["P1D"])"},
      {"NP34", ArrayOf(Type(K::kBits, "varbit")), Array({Bits("101")}), R"(["101"])"},
      {"NP34", ArrayOf(Type(K::kTime, "time")), Array({Time(Clock(24, 0, 0))}), R"(["24:00:00"])"},
      {"NP36", pair, Composite({Int(1), Composite({Text("x"), Null()})}), R"({"a":1,"b":{"c":"x","d":null}})"},
      {"NP37", ArrayOf(one), Array({Composite({Int(1)}), Null()}), R"([{"a":1},null])"},
  });
}

TEST(NativeRows, NP38ToNP43TextTypesAndHstore) {
  const DataType hstore = Type(K::kHstore, "hstore");
  Check({
      {"NP38", Type(K::kRange, "int4range"), Text("[1,6)"), "\"[1,6)\""},
      {"NP38", Type(K::kRange, "tstzrange"), Text("[\"2017-06-05 11:29:12.549426+00\",)"),
       R"x("[\"2017-06-05 11:29:12.549426+00\",)")x"},
      {"NP39", Type(K::kRange, "int4multirange"), Text("{[1,3),[5,7)}"), "\"{[1,3),[5,7)}\""},
      {"NP40", hstore, Text(R"("key1"=>"val1", "key2"=>NULL)"), R"({"key1":"val1","key2":null})"},
      {"NP40", hstore, Text(""), "{}"},
      {"NP40", ArrayOf(hstore), Array({Text(R"("a"=>"1")")}), R"([{"a":"1"}])"},
      {"NP40", hstore, Text("no hstore"), "\"no hstore\""},
      {"NP41", Type(K::kTextSearch, "tsquery"), Text("'fat' <-> 'cat'"), "\"'fat' <-> 'cat'\""},
      {"NP42", Type(K::kGeometric, "point"), Text("(1,1)"), "\"(1,1)\""},
      {"NP42", Type(K::kGeometric, "circle"), Text("<(0,0),2>"), "\"<(0,0),2>\""},
      {"NP43", ArrayOf(Type(K::kGeometric, "point")), Array({Text("(1,1)")}), R"x(["(1,1)"])x"},
      {"NP49", Type(K::kUnknown, "pg_lsn"), Text("0/16E9FB0"), "\"0/16E9FB0\""},
      {"NP50", Type(K::kUnknown, "regclass"), Text("public.orders"), "\"public.orders\""},
      {"NP51", Extension("cube"), Text("(1, 2)"), "\"(1, 2)\""},
  });
}

TEST(NativeRows, NP44ToNP46GeometriesAreGeoJsonOrIsoWkb) {
  const DataType geometry = Extension("geometry");
  const std::string point = "0101000020730C00001C7C613255DE6540787AA52C435C42C0";
  const std::string line_z =
      "01020000A0E61000000200000000000000000000000000000000000000000000000000F03F000000000000F03F000000000000F03F00"
      "00000000000040";
  Check({
      {"NP44", geometry, Text(point), R"({"type":"Point","coordinates":[174.9479,-36.7208],"srid":3187})"},
      {"NP44", geometry, Text("0101000000000000000000F03F000000000000F03F"), R"({"type":"Point","coordinates":[1,1]})"},
      {"NP44", geometry, Text(line_z), R"({"type":"LineString","coordinates":[[0,0,1],[1,1,2]],"srid":4326})"},
      {"NP44", geometry, Text("0101000040000000000000F03F00000000000000400000000000000840"),
       R"({"type":"Point","coordinates":[1,2,3],"dims":"XYM"})"},
      {"NP45", geometry, Text("010700000000000000"), R"({"type":"GeometryCollection","geometries":[]})"},
      {"NP45", geometry, Text("0101000000000000000000F87F000000000000F87F"), R"({"type":"Point","coordinates":[]})"},
      {"NP45", geometry,
       Text("0103000000"
            "00000000"),
       R"({"type":"Polygon","coordinates":[]})"},
      {"NP44", geometry, Text("01040000000100000001010000000000000000000000000000000000F03F"),
       R"({"type":"MultiPoint","coordinates":[[0,1]]})"},
      {"bad", geometry, Text("0101"), "\"0101\""},
      {"bad", geometry, Text("POINT(1 1)"), "\"POINT(1 1)\""},
  });
  NativeOptions wkb;
  wkb.geometry = NativeOptions::Geometry::kWkb;
  Check({{"NP46", geometry, Text(point), R"({"wkb":"AQEAAAAcfGEyVd5lQHh6pSxDXELA","srid":3187})"},
         {"NP46", geometry, Text("000000000140000000000000003FF0000000000000"),
          R"({"wkb":"AQEAAAAAAAAAAAAAQAAAAAAAAPA/"})"}},
        wkb);
}

TEST(NativeRows, NP47NP48VectorsAreNumbers) {
  Check({
      {"NP47", Extension("vector"), Text("[1,2,3]"), "[1,2,3]"},
      {"NP47", Extension("halfvec"), Text("[0.1,-1e-07]"), "[0.1,-1e-7]"},
      {"NP48", Extension("sparsevec"), Text("{1:201,9:209}/3000"),
       R"({"dimensions":3000,"indices":[1,9],"values":[201,209]})"},
  });
}

TEST(NativeRows, MalformedStoredValuesAreCorruptNotACrash) {
  std::string array;
  PutBlob(array, ValueKind::kArray, std::string("\x01\x03\x02\x03\x02", 5));  // three elements promised, one there
  EXPECT_TRUE(NativeOf(ArrayOf(Type(K::kInt32, "int4")), array).starts_with("corrupt: "));
  std::string deep;
  PutBlob(deep, ValueKind::kArray, "\x7F");
  EXPECT_TRUE(NativeOf(ArrayOf(Type(K::kInt32, "int4")), deep).starts_with("corrupt: "));
  EXPECT_TRUE(
      NativeOf(Type(K::kComposite, "c"), Composite({Int(1)})).starts_with("corrupt: "));  // no field of that place
  EXPECT_TRUE(NativeOf(kText, std::string("\x63")).starts_with("corrupt: "));
}

}  // namespace
}  // namespace headgate::testing
