#include <gmock/gmock.h>

#include <algorithm>
#include <random>

#include "tests/integration/postgres/source_fixture.h"

namespace headgate::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PostgresSnapshot : public SourceTest {
 protected:
  bool Streaming() { return rig_->telemetry()->phase == "streaming"; }
  std::vector<LoggedTransaction> EntriesOf(const std::string& table) {
    std::vector<LoggedTransaction> entries;
    for (const LoggedTransaction& tx : rig_->Read()) {
      if (tx.info.position.kind == PositionKind::kChunk && !tx.changes.empty() && tx.changes[0].stream == table)
        entries.push_back(tx);
    }
    return entries;
  }
};

TEST_F(PostgresSnapshot, ChunksAreNumberedBetweenMarkersAndSayWhichIsFirstAndLast) {
  HG_BEGIN(
      "CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 9000); CREATE TABLE empty (id int "
      "PRIMARY KEY)",
      {{"snapshot_workers", "1"}});
  Start();
  ASSERT_TRUE(rig_->Until([&] { return Streaming(); }));
  const auto entries = EntriesOf("public.a");
  ASSERT_EQ(entries.size(), 5U);
  std::uint64_t rows = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const TransactionInfo& info = entries[i].info;
    EXPECT_EQ(info.position.a, 1U);
    EXPECT_EQ(info.position.c, i);
    EXPECT_EQ(info.consistent_at, entries[0].info.consistent_at);
    const bool marker = i == 0 || i == 4;
    EXPECT_EQ(entries[i].changes[0].op, marker ? Op::kSnapshot : Op::kRead);
    EXPECT_EQ(entries[i].changes[0].ordinal, marker ? 0U : 1U);
    if (!marker) rows += entries[i].changes.size();
  }
  EXPECT_EQ(rows, 9000U);
  EXPECT_EQ(entries[1].info.flags, kFirstOfStream | kFirstOfSnapshot);
  EXPECT_EQ(entries[2].info.flags, 0);
  EXPECT_EQ(entries[3].info.flags, kLastOfStream | kLastOfSnapshot)
      << "the empty table after it has no row that could be the last";
  const auto end = DecodeSnapshot(entries[4].changes[0].extra);
  ASSERT_TRUE(end.ok());
  EXPECT_TRUE(end->completed);
  EXPECT_EQ(end->rows, 9000U);
  EXPECT_EQ(EntriesOf("public.empty").size(), 2U);
}

TEST_F(PostgresSnapshot, PG19_PG20_SeveralTablesUnderConcurrentWritesEndEqual) {
  HG_BEGIN(
      "CREATE TABLE a (id int PRIMARY KEY, v int); CREATE TABLE b (id int PRIMARY KEY, v int); CREATE TABLE c (id int "
      "PRIMARY KEY, v int); "
      "INSERT INTO a SELECT g, 0 FROM generate_series(1, 20000) g; INSERT INTO b SELECT * FROM a; INSERT INTO c SELECT "
      "* FROM a",
      {{"snapshot_workers", "3"}});
  Start();
  std::minstd_rand random(7);
  for (int i = 0; i < 60; ++i) {
    for (const char* table : {"a", "b", "c"}) {
      const std::string t = table;
      const std::string id = std::to_string(random() % 20000 + 1);
      Run("UPDATE " + t + " SET v = v + 1 WHERE id = " + id + "; DELETE FROM " + t +
          " WHERE id = " + std::to_string(random() % 20000 + 1) + "; INSERT INTO " + t + " VALUES (" +
          std::to_string(30000 + i) + ", 1)");
    }
    ASSERT_TRUE(rig_->Turn().ok());
  }
  ASSERT_TRUE(rig_->UntilSeen("public.c", "30059"));
  for (const std::string table : {"public.a", "public.b", "public.c"}) ExpectSameAsSource(table);
}

TEST_F(PostgresSnapshot, P5_AKillInTheMiddleLosesNothingAndReadTablesAreNotReadAgain) {
  HG_BEGIN(
      "CREATE TABLE a (id int PRIMARY KEY, v int); INSERT INTO a VALUES (1, 1); CREATE TABLE b (id int PRIMARY KEY, v "
      "int); "
      "INSERT INTO b SELECT g, 0 FROM generate_series(1, 30000) g",
      {{"snapshot_workers", "1"}, {"batch_bytes_max", "4096"}});
  Start();
  ASSERT_TRUE(rig_->Until([&] { return EntriesOf("public.b").size() >= 2; }));
  ASSERT_FALSE(Streaming());
  rig_->Abandon();
  // Rows that the first run delivered and that are gone before the second one looks.
  Run("DELETE FROM b WHERE id <= 100; UPDATE b SET v = 5 WHERE id = 200; UPDATE a SET v = 2; UPDATE b SET id = 40000 "
      "WHERE id = 201");
  Start();
  ASSERT_TRUE(rig_->Until([&] { return Streaming(); }));
  Run("INSERT INTO b VALUES (50000, 1); DELETE FROM b WHERE id = 300");
  Run("INSERT INTO a VALUES (9, 9)");
  ASSERT_TRUE(rig_->UntilSeen("public.a", "9"));
  ExpectSameAsSource("public.a");
  ExpectSameAsSource("public.b");
  EXPECT_EQ(EntriesOf("public.a").size(), 3U) << "read once";
  EXPECT_EQ(EntriesOf("public.b").back().info.position.a, 2U) << "read again as run 2";
  EXPECT_EQ(rig_->writer().progress().gaps, 0U);
}

// A rewrite gives rows a new birth: to an older snapshot the table looks empty (PostgreSQL: "not MVCC-safe").
TEST_F(PostgresSnapshot, PG19_ATableRewrittenBeforeItIsReadIsNotTakenForEmpty) {
  HG_BEGIN(
      "CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a SELECT g, repeat('x', 500) FROM generate_series(1, "
      "60000) g; CREATE TABLE b (id int PRIMARY KEY, v int); INSERT INTO b SELECT g, g FROM generate_series(1, 50) g; "
      "CREATE TABLE p (id int, v int, PRIMARY KEY (id)) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR "
      "VALUES FROM (0) TO (1000); INSERT INTO p SELECT * FROM b",
      {{"snapshot_workers", "1"}});
  Start();
  // The worker waits with table a until somebody takes its chunks.
  Run("ALTER TABLE b ALTER v TYPE bigint; ALTER TABLE p ALTER v TYPE bigint; INSERT INTO b VALUES (100, 1)");
  Status turned;
  while (turned.ok() && !Streaming()) turned = rig_->Turn();
  ASSERT_FALSE(turned.ok());
  EXPECT_EQ(turned.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(turned.error().what, HasSubstr("table public.b"));
  Start();
  ASSERT_TRUE(rig_->Until([&] { return Streaming(); }));
  ExpectSameAsSource("public.b");
  ExpectSameAsSource("public.p");
  EXPECT_EQ(rig_->Fold("public.b").size(), 51U);
}

TEST_F(PostgresSnapshot, PG19_ColumnsThatChangeTheirNamesBeforeTheyAreReadAreNotReadAsWhatTheyWere) {
  HG_BEGIN(
      "CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a SELECT g, repeat('x', 500) FROM generate_series(1, "
      "60000) g; CREATE TABLE b (id int PRIMARY KEY, n int, t text); INSERT INTO b VALUES (1, 5, '007')",
      {{"snapshot_workers", "1"}});
  Start();
  Run("BEGIN; ALTER TABLE b RENAME n TO x; ALTER TABLE b RENAME t TO n; ALTER TABLE b RENAME x TO t; COMMIT");
  Status turned;
  while (turned.ok() && !Streaming()) turned = rig_->Turn();
  ASSERT_FALSE(turned.ok());
  EXPECT_EQ(turned.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(turned.error().what, HasSubstr("table public.b"));
  Start();
  ASSERT_TRUE(rig_->Until([&] { return Streaming(); }));
  ExpectSameAsSource("public.b");
  EXPECT_EQ(rig_->Fold("public.b")["1"]["n"], "007");
}

TEST_F(PostgresSnapshot, ATableMayHaveManyColumns) {
  HG_BEGIN(
      "CREATE TABLE t (id int PRIMARY KEY); DO $$ BEGIN FOR i IN 1..300 LOOP EXECUTE format('ALTER TABLE t ADD c%s "
      "int', i); END LOOP; END $$; INSERT INTO t (id, c300) VALUES (1, 7)");
  Start();
  ASSERT_TRUE(rig_->UntilSeen("public.t", "1"));
  EXPECT_EQ(rig_->Fold("public.t")["1"]["c300"], "7");
}

TEST_F(PostgresSnapshot, ATableThatWasReadIsLockedNoLonger) {
  HG_BEGIN(
      "CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1); CREATE TABLE b (id int PRIMARY KEY, v text); "
      "INSERT INTO b SELECT g, repeat('x', 500) FROM generate_series(1, 60000) g",
      {{"snapshot_workers", "1"}, {"batch_bytes_max", "4096"}});
  Start();
  ASSERT_TRUE(rig_->Until([&] { return !EntriesOf("public.b").empty(); }));
  ASSERT_FALSE(Streaming());
  Run("SET lock_timeout = '5s'; ALTER TABLE a ADD COLUMN later int");
}

TEST_F(PostgresSnapshot, K01_ASlotMadeBeforeItsPointWasStoredIsTakenOver) {
  HG_BEGIN("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1), (2, 2)");
  Start();
  rig_->Abandon();  // nothing was stored
  Run("DELETE FROM t WHERE id = 1; INSERT INTO t VALUES (3, 3)");
  Start();
  Run("INSERT INTO t VALUES (4, 4)");
  ASSERT_TRUE(rig_->UntilSeen("public.t", "4"));
  ASSERT_TRUE(rig_->Until([&] { return Streaming(); }));
  ExpectSameAsSource("public.t");
  EXPECT_EQ(rig_->writer().progress().gaps, 0U);
}

TEST_F(PostgresSnapshot, P14_ATableThatStartsToMatchIsReadAndFollowed) {
  HG_BEGIN("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)");
  Start();
  ASSERT_TRUE(rig_->Until([&] { return Streaming(); }));
  Run("CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (7)");
  Start();
  ASSERT_TRUE(rig_->UntilSeen("public.b", "7"));
  Run("INSERT INTO b VALUES (8); INSERT INTO a VALUES (2)");
  ASSERT_TRUE(rig_->UntilSeen("public.a", "2"));
  ExpectSameAsSource("public.a");
  ExpectSameAsSource("public.b");
  EXPECT_EQ(EntriesOf("public.a").size(), 3U) << "the old table was not read again";
}

TEST_F(PostgresSnapshot, P14_ATableMadeWhileTheSourceStreamsIsReadAndFollowedWithoutARestart) {
  HG_BEGIN("CREATE TABLE a (id int PRIMARY KEY)");
  Start();
  ASSERT_TRUE(rig_->Until([&] { return Streaming() && rig_->telemetry()->slot_retained_bytes >= 0; }));
  Run("CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (7)");
  ASSERT_TRUE(rig_->UntilSeen("public.b", "7"));
  Run("INSERT INTO b VALUES (8); DELETE FROM b WHERE id = 7; INSERT INTO a VALUES (2)");
  ASSERT_TRUE(rig_->UntilSeen("public.a", "2"));
  ExpectSameAsSource("public.b");
  EXPECT_EQ(rig_->writer().progress().gaps, 0U);
}

TEST_F(PostgresSnapshot, P14_ATableMadeBeforeTheFirstLookAtTheListIsFoundToo) {
  HG_BEGIN("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)");
  Start();
  Run("CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (7)");
  ASSERT_TRUE(rig_->UntilSeen("public.b", "7"));
  ExpectSameAsSource("public.a");
}

TEST_F(PostgresSnapshot, P14_AnotherTableUnderAKnownNameIsReadAsWell) {
  HG_BEGIN("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (1)",
           {{"tables", "public.a, public.b"}});
  Start();
  ASSERT_TRUE(rig_->Until([&] { return Streaming() && rig_->telemetry()->slot_retained_bytes >= 0; }));
  Run("DROP TABLE b; CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (8)");
  ASSERT_TRUE(rig_->UntilSeen("public.b", "8"));
  Run("CREATE TABLE a_new (id int PRIMARY KEY); INSERT INTO a_new VALUES (9)");
  Run("ALTER TABLE a RENAME TO a_old; ALTER TABLE a_new RENAME TO a");
  ASSERT_TRUE(rig_->UntilSeen("public.a", "9"));
  Run("INSERT INTO a VALUES (10)");
  ASSERT_TRUE(rig_->UntilSeen("public.a", "10"));
  EXPECT_EQ(rig_->writer().progress().gaps, 0U);
}

// Nothing in the WAL takes the rows of a dropped table back.
TEST_F(PostgresSnapshot, P14_WhatReplacesATableBeginsWithATruncateSoThatTheFoldIsTheNewOne) {
  HG_BEGIN("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (1), (2)",
           {{"tables", "public.a, public.b"}});
  Start();
  ASSERT_TRUE(rig_->Until([&] { return Streaming() && rig_->telemetry()->slot_retained_bytes >= 0; }));
  Run("INSERT INTO b VALUES (3)");
  Run("DROP TABLE b; CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (2), (8)");
  ASSERT_TRUE(rig_->UntilSeen("public.b", "8"));
  ASSERT_TRUE(rig_->Until([&] { return Streaming(); }));
  Run("INSERT INTO b VALUES (9); DELETE FROM b WHERE id = 2; INSERT INTO a VALUES (1)");
  ASSERT_TRUE(rig_->UntilSeen("public.a", "1"));
  ExpectSameAsSource("public.b");
  Start();
  ASSERT_TRUE(rig_->Turn().ok());
  const auto changes = rig_->Changes("public.b");
  EXPECT_EQ(std::ranges::count(changes, Op::kTruncate, &LoggedChange::op), 1);
  EXPECT_EQ(rig_->writer().progress().gaps, 0U);
}

TEST_F(PostgresSnapshot, OnlyBegunAnewTakesBackWhatTheCutRunSent) {
  HG_BEGIN("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT g, 'x' FROM generate_series(1, 30000) g",
           {{"snapshot", "only"}, {"batch_bytes_max", "4096"}});
  Start();
  ASSERT_TRUE(rig_->Until([&] { return EntriesOf("public.t").size() >= 2; }));
  rig_->Abandon();
  Run("DELETE FROM t WHERE id <= 100");
  Start();
  ASSERT_TRUE(rig_->Until([&] { return rig_->telemetry()->snapshot_tables_done == 1; }));
  ExpectSameAsSource("public.t");
}

TEST_F(PostgresSnapshot, NeverTakesChangesOnly) {
  HG_BEGIN("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)", {{"snapshot", "never"}});
  Start();
  Run("INSERT INTO t VALUES (2)");
  ASSERT_TRUE(rig_->UntilSeen("public.t", "2"));
  EXPECT_EQ(rig_->Changes("public.t").size(), 1U);
}

TEST_F(PostgresSnapshot, OnlyReadsTheRowsAndLeavesNoSlotBehind) {
  HG_BEGIN("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)", {{"snapshot", "only"}});
  Start();
  ASSERT_TRUE(rig_->UntilSeen("public.t", "1"));
  ASSERT_TRUE(rig_->Turn().ok());
  EXPECT_EQ(Ask("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()"), "0");
  Start();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(rig_->Turn().ok());
  EXPECT_EQ(rig_->Changes("public.t").size(), 1U) << "a restart reads nothing again";
}

TEST_F(PostgresSnapshot, PG40_TheRowFilterOfThePublicationHoldsInBothPhases) {
  HG_BEGIN("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1), (2, 50)",
           {{"publication_mode", "check"}});
  Run("CREATE PUBLICATION " + rig_->settings().at("publication_name") + " FOR TABLE t WHERE (id > 1)");
  Start();
  Run("INSERT INTO t VALUES (0, 0), (3, 3)");
  ASSERT_TRUE(rig_->UntilSeen("public.t", "3"));
  std::vector<std::string> ids;
  for (const LoggedChange& change : rig_->Changes("public.t")) ids.push_back(change.after.at("id"));
  EXPECT_THAT(ids, ElementsAre("2", "3"));
}

TEST_F(PostgresSnapshot, TablesWithOddNamesColumnsAndRowsSurvive) {
  HG_BEGIN(
      "CREATE SCHEMA \"Odd \"\"S\"; CREATE TABLE \"Odd \"\"S\".\"Ta b.le\" (id int PRIMARY KEY, \"sel\"\"ect\" text, "
      "\"\\x\" text); "
      "INSERT INTO \"Odd \"\"S\".\"Ta b.le\" VALUES (1, E'tab\\there\\nline\\\\back', '\\N'), (2, '', NULL); CREATE "
      "TABLE public.none ()",
      {{"tables", "Odd*.*,public.*"}});
  Start();
  Run("INSERT INTO \"Odd \"\"S\".\"Ta b.le\" SELECT id + 10, \"sel\"\"ect\", \"\\x\" FROM \"Odd \"\"S\".\"Ta b.le\"");
  const std::string table = "Odd \"S.Ta b.le";
  ASSERT_TRUE(rig_->UntilSeen(table, "12"));
  const auto changes = rig_->Changes(table);
  ASSERT_EQ(changes.size(), 4U);
  EXPECT_EQ(changes[0].after.at("sel\"ect"), "tab\there\nline\\back");
  EXPECT_EQ(changes[0].after.at("\\x"), "\\N");
  for (int i = 0; i < 2; ++i) {
    auto row = changes[static_cast<std::size_t>(i)].after;
    row["id"] = "1" + row["id"];
    EXPECT_EQ(row, changes[static_cast<std::size_t>(i) + 2].after);
  }
}

TEST_F(PostgresSnapshot, TablesWhoseNamesDifferOnlyInWhereTheDotStandsAreReadOnceEach) {
  HG_BEGIN(
      "CREATE SCHEMA a; CREATE SCHEMA \"a.b\"; CREATE TABLE \"a.b\".c (id int PRIMARY KEY); CREATE TABLE a.\"b.c\" (id "
      "int PRIMARY KEY); INSERT INTO \"a.b\".c VALUES (1); INSERT INTO a.\"b.c\" VALUES (2)",
      {{"tables", "a.*"}});
  Start();
  ASSERT_TRUE(rig_->Until([&] { return Streaming(); }));
  EXPECT_EQ(rig_->Changes("a.b.c").size(), 2U);
  Start();
  ASSERT_TRUE(rig_->Turn().ok());
  Run("INSERT INTO \"a.b\".c VALUES (3); INSERT INTO a.\"b.c\" VALUES (4)");
  ASSERT_TRUE(rig_->UntilSeen("a.b.c", "4"));
  EXPECT_EQ(rig_->Changes("a.b.c").size(), 4U) << "nothing is read again";
  EXPECT_EQ(rig_->writer().progress().gaps, 0U);
}

// The invariant that matters most: whatever happens, the fold of all changes is the source.
// tidy: long because one random history is made, broken off, gone on with and compared in one place
TEST_F(PostgresSnapshot, CG13_RandomChangesAndRestartsFoldToTheSource) {
  HG_BEGIN(
      "CREATE TABLE a (id int PRIMARY KEY, v text, n numeric); CREATE TABLE b (id int PRIMARY KEY, v text); ALTER "
      "TABLE b REPLICA IDENTITY FULL; "
      "ALTER TABLE a ALTER v SET STORAGE EXTERNAL; INSERT INTO a SELECT g, 'start', g FROM generate_series(1, 3000) g; "
      "INSERT INTO b SELECT id, v FROM a",
      {{"batch_bytes_max", "4096"}});
  std::minstd_rand random(std::random_device{}());
  // Nobody turns the source while a statement waits for a table that is just being read: it gives up instead.
  Run("SET lock_timeout = '300ms'");
  // As the supervisor does after the one failure that is due here.
  const auto went_on = [&](const Status& status) {
    if (status.ok()) return;
    EXPECT_EQ(status.error().kind, ErrorKind::kTransient);
    ASSERT_THAT(status.error().what, HasSubstr("while the snapshot waited"));
    Start();
  };
  const auto pick = [&](unsigned n) { return std::to_string(random() % n); };
  Start();
  for (int round = 0; round < 150; ++round) {
    std::string sql = "BEGIN;";
    for (unsigned i = 0, n = random() % 5 + 1; i < n; ++i) {
      const std::string t = random() % 2 == 0 ? "a" : "b";
      switch (random() % 8) {
        case 0:
          sql += "DELETE FROM " + t + " WHERE id % 500 = " + pick(500) + ";";
          break;
        case 1:
          sql += "UPDATE " + t + " SET v = repeat('" + pick(10) + "', " + pick(9000) +
                 ") WHERE id % 300 = " + pick(300) + ";";
          break;
        case 2:
          sql += "UPDATE a SET n = n * 1.5 WHERE id % 100 = " + pick(100) + ";";
          break;
        case 3:
          sql += "UPDATE " + t + " SET id = id + 100000 WHERE id = " + pick(3000) + " AND NOT EXISTS (SELECT FROM " +
                 t + " x WHERE x.id = " + t + ".id + 100000);";
          break;
        case 4:
          sql += "SAVEPOINT s; DELETE FROM " + t + " WHERE id % 7 = 1; ROLLBACK TO s;";
          break;
        case 5:
          if (random() % 20 == 0) sql += "TRUNCATE " + t + ";";
          break;
        default:
          sql += "INSERT INTO " + t + " (id, v) SELECT g, 'x' || g FROM generate_series(" +
                 std::to_string(200000 + round * 100) + ", " + std::to_string(200000 + round * 100 + random() % 50) +
                 ") g ON CONFLICT DO NOTHING;";
          break;
      }
    }
    if (!db_->Exec(sql + (random() % 6 == 0 ? "ROLLBACK" : "COMMIT")).ok()) Run("ROLLBACK");
    switch (random() % 10) {
      case 0:
        Start();
        break;
      case 1:
        went_on(rig_->ReadAndForget());
        Start();
        break;
      case 2:
      case 3:
      case 4:
        went_on(rig_->Turn());
        break;
      default:
        break;
    }
  }
  Run("INSERT INTO a VALUES (-1, 'end', 0)");
  for (int turn = 0; turn < 2000 && !Streaming() && !HasFatalFailure(); ++turn) went_on(rig_->Turn());
  ASSERT_TRUE(rig_->UntilSeen("public.a", "-1"));
  ExpectSameAsSource("public.a");
  ExpectSameAsSource("public.b");
}

}  // namespace
}  // namespace headgate::test
