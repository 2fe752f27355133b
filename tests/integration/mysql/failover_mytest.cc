#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/mysql/source_fixture.h"
#include "tests/support/require.h"
#include "tests/support/wait_for.h"

// A source with two hosts in its settings, one a replica of the other: when the first dies it goes on at the second by
// GTID, with nothing missing and nothing twice (MY-01, MY-05, CG-04).
namespace headgate::test {
namespace {

using Json = nlohmann::json;

class MysqlFailover : public ::testing::TestWithParam<MyServer> {};

std::vector<std::string> ReplicaOf(const PrivateMysql& source) {
  const std::string port = std::to_string(source.port());
  if (source.kind() == MyServer::kMariadb) {
    return {"CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=" + port +
                ", MASTER_USER='hg', MASTER_PASSWORD='pw', MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1",
            "START SLAVE"};
  }
  return {"CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=" + port +
              ", SOURCE_USER='hg', SOURCE_PASSWORD='pw', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1",
          "START REPLICA"};
}

TEST_P(MysqlFailover, GoesOnAtTheReplicaWithNothingMissingAndNothingTwice_CG04) {
  HG_WITH_SERVER(NameOf(GetParam()), const auto scene, MysqlScene::Make(GetParam()));
  HG_WITH_SERVER(NameOf(GetParam()), const auto replica,
                 PrivateMysql::Start(GetParam(), {"server-id=9", "log-slave-updates=ON"}));
  auto primary = scene->server().Connect();
  auto second = replica->Connect();
  ASSERT_TRUE(primary.ok() && second.ok());
  const Status follows = second->ExecAll(ReplicaOf(scene->server()));
  ASSERT_TRUE(follows.ok()) << follows.error().what;
  ASSERT_TRUE(primary
                  ->ExecAll({"CREATE DATABASE f", "CREATE TABLE f.t (id INT PRIMARY KEY, v INT)",
                             "INSERT INTO f.t VALUES (1,1),(2,2)"})
                  .ok());
  const MysqlScene::Settings settings = {
      {"tables", "f.*"},
      {"host", "127.0.0.1:" + std::to_string(scene->server().port()) + ",127.0.0.1:" + std::to_string(replica->port())},
      {"connect_timeout_ms", "2000"}};
  ASSERT_TRUE(scene->Open("src", settings).ok());
  ASSERT_TRUE(scene->CatchUp().ok());
  ASSERT_TRUE(primary->ExecAll({"INSERT INTO f.t VALUES (3,3)", "UPDATE f.t SET v=4 WHERE id=1"}).ok());
  ASSERT_TRUE(scene->CatchUp().ok());
  // One more that the source has not read, but the replica has.
  ASSERT_TRUE(primary->Exec("INSERT INTO f.t VALUES (4,4)").ok());
  ASSERT_TRUE(
      WaitFor([&] { return second->Value("SELECT COUNT(*) FROM f.t").value() == "4"; }, std::chrono::seconds(30)));
  ASSERT_TRUE(scene->server().KillHard().ok());
  Status turned = Ok();
  for (int i = 0; i < 50 && turned.ok(); ++i) turned = scene->Turn();
  ASSERT_FALSE(turned.ok());
  EXPECT_EQ(turned.error().kind, ErrorKind::kTransient) << turned.error().what;

  ASSERT_TRUE(second
                  ->ExecAll({GetParam() == MyServer::kMariadb ? "STOP SLAVE" : "STOP REPLICA",
                             "INSERT INTO f.t VALUES (5,5)", "DELETE FROM f.t WHERE id=2"})
                  .ok());
  const Status opened = scene->Open("src", settings);
  ASSERT_TRUE(opened.ok()) << opened.error().what;
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(scene->Turn().ok());
  const auto events = scene->Events("src");
  ASSERT_TRUE(events.ok()) << events.error().what;
  const auto tables = FoldEvents(*events);
  std::vector<std::string> rows;
  for (const auto& [key, row] : tables.at("f.t")) rows.push_back(row.first.dump());
  EXPECT_THAT(
      rows, ::testing::ElementsAre(R"({"id":1,"v":4})", R"({"id":3,"v":3})", R"({"id":4,"v":4})", R"({"id":5,"v":5})"));
  for (const Json& event : *events) EXPECT_NE(event["op"], "gap") << event;
}

INSTANTIATE_TEST_SUITE_P(Servers, MysqlFailover, ::testing::Values(MyServer::kMariadb, MyServer::kMysql),
                         [](const auto& param) { return NameOf(param.param); });

}  // namespace
}  // namespace headgate::test
