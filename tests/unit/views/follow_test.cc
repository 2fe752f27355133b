// Columns that come to captured tables flow to views that select * (stream-SQL reference, 5.4; F-48).
#include <gmock/gmock.h>

#include "tests/unit/views/views_support.h"

namespace headgate::test {
namespace {

using sql::TypeId;
using ::testing::ElementsAre;
using Rows = std::vector<std::string>;

class ViewFollow : public ::testing::Test {
 protected:
  using Columns = std::vector<std::pair<std::string, sql::Type>>;
  TestStream Table(const std::string& name, Columns columns) {
    return {shard_, "shop", "public", name, std::move(columns), 1};
  }
  void SetUp() override {
    TestStream t = Table("t", {{"id", TypeId::kInt4}, {"a", TypeId::kInt4}});
    t.Snapshot({{"1", "10"}, {"2", "20"}});
    Insert(readings_, {"0", "0"});
  }
  void Make(const std::string& sql) {
    ASSERT_EQ(shard_.Sql(sql), "");
    ASSERT_TRUE(shard_.Settle());
  }
  void Insert(TestStream& stream, const TestStream::Row& row) {
    stream.Insert(row);
    stream.Commit();
  }
  testing::AssertionResult Becomes(const std::string& view, const Rows& rows) {
    Rows seen;
    const bool becomes = Shard::Until([&] {
      shard_.views().Attend({});
      seen = shard_.Select("SELECT * FROM " + view);
      return seen == rows;
    });
    if (becomes) return testing::AssertionSuccess();
    return testing::AssertionFailure() << view << " has " << testing::PrintToString(seen);
  }
  // The changes of a view's stream behind `after`: operation and the row's text values.
  std::string Told(const std::string& view, Seq after) {
    std::string told;
    const StreamInfo* stream = shard_.log().registry()->FindStream(view);
    if (stream == nullptr) return "no stream";
    const auto reader = shard_.log().NewReader();
    reader->Seek(after + 1);
    LogReader::Block block;
    while (*reader->Next(block)) {
      ChangeReader changes = block.Changes();
      Change change;
      while (changes.Next(change)) {
        if (change.stream != stream->number) continue;
        told += (told.empty() ? "" : " ") + std::string(Name(change.op)) + "/" +
                std::to_string(shard_.log().registry()->Schema(stream->number, change.schema)->columns.size());
      }
    }
    return told;
  }
  Shard shard_;
  TestStream wide_ = Table("t", {{"id", TypeId::kInt4}, {"a", TypeId::kInt4}, {"c", TypeId::kText}});
  TestStream readings_{shard_, "readings", "", "readings", {{"n", TypeId::kInt4}, {"t", TypeId::kInt4}}, 0};
};

TEST_F(ViewFollow, AViewOfStarHasTheNewColumnFromTheRecordOnThatHasIt) {
  Make(
      "CREATE MATERIALIZED VIEW stars AS SELECT * FROM shop.public.t;"
      "CREATE MATERIALIZED VIEW doubled AS SELECT t.*, a * 2 AS d FROM shop.public.t WHERE a > 10;"
      "CREATE MATERIALIZED VIEW named AS SELECT id, a FROM shop.public.t;"
      "CREATE MATERIALIZED VIEW of_stars AS SELECT sum(a) AS s FROM stars");
  const Seq before = shard_.log().last_seq();
  Insert(wide_, {"3", "30", "x"});
  ASSERT_TRUE(Becomes("stars", {"1|10|NULL", "2|20|NULL", "3|30|x"}));
  ASSERT_TRUE(Becomes("doubled", {"2|20|40|NULL", "3|30|60|x"})) << "behind its own columns";
  ASSERT_TRUE(Becomes("named", {"1|10", "2|20", "3|30"}));
  ASSERT_TRUE(Becomes("of_stars", {"60"}));
  EXPECT_EQ(Told("stars", before), "schema/3 insert/3") << "rows that are the same but for a NULL are not told again";
  shard_.Reopen();
  ASSERT_TRUE(Becomes("stars", {"1|10|NULL", "2|20|NULL", "3|30|x"}));
  wide_.Update({"1", "10", "y"});
  wide_.Commit();
  ASSERT_TRUE(Becomes("stars", {"1|10|y", "2|20|NULL", "3|30|x"}));
  TestStream wider =
      Table("t", {{"id", TypeId::kInt4}, {"a", TypeId::kInt4}, {"c", TypeId::kText}, {"e", TypeId::kInt8}});
  Insert(wider, {"4", "40", "z", "400"});
  ASSERT_TRUE(Becomes("stars", {"1|10|y|NULL", "2|20|NULL|NULL", "3|30|x|NULL", "4|40|z|400"}));
  ASSERT_TRUE(Becomes("doubled", {"2|20|40|NULL|NULL", "3|30|60|x|NULL", "4|40|80|z|400"}));
  ASSERT_TRUE(Becomes("of_stars", {"100"}));
}

TEST_F(ViewFollow, ViewsOfSuchViewsHaveItTooAndJoinsDo) {
  TestStream u = Table("u", {{"k", TypeId::kInt4}, {"t_id", TypeId::kInt4}});
  u.Snapshot({{"7", "1"}, {"8", "2"}});
  Make(
      "CREATE MATERIALIZED VIEW stars AS SELECT * FROM shop.public.t;"
      "CREATE MATERIALIZED VIEW again AS SELECT * FROM stars WHERE id < 5;"
      "CREATE MATERIALIZED VIEW thrice AS SELECT 'x' AS x, again.* FROM again;"
      "CREATE MATERIALIZED VIEW joined AS SELECT u.k, t.* FROM shop.public.u JOIN shop.public.t ON t.id = u.t_id");
  wide_.Update({"1", "11", "new"});
  wide_.Commit();
  ASSERT_TRUE(Becomes("thrice", {"x|1|11|new", "x|2|20|NULL"}));
  ASSERT_TRUE(Becomes("again", {"1|11|new", "2|20|NULL"}));
  ASSERT_TRUE(Becomes("joined", {"7|1|11|new", "8|2|20|NULL"}));
  shard_.Reopen();
  Insert(u, {"9", "1"});
  ASSERT_TRUE(Becomes("joined", {"7|1|11|new", "8|2|20|NULL", "9|1|11|new"}));
  ASSERT_TRUE(Becomes("thrice", {"x|1|11|new", "x|2|20|NULL"}));
}

TEST_F(ViewFollow, WhatEventsWereJudgedByStaysAndTheNextOneHasIt) {
  Make(
      "CREATE MATERIALIZED VIEW judged AS SELECT r.n, s.* FROM readings r "
      "JOIN shop.public.t FOR SYSTEM_TIME AS OF LOG_POSITION() AS s ON s.id = r.t;"
      "CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n, max(a) AS a FROM judged");
  Insert(readings_, {"100", "1"});
  Insert(readings_, {"101", "2"});
  ASSERT_TRUE(Becomes("judged", {"100|1|10", "101|2|20"}));
  // All of it lies in the log before the views see any of it.
  wide_.Update({"1", "11", "x"});
  wide_.Commit();
  Insert(readings_, {"102", "1"});
  Insert(readings_, {"103", "2"});
  ASSERT_TRUE(Becomes("judged", {"100|1|10|NULL", "101|2|20|NULL", "102|1|11|x", "103|2|20|NULL"}));
  ASSERT_TRUE(Becomes("counted", {"4|20"}));
  shard_.Reopen();
  Insert(readings_, {"104", "1"});
  ASSERT_TRUE(Becomes("judged", {"100|1|10|NULL", "101|2|20|NULL", "102|1|11|x", "103|2|20|NULL", "104|1|11|x"}));
  ASSERT_TRUE(Becomes("counted", {"5|20"}));
}

TEST_F(ViewFollow, RowsFromBeforeHaveWhatTheColumnWasAddedWith) {
  Make(
      "CREATE MATERIALIZED VIEW stars AS SELECT * FROM shop.public.t;"
      "CREATE MATERIALIZED VIEW judged AS SELECT r.n, s.* FROM readings r "
      "JOIN shop.public.t FOR SYSTEM_TIME AS OF LOG_POSITION() AS s ON s.id = r.t");
  Insert(readings_, {"100", "1"});
  wide_.ValueBefore(2, "old");
  const Seq before = shard_.log().last_seq();
  Insert(wide_, {"3", "30", "x"});
  Insert(readings_, {"101", "1"});
  ASSERT_TRUE(Becomes("stars", {"1|10|old", "2|20|old", "3|30|x"}));
  EXPECT_EQ(Told("stars", before), "schema/3 update/3 update/3 insert/3");
  ASSERT_TRUE(Becomes("judged", {"100|1|10|NULL", "101|1|10|old"})) << "the first was judged before";
  Make(
      "CREATE MATERIALIZED VIEW fresh AS SELECT c, count(*) AS n FROM shop.public.t GROUP BY c;"
      "CREATE TABLE declared (id int PRIMARY KEY, c text NOT NULL) WITH (stream = 'shop.public.t');"
      "CREATE MATERIALIZED VIEW of_declared AS SELECT * FROM declared");
  ASSERT_TRUE(Becomes("fresh", {"old|2", "x|1"}));
  ASSERT_TRUE(Becomes("of_declared", {"1|old", "2|old", "3|x"}));
  wide_.Delete({"1"});
  wide_.Commit();
  ASSERT_TRUE(Becomes("fresh", {"old|1", "x|1"}));
  EXPECT_THAT(shard_.Select("SELECT * FROM shop.public.t"), ElementsAre("2|20|old", "3|30|x"));
}

TEST_F(ViewFollow, NoNameOfAViewMeansAColumnThatCameLater) {
  TestStream u = Table("u", {{"k", TypeId::kInt4}, {"c", TypeId::kText}});
  u.Snapshot({{"1", "of u"}, {"2", "of u"}});
  Make(
      "CREATE MATERIALIZED VIEW stars AS SELECT t.*, c AS mine FROM shop.public.t JOIN shop.public.u ON k = id;"
      "CREATE MATERIALIZED VIEW twice AS SELECT t.*, c FROM shop.public.t JOIN shop.public.u ON k = id;"
      "CREATE MATERIALIZED VIEW natural_one AS SELECT * FROM shop.public.t NATURAL JOIN (SELECT k AS id, c FROM "
      "shop.public.u) v;"
      "CREATE MATERIALIZED VIEW sorted AS SELECT t.*, 0 - a AS m FROM shop.public.t ORDER BY 3 LIMIT 1");
  wide_.Update({"1", "10", "of t"});
  wide_.Commit();
  ASSERT_TRUE(Becomes("stars", {"1|10|of u|of t", "2|20|of u|NULL"}));
  ASSERT_TRUE(Becomes("sorted", {"2|20|-20|NULL"}));
  ASSERT_TRUE(Becomes("twice", {"1|10|of u", "2|20|of u"})) << "it would have two columns c: it stays as it is";
  ASSERT_TRUE(Becomes("natural_one", {"1|10|of u", "2|20|of u"}));
}

TEST_F(ViewFollow, WhatCannotBeToldAnewStaysAsItIs) {
  Make(
      "CREATE MATERIALIZED VIEW lagging AS SELECT s.*, lag(r.n) OVER (PARTITION BY r.t ORDER BY r._seq, r._ordinal) AS "
      "l "
      "FROM readings r JOIN shop.public.t FOR SYSTEM_TIME AS OF LOG_POSITION() AS s ON s.id = r.t;"
      "CREATE MATERIALIZED VIEW united AS SELECT * FROM shop.public.t UNION ALL SELECT id, a FROM shop.public.t");
  Insert(readings_, {"100", "1"});
  wide_.Update({"1", "11", "x"});
  wide_.Commit();
  Insert(readings_, {"101", "1"});
  ASSERT_TRUE(Becomes("lagging", {"1|10|NULL", "1|11|100"}));
  ASSERT_TRUE(Becomes("united", {"1|11", "1|11", "2|20", "2|20"}));
  shard_.Reopen();
  Insert(readings_, {"102", "1"});
  ASSERT_TRUE(Becomes("lagging", {"1|10|NULL", "1|11|100", "1|11|101"}));
}

TEST_F(ViewFollow, AStopBeforeTheNewFormIsMadeLosesNothing) {
  Make("CREATE MATERIALIZED VIEW stars AS SELECT * FROM shop.public.t");
  Insert(wide_, {"3", "30", "x"});
  ASSERT_TRUE(Shard::Until([&] { return !shard_.views().runtime().wanted()->empty(); }));
  EXPECT_THAT(shard_.Select("SELECT * FROM stars"), ElementsAre("1|10", "2|20")) << "nothing of it is shown";
  shard_.Reopen();
  ASSERT_TRUE(Becomes("stars", {"1|10|NULL", "2|20|NULL", "3|30|x"}));
}

TEST_F(ViewFollow, ViewsGoOnWhenNobodyMakesTheNewForm) {
  shard_.follow_wait = std::chrono::milliseconds(20);
  shard_.Reopen();
  Make("CREATE MATERIALIZED VIEW stars AS SELECT * FROM shop.public.t");
  Insert(wide_, {"3", "30", "x"});
  EXPECT_TRUE(Shard::Until([&] { return shard_.Select("SELECT * FROM stars") == Rows{"1|10", "2|20", "3|30"}; }));
}

TEST_F(ViewFollow, APausedViewTakesItInOnceItGoesOn) {
  Make("CREATE MATERIALIZED VIEW stars AS SELECT * FROM shop.public.t");
  ASSERT_TRUE(shard_.views().SetPaused("stars", true, {}).ok());
  ASSERT_TRUE(Shard::Until([&] { return shard_.views().Status("stars")->state == "paused"; }));
  Insert(wide_, {"3", "30", "x"});
  ASSERT_TRUE(shard_.Applied());
  ASSERT_TRUE(shard_.views().SetPaused("stars", false, {}).ok());
  Insert(wide_, {"4", "40", "y"});
  ASSERT_TRUE(Becomes("stars", {"1|10|NULL", "2|20|NULL", "3|30|x", "4|40|y"}));
}

}  // namespace
}  // namespace headgate::test
