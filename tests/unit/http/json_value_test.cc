// JSON to the values of each type, and what is no value of it.
#include <gmock/gmock.h>

#include "connectors/http/json_number.h"
#include "core/sql/numeric.h"
#include "tests/unit/http/reading.h"

namespace headgate::http {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// The value of a column `v` of the type, as `native` renders it.
std::string As(const std::string& type, const std::string& json) {
  const std::string row = test::Reading("v " + type).Show("{\"v\":" + json + "}");
  constexpr std::string_view kHead = "{\"v\":";
  return row.starts_with(kHead) ? row.substr(kHead.size(), row.size() - kHead.size() - 1) : row;
}

TEST(JsonValue, IntegersAreWholeAndInRange) {
  EXPECT_EQ(As("int2", "-32768"), "-32768");
  EXPECT_EQ(As("int4", "2147483647"), "2147483647");
  EXPECT_EQ(As("int8", "-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(As("int4", "7.0"), "7");
  EXPECT_EQ(As("int4", "7e2"), "700");
  EXPECT_EQ(As("int4", "-0"), "0");
  EXPECT_EQ(As("int4", "\" 42 \""), "42");
  EXPECT_EQ(As("int2", "32768"), "422 /0/v: expected smallint, got a number out of range");
  EXPECT_EQ(As("int4", "2147483648"), "422 /0/v: expected integer, got a number out of range");
  EXPECT_EQ(As("int8", "9223372036854775808"), "422 /0/v: expected bigint, got a number out of range");
  EXPECT_EQ(As("int8", "123456789012345678901234567890"), "422 /0/v: expected bigint, got a number out of range");
  EXPECT_EQ(As("int8", "1e400"), "422 /0/v: expected bigint, got a number out of range");
  EXPECT_EQ(As("int4", "1.5"), "422 /0/v: expected integer, got a number with a fraction");
  EXPECT_EQ(As("int4", "\"1.5\""), "422 /0/v: expected integer, got a string that is none");
  EXPECT_EQ(As("int4", "\"2147483648\""), "422 /0/v: expected integer, got a string out of range");
  EXPECT_EQ(As("int4", "true"), "422 /0/v: expected integer, got true");
  EXPECT_EQ(As("int4", "[1]"), "422 /0/v: expected integer, got an array");
  EXPECT_EQ(As("int4", "{\"a\":1}"), "422 /0/v: expected integer, got an object");
}

TEST(JsonValue, FloatsKnowNaNAndTheInfinities) {
  EXPECT_EQ(As("float8", "21.5"), "21.5");
  EXPECT_EQ(As("float8", "1e300"), "1e+300");
  EXPECT_EQ(As("float8", "\"NaN\""), "\"NaN\"");
  EXPECT_EQ(As("float8", "\"-Infinity\""), "\"-Infinity\"");
  EXPECT_EQ(As("float8", "\"2.5\""), "2.5");
  EXPECT_EQ(As("float4", "0.1"), "0.1");
  EXPECT_EQ(As("float8", "1e400"), "422 /0/v: expected double precision, got a number out of range");
  EXPECT_EQ(As("float4", "1e39"), "422 /0/v: expected real, got a number out of range");
  EXPECT_EQ(As("float8", "\"warm\""), "422 /0/v: expected double precision, got a string that is none");
  EXPECT_THAT(As("float8", "NaN"), StartsWith("400 "));
}

TEST(JsonValue, DecimalsKeepTheirDigits) {
  EXPECT_EQ(As("numeric", "1.10"), "\"1.10\"");
  EXPECT_EQ(As("numeric", "-0.50"), "\"-0.50\"");
  EXPECT_EQ(As("numeric", "123456789012345678901234567890.5"), "\"123456789012345678901234567890.5\"");
  EXPECT_EQ(As("numeric", "1e3"), "\"1000\"");
  EXPECT_EQ(As("numeric", "\"NaN\""), "\"NaN\"");
  EXPECT_EQ(As("numeric(6,2)", "1.005"), "\"1.01\"");
  EXPECT_EQ(As("numeric(4,2)", "100"), "422 /0/v: expected numeric(4,2), got a number out of range");
  EXPECT_EQ(As("numeric", "1e200000"), "422 /0/v: expected numeric, got a number out of range");
}

TEST(JsonValue, DecimalsExpandAsNumericDoes) {
  for (const char* text :
       {"0",       "-0",      "0.00",    "-0.00",   "1",       "1.50",   "1.50e1", "1.5e-3", "1e3", "1E+3",
        "12.34e1", "12.34e2", "12.34e3", "0.001e2", "0.001e5", "123e-2", "123e-3", "123e-4", "0e5", "0e-5",
        "0.0e3",   "9e-20",   "007.50",  ".5",      "5.",      "+7",     "-12.5",  "100e-1"}) {
    std::string out;
    EXPECT_EQ(ExpandDecimal(text, out), Expanded::kOk) << text;
    EXPECT_EQ(out, sql::Numeric::Parse(text)->Text()) << text;
  }
  std::string out;
  for (const char* text : {"", ".", "-", "e5", "1e", "1e+", "NaN", "1 2", "0x1", "1.2.3"})
    EXPECT_EQ(ExpandDecimal(text, out), Expanded::kNoNumber) << text;
  for (const char* text : {"1e131072", "1e-16384", "1e99999999999999999999", "1e-99999999999999999999"})
    EXPECT_EQ(ExpandDecimal(text, out), Expanded::kOutOfRange) << text;
  EXPECT_EQ(out, "");
  EXPECT_EQ(ExpandDecimal("0e99999999999999999999", out), Expanded::kOk);
  EXPECT_EQ(out, "0");
  EXPECT_EQ(As("numeric", "\" 1e2 \""), "\"100\"");
  EXPECT_EQ(As("numeric(5,2)", "1.2349999999"), "\"1.23\"");
  EXPECT_EQ(As("numeric(5,2)", "-1.235"), "\"-1.24\"");
  EXPECT_EQ(As("numeric(5,2)", "9e-16000"), "\"0.00\"");
  EXPECT_EQ(As("numeric(5,0)", "1.5"), "\"2\"");
  EXPECT_EQ(As("numeric(5,1)", "1e100000"), "422 /0/v: expected numeric(5,1), got a number out of range");
}

TEST(JsonValue, TextTakesOnlyStrings) {
  EXPECT_EQ(As("text", "\"h\\u00e9\\n\""), "\"h\xC3\xA9\\n\"");
  EXPECT_EQ(As("varchar(2)", "\"ab  \""), "\"ab\"");
  EXPECT_EQ(As("char(3)", "\"a\""), "\"a  \"");
  EXPECT_EQ(As("text", "5"), "422 /0/v: expected text, got a number");
  EXPECT_EQ(As("text", "false"), "422 /0/v: expected text, got false");
  EXPECT_EQ(As("varchar(2)", "\"abc\""), "422 /0/v: expected character varying(2), got a string that is too long");
  EXPECT_EQ(As("text", "\"a\\u0000\""), "422 /0/v: expected text, got a string with \\u0000");
  EXPECT_THAT(As("text", "\"\\ud800\""), StartsWith("400 "));
  EXPECT_THAT(As("text", "\"\\x\""), StartsWith("400 "));
}

TEST(JsonValue, BooleansAreTrueAndFalseAlone) {
  EXPECT_EQ(As("bool", "true"), "true");
  EXPECT_EQ(As("bool", "false"), "false");
  EXPECT_EQ(As("bool", "\"true\""), "422 /0/v: expected boolean, got a string");
  EXPECT_EQ(As("bool", "1"), "422 /0/v: expected boolean, got a number");
}

TEST(JsonValue, TimesAndTheirLikeAreStringsBySqlRules) {
  EXPECT_EQ(As("timestamptz", "\"2026-03-04 05:06:07+02\""), "\"2026-03-04T03:06:07Z\"");
  EXPECT_EQ(As("timestamp", "\"2026-03-04T05:06:07.123456\""), "\"2026-03-04T05:06:07.123456\"");
  EXPECT_EQ(As("date", "\"2026-03-04\""), "\"2026-03-04\"");
  EXPECT_EQ(As("time", "\"04:05\""), "\"04:05:00\"");
  EXPECT_THAT(As("interval", "\"1 day 2 hours\""), StartsWith("\"P"));
  EXPECT_EQ(As("uuid", "\"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11\""), "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"");
  EXPECT_EQ(As("inet", "\"10.0.0.1\""), "\"10.0.0.1\"");
  EXPECT_EQ(As("date", "\"2026-02-30\""), "422 /0/v: expected date, got a string out of range");
  EXPECT_EQ(As("timestamptz", "\"soon\""), "422 /0/v: expected timestamp with time zone, got a string that is none");
  EXPECT_EQ(As("timestamptz", "1700000000"), "422 /0/v: expected timestamp with time zone, got a number");
  EXPECT_THAT(As("timestamptz", "\"now\""), StartsWith("422 "));
  EXPECT_EQ(As("uuid", "\"a0ee\""), "422 /0/v: expected uuid, got a string that is none");
  EXPECT_EQ(As("bit(3)", "\"101\""), "\"101\"");
  EXPECT_THAT(As("bit(3)", "\"10\""), StartsWith("422 "));
}

TEST(JsonValue, BytesAreBase64OrHexadecimal) {
  EXPECT_EQ(As("bytea", "\"AQID\""), As("bytea", "\"\\\\x010203\""));
  EXPECT_EQ(As("bytea", "\"AQI\""),
            "422 /0/v: expected bytea, got a string that is neither base64 nor \\x and hexadecimal digits");
  EXPECT_THAT(As("bytea", "\"\\\\x01020\""), StartsWith("422 "));
}

TEST(JsonValue, JsonTakesAnyValueAsItIsWritten) {
  EXPECT_EQ(As("json", "{\"b\": 1.10, \"a\" :[ ]}"), "{\"b\":1.10,\"a\":[]}") << "members in their order";
  EXPECT_EQ(As("jsonb", "{\"b\": 1.10, \"a\" :[ ]}"), "{\"a\":[],\"b\":1.10}");
  EXPECT_EQ(As("jsonb", "5"), "5");
  EXPECT_EQ(As("json", "\"x\""), "\"x\"");
  EXPECT_EQ(As("json", "null"), "null");
  EXPECT_THAT(As("json", "{\"a\" 1}"), StartsWith("400 "));
  EXPECT_THAT(As("jsonb", "[1 2]"), StartsWith("400 "));
  EXPECT_THAT(As("jsonb", "\"\\u0000\""), StartsWith("422 "));
  EXPECT_THAT(As("json", std::string(64, '[') + std::string(64, ']')), StartsWith("[["));
  EXPECT_THAT(As("json", std::string(65, '[') + std::string(65, ']')), StartsWith("400 "));
}

TEST(JsonValue, ArraysAreArraysOfOneShape) {
  EXPECT_EQ(As("int4[]", "[1,null,3]"), "[1,null,3]");
  EXPECT_EQ(As("int4[]", "[]"), "[]");
  EXPECT_EQ(As("text[]", "[\"a\",\"b,c\"]"), "[\"a\",\"b,c\"]");
  EXPECT_EQ(As("int4[]", "[[1,2],[3,4]]"), "[[1,2],[3,4]]");
  EXPECT_EQ(As("int4[]", "\"{1,2}\""), "[1,2]");
  EXPECT_EQ(As("jsonb[]", "[[1],{\"a\":2}]"), "[[1],{\"a\":2}]");
  EXPECT_EQ(As("int4[]", "[1,[2]]"), "422 /0/v: expected integer[], got an array whose parts are of different shapes");
  EXPECT_EQ(As("int4[]", "[[1],2]"), "422 /0/v: expected integer[], got an array whose parts are of different shapes");
  EXPECT_EQ(As("int4[]", "[[1],[2,3]]"),
            "422 /0/v: expected integer[], got an array whose parts are of different lengths");
  EXPECT_EQ(As("int4[]", "[[],[]]"), "422 /0/v: expected integer[], got an array of empty arrays");
  EXPECT_EQ(As("int4[]", "[1,\"x\"]"), "422 /0/v: expected integer, got a string that is none");
  EXPECT_EQ(As("int4[]", "[[[[[[[1]]]]]]]"), "422 /0/v: expected integer[], got an array of more than 6 dimensions");
  EXPECT_EQ(As("int4[]", "7"), "422 /0/v: expected integer[], got a number");
}

TEST(JsonValue, NullIsNull) {
  EXPECT_EQ(As("int4", "null"), "null");
  EXPECT_THAT(As("int4", "nul"), StartsWith("400 "));
  EXPECT_THAT(As("int4", "nulx"), StartsWith("400 "));
  EXPECT_EQ(As("int4 NOT NULL", "null"), "422 /0/v: expected integer, got null, and the column is NOT NULL");
}

TEST(JsonValue, NumbersFollowTheGrammarOfJson) {
  for (const char* good : {"0", "-0", "10", "0.5", "1e5", "1E+5", "-1.25e-7"}) EXPECT_TRUE(IsJsonNumber(good)) << good;
  for (const char* bad : {"", "-", "01", "+1", ".5", "1.", "1e", "1e+", "0x1", "1_0", "1 ", "Infinity"})
    EXPECT_FALSE(IsJsonNumber(bad)) << bad;
  for (const char* bad : {"01", "1.", "-", "1e", "0x10", "1x"}) EXPECT_THAT(As("int4", bad), StartsWith("400 ")) << bad;
}

}  // namespace
}  // namespace headgate::http
