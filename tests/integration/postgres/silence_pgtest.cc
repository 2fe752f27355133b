// A snapshot's read that gets nothing: it may wait for a lock, which is legal and told, or its connection is dead.
#include <gmock/gmock.h>

#include <csignal>

#include "tests/integration/postgres/source_fixture.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/require.h"

namespace headgate::test {
namespace {

using ::testing::HasSubstr;

class PostgresSilence : public SourceTest {
 protected:
  void BeginWithRows(std::map<std::string, std::string> settings = {}) {
    settings.insert({{"snapshot_workers", "1"}, {"stale_after_ms", "1000"}, {"connect_timeout_ms", "1000"}});
    Begin(
        "CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a SELECT g, repeat('x', 500) FROM generate_series(1, "
        "60000) g; CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b SELECT generate_series(1, 10)",
        std::move(settings));
  }
  std::optional<Finding> Waiting() {
    const auto telemetry = rig_->telemetry();
    for (const Finding& finding : telemetry->findings) {
      if (finding.id == "snapshot_waiting") return finding;
    }
    return std::nullopt;
  }
  Error UntilError() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    for (;;) {
      const Status turned = rig_->Turn();
      if (!turned.ok()) return turned.error();
      if (std::chrono::steady_clock::now() > deadline) return Corrupt("nothing failed within 30 s");
    }
  }
  void ExpectRecovery() {
    Start();
    ASSERT_TRUE(rig_->Until([&] { return rig_->telemetry()->phase == "streaming"; }));
    EXPECT_FALSE(Waiting().has_value());
    EXPECT_EQ(rig_->Fold("public.a").size(), 60000U);
    EXPECT_EQ(rig_->Fold("public.b").size(), 10U);
  }
};

TEST_F(PostgresSilence, AReadThatWaitsForALockGoesOnWaitingAndNamesWhoHoldsIt) {
  BeginWithRows();
  if (IsSkipped()) return;
  Start();
  auto locker = db_->Connect();  // the worker still waits with table a, nobody takes its chunks
  ASSERT_TRUE(locker.ok());
  ASSERT_TRUE(locker->Exec("BEGIN; LOCK TABLE b IN ACCESS EXCLUSIVE MODE").ok());
  const auto pid = locker->Value("SELECT pg_backend_pid()");
  ASSERT_TRUE(pid.ok());
  ASSERT_TRUE(rig_->Until([&] { return Waiting().has_value(); }));
  EXPECT_EQ(Waiting()->level, Finding::Level::kWarning);
  EXPECT_THAT(Waiting()->summary, HasSubstr("table public.b"));
  EXPECT_THAT(Waiting()->summary, HasSubstr("process " + *pid));
  EXPECT_THAT(Waiting()->fix, HasSubstr("pg_terminate_backend(" + *pid + ")"));
  const auto long_after_stale = std::chrono::steady_clock::now() + std::chrono::milliseconds(2'500);
  while (std::chrono::steady_clock::now() < long_after_stale) {
    const Status turned = rig_->Turn();
    ASSERT_TRUE(turned.ok()) << turned.error().what;
  }
  ASSERT_TRUE(locker->Exec("COMMIT").ok());
  ASSERT_TRUE(rig_->Until([&] { return rig_->telemetry()->phase == "streaming"; }));
  ASSERT_TRUE(rig_->Until([&] { return !Waiting().has_value(); }));
  EXPECT_EQ(rig_->Fold("public.b").size(), 10U);
}

TEST_F(PostgresSilence, CG10_AReadOverAStalledNetworkIsGivenUp) {
  BeginWithRows();
  if (IsSkipped()) return;
  auto proxy = FaultProxy::Start(db_->postgres().host(), db_->postgres().port());
  ASSERT_TRUE(proxy.ok());
  rig_->settings()["host"] = "127.0.0.1";
  rig_->settings()["port"] = std::to_string((*proxy)->port());
  rig_->settings()["sslmode"] = "disable";
  Start();
  ASSERT_TRUE(rig_->Turn().ok());
  (*proxy)->Stall();
  const Error error = UntilError();
  EXPECT_EQ(error.kind, ErrorKind::kTransient) << error.what;
  (*proxy)->Cut();
  (*proxy)->Pass();
  ExpectRecovery();
}

TEST_F(PostgresSilence, AReadWhoseServerProcessHangsIsToldAndGivenUp) {
  BeginWithRows();
  if (IsSkipped()) return;
  Start();
  std::string pid;
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (pid.empty() && std::chrono::steady_clock::now() < patience)
    pid =
        Ask("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY%' AND "
            "wait_event = 'ClientWrite'");  // in the middle of the table: nobody takes its chunks, so it stays there
  ASSERT_NE(pid, "");
  const int process = std::stoi(pid);
  if (::kill(process, SIGSTOP) != 0)
    HG_REQUIRE_SERVER("postgres", "its processes cannot be stopped from here, so none can be made to hang");
  const std::shared_ptr<void> thaw(nullptr, [process](void*) { ::kill(process, SIGCONT); });
  ASSERT_TRUE(rig_->Until([&] { return Waiting().has_value(); }));
  EXPECT_THAT(Waiting()->summary, HasSubstr("reading table public.a"));
  const Error error = UntilError();
  EXPECT_EQ(error.kind, ErrorKind::kTransient) << error.what;
  EXPECT_THAT(error.what, HasSubstr("stale_after_ms"));
  ExpectRecovery();
}

}  // namespace
}  // namespace headgate::test
