#include "connectors/kafka/offsets.h"

#include <gtest/gtest.h>

namespace headgate::kafka::source {
namespace {

TEST(Offsets, AreTheSameFromTheirStoredForm) {
  Offsets offsets;
  offsets.cluster = "c";
  offsets.Of("b") = {0, 7};
  offsets.Of("a") = {std::int64_t{1} << 40};
  const auto read = Offsets::Decode(offsets.Encode());
  ASSERT_TRUE(read.ok()) << read.error().what;
  EXPECT_EQ(read->cluster, "c");
  EXPECT_EQ(read->topics(), offsets.topics());
  EXPECT_EQ(read->Sum(), 8 + (std::uint64_t{1} << 40));
}

TEST(Offsets, ThatWereNeverStoredAreNone) {
  const auto none = Offsets::Decode("");
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->empty());
  EXPECT_EQ(none->Sum(), 1U);
}

TEST(Offsets, ThatAreDamagedAreAnError) {
  Offsets offsets;
  offsets.cluster = "cluster";
  offsets.Of("topic") = {1, 2, 300};
  const std::string stored = offsets.Encode();
  for (std::size_t size = 1; size < stored.size(); ++size)
    EXPECT_FALSE(Offsets::Decode(std::string_view(stored).substr(0, size)).ok()) << size;
  EXPECT_FALSE(Offsets::Decode(stored + "x").ok());
  EXPECT_FALSE(Offsets::Decode("\x02").ok());
}

}  // namespace
}  // namespace headgate::kafka::source
