#include "core/sql/time_value.h"

#include <gtest/gtest.h>

#include <random>

namespace headgate::sql {
namespace {

constexpr std::int64_t kDay = kDayUs;

TEST(TimeValue, FieldsAndTimestampsAreOneAnothersInverse) {
  std::mt19937_64 random(7);
  std::uniform_int_distribution<std::int64_t> any(kTimestampMin, kTimestampEnd - 1);
  for (int i = 0; i < 20'000; ++i) {
    const std::int64_t us = any(random);
    EXPECT_EQ(JoinTimestamp(SplitTimestamp(us)), us);
  }
  EXPECT_EQ(JoinTimestamp(SplitTimestamp(kTimestampMin)), kTimestampMin);
  EXPECT_EQ(JoinTimestamp(SplitTimestamp(kTimestampEnd - 1)), kTimestampEnd - 1);
  TimeFields beyond = SplitTimestamp(kTimestampEnd - 1);
  beyond.second = 60;
  EXPECT_EQ(JoinTimestamp(beyond), std::nullopt);
}

TEST(TimeValue, MonthsAreAddedBeforeDaysAndKeepToTheMonth) {
  TimeFields at{2024, 1, 31, 12, 0, 0, 0};
  const std::int64_t start = *JoinTimestamp(at);
  const TimeFields sum = SplitTimestamp(*AddInterval(start, Wide{-kHourUs, 1, 1}));
  EXPECT_EQ(sum.month, 3);
  EXPECT_EQ(sum.day, 1);
  EXPECT_EQ(sum.hour, 11);
}

TEST(TimeValue, ADayOverAChangeOfTheOffsetKeepsTheLocalTime) {
  const auto zone = TimeZone::Find("Europe/Berlin");
  const std::int64_t start = FromLocal(*zone, *JoinTimestamp({2024, 3, 30, 12, 0, 0, 0}));
  EXPECT_EQ(*AddInterval(*zone, start, Wide{0, 1, 0}) - start, 23 * kHourUs);
  EXPECT_EQ(*AddInterval(*zone, start, Wide{24 * kHourUs, 0, 0}) - start, 24 * kHourUs);
}

TEST(TimeValue, WhatLeavesTheRangeIsNothing) {
  EXPECT_FALSE(AddInterval(kTimestampEnd - 1, Wide{1, 0, 0}));
  EXPECT_FALSE(AddInterval(kTimestampMin, Wide{0, -1, 0}));
  EXPECT_FALSE(AddInterval(0, Wide{0, 0, 2'147'483'647}));
  EXPECT_FALSE(DateToTimestamp(kDateEnd - 1));
  EXPECT_FALSE(Negate(Wide{0, 0, -2'147'483'648}));
  EXPECT_EQ(AddInterval(kInfinity, Wide{1, 1, 1}), kInfinity);
  EXPECT_EQ(DateToTimestamp(kMinusInfinity), kMinusInfinity);
}

TEST(TimeValue, IntervalsCompareByMonthsOfThirtyDays) {
  EXPECT_EQ(CompareIntervals({0, 0, 1}, {0, 30, 0}), std::strong_ordering::equal);
  EXPECT_EQ(CompareIntervals({24 * kHourUs, 0, 0}, {0, 1, 0}), std::strong_ordering::equal);
  EXPECT_EQ(CompareIntervals({0, 29, 0}, {0, 0, 1}), std::strong_ordering::less);
  const Wide largest{INT64_MAX, INT32_MAX, INT32_MAX};
  const Wide smallest{INT64_MIN, INT32_MIN, INT32_MIN};
  EXPECT_EQ(CompareIntervals(smallest, largest), std::strong_ordering::less);
}

TEST(TimeValue, TimesWithZoneCompareByTheMomentAndThenByTheZone) {
  const Wide utc{12 * kHourUs, 0, 0};
  const Wide east{14 * kHourUs, 7200, 0};
  EXPECT_EQ(CompareTimeTz(east, utc), std::strong_ordering::less);
  EXPECT_EQ(CompareTimeTz(utc, utc), std::strong_ordering::equal);
  EXPECT_EQ(CompareTimeTz({12 * kHourUs, 7200, 0}, utc), std::strong_ordering::less);
}

TEST(TimeValue, HoursAreJustifiedTowardsOneSign) {
  EXPECT_EQ(*JustifyHours({-kHourUs, 1, 0}), (Wide{23 * kHourUs, 0, 0}));
  EXPECT_EQ(*JustifyHours({kDay + kHourUs, 1, 1}), (Wide{kHourUs, 2, 1}));
  EXPECT_FALSE(JustifyHours({kDay, INT32_MAX, 0}));
}

TEST(TimeValue, FractionsAreRoundedHalfAwayFromZero) {
  EXPECT_EQ(RoundFraction(1'500'000, 0), 2'000'000);
  EXPECT_EQ(RoundFraction(-1'500'000, 0), -2'000'000);
  EXPECT_EQ(RoundFraction(1'499'999, 0), 1'000'000);
  EXPECT_EQ(RoundFraction(1'234'567, 3), 1'235'000);
  EXPECT_EQ(RoundFraction(1'234'567, -1), 1'234'567);
  EXPECT_EQ(RoundFraction(INT64_MAX, 0), INT64_MAX - INT64_MAX % kSecondUs);
}

}  // namespace
}  // namespace headgate::sql
