#include "core/operators/exact_sum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>
#include <vector>

namespace headgate::operators {
namespace {

using sql::Magnitude;

// The same sums as plain big integers, in units of 2^-2148.
class Model {
 public:
  void Add(double v, std::int64_t weight) { AddParts(v, 1.0, weight); }
  void AddProduct(double a, double b, std::int64_t weight) { AddParts(a, b, weight); }
  ExactNumber Value() const {
    return plus_ >= minus_ ? ExactNumber{false, plus_ - minus_, -2148} : ExactNumber{true, minus_ - plus_, -2148};
  }

 private:
  void AddParts(double a, double b, std::int64_t weight) {
    int exponent_a = 0;
    int exponent_b = 0;
    const double mantissa_a = std::frexp(a, &exponent_a);
    const double mantissa_b = std::frexp(b, &exponent_b);
    const auto whole = [](double m) { return Magnitude(static_cast<std::uint64_t>(std::abs(std::ldexp(m, 53)))); };
    const int shift = exponent_a + exponent_b - 106 + 2148;
    Magnitude term = whole(mantissa_a) * whole(mantissa_b) * Magnitude(static_cast<std::uint64_t>(std::abs(weight)));
    term = shift >= 0 ? term << static_cast<unsigned>(shift) : term >> static_cast<unsigned>(-shift);
    const bool negative = ((a < 0) != (b < 0)) != (weight < 0);
    (negative ? minus_ : plus_) = (negative ? minus_ : plus_) + term;
  }
  Magnitude plus_;
  Magnitude minus_;
};

double RandomDouble(std::mt19937_64& random) {
  for (;;) {
    const double v = std::bit_cast<double>(random());
    if (std::isfinite(v)) return v;
  }
}
double NearOne(std::mt19937_64& random) {
  return std::ldexp(static_cast<double>(static_cast<std::int64_t>(random())), static_cast<int>(random() % 20) - 70);
}

bool SameNumber(const ExactNumber& a, const ExactNumber& b) { return (a - b).zero(); }

TEST(ExactSum, IsTheSumOfBigIntegersWhateverComesAndGoes) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 60; ++round) {
    ExactSum sum;
    Model model;
    for (int i = 0; i < 40; ++i) {
      const double v = round % 2 == 0 ? RandomDouble(random) : NearOne(random);
      const auto weight = static_cast<std::int64_t>(random() % 7) - 3;
      sum.Add(v, weight);
      model.Add(v, weight);
      ASSERT_TRUE(SameNumber(sum.Value(), model.Value())) << "round " << round << " step " << i;
    }
  }
}

TEST(ExactSum, SumsProductsExactly) {
  std::mt19937_64 random(11);
  ExactSum sum;
  Model model;
  for (int i = 0; i < 300; ++i) {
    const double a = i % 3 == 0 ? RandomDouble(random) : NearOne(random);
    const double b = NearOne(random);
    const std::int64_t weight = i % 5 == 0 ? -static_cast<std::int64_t>(random() >> 1) : 1;
    sum.AddProduct(a, b, weight);
    model.AddProduct(a, b, weight);
    ASSERT_TRUE(SameNumber(sum.Value(), model.Value())) << i;
  }
}

TEST(ExactSum, NothingIsLeftOfWhatWasTakenOff) {
  std::mt19937_64 random(3);
  std::vector<double> values;
  ExactSum sum;
  for (int i = 0; i < 500; ++i) {
    values.push_back(RandomDouble(random));
    sum.Add(values.back(), 1);
  }
  std::ranges::shuffle(values, random);
  for (const double v : values) sum.Add(v, -1);
  EXPECT_TRUE(sum.zero());
  EXPECT_EQ(sum.ToDouble(), 0);
}

TEST(ExactSum, RoundsOnceAndToEven) {
  ExactSum sum;
  sum.Add(1e16, 1);
  sum.Add(1, 1);
  sum.Add(-1e16, 1);
  EXPECT_EQ(sum.ToDouble(), 1);

  ExactSum half;
  half.Add(1, 1);
  half.Add(std::ldexp(1, -53), 1);
  EXPECT_EQ(half.ToDouble(), 1);
  half.Add(std::ldexp(1, -1074), 1);
  EXPECT_EQ(half.ToDouble(), 1 + std::ldexp(1, -52));
  half.Add(std::ldexp(1, -1074), -1);
  half.Add(std::ldexp(1, -52), 1);
  EXPECT_EQ(half.ToDouble(), 1 + std::ldexp(1, -51));

  ExactSum small;
  small.Add(std::ldexp(1, -1074), 3);
  EXPECT_EQ(small.ToDouble(), std::ldexp(3, -1074));

  ExactSum large;
  large.Add(1.7e308, 2);
  EXPECT_TRUE(std::isinf(large.ToDouble()));
  large.Add(1.7e308, -1);
  EXPECT_EQ(large.ToDouble(), 1.7e308);

  ExactSum single;
  single.Add(16777217, 1);
  EXPECT_EQ(single.Value().ToFloat(), 16777216.0F);
}

TEST(ExactSum, QuotientsAreTheNearest) {
  ExactSum sum;
  sum.Add(1, 1);
  EXPECT_EQ(Quotient(sum.Value(), 3), 1.0 / 3);
  sum.Add(-11, 1);
  EXPECT_EQ(Quotient(sum.Value(), 7), -10.0 / 7);
  EXPECT_EQ(Quotient(ExactSum().Value(), 7), 0);
}

}  // namespace
}  // namespace headgate::operators
