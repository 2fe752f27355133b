#include "core/base/diag.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace headgate::diag {
namespace {

class Diagnostics : public testing::Test {
 protected:
  ~Diagnostics() override { Configure(Level::kInfo, Format::kText); }
};

TEST_F(Diagnostics, AnAreaFollowsItsOwnThreshold) {
  Configure(Level::kInfo, Format::kText);
  ASSERT_TRUE(SetThreshold("web", Level::kDebug, 17));
  ASSERT_TRUE(SetThreshold("views", Level::kFatal, 18));
  EXPECT_TRUE(Enabled(Level::kDebug, "web"));
  EXPECT_FALSE(Enabled(Level::kDebug, "ingest"));
  EXPECT_FALSE(Enabled(Level::kError, "views"));
  EXPECT_EQ(ThresholdOf("web")->set_us, 17);
  EXPECT_EQ(ThresholdOf("ingest")->set_us, 0);
  EXPECT_EQ(ThresholdOf("root")->set_us, 0);
  testing::internal::CaptureStderr();
  Error("views", "not seen");
  Debug("web", "seen", {{"n", 3}});
  const std::string seen = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(seen.begin(), seen.end(), '\n'), 1);
  EXPECT_NE(seen.find("debug web: seen n=3"), std::string::npos) << seen;
}

TEST_F(Diagnostics, RootSetsAllAreas) {
  Configure(Level::kInfo, Format::kText);
  ASSERT_TRUE(SetThreshold("web", Level::kTrace, 1));
  ASSERT_TRUE(SetThreshold("root", Level::kWarn, 2));
  for (const std::string_view area : kAreas) {
    EXPECT_EQ(ThresholdOf(area)->level, Level::kWarn) << area;
    EXPECT_EQ(ThresholdOf(area)->set_us, 2) << area;
  }
}

TEST_F(Diagnostics, AnUnknownAreaChangesNothing) {
  Configure(Level::kInfo, Format::kText);
  EXPECT_FALSE(SetThreshold("nowhere", Level::kTrace, 1));
  EXPECT_FALSE(ThresholdOf("nowhere").has_value());
  for (const std::string_view area : kAreas) EXPECT_EQ(ThresholdOf(area)->set_us, 0) << area;
}

TEST_F(Diagnostics, AreasAreInOrder) { EXPECT_TRUE(std::is_sorted(std::begin(kAreas), std::end(kAreas))); }

TEST_F(Diagnostics, LevelsAreReadInAnyCase) {
  EXPECT_EQ(ParseLevel("Fatal"), Level::kFatal);
  EXPECT_EQ(ParseLevel("TRACE"), Level::kTrace);
  EXPECT_EQ(ParseLevel("off"), std::nullopt);
}

}  // namespace
}  // namespace headgate::diag
