#include "core/base/time_text.h"

#include <gtest/gtest.h>

namespace headgate {
namespace {

TEST(Civil, DaysRoundTripOverSixThousandCenturies) {
  for (std::int64_t day = -110'000'000; day < 110'000'000; day += 9973) {
    const CivilDate d = CivilFromDays(day);
    ASSERT_EQ(DaysFromCivil(d.year, d.month, d.day), day);
  }
  EXPECT_EQ(DaysFromCivil(2016, 11, 4), 17109);
  EXPECT_EQ(DaysFromCivil(0, 12, 31), -719163);
}

TEST(UtcText, CountsBackwardsBefore1970) {
  EXPECT_EQ(UtcText(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(UtcText(-1), "1969-12-31T23:59:59.999999Z");
}

}  // namespace
}  // namespace headgate
