#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/e2e/shop.h"
#include "tests/support/child_process.h"
#include "tests/support/headgate_process.h"
#include "tests/support/private_mysql.h"
#include "tests/support/require.h"
#include "tests/support/wait_for.h"

// Snapshots of a running source over the API (admin API, 4.6) and tables that are added to it (4.1): PostgreSQL,
// MySQL and MariaDB.
namespace headgate::test {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

constexpr int kRows = 30'000;
constexpr auto kLong = std::chrono::seconds(60);
const std::string kSnapshots = "/api/v1/connectors/m/snapshots";

class Snapshots : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (postgres()) {
      HG_WITH_SERVER("postgres", database_, TestDatabase::Create());
    } else {
      HG_WITH_SERVER(GetParam(), server_,
                     PrivateMysql::Start(GetParam() == "mysql" ? MyServer::kMysql : MyServer::kMariadb));
    }
    Exec("CREATE SCHEMA shop");
    Exec("CREATE TABLE shop.items (id INT PRIMARY KEY, n INT NOT NULL, note VARCHAR(300) NOT NULL)");
    Exec("CREATE TABLE shop.marks (mark VARCHAR(20))");
    Exec("CREATE TABLE shop.later (id INT PRIMARY KEY, v INT)");
    Fill("shop.items", kRows);
    Exec("INSERT INTO shop.marks VALUES ('a'),('b'),('b')");
    Exec("INSERT INTO shop.later VALUES (1,1),(2,2)");
    headgate_ = std::make_unique<HeadgateProcess>(HeadgateOptions{});
    const Status started = headgate_->Start();
    ASSERT_TRUE(started.ok()) << started.error().what;
    Call("POST", "/connectors", 201, {{"name", "m"}, {"config", Settings()}});
    ASSERT_TRUE(WaitFor([&] { return StateOf("1") == "completed"; }, kLong)) << headgate_->Stderr();
  }

  bool postgres() const { return GetParam() == "postgres"; }

  ConnectorSettings Settings() const {
    if (!postgres()) {
      return {{"connector.class", GetParam()},
              {"host", server_->host()},
              {"port", std::to_string(server_->port())},
              {"username", "hg"},
              {"password", "pw"},
              {"tables", "shop.items,shop.marks"}};
    }
    const SharedPostgres& server = database_->postgres();
    ConnectorSettings settings = {
        {"connector.class", "postgres"},    {"host", server.host()},     {"port", std::to_string(server.port())},
        {"dbname", database_->name()},      {"username", server.user()}, {"slot_name", "hg_" + database_->name()},
        {"tables", "shop.items,shop.marks"}};
    if (!server.password().empty()) settings["password"] = server.password();
    return settings;
  }
  void Exec(const std::string& sql) {
    const Status done = postgres() ? database_->Exec(sql) : server_->Exec(sql);
    ASSERT_TRUE(done.ok()) << done.error().what;
  }
  void Fill(const std::string& table, int rows) {
    std::string sql = "INSERT INTO " + table + " VALUES ";
    for (int i = 1; i <= rows; ++i)
      sql += (i == 1 ? "(" : ",(") + std::to_string(i) + "," + std::to_string(i) + ",'" + std::string(200, 'x') + "')";
    Exec(sql);
  }

  Json Call(const std::string& method, const std::string& path, int status, const Json& body = nullptr,
            const std::map<std::string, std::string>& headers = {}) {
    const auto answer = HttpCall(headgate_->address(), method, path, body.is_null() ? "" : body.dump(), headers);
    EXPECT_TRUE(answer.ok()) << path << ": " << answer.error().what;
    if (!answer.ok()) return nullptr;
    EXPECT_EQ(answer->status, status) << method << " " << path << " " << answer->body;
    return Json::parse(answer->body, nullptr, false);
  }
  Json Get(const std::string& id) { return Call("GET", kSnapshots + "/" + id, 200); }
  std::string StateOf(const std::string& id) {
    const auto answer = headgate_->Call("GET", kSnapshots + "/" + id);
    if (!answer.ok() || answer->status != 200) return "";
    return Json::parse(answer->body)["state"].get<std::string>();
  }
  std::string Ask(const Json& body) {
    const Json made = Call("POST", kSnapshots, 201, body);
    return made.is_object() && made.contains("id") ? made["id"].get<std::string>() : "";
  }
  void Set(const std::string& id, const std::string& state, int status = 200) {
    Call("PATCH", kSnapshots + "/" + id, status, {{"state", state}});
  }
  std::uint64_t Records(const std::string& stream) {
    const auto answer = headgate_->Call("GET", "/api/v1/streams/" + stream);
    if (!answer.ok() || answer->status != 200) return 0;
    const Json records = Json::parse(answer->body)["records"];
    return records.is_string() ? std::stoull(records.get<std::string>()) : records.get<std::uint64_t>();
  }
  std::string Completed(const std::string& id) {
    EXPECT_TRUE(WaitFor([&] { return Get(id)["phase"] == "ended"; }, kLong)) << Get(id).dump();
    return StateOf(id);
  }
  struct Ran {
    int code = -1;
    std::string text;  // stdout and stderr
  };
  // `headgate snapshot m` with these.
  Ran Run(const std::vector<std::string>& arguments) {
    ChildOptions options;
    options.command = {HG_HEADGATE, "snapshot", "m", "--api", headgate_->address()};
    options.command.insert(options.command.end(), arguments.begin(), arguments.end());
    const TempDir dir("headgate-snapshot-");
    options.output_file = dir.path() + "/out";
    auto child = Child::Start(options);
    if (!child.ok()) return {-1, child.error().what};
    const auto exit = (*child)->Wait(kLong);
    std::ifstream in(options.output_file);
    return {exit && exit->signal == 0 ? exit->code : -1, {std::istreambuf_iterator<char>(in), {}}};
  }
  // By op and stream; the service is stopped by it.
  std::map<std::string, int> EventsByOp() {
    EXPECT_TRUE(headgate_->Terminate());
    std::map<std::string, int> counts;
    const auto events = EventsInLog(headgate_->data_dir());
    EXPECT_TRUE(events.ok()) << events.error().what;
    if (!events.ok()) return counts;
    for (const LoggedEvent& event : *events) ++counts[std::string(Name(event.op)) + " " + event.stream];
    return counts;
  }

  std::unique_ptr<PrivateMysql> server_;    // or
  std::unique_ptr<TestDatabase> database_;  // with PostgreSQL
  std::unique_ptr<HeadgateProcess> headgate_;
};

TEST_P(Snapshots, TheFirstOneIsListedWithItsTables) {
  const Json list = Call("GET", kSnapshots, 200);
  ASSERT_EQ(list["items"].size(), 1U);
  const Json& first = list["items"][0];
  EXPECT_EQ(first["id"], "1");
  EXPECT_EQ(first["mode"], "initial");
  EXPECT_EQ(first["state"], "completed");
  EXPECT_EQ(first["rows_done"], kRows + 3);
  ASSERT_EQ(first["tables"].size(), 2U);
  const Json& items = first["tables"][0];
  EXPECT_EQ(items["table"], "shop.items");
  EXPECT_EQ(items["rows_total"], kRows);
  EXPECT_EQ(items["estimated"], false);
  EXPECT_EQ(items["chunks_done"], items["chunks_total"]);
  if (postgres()) return;  // read at one point, not by chunks
  EXPECT_GT(first["rate_rows_per_second"], 0);
  EXPECT_THAT(items["high_watermark"].get<std::string>(), HasSubstr("binlog."));
}

TEST_P(Snapshots, ATableIsReadAgainPausedResumedAndTheStreamGoesOnMeanwhile) {
  const std::string id = Ask({{"mode", "full"}, {"tables", {"shop.items"}}, {"note", "after a repair"}});
  Set(id, "paused");
  EXPECT_EQ(Get(id)["phase"], "paused");
  const auto done = Get(id)["rows_done"].get<int>();
  // Two of one table at once are refused; so is what makes no sense now.
  Call("POST", kSnapshots, 409, {{"mode", "full"}, {"tables", {"shop.items"}}});
  Set(id, "paused", 409);
  Set("77", "paused", 404);
  Set(id, "done", 400);
  Exec("UPDATE shop.items SET n=-1 WHERE id IN (1," + std::to_string(kRows) + ")");
  Exec("DELETE FROM shop.items WHERE id=" + std::to_string(kRows - 1));
  EXPECT_TRUE(WaitFor([&] { return Records("m.shop.items") >= static_cast<std::uint64_t>(kRows + done + 3); }, kLong));
  EXPECT_EQ(Get(id)["rows_done"], done) << "it went on";
  EXPECT_EQ(StateOf(id), "paused");
  Set(id, "running");
  EXPECT_EQ(Completed(id), "completed");
  const Json snapshot = Get(id);
  EXPECT_EQ(snapshot["note"], "after a repair");
  EXPECT_EQ(snapshot["tables"][0]["rows_done"], kRows - 1 + (done == kRows ? 1 : 0));
  Set(id, "cancelled", 409);

  const auto events = Call("GET", "/api/v1/events?connector=m&kind=snapshot", 200);
  std::string texts;
  for (const Json& event : events["items"]) texts += event["summary"].get<std::string>() + "\n";
  for (const char* text : {"asked for", "begun", "paused", "running", "completed"}) EXPECT_THAT(texts, HasSubstr(text));
}

TEST_P(Snapshots, CancellingKeepsWhatWasRead) {
  const std::string id = Ask({{"mode", "full"}, {"tables", {"shop.items"}}});
  Set(id, "cancelled");
  EXPECT_EQ(StateOf(id), "cancelled");
  const auto kept = Get(id)["rows_done"].get<std::uint64_t>();
  EXPECT_EQ(Records("m.shop.items"), kRows + kept);
  const std::string next = Ask({{"mode", "full"}, {"tables", {"shop.items"}}});
  EXPECT_EQ(Completed(next), "completed");
  EXPECT_EQ(Records("m.shop.items"), 2 * kRows + kept);
}

TEST_P(Snapshots, SomeRowsByAColumn) {
  const std::string id = Ask(
      {{"mode", "partial"}, {"tables", {"shop.items"}}, {"where", {{"column", "n"}, {"from", 1001}, {"to", "3001"}}}});
  EXPECT_EQ(Completed(id), "completed");
  EXPECT_EQ(Get(id)["rows_done"], 2000);
  EXPECT_EQ(Get(id)["where"]["from"], "1001");
  EXPECT_EQ(Records("m.shop.items"), kRows + 2000U);
}

TEST_P(Snapshots, AValueThatTheServerRefusesFailsTheSnapshotAlone) {
  const std::string column = postgres() ? "n" : "at";
  if (!postgres()) Exec("ALTER TABLE shop.items ADD at DATETIME");
  Exec("UPDATE shop.items SET note = 'x' WHERE id = 1");
  EXPECT_TRUE(WaitFor([&] { return Records("m.shop.items") > kRows; }, kLong));
  const std::string id = Ask(
      {{"mode", "partial"}, {"tables", {"shop.items"}}, {"where", {{"column", column}, {"from", "no time at all"}}}});
  const std::string ended = Completed(id);
  EXPECT_TRUE(ended == "failed" || (GetParam() == "mariadb" && ended == "completed")) << Get(id).dump();
  Exec("INSERT INTO shop.items (id, n, note) VALUES (77777, 1, 'goes on')");
  EXPECT_TRUE(WaitFor([&] { return Records("m.shop.items") >= kRows + 2U; }, kLong));
}

TEST_P(Snapshots, ATableWithoutAKeyIsReadAtOnePlaceAndBeginsWithATruncate) {
  if (postgres()) {
    const Json answer = Call("POST", kSnapshots, 422, {{"mode", "full"}, {"tables", {"shop.marks"}}});
    EXPECT_THAT(answer["detail"].get<std::string>(), HasSubstr("its rows cannot be told apart"));
    return;
  }
  const std::string id = Ask({{"mode", "full"}, {"tables", {"shop.marks"}}});
  EXPECT_EQ(Completed(id), "completed");
  Exec("INSERT INTO shop.marks VALUES ('c')");
  EXPECT_TRUE(WaitFor([&] { return Records("m.shop.marks") >= 3 + 1 + 3 + 1; }, kLong));
  auto counts = EventsByOp();
  EXPECT_EQ(counts["read m.shop.marks"], 6);
  EXPECT_EQ(counts["truncate m.shop.marks"], 1);
  EXPECT_EQ(counts["insert m.shop.marks"], 1);
}

TEST_P(Snapshots, WhatMakesNoSenseIsRefusedWithAReason) {
  const auto detail = [&](int status, const Json& body) {
    const Json answer = Call("POST", kSnapshots, status, body);
    return answer.is_object() ? answer["detail"].get<std::string>() : "";
  };
  EXPECT_THAT(detail(422, {{"mode", "full"}, {"tables", {"shop.nothing"}}}), HasSubstr("shop.nothing is not captured"));
  EXPECT_THAT(detail(422, {{"mode", "full"}, {"tables", {"shop.later"}}}), HasSubstr("is not captured"));
  EXPECT_THAT(detail(400, {{"mode", "full"}, {"tables", Json::array()}}), HasSubstr("names such as"));
  EXPECT_THAT(detail(422, {{"mode", "rebuild"}}), HasSubstr("for sinks"));
  EXPECT_THAT(detail(400, {{"mode", "partial"}, {"tables", {"shop.items"}}}), HasSubstr("needs where"));
  EXPECT_THAT(detail(400, {{"mode", "full"}, {"speed", 9}}), HasSubstr("Unknown member"));
  const auto where = [](const std::string& column, const Json& from) {
    return Json{{"mode", "partial"}, {"tables", {"shop.items"}}, {"where", {{"column", column}, {"from", from}}}};
  };
  EXPECT_THAT(detail(422, where("color", 1)), HasSubstr("no column color"));
  if (!postgres()) {
    EXPECT_THAT(detail(422, where("n", "1 OR 1=1")), HasSubstr("is none"));
  }
  EXPECT_THAT(
      detail(422, {{"mode", "partial"}, {"tables", {"shop.marks"}}, {"where", {{"column", "mark"}, {"from", "a"}}}}),
      HasSubstr("no key"));
  EXPECT_EQ(Call("GET", kSnapshots, 200)["items"].size(), 1U);

  Call("PUT", "/connectors/m/pause", 202);
  EXPECT_TRUE(
      WaitFor([&] { return Call("GET", "/connectors/m/status", 200)["connector"]["state"] == "PAUSED"; }, kLong));
  EXPECT_THAT(detail(409, {{"mode", "full"}}), HasSubstr("Resume it"));
  Call("POST", "/api/v1/connectors/none/snapshots", 404, {{"mode", "full"}});
}

TEST_P(Snapshots, AnIdempotencyKeyStartsOneSnapshotOnly_AP04) {
  const std::map<std::string, std::string> key = {{"Idempotency-Key", "again"}};
  const Json body = {{"mode", "full"}, {"tables", {"shop.items"}}};
  const Json first = Call("POST", kSnapshots, 201, body, key);
  EXPECT_EQ(Call("POST", kSnapshots, 201, body, key)["id"], first["id"]);
  Call("POST", kSnapshots, 422, {{"mode", "full"}}, key);
  EXPECT_EQ(Call("GET", kSnapshots, 200)["items"].size(), 2U);
}

TEST_P(Snapshots, AKillCostsTheChunksInWorkOnly_MY33) {
  headgate_->KillHard();
  headgate_->set_failpoints("snapshot.chunk_settled=kill:3");
  ASSERT_TRUE(headgate_->Start().ok());
  std::string id;
  ASSERT_TRUE(WaitFor(
      [&] {
        const auto answer = headgate_->Call("POST", kSnapshots, R"({"mode":"full","tables":["shop.items"]})");
        if (answer.ok() && answer->status == 201) id = Json::parse(answer->body)["id"].get<std::string>();
        return !id.empty();
      },
      kLong));
  ASSERT_TRUE(headgate_->WaitEnd(kLong)) << "it was not killed";
  headgate_->set_failpoints("");
  ASSERT_TRUE(headgate_->Start().ok());
  EXPECT_EQ(Completed(id), "completed");
  EXPECT_EQ(Get(id)["rows_done"], kRows);
  auto counts = EventsByOp();
  EXPECT_EQ(counts["read m.shop.items"], 2 * kRows) << "chunks that were durable were read again";
}

// A table that somebody else locks: the snapshot stands behind the chunks that it has read before.
TEST_P(Snapshots, KC21_OffsetsHaveAPartitionForATableWhileASnapshotReadsIt) {
  const auto offsets = [&] { return Call("GET", "/connectors/m/offsets", 200)["offsets"]; };
  EXPECT_EQ(offsets().size(), 1U);
  const Json stream = {{"server", "m"}};
  const Json table = {{"server", "m"}, {"table", "shop.items"}};
  headgate_->KillHard();
  headgate_->set_failpoints("snapshot.chunk_settled=kill:3");
  ASSERT_TRUE(headgate_->Start().ok());
  ASSERT_TRUE(WaitFor(
      [&] {
        const auto answer = headgate_->Call("POST", kSnapshots, R"({"mode":"full","tables":["shop.items"]})");
        return answer.ok() && answer->status == 201;
      },
      kLong));
  ASSERT_TRUE(headgate_->WaitEnd(kLong)) << "it was not killed";
  headgate_->set_failpoints("");
  std::optional<PgClient> pg;
  std::optional<MyClient> my;
  if (postgres()) {
    auto session = database_->Connect();
    ASSERT_TRUE(session.ok());
    pg = *std::move(session);
    ASSERT_TRUE(pg->Exec("BEGIN; LOCK TABLE shop.items").ok());
  } else {
    auto session = server_->Connect();
    ASSERT_TRUE(session.ok());
    my = *std::move(session);
    ASSERT_TRUE(my->Exec("LOCK TABLES shop.items WRITE").ok());
  }
  ASSERT_TRUE(headgate_->Start().ok());
  const Json shown = offsets();
  ASSERT_EQ(shown.size(), 2U) << shown;
  EXPECT_EQ(shown[0]["partition"], stream) << shown;
  EXPECT_EQ(shown[1]["partition"], table) << shown;
  const Json& at = shown[1]["offset"];
  EXPECT_GE(at["chunks"], 2) << at;
  EXPECT_GT(at["rows"], 0) << at;
  EXPECT_LT(at["rows"], kRows) << at;
  EXPECT_EQ(Get("2")["rows_done"], at["rows"]);
  // Its place cannot be altered, the source's can be, and a source that is stopped still has both.
  Call("PUT", "/connectors/m/stop", 204);
  EXPECT_TRUE(
      WaitFor([&] { return Call("GET", "/connectors/m/status", 200)["connector"]["state"] == "STOPPED"; }, kLong));
  EXPECT_EQ(offsets()[1], shown[1]);
  const Json refused =
      Call("PATCH", "/connectors/m/offsets", 400, {{"offsets", Json::array({{{"partition", table}, {"offset", at}}})}});
  EXPECT_THAT(refused["message"].get<std::string>(), HasSubstr("/api/v1/connectors/m/snapshots"));
  EXPECT_EQ(offsets()[1], shown[1]);
  pg.reset();
  my.reset();
  Call("PUT", "/connectors/m/resume", 202);
  EXPECT_EQ(Completed("2"), "completed");
  EXPECT_EQ(offsets().size(), 1U) << offsets();
  EXPECT_EQ(Get("2")["rows_done"], kRows);
}

TEST_P(Snapshots, TablesAreAddedToARunningSource) {
  const std::string path = "/api/v1/connectors/m/tables";
  EXPECT_THAT(Call("POST", path, 422, {{"add", {"shop.nothing"}}})["detail"].get<std::string>(),
              HasSubstr("no table shop.nothing"));
  EXPECT_THAT(Call("POST", path, 409, {{"add", {"shop.items"}}})["detail"].get<std::string>(),
              HasSubstr("captured already"));
  EXPECT_THAT(Call("POST", path, 400, {{"add", {"shop.*"}}})["detail"].get<std::string>(), HasSubstr("Patterns"));
  Call("POST", path, 400, {{"add", Json::array()}});
  Exec("CREATE TABLE shop.fresh (id INT PRIMARY KEY, v INT)");
  Exec("INSERT INTO shop.fresh VALUES (1,1)");

  const Json added = Call("POST", path, 202, {{"add", {"shop.later"}}});
  EXPECT_EQ(added["tables"], "shop.items,shop.marks,shop.later");
  EXPECT_TRUE(WaitFor([&] { return StateOf("2") == "completed"; }, kLong));
  EXPECT_EQ(Get("2")["mode"], "initial");
  EXPECT_EQ(Get("2")["tables"].size(), 1U) << "others were read again";
  Call("POST", path, 202, {{"add", {"shop.fresh"}}, {"snapshot", false}});
  ASSERT_TRUE(
      WaitFor([&] { return Call("GET", "/connectors/m/status", 200)["connector"]["state"] == "RUNNING"; }, kLong));
  if (postgres()) {  // publishes it from then on
    ASSERT_TRUE(WaitFor(
        [&] {
          return database_->Value("SELECT count(*) FROM pg_publication_tables WHERE tablename = 'fresh'").value() ==
                 "1";
        },
        kLong));
  }
  Exec("INSERT INTO shop.fresh VALUES (2,2)");
  Exec("INSERT INTO shop.later VALUES (3,3)");
  EXPECT_TRUE(WaitFor([&] { return Records("m.shop.fresh") >= 1 && Records("m.shop.later") >= 3; }, kLong));
  auto counts = EventsByOp();
  EXPECT_EQ(counts["read m.shop.later"], 2);
  EXPECT_EQ(counts["insert m.shop.later"], 1);
  EXPECT_EQ(counts["snapshot m.shop.later"], 2) << "its start and the end, the hand-over";
  EXPECT_EQ(counts["read m.shop.fresh"], 0);
  EXPECT_EQ(counts["insert m.shop.fresh"], 1);
  EXPECT_EQ(counts["read m.shop.items"], kRows);
}

TEST_P(Snapshots, TheCommandShowsHowFarTheyAre) {
  const auto list = Run({});
  EXPECT_EQ(list.code, 0);
  EXPECT_THAT(list.text, HasSubstr("snapshot 1  initial  completed  30 003 rows"));
  EXPECT_THAT(list.text, HasSubstr("shop.items  [############################]  100 %  30 000 of 30 000  completed"));
  const auto watched = Run({"--start", "--table", "shop.items", "--watch"});
  EXPECT_EQ(watched.code, 0);
  EXPECT_THAT(watched.text, HasSubstr("snapshot 2  full  completed  30 000 rows"));
  const auto cancelled = Run({"--cancel", "2"});
  EXPECT_EQ(cancelled.code, 1);
  EXPECT_THAT(cancelled.text, HasSubstr("completed, it cannot become cancelled"));
  EXPECT_EQ(Run({"--from", "1"}).code, 2);
  EXPECT_EQ(Run({"--watch"}).text, "no snapshot is running\n");
}

INSTANTIATE_TEST_SUITE_P(Servers, Snapshots, ::testing::Values("mariadb", "mysql", "postgres"),
                         [](const auto& param) { return param.param; });

}  // namespace
}  // namespace headgate::test
