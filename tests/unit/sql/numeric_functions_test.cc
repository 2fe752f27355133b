#include <gtest/gtest.h>

#include "tests/unit/sql/call.h"

namespace headgate::sql::test {
namespace {

std::string OfNumerics(std::string_view name, const std::vector<std::string>& numbers) {
  std::vector<Argument> arguments;
  for (const std::string& number : numbers) arguments.push_back({TypeId::kNumeric, number});
  return Call(name, arguments);
}

TEST(NumericFunctions, RootsLogarithmsAndPowersHaveTheDigitsOfTheServer) {
  EXPECT_EQ(OfNumerics("sqrt", {"2"}), "1.414213562373095");
  EXPECT_EQ(OfNumerics("sqrt", {"1e-10"}), "0.000010000000000000000");
  EXPECT_EQ(OfNumerics("exp", {"1"}), "2.7182818284590452");
  EXPECT_EQ(OfNumerics("exp", {"-50"}), "0.0000000000000000000001928749847963918");
  EXPECT_EQ(OfNumerics("ln", {"2"}), "0.6931471805599453");
  EXPECT_EQ(OfNumerics("ln", {"1.0000000001"}), "0.00000000009999999999500000");
  EXPECT_EQ(OfNumerics("log", {"1000"}), "3.0000000000000000");
  EXPECT_EQ(OfNumerics("log", {"2", "64"}), "6.0000000000000000");
  EXPECT_EQ(OfNumerics("^", {"2", "0.5"}), "1.4142135623730950");
  EXPECT_EQ(OfNumerics("^", {"2", "100"}), "1267650600228229401496703205376.0000000000000000");
  EXPECT_EQ(OfNumerics("^", {"2", "-100"}), "0.0000000000000000");
  EXPECT_EQ(OfNumerics("^", {"0", "0"}), "1.0000000000000000");
}

TEST(NumericFunctions, RefuseWhatTheServerRefuses) {
  EXPECT_EQ(OfNumerics("/", {"1", "0"}), "22012 division by zero");
  EXPECT_EQ(OfNumerics("/", {"NaN", "0"}), "NaN");
  EXPECT_EQ(OfNumerics("%", {"Infinity", "0"}), "22012 division by zero");
  EXPECT_EQ(OfNumerics("sqrt", {"-1"}), "2201F cannot take square root of a negative number");
  EXPECT_EQ(OfNumerics("ln", {"0"}), "2201E cannot take logarithm of zero");
  EXPECT_EQ(OfNumerics("log", {"10", "-1"}), "2201E cannot take logarithm of a negative number");
  EXPECT_EQ(OfNumerics("log", {"1", "2"}), "22012 division by zero");
  EXPECT_EQ(OfNumerics("^", {"0", "-1"}), "2201F zero raised to a negative power is undefined");
  EXPECT_EQ(OfNumerics("^", {"-2", "0.5"}),
            "2201F a negative number raised to a non-integer power yields a complex result");
  EXPECT_EQ(OfNumerics("^", {"10", "131072"}), "22003 value overflows numeric format");
  EXPECT_EQ(OfNumerics("exp", {"6000"}), "22003 value overflows numeric format");
  EXPECT_EQ(OfNumerics("*", {"9e131071", "9"}), "22003 value overflows numeric format");
}

TEST(NumericFunctions, SpecialValuesFollowPosix) {
  EXPECT_EQ(OfNumerics("^", {"NaN", "0"}), "1");
  EXPECT_EQ(OfNumerics("^", {"1", "NaN"}), "1");
  EXPECT_EQ(OfNumerics("^", {"-Infinity", "3"}), "-Infinity");
  EXPECT_EQ(OfNumerics("^", {"0.5", "-Infinity"}), "Infinity");
  EXPECT_EQ(OfNumerics("-", {"Infinity", "Infinity"}), "NaN");
  EXPECT_EQ(OfNumerics("*", {"0", "-Infinity"}), "NaN");
  EXPECT_EQ(OfNumerics("/", {"5", "Infinity"}), "0");
  EXPECT_EQ(OfNumerics("-", {"Infinity"}), "-Infinity");
  EXPECT_EQ(OfNumerics("scale", {"NaN"}), "NULL");
}

TEST(NumericFunctions, RoundAndDivisors) {
  EXPECT_EQ(Call("round", {{TypeId::kNumeric, "1234.567"}, {TypeId::kInt4, "-2"}}), "1200");
  EXPECT_EQ(Call("trunc", {{TypeId::kNumeric, "-1.999"}, {TypeId::kInt4, "2"}}), "-1.99");
  EXPECT_EQ(OfNumerics("gcd", {"3.5", "-1.40"}), "0.70");
  EXPECT_EQ(OfNumerics("lcm", {"3.5", "1.4"}), "7.0");
  EXPECT_EQ(OfNumerics("trim_scale", {"1.500"}), "1.5");
  EXPECT_EQ(OfNumerics("min_scale", {"1.500"}), "1");
  EXPECT_EQ(OfNumerics("sign", {"-0.1"}), "-1");
  EXPECT_EQ(
      Call(
          "width_bucket",
          {{TypeId::kNumeric, "5.35"}, {TypeId::kNumeric, "0.024"}, {TypeId::kNumeric, "10.06"}, {TypeId::kInt4, "5"}}),
      "3");
}

}  // namespace
}  // namespace headgate::sql::test
