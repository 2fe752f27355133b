#include <gmock/gmock.h>

#include "connectors/postgres/catalog.h"
#include "connectors/postgres/connection.h"
#include "core/base/channel.h"
#include "tests/integration/postgres/source_fixture.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/private_postgres.h"
#include "tests/support/require.h"

namespace headgate::test {
namespace {

using ::testing::HasSubstr;

// CG-10: the network between us and the server fails; each time it goes on without loss or repetition.
class PostgresFaults : public SourceTest {
 protected:
  void BeginThroughProxy(std::map<std::string, std::string> settings = {}) {
    Begin("CREATE TABLE t (id int PRIMARY KEY, v text)", std::move(settings));
    if (IsSkipped() || HasFatalFailure()) return;
    auto proxy = FaultProxy::Start(db_->postgres().host(), db_->postgres().port());
    ASSERT_TRUE(proxy.ok());
    proxy_ = std::move(proxy).value();
    rig_->settings()["host"] = "127.0.0.1";
    rig_->settings()["port"] = std::to_string(proxy_->port());
    rig_->settings()["sslmode"] = "disable";
    Start();
    // With the first look at the slot and the tables over: only the stream is at work.
    ASSERT_TRUE(rig_->Until(
        [&] { return rig_->telemetry()->phase == "streaming" && rig_->telemetry()->slot_retained_bytes >= 0; }));
    ASSERT_TRUE(rig_->Turn().ok());
  }
  // The server of the tests, as db.test.
  postgres::Options OptionsByName() const {
    postgres::Options options;
    options.name = "shop";
    options.host = "db.test";
    options.port = std::to_string(db_->postgres().port());
    options.dbname = db_->name();
    options.username = db_->postgres().user();
    options.password = db_->postgres().password();
    options.sslmode = "prefer";
    return options;
  }
  // Turns until it fails.
  Error UntilError() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (;;) {
      const Status turned = rig_->Turn();
      if (!turned.ok()) return turned.error();
      if (std::chrono::steady_clock::now() > deadline) return Corrupt("nothing failed within 20 s");
    }
  }
  // As the supervisor does: opens again until it works.
  void Reopen() {
    Status started;
    for (int i = 0; i < 50; ++i) {
      started = rig_->Start();
      if (started.ok()) return;
      ASSERT_EQ(started.error().kind, ErrorKind::kTransient) << started.error().what;
    }
    FAIL() << started.error().what;
  }
  void ExpectRecovery(int rows) {
    Reopen();
    Run("INSERT INTO t VALUES (1000000, 'end')");
    ASSERT_TRUE(rig_->UntilSeen("public.t", "1000000"));
    ExpectSameAsSource("public.t");
    EXPECT_EQ(rig_->Changes("public.t").size(), static_cast<std::size_t>(rows) + 1) << "nothing twice";
    EXPECT_EQ(rig_->writer().progress().gaps, 0U);
  }

  std::unique_ptr<FaultProxy> proxy_;
};

TEST_F(PostgresFaults, CG10_ACutConnectionIsTransientAndGoesOn) {
  BeginThroughProxy();
  if (IsSkipped()) return;
  Run("INSERT INTO t SELECT g, 'x' FROM generate_series(1, 100) g");
  proxy_->Cut();
  EXPECT_EQ(UntilError().kind, ErrorKind::kTransient);
  EXPECT_FALSE(rig_->telemetry()->connected);
  ExpectRecovery(100);
}

TEST_F(PostgresFaults, AConnectionLostWhileNothingIsReadIsToldToo) {
  BeginThroughProxy();
  if (IsSkipped()) return;
  ASSERT_TRUE(rig_->telemetry()->connected);
  proxy_->Cut();
  Status status;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (status.ok() && std::chrono::steady_clock::now() < deadline) status = rig_->source().KeepAlive();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kTransient);
  EXPECT_FALSE(rig_->telemetry()->connected);
}

TEST_F(PostgresFaults, CG10_AResetInTheMiddleOfAMessageLosesAndRepeatsNothing) {
  BeginThroughProxy({{"batch_bytes_max", "4096"}});
  if (IsSkipped()) return;
  int failed = 0;
  for (int round = 0; round < 5; ++round) {
    proxy_->ResetAfterToClient(20'000 + round * 7'777);
    const std::string from = std::to_string(round * 1000 + 1);
    for (int i = 0; i < 10; ++i) {
      Run("INSERT INTO t SELECT g, repeat('x', 40) FROM generate_series(" + std::to_string(round * 1000 + i * 100 + 1) +
          ", " + std::to_string(round * 1000 + i * 100 + 100) + ") g");
    }
    // A reset of the query session, if that is the first to get there, heals without anybody noticing.
    Status turned;
    const auto seen = [&] {
      return rig_->telemetry()->read_position >= postgres::ParseLsn(Ask("SELECT pg_current_wal_lsn()"));
    };
    for (int i = 0; turned.ok() && (i < 200 || !seen()); ++i) turned = rig_->Turn();
    failed += turned.ok() ? 0 : 1;
    EXPECT_TRUE(turned.ok() || turned.error().kind == ErrorKind::kTransient) << from << ": " << turned.error().what;
    EXPECT_EQ(proxy_->resets(), round + 1);
    if (!turned.ok()) Reopen();
  }
  EXPECT_GE(failed, 3);
  ExpectRecovery(5000);
}

TEST_F(PostgresFaults, CG10_AStalledConnectionIsNoticed) {
  BeginThroughProxy({{"stale_after_ms", "1000"}, {"connect_timeout_ms", "1000"}});
  if (IsSkipped()) return;
  ASSERT_TRUE(rig_->Until([&] { return rig_->telemetry()->slot_retained_bytes >= 0; }));
  ASSERT_TRUE(rig_->Turn().ok());  // with the first look at the tables, which would time out before the stream does
  proxy_->Stall();
  Run("INSERT INTO t VALUES (1, 'x')");
  const Error error = UntilError();
  EXPECT_EQ(error.kind, ErrorKind::kTransient);
  EXPECT_THAT(error.what, HasSubstr("stale_after_ms"));
  const Status refused = rig_->Start();
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().what, HasSubstr("connect_timeout_ms"));
  proxy_->Cut();
  proxy_->Pass();
  ExpectRecovery(1);
}

TEST_F(PostgresFaults, AQuietServerIsNotTakenForADeadOne) {
  BeginThroughProxy({{"stale_after_ms", "1000"}});
  if (IsSkipped()) return;
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(2'500);
  while (std::chrono::steady_clock::now() < until) ASSERT_TRUE(rig_->Turn().ok());
}

TEST_F(PostgresFaults, AServerThatCrashesAndComesBackIsFollowed) {
  PostgresOptions options;
  options.fsync = true;
  HG_WITH_SERVER("postgres", const auto server, PrivatePostgres::Start(options));
  HG_BEGIN("SELECT 1");
  ASSERT_TRUE(server->Exec("postgres", "CREATE TABLE t (id int PRIMARY KEY, v text)").ok());
  rig_->settings()["port"] = std::to_string(server->port());
  rig_->settings()["dbname"] = "postgres";
  Start();
  ASSERT_TRUE(rig_->Until([&] { return rig_->telemetry()->phase == "streaming"; }));
  ASSERT_TRUE(server->Exec("postgres", "INSERT INTO t VALUES (1, 'x')").ok());
  ASSERT_TRUE(rig_->UntilSeen("public.t", "1"));
  ASSERT_TRUE(server->KillHard().ok());
  EXPECT_EQ(UntilError().kind, ErrorKind::kTransient);
  ASSERT_TRUE(server->StartAgain().ok());
  Reopen();
  ASSERT_TRUE(server->Exec("postgres", "INSERT INTO t VALUES (2, 'y')").ok());
  ASSERT_TRUE(rig_->UntilSeen("public.t", "2"));
  EXPECT_EQ(rig_->writer().progress().gaps, 0U);
}

TEST_F(PostgresFaults, AServerIsReachedByNameAtTheFirstOfItsAddressesThatAnswers) {
  HG_BEGIN("SELECT 1");
  const auto address = net::IpAddress::Parse(db_->postgres().host());
  if (!address) HG_REQUIRE_SERVER("postgres", "its host has to be an address, for a name that is looked up to it");
  postgres::Options options = OptionsByName();
  options.resolve = [&](const std::string& host) -> Result<std::vector<net::IpAddress>> {
    EXPECT_EQ(host, "db.test");
    return std::vector{*net::IpAddress::Parse("127.255.0.1"), *address};
  };
  auto connection = postgres::Connection::Open(options, postgres::Connection::Use::kQuery, "UTF8", true, {});
  ASSERT_TRUE(connection.ok()) << connection.error().what;
  EXPECT_TRUE((*connection)->Query("SELECT 1", "asking", {}).ok());
}

TEST_F(PostgresFaults, ASilentNameServerDelaysNeitherConnectTimeoutNorAStop) {
  HG_BEGIN("SELECT 1");
  const auto gate = std::make_shared<Channel<int>>(1);
  const std::shared_ptr<void> release(nullptr, [&](void*) { gate->Close(); });
  postgres::Options options = OptionsByName();
  options.resolve = [gate](const std::string&) -> Result<std::vector<net::IpAddress>> {
    static_cast<void>(gate->Pop({}));
    return std::vector<net::IpAddress>{};
  };
  std::stop_source stop;
  std::jthread later([&] { stop.request_stop(); });
  options.connect_timeout = std::chrono::hours(1);
  const auto stopped =
      postgres::Connection::Open(options, postgres::Connection::Use::kQuery, "UTF8", true, stop.get_token());
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().kind, ErrorKind::kStopped);
  options.connect_timeout = std::chrono::milliseconds(100);
  const auto late = postgres::Connection::Open(options, postgres::Connection::Use::kQuery, "UTF8", true, {});
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(late.error().what, HasSubstr("the name servers do not answer for db.test"));
}

TEST_F(PostgresFaults, StopEndsAReadWithin250Milliseconds) {
  BeginThroughProxy();
  if (IsSkipped()) return;
  proxy_->Stall();
  std::stop_source stop;
  std::jthread later([&] { stop.request_stop(); });
  const auto begin = std::chrono::steady_clock::now();
  SourceBatch batch;
  Status status;
  while (status.ok()) status = rig_->source().Read(batch, stop.get_token());
  EXPECT_EQ(status.error().kind, ErrorKind::kStopped);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2))
      << "far more than 250 ms on a loaded machine";
}

}  // namespace
}  // namespace headgate::test
