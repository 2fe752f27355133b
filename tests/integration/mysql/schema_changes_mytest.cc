#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/mysql/source_fixture.h"
#include "tests/support/require.h"

// Statements that change a schema, as events of the source (change-events contract, 3.8 and 4.2).
namespace headgate::test {
namespace {

using Json = nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// "stream: statement [columns]" of each statement that is told; "insert stream" of each row.
std::vector<std::string> Told(const std::vector<Json>& events) {
  std::vector<std::string> told;
  for (const Json& event : events) {
    if (event["op"] == "insert") told.push_back("insert " + event.value("stream", ""));
    if (!event.contains("ddl") || event["id"].get<std::string>().find(":0-s") != std::string::npos) continue;
    std::string text = event.value("stream", "") + ": " + event["ddl"].get<std::string>();
    if (event.contains("columns")) {
      text += " [";
      for (const Json& column : event["columns"])
        text += (text.back() == '[' ? "" : " ") + column["name"].get<std::string>();
      text += "]";
    }
    told.push_back(std::move(text));
  }
  return told;
}

class MysqlSchemaChanges : public ::testing::TestWithParam<MyServer> {
 protected:
  static Result<std::unique_ptr<MysqlScene>> Make() {
    HG_ASSIGN_OR_RETURN(auto scene, MysqlScene::Make(GetParam()));
    HG_RETURN_IF_ERROR(scene->server().Exec("CREATE DATABASE d"));
    HG_RETURN_IF_ERROR(scene->server().Exec("CREATE TABLE d.t1 (id INT PRIMARY KEY)"));
    return scene;
  }
  static Status Reopen(MysqlScene& scene, MysqlScene::Settings more = {}) {
    more.insert({{"tables", "d.t*"}, {"snapshot", "never"}});
    return scene.Open("src", std::move(more));
  }
  // Each is read before the next one is made; the source begins anew before and behind each.
  static Status RunEach(MysqlScene& scene, const std::vector<std::string>& statements) {
    for (const std::string& statement : statements) {
      HG_RETURN_IF_ERROR(scene.server().Exec(statement));
      HG_RETURN_IF_ERROR(Reopen(scene));
      HG_RETURN_IF_ERROR(scene.CatchUp());
      HG_RETURN_IF_ERROR(Reopen(scene));
    }
    return scene.CatchUp();
  }
};

TEST_P(MysqlSchemaChanges, AreToldOnceInTheirPlaceWithOrWithoutRows) {
  HG_WITH_SERVER(NameOf(GetParam()), const auto scene, Make());
  ASSERT_TRUE(Reopen(*scene).ok());
  ASSERT_TRUE(scene->CatchUp().ok());
  const Status ran = RunEach(
      *scene,
      {"CREATE TABLE d.t2 (id INT PRIMARY KEY)", "INSERT INTO d.t2 VALUES (1)", "ALTER TABLE d.t2 ADD COLUMN b BOOL",
       "INSERT INTO d.t2 VALUES (2, TRUE)", "CREATE TABLE d.other (id INT PRIMARY KEY)", "CREATE INDEX i ON d.t2 (b)",
       "RENAME TABLE d.t2 TO d.t3", "RENAME TABLE d.t3 TO d.gone", "TRUNCATE TABLE d.t1", "DROP TABLE d.t1",
       "DROP TABLE d.other", "ALTER DATABASE d CHARACTER SET latin1", "CREATE DATABASE e", "DROP DATABASE d"});
  ASSERT_TRUE(ran.ok()) << ran.error().what;
  const auto events = scene->Events("src");  // no id is there twice
  ASSERT_TRUE(events.ok()) << events.error().what;
  EXPECT_THAT(Told(*events),
              ElementsAre("d.t2: CREATE TABLE d.t2 (id INT PRIMARY KEY) [id]", "insert d.t2",
                          "d.t2: ALTER TABLE d.t2 ADD COLUMN b BOOL [id b]", "insert d.t2",
                          "d.t2: CREATE INDEX i ON d.t2 (b) [id b]", "d.t3: RENAME TABLE d.t2 TO d.t3 [id b]",
                          ": RENAME TABLE d.t3 TO d.gone", "d.t1: DROP TABLE `d`.`t1`",
                          ": ALTER DATABASE d CHARACTER SET latin1", ": DROP DATABASE d"));
}

// What nobody can read, what is about no captured table, and what looks like a statement about one.
TEST_P(MysqlSchemaChanges, OtherStatementsAreNotToldAndStopNothing) {
  HG_WITH_SERVER(NameOf(GetParam()), const auto scene, Make());
  ASSERT_TRUE(Reopen(*scene).ok());
  ASSERT_TRUE(scene->CatchUp().ok());
  const Status ran = RunEach(
      *scene, {"CREATE VIEW d.tv AS SELECT id FROM d.t1",
               "CREATE PROCEDURE d.tp() BEGIN ALTER TABLE d.t1 ADD COLUMN x INT; END",
               "CREATE TRIGGER d.tg AFTER INSERT ON d.t1 FOR EACH ROW SET @x = 'DROP TABLE d.t1'",
               "CREATE USER u IDENTIFIED BY 'DROP TABLE d.t1'", "GRANT SELECT ON d.t1 TO u", "ANALYZE TABLE d.t1",
               "CREATE DATABASE z", "CREATE TABLE z.t1 (id INT)", "INSERT INTO d.t1 VALUES (1)", "DROP VIEW d.tv"});
  ASSERT_TRUE(ran.ok()) << ran.error().what;
  const auto events = scene->Events("src");
  ASSERT_TRUE(events.ok()) << events.error().what;
  EXPECT_THAT(Told(*events), ElementsAre("insert d.t1"));
}

// The server is ahead: its catalogue knows the table no more, or as it became later.
TEST_P(MysqlSchemaChanges, OfATableThatIsGoneTheStatementIsToldAlone) {
  HG_WITH_SERVER(NameOf(GetParam()), const auto scene, Make());
  ASSERT_TRUE(Reopen(*scene).ok());
  ASSERT_TRUE(scene->CatchUp().ok());
  for (const char* sql : {"CREATE TABLE d.t8 (id INT PRIMARY KEY)", "DROP TABLE IF EXISTS d.t8, d.t9"})
    ASSERT_TRUE(scene->server().Exec(sql).ok()) << sql;
  const Status caught_up = scene->CatchUp();
  ASSERT_TRUE(caught_up.ok()) << caught_up.error().what;
  const auto events = scene->Events("src");
  ASSERT_TRUE(events.ok()) << events.error().what;
  EXPECT_THAT(Told(*events), ElementsAre("d.t8: CREATE TABLE d.t8 (id INT PRIMARY KEY)",
                                         "d.t8: DROP TABLE IF EXISTS `d`.`t8`", "d.t9: DROP TABLE IF EXISTS `d`.`t9`"));
}

// gh-ost and its like: a table that was made beside takes the place of the captured one.
TEST_P(MysqlSchemaChanges, ATableThatTakesThePlaceOfAnotherIsToldOnce) {
  HG_WITH_SERVER(NameOf(GetParam()), const auto scene, Make());
  ASSERT_TRUE(Reopen(*scene).ok());
  ASSERT_TRUE(scene->CatchUp().ok());
  const std::string swap = "RENAME TABLE d.t1 TO d._t1_del, d._t1_gho TO d.t1";
  ASSERT_TRUE(RunEach(*scene, {"CREATE TABLE d._t1_gho (id INT PRIMARY KEY, v INT)", swap}).ok());
  const auto events = scene->Events("src");
  ASSERT_TRUE(events.ok()) << events.error().what;
  EXPECT_THAT(Told(*events), ElementsAre("d.t1: " + swap + " [id v]"));
}

TEST_P(MysqlSchemaChanges, RowsOfTheSameTransactionFollow) {
  HG_WITH_SERVER(NameOf(GetParam()), const auto scene, Make());
  ASSERT_TRUE(Reopen(*scene).ok());
  ASSERT_TRUE(scene->CatchUp().ok());
  ASSERT_TRUE(RunEach(*scene, {"CREATE TABLE d.t4 AS SELECT 1 AS a UNION SELECT 2"}).ok());
  const auto events = scene->Events("src");
  ASSERT_TRUE(events.ok()) << events.error().what;
  const auto told = Told(*events);
  ASSERT_EQ(told.size(), 3U);
  EXPECT_THAT(told[0], HasSubstr("d.t4: CREATE TABLE"));
  EXPECT_THAT(told[0], HasSubstr("[a]"));
  const Json& first = *std::ranges::find_if(*events, [](const Json& event) { return event.contains("ddl"); });
  EXPECT_EQ(first["tx"]["ordinal"], 1);
  EXPECT_EQ(first["tx"]["total"], 3);
  EXPECT_EQ(events->back()["tx"]["id"], first["tx"]["id"]);
  EXPECT_EQ(events->back()["tx"]["ordinal"], 3);
}

TEST_P(MysqlSchemaChanges, WhereRowsAreReadTheStatementOfTheTableComesFirst) {
  HG_WITH_SERVER(NameOf(GetParam()), const auto scene, Make());
  ASSERT_TRUE(scene->server().Exec("INSERT INTO d.t1 VALUES (1)").ok());
  ASSERT_TRUE(scene->Open("src", {{"tables", "d.t1"}}).ok());
  ASSERT_TRUE(scene->CatchUp().ok());
  ASSERT_TRUE(scene->Open("src", {{"tables", "d.t1"}}).ok());
  ASSERT_TRUE(scene->CatchUp().ok());
  const auto events = scene->Events("src");
  ASSERT_TRUE(events.ok()) << events.error().what;
  std::vector<std::string> ops;
  for (const Json& event : *events) ops.push_back(event["op"].get<std::string>() + (event.contains("ddl") ? "+" : ""));
  EXPECT_THAT(ops, ElementsAre("schema", "snapshot", "schema+", "read", "snapshot"));
  EXPECT_THAT((*events)[2]["ddl"].get<std::string>(), HasSubstr("CREATE TABLE `t1` (\n"));
}

TEST_P(MysqlSchemaChanges, AreNotToldWhereTheSettingsSaySo) {
  HG_WITH_SERVER(NameOf(GetParam()), const auto scene, Make());
  ASSERT_TRUE(scene->Open("src", {{"tables", "d.t*"}, {"include_schema_changes", "false"}}).ok());
  ASSERT_TRUE(scene->CatchUp().ok());
  for (const char* sql : {"ALTER TABLE d.t1 ADD COLUMN b BOOL", "INSERT INTO d.t1 VALUES (2, TRUE)", "DROP TABLE d.t1"})
    ASSERT_TRUE(scene->server().Exec(sql).ok()) << sql;
  ASSERT_TRUE(scene->CatchUp().ok());
  const auto events = scene->Events("src");
  ASSERT_TRUE(events.ok()) << events.error().what;
  const bool any = std::ranges::any_of(*events, [](const Json& event) { return event.contains("ddl"); });
  EXPECT_FALSE(any);
  EXPECT_THAT(Told(*events), ElementsAre("insert d.t1"));
}

INSTANTIATE_TEST_SUITE_P(Servers, MysqlSchemaChanges, ::testing::Values(MyServer::kMariadb, MyServer::kMysql),
                         [](const auto& param) { return NameOf(param.param); });

}  // namespace
}  // namespace headgate::test
