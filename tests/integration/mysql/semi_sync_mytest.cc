#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <random>

#include "core/base/encoding.h"
#include "tests/integration/mysql/source_fixture.h"
#include "tests/support/headgate_process.h"
#include "tests/support/require.h"
#include "tests/support/test_certificate.h"
#include "tests/support/wait_for.h"

// A semi-synchronous replica (MY-28): commits wait until they are durable with us, if that was asked for.
namespace headgate::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing_support::TestAuthority;

class MysqlSemiSync : public ::testing::TestWithParam<MyServer> {
 protected:
  using Settings = MysqlScene::Settings;

  bool mariadb() const { return GetParam() == MyServer::kMariadb; }
  // "clients" is Rpl_semi_sync_master_clients, or what MySQL calls it.
  std::string Told(const std::string& name) {
    auto client = scene_->server().Connect();
    if (!client.ok()) return client.error().what;
    const auto rows = client->Query("SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_" +
                                    std::string(mariadb() ? "master_" : "source_") + name + "'");
    return rows.ok() && !rows->empty() ? (*rows)[0][1].value_or("") : "";
  }
  // Commits wait for a minute, but not while there is no replica.
  void Start(std::vector<std::string> settings = {}) {
    const std::string prefix = mariadb() ? "rpl-semi-sync-master-" : "rpl-semi-sync-source-";
    if (!mariadb()) settings.push_back("plugin-load-add=semisync_source.so");
    settings.push_back("loose-" + prefix + "enabled=ON");
    settings.push_back("loose-" + prefix + "timeout=60000");
    settings.push_back("loose-" + prefix + "wait-no-" + (mariadb() ? "slave" : "replica") + "=OFF");
    settings.push_back("max-allowed-packet=268435456");
    HG_WITH_SERVER(NameOf(GetParam()), scene_, MysqlScene::Make(GetParam(), std::move(settings)));
    if (Told("clients").empty()) {
      scene_.reset();
      HG_REQUIRE_SERVER(NameOf(GetParam()), "the server has no semi-synchronous replication (semisync_source.so)");
    }
    Exec("CREATE DATABASE f");
    Exec("CREATE TABLE f.t (id INT PRIMARY KEY, v LONGBLOB)");
  }
  void Exec(const std::string& sql) {
    const Status done = scene_->server().Exec(sql);
    ASSERT_TRUE(done.ok()) << done.error().what;
  }
  std::future<Status> Begin(std::vector<std::string> statements) {
    return std::async(std::launch::async, [this, statements = std::move(statements)]() -> Status {
      HG_ASSIGN_OR_RETURN(MyClient client, scene_->server().Connect());
      return client.ExecAll(statements);
    });
  }
  void TurnUntil(const std::vector<std::future<Status>*>& waiting) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(50);
    const auto is_ready = [](std::future<Status>* one) {
      return one->wait_for(seconds(0)) == std::future_status::ready;
    };
    while (!std::ranges::all_of(waiting, is_ready)) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "a commit waits for ever";
      const Status turned = scene_->Turn();
      ASSERT_TRUE(turned.ok()) << turned.error().what;
    }
    for (std::future<Status>* one : waiting) {
      const Status done = one->get();
      EXPECT_TRUE(done.ok()) << done.error().what;
    }
  }
  // Opened, caught up, and the server waits for us from now on.
  void Attach(Settings settings) {
    settings.insert({{"tables", "f.*"}, {"snapshot", "never"}, {"semi_sync", "true"}});
    const Status opened = scene_->Open("src", settings);
    ASSERT_TRUE(opened.ok()) << opened.error().what;
    auto first = Begin({"INSERT INTO f.t VALUES (0, '')"});  // shows the server that we answer
    ASSERT_NO_FATAL_FAILURE(TurnUntil({&first}));
    const auto deadline = std::chrono::steady_clock::now() + seconds(10);
    while (Told("status") != "ON") {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "the server does not wait for us";
      ASSERT_TRUE(scene_->Turn().ok());
    }
    EXPECT_EQ(Told("clients"), "1");
    unwaited_ = Told("no_tx");
    waited_ = std::stoi(Told("yes_tx"));
  }
  void ExpectCommitsWait(const Settings& settings) {
    ASSERT_NO_FATAL_FAILURE(Attach(settings));
    for (int id = 1; id <= 3; ++id) {
      auto commit = Begin({"INSERT INTO f.t VALUES (" + std::to_string(id) + ", 'x')"});
      SourceBatch batch;
      const auto deadline = std::chrono::steady_clock::now() + seconds(20);
      while (batch.transactions.empty()) {
        ASSERT_LT(std::chrono::steady_clock::now(), deadline);
        const Status taken = scene_->Take(batch);
        ASSERT_TRUE(taken.ok()) << taken.error().what;
      }
      EXPECT_EQ(commit.wait_for(milliseconds(700)), std::future_status::timeout) << "it is read, but not durable yet";
      ASSERT_TRUE(scene_->Keep(batch).ok());
      ASSERT_EQ(commit.wait_for(seconds(20)), std::future_status::ready) << "it is durable, and the server not told";
      EXPECT_TRUE(commit.get().ok());
    }
    ExpectWaited(3);
    ExpectRows(4);
  }
  void ExpectWaited(int commits) {
    EXPECT_EQ(Told("no_tx"), unwaited_);
    EXPECT_EQ(std::stoi(Told("yes_tx")), waited_ + commits);
  }
  void ExpectRows(std::size_t rows) {
    ASSERT_TRUE(scene_->CatchUp().ok());
    const auto events = scene_->Events("src");
    ASSERT_TRUE(events.ok()) << events.error().what;
    EXPECT_EQ(FoldEvents(*events)["f.t"].size(), rows);
  }

  int waited_ = 0;
  std::string unwaited_;
  TestAuthority authority_;
  std::unique_ptr<MysqlScene> scene_;
};

TEST_P(MysqlSemiSync, ACommitReturnsWhenItIsDurableWithUs_MY28) {
  ASSERT_NO_FATAL_FAILURE(Start());
  if (!scene_) return;
  ExpectCommitsWait({{"sslmode", "disable"}});
}

TEST_P(MysqlSemiSync, SoItDoesUnderTls_MY28) {
  const auto files = authority_.Issue("server", {"IP:127.0.0.1"});
  ASSERT_NO_FATAL_FAILURE(
      Start({"ssl-ca=" + authority_.ca_file(), "ssl-cert=" + files.cert_file, "ssl-key=" + files.key_file}));
  if (!scene_) return;
  ExpectCommitsWait({{"sslmode", "verify-full"}, {"sslrootcert", authority_.ca_file()}});
}

TEST_P(MysqlSemiSync, ACommitWaitsOverACrashBeforeTheAppendIsDurable_MY28) {
  ASSERT_NO_FATAL_FAILURE(Start());
  if (!scene_) return;
  const PrivateMysql& server = scene_->server();
  HeadgateOptions options;
  options.connectors["src"] = {{"connector.class", NameOf(GetParam())},
                               {"host", server.host()},
                               {"port", std::to_string(server.port())},
                               {"username", "hg"},
                               {"password", "pw"},
                               {"tables", "f.*"},
                               {"snapshot", "never"},
                               {"semi_sync", "true"}};
  HeadgateProcess headgate(options);
  headgate.set_failpoints("log.before_sync=kill:12");
  ASSERT_TRUE(headgate.Start().ok()) << headgate.Stderr();
  ASSERT_TRUE(WaitFor([&] { return Told("clients") == "1"; }, seconds(20)));
  Exec("SET GLOBAL rpl_semi_sync_" + std::string(mariadb() ? "master_wait_no_slave" : "source_wait_no_replica") +
       " = ON");
  const std::string unwaited = Told("no_tx");
  std::future<Status> commit;
  int commits = 0;
  do {
    ASSERT_LT(commits, 50) << "it does not die";
    commit = Begin({"INSERT INTO f.t VALUES (" + std::to_string(++commits) + ", 'x')"});
    ASSERT_TRUE(WaitFor([&] { return commit.wait_for(seconds(0)) == std::future_status::ready || !headgate.running(); },
                        seconds(20)));
  } while (commit.wait_for(seconds(0)) == std::future_status::ready);
  EXPECT_EQ(commit.wait_for(milliseconds(700)), std::future_status::timeout);
  EXPECT_GT(commits, 1) << "none was confirmed before";
  headgate.set_failpoints("");
  ASSERT_TRUE(headgate.Start().ok()) << headgate.Stderr();
  ASSERT_EQ(commit.wait_for(seconds(30)), std::future_status::ready);
  EXPECT_TRUE(commit.get().ok());
  EXPECT_EQ(Told("no_tx"), unwaited);
  EXPECT_TRUE(headgate.Terminate().has_value());
}

TEST_P(MysqlSemiSync, ManySessionsAndEventsOfManyPackets_MY28) {
  ASSERT_NO_FATAL_FAILURE(Start());
  if (!scene_) return;
  for (const char* sslmode : {"prefer", "disable"}) {
    scene_->Drop();
    Exec("DELETE FROM f.t");
    ASSERT_NO_FATAL_FAILURE(Attach({{"sslmode", sslmode}}));
    std::vector<std::future<Status>> sessions;
    for (int session = 1; session <= 4; ++session) {
      std::vector<std::string> inserts;
      for (int i = 0; i < 40; ++i)
        inserts.push_back("INSERT INTO f.t VALUES (" + std::to_string(session * 100 + i) + ", REPEAT('x', 500))");
      sessions.push_back(Begin(std::move(inserts)));
    }
    sessions.push_back(Begin({"INSERT INTO f.t VALUES (1, REPEAT('y', 17000000))", "INSERT INTO f.t VALUES (2, 'z')",
                              "INSERT INTO f.t VALUES (3, REPEAT('z', 600))"}));
    std::vector<std::future<Status>*> waiting;
    for (auto& session : sessions) waiting.push_back(&session);
    ASSERT_NO_FATAL_FAILURE(TurnUntil(waiting));
    EXPECT_EQ(Told("no_tx"), unwaited_);
    ExpectRows(164);
  }
}

// The event that the server waits for is itself one of many packets: a transaction in one piece.
class MysqlSemiSyncPayload : public MysqlSemiSync {};
TEST_P(MysqlSemiSyncPayload, APayloadOfManyPacketsIsConfirmed_MY28) {
  ASSERT_NO_FATAL_FAILURE(Start());
  if (!scene_) return;
  ASSERT_NO_FATAL_FAILURE(Attach({{"sslmode", "disable"}}));
  std::mt19937_64 random(1);
  std::vector<std::string> statements = {"SET binlog_transaction_compression = ON", "BEGIN"};
  for (int i = 1; i <= 15; ++i) {
    std::string bytes;
    while (bytes.size() < 1'200'000) PutFixed(bytes, random());
    statements.push_back("INSERT INTO f.t VALUES (" + std::to_string(i) + ", X'" + Hex(bytes) + "')");
  }
  statements.push_back("COMMIT");
  auto commit = Begin(std::move(statements));
  ASSERT_NO_FATAL_FAILURE(TurnUntil({&commit}));
  ExpectWaited(1);
  auto next = Begin({"INSERT INTO f.t VALUES (99, '')"});
  ASSERT_NO_FATAL_FAILURE(TurnUntil({&next}));
  ExpectWaited(2);
  ExpectRows(17);
}

TEST_P(MysqlSemiSync, WhoDoesNotAskForItIsNoSuchReplica_MY28) {
  ASSERT_NO_FATAL_FAILURE(Start());
  if (!scene_) return;
  ASSERT_TRUE(scene_->Open("src", {{"tables", "f.*"}, {"snapshot", "never"}}).ok());
  ASSERT_TRUE(scene_->CatchUp().ok());
  EXPECT_EQ(Told("clients"), "0");
  auto commit = Begin({"INSERT INTO f.t VALUES (1, 'x')"});
  EXPECT_EQ(commit.wait_for(seconds(10)), std::future_status::ready);
  EXPECT_EQ(Told("yes_tx"), "0");
  ExpectRows(1);
}

TEST_P(MysqlSemiSync, AServerThatDoesNotWaitIsReadAllTheSame_MY28) {
  HG_WITH_SERVER(NameOf(GetParam()), scene_, MysqlScene::Make(GetParam()));
  Exec("CREATE DATABASE f");
  Exec("CREATE TABLE f.t (id INT PRIMARY KEY, v LONGBLOB)");
  ASSERT_TRUE(scene_->Open("src", {{"tables", "f.*"}, {"semi_sync", "true"}, {"sslmode", "disable"}}).ok());
  ASSERT_TRUE(scene_->CatchUp().ok());
  Exec("INSERT INTO f.t VALUES (1, 'x')");
  ExpectRows(1);
  const auto& findings = scene_->told().findings;
  EXPECT_TRUE(std::ranges::any_of(findings, [](const Finding& finding) { return finding.id == "semi_sync"; }));
}

INSTANTIATE_TEST_SUITE_P(Servers, MysqlSemiSync, ::testing::Values(MyServer::kMariadb, MyServer::kMysql),
                         [](const auto& param) { return NameOf(param.param); });

INSTANTIATE_TEST_SUITE_P(Servers, MysqlSemiSyncPayload, ::testing::Values(MyServer::kMysql),
                         [](const auto& param) { return NameOf(param.param); });

}  // namespace
}  // namespace headgate::test
