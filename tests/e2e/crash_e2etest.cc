// Kill -9 at every kill point, under load (CG-01): the fold of what arrived equals the tables, no id has two contents,
// order per key holds, the log has no change twice.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "tests/e2e/shop.h"
#include "tests/support/require.h"
#include "tests/support/wait_for.h"

namespace headgate::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Kill points of a service that streams.
const std::vector<std::string> kStreaming = {"log.before_sync",       "log.synced",       "ingest.appended",
                                             "pg.before_confirm",     "pg.after_confirm", "deliver.done",
                                             "deliver.before_cursor", "deliver.cursor",   "webhook.sent",
                                             "webhook.answered"};
// Those on the way to the end of the first snapshot.
const std::vector<std::string> kFirstRun = {"pg.publication_altered", "pg.slot_created",  "pg.snapshot_exported",
                                            "pg.schema_defined",      "pg.chunk_read",    "log.before_sync",
                                            "pg.last_chunk",          "pg.chunk_appended"};

int Kills() {
  const char* nightly = std::getenv("HEADGATE_NIGHTLY");
  return nightly != nullptr && *nightly != '\0' ? 200 : 12;
}

struct Scene {
  std::unique_ptr<Shop> shop;
  CountingReceiver receiver;
  std::unique_ptr<HeadgateProcess> headgate;

  void Prepare() {
    HeadgateOptions options;
    options.connectors["shop"] = shop->Source();
    options.connectors["hook"] = Shop::Hook(receiver.url());
    headgate = std::make_unique<HeadgateProcess>(options);
  }

  // Starts with the failpoint and waits for it to fire; kills by hand if it does not in time. True if it fired.
  bool KillAt(const std::string& failpoint, seconds limit = seconds(20)) {
    headgate->set_failpoints(failpoint);
    const Status started = headgate->Start();
    const bool fired = !started.ok() || headgate->WaitEnd(limit).has_value();
    if (!fired) headgate->KillHard();
    return fired;
  }

  bool GapIsTold() const {
    return WaitFor(
        [&] {
          const auto metrics = headgate->Call("GET", "/metrics");
          return metrics.ok() &&
                 metrics->body.find("headgate_source_gaps_total{connector=\"shop\"} 1\n") != std::string::npos;
        },
        seconds(20));
  }

  void ExpectEverythingArrived() {
    shop->StopLoad();
    headgate->set_failpoints("");
    const Status started = headgate->Start();
    ASSERT_TRUE(started.ok()) << started.error().what;
    const auto differences = receiver.WaitForTables(shop->database().session(), shop->tables(), seconds(60));
    EXPECT_THAT(differences, testing::IsEmpty()) << headgate->Stderr();
    EXPECT_THAT(receiver.Violations(), testing::IsEmpty());
    const auto ended = headgate->Terminate();
    ASSERT_TRUE(ended.has_value());
    EXPECT_EQ(ended->exit.code, 0) << ended->exit.Text();
    auto ids = EventIdsInLog(headgate->data_dir());
    ASSERT_TRUE(ids.ok()) << ids.error().what;
    const std::set<std::string> unique(ids->begin(), ids->end());
    EXPECT_EQ(unique.size(), ids->size()) << "the log holds a change twice";
  }
};

TEST(Crash, CG01_KillAtEveryPointOfTheFirstRunLosesAndRepeatsNothing) {
  Scene run;
  HG_WITH_SERVER("postgres", run.shop, Shop::Create());
  run.Prepare();
  run.shop->StartLoad(11, 50);
  for (const std::string& point : kFirstRun)
    EXPECT_TRUE(run.KillAt(point + "=kill")) << point << ": a kill point that is never reached tests nothing";
  run.ExpectEverythingArrived();
}

TEST(Crash, CG01_KillAtEveryPointUnderLoadLosesAndRepeatsNothing) {
  Scene run;
  HG_WITH_SERVER("postgres", run.shop, Shop::Create());
  run.Prepare();
  run.shop->StartLoad(22, 200);
  std::minstd_rand random(33);
  std::map<std::string, int> fired;
  const int kills = std::max<int>(Kills(), static_cast<int>(kStreaming.size()));
  for (int i = 0; i < kills; ++i) {
    const std::string& point = kStreaming[static_cast<std::size_t>(i) % kStreaming.size()];
    fired[point] += run.KillAt(point + "=kill:" + std::to_string(1 + random() % 60), seconds(4)) ? 1 : 0;
  }
  for (const std::string& point : kStreaming) {
    EXPECT_TRUE(fired[point] > 0 || run.KillAt(point + "=kill")) << point << " was never reached";
  }
  run.ExpectEverythingArrived();
}

TEST(Crash, P14_KillWhileANewTableWaitsForAnOpenTransactionLosesNothing) {
  Scene run;
  HG_WITH_SERVER("postgres", run.shop, Shop::Create());
  run.Prepare();
  TestDatabase& database = run.shop->database();
  run.headgate->set_failpoints("");
  ASSERT_TRUE(run.headgate->Start().ok());
  ASSERT_THAT(run.receiver.WaitForTables(database.session(), run.shop->tables(), seconds(60)), testing::IsEmpty());
  auto open = database.Connect();
  ASSERT_TRUE(open.ok());
  ASSERT_TRUE(open->Exec("BEGIN; SELECT pg_current_xact_id()").ok());
  ASSERT_TRUE(database.Exec("CREATE TABLE later (id int PRIMARY KEY); INSERT INTO later VALUES (1), (2)").ok());
  run.shop->StartLoad(44, 100);
  const auto waits = [&] {
    return database
               .Value(
                   "SELECT count(*) FROM pg_replication_slots s JOIN pg_locks l ON l.pid = s.active_pid WHERE "
                   "s.temporary AND s.database = current_database() AND NOT l.granted")
               .value() == "1";
  };
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(WaitFor(waits, seconds(20)));
    run.headgate->KillHard();
    ASSERT_TRUE(
        database.Exec("DELETE FROM later WHERE id = 1; INSERT INTO later VALUES (" + std::to_string(10 + i) + ")")
            .ok());
    ASSERT_TRUE(run.headgate->Start().ok());
  }
  run.shop->StopLoad();
  EXPECT_THAT(run.receiver.WaitForTables(database.session(), run.shop->tables(), seconds(60)), testing::IsEmpty())
      << "the stream goes on while the snapshot waits";
  ASSERT_TRUE(WaitFor(waits, seconds(20)));
  ASSERT_TRUE(open->Exec("COMMIT").ok());
  std::vector<std::string> all = run.shop->tables();
  all.push_back("public.later");
  EXPECT_THAT(run.receiver.WaitForTables(database.session(), all, seconds(60)), testing::IsEmpty());
  ASSERT_TRUE(run.headgate->Terminate().has_value());
  run.ExpectEverythingArrived();
}

TEST(Crash, K20_KillWhileAGapIsDeclaredDeclaresItOnce) {
  Scene run;
  HG_WITH_SERVER("postgres", run.shop, Shop::Create());
  run.Prepare();
  run.headgate->set_failpoints("");
  ASSERT_TRUE(run.headgate->Start().ok());
  ASSERT_THAT(run.receiver.WaitForTables(run.shop->database().session(), run.shop->tables(), seconds(60)),
              testing::IsEmpty());
  ASSERT_TRUE(run.headgate->Terminate().has_value());
  ASSERT_TRUE(run.shop->database()
                  .Exec("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE "
                        "database = current_database()")
                  .ok());
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(run.KillAt("log.gap=kill"));
  run.headgate->set_failpoints("");
  ASSERT_TRUE(run.headgate->Start().ok());
  ASSERT_TRUE(run.GapIsTold()) << run.headgate->Stderr();
  ASSERT_TRUE(run.headgate->Terminate().has_value());
  run.ExpectEverythingArrived();
  const auto ids = EventIdsInLog(run.headgate->data_dir());
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(std::ranges::count_if(*ids, [](const std::string& id) { return id.find("-gap:") != std::string::npos; }), 1)
      << ids->size() << " ids, the first " << ids->front() << ", the last " << ids->back();
}

}  // namespace
}  // namespace headgate::test
