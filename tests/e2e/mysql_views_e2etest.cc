#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/e2e/thermostat.h"
#include "tests/support/private_mysql.h"
#include "tests/support/require.h"

// Views over streams of MySQL and MariaDB, alone and together with those of PostgreSQL.
namespace headgate::test {
namespace {

class MysqlViews : public Thermostat, public ::testing::WithParamInterface<MyServer> {
 protected:
  void SetUp() override {
    ViewsFixture::SetUp();
    if (IsSkipped()) return;
    HG_WITH_SERVER(NameOf(GetParam()), server_, PrivateMysql::Start(GetParam()));
    My("CREATE DATABASE d");
  }
  void My(const std::string& sql) {
    const Status done = server_->Exec(sql);
    ASSERT_TRUE(done.ok()) << done.error().what;
  }
  std::string MyValue(const std::string& sql) {
    const auto value = server_->Value(sql);
    EXPECT_TRUE(value.ok()) << sql;
    return value.ok() ? *value : "";
  }
  void Capture(const std::string& name) {
    Create(name, {{"connector.class", NameOf(GetParam())},
                  {"host", server_->host()},
                  {"port", std::to_string(server_->port())},
                  {"username", "hg"},
                  {"password", "pw"},
                  {"tables", "d.*"}});
    Until("/api/v1/connectors/" + name + "/snapshots/1", [](const json& s) { return s["state"] == "completed"; });
  }
  json Rows(const std::string& sql) { return Query(sql)["rows"]; }
  // Until the query gives these rows.
  void UntilRows(const std::string& sql, const json& rows) {
    json last;
    for (const auto end = std::chrono::steady_clock::now() + seconds(20); std::chrono::steady_clock::now() < end;) {
      last = Rows(sql);
      if (last == rows) return;
      Wait(milliseconds(20));
    }
    ADD_FAILURE() << sql << ": " << last.dump() << " instead of " << rows.dump();
  }

  std::unique_ptr<PrivateMysql> server_;
};

TEST_P(MysqlViews, H56_ControlComesFromATableOfMysql) {
  My("CREATE TABLE d.settings (sensor_id INT PRIMARY KEY, desired DOUBLE NOT NULL, up_delta DOUBLE NOT NULL, "
     "down_delta DOUBLE NOT NULL)");
  My("INSERT INTO d.settings VALUES (7, 40, 1, 1)");
  Capture("bms");
  Sql(ThermostatOf("bms.d.settings"));
  for (const char* view : {"heater_control", "controller_state", "setting_usage"}) UntilRunning(view);
  UntilSetting(7, [](const json& row) { return row["desired"] == 40; });
  Read(7, "45");
  EXPECT_EQ(Commands(7), "Off ");
  My("UPDATE d.settings SET desired = 50 WHERE sensor_id = 7");
  UntilSetting(7, [](const json& row) { return row["desired"] == 50; });
  Read(7, "45");
  EXPECT_EQ(Commands(7), "Off On ");
  My("DELETE FROM d.settings WHERE sensor_id = 7");
  Until("/api/v1/views/controller_state/rows?count=true", [](const json& rows) { return rows["count"] == 0; });
  Read(7, "99");
  EXPECT_EQ(Commands(7), "Off On ") << "H-18: without a setting nothing is decided";
}

TEST_P(MysqlViews, ATableOfPostgresIsJoinedWithOneOfMysql) {
  Exec("CREATE TABLE people (id bigint PRIMARY KEY, name text NOT NULL)");
  Exec("INSERT INTO people SELECT g, 'person ' || g FROM generate_series(1, 40) g");
  My("CREATE TABLE d.buys (id BIGINT PRIMARY KEY, person BIGINT, total DECIMAL(12,2) NOT NULL)");
  for (int i = 1; i <= 100; ++i) {
    const std::string n = std::to_string(i);
    My("INSERT INTO d.buys VALUES (" + n + "," + std::to_string(i % 40 + 1) + "," + n + ".25)");
  }
  auto source = shop_->Source();
  source["tables"] = "public.people";
  Create("shop", source);
  Until("/api/v1/streams/shop.public.people", [](const json&) { return true; });
  Capture("store");
  Sql("CREATE MATERIALIZED VIEW spent AS SELECT p.id, p.name, count(*) AS buys, sum(b.total) AS total "
      "FROM shop.public.people p JOIN store.d.buys b ON b.person = p.id GROUP BY p.id, p.name");
  UntilRunning("spent");
  std::mt19937 random(5);
  for (int i = 0; i < 150; ++i) {
    const std::string person = std::to_string(random() % 45 + 1);
    const std::string buy = std::to_string(random() % 130 + 1);
    switch (random() % 5) {
      case 0:
        Exec("INSERT INTO people VALUES (" + person + ", 'new') ON CONFLICT DO NOTHING");
        break;
      case 1:
        Exec("DELETE FROM people WHERE id = " + person);
        break;
      case 2:
        My("REPLACE INTO d.buys VALUES (" + buy + "," + person + ",0.75)");
        break;
      case 3:
        My("DELETE FROM d.buys WHERE id = " + buy);
        break;
      default:
        My("UPDATE d.buys SET person = " + person + ", total = total + 1 WHERE id = " + buy);
    }
  }
  // What both servers have, joined by hand.
  json expected = json::array();
  const auto people = shop_->database().Query("SELECT id, name FROM people ORDER BY id");
  ASSERT_TRUE(people.ok());
  for (const auto& row : *people) {
    const std::string of = " FROM d.buys WHERE person = " + *row[0];
    if (MyValue("SELECT COUNT(*)" + of) == "0") continue;
    expected.push_back({*row[0], *row[1], MyValue("SELECT COUNT(*)" + of), MyValue("SELECT SUM(total)" + of)});
  }
  ASSERT_GT(expected.size(), 10U);
  UntilRows("SELECT CAST(id AS text), name, CAST(buys AS text), CAST(total AS text) FROM spent ORDER BY spent.id",
            expected);
}

TEST_P(MysqlViews, UnsignedNumbersOf64BitsAreExact) {
  My("CREATE TABLE d.big (id BIGINT UNSIGNED PRIMARY KEY, n BIGINT UNSIGNED, m INT UNSIGNED, t TINYINT(1), e "
     "ENUM('x','y'), "
     "at DATETIME(6), j JSON)");
  My("INSERT INTO d.big VALUES (18446744073709551615, 18446744073709551614, 4294967295, 1, 'y', "
     "'2026-02-28 23:59:59.999999', '{\"a\": [1, 2]}'), (9223372036854775808, 9223372036854775807, 1, 0, NULL, NULL, "
     "NULL)");
  Capture("m");
  Sql("CREATE MATERIALIZED VIEW sums AS SELECT id, n, m, n + 1 AS more, e, at, j FROM m.d.big");
  Sql("CREATE MATERIALIZED VIEW total AS SELECT sum(n) AS n, max(id) AS id, count(*) AS c FROM m.d.big");
  UntilRunning("sums");
  UntilRunning("total");
  UntilRows("SELECT CAST(id AS text), CAST(n AS text), CAST(more AS text), CAST(m AS text) FROM sums ORDER BY sums.id",
            {{"9223372036854775808", "9223372036854775807", "9223372036854775808", "1"},
             {"18446744073709551615", "18446744073709551614", "18446744073709551615", "4294967295"}});
  UntilRows("SELECT CAST(n AS text), CAST(id AS text), c FROM total",
            {{"27670116110564327421", "18446744073709551615", 2}});
  UntilRows(
      "SELECT CAST(e AS text), CAST(at AS text), CAST(j AS text) FROM sums WHERE id > 9223372036854775808",
      {{"y", "2026-02-28 23:59:59.999999", GetParam() == MyServer::kMysql ? R"({"a":[1,2]})" : R"({"a": [1, 2]})"}});
  My("UPDATE d.big SET n = 18446744073709551615 WHERE id = 18446744073709551615");
  UntilRows("SELECT CAST(n AS text) FROM total", {{"27670116110564327422"}});
}

// What the stream goes on with while a table is read again is shown at once, and reading takes nothing back.
TEST_P(MysqlViews, AViewGoesOnWhileItsTableIsReadAgain) {
  My("CREATE TABLE d.t (id INT PRIMARY KEY, v INT, pad VARCHAR(300))");
  std::string rows = "INSERT INTO d.t VALUES ";
  for (int i = 1; i <= 20'000; ++i)
    rows += (i == 1 ? "(" : ",(") + std::to_string(i) + ",1,'" + std::string(250, 'p') + "')";
  My(rows);
  Capture("m");
  Sql("CREATE MATERIALIZED VIEW s AS SELECT count(*) AS c, sum(v) AS v FROM m.d.t");
  UntilRunning("s");
  UntilRows("SELECT c, CAST(v AS text) FROM s", {{20'000, "20000"}});
  const json made = Call("POST", "/api/v1/connectors/m/snapshots", 201, {{"mode", "full"}});
  Call("PATCH", "/api/v1/connectors/m/snapshots/2", 200, {{"state", "paused"}});
  My("DELETE FROM d.t WHERE id > 19000");
  My("UPDATE d.t SET v = 2 WHERE id <= 10");
  UntilRows("SELECT c, CAST(v AS text) FROM s", {{19'000, "19010"}});
  Call("PATCH", "/api/v1/connectors/m/snapshots/2", 200, {{"state", "running"}});
  Until("/api/v1/connectors/m/snapshots/2", [](const json& s) { return s["state"] == "completed"; });
  Wait(milliseconds(300));
  UntilRows("SELECT c, CAST(v AS text) FROM s", {{19'000, "19010"}});
}

INSTANTIATE_TEST_SUITE_P(Servers, MysqlViews, ::testing::Values(MyServer::kMariadb, MyServer::kMysql),
                         [](const auto& param) { return NameOf(param.param); });

}  // namespace
}  // namespace headgate::test
