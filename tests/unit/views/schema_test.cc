// Tables that change their shape under views.
#include <gmock/gmock.h>

#include "tests/unit/views/views_support.h"

namespace headgate::test {
namespace {

using sql::TypeId;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ViewSchema : public ::testing::Test {
 protected:
  using Columns = std::vector<std::pair<std::string, sql::Type>>;
  void SetUp() override {
    TestStream before = Table({{"id", TypeId::kInt4}, {"a", TypeId::kInt4}, {"b", TypeId::kInt4}});
    before.Snapshot({{"1", "10", "100"}, {"2", "20", "200"}});
    ASSERT_EQ(shard_.Sql(R"(
CREATE MATERIALIZED VIEW of_a AS SELECT id, a FROM shop.public.t;
CREATE MATERIALIZED VIEW sum_a AS SELECT sum(a) AS s FROM of_a;
CREATE MATERIALIZED VIEW of_b AS SELECT id, b FROM shop.public.t;
CREATE MATERIALIZED VIEW stars AS SELECT * FROM shop.public.t;)"),
              "");
    ASSERT_TRUE(shard_.Settle());
  }
  TestStream Table(Columns columns) { return {shard_, "shop", "public", "t", std::move(columns), 1}; }
  std::string Failure(const std::string& view) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (;;) {
      shard_.views().Attend({});
      const auto status = shard_.views().Status(view);
      if (status != nullptr && status->replacing != nullptr && status->replacing->state == "failed")
        return status->replacing->failure;
      if (status != nullptr && status->replacing == nullptr && status->state == "failed") return status->failure;
      if (std::chrono::steady_clock::now() > deadline) return "it has not failed";
      Signal().WaitUntil(std::chrono::steady_clock::now() + std::chrono::milliseconds(1), {});
    }
  }
  void Applied() { ASSERT_TRUE(shard_.Applied()); }
  Shard shard_;
};

TEST_F(ViewSchema, AViewWhoseColumnIsDroppedFailsAndItsReadersGoOnWithTheOneThatReplacesIt) {
  TestStream narrower = Table({{"id", TypeId::kInt4}, {"b", TypeId::kInt4}});
  narrower.Insert({"3", "300"});
  narrower.Commit();
  EXPECT_THAT(Failure("of_a"), AllOf(HasSubstr("column \"a\" of shop.public.t was dropped or renamed"),
                                     HasSubstr("CREATE OR REPLACE MATERIALIZED VIEW of_a")));
  EXPECT_THAT(Failure("stars"), HasSubstr("\"a\""));
  EXPECT_THAT(Failure("sum_a"), AllOf(HasSubstr("it reads of_a"), HasSubstr("\"a\"")));
  Applied();
  EXPECT_THAT(shard_.Select("SELECT * FROM of_b"), ElementsAre("1|100", "2|200", "3|300")) << "others go on";
  shard_.Reopen();
  EXPECT_THAT(Failure("sum_a"), HasSubstr("it reads of_a"));
  narrower.Insert({"4", "400"});
  narrower.Commit();
  Applied();
  ASSERT_EQ(shard_.Sql("CREATE OR REPLACE MATERIALIZED VIEW of_a AS SELECT id, b AS a FROM shop.public.t"), "");
  ASSERT_TRUE(shard_.views().Drop("stars", {}).ok());
  ASSERT_TRUE(shard_.SettleReplaced("of_a"));
  EXPECT_THAT(shard_.Select("SELECT * FROM sum_a"), ElementsAre("1000"));
}

TEST_F(ViewSchema, ALargerIntegerTypeFlowsToViewsThatNoOtherReads) {
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW large AS SELECT id FROM shop.public.t WHERE a > 1000"), "");
  ASSERT_TRUE(shard_.Settle());
  TestStream wider = Table({{"id", TypeId::kInt4}, {"a", TypeId::kInt8}, {"b", TypeId::kInt4}});
  const auto becomes = [&](const std::string& view, const std::vector<std::string>& rows) {
    return Shard::Until([&] {
      shard_.views().Attend({});
      return shard_.Select("SELECT * FROM " + view) == rows;
    });
  };
  wider.Insert({"3", "30", "300"});
  wider.Commit();
  EXPECT_TRUE(becomes("of_a", {"1|10", "2|20", "3|30"}));
  EXPECT_TRUE(becomes("sum_a", {"60"}));
  wider.Insert({"4", "5000000000", "400"});
  wider.Commit();
  EXPECT_TRUE(becomes("stars", {"1|10|100", "2|20|200", "3|30|300", "4|5000000000|400"}));
  EXPECT_TRUE(becomes("large", {"4"}));
  EXPECT_THAT(shard_.Select("SELECT a * 2 FROM stars WHERE id = 4"), ElementsAre("10000000000"));
  EXPECT_THAT(Failure("of_a"), AllOf(HasSubstr("has become bigint"), HasSubstr("CREATE OR REPLACE")));
  Applied();
  EXPECT_THAT(shard_.Select("SELECT count(*) FROM of_b"), ElementsAre("4"));
  ASSERT_TRUE(shard_.views().Drop("sum_a", {}).ok());
  ASSERT_EQ(shard_.Sql("CREATE OR REPLACE MATERIALIZED VIEW of_a AS SELECT id, a FROM shop.public.t"), "");
  ASSERT_TRUE(shard_.SettleReplaced("of_a"));
  EXPECT_THAT(shard_.Select("SELECT sum(a) FROM of_a"), ElementsAre("5000000060"));
  shard_.Reopen();
  wider.Update({"1", "6000000000", "100"});
  wider.Commit();
  EXPECT_TRUE(becomes("stars", {"1|6000000000|100", "2|20|200", "3|30|300", "4|5000000000|400"}));
  EXPECT_TRUE(becomes("large", {"1", "4"}));
}

TEST_F(ViewSchema, AnotherTypeAsksForTheTableToBeReadAnew) {
  TestStream other = Table({{"id", TypeId::kInt4}, {"a", TypeId::kText}, {"b", TypeId::kInt4}});
  other.Insert({"3", "x", "300"});
  other.Commit();
  EXPECT_THAT(Failure("of_a"), HasSubstr("is text now, and the view has it as integer"));
  ASSERT_TRUE(shard_.views().Drop("sum_a", {}).ok());
  ASSERT_EQ(shard_.Sql("CREATE OR REPLACE MATERIALIZED VIEW of_a AS SELECT id, a FROM shop.public.t"), "");
  ASSERT_TRUE(shard_.views().Drop("stars", {}).ok());
  const auto begun = [&] {
    const auto status = shard_.views().Status("of_a");
    return status != nullptr && status->replacing != nullptr;
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!begun() && std::chrono::steady_clock::now() < deadline)
    Signal().WaitUntil(std::chrono::steady_clock::now() + std::chrono::milliseconds(1), {});
  EXPECT_THAT(Failure("of_a"), AllOf(HasSubstr("have it as integer"), HasSubstr("read anew")));
  other.Snapshot({{"1", "ten", "100"}, {"3", "x", "300"}});
  ASSERT_EQ(shard_.Sql("CREATE OR REPLACE MATERIALIZED VIEW of_a AS SELECT id, a FROM shop.public.t"), "");
  ASSERT_TRUE(shard_.SettleReplaced("of_a"));
  EXPECT_THAT(shard_.Select("SELECT * FROM of_a"), ElementsAre("1|ten", "3|x"));
}

TEST_F(ViewSchema, ARenamedColumnIsNeverShownAsNull) {
  TestStream renamed = Table({{"id", TypeId::kInt4}, {"z", TypeId::kInt4}, {"b", TypeId::kInt4}});
  renamed.Insert({"3", "30", "300"});
  renamed.Commit();
  EXPECT_THAT(Failure("of_a"), HasSubstr("\"z\" stands in its place"));
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW of_z AS SELECT id, z FROM shop.public.t"), "");
  EXPECT_THAT(Failure("of_z"), AllOf(HasSubstr("\"z\" was added or renamed"), HasSubstr("read anew")));
  EXPECT_THAT(shard_.Select("SELECT * FROM of_b"), ElementsAre("1|100", "2|200", "3|300"));
}

}  // namespace
}  // namespace headgate::test
