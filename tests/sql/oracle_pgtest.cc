// Random queries over random changes: PostgreSQL is right.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "core/operators/engine.h"
#include "tests/sql/random_query.h"
#include "tests/support/require.h"
#include "tests/support/shared_postgres.h"

namespace headgate::test {
namespace {

using Lines = std::vector<std::string>;

class SqlOracle : public ::testing::Test {
 protected:
  void SetUp() override {
    auto database = TestDatabase::Create();
    if (!database.ok()) HG_REQUIRE_SERVER("postgres", database.error().what);
    database_ = std::move(*database);
    ASSERT_TRUE(database_->Exec(RandomQuery::Schema()).ok());
    ASSERT_TRUE(engine_.Execute(RandomQuery::Schema()).ok());
  }

  // Both do it, or neither does.
  void Change(const std::string& sql) {
    const bool theirs = database_->Exec(sql).ok();
    const auto ours = engine_.Execute(sql);
    EXPECT_EQ(theirs, ours.ok()) << sql << (ours.ok() ? "" : ": " + ours.error().message);
  }

  Lines Theirs(const std::string& sql) {
    Lines lines;
    const auto rows = database_->Query(sql);
    if (!rows.ok()) return {"error: " + rows.error().what};
    for (const PgRow& row : *rows) {
      std::string line;
      for (const auto& value : row) line += value.value_or("NULL") + "|";
      lines.push_back(std::move(line));
    }
    std::ranges::sort(lines);
    return lines;
  }

  Lines Ours(const std::string& sql) {
    Lines lines;
    const auto outcome = engine_.Execute(sql);
    if (!outcome.ok()) return {"error: " + outcome.error().message};
    for (const auto& row : outcome->rows) {
      std::string line;
      for (std::size_t c = 0; c < row.size(); ++c)
        line += (row[c].null ? "NULL" : sql::ToText(outcome->columns[c].type, row[c], "UTC")) + "|";
      lines.push_back(std::move(line));
    }
    std::ranges::sort(lines);
    return lines;
  }

  // More of everything in the nightly form.
  static int Times(int n) { return std::getenv("HEADGATE_NIGHTLY") != nullptr ? 20 * n : n; }

  std::unique_ptr<TestDatabase> database_;
  operators::Engine engine_;
};

TEST_F(SqlOracle, RandomQueriesGiveWhatTheServerGives) {
  RandomQuery random(1);
  for (int i = 0; i < 60; ++i) Change(random.NextChange());
  int refused = 0;
  int with_rows = 0;
  const int count = Times(400);
  for (int i = 0; i < count; ++i) {
    const std::string query = random.Next();
    const Lines theirs = Theirs(query);
    if (!theirs.empty() && theirs[0].starts_with("error")) continue;
    if (!theirs.empty()) ++with_rows;
    const Lines ours = Ours(query);
    if (!ours.empty() && ours[0].starts_with("error")) {
      ++refused;
      EXPECT_NE(ours[0].find("not supported"), std::string::npos) << query << "\n" << ours[0];
    } else {
      EXPECT_EQ(ours, theirs) << query;
    }
    if (HasFailure()) return;
  }
  EXPECT_LT(refused, count / 10);
  EXPECT_GT(with_rows, count / 3);  // else it proves little
}

TEST_F(SqlOracle, ViewsOverRandomQueriesFollowEveryTransaction) {
  RandomQuery random(2);
  std::vector<std::string> queries;
  for (int tries = 0; static_cast<int>(queries.size()) < Times(60) && tries < Times(200); ++tries) {
    const std::string query = random.Next();
    const Lines theirs = Theirs(query);
    if (!theirs.empty() && theirs[0].starts_with("error")) continue;
    if (engine_.Execute("CREATE MATERIALIZED VIEW v" + std::to_string(queries.size()) + " AS " + query).ok())
      queries.push_back(query);
  }
  ASSERT_GT(queries.size(), 40U);
  for (int i = 0; i < 40; ++i) {
    const bool block = i % 4 == 3;  // several statements, one transaction
    if (block) Change("BEGIN");
    for (int n = block ? 4 : 1; n > 0; --n) {
      const std::string change = random.NextChange();
      if (block && change.starts_with("INSERT")) continue;  // a failed statement ends the server's transaction
      Change(change);
    }
    if (block) Change("COMMIT");
    for (std::size_t q = 0; q < queries.size(); ++q) {
      ASSERT_EQ(Ours("SELECT * FROM v" + std::to_string(q)), Theirs(queries[q]))
          << "after " << i << " changes: " << queries[q];
    }
  }
  // Rows first, then the view: the same.
  for (std::size_t q = 0; q < queries.size(); ++q) {
    const std::string name = "w" + std::to_string(q);
    ASSERT_TRUE(engine_.Execute("CREATE MATERIALIZED VIEW " + name + " AS " + queries[q]).ok());
    EXPECT_EQ(Ours("SELECT * FROM " + name), Theirs(queries[q])) << queries[q];
  }
}

}  // namespace
}  // namespace headgate::test
