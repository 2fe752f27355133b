#include "core/sql/time_zone.h"

#include <gtest/gtest.h>

namespace headgate::sql {
namespace {

constexpr std::int64_t kJuly2024 = 1'719'792'000;     // 2024-07-01 00:00 UTC
constexpr std::int64_t kJanuary2024 = 1'704'067'200;  // 2024-01-01 00:00 UTC

TEST(TimeZone, NamesAreFoundInAnyCase) {
  for (const char* name : {"Europe/Berlin", "europe/berlin", "EUROPE/BERLIN"}) {
    const auto zone = TimeZone::Find(name);
    ASSERT_NE(zone, nullptr) << name;
    EXPECT_EQ(zone->At(kJuly2024).offset, 7200);
    EXPECT_EQ(zone->At(kJuly2024).abbreviation, "CEST");
    EXPECT_TRUE(zone->At(kJuly2024).daylight);
    EXPECT_EQ(zone->At(kJanuary2024).offset, 3600);
    EXPECT_FALSE(zone->OnlyOffset());
  }
}

TEST(TimeZone, WhatIsNoZoneIsNotFound) {
  for (const char* name : {"", "Europe", "Europe/Nowhere", "../../../etc/passwd", "/etc/passwd", "zone.tab", "UTC ",
                           "Europe//Berlin", "ABC", "EST5EDT,nonsense"})
    EXPECT_EQ(TimeZone::Find(name), nullptr) << name;
  EXPECT_EQ(TimeZone::Find(std::string(300, 'A') + "5"), nullptr);
}

TEST(TimeZone, PosixTextsCountHoursToTheWest) {
  EXPECT_EQ(TimeZone::Find("+02")->At(0).offset, -7200);
  EXPECT_EQ(TimeZone::Find("-3:30")->At(0).offset, 12'600);
  EXPECT_EQ(TimeZone::Find("<abc>-3")->At(0).abbreviation, "ABC");
  EXPECT_EQ(TimeZone::Find("FOO5BAR")->At(kJuly2024).offset, -4 * 3600);
  EXPECT_EQ(TimeZone::Find("AAA-3BBB,J60/0,J300/24")->At(kJuly2024).offset, 4 * 3600);
}

TEST(TimeZone, ASettingMayBeHoursToTheEast) {
  EXPECT_EQ(TimeZone::FindSetting("5")->At(0).offset, 5 * 3600);
  EXPECT_EQ(TimeZone::FindSetting("-5.5")->At(0).offset, -19'800);
  EXPECT_EQ(TimeZone::FindSetting("-5.5")->At(0).abbreviation, "-05:30");
  EXPECT_EQ(TimeZone::FindSetting("Asia/Kolkata")->At(0).offset, 19'800);
  EXPECT_EQ(TimeZone::FindSetting("nan"), nullptr);
}

TEST(TimeZone, ALeftOutTimeCountsBeforeTheChangeAndADoubledOneAfterIt) {
  const auto zone = TimeZone::Find("America/New_York");
  EXPECT_EQ(zone->OffsetOfLocal(1'710'037'800), -5 * 3600);  // 2024-03-10 02:30
  EXPECT_EQ(zone->OffsetOfLocal(1'710'039'600), -4 * 3600);  // 2024-03-10 03:00
  EXPECT_EQ(zone->OffsetOfLocal(1'730'597'399), -5 * 3600);  // 2024-11-03 01:29:59, at -4 too
  EXPECT_EQ(zone->OffsetOfLocal(1'730'595'599), -4 * 3600);  // 2024-11-03 00:59:59
  EXPECT_EQ(zone->OffsetOfLocal(1'730'599'200), -5 * 3600);  // 2024-11-03 02:00
}

TEST(TimeZone, RulesGoOnAfterTheLastTransitionOfTheFile) {
  const auto zone = TimeZone::Find("Europe/Berlin");
  EXPECT_EQ(zone->At(9'999'990'000).offset, 3600);  // 2286-11-20
  EXPECT_EQ(zone->At(9'987'000'000).offset, 7200);  // 2286-06-23
  // Over the change of 2050-03-27 01:00 UTC.
  EXPECT_EQ(zone->At(2'531'955'599).offset, 3600);
  EXPECT_EQ(zone->At(2'531'955'600).offset, 7200);
}

TEST(TimeZone, BeforeTheFirstTransitionLocalMeanTimeCounts) {
  EXPECT_EQ(TimeZone::Find("Europe/Berlin")->At(-5'000'000'000).offset, 3208);
}

TEST(TimeZone, AbbreviationsHaveAnOffsetOrAHistory) {
  ASSERT_NE(FindZoneAbbreviation("edt"), nullptr);
  EXPECT_EQ(FindZoneAbbreviation("edt")->offset, -4 * 3600);
  EXPECT_TRUE(FindZoneAbbreviation("edt")->daylight);
  EXPECT_EQ(FindZoneAbbreviation("EDT"), nullptr);
  const auto moscow = TimeZone::Find(FindZoneAbbreviation("msk")->zone);
  EXPECT_EQ(moscow->OffsetOfAbbreviation("MSK", kJuly2024), 3 * 3600);
  EXPECT_EQ(moscow->OffsetOfAbbreviation("MSK", 1'340'000'000), 4 * 3600);  // 2012
  EXPECT_FALSE(moscow->OffsetOfAbbreviation("XYZ", kJuly2024));
}

TEST(TimeZone, DamagedFilesAreNone) {
  EXPECT_EQ(TimeZone::FromFile(""), nullptr);
  EXPECT_EQ(TimeZone::FromFile("TZif2"), nullptr);
  std::string bytes = "TZif2" + std::string(15, '\0');
  for (const char count : {0, 0, 0, 1, 1, 4}) bytes += std::string(3, '\0') + count;
  EXPECT_EQ(TimeZone::FromFile(bytes), nullptr);
  std::string huge = bytes;
  huge[32] = '\x7f';
  EXPECT_EQ(TimeZone::FromFile(huge), nullptr);
}

}  // namespace
}  // namespace headgate::sql
