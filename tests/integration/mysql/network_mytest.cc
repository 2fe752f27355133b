#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/mysql/source_fixture.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/require.h"
#include "tests/support/wait_for.h"

// A network that fails between source and server (CG-10, MY-29), and another replica with our number (MY-39).
namespace headgate::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

class MysqlNetwork : public ::testing::TestWithParam<MyServer> {
 protected:
  void SetUp() override {
    HG_WITH_SERVER(NameOf(GetParam()), scene_, MysqlScene::Make(GetParam()));
    auto proxy = FaultProxy::Start("127.0.0.1", scene_->server().port());
    ASSERT_TRUE(proxy.ok());
    proxy_ = std::move(*proxy);
    Exec("CREATE DATABASE f");
    Exec("CREATE TABLE f.t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(200))");
  }
  void Exec(const std::string& sql) {
    const Status done = scene_->server().Exec(sql);
    ASSERT_TRUE(done.ok()) << done.error().what;
  }
  // One that soon loses patience.
  Status Open() {
    return scene_->Open("src", {{"tables", "f.*"},
                                {"port", std::to_string(proxy_->port())},
                                {"connect_timeout_ms", "4000"},
                                {"stale_after_ms", "3000"}});
  }
  // With the patience of everyday: a busy machine is no failure.
  void OpenAndCatchUp() {
    const Status opened = scene_->Open("src", {{"tables", "f.*"}, {"port", std::to_string(proxy_->port())}});
    ASSERT_TRUE(opened.ok()) << opened.error().what;
    const Status caught_up = scene_->CatchUp();
    ASSERT_TRUE(caught_up.ok()) << caught_up.error().what;
  }
  void Insert(int rows) {
    std::string sql = "INSERT INTO f.t (v) VALUES ";
    for (int i = 0; i < rows; ++i) sql += std::string(i == 0 ? "" : ",") + "('" + std::string(150, 'v') + "')";
    Exec(sql);
  }
  // Turns until it fails; how long that took.
  milliseconds UntilItFails(Status& failed) {
    const auto begin = std::chrono::steady_clock::now();
    do {
      failed = scene_->Turn();
    } while (failed.ok() && std::chrono::steady_clock::now() - begin < seconds(20));
    return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
  }
  void ExpectWhole() {
    const auto events = scene_->Events("src");  // an id that comes twice is an error of it
    ASSERT_TRUE(events.ok()) << events.error().what;
    const auto count = scene_->server().Value("SELECT COUNT(*) FROM f.t");
    EXPECT_EQ(std::to_string(FoldEvents(*events)["f.t"].size()), count.value());
  }

  std::unique_ptr<MysqlScene> scene_;
  std::unique_ptr<FaultProxy> proxy_;
};

TEST_P(MysqlNetwork, CutsAndResetsInMidMessageLoseAndRepeatNothing_CG10) {
  Insert(500);
  for (int round = 0; round < 12; ++round) {
    proxy_->ResetAfterToClient(2'000 + round * 9'137);
    Status status = Open();
    Insert(300 + 60 * round);  // more than the reset waits for, also where the round before took all there was
    if (status.ok()) status = scene_->CatchUp();  // a reset of the session for questions heals unnoticed
    if (!status.ok()) {
      EXPECT_EQ(status.error().kind, ErrorKind::kTransient) << status.error().what;
    }
    if (round % 3 == 0) proxy_->Cut();
  }
  EXPECT_GT(proxy_->resets(), 8);
  proxy_->Pass();
  OpenAndCatchUp();
  ExpectWhole();
}

TEST_P(MysqlNetwork, ASilentConnectionIsFoundOut_MY29_CG10) {
  Insert(10);
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(scene_->CatchUp().ok());
  // Quiet, yet alive: heartbeats come.
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begin < seconds(5)) ASSERT_TRUE(scene_->Turn().ok());
  proxy_->Stall();
  Status failed;
  EXPECT_LT(UntilItFails(failed), seconds(12));
  ASSERT_FALSE(failed.ok()) << "nobody noticed";
  EXPECT_EQ(failed.error().kind, ErrorKind::kTransient) << failed.error().what;
  proxy_->Pass();
  Insert(10);
  OpenAndCatchUp();
  ExpectWhole();
}

TEST_P(MysqlNetwork, AStallOfASnapshotIsFoundOutToo_CG10) {
  Insert(4'000);
  Insert(4'000);
  ASSERT_TRUE(Open().ok());
  proxy_->Stall();
  Status failed;
  EXPECT_LT(UntilItFails(failed), seconds(18));
  EXPECT_FALSE(failed.ok());
  proxy_->Pass();
  OpenAndCatchUp();
  ExpectWhole();
}

// The server ends the one that was there first.
TEST_P(MysqlNetwork, ASecondReplicaWithOurNumberIsNamed_MY39) {
  const MysqlScene::Settings settings = {{"tables", "f.*"}, {"server_id", "4711"}};
  ASSERT_TRUE(scene_->Open("src", settings).ok());
  ASSERT_TRUE(scene_->CatchUp().ok());
  auto second = MysqlScene::MakeOn(scene_->server());
  ASSERT_TRUE(second.ok()) << second.error().what;
  ASSERT_TRUE((*second)->Open("src", settings).ok());
  ASSERT_TRUE((*second)->CatchUp().ok());
  Status failed;
  UntilItFails(failed);
  ASSERT_FALSE(failed.ok()) << "nobody was told";
  EXPECT_EQ(failed.error().kind, ErrorKind::kConfig) << failed.error().what;
  EXPECT_THAT(failed.error().what, HasSubstr("server_id"));
}

INSTANTIATE_TEST_SUITE_P(Servers, MysqlNetwork, ::testing::Values(MyServer::kMariadb, MyServer::kMysql),
                         [](const auto& param) { return NameOf(param.param); });

}  // namespace
}  // namespace headgate::test
