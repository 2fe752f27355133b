#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

#include "tests/unit/sql/call.h"

namespace headgate::sql::test {
namespace {

constexpr Type kTexts{TypeId::kText, true};
constexpr Type kInts{TypeId::kInt4, true};

TEST(TextIo, Booleans) {
  EXPECT_EQ(ReadAndWrite(TypeId::kBool, " TRu "), "t");
  EXPECT_EQ(ReadAndWrite(TypeId::kBool, "off"), "f");
  EXPECT_EQ(ReadAndWrite(TypeId::kBool, "o"), "22P02 invalid input syntax for type boolean: \"o\"");
  EXPECT_EQ(ReadAndWrite(TypeId::kBool, ""), "22P02 invalid input syntax for type boolean: \"\"");
}

TEST(TextIo, Integers) {
  EXPECT_EQ(ReadAndWrite(TypeId::kInt4, "\t+7 "), "7");
  EXPECT_EQ(ReadAndWrite(TypeId::kInt2, "32768"), "22003 value \"32768\" is out of range for type smallint");
  EXPECT_EQ(ReadAndWrite(TypeId::kInt8, "-9223372036854775808"), "-9223372036854775808");
  for (const char* text : {"", "+-1", "1.5", "7 7", "- 5"}) {
    EXPECT_EQ(ReadAndWrite(TypeId::kInt4, text),
              "22P02 invalid input syntax for type integer: \"" + std::string(text) + "\"");
  }
}

TEST(TextIo, FloatsHaveTheFewestDigits) {
  const std::pair<const char*, const char*> doubles[] = {
      {"0.1", "0.1"},    {"1e20", "1e+20"},           {"-0", "-0"},
      {"1e15", "1e+15"}, {"1e14", "100000000000000"}, {"1e-4", "0.0001"},
      {"1e-5", "1e-05"}, {"inf", "Infinity"},         {"-inf", "-Infinity"},
      {"nan", "NaN"},    {"5e-324", "5e-324"},        {"1e23", "9.999999999999999e+22"},
      {"0x10", "16"},
  };
  for (const auto& [text, printed] : doubles) EXPECT_EQ(ReadAndWrite(TypeId::kFloat8, text), printed);
  EXPECT_EQ(ReadAndWrite(TypeId::kFloat4, "1e6"), "1e+06");
  EXPECT_EQ(ReadAndWrite(TypeId::kFloat4, "16777217"), "1.6777216e+07");
  EXPECT_EQ(ReadAndWrite(TypeId::kFloat8, "1e400"), "22003 \"1e400\" is out of range for type double precision");
  EXPECT_EQ(ReadAndWrite(TypeId::kFloat4, "1e-50"), "22003 \"1e-50\" is out of range for type real");
  EXPECT_EQ(ReadAndWrite(TypeId::kFloat8, "1x"), "22P02 invalid input syntax for type double precision: \"1x\"");
}

TEST(TextIo, AnyDoubleReadsBack) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 100'000; ++i) {
    const auto value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    EvalContext context;
    EXPECT_EQ(FromText(TypeId::kFloat8, ToText(TypeId::kFloat8, Datum::Of(value), "UTC"), context).d, value);
  }
}

TEST(TextIo, NumericTakesTheModifier) {
  const Type type{TypeId::kNumeric, false, NumericMod(5, 2)};
  EXPECT_EQ(ReadAndWrite(type, "999.994"), "999.99");
  EXPECT_EQ(ReadAndWrite(type, "999.995"), "22003 numeric field overflow");
  EXPECT_EQ(ReadAndWrite(type, "NaN"), "NaN");
  EXPECT_EQ(ReadAndWrite(type, "inf"), "22003 numeric field overflow");
  EXPECT_EQ(ReadAndWrite({TypeId::kNumeric, false, NumericMod(3, 5)}, "0.009994"), "0.00999");
  EXPECT_EQ(ReadAndWrite({TypeId::kNumeric, false, NumericMod(3, 5)}, "0.01"), "22003 numeric field overflow");
  EXPECT_EQ(ReadAndWrite({TypeId::kNumeric, false, NumericMod(2, -3)}, "12345"), "12000");
  EXPECT_EQ(ReadAndWrite(TypeId::kNumeric, "1e131072"), "22003 value overflows numeric format");
  EXPECT_EQ(ReadAndWrite(TypeId::kNumeric, "x"), "22P02 invalid input syntax for type numeric: \"x\"");
}

TEST(TextIo, TextsAreCutByCharacters) {
  EXPECT_EQ(ReadAndWrite({TypeId::kVarchar, false, 3}, "äöüß"), "äöü");
  EXPECT_EQ(ReadAndWrite({TypeId::kBpchar, false, 3}, "a  b"), "a  ");
  EXPECT_EQ(ReadAndWrite({TypeId::kBpchar, false, 5}, "äb"), "äb   ");
}

TEST(TextIo, BytesUuidsAndBits) {
  EXPECT_EQ(ReadAndWrite(TypeId::kBytea, "\\xDE ad"), "\\xdead");
  EXPECT_EQ(ReadAndWrite(TypeId::kBytea, "a\\\\\\101"), "\\x615c41");
  EXPECT_EQ(ReadAndWrite(TypeId::kBytea, "\\x1"), "22023 invalid hexadecimal data: odd number of digits");
  EXPECT_EQ(ReadAndWrite(TypeId::kBytea, "\\xäa"), "22023 invalid hexadecimal digit: \"ä\"");
  EXPECT_EQ(ReadAndWrite(TypeId::kBytea, "\\8"), "22P02 invalid input syntax for type bytea");
  EXPECT_EQ(ReadAndWrite(TypeId::kUuid, "{A0EEBC99-9c0b4ef8bb6d6bb9bd380a11}"), "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
  EXPECT_EQ(ReadAndWrite(TypeId::kUuid, "a0e"), "22P02 invalid input syntax for type uuid: \"a0e\"");
  EXPECT_EQ(ReadAndWrite(TypeId::kVarbit, "x1F"), "00011111");
  EXPECT_EQ(ReadAndWrite({TypeId::kBit, false, 5}, "101"), "10100");
  EXPECT_EQ(ReadAndWrite(TypeId::kVarbit, "102"), "22P02 \"2\" is not a valid binary digit");
}

TEST(TextIo, ArraysReadAndWriteAsLiterals) {
  const std::pair<const char*, const char*> literals[] = {
      {" { a b , \"c\" , d\\ } ", "{\"a b\",c,\"d \"}"},
      {"{NULL,\"NULL\",null,\\null}", "{NULL,\"NULL\",NULL,\"null\"}"},
      {"{\"\",\"a\\\"b\",\"c\\\\d\",\"{\"}", "{\"\",\"a\\\"b\",\"c\\\\d\",\"{\"}"},
      {"{{a,b},{c,d}}", "{{a,b},{c,d}}"},
      {"[2:3]={a,b}", "[2:3]={a,b}"},
      {"[0:0][1:2]={{a,b}}", "[0:0][1:2]={{a,b}}"},
      {"[2]={a,b}", "{a,b}"},
      {"{}", "{}"},
  };
  for (const auto& [text, printed] : literals) EXPECT_EQ(ReadAndWrite(kTexts, text), printed);
  EXPECT_EQ(ReadAndWrite(kInts, "{1,NULL,-3}"), "{1,NULL,-3}");
  EXPECT_EQ(ReadAndWrite({TypeId::kVarchar, true, 2}, "{abc,d}"), "{ab,d}");
}

TEST(TextIo, MalformedArraysAreRefused) {
  for (const char* text : {"",         "1",         "{",       "}",          "{1,2",        "{1}x",    "{,1}",
                           "{1,}",     "{1,,2}",    "{1,{2}}", "{{1},2}",    "{{1},{2,3}}", "{{},{}}", "{\"1\"2}",
                           "{1\"2\"}", "[1:2]={1}", "[1]={}",  "[1:2]{1,2}", "[]={1}",      "{x\\"}) {
    EXPECT_EQ(ReadAndWrite(kInts, text), "22P02 malformed array literal: \"" + std::string(text) + "\"");
  }
  EXPECT_EQ(ReadAndWrite(kInts, "[2:1]={}"), "2202E upper bound cannot be less than lower bound");
  EXPECT_EQ(ReadAndWrite(kInts, "{{{{{{{1}}}}}}}"),
            "54000 number of array dimensions (7) exceeds the maximum allowed (6)");
  EXPECT_EQ(ReadAndWrite(kInts, "{1,x}"), "22P02 invalid input syntax for type integer: \"x\"");
}

}  // namespace
}  // namespace headgate::sql::test
