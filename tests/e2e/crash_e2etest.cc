// Kill -9 at every kill point, under load (CG-01): the fold of what arrived equals the tables, no id has two contents,
// order per key holds, the log has no change twice, and what was refused for good is a dead letter once.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "core/log/store.h"
#include "core/state/dead_letters.h"
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
                                             "webhook.answered",      "log.before_trim",  "log.trimmed"};
// Those on the way to the end of the first snapshot.
const std::vector<std::string> kFirstRun = {"pg.publication_altered", "pg.slot_created",  "pg.snapshot_exported",
                                            "pg.schema_defined",      "pg.chunk_read",    "log.before_sync",
                                            "pg.last_chunk",          "pg.chunk_appended"};

// What the sink has read within the twelve seconds of retention (below), also if it starts behind.
#ifdef __SANITIZE_THREAD__
constexpr int kTransactionsPerSecond = 40;
#else
constexpr int kTransactionsPerSecond = 200;
#endif
constexpr seconds kCatchUp = seconds(180);  // seconds, but for the sanitizers on a busy machine

// Retention looks every 10 s. What it drops under this setting was in the log before the service started, so the sink
// has had that long to read it.
constexpr const char* kKeepTwelveSeconds = "retention:\n  time_ms: 12000\n";
// A start that is left alone for so long may drop records.
constexpr seconds kUntilDropped = seconds(40);
bool IsOfRetention(const std::string& point) { return point == "log.before_trim" || point == "log.trimmed"; }

// Rows that the receiver refuses for good: some from before the snapshot, then one with each order of certain ids.
constexpr const char* kRefused = R"(
CREATE TABLE public.refused (id bigserial PRIMARY KEY, order_id bigint NOT NULL);
INSERT INTO public.refused (order_id) SELECT 0 FROM generate_series(1, 5);
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN INSERT INTO public.refused (order_id) VALUES (NEW.id); RETURN NEW; END';
CREATE TRIGGER refuse AFTER INSERT ON public.orders FOR EACH ROW WHEN (NEW.id % 10 = 0) EXECUTE FUNCTION public.refuse();
)";
constexpr const char* kRefusedStream = "shop.public.refused";
CountingReceiver::Reply Refuse(const CountingReceiver::Request& request) {
  const auto is_of = [&](const std::string& table) {
    return request.body.find("\"stream\":\"public." + table + "\"") != std::string::npos;
  };
  auto reply = CountingReceiver::Reply::Status(is_of("refused") ? 422 : 200);
  // Letters are stored while an earlier event still keeps the cursor.
  if (is_of("customers")) reply.delay = milliseconds(20);
  return reply;
}

int Kills() {
  const char* nightly = std::getenv("HEADGATE_NIGHTLY");
  return nightly != nullptr && *nightly != '\0' ? 200 : 12;
}

struct Scene {
  std::unique_ptr<Shop> shop;
  CountingReceiver receiver;
  std::unique_ptr<HeadgateProcess> headgate;
  std::map<std::string, LoggedEvent> logged;  // what LookIntoLog has seen, by id
  std::size_t letters_stored = 0;

  void Prepare(const std::string& extra_yaml = {}) {
    HeadgateOptions options;
    options.connectors["shop"] = shop->Source();
    options.connectors["hook"] = Shop::Hook(receiver.url());
    options.connectors["hook"]["non_retryable"] = "422";
    options.extra_yaml = extra_yaml;
    headgate = std::make_unique<HeadgateProcess>(options);
  }

  // While the service does not run. Wherever an event was seen, it stays until retention drops it.
  void LookIntoLog() {
    const auto events = EventsInLog(headgate->data_dir());
    ASSERT_TRUE(events.ok()) << events.error().what;
    for (const LoggedEvent& event : *events) {
      const auto [known, is_new] = logged.emplace(event.id, event);
      ASSERT_TRUE(is_new || known->second.at == event.at)
          << event.id << " is in the log at " << ToText(known->second.at) << " and at " << ToText(event.at);
    }
  }

  // Starts with the failpoint and waits for it to fire; kills by hand if it does not in time. True if it fired.
  bool KillAt(const std::string& failpoint, seconds limit = seconds(20)) {
    headgate->set_failpoints(failpoint);
    const Status started = headgate->Start();
    const bool fired = !started.ok() || headgate->WaitEnd(limit).has_value();
    if (!fired) headgate->KillHard();
    return fired;
  }

  bool MetricsHave(const std::string& line, seconds limit) const {
    return WaitFor(
        [&] {
          const auto metrics = headgate->Call("GET", "/metrics");
          return metrics.ok() && metrics->body.find(line + "\n") != std::string::npos;
        },
        limit);
  }

  // Nothing that the sink wants is left in the log.
  bool CaughtUp() const {
    return WaitFor(
        [&] {
          const auto lag = headgate->Call("GET", "/api/v1/connectors/hook/lag");
          return lag.ok() && nlohmann::json::parse(lag->body)["caught_up"] == true;
        },
        kCatchUp);
  }

  void ExpectEverythingArrived() {
    shop->StopLoad();
    LookIntoLog();
    headgate->set_failpoints("");
    const Status started = headgate->Start();
    ASSERT_TRUE(started.ok()) << started.error().what;
    const auto differences = receiver.WaitForTables(shop->database().session(), shop->tables(), kCatchUp);
    EXPECT_THAT(differences, testing::IsEmpty()) << headgate->Stderr();
    EXPECT_THAT(receiver.Violations(), testing::IsEmpty());
    EXPECT_TRUE(MetricsHave("headgate_log_lost_records_total 0", seconds(5))) << "retention dropped unread records";
    const auto ended = headgate->Terminate();
    ASSERT_TRUE(ended.has_value());
    EXPECT_EQ(ended->exit.code, 0) << ended->exit.Text();
    LookIntoLog();
  }

  // After ExpectEverythingArrived. A row that a snapshot read and the stream brought as well is two events.
  void ExpectOneLetterForEachRefusedEvent() {
    std::map<std::string, int> letters;  // by event
    for (const auto& [id, event] : logged) {
      const bool row = event.op == Op::kRead || event.op == Op::kInsert;
      if (row && event.stream == kRefusedStream) letters[id] = 0;
    }
    const Status started = headgate->Start();
    ASSERT_TRUE(started.ok()) << started.error().what;
    EXPECT_TRUE(CaughtUp());
    ASSERT_TRUE(headgate->Terminate().has_value());
    const auto store = Store::Open(headgate->data_dir());
    ASSERT_TRUE(store.ok()) << store.error().what;
    std::set<std::string> keys;
    const Status scanned = DeadLetters::Scan(**store, "hook", 0, false, [&](DeadLetter&& letter) {
      EXPECT_EQ(letter.stream, kRefusedStream);
      ++letters[letter.event_id];
      keys.insert(letter.key);
      return true;
    });
    ASSERT_TRUE(scanned.ok()) << scanned.error().what;
    for (const auto& [id, count] : letters) EXPECT_EQ(count, 1) << "dead letters of the event " << id;
    const auto rows = shop->database().session().Query(R"(SELECT '{"id":' || id || '}' FROM public.refused)");
    ASSERT_TRUE(rows.ok()) << rows.error().what;
    for (const PgRow& row : *rows) EXPECT_TRUE(keys.contains(row[0].value_or(""))) << row[0].value_or("") << " is lost";
    letters_stored = letters.size();
  }

  void Tell(int kills, const std::map<std::string, int>& fired) const {
    int at_point = 0;
    for (const auto& [point, times] : fired) at_point += times;
    std::printf(
        "%d kills, %d of them at their point; %llu transactions; %zu events in the log, %llu arrived, %llu of "
        "them again; %zu dead letters\n",
        kills, at_point, static_cast<unsigned long long>(shop->committed()), logged.size(),
        static_cast<unsigned long long>(receiver.events()), static_cast<unsigned long long>(receiver.duplicates()),
        letters_stored);
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
  const Status refused = run.shop->database().Exec(kRefused);
  ASSERT_TRUE(refused.ok()) << refused.error().what;
  run.receiver.SetPolicy(Refuse);
  run.Prepare(kKeepTwelveSeconds);
  run.shop->StartLoad(22, kTransactionsPerSecond);
  std::minstd_rand random(33);
  std::map<std::string, int> fired;
  const int kills = std::max<int>(Kills(), static_cast<int>(kStreaming.size()));
  for (int i = 0; i < kills; ++i) {
    const std::string& point = kStreaming[static_cast<std::size_t>(i) % kStreaming.size()];
    if (IsOfRetention(point)) {
      run.LookIntoLog();
      fired[point] += run.KillAt(point + "=kill", kUntilDropped) ? 1 : 0;
    } else {
      fired[point] += run.KillAt(point + "=kill:" + std::to_string(1 + random() % 60), seconds(4)) ? 1 : 0;
    }
  }
  for (const std::string& point : kStreaming) {
    if (fired[point] > 0) continue;
    run.LookIntoLog();
    EXPECT_TRUE(run.KillAt(point + "=kill", kUntilDropped)) << point << " was never reached";
  }
  run.ExpectEverythingArrived();
  run.ExpectOneLetterForEachRefusedEvent();
  run.Tell(kills, fired);
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
  ASSERT_THAT(run.receiver.WaitForTables(run.shop->database().session(), run.shop->tables(), kCatchUp),
              testing::IsEmpty());
  ASSERT_TRUE(run.headgate->Terminate().has_value());
  ASSERT_TRUE(run.shop->database()
                  .Exec("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE "
                        "database = current_database()")
                  .ok());
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(run.KillAt("log.gap=kill"));
  run.headgate->set_failpoints("");
  ASSERT_TRUE(run.headgate->Start().ok());
  ASSERT_TRUE(run.MetricsHave("headgate_source_gaps_total{connector=\"shop\"} 1", seconds(20)))
      << run.headgate->Stderr();
  ASSERT_TRUE(run.headgate->Terminate().has_value());
  run.ExpectEverythingArrived();
  std::vector<std::string> gaps;
  for (const auto& [id, event] : run.logged) {
    if (id.find("-gap:") != std::string::npos) gaps.push_back(id);
  }
  EXPECT_EQ(gaps.size(), 1U) << testing::PrintToString(gaps) << " of " << run.logged.size() << " events";
}

}  // namespace
}  // namespace headgate::test
