// What views could not take, kept for somebody to look at.
#include <gmock/gmock.h>

#include "tests/unit/views/views_support.h"

namespace headgate::test {
namespace {

using sql::TypeId;
using ::testing::HasSubstr;

class ViewLetters : public ::testing::Test {
 protected:
  std::vector<DeadLetter> Kept(const std::string& view) {
    std::vector<DeadLetter> letters;
    const Status scanned =
        DeadLetters::Scan(shard_.store(), views::LetterOwner(view), 0, false, [&](DeadLetter&& letter) {
          letters.push_back(std::move(letter));
          return true;
        });
    EXPECT_TRUE(scanned.ok());
    return letters;
  }

  Shard shard_;
  TestStream readings_{shard_, "readings", "", "readings", {{"a", TypeId::kInt4}, {"b", TypeId::kInt4}}, 0};
};

TEST_F(ViewLetters, AFailedRowIsKeptWithItsRecordAndAThousandAreEnough) {
  readings_.Insert({"1", "1"});
  readings_.Commit();
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW shares AS SELECT a / b AS share FROM readings"), "");
  ASSERT_TRUE(shard_.Settle());
  readings_.Insert({"4", "2"});
  readings_.Insert({"5", "0"});
  const Seq seq = readings_.Commit();
  ASSERT_TRUE(shard_.Settle());
  const auto first = Kept("shares");
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].at, (At{seq, 2}));
  EXPECT_EQ(first[0].stream, "readings");
  EXPECT_EQ(first[0].error_class, "22012");
  EXPECT_THAT(first[0].record, HasSubstr("\"after\":{\"a\":5,\"b\":0}"));
  shard_.Reopen();
  for (int i = 0; i < 1500; ++i) readings_.Insert({std::to_string(i), "0"});
  readings_.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_EQ(Kept("shares").size(), 1000U);
  EXPECT_EQ(shard_.views().Status("shares")->errors_ever, 1501U);
  ASSERT_TRUE(shard_.views().Drop("shares", {}).ok());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!Kept("shares").empty() && std::chrono::steady_clock::now() < deadline)
    Signal().WaitUntil(std::chrono::steady_clock::now() + std::chrono::milliseconds(1), {});
  EXPECT_TRUE(Kept("shares").empty());
}

}  // namespace
}  // namespace headgate::test
