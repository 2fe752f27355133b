// How transactions are cut into steps and pieces does not show, and neither does what came and went on the way.
#include <gtest/gtest.h>

#include "tests/unit/operators/sample_views.h"

namespace headgate::test {
namespace {

TEST(Steps, D90_ViewsAreTheSameHoweverTheirTransactionsAreCut) {
  const SampleRelations relations;
  std::vector<std::string> queries = SampleQueries();
  queries.insert(queries.end(), TemporalQueries().begin(), TemporalQueries().end());
  queries.insert(queries.end(), NullQueries().begin(), NullQueries().end());
  queries.insert(queries.end(), TimeQueries().begin(), TimeQueries().end());
  for (std::uint32_t seed = 1; seed <= 3; ++seed) {
    for (const std::string& query : queries) {
      RandomSteps singly(relations, seed, RandomSteps::Forms::kOne);
      RandomSteps together(relations, seed, RandomSteps::Forms::kOne);
      SampleView one(relations, query);
      SampleView other(relations, query);
      Outputs sum;
      Outputs other_sum;
      for (int i = 0; i < 5; ++i) {
        for (int n = 0; n < 6; ++n) sum = sum + one.Do(singly.Next(1));
        other_sum = other_sum + other.Do(together.Next(6));
        ASSERT_EQ(other_sum, sum) << query << "\nseed " << seed << " after " << 6 * (i + 1) << " transactions";
      }
    }
  }
}

// Rows of e(id, k, x) or a(id, k) look up t(k, name) as of their place in the log.
class TemporalJoin : public SampleTest {
 protected:
  SampleView events_{relations_,
                     "SELECT e.id, t.name FROM e LEFT JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = e.k"};
};

TEST_F(TemporalJoin, RowsSeeTheTableAsOfTheirOwnTransaction) {
  Setting(1, "old", 1, {1, 1});
  Do(events_);
  Event(10, 1, {2, 1});
  Setting(1, "old", -1, {3, 1});
  Setting(1, "new", 1, {3, 1});
  Event(11, 1, {3, 2});
  Setting(1, "new", -1, {4, 1});
  Event(12, 1, {5, 1});
  EXPECT_EQ(Do(events_), (Outputs{{"10|old|", 1}, {"11|new|", 1}, {"12|NULL|", 1}}));
  Event(13, 1, {6, 1});
  EXPECT_EQ(Do(events_), (Outputs{{"13|NULL|", 1}}));
}

TEST_F(TemporalJoin, WhatCameAndWentInOneTransactionWasNeverThere) {
  Setting(1, "brief", 1, {1, 1});
  Setting(1, "brief", -1, {1, 2});
  Event(10, 1, {1, 3});
  EXPECT_EQ(Do(events_), (Outputs{{"10|NULL|", 1}}));
  Event(11, 1, {2, 1});
  EXPECT_EQ(Do(events_), (Outputs{{"11|NULL|", 1}}));
}

TEST_F(TemporalJoin, ARowThatChangesTwiceInOnePieceLeavesItsLastForm) {
  SampleView view(relations_,
                  "SELECT a.id, a.k, t.name FROM a JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = a.k");
  for (const std::int64_t k : {1, 2, 3}) Setting(k, "s" + std::to_string(k), 1, {1, 1});
  Push("a", {Int(7), Int(1)}, 1, {1, 2});
  EXPECT_EQ(Do(view), (Outputs{{"7|1|s1|", 1}}));
  const sql::Relation* a = relations_.Find({"a"});
  std::vector<sql::Type> types;
  for (const sql::RelationColumn& column : a->columns) types.push_back(column.type);
  operators::DeltaBuilder builder(types);
  const auto add = [&](std::int64_t k, std::int64_t weight, At at) {
    Row row = {Int(7), Int(k)};
    row.resize(types.size());
    builder.AddDatums(row, weight, at);
  };
  add(1, -1, {2, 1});
  add(2, 1, {2, 1});
  add(2, -1, {2, 2});
  add(3, 1, {2, 2});
  step_.emplace_back(a, builder.Take());
  EXPECT_EQ(Do(view), (Outputs{{"7|1|s1|", -1}, {"7|3|s3|", 1}}));
  Push("a", {Int(7), Int(3)}, -1, {3, 1});
  EXPECT_EQ(Do(view), (Outputs{{"7|3|s3|", -1}}));
}

TEST_F(TemporalJoin, ARowThatGoesTakesBackWhatItFoundItselfAlsoWhereNobodyReadsItsKey) {
  SampleView view(relations_,
                  "SELECT t.name, count(*) AS c FROM a JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = a.k "
                  "GROUP BY t.name");
  Setting(1, "old", 1, {1, 1});
  Push("a", {Int(7), Int(1)}, 1, {2, 1});
  Setting(1, "old", -1, {3, 1});
  Setting(1, "new", 1, {3, 1});
  Push("a", {Int(8), Int(1)}, 1, {4, 1});
  EXPECT_EQ(Do(view), (Outputs{{"old|1|", 1}, {"new|1|", 1}}));
  Push("a", {Int(7), Int(1)}, -1, {5, 1});
  EXPECT_EQ(Do(view), (Outputs{{"old|1|", -1}}));
  Push("a", {Int(8), Int(1)}, -1, {6, 1});
  EXPECT_EQ(Do(view), (Outputs{{"new|1|", -1}}));
}

TEST_F(TemporalJoin, AnErrorGoesWithItsRow) {
  SampleView view(relations_,
                  "SELECT a.id, t.name FROM a LEFT JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() "
                  "ON t.k = a.k AND t.name > (10 / a.s)::text");
  Setting(1, "x", 1, {1, 1});
  Row row(9);
  row[0] = Int(7);
  row[1] = Int(1);
  row[7] = Int(0);
  Push("a", row, 1, {1, 2});
  EXPECT_EQ(Do(view), (Outputs{{"error 22012 division by zero", 1}}));
  Push("a", row, -1, {2, 1});
  EXPECT_EQ(Do(view), (Outputs{{"error 22012 division by zero", -1}}));
}

}  // namespace
}  // namespace headgate::test
