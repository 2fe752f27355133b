#include <gtest/gtest.h>

#include "tests/unit/sql/call.h"

namespace headgate::sql::test {
namespace {

std::string OfFloats(std::string_view name, const std::vector<std::string>& numbers, Type type = TypeId::kFloat8) {
  std::vector<Argument> arguments;
  for (const std::string& number : numbers) arguments.push_back({type, number});
  return Call(name, arguments);
}

TEST(FloatFunctions, ArithmeticReportsWhatLeavesItsRange) {
  EXPECT_EQ(OfFloats("+", {"1e308", "1e308"}), "22003 value out of range: overflow");
  EXPECT_EQ(OfFloats("*", {"1e-200", "1e-200"}), "22003 value out of range: underflow");
  EXPECT_EQ(OfFloats("/", {"1", "0"}), "22012 division by zero");
  EXPECT_EQ(OfFloats("/", {"NaN", "0"}), "NaN");
  EXPECT_EQ(OfFloats("+", {"Infinity", "-Infinity"}), "NaN");
  EXPECT_EQ(OfFloats("+", {"3e38", "3e38"}, TypeId::kFloat4), "22003 value out of range: overflow");
  EXPECT_EQ(OfFloats("+", {"0.1", "0.2"}, TypeId::kFloat4), "0.3");
  EXPECT_EQ(OfFloats("+", {"0.1", "0.2"}), "0.30000000000000004");
  EXPECT_EQ(Call("+", {{TypeId::kFloat4, "0.1"}, {TypeId::kFloat8, "0.2"}}), "0.30000000149011613");
}

TEST(FloatFunctions, RoundGoesToEven) {
  EXPECT_EQ(OfFloats("round", {"2.5"}), "2");
  EXPECT_EQ(OfFloats("round", {"3.5"}), "4");
  EXPECT_EQ(OfFloats("round", {"-0.5"}), "-0");
  EXPECT_EQ(OfFloats("trunc", {"-1.9"}), "-1");
}

TEST(FloatFunctions, DomainsEndWithTheServersWords) {
  EXPECT_EQ(OfFloats("sqrt", {"-1"}), "2201F cannot take square root of a negative number");
  EXPECT_EQ(OfFloats("ln", {"0"}), "2201E cannot take logarithm of zero");
  EXPECT_EQ(OfFloats("^", {"-8", "0.5"}),
            "2201F a negative number raised to a non-integer power yields a complex result");
  EXPECT_EQ(OfFloats("^", {"10", "400"}), "22003 value out of range: overflow");
  EXPECT_EQ(OfFloats("exp", {"-1000"}), "22003 value out of range: underflow");
  EXPECT_EQ(OfFloats("asin", {"1.1"}), "22003 input is out of range");
  EXPECT_EQ(OfFloats("sin", {"Infinity"}), "22003 input is out of range");
  EXPECT_EQ(OfFloats("acosh", {"NaN"}), "NaN");
  EXPECT_EQ(OfFloats("cbrt", {"-8"}), "-2");
  EXPECT_EQ(OfFloats("degrees", {"3.141592653589793"}), "180");
  EXPECT_EQ(Call("pi", {}), "3.141592653589793");
}

}  // namespace
}  // namespace headgate::sql::test
