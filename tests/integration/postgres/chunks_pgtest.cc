#include <gmock/gmock.h>

#include <random>
#include <thread>
#include <variant>

#include "tests/integration/postgres/source_fixture.h"

// Tables that are read again while the stream goes on (PG-22 to PG-25): the newer state wins.
namespace headgate::test {
namespace {

using ::testing::Contains;

class PostgresChunks : public SourceTest {
 protected:
  void Want(std::variant<SnapshotRequest, SnapshotChange, TablesToAdd> what) {
    rig_->source().desk()->Offer(
        {std::move(what), "", [this](const SnapshotAnswer& answer) { answers_.push_back(answer); }});
  }
  static SnapshotRequest Full(const std::string& table) {
    SnapshotRequest request;
    request.tables = {table};
    return request;
  }
  bool Quiet() {
    const auto told = rig_->telemetry();
    return told->phase == "streaming" && told->snapshot_tables_done == told->snapshot_tables;
  }
  int Reads(const std::string& table) {
    int reads = 0;
    for (const LoggedChange& change : rig_->Changes(table)) reads += change.op == Op::kRead ? 1 : 0;
    return reads;
  }

  std::vector<SnapshotAnswer> answers_;
};

TEST_F(PostgresChunks, PG23_RandomSnapshotsUnderWritesAndRestartsEndEqual) {
  HG_BEGIN(
      "CREATE TABLE a (id int PRIMARY KEY, v int, big text); ALTER TABLE a ALTER big SET STORAGE EXTERNAL; "
      "CREATE TABLE b (id text PRIMARY KEY, v int); CREATE TABLE c (k int, id text, v int, PRIMARY KEY (k, id)); "
      "INSERT INTO a SELECT g, 0, CASE WHEN g % 50 = 0 THEN repeat(md5(g::text), 200) END FROM generate_series(1, "
      "6000) g;"
      "INSERT INTO b SELECT 'ü' || g, 0 FROM generate_series(1, 6000) g; INSERT INTO c SELECT g % 7, g, 0 FROM "
      "generate_series(1, 6000) g",
      {{"snapshot_workers", "2"}});
  Start();
  ASSERT_TRUE(rig_->Until([&] { return Quiet(); }));
  const auto seed = static_cast<unsigned>(::testing::UnitTest::GetInstance()->random_seed() + 3);
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::minstd_rand random(seed);
  const auto id = [&] { return std::to_string(random() % 6000 + 1); };
  for (int i = 0; i < 400; ++i) {
    Run("UPDATE a SET v = v + 1 WHERE id = " + id() + "; DELETE FROM a WHERE id = " + id() +
        "; INSERT INTO a VALUES (" + std::to_string(10'000 + i) + ", 1); UPDATE b SET v = v + 1 WHERE id = 'ü" + id() +
        "'; UPDATE b SET id = id || 'x' WHERE id = 'ü" + id() + "'; DELETE FROM c WHERE id = '" + id() + "'");
    if (random() % 5 == 0) Run("UPDATE a SET v = -v WHERE id = " + std::to_string(random() % 120 * 50));
    if (random() % 10 == 0) Want(Full(std::vector<std::string>{"public.a", "public.b", "public.c"}[random() % 3]));
    if (random() % 30 == 0) Want(SnapshotChange{random() % 8 + 2, SnapshotState::kPaused});
    if (random() % 20 == 0) Want(SnapshotChange{random() % 8 + 2, SnapshotState::kRunning});
    if (random() % 90 == 0) Start();
    if (random() % 150 == 0) Run("TRUNCATE c");
    ASSERT_TRUE(rig_->Turn().ok());
  }
  for (std::uint64_t run = 1; run < 60; ++run) Want(SnapshotChange{run, SnapshotState::kRunning});
  ASSERT_TRUE(rig_->Turn().ok());
  ASSERT_TRUE(rig_->Until([&] { return Quiet(); }));
  Run("INSERT INTO a VALUES (99999, 9)");
  ASSERT_TRUE(rig_->UntilSeen("public.a", "99999"));
  EXPECT_THAT(answers_, Contains(::testing::Field(&SnapshotAnswer::kind, SnapshotAnswer::Kind::kDone)));
  EXPECT_GT(Reads("public.a") + Reads("public.b") + Reads("public.c"), 18'000) << "nothing was read again";
  for (const std::string table : {"public.a", "public.b", "public.c"}) ExpectSameAsSource(table);
}

// A transaction is in the stream before others see it: with a standby that does not answer, for as long as that lasts.
TEST_F(PostgresChunks, PG23_WhatTheStreamBroughtBeforeItWasVisibleIsNotTakenBack) {
  HG_BEGIN("CREATE TABLE a (id int PRIMARY KEY, v int); INSERT INTO a SELECT g, 0 FROM generate_series(1, 3000) g");
  auto waiting = db_->Connect();
  ASSERT_TRUE(waiting.ok());
  Start();
  ASSERT_TRUE(rig_->Until([&] { return Quiet(); }));
  Run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
  Run("SELECT pg_reload_conf()");
  Run("SET synchronous_commit = local");
  ASSERT_TRUE(rig_->Until([&] { return Ask("SHOW synchronous_standby_names") == "nobody"; }));
  std::jthread commits([&] {
    // Waits until somebody ends its wait: the commit is durable and warned of.
    static_cast<void>(waiting->Exec("SET synchronous_commit = on; UPDATE a SET v = 7 WHERE id <= 100"));
  });
  const auto brought = [&] { return rig_->Fold("public.a")["100"]["v"] == "7"; };
  ASSERT_TRUE(rig_->Until(brought)) << "the stream did not bring it";
  ASSERT_EQ(Ask("SELECT v FROM a WHERE id = 100"), "0") << "it is visible already";
  Want(Full("public.a"));
  // As long as it lasts nothing of it is taken back, whatever is read.
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(rig_->Turn().ok());
    ASSERT_TRUE(brought());
  }
  Run("ALTER SYSTEM RESET synchronous_standby_names");
  Run("SELECT pg_reload_conf()");
  commits.join();
  ASSERT_TRUE(rig_->Until([&] { return Quiet(); }));
  EXPECT_GE(Reads("public.a"), 6000);
  ExpectSameAsSource("public.a");
}

TEST_F(PostgresChunks, PG24_AReaderNeedsNothingButSelect) {
  HG_BEGIN("CREATE TABLE a (id int PRIMARY KEY, v int); INSERT INTO a SELECT g, 0 FROM generate_series(1, 3000) g");
  Start();
  ASSERT_TRUE(rig_->Until([&] { return Quiet(); }));
  const std::string xmax = Ask("SELECT txid_snapshot_xmax(txid_current_snapshot())");
  Want(Full("public.a"));
  ASSERT_TRUE(rig_->Turn().ok());
  ASSERT_TRUE(rig_->Until([&] { return Quiet(); }));
  EXPECT_EQ(Reads("public.a"), 6000);
  EXPECT_EQ(Ask("SELECT txid_snapshot_xmax(txid_current_snapshot())"), xmax) << "a transaction wrote something";
}

TEST_F(PostgresChunks, ATableThatIsAlteredMeanwhileIsReadInItsNewForm) {
  HG_BEGIN(
      "CREATE TABLE a (id int PRIMARY KEY, v int, gone text); INSERT INTO a SELECT g, 0, repeat('x', 300) FROM "
      "generate_series(1, 40000) g",
      {{"snapshot_workers", "1"}});
  Start();
  ASSERT_TRUE(rig_->Until([&] { return Quiet(); }));
  Want(Full("public.a"));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(rig_->Turn().ok());
  Run("ALTER TABLE a DROP gone; ALTER TABLE a ADD extra int; UPDATE a SET extra = id WHERE id % 2 = 0");
  ASSERT_TRUE(rig_->Until([&] { return Quiet(); }));
  Run("UPDATE a SET extra = 0 WHERE extra IS NULL");
  Run("INSERT INTO a VALUES (99999, 9, 9)");
  ASSERT_TRUE(rig_->UntilSeen("public.a", "99999"));
  for (const LoggedChange& change : rig_->Changes("public.a")) {
    const bool late = change.op == Op::kRead && change.after.contains("extra");
    EXPECT_FALSE(late && change.after.contains("gone"));
  }
  EXPECT_EQ(rig_->Schema("public.a")->columns.back().name, "extra") << "a reading took the new column back";
  auto rows = rig_->Fold("public.a");
  for (auto& [id, row] : rows) row.erase("gone");
  const auto table = TableOf(*db_, "public.a");
  ASSERT_TRUE(table.ok());
  EXPECT_TRUE(rows == *table);
}

}  // namespace
}  // namespace headgate::test
