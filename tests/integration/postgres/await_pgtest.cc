// A snapshot whose point the server can only make when an open transaction has ended (docs/adr/0006): the stream of
// other tables goes on meanwhile, and the rows come in exactly afterwards.
#include <gmock/gmock.h>

#include <csignal>
#include <thread>

#include "tests/integration/postgres/source_fixture.h"
#include "tests/support/require.h"

namespace headgate::test {
namespace {

using ::testing::HasSubstr;

class PostgresAwait : public SourceTest {
 protected:
  // Streams table a, and a transaction is open that has an xid.
  void BeginWithOpenTransaction(std::map<std::string, std::string> settings = {}) {
    Begin("CREATE TABLE a (id int PRIMARY KEY, v int); CREATE TABLE held (id int PRIMARY KEY)", std::move(settings));
    if (IsSkipped() || HasFatalFailure()) return;
    Start();
    ASSERT_TRUE(rig_->Until([&] { return Streaming() && rig_->telemetry()->slot_retained_bytes >= 0; }));
    auto open = db_->Connect();
    ASSERT_TRUE(open.ok());
    open_ = std::make_unique<PgClient>(std::move(*open));
    ASSERT_TRUE(open_->Exec("BEGIN; INSERT INTO held VALUES (1)").ok());
    holder_ = open_->Value("SELECT pg_backend_pid()").value();
  }
  bool Streaming() { return rig_->telemetry()->phase == "streaming"; }
  // The server makes a temporary slot and waits for the open transaction.
  bool Waits() {
    return Ask("SELECT count(*) FROM pg_replication_slots s JOIN pg_locks l ON l.pid = s.active_pid WHERE s.temporary "
               "AND s.database = current_database() AND l.locktype = 'transactionid' AND NOT l.granted") == "1";
  }
  ::testing::AssertionResult UntilWaits() {
    return rig_->Until([&] { return Waits(); });
  }
  ::testing::AssertionResult UntilNoTemporarySlot() {
    return rig_->Until([&] {
      return Ask("SELECT count(*) FROM pg_replication_slots WHERE temporary AND database = current_database()") == "0";
    });
  }
  void ExpectStreamGoesOn(const std::string& id) {
    Run("INSERT INTO a VALUES (" + id + ", 0)");
    const auto begun = std::chrono::steady_clock::now();
    ASSERT_TRUE(rig_->UntilSeen("public.a", id));
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(3));
  }
  void ExpectAllComesIn() {
    ASSERT_TRUE(open_->Exec("COMMIT").ok());
    ASSERT_TRUE(rig_->Until([&] { return Streaming(); }));
    ASSERT_TRUE(rig_->UntilSeen("public.held", "1"));
    ExpectStreamGoesOn("1000");
    ExpectSameAsSource("public.a");
    EXPECT_EQ(rig_->writer().progress().gaps, 0U);
    ASSERT_TRUE(UntilNoTemporarySlot());
  }
  std::optional<Finding> Waiting() {
    const auto telemetry = rig_->telemetry();
    for (const Finding& finding : telemetry->findings) {
      if (finding.id == "snapshot_waiting") return finding;
    }
    return std::nullopt;
  }

  std::unique_ptr<PgClient> open_;
  std::string holder_;
};

#define HG_BEGIN_WITH_OPEN_TRANSACTION(...)       \
  do {                                            \
    BeginWithOpenTransaction(__VA_ARGS__);        \
    if (IsSkipped() || HasFatalFailure()) return; \
  } while (false)

TEST_F(PostgresAwait, P14_ANewTableIsReadAfterTheOpenTransactionAndOtherTablesGoOnMeanwhile) {
  HG_BEGIN_WITH_OPEN_TRANSACTION();
  Run("CREATE TABLE b (id int PRIMARY KEY, v int); INSERT INTO b VALUES (1, 1), (2, 2)");
  ASSERT_TRUE(UntilWaits());
  ExpectStreamGoesOn("1");
  Run("INSERT INTO b VALUES (3, 3); UPDATE b SET v = 20 WHERE id = 2; DELETE FROM b WHERE id = 1");
  ExpectStreamGoesOn("2");
  ASSERT_TRUE(open_->Exec("INSERT INTO b VALUES (4, 4)").ok());
  ASSERT_TRUE(rig_->Until([&] { return Waiting().has_value(); }));
  EXPECT_THAT(Waiting()->summary, HasSubstr("public.b"));
  EXPECT_THAT(Waiting()->summary, HasSubstr("process " + holder_));
  ExpectAllComesIn();
  ASSERT_TRUE(rig_->UntilSeen("public.b", "4"));
  ExpectSameAsSource("public.b");
  EXPECT_FALSE(Waiting().has_value());
}

// Writers on the very table that is to be read, of which each row is made and deleted once: one whose deletion, about
// the point, came before the snapshot's rows would stay for ever.
TEST_F(PostgresAwait, PG19_WritesToTheNewTableAroundThePointFoldToTheSource) {
  HG_BEGIN_WITH_OPEN_TRANSACTION();
  Run("CREATE TABLE b (id int PRIMARY KEY)");
  {
    std::vector<std::jthread> writers;
    for (int w = 0; w < 3; ++w) {
      auto session = db_->Connect();
      ASSERT_TRUE(session.ok());
      writers.emplace_back([w, client = std::make_shared<PgClient>(std::move(*session))](const std::stop_token& stop) {
        for (int i = w; !stop.stop_requested(); i += 3) {
          EXPECT_TRUE(client
                          ->Exec("INSERT INTO b VALUES (" + std::to_string(i) +
                                 "); DELETE FROM b WHERE id = " + std::to_string(i - 60) + "; SELECT pg_sleep(0.002)")
                          .ok());
        }
      });
    }
    ASSERT_TRUE(UntilWaits());
    ExpectStreamGoesOn("1");
    ASSERT_TRUE(open_->Exec("COMMIT").ok());
    ASSERT_TRUE(rig_->Until([&] { return Streaming(); }));
    ExpectStreamGoesOn("2");
  }
  ExpectStreamGoesOn("3");
  ExpectSameAsSource("public.b");
}

// From the end of the open transaction on the point may lie anywhere; until it is known nothing is read that may be
// behind it.
TEST_F(PostgresAwait, PG19_WhatMayLieBehindThePointIsHeldBackUntilThePointIsKnown) {
  HG_BEGIN_WITH_OPEN_TRANSACTION();
  Run("CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (1)");
  ASSERT_TRUE(UntilWaits());
  const int creation = std::stoi(Ask("SELECT active_pid FROM pg_replication_slots WHERE temporary"));
  if (::kill(creation, SIGSTOP) != 0)
    HG_REQUIRE_SERVER("postgres", "its processes cannot be stopped from here, so none can be late");
  std::shared_ptr<void> thaw(nullptr, [creation](void*) { ::kill(creation, SIGCONT); });
  ASSERT_TRUE(open_->Exec("COMMIT").ok());
  Run("DELETE FROM b WHERE id = 1; INSERT INTO a VALUES (1, 0)");
  const auto a_while = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  while (std::chrono::steady_clock::now() < a_while) {
    const Status turned = rig_->Turn();
    ASSERT_TRUE(turned.ok()) << turned.error().what;
  }
  EXPECT_TRUE(rig_->Changes("public.a").empty());
  thaw.reset();
  ASSERT_TRUE(rig_->UntilSeen("public.a", "1"));
  ExpectAllComesIn();
  ExpectSameAsSource("public.b");
}

TEST_F(PostgresAwait, ASecondNewTableMeanwhileIsTakenInWithTheFirst) {
  HG_BEGIN_WITH_OPEN_TRANSACTION();
  Run("CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (1)");
  ASSERT_TRUE(UntilWaits());
  Run("CREATE TABLE c (id int PRIMARY KEY); INSERT INTO c VALUES (1)");
  ASSERT_TRUE(rig_->Until(
      [&] { return Ask("SELECT count(*) FROM pg_publication_tables WHERE tablename = 'c'") == "1" && Waits(); }));
  ExpectStreamGoesOn("1");
  ExpectAllComesIn();
  ExpectSameAsSource("public.b");
  ExpectSameAsSource("public.c");
}

TEST_F(PostgresAwait, ATableDroppedOrAlteredMeanwhileIsReadAsItIsThen) {
  HG_BEGIN_WITH_OPEN_TRANSACTION();
  Run("CREATE TABLE gone (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (1)");
  ASSERT_TRUE(UntilWaits());
  Run("DROP TABLE gone; ALTER TABLE b ADD COLUMN later int DEFAULT 5; INSERT INTO b VALUES (2, 6)");
  ExpectStreamGoesOn("1");
  ExpectAllComesIn();
  ExpectSameAsSource("public.b");
  EXPECT_EQ(rig_->Fold("public.b")["1"]["later"], "5");
}

TEST_F(PostgresAwait, TheOnlyNewTableDroppedMeanwhileLeavesTheStreamAsItWas) {
  HG_BEGIN_WITH_OPEN_TRANSACTION();
  Run("CREATE TABLE gone (id int PRIMARY KEY)");
  ASSERT_TRUE(UntilWaits());
  Run("DROP TABLE gone");
  ExpectStreamGoesOn("1");
  ExpectAllComesIn();
}

TEST_F(PostgresAwait, AStopEndsTheWaitAtTheServerToo) {
  HG_BEGIN_WITH_OPEN_TRANSACTION();
  Run("CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (1)");
  ASSERT_TRUE(UntilWaits());
  const auto begun = std::chrono::steady_clock::now();
  rig_->source().Close();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(500));
  const auto deadline = begun + std::chrono::seconds(5);
  while (Waits() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_FALSE(Waits());
  Start();
  ASSERT_TRUE(UntilWaits());
  ExpectStreamGoesOn("1");
  ExpectAllComesIn();
  ExpectSameAsSource("public.b");
}

// As after kill -9: the server's process waits on, for nobody.
TEST_F(PostgresAwait, WhatAKilledProcessLeftWaitingIsEndedByTheNext) {
  HG_BEGIN_WITH_OPEN_TRANSACTION();
  ChildOptions psql;
  psql.command = {
      "psql", "-X", "-c",
      "CREATE_REPLICATION_SLOT " + rig_->slot() + "_snap_0123456789abcdef TEMPORARY LOGICAL pgoutput EXPORT_SNAPSHOT",
      db_->Dsn() + " replication=database"};
  psql.output_file = "/dev/null";
  const auto orphan = Child::Start(psql);
  ASSERT_TRUE(orphan.ok());
  ASSERT_TRUE(rig_->Until([&] { return Waits(); }));
  Run("CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (1)");
  ASSERT_TRUE(rig_->Until([&] {
    return Ask("SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE '%_snap_0123456789abcdef'") == "0" &&
           Waits();
  }));
  ExpectStreamGoesOn("1");
  ExpectAllComesIn();
  ExpectSameAsSource("public.b");
}

TEST_F(PostgresAwait, CG10_ASessionLostWhileItWaitsIsMadeAnewAndTheStreamIsNotTouched) {
  HG_BEGIN_WITH_OPEN_TRANSACTION();
  Run("CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (1)");
  ASSERT_TRUE(UntilWaits());
  const std::string stream =
      Ask("SELECT active_pid FROM pg_replication_slots WHERE slot_name = '" + rig_->slot() + "'");
  EXPECT_EQ(Ask("SELECT bool_and(pg_terminate_backend(active_pid)) FROM pg_replication_slots WHERE temporary"), "t");
  ASSERT_TRUE(UntilNoTemporarySlot());
  ExpectStreamGoesOn("1");
  ASSERT_TRUE(UntilWaits());
  EXPECT_EQ(Ask("SELECT active_pid FROM pg_replication_slots WHERE slot_name = '" + rig_->slot() + "'"), stream);
  ExpectAllComesIn();
  ExpectSameAsSource("public.b");
}

}  // namespace
}  // namespace headgate::test
