#include "connectors/postgres/chunk_reader.h"

#include <gtest/gtest.h>

namespace headgate::postgres {
namespace {

TEST(ChunkPlaceTest, TellsWhichTransactionsItSees) {
  ChunkPlace place;
  ASSERT_TRUE(place.ParseSnapshot("10:20:10,14"));
  EXPECT_TRUE(place.Sees(9));
  EXPECT_FALSE(place.Sees(10));
  EXPECT_TRUE(place.Sees(13));
  EXPECT_FALSE(place.Sees(14));
  EXPECT_FALSE(place.Sees(20));
}

TEST(ChunkPlaceTest, TransactionIdsWrapAround) {
  ChunkPlace place;  // 4294967290 and 4294967306 of the second round
  ASSERT_TRUE(place.ParseSnapshot("4294967290:4294967306:"));
  EXPECT_TRUE(place.Sees(4'294'967'289U));
  EXPECT_TRUE(place.Sees(4'294'967'295U));
  EXPECT_TRUE(place.Sees(3));
  EXPECT_FALSE(place.Sees(10));
}

TEST(ChunkPlaceTest, RefusesWhatIsNoSnapshot) {
  for (const char* text : {"", "1", "1:", "1:2", "x:2:", "1:2:x", "1:2:3;4"}) {
    ChunkPlace place;
    EXPECT_FALSE(place.ParseSnapshot(text)) << text;
  }
}

TEST(ChunkPlaceTest, TheHeaderOfAPageOfTheWalIsNotWaitedFor) {
  EXPECT_EQ(EndOfWal(0x1002000 + 24), 0x1002000U);
  EXPECT_EQ(EndOfWal(0x1000000 + 40), 0x1000000U);
  EXPECT_EQ(EndOfWal(0x1002000 + 40), 0x1002000U + 40) << "that page has a short one";
  EXPECT_EQ(EndOfWal(0x1002345), 0x1002345U);
}

TEST(ChunkSqlTest, ReadsARangeInTheOrderOfTheKey) {
  ChunkPlan plan;
  plan.captured.table.schema = "public";
  plan.captured.table.name = "o'rders";
  plan.captured.table.kind = 'r';
  plan.columns = {"id", "Part", "v"};
  plan.key = {1, 0};
  ChunkReader::Range range;
  range.rows_max = 5;
  EXPECT_EQ(ChunkSql(plan, range),
            "COPY (SELECT \"id\", \"Part\", \"v\" FROM ONLY \"public\".\"o'rders\" ORDER BY \"Part\", \"id\" LIMIT 5) "
            "TO STDOUT");
  plan.captured.table.kind = 'p';
  plan.captured.row_filter = "v > 1";
  range.next = {"a'b", "7"};
  range.where = SnapshotWhere{"v", "1' OR true", std::nullopt};
  EXPECT_EQ(ChunkSql(plan, range),
            "COPY (SELECT \"id\", \"Part\", \"v\" FROM \"public\".\"o'rders\" WHERE (\"Part\", \"id\") > ('a''b', '7') "
            "AND \"v\" >= '1'' OR true' AND (v > 1) ORDER BY \"Part\", \"id\" LIMIT 5) TO STDOUT");
}

}  // namespace
}  // namespace headgate::postgres
