#include "core/sql/numeric.h"

#include <gtest/gtest.h>

#include <random>

namespace headgate::sql {
namespace {

Numeric N(std::string_view text) {
  const auto value = Numeric::Parse(text);
  EXPECT_TRUE(value.has_value()) << text;
  return value.value_or(Numeric::NaN());
}

std::string Digits(std::mt19937_64& random, std::size_t count) {
  std::string digits(1, static_cast<char>('1' + random() % 9));
  while (digits.size() < count) digits.push_back(static_cast<char>('0' + random() % 10));
  return digits;
}

// Small ones, wide ones and those at the edge between them.
Numeric Any(std::mt19937_64& random) {
  const std::string digits = Digits(random, 1 + random() % 90);
  const std::size_t point = random() % (digits.size() + 1);
  return N((random() % 2 == 0 ? "-" : "") + digits.substr(0, point) + "." + digits.substr(point) +
           (point == digits.size() ? "0" : ""));
}

TEST(Numeric, TextKeepsTheScale) {
  for (const char* text : {"0", "0.00", "1", "-1.50", "0.001", "123456789012345678901234567890123456789012345.678",
                           "340282366920938463463374607431768211456", "NaN", "Infinity", "-Infinity"}) {
    EXPECT_EQ(N(text).Text(), text);
  }
  EXPECT_EQ(N(" -1.5e3 ").Text(), "-1500");
  EXPECT_EQ(N("1.5e-3").Text(), "0.0015");
  EXPECT_EQ(N("-0.0").Text(), "0.0");
  EXPECT_EQ(N("1e-16383").scale(), 16383);
  EXPECT_EQ(N("1e131071").IntegerDigits(), 131072);
}

TEST(Numeric, ParseTellsNonsenseFromOverflow) {
  for (const char* text : {"", ".", "1e", "1.2.3", "-NaN", "0x1", "1 1", "--1", "e5"}) {
    bool overflow = true;
    EXPECT_FALSE(Numeric::Parse(text, &overflow)) << text;
    EXPECT_FALSE(overflow) << text;
  }
  for (const char* text : {"1e131072", "1e-16384", "0e-16384", "0e99999999999999999999"}) {
    bool overflow = false;
    EXPECT_FALSE(Numeric::Parse(text, &overflow)) << text;
    EXPECT_TRUE(overflow) << text;
  }
}

TEST(Numeric, DivisionHasTheScaleOfTheServer) {
  EXPECT_EQ(Divide(1, 3)->Text(), "0.33333333333333333333");
  EXPECT_EQ(Divide(10, 3)->Text(), "3.3333333333333333");
  EXPECT_EQ(Divide(2, 3)->Text(), "0.66666666666666666667");
  EXPECT_EQ(Divide(N("1.00"), 8)->Text(), "0.12500000000000000000");
  EXPECT_EQ(Divide(10000, 3)->Text(), "3333.3333333333333333");
  EXPECT_EQ(Divide(N("-1e30"), 7)->Text(), "-142857142857142857142857142857");
  EXPECT_EQ(DivideTruncated(-7, 2)->Text(), "-3");
  EXPECT_EQ(Modulo(N("-7.5"), 2)->Text(), "-1.5");
  EXPECT_FALSE(Divide(1, 0));
  EXPECT_FALSE(Modulo(1, N("0.00")));
  EXPECT_EQ(Multiply(N("1.10"), N("1.10"))->Text(), "1.2100");
  EXPECT_EQ(Add(N("1.1"), N("2.25"))->Text(), "3.35");
}

TEST(Numeric, WideAndSmallArithmeticAgree) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const Numeric a = Any(random);
    const Numeric b = Any(random);
    EXPECT_EQ(*Subtract(*Add(a, b), b), a);
    EXPECT_EQ(*Add(a, b), *Add(b, a));
    const Numeric product = *Multiply(a, b);
    EXPECT_EQ(*DivideTruncated(product, b), *DivideTruncated(a, 1)) << a.Text() << " * " << b.Text();
    // a = q * b + r, |r| < |b|
    const Numeric rest = *Modulo(a, b);
    EXPECT_LT(rest.Abs(), b.Abs());
    EXPECT_EQ(*Add(*Multiply(*DivideTruncated(a, b), b), rest), a);
    EXPECT_EQ((a <=> b), (Subtract(a, b)->Sign() <=> 0));
    EXPECT_EQ(N(a.Text()).Text(), a.Text());
  }
}

TEST(Numeric, EncodedFormReadsBackAndIsAKeyWhenTrimmed) {
  std::mt19937_64 random(8);
  for (int i = 0; i < 5'000; ++i) {
    const Numeric a = Any(random);
    EXPECT_EQ(Numeric::Decode(a.Encode()).Text(), a.Text());
    const Numeric longer = a.Rounded(a.scale() + static_cast<int>(random() % 40));
    EXPECT_EQ(longer, a);
    EXPECT_EQ(longer.Trimmed().Encode(), a.Trimmed().Encode());
  }
  for (const char* text : {"NaN", "Infinity", "-Infinity", "0.00"}) {
    EXPECT_EQ(Numeric::Decode(N(text).Encode()).Text(), text);
  }
  EXPECT_EQ(N("-0.00").Trimmed().Encode(), Numeric(0).Encode());
}

TEST(Numeric, DecodeTakesAnyBytes) {
  std::mt19937_64 random(9);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(random() % 60, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    const Numeric value = Numeric::Decode(bytes);
    EXPECT_EQ(Numeric::Decode(value.Encode()).Text(), value.Text());
    static_cast<void>(Add(value, 1));
    static_cast<void>(Divide(value, 3));
  }
  EXPECT_TRUE(Numeric::Decode("").nan());
  EXPECT_TRUE(Numeric::Decode(std::string(100'000, 'x')).nan());
}

TEST(Numeric, OrderPutsNaNLastAndIgnoresTheScale) {
  const Numeric ascending[] = {N("-Infinity"), N("-1e40"), N("-2"),   N("-0.001"),   N("0"),  N("1e-20"),
                               N("0.1"),       N("1.5"),   N("1e39"), N("Infinity"), N("NaN")};
  for (std::size_t i = 0; i < std::size(ascending); ++i) {
    for (std::size_t j = 0; j < std::size(ascending); ++j) EXPECT_EQ(ascending[i] <=> ascending[j], i <=> j);
  }
  EXPECT_EQ(N("1.5"), N("1.500"));
  EXPECT_EQ(N("0"), N("0.000"));
}

TEST(Numeric, RoundsHalfAwayFromZero) {
  EXPECT_EQ(N("2.5").Rounded(0).Text(), "3");
  EXPECT_EQ(N("-2.5").Rounded(0).Text(), "-3");
  EXPECT_EQ(N("-0.4").Rounded(0).Text(), "0");
  EXPECT_EQ(N("150").Rounded(-2).Text(), "200");
  EXPECT_EQ(N("1.5").Rounded(3).Text(), "1.500");
  EXPECT_EQ(N("-1.59").Truncated(1).Text(), "-1.5");
  EXPECT_EQ(N("-1.5").Ceil().Text(), "-1");
  EXPECT_EQ(N("-1.5").Floor().Text(), "-2");
  EXPECT_EQ(N("1.000000000000000000000000000000000000000001").Ceil().Text(), "2");
}

TEST(Numeric, ConvertsToOtherNumbers) {
  EXPECT_EQ(N("9223372036854775807.4").ToInt64(), 9223372036854775807);
  EXPECT_EQ(N("-9223372036854775808").ToInt64(), std::numeric_limits<std::int64_t>::min());
  EXPECT_FALSE(N("9223372036854775807.5").ToInt64());
  EXPECT_FALSE(N("NaN").ToInt64());
  EXPECT_EQ(N("0.1").ToDouble(), 0.1);
  EXPECT_EQ(N("123456789012345678901234567890").ToDouble(), 123456789012345678901234567890.0);
  EXPECT_EQ(Numeric::OfDouble(0.1 + 0.2).Text(), "0.3");
  EXPECT_EQ(Numeric::OfDouble(1e20).Text(), "100000000000000000000");
  EXPECT_EQ(Numeric::OfFloat(16777216.0F).Text(), "16777200");
}

TEST(Numeric, RefusesMoreDigitsThanTheFormatHolds) {
  const Numeric large = N("9e131071");
  EXPECT_FALSE(Add(large, large));
  EXPECT_FALSE(Multiply(large, 2));
  EXPECT_EQ(Subtract(large, large)->Text(), "0");
}

}  // namespace
}  // namespace headgate::sql
