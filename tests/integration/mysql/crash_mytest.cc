#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/log/store.h"
#include "tests/integration/mysql/load.h"
#include "tests/integration/mysql/source_fixture.h"
#include "tests/support/headgate_process.h"
#include "tests/support/require.h"
#include "tests/support/wait_for.h"

// kill -9 of the real program under load (CG-01): what is in the log folds to what the tables hold, and nothing is in
// it twice.
namespace headgate::test {
namespace {

using std::chrono::seconds;

class MysqlCrash : public ::testing::TestWithParam<MyServer> {};

ConnectorSettings SourceOf(const PrivateMysql& server) {
  return {{"connector.class", NameOf(server.kind())},
          {"host", server.host()},
          {"port", std::to_string(server.port())},
          {"username", "hg"},
          {"password", "pw"},
          {"tables", "f.*"}};
}

TEST_P(MysqlCrash, KilledAtEveryPointNothingIsLostAndNothingComesTwice_CG01) {
  HG_WITH_SERVER(NameOf(GetParam()), const auto scene, MysqlScene::Make(GetParam()));
  MysqlLoad load(scene->server(), 11);
  ASSERT_TRUE(load.Fill().ok());
  HeadgateOptions options;
  options.connectors["src"] = SourceOf(scene->server());
  HeadgateProcess headgate(options);
  load.Start();
  const std::vector<std::string> points = {
      "snapshot.chunk_settled=kill:3", "log.before_sync=kill:9",     "log.synced=kill:20",
      "ingest.appended=kill:30",       "mysql.acknowledged=kill:40", "snapshot.chunk_settled=kill:5",
      "log.before_sync=kill:60",       "mysql.acknowledged=kill:80", "log.synced=kill:50"};
  for (const std::string& point : points) {
    SCOPED_TRACE(point);
    headgate.set_failpoints(point);
    ASSERT_TRUE(headgate.Start().ok()) << headgate.Stderr();
    headgate.WaitEnd(seconds(3));
    headgate.KillHard();
  }
  load.Stop();
  ASSERT_EQ(load.failure(), "");
  headgate.set_failpoints("");
  ASSERT_TRUE(headgate.Start().ok()) << headgate.Stderr();
  // Quiet from here on: a row of its own says when everything is through, snapshot and all.
  ASSERT_TRUE(scene->server().Exec("INSERT INTO f.none VALUES (77)").ok());
  const auto has = [&](const std::string& path, const std::string& text) {
    const auto answer = headgate.Call("GET", path);
    return answer.ok() && answer->body.find(text) != std::string::npos;
  };
  EXPECT_TRUE(WaitFor(
      [&] {
        return has("/api/v1/connectors/src/lag", "\"caught_up\":true") &&
               has("/api/v1/streams/src.f.none/records?limit=1&order=desc", "\"id\":77");
      },
      seconds(60)))
      << headgate.Call("GET", "/api/v1/streams/src.f.none/records?limit=5")->body;
  ASSERT_TRUE(headgate.Terminate().has_value());

  const auto store = Store::Open(headgate.data_dir());
  ASSERT_TRUE(store.ok()) << store.error().what;
  const auto log = Log::Open(**store, SystemClock());
  ASSERT_TRUE(log.ok());
  const auto events = EventsOf(**log, "src");
  ASSERT_TRUE(events.ok()) << events.error().what;
  ASSERT_TRUE(scene->Open("look", {{"tables", "f.*"}}).ok());
  ASSERT_TRUE(scene->CatchUp().ok());
  const auto rows = scene->Events("look");
  ASSERT_TRUE(rows.ok()) << rows.error().what;
  EXPECT_THAT(Differences(FoldEvents(*events), FoldEvents(*rows)), ::testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Servers, MysqlCrash, ::testing::Values(MyServer::kMariadb, MyServer::kMysql),
                         [](const auto& param) { return NameOf(param.param); });

}  // namespace
}  // namespace headgate::test
