#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/integration/mysql/source_fixture.h"
#include "tests/support/require.h"
#include "tests/support/wait_for.h"

// What servers do to a reader: they throw logs away, log statements, keep XA transactions open, change forms.
namespace headgate::test {
namespace {

using Json = nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class MysqlFaults : public ::testing::TestWithParam<MyServer> {
 protected:
  // A table f.t (id, v) with two rows, captured, the snapshot taken.
  void Begin(std::vector<std::string> settings = {}, MysqlScene::Settings source = {}) {
    HG_WITH_SERVER(NameOf(GetParam()), scene_, MysqlScene::Make(GetParam(), std::move(settings)));
    auto client = scene_->server().Connect();
    ASSERT_TRUE(client.ok()) << client.error().what;
    client_ = std::make_unique<MyClient>(std::move(*client));
    Exec({"CREATE DATABASE f", "CREATE TABLE f.t (id INT PRIMARY KEY, v INT)", "INSERT INTO f.t VALUES (1,1),(2,2)"});
    source_ = std::move(source);
    source_.insert({"tables", "f.*"});
    Open();
    CatchUp();
  }
  void Exec(const std::vector<std::string>& statements) {
    const Status done = client_->ExecAll(statements);
    ASSERT_TRUE(done.ok()) << done.error().what;
  }
  void Open() {
    const Status opened = scene_->Open("src", source_);
    ASSERT_TRUE(opened.ok()) << opened.error().what;
  }
  void CatchUp() {
    const Status done = scene_->CatchUp();
    ASSERT_TRUE(done.ok()) << done.error().what;
  }
  std::vector<Json> Events(const std::string& op = "") {
    const auto events = scene_->Events("src");
    EXPECT_TRUE(events.ok()) << events.error().what;
    std::vector<Json> chosen;
    for (const Json& event : *events) {
      if (op.empty() || event["op"] == op) chosen.push_back(event);
    }
    return chosen;
  }
  // What the table holds by the events.
  std::map<std::string, std::string> Rows(const std::string& stream = "f.t") {
    std::map<std::string, std::string> rows;
    FoldedTables tables = FoldEvents(Events());
    for (const auto& [key, row] : tables[stream]) rows[key] = row.first.dump();
    return rows;
  }
  bool mysql() const { return GetParam() == MyServer::kMysql; }

  std::unique_ptr<MysqlScene> scene_;
  std::unique_ptr<MyClient> client_;
  MysqlScene::Settings source_;
};

// MariaDB has no partial JSON, and always GTIDs.
class MysqlAlone : public MysqlFaults {};

// Leaves the test if there is no such server.
#define HG_BEGIN(...) \
  Begin(__VA_ARGS__); \
  if (IsSkipped() || HasFatalFailure()) return

// MY-31, CG-05.
TEST_P(MysqlFaults, PurgedLogsAreADeclaredGapAndTheTablesAreReadAgain) {
  HG_BEGIN();
  scene_->Drop();
  Exec({"INSERT INTO f.t VALUES (3,3)", "DELETE FROM f.t WHERE id=1", "FLUSH BINARY LOGS",
        "INSERT INTO f.t VALUES (4,4)", "FLUSH BINARY LOGS"});
  const auto file = client_->Query("SHOW BINARY LOGS");
  // MariaDB keeps what somebody still reads, and notices only after a while that he is gone.
  ASSERT_TRUE(WaitFor([&] {
    Exec({"PURGE BINARY LOGS TO '" + *file->back()[0] + "'"});
    return client_->Query("SHOW BINARY LOGS")->size() == 1;
  }));
  Open();
  Exec({"INSERT INTO f.t VALUES (5,5)"});
  CatchUp();
  const auto gaps = Events("gap");
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps[0]["gap"]["reason"], "binlog_purged");
  EXPECT_EQ(gaps[0]["gap"]["action"], "resync");
  EXPECT_EQ(gaps[0]["gap"]["streams"], Json({"f.t"}));
  const auto rows = Rows();
  EXPECT_TRUE(rows.contains(R"({"id":3})") && rows.contains(R"({"id":4})") && rows.contains(R"({"id":5})"));
  const auto findings = scene_->told().findings;
  ASSERT_FALSE(findings.empty());
  EXPECT_THAT(findings.back().summary, HasSubstr("has purged"));
}

// MY-37.
TEST_P(MysqlFaults, AStatementThatIsLoggedInsteadOfRowsIsAGapThatNamesTheTable) {
  HG_BEGIN();
  Exec({"SET SESSION binlog_format='STATEMENT'", "UPDATE f.t SET v=9 WHERE id=2", "SET SESSION binlog_format='ROW'"});
  Status turned = Ok();
  for (int i = 0; i < 200 && turned.ok(); ++i) turned = scene_->Turn();
  ASSERT_FALSE(turned.ok());
  EXPECT_EQ(turned.error().kind, ErrorKind::kTransient);
  Open();
  CatchUp();
  const auto gaps = Events("gap");
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps[0]["gap"]["reason"], "statement_logged");
  EXPECT_EQ(gaps[0]["gap"]["streams"], Json({"f.t"}));
  EXPECT_EQ(Rows().at(R"({"id":2})"), R"({"id":2,"v":9})");
}

// MY-38.
TEST_P(MysqlFaults, RowsOfAnXaTransactionWaitForItsEndOverARestart) {
  HG_BEGIN();
  Exec({"XA START 'a'", "INSERT INTO f.t VALUES (10,1),(11,1)", "XA END 'a'", "XA PREPARE 'a'"});
  auto other = scene_->server().Connect();
  ASSERT_TRUE(other.ok());
  ASSERT_TRUE(other->ExecAll({"XA START 'b'", "INSERT INTO f.t VALUES (20,1)", "XA END 'b'", "XA PREPARE 'b'"}).ok());
  auto third = scene_->server().Connect();
  ASSERT_TRUE(third.ok());
  ASSERT_TRUE(third->Exec("INSERT INTO f.t VALUES (30,1)").ok());
  CatchUp();
  EXPECT_EQ(Rows().size(), 3U) << "nothing of what is only prepared";
  Open();  // as after a crash
  ASSERT_TRUE(third->Exec("INSERT INTO f.t VALUES (31,1)").ok());
  CatchUp();
  EXPECT_EQ(Rows().size(), 4U);
  Exec({"XA COMMIT 'a'"});
  ASSERT_TRUE(other->Exec("XA ROLLBACK 'b'").ok());
  CatchUp();
  const auto rows = Rows();
  EXPECT_EQ(rows.size(), 6U);
  EXPECT_TRUE(rows.contains(R"({"id":10})") && rows.contains(R"({"id":11})") && !rows.contains(R"({"id":20})"));
  Open();
  CatchUp();
  EXPECT_EQ(Rows().size(), 6U);
  EXPECT_EQ(Events("insert").size(), 4U) << "each once";
}

// MY-07, MY-08.
TEST_P(MysqlFaults, ColumnsThatAnImageLacksAreNamedAndNotInvented) {
  HG_BEGIN({"binlog-row-image=MINIMAL"});
  Exec({"CREATE TABLE f.wide (id INT PRIMARY KEY, a INT, t TEXT, b BLOB)", "INSERT INTO f.wide VALUES (1,1,'x','y')",
        "UPDATE f.wide SET a=2", "SET SESSION binlog_row_image='NOBLOB'", "UPDATE f.wide SET a=3",
        "DELETE FROM f.wide"});
  CatchUp();
  const auto updates = Events("update");
  ASSERT_EQ(updates.size(), 2U);
  EXPECT_EQ(updates[0]["after"].dump(), R"({"a":2,"id":1})") << "the key is known from the image before";
  EXPECT_EQ(updates[0]["unavailable"], Json({"t", "b"}));
  EXPECT_EQ(updates[1]["unavailable"], Json({"t", "b"}));
  EXPECT_EQ(Events("delete").size(), 1U);
}

// Such a row has no bytes in MySQL's log.
TEST_P(MysqlFaults, AnInsertThatNamesNoColumnIsARowUnderMinimalImages_MY08) {
  HG_BEGIN({"binlog-row-image=MINIMAL"});
  Exec({"CREATE TABLE f.d (a INT DEFAULT 1, b INT DEFAULT 2)", "INSERT INTO f.d VALUES ()",
        "INSERT INTO f.d () VALUES ()", "INSERT INTO f.d (b) VALUES (5)"});
  CatchUp();
  const auto inserts = Events("insert");
  ASSERT_EQ(inserts.size(), 3U);
  EXPECT_EQ(inserts[2]["after"]["b"], 5);
  if (GetParam() == MyServer::kMysql) {
    EXPECT_EQ(inserts[0]["unavailable"], Json({"a", "b"}));
  }
}

// MY-09.
TEST_P(MysqlAlone, PartialJsonIsAppliedToTheDocumentBefore) {
  HG_BEGIN({"binlog-row-value-options=PARTIAL_JSON"});
  Exec(
      {"CREATE TABLE f.j (id INT PRIMARY KEY, d JSON)",
       R"(INSERT INTO f.j VALUES (1,'{"a":1,"list":[1,2,3],"long":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","b":{"c":1}}'))",
       R"(UPDATE f.j SET d=JSON_SET(d,'$.a',2,'$.list[1]','two','$.neu',JSON_OBJECT('k',1.5)))",
       R"(UPDATE f.j SET d=JSON_REMOVE(d,'$.list[0]','$.b.c'))", R"(UPDATE f.j SET d=JSON_REPLACE(d,'$."long"',NULL))",
       R"(UPDATE f.j SET d=JSON_SET(d,'$."odd key"',CAST('12:34:56' AS TIME)))"});
  CatchUp();
  const auto shown = client_->Value("SELECT d FROM f.j");
  ASSERT_TRUE(shown.ok());
  EXPECT_EQ(Json::parse(Rows("f.j").at(R"({"id":1})"))["d"], Json::parse(*shown));
  EXPECT_EQ(Events("update").size(), 4U);
}

// MY-10, MY-11.
TEST_P(MysqlFaults, CompressedLogsGiveTheSame) {
  HG_BEGIN(mysql() ? std::vector<std::string>{"binlog-transaction-compression=ON"}
                   : std::vector<std::string>{"log-bin-compress=ON", "log-bin-compress-min-len=10"});
  Exec({"INSERT INTO f.t SELECT id+100, v FROM f.t", "START TRANSACTION", "INSERT INTO f.t VALUES (50,1),(51,1),(52,1)",
        "UPDATE f.t SET v=v+1", "DELETE FROM f.t WHERE id=51", "COMMIT"});
  CatchUp();
  const auto found = client_->Query("SELECT id, v FROM f.t");
  ASSERT_TRUE(found.ok());
  const auto rows = Rows();
  EXPECT_EQ(rows.size(), found->size());
  for (const MyRow& row : *found)
    EXPECT_EQ(rows.at("{\"id\":" + *row[0] + "}"), "{\"id\":" + *row[0] + ",\"v\":" + *row[1] + "}");
}

TEST_P(MysqlFaults, AStopIsHeardWhileATableThatIsReadIsLocked) {
  HG_BEGIN();
  Exec({"CREATE TABLE f.locked (id INT PRIMARY KEY)", "INSERT INTO f.locked VALUES (1)", "LOCK TABLES f.locked WRITE"});
  source_["tables"] = "f.locked";
  const Status opened = scene_->Open("other", source_);
  ASSERT_TRUE(opened.ok()) << opened.error().what;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(scene_->Turn().ok());
  const auto begin = std::chrono::steady_clock::now();
  scene_->Drop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
  Exec({"UNLOCK TABLES"});
  ASSERT_TRUE(scene_->Open("other", source_).ok());
  CatchUp();
  const auto events = scene_->Events("other");
  ASSERT_TRUE(events.ok());
  EXPECT_EQ(std::ranges::count(*events, Json("read"), [](const Json& event) { return event["op"]; }), 1);
}

// CG-07 in small. Whether the server hands it over as it is, compressed row by row, or as one compressed event.
class MysqlLarge : public MysqlFaults {
 protected:
  static constexpr int kRows = 1'200;
  std::string Insert(int from, int rows = kRows, int width = 1'000) const {
    const std::string to = std::to_string(from + rows - 1);
    const std::string numbers = mysql() ? "WITH RECURSIVE n AS (SELECT " + std::to_string(from) +
                                              " AS i UNION ALL SELECT i+1 FROM n WHERE i<" + to + ") SELECT i, "
                                        : "SELECT seq, ";
    return "INSERT INTO f.large " + numbers + "LPAD(" + (mysql() ? "i" : "seq") + ", " + std::to_string(width) +
           ", 'x') FROM " + (mysql() ? "n" : "seq_" + std::to_string(from) + "_to_" + to);
  }
  void CreateLarge() {
    Exec({"CREATE TABLE f.large (id INT PRIMARY KEY, v TEXT)", "USE f"});
    if (mysql()) Exec({"SET SESSION cte_max_recursion_depth=100000"});
  }
  void ChangeMuch() {
    Exec({"START TRANSACTION", "INSERT INTO f.t VALUES (7,7)", Insert(1), "SAVEPOINT a", Insert(10'001),
          "ROLLBACK TO a", "UPDATE f.large SET v='short' WHERE id<=600", "SAVEPOINT b", "DELETE FROM f.large",
          "ROLLBACK TO b", "DELETE FROM f.large WHERE id=1000", "COMMIT", "START TRANSACTION", Insert(20'001),
          "ROLLBACK", "INSERT INTO f.t VALUES (8,8)"});
  }
  // What the events make of the table, against the table.
  void ExpectSame() {
    const auto found = client_->Query("SELECT id, v FROM f.large");
    ASSERT_TRUE(found.ok());
    const auto rows = Rows("f.large");
    ASSERT_EQ(rows.size(), found->size());
    for (const MyRow& row : *found)
      ASSERT_EQ(rows.at("{\"id\":" + *row[0] + "}"), "{\"id\":" + *row[0] + ",\"v\":\"" + *row[1] + "\"}");
  }
};

TEST_P(MysqlLarge, ATransactionThatIsTooLargeForMemoryIsReadWholeWithoutWhatWasTakenBack) {
  for (const bool compressed : {false, true}) {
    std::vector<std::string> settings;
    if (compressed) settings = {mysql() ? "binlog-transaction-compression=ON" : "log-bin-compress=ON"};
    HG_BEGIN(settings, {{"transaction_memory_max", "65536"}});
    CreateLarge();
    ChangeMuch();
    CatchUp();
    ExpectSame();
    const auto inserts = Events("insert");
    ASSERT_GT(inserts.size(), kRows);
    EXPECT_EQ(inserts[0]["tx"]["total"], 1 + kRows + kRows / 2 + 1) << inserts[0];
    EXPECT_EQ(Rows().size(), 4U);
    Open();
    Exec({"INSERT INTO f.large VALUES (0,'last')"});
    CatchUp();
    ExpectSame();
  }
}

TEST_P(MysqlLarge, OfATableThatIsBeingReadTheLastChunksAreReadAgain) {
  constexpr int kMany = 20'000;  // 80 MB: more than the workers may be ahead, whose chunks have 4 MiB
  HG_BEGIN({}, {{"transaction_memory_max", "65536"}});
  scene_->Drop();
  CreateLarge();
  Exec({Insert(1, kMany, 4'000)});
  source_["tables"] = "f.large";
  const auto open = [&] { return scene_->Open("second", source_); };
  ASSERT_TRUE(open().ok());
  ASSERT_TRUE(WaitFor([&] { return scene_->Turn().ok() && scene_->told().snapshot_rows > 100; }));
  Exec({"UPDATE f.large SET v=REPEAT('new ', 200)"});
  const Status overrun = scene_->CatchUp();
  ASSERT_FALSE(overrun.ok());
  EXPECT_THAT(overrun.error().what, HasSubstr("their last chunks are read again"));
  ASSERT_TRUE(open().ok());
  CatchUp();
  const auto events = scene_->Events("second");
  ASSERT_TRUE(events.ok());
  FoldedTables tables = FoldEvents(*events);
  ASSERT_EQ(tables["f.large"].size(), kMany);
  for (const auto& [key, row] : tables["f.large"]) EXPECT_TRUE(row.first["v"].get<std::string>().starts_with("new "));
}

INSTANTIATE_TEST_SUITE_P(Servers, MysqlLarge, ::testing::Values(MyServer::kMariadb, MyServer::kMysql),
                         [](const auto& param) { return NameOf(param.param); });

// MY-16, MY-18: names come from the catalogue, and a table that takes another one's place goes on under its name.
TEST_P(MysqlFaults, MinimalMetadataAndARenameThatSwapsTables) {
  HG_BEGIN({"binlog-row-metadata=MINIMAL"});
  Exec({"CREATE TABLE f._t_gho LIKE f.t", "INSERT INTO f._t_gho SELECT * FROM f.t",
        "RENAME TABLE f.t TO f._t_del, f._t_gho TO f.t", "INSERT INTO f.t VALUES (7,7)", "DROP TABLE f._t_del"});
  CatchUp();
  const auto rows = Rows();
  EXPECT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows.at(R"({"id":7})"), R"({"id":7,"v":7})");
  for (const Json& event : Events()) EXPECT_EQ(event.value("stream", "f.t"), "f.t") << event;
}

// MY-16, MY-17: nothing names the columns of rows from before an ALTER that is read after it. They are left out, as a
// gap, and the table is read again; no row has another column's value, and the other tables go on.
TEST_P(MysqlFaults, RowsFromBeforeAnAlterationThatNothingNamesWaitForIt_MY16) {
  HG_BEGIN({mysql() ? "binlog-row-metadata=MINIMAL" : "binlog-row-metadata=NO_LOG"});
  Exec({"CREATE TABLE f.swapped (id INT PRIMARY KEY, a INT, b INT)", "CREATE TABLE f.wider (id INT PRIMARY KEY, a INT)",
        "INSERT INTO f.swapped VALUES (1,10,20)", "INSERT INTO f.wider VALUES (1,1)"});
  CatchUp();
  scene_->Drop();
  Exec({"INSERT INTO f.swapped VALUES (2,11,21)", "INSERT INTO f.t VALUES (3,3)", "INSERT INTO f.wider VALUES (2,2)",
        "CREATE INDEX i ON f.swapped (a)", "INSERT INTO f.swapped VALUES (4,13,23)",
        "ALTER TABLE f.swapped RENAME COLUMN a TO c, RENAME COLUMN b TO a",
        "ALTER TABLE f.swapped RENAME COLUMN c TO b", "INSERT INTO f.swapped (id,a,b) VALUES (3,22,12)",
        "ALTER TABLE f.wider ADD COLUMN w BIGINT FIRST", "INSERT INTO f.wider (id,a,w) VALUES (3,3,3)",
        "INSERT INTO f.t VALUES (4,4)"});
  Open();
  Status turned = Ok();
  for (int opened = 0; opened < 20; ++opened) {
    turned = scene_->CatchUp();
    if (turned.ok()) break;
    ASSERT_EQ(turned.error().kind, ErrorKind::kTransient) << turned.error().what;
    Open();
  }
  ASSERT_TRUE(turned.ok()) << turned.error().what;
  EXPECT_THAT(
      Rows("f.swapped"),
      ElementsAre(Pair(R"({"id":1})", R"({"a":20,"b":10,"id":1})"), Pair(R"({"id":2})", R"({"a":21,"b":11,"id":2})"),
                  Pair(R"({"id":3})", R"({"a":22,"b":12,"id":3})"), Pair(R"({"id":4})", R"({"a":23,"b":13,"id":4})")));
  EXPECT_EQ(Rows("f.wider").size(), 3U);
  EXPECT_EQ(Rows().size(), 4U);
  for (const Json& event : Events("insert")) {
    if (event["stream"] == "f.swapped" && event["key"]["id"] != 1) {
      EXPECT_GT(event["after"]["a"].get<int>(), event["after"]["b"].get<int>()) << event;
    }
  }
  std::set<std::string> lost;
  for (const Json& gap : Events("gap")) {
    EXPECT_EQ(gap["gap"]["reason"], "columns_unknown");
    for (const Json& stream : gap["gap"]["streams"]) lost.insert(stream);
  }
  EXPECT_THAT(lost, ElementsAre("f.swapped", "f.wider"));
  for (const Finding& finding : scene_->told().findings) EXPECT_NE(finding.id, "table_waits") << finding.summary;
}

// MY-16: what is read soon after it was written, or behind no ALTER, is known without their names.
TEST_P(MysqlFaults, WithoutNamesATableGoesOnOverAlterationsAndRestarts_MY16) {
  HG_BEGIN({mysql() ? "binlog-row-metadata=MINIMAL" : "binlog-row-metadata=NO_LOG"});
  Exec({"INSERT INTO f.t VALUES (3,3)"});
  CatchUp();
  Exec({"ALTER TABLE f.t ADD COLUMN w INT UNSIGNED"});
  CatchUp();
  Exec({"INSERT INTO f.t VALUES (4,4,4000000000)"});
  CatchUp();
  scene_->Drop();
  Exec({"INSERT INTO f.t VALUES (5,5,5)", "CREATE TABLE f.u (id INT PRIMARY KEY)", "INSERT INTO f.u VALUES (1)"});
  Open();
  CatchUp();
  EXPECT_THAT(Events("gap"), IsEmpty());
  EXPECT_EQ(Rows().at(R"({"id":4})"), R"({"id":4,"v":4,"w":4000000000})");
  EXPECT_EQ(Rows().size(), 5U);
  EXPECT_EQ(Rows("f.u").size(), 1U);
}

// MY-04: by file and offset, and over the rotation of files.
TEST_P(MysqlAlone, WithoutGtidsByFileAndOffset) {
  HG_BEGIN({"gtid-mode=OFF"});
  Exec({"INSERT INTO f.t VALUES (3,3)", "FLUSH BINARY LOGS", "INSERT INTO f.t VALUES (4,4)"});
  CatchUp();
  Open();
  Exec({"UPDATE f.t SET v=5 WHERE id=4"});
  CatchUp();
  EXPECT_EQ(Rows().at(R"({"id":4})"), R"({"id":4,"v":5})");
  const auto inserts = Events("insert");
  ASSERT_EQ(inserts.size(), 2U);
  EXPECT_THAT(inserts[1]["id"].get<std::string>(), HasSubstr("src:0-f000002-"));
}

// Rows that a foreign key deletes come as events, or a standing warning names the table.
TEST_P(MysqlFaults, WhatForeignKeysChangeIsToldOrWarnedOf_MY40) {
  HG_WITH_SERVER(NameOf(GetParam()), const auto scene, MysqlScene::Make(GetParam()));
  auto client = scene->server().Connect();
  ASSERT_TRUE(client.ok());
  ASSERT_TRUE(
      client
          ->ExecAll({"CREATE DATABASE f", "CREATE TABLE f.orders (id INT PRIMARY KEY)",
                     "CREATE TABLE f.lines (id INT PRIMARY KEY, o INT, FOREIGN KEY (o) REFERENCES f.orders (id) "
                     "ON DELETE CASCADE)",
                     "INSERT INTO f.orders VALUES (1),(2)", "INSERT INTO f.lines VALUES (1,1),(2,1),(3,2)"})
          .ok());
  ASSERT_TRUE(scene->Open("src", {{"tables", "f.*"}}).ok());
  ASSERT_TRUE(scene->CatchUp().ok());
  ASSERT_TRUE(client->Exec("DELETE FROM f.orders WHERE id = 1").ok());
  ASSERT_TRUE(scene->CatchUp().ok());
  const auto events = scene->Events("src");
  ASSERT_TRUE(events.ok());
  const bool told = FoldEvents(*events)["f.lines"].size() == 1;
  const auto& findings = scene->told().findings;
  const auto warned = std::ranges::find(findings, "cascades", &Finding::id);
  EXPECT_EQ(told, warned == findings.end());
  const bool logs = GetParam() == MyServer::kMysql && std::stod(*scene->server().Value("SELECT VERSION()")) >= 9.6;
  EXPECT_EQ(told, logs) << "MySQL logs them from 9.6 on";
  if (warned != findings.end()) {
    EXPECT_THAT(warned->summary, ::testing::HasSubstr("f.lines (ON DELETE of f.orders)"));
  }
}

INSTANTIATE_TEST_SUITE_P(Servers, MysqlFaults, ::testing::Values(MyServer::kMariadb, MyServer::kMysql),
                         [](const auto& param) { return NameOf(param.param); });

INSTANTIATE_TEST_SUITE_P(Servers, MysqlAlone, ::testing::Values(MyServer::kMysql),
                         [](const auto& param) { return NameOf(param.param); });

}  // namespace
}  // namespace headgate::test
