#include "connectors/kafka/column_value.h"

#include <gtest/gtest.h>

#include "core/sql/column_list.h"

namespace headgate::kafka::source {
namespace {

sql::Type TypeOf(const std::string& name) { return sql::ParseColumns("c " + name)->columns[0].type; }

Value OfInt(std::int64_t number) {
  Value value;
  value.kind = ValueKind::kInt;
  value.i = number;
  return value;
}
Value OfDouble(double number) {
  Value value;
  value.kind = ValueKind::kDouble;
  value.d = number;
  return value;
}
Value OfText(ValueKind kind, std::string_view text) {
  Value value;
  value.kind = kind;
  value.text = text;
  return value;
}

// The stored value as text, or what is wrong.
std::string In(const std::string& type, const Value& value) {
  ColumnWriter writer;
  std::string out;
  if (!writer.Append(out, TypeOf(type), value)) return writer.detail();
  ByteReader in(out);
  const Value stored = ReadValue(in);
  EXPECT_TRUE(in.done() && !in.failed());
  switch (stored.kind) {
    case ValueKind::kNull:
      return "null";
    case ValueKind::kInt:
    case ValueKind::kTimestampTz:
      return std::to_string(stored.i);
    case ValueKind::kFloat:
    case ValueKind::kDouble:
      return std::to_string(stored.d);
    case ValueKind::kBool:
      return stored.b ? "true" : "false";
    default:
      return std::string(stored.text);
  }
}

TEST(ColumnValue, NumbersFitWhereNothingOfThemIsLost) {
  EXPECT_EQ(In("int2", OfInt(-7)), "-7");
  EXPECT_EQ(In("int2", OfInt(40'000)), "expected smallint, got a number out of range");
  EXPECT_EQ(In("int", OfDouble(7)), "7");
  EXPECT_EQ(In("int", OfDouble(7.5)), "expected integer, got a number with a fraction");
  EXPECT_EQ(In("int", OfText(ValueKind::kDecimal, "7.0")), "7");
  EXPECT_EQ(In("bigint", OfText(ValueKind::kDecimal, "9223372036854775808")),
            "expected bigint, got a number out of range");
  EXPECT_EQ(In("float8", OfInt(3)), "3.000000");
  EXPECT_EQ(In("numeric(4,1)", OfText(ValueKind::kDecimal, "1.25")), "1.3");
  EXPECT_EQ(In("numeric", OfInt(12)), "12");
  EXPECT_EQ(In("bool", OfInt(1)), "expected boolean, got a number");
  EXPECT_EQ(In("text", OfInt(1)), "expected text, got a number");
}

TEST(ColumnValue, WholeNumbersAreTimesInMillisecondsOfUnixTime) {
  EXPECT_EQ(In("timestamptz", OfInt(946'684'800'001)), "1000");
  EXPECT_EQ(In("timestamptz", OfInt(std::numeric_limits<std::int64_t>::max())),
            "expected timestamp with time zone, got a number out of range");
}

TEST(ColumnValue, TextsAreReadAsTheirTypesRead) {
  EXPECT_EQ(In("int", OfText(ValueKind::kText, "12")), "12");
  EXPECT_EQ(In("varchar(2)", OfText(ValueKind::kText, "abc")),
            "expected character varying(2), got a text that is too long");
  EXPECT_EQ(In("bytea", OfText(ValueKind::kText, "AQI=")), "\x01\x02");
  EXPECT_EQ(In("bool", OfText(ValueKind::kText, "true")), "expected boolean, got a text");
}

TEST(ColumnValue, AnythingIsJson) {
  EXPECT_EQ(In("jsonb", OfText(ValueKind::kText, "a\"b")), "\"a\\\"b\"");
  EXPECT_EQ(In("jsonb", OfInt(1)), "1");
  EXPECT_EQ(In("json", OfText(ValueKind::kJson, "[1, 2]")), "[1, 2]");
}

TEST(ColumnValue, ElementsOfArraysAreOfTheColumnsType) {
  std::string payload;
  PutArrayHeader(payload, {{2, 1}});
  PutInt(payload, 1);
  PutInt(payload, 70'000);
  EXPECT_EQ(In("smallint[]", OfText(ValueKind::kArray, payload)),
            "expected smallint, got a number out of range in an array");
  EXPECT_EQ(In("int[]", OfText(ValueKind::kArray, payload)), payload);
  EXPECT_EQ(In("int", OfText(ValueKind::kArray, payload)), "expected integer, got an array");
}

TEST(ColumnValue, NullIsNull) { EXPECT_EQ(In("int", Value()), "null"); }

}  // namespace
}  // namespace headgate::kafka::source
