#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "tests/integration/mysql/load.h"
#include "tests/integration/mysql/source_fixture.h"
#include "tests/support/require.h"

// The fold (cdc.md, 7.3): what the source made of a busy server, with a snapshot beside the stream and restarts at any
// moment, equals what a query finds when all is quiet.
namespace headgate::test {
namespace {

std::string Name(const ::testing::TestParamInfo<MyServer>& param) { return NameOf(param.param); }

class MysqlFold : public ::testing::TestWithParam<MyServer> {};

// Tables are read again at any moment, one or all, and what is read is paused and cancelled.
SnapshotDesk::Command RandomCommand(std::mt19937& random, std::vector<std::string>& answers) {
  SnapshotDesk::Command command;
  const auto run = static_cast<std::uint64_t>(random() % 6 + 1);
  const std::vector<std::string> tables = {"f.plain", "f.texts", "f.bag", "f.binary_key", "f.none"};
  switch (random() % 5) {
    case 0:
      command.what = SnapshotChange{run, SnapshotState::kPaused};
      break;
    case 1:
      command.what = SnapshotChange{run, SnapshotState::kRunning};
      break;
    default:
      command.what = SnapshotRequest{
          .tables = {tables[random() % tables.size()]}, .where = {}, .note = {}, .key = {}, .fingerprint = {}};
  }
  command.done = [&answers](const SnapshotAnswer& answer) { answers.push_back(answer.text); };
  return command;
}

// MY-32, MY-33, MY-34, CG-13, I1.
TEST_P(MysqlFold, SnapshotsBesideTheStreamWithRestartsAreWhatTheTablesHold) {
  const char* seed_text = std::getenv("HEADGATE_SEED");
  const auto seed = static_cast<unsigned>(seed_text == nullptr ? ::testing::UnitTest::GetInstance()->random_seed() + 7
                                                               : std::atoi(seed_text));
  SCOPED_TRACE("HEADGATE_SEED=" + std::to_string(seed));
  HG_WITH_SERVER(NameOf(GetParam()), const auto scene, MysqlScene::Make(GetParam()));
  MysqlLoad load(scene->server(), seed);
  const Status filled = load.Fill();
  ASSERT_TRUE(filled.ok()) << filled.error().what;
  std::mt19937 random(seed);
  load.Start();
  std::vector<std::string> answers;
  for (int run = 0; run < 12; ++run) {
    const Status opened = scene->Open("src", {{"tables", "f.*"}});
    ASSERT_TRUE(opened.ok()) << opened.error().what;
    const int turns = static_cast<int>(random() % 40);
    for (int i = 0; i < turns; ++i) {
      if (random() % 8 == 0) scene->desk().Offer(RandomCommand(random, answers));
      const Status turned = scene->Turn();
      ASSERT_TRUE(turned.ok()) << turned.error().what;
    }
  }
  load.Stop();
  EXPECT_EQ(load.failure(), "");
  EXPECT_GT(load.steps(), 100);
  EXPECT_THAT(answers, ::testing::Contains("")) << "nothing was done of what was asked for";
  // What is paused goes on.
  for (std::uint64_t run = 1; run < 200; ++run) {
    scene->desk().Offer({SnapshotChange{run, SnapshotState::kRunning}, "", [](const SnapshotAnswer&) {}});
    if (run % 50 != 0) continue;
    const Status turned = scene->Turn();
    ASSERT_TRUE(turned.ok()) << turned.error().what;
  }
  const Status caught_up = scene->CatchUp();
  ASSERT_TRUE(caught_up.ok()) << caught_up.error().what;
  ASSERT_TRUE(scene->Open("look", {{"tables", "f.*"}}).ok());
  ASSERT_TRUE(scene->CatchUp().ok());
  const auto events = scene->Events("src");
  ASSERT_TRUE(events.ok()) << events.error().what;
  const auto rows = scene->Events("look");
  ASSERT_TRUE(rows.ok()) << rows.error().what;
  EXPECT_THAT(Differences(FoldEvents(*events), FoldEvents(*rows)), ::testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Servers, MysqlFold, ::testing::Values(MyServer::kMariadb, MyServer::kMysql), Name);

}  // namespace
}  // namespace headgate::test
