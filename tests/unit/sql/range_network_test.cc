#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "core/sql/key.h"
#include "core/sql/network.h"
#include "core/sql/range_value.h"
#include "tests/unit/sql/call.h"

namespace headgate::sql::test {
namespace {

TEST(Ranges, DiscreteOnesHaveOneForm) {
  EXPECT_EQ(ReadAndWrite(TypeId::kInt4Range, "(1, 5]"), "[2,6)");
  EXPECT_EQ(ReadAndWrite(TypeId::kInt4Range, "(1,5]"), "[2,6)");
  EXPECT_EQ(ReadAndWrite(TypeId::kInt4Range, "(4,5)"), "empty");
  EXPECT_EQ(ReadAndWrite(TypeId::kNumRange, "(4,5)"), "(4,5)");
  EXPECT_EQ(ReadAndWrite(TypeId::kDateRange, "[2024-02-28,2024-02-29]"), "[2024-02-28,2024-03-01)");
}

// What PostgreSQL says of two ranges follows from the numbers that lie in them.
TEST(Ranges, ContainmentAndOverlapAreThoseOfTheirElements) {
  std::mt19937_64 random(5);
  const auto make = [&] {
    EvalContext context;
    std::string text = random() % 2 == 0 ? "[" : "(";
    const int low = static_cast<int>(random() % 6);
    if (random() % 5 != 0) text += std::to_string(low);
    text += ",";
    if (random() % 5 != 0) text += std::to_string(low + static_cast<int>(random() % 4));
    text += random() % 2 == 0 ? "]" : ")";
    return ReadRange(TypeId::kInt4Range, FromText(TypeId::kInt4Range, text, context).s);
  };
  const auto has = [](const RangeValue& range, std::int64_t v) {
    return RangeContains(TypeId::kInt4Range, range, Datum::Of(v));
  };
  for (int round = 0; round < 3000; ++round) {
    const RangeValue a = make();
    const RangeValue b = make();
    bool all = true;
    bool some = false;
    for (std::int64_t v = -3; v < 15; ++v) {
      all = all && (!has(b, v) || has(a, v));
      some = some || (has(a, v) && has(b, v));
    }
    EXPECT_EQ(RangeContains(TypeId::kInt4Range, a, b), all);
    EXPECT_EQ(RangesOverlap(TypeId::kInt4Range, a, b), some);
  }
}

TEST(Networks, WhatIsWrittenReadsBack) {
  std::mt19937_64 random(9);
  for (int round = 0; round < 5000; ++round) {
    Network network;
    network.six = random() % 2 == 0;
    for (int i = 0; i < network.width() / 8; ++i)
      network.bytes[static_cast<std::size_t>(i)] = random() % 3 == 0 ? static_cast<std::uint8_t>(random()) : 0;
    network.bits = static_cast<int>(random() % static_cast<unsigned>(network.width() + 1));
    const std::string text = NetworkText(network, random() % 2 == 0);
    const Network back = ReadNetwork(text);
    EXPECT_EQ(back.six, network.six) << text;
    EXPECT_EQ(back.bytes, network.bytes) << text;
    EXPECT_EQ(back.bits, network.bits) << text;
    const Network masked = network.Masked();
    EXPECT_TRUE(NetworkContains(masked, network));
    EXPECT_EQ(ReadAndWrite(TypeId::kCidr, NetworkText(masked, true)), NetworkText(masked, true));
  }
}

}  // namespace
}  // namespace headgate::sql::test
