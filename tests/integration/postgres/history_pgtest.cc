#include <gmock/gmock.h>

#include "connectors/postgres/slot.h"
#include "tests/integration/postgres/source_fixture.h"
#include "tests/support/private_postgres.h"

namespace headgate::test {
namespace {

using ::testing::HasSubstr;

// Is the history that the server offers the one we left (P3, PG-15)?
class PostgresHistory : public SourceTest {
 protected:
  void BeginStreaming() {
    Begin("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
    if (IsSkipped() || HasFatalFailure()) return;
    Start();
    Run("INSERT INTO t VALUES (2)");
    ASSERT_TRUE(rig_->UntilSeen("public.t", "2"));
    rig_->Abandon();
  }
  std::string SlotName() const { return "'" + rig_->slot() + "'"; }
  void DropSlot() {
    ASSERT_TRUE(Eventually("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = " +
                           SlotName() + " AND NOT active"));
    ASSERT_EQ(Ask("SELECT count(*) FROM pg_replication_slots WHERE slot_name = " + SlotName()), "0");
  }
  // Runs it until it works and the slot is left by its walsender.
  bool Eventually(const std::string& sql) {
    for (int i = 0; i < 2000; ++i) {
      if (Ask("SELECT count(*) FROM pg_replication_slots WHERE active AND slot_name = " + SlotName()) == "0")
        return db_->Exec(sql).ok();
    }
    return false;
  }
  void ExpectGapThenLife(const std::string& reason) {
    Start();
    EXPECT_EQ(rig_->writer().progress().epoch, 1U);
    Run("INSERT INTO t VALUES (100)");
    ASSERT_TRUE(rig_->UntilSeen("public.t", "100"));
    int gaps = 0;
    for (const LoggedTransaction& tx : rig_->Read()) {
      for (const LoggedChange& change : tx.changes) {
        if (change.op != Op::kGap) continue;
        ++gaps;
        const auto extra = DecodeGap(change.extra);
        ASSERT_TRUE(extra.ok());
        EXPECT_EQ(extra->reason, reason);
        EXPECT_GT(extra->from, 0U);
        EXPECT_GT(extra->to, 0U);
        EXPECT_THAT(extra->streams, testing::ElementsAre("public.t"));
      }
    }
    EXPECT_EQ(gaps, 1);
    const auto telemetry = rig_->telemetry();
    EXPECT_TRUE(std::ranges::any_of(
        telemetry->findings, [](const Finding& f) { return f.id == "gap" && f.level == Finding::Level::kError; }));
    Start();  // declared once
    EXPECT_EQ(rig_->writer().progress().epoch, 1U);
  }
};

TEST_F(PostgresHistory, PG15_ASlotThatIsGoneIsADeclaredGap) {
  BeginStreaming();
  if (IsSkipped()) return;
  DropSlot();
  Run("INSERT INTO t VALUES (3)");
  ExpectGapThenLife("slot_missing");
}

TEST_F(PostgresHistory, PG15_ASlotMadeAnewUnderTheSameNameIsADeclaredGap) {
  BeginStreaming();
  if (IsSkipped()) return;
  DropSlot();
  Run("INSERT INTO t VALUES (3)");
  Run("SELECT pg_create_logical_replication_slot(" + SlotName() + ", 'pgoutput')");
  ExpectGapThenLife("slot_recreated");
}

TEST_F(PostgresHistory, PG15_ASlotMovedByHandIsADeclaredGap) {
  BeginStreaming();
  if (IsSkipped()) return;
  Run("INSERT INTO t VALUES (3)");
  ASSERT_TRUE(Eventually("SELECT pg_replication_slot_advance(" + SlotName() + ", pg_current_wal_lsn())"));
  ExpectGapThenLife("slot_recreated");
}

TEST_F(PostgresHistory, P3_AnotherServerUnderTheSameAddressIsADeclaredGap) {
  BeginStreaming();
  if (IsSkipped()) return;
  PostgresOptions options;
  options.own_identity = true;
  HG_WITH_SERVER("postgres", const auto other, PrivatePostgres::Start(options));
  ASSERT_TRUE(other->Exec("postgres", "CREATE DATABASE " + db_->name()).ok());
  ASSERT_TRUE(other->Exec(db_->name(), "CREATE TABLE t (id int PRIMARY KEY)").ok());
  rig_->settings()["port"] = std::to_string(other->port());
  Start();
  EXPECT_EQ(rig_->writer().progress().epoch, 1U);
  EXPECT_EQ(rig_->writer().progress().gaps, 1U);
  ASSERT_TRUE(other->Exec(db_->name(), "INSERT INTO t VALUES (77)").ok());
  ASSERT_TRUE(rig_->UntilSeen("public.t", "77"));
}

TEST_F(PostgresHistory, AnInvalidatedSlotIsADeclaredGap) {
  PostgresOptions options;
  options.settings = {"max_slot_wal_keep_size=1MB", "min_wal_size=32MB", "max_wal_size=32MB"};
  HG_WITH_SERVER("postgres", const auto server, PrivatePostgres::Start(options));
  Begin("CREATE TABLE t (id int PRIMARY KEY)");
  if (IsSkipped() || HasFatalFailure()) return;
  const std::string name = "shop";
  ASSERT_TRUE(server->Exec("postgres", "CREATE DATABASE shop").ok());
  ASSERT_TRUE(server->Exec(name, "CREATE TABLE t (id int PRIMARY KEY)").ok());
  rig_->settings()["port"] = std::to_string(server->port());
  rig_->settings()["dbname"] = name;
  Start();
  ASSERT_TRUE(rig_->Until([&] { return rig_->telemetry()->phase == "streaming"; }));
  rig_->Abandon();
  for (int i = 0; i < 4; ++i)
    ASSERT_TRUE(
        server->Exec(name, "SELECT pg_switch_wal(); CREATE TABLE x AS SELECT 1; DROP TABLE x; CHECKPOINT").ok());
  const auto status = server->Value(name, "SELECT wal_status FROM pg_replication_slots");
  ASSERT_TRUE(status.ok());
  ASSERT_EQ(*status, "lost");
  Start();
  EXPECT_EQ(rig_->writer().progress().gaps, 1U);
  ASSERT_TRUE(server->Exec(name, "INSERT INTO t VALUES (5)").ok());
  ASSERT_TRUE(rig_->UntilSeen("public.t", "5"));
}

// CG-11: each would make the publication its own, and the first would go on, healthy, without the second's changes.
TEST_F(PostgresHistory, ASecondSourceOnASlotIsRefusedBeforeItTouchesThePublication) {
  HG_BEGIN("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)", {{"tables", "public.t"}});
  Start();
  ASSERT_TRUE(rig_->Until([&] { return rig_->telemetry()->phase == "streaming"; }));
  auto second = SourceRig::Create(*db_, {{"tables", "public.u"}});
  ASSERT_TRUE(second.ok());
  const Status refused = (*second)->Start();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(refused.error().what, HasSubstr("replication slot " + rig_->slot()));
  EXPECT_THAT(refused.error().what, HasSubstr("is in use by another session (headgate shop, process "));
  EXPECT_EQ(Ask("SELECT string_agg(tablename, ',') FROM pg_publication_tables"), "t");
  Run("INSERT INTO t VALUES (9)");
  ASSERT_TRUE(rig_->UntilSeen("public.t", "9"));
  (*second)->Abandon();
  rig_->Abandon();
  EXPECT_TRUE((*second)->Start().ok());
}

TEST_F(PostgresHistory, ASlotThatAnotherProgramReadsIsLeftAloneAndSoIsThePublication) {
  BeginStreaming();
  if (IsSkipped()) return;
  Run("CREATE TABLE u (id int PRIMARY KEY)");
  rig_->settings()["tables"] = "public.u";
  ASSERT_TRUE(Eventually("SELECT 1"));
  auto other = PgClient::Connect(db_->Dsn() + " replication=database");
  ASSERT_TRUE(other.ok()) << other.error().what;
  const Status reading =
      other->Exec("START_REPLICATION SLOT " + rig_->slot() + " LOGICAL 0/0 (proto_version '1', publication_names '" +
                  rig_->settings().at("publication_name") + "')");
  ASSERT_EQ(Ask("SELECT active FROM pg_replication_slots WHERE slot_name = " + SlotName()), "t");
  EXPECT_FALSE(reading.ok());  // it copies for ever
  const Status refused = rig_->Start();
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().what, HasSubstr("is in use by process "));
  EXPECT_EQ(Ask("SELECT string_agg(tablename, ',') FROM pg_publication_tables"), "t");
}

TEST_F(PostgresHistory, ASlotThatCameBetweenTheLookAndItsMakingIsFoundByTheNextAttempt) {
  HG_BEGIN("CREATE TABLE t (id int PRIMARY KEY)");
  Start();
  rig_->Abandon();
  const postgres::Options options = postgres::MakeOptions("shop", rig_->bound());
  auto session =
      postgres::Connection::Open(options, postgres::Connection::Use::kReplication, "UTF8", true, std::stop_token());
  ASSERT_TRUE(session.ok()) << session.error().what;
  auto creation = postgres::SlotCreation::Begin(std::move(*session), rig_->slot(), false, false);
  ASSERT_TRUE(creation.ok()) << creation.error().what;
  const auto made = postgres::AwaitSlot(
      **creation, [] {}, std::stop_token());
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(made.error().what, HasSubstr("42710"));
}

TEST_F(PostgresHistory, TheSlotsOwnStandingIsTold) {
  BeginStreaming();
  if (IsSkipped()) return;
  Start();
  ASSERT_TRUE(rig_->Until([&] { return rig_->telemetry()->slot_retained_bytes >= 0; }));
  const auto telemetry = rig_->telemetry();
  EXPECT_TRUE(telemetry->connected);
  EXPECT_GT(telemetry->durable_position, 0U);
  EXPECT_EQ(telemetry->slot_name, rig_->slot());
}

}  // namespace
}  // namespace headgate::test
