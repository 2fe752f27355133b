// Views that others read, replaced.
#include <gmock/gmock.h>

#include "tests/unit/views/views_support.h"

namespace headgate::test {
namespace {

using sql::TypeId;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Rows = std::vector<std::string>;

class ViewReplace : public ::testing::Test {
 protected:
  void SetUp() override {
    orders_.Snapshot({{"1", "7", "10"}, {"2", "7", "20"}, {"3", "8", "30"}});
    readings_.Insert({"7", "1"});
    readings_.Commit();
    ASSERT_EQ(shard_.Sql(kViews), "");
    ASSERT_TRUE(shard_.Settle());
  }
  void Replace(const std::string& view, const std::string& select) {
    ASSERT_EQ(shard_.Sql("CREATE OR REPLACE MATERIALIZED VIEW " + view + " AS " + select), "");
    ASSERT_TRUE(shard_.SettleReplaced(view));
  }
  void Order(const std::string& id, const std::string& customer, const std::string& amount) {
    orders_.Insert({id, customer, amount});
    orders_.Commit();
    ASSERT_TRUE(shard_.Settle());
  }
  // The operations that stand in a stream of a view behind `after`, each transaction in brackets.
  std::string Told(const std::string& view, Seq after) {
    std::string told;
    const StreamInfo* stream = shard_.log().registry()->FindStream(view);
    if (stream == nullptr) return "no stream";
    const auto reader = shard_.log().NewReader();
    reader->Seek(after + 1);
    LogReader::Block block;
    while (*reader->Next(block)) {
      std::string one;
      ChangeReader changes = block.Changes();
      Change change;
      while (changes.Next(change)) {
        if (change.stream == stream->number) one += std::string(one.empty() ? "" : " ") + std::string(Name(change.op));
      }
      if (!one.empty()) told += "[" + one + "]";
    }
    return told;
  }

  static constexpr const char* kViews = R"(
CREATE MATERIALIZED VIEW large AS SELECT id, customer, amount FROM shop.public.orders WHERE amount >= 20;
CREATE MATERIALIZED VIEW spent AS SELECT customer, sum(amount) AS total FROM large GROUP BY customer;
CREATE MATERIALIZED VIEW everything AS SELECT sum(total) AS total FROM spent;
CREATE MATERIALIZED VIEW beside AS SELECT l.id, o.amount FROM large l JOIN shop.public.orders o ON o.id = l.id;
CREATE VIEW named AS SELECT * FROM large;
CREATE MATERIALIZED VIEW through AS SELECT count(*) AS n FROM named;)";
  Shard shard_;
  TestStream orders_{shard_,
                     "shop",
                     "public",
                     "orders",
                     {{"id", TypeId::kInt4}, {"customer", TypeId::kInt4}, {"amount", TypeId::kInt8}},
                     1};
  TestStream readings_{
      shard_, "readings", "", "readings", {{"sensor_id", TypeId::kInt4}, {"temperature", TypeId::kFloat8}}, 0};
};

TEST_F(ViewReplace, ReadersGetTheDifferenceInOneStep) {
  const Seq before = shard_.log().last_seq();
  Replace("large", "SELECT id, customer, amount FROM shop.public.orders WHERE amount < 30");
  EXPECT_THAT(shard_.Select("SELECT * FROM spent"), ElementsAre("7|30"));
  EXPECT_THAT(shard_.Select("SELECT * FROM everything"), ElementsAre("30"));
  EXPECT_THAT(shard_.Select("SELECT * FROM beside"), ElementsAre("1|10", "2|20"));
  EXPECT_THAT(shard_.Select("SELECT * FROM through"), ElementsAre("2"));
  EXPECT_EQ(Told("spent", before), "[update delete]");
  EXPECT_EQ(Told("everything", before), "[insert delete]");
  EXPECT_EQ(Told("beside", before), "[insert delete]");
  EXPECT_EQ(Told("through", before), "");
  Order("4", "8", "5");
  EXPECT_THAT(shard_.Select("SELECT * FROM spent"), ElementsAre("7|30", "8|5"));
  EXPECT_THAT(shard_.Select("SELECT * FROM everything"), ElementsAre("35"));
  shard_.Reopen();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM spent"), ElementsAre("7|30", "8|5"));
  Order("5", "7", "1");
  EXPECT_THAT(shard_.Select("SELECT * FROM spent"), ElementsAre("7|31", "8|5"));
  EXPECT_THAT(shard_.Select("SELECT * FROM everything"), ElementsAre("36"));
  EXPECT_THAT(shard_.Select("SELECT * FROM beside"), ElementsAre("1|10", "2|20", "4|5", "5|1"));
  EXPECT_THAT(shard_.Select("SELECT * FROM through"), ElementsAre("4"));
}

TEST_F(ViewReplace, NewColumnsBehindTheOthersAreNotForThoseThatReadItAlready) {
  Replace("large", "SELECT id, customer, amount, amount * 2 AS doubled FROM shop.public.orders WHERE amount > 20");
  EXPECT_THAT(shard_.Select("SELECT * FROM large"), ElementsAre("3|8|30|60"));
  EXPECT_THAT(shard_.Select("SELECT * FROM spent"), ElementsAre("8|30"));
  EXPECT_THAT(shard_.Select("SELECT * FROM named"), ElementsAre("3|8|30|60"));
  EXPECT_THAT(shard_.Select("SELECT * FROM through"), ElementsAre("1"));
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW wide AS SELECT id, doubled FROM large"), "");
  shard_.Reopen();
  ASSERT_TRUE(shard_.Settle());
  Order("4", "8", "100");
  EXPECT_THAT(shard_.Select("SELECT * FROM spent"), ElementsAre("8|130"));
  EXPECT_THAT(shard_.Select("SELECT * FROM wide"), ElementsAre("3|60", "4|200"));
  EXPECT_THAT(shard_.Select("SELECT * FROM through"), ElementsAre("2"));
  Replace("large", "SELECT id, customer, amount, 0::int8 AS doubled, 'x' AS x FROM shop.public.orders");
  EXPECT_THAT(shard_.Select("SELECT * FROM wide"), ElementsAre("1|0", "2|0", "3|0", "4|0"));
  EXPECT_THAT(shard_.Select("SELECT * FROM everything"), ElementsAre("160"));
}

TEST_F(ViewReplace, WhatReadersCannotReadIsRefused) {
  const auto replace = [&](const std::string& select) {
    return shard_.Sql("CREATE OR REPLACE MATERIALIZED VIEW large AS " + select);
  };
  EXPECT_THAT(replace("SELECT id, customer FROM shop.public.orders"),
              AllOf(HasSubstr("\"beside\""), HasSubstr("\"spent\""), HasSubstr("\"named\""), HasSubstr("\"amount\"")));
  EXPECT_THAT(replace("SELECT id, customer, amount::text AS amount FROM shop.public.orders"), HasSubstr("is bigint"));
  EXPECT_THAT(replace("SELECT id, amount, customer FROM shop.public.orders"), HasSubstr("its own is \"amount\""));
  EXPECT_THAT(replace("SELECT 1 AS id, customer, amount FROM shop.public.orders"), HasSubstr("another key"));
  EXPECT_THAT(replace("SELECT customer AS id, customer, total::int8 AS amount FROM spent"),
              AllOf(HasSubstr("would read itself"), HasSubstr("\"spent\"")));
  EXPECT_THAT(replace("SELECT 1 AS id, 1 AS customer, total::int8 AS amount FROM everything"),
              HasSubstr("would read itself"));
  EXPECT_THAT(shard_.Select("SELECT * FROM spent"), ElementsAre("7|20", "8|30"));
}

TEST_F(ViewReplace, RowsWithoutAKeyAreCounted) {
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW bag AS SELECT customer, 1 AS one FROM shop.public.orders;"
                       "CREATE MATERIALIZED VIEW counted AS SELECT customer, count(*) AS n FROM bag GROUP BY customer"),
            "");
  ASSERT_TRUE(shard_.Settle());
  Replace("bag", "SELECT customer, 1 AS one FROM shop.public.orders WHERE id <> 2");
  EXPECT_THAT(shard_.Select("SELECT * FROM counted"), ElementsAre("7|1", "8|1"));
  Replace("bag", "SELECT customer, 1 AS one, 2 AS two FROM shop.public.orders");
  EXPECT_THAT(shard_.Select("SELECT * FROM counted"), ElementsAre("7|2", "8|1"));
  Order("4", "8", "1");
  EXPECT_THAT(shard_.Select("SELECT * FROM counted"), ElementsAre("7|2", "8|2"));
}

TEST_F(ViewReplace, EventsThatAreThereAreNeitherTakenBackNorGivenAgain) {
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW hot AS SELECT sensor_id, temperature FROM readings;"
                       "CREATE MATERIALIZED VIEW seen AS SELECT count(*) AS n, sum(temperature) AS t FROM hot"),
            "");
  ASSERT_TRUE(shard_.Settle());
  readings_.Insert({"7", "5"});
  readings_.Commit();
  ASSERT_TRUE(shard_.Settle());
  Replace("hot", "SELECT sensor_id, temperature + 100 AS temperature FROM readings");
  EXPECT_THAT(shard_.Select("SELECT * FROM seen"), ElementsAre("1|5"));
  readings_.Insert({"7", "6"});
  readings_.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM seen"), ElementsAre("2|111"));
}

TEST_F(ViewReplace, APausedReaderGetsTheDifferenceOnceItGoesOn) {
  ASSERT_TRUE(shard_.views().SetPaused("spent", true, {}).ok());
  orders_.Insert({"4", "7", "40"});
  orders_.Commit();
  ASSERT_EQ(shard_.Sql("CREATE OR REPLACE MATERIALIZED VIEW large AS "
                       "SELECT id, customer, amount FROM shop.public.orders WHERE amount < 30"),
            "");
  orders_.Insert({"5", "9", "2"});
  orders_.Commit();
  ASSERT_TRUE(shard_.views().SetPaused("spent", false, {}).ok());
  ASSERT_TRUE(shard_.SettleReplaced("large"));
  EXPECT_THAT(shard_.Select("SELECT * FROM spent"), ElementsAre("7|30", "9|2"));
  EXPECT_THAT(shard_.Select("SELECT * FROM everything"), ElementsAre("32"));
}

// The replacement cannot begin: the table that it reads is not there yet. Until then the form before goes on, also for
// what reads it; after a restart its rows stay as they are, and what reads it waits for the difference.
TEST_F(ViewReplace, UntilTheReplacementIsInStepTheFormBeforeIsRead) {
  TestStream extra(shard_, "shop", "public", "extra", {{"id", TypeId::kInt4}}, 1);
  extra.BeginSnapshot();
  ASSERT_EQ(
      shard_.Sql("CREATE OR REPLACE MATERIALIZED VIEW large AS SELECT o.id, o.customer, o.amount "
                 "FROM shop.public.orders o WHERE NOT EXISTS (SELECT FROM shop.public.extra e WHERE e.id = o.id)"),
      "");
  Order("4", "8", "100");
  EXPECT_THAT(shard_.Select("SELECT * FROM spent"), ElementsAre("7|20", "8|130"));
  shard_.Reopen();
  orders_.Insert({"5", "8", "1"});
  orders_.Commit();
  extra.Insert({"4"});
  extra.Commit();
  extra.EndSnapshot();
  ASSERT_TRUE(shard_.SettleReplaced("large"));
  EXPECT_THAT(shard_.Select("SELECT * FROM spent"), ElementsAre("7|30", "8|31"));
  EXPECT_THAT(shard_.Select("SELECT * FROM everything"), ElementsAre("61"));
  EXPECT_THAT(shard_.Select("SELECT * FROM beside"), ElementsAre("1|10", "2|20", "3|30", "5|1"));
}

// Two replacements, the second one before the first could begin.
TEST_F(ViewReplace, AReplacementThatNeverRanGivesItsPlaceToTheNext) {
  TestStream extra(shard_, "shop", "public", "extra", {{"id", TypeId::kInt4}}, 1);
  extra.BeginSnapshot();
  ASSERT_EQ(
      shard_.Sql("CREATE OR REPLACE MATERIALIZED VIEW large AS SELECT o.id, o.customer, o.amount "
                 "FROM shop.public.orders o WHERE NOT EXISTS (SELECT FROM shop.public.extra e WHERE e.id = o.id)"),
      "");
  Order("4", "8", "100");
  Replace("large", "SELECT id, customer, amount FROM shop.public.orders WHERE amount > 20");
  EXPECT_THAT(shard_.Select("SELECT * FROM spent"), ElementsAre("8|130"));
  Order("5", "9", "50");
  EXPECT_THAT(shard_.Select("SELECT * FROM everything"), ElementsAre("180"));
}

}  // namespace
}  // namespace headgate::test
