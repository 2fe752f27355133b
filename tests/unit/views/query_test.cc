// Queries that read a view by its key, and how fresh an answer is.
#include <gmock/gmock.h>

#include "tests/unit/views/views_support.h"

namespace headgate::test {
namespace {

using sql::TypeId;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Rows = std::vector<std::string>;

class ViewQuery : public ::testing::Test {
 protected:
  void SetUp() override {
    std::vector<TestStream::Row> rows;
    for (int site = 0; site < 10; ++site) {
      for (int sensor = 0; sensor < 20; ++sensor)
        rows.push_back({std::to_string(site), std::to_string(sensor), "n" + std::to_string(site * sensor)});
    }
    places_.Snapshot(rows);
    ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW places AS SELECT site, sensor, name FROM bms.public.places"), "");
    ASSERT_TRUE(shard_.Settle());
  }
  views::SqlResult<views::Table> Run(const std::string& text, std::size_t rows_max) {
    const auto statements = sql::ReadStatements(text);
    CHECK(statements.ok());
    views::QueryLimits limits;
    limits.scanned_rows = rows_max;
    return shard_.views().Select((*statements)[0], (*statements)[0].tree, limits, {});
  }
  // The number of rows of the answer, of which the query looked at no more than `seen`; "scanned" if it looked at all.
  std::string Counted(const std::string& where, std::size_t seen) {
    const auto table = Run("SELECT * FROM places WHERE " + where, seen);
    if (!table.ok()) return table.error().message;
    return (table->scanned ? "scanned " : "") + std::to_string(table->rows.size());
  }

  Shard shard_;
  TestStream places_{
      shard_, "bms", "public", "places", {{"site", TypeId::kInt4}, {"sensor", TypeId::kInt8}, {"name", TypeId::kText}},
      2};
};

TEST_F(ViewQuery, EqualityOnTheKeyReadsItsRowsAlone) {
  EXPECT_EQ(Counted("site = 3 AND sensor = 4", 1), "1");
  EXPECT_EQ(Counted("4 = sensor AND name <> 'x' AND 3 = site", 1), "1");
  EXPECT_EQ(Counted("site = 3", 20), "20");
  EXPECT_EQ(Counted("site = 1 + 2 AND sensor >= 5 AND sensor < 7", 3), "2");
  EXPECT_EQ(Counted("site = 3 AND sensor BETWEEN 5 AND 7", 3), "3");
  EXPECT_EQ(Counted("site = 77", 0), "0");
  EXPECT_EQ(Counted("site = 3 AND site = 4", 20), "0");
}

TEST_F(ViewQuery, ARangeOfTheFirstKeyColumnReadsThatRangeAlone) {
  EXPECT_EQ(Counted("site >= 8", 40), "40");
  EXPECT_EQ(Counted("site < 2", 60), "40");  // up to and with 2
  EXPECT_EQ(Counted("2 > site", 60), "40");
  EXPECT_EQ(Counted("site BETWEEN 4 AND 5", 40), "40");
  EXPECT_EQ(Counted("site > 5 AND site < 5", 20), "0");
}

TEST_F(ViewQuery, OtherConditionsLookAtEveryRow) {
  EXPECT_EQ(Counted("sensor = 4", 200), "scanned 10");
  EXPECT_EQ(Counted("site = 3 OR sensor = 4", 200), "scanned 29");
  EXPECT_EQ(Counted("site + 1 = 4", 200), "scanned 20");
  EXPECT_EQ(Counted("site = NULL", 200), "scanned 0");
  EXPECT_EQ(Counted("site = 3000000000", 200), "scanned 0");  // no value of the column's type
  EXPECT_EQ(Counted("site = sensor", 200), "scanned 10");
  EXPECT_EQ(Counted("sensor = 4", 199), "the query was ended: more than 199 rows");
}

TEST_F(ViewQuery, ByKeyAlsoBelowWhatIsDoneWithTheRows) {
  const auto table = Run("SELECT count(*) FROM (SELECT site, sensor AS s FROM places) p WHERE site = 3 AND s > 9", 11);
  ASSERT_TRUE(table.ok()) << table.error().message;
  EXPECT_FALSE(table->scanned);
  EXPECT_EQ(table->rows[0][0].i, 10);
  // Twice the same view: both parts need their rows.
  EXPECT_THAT(shard_.Select("SELECT a.site, b.site FROM places a JOIN places b ON a.sensor = b.sensor WHERE a.site = 1 "
                            "AND b.site = 2 AND a.sensor = 3"),
              ElementsAre("1|2"));
}

TEST_F(ViewQuery, APositionOfASourceCanBeWaitedFor) {
  const auto statements = sql::ReadStatements("SELECT * FROM places");
  const auto sources = shard_.views().SourcesOf((*statements)[0], (*statements)[0].tree);
  ASSERT_TRUE(sources.ok());
  EXPECT_THAT(*sources, ElementsAre("bms"));
  const std::uint64_t next = shard_.log().progress("bms")->last ? shard_.log().progress("bms")->last->a + 1 : 1;
  const auto soon = [] { return std::chrono::steady_clock::now() + std::chrono::milliseconds(20); };
  EXPECT_FALSE(shard_.views().WaitPosition("bms", next, soon(), {}));
  places_.Insert({"10", "0", "new"});
  places_.Commit();
  EXPECT_TRUE(
      shard_.views().WaitPosition("bms", next, std::chrono::steady_clock::now() + std::chrono::seconds(20), {}));
  EXPECT_THAT(shard_.Select("SELECT name FROM places WHERE site = 10"), ElementsAre("new"));
  EXPECT_FALSE(shard_.views().WaitPosition("nobody", 1, soon(), {}));
}

}  // namespace
}  // namespace headgate::test
