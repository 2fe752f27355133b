// What changes of views while nothing comes: rows expire, rows that were held come out. Over deaths of the program too.
#include <set>

#include "tests/e2e/thermostat.h"

namespace headgate::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class ViewTimeE2e : public Thermostat {
 protected:
  json View(const std::string& view) { return Call("GET", "/api/v1/views/" + view, 200); }
  json Rows(const std::string& sql) { return Query(sql)["rows"]; }
  void UntilCount(const std::string& view, const char* what, int count) {
    Until("/api/v1/views/" + view, [&](const json& v) { return v.value(what, 0) == count; });
  }
  // From now on the program dies when it is about to mark the time.
  void DieAtMarks() {
    headgate_->KillHard();
    headgate_->set_failpoints("views.before_mark=kill:1");
    ASSERT_TRUE(headgate_->Start().ok());
    Until("/connectors/readings/status", [](const json& status) { return status["connector"]["state"] == "RUNNING"; });
  }
  // Killed now, it starts again and dies so; then it may live.
  void LiveAgain() {
    headgate_->KillHard();
    static_cast<void>(headgate_->Start());
    ASSERT_TRUE(headgate_->WaitEnd(seconds(40)).has_value()) << headgate_->Stderr();
    headgate_->set_failpoints("");
    ASSERT_TRUE(headgate_->Start().ok());
  }
  // What the receiver was told of the temperatures, in its order, repetitions left out.
  std::vector<std::string> Heard() {
    std::set<std::string> ids;
    std::vector<std::string> heard;
    for (const auto& request : receiver_.http().Requests()) {
      const json body = json::parse(request.body);
      if (!ids.insert(*request.Header("webhook-id")).second) continue;
      for (const auto& [image, sign] : {std::pair{"before", "-"}, {"after", "+"}}) {
        if (body.contains(image) && !body[image].is_null())
          heard.push_back(sign + body[image]["temperature"].dump() +
                          (body[image].contains("desired") ? "/" + body[image]["desired"].dump() : ""));
      }
    }
    return heard;
  }
  std::string Hook() { return "WITH (connector.class = 'webhook', url = '" + receiver_.url() + "')"; }
};

TEST_F(ViewTimeE2e, RowsExpireWhileNothingComesAndOverDeathsOfTheProgram) {
  Sql("CREATE SOURCE readings (sensor_id int NOT NULL, temperature int NOT NULL) WITH (connector.class = 'http');"
      "CREATE MATERIALIZED VIEW recent AS SELECT sensor_id, temperature FROM readings "
      "WHERE _stored_at > now() - INTERVAL '3 s';"
      "CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM recent;"
      "CREATE SINK out FROM recent " +
      Hook());
  UntilRunning("counted");
  DieAtMarks();
  UntilRunning("counted");
  for (const char* temperature : {"1", "2", "3"}) Read(7, temperature);
  UntilCount("recent", "rows", 3);
  EXPECT_EQ(Rows("SELECT n FROM counted"), json::parse("[[3]]"));
  ASSERT_TRUE(receiver_.WaitForDistinct(3, seconds(10))) << headgate_->Stderr();
  LiveAgain();
  UntilRunning("counted");
  UntilCount("recent", "expired", 3);
  EXPECT_EQ(Rows("SELECT * FROM recent"), json::array());
  EXPECT_EQ(Rows("SELECT n FROM counted"), json::parse("[[0]]"));
  ASSERT_TRUE(receiver_.WaitForDistinct(6, seconds(10))) << headgate_->Stderr();
  EXPECT_THAT(Heard(), testing::ElementsAre("+1", "+2", "+3", "-1", "-2", "-3"));
  // Once more, through to the end without a death.
  Read(7, "4");
  UntilCount("recent", "expired", 4);
  EXPECT_EQ(View("recent")["append_only"], false);
}

// More rows than one step takes back are due when the program starts.
TEST_F(ViewTimeE2e, RowsThatExpireInSeveralStepsDoSoOverADeathBetweenThem) {
  constexpr int kRequests = 6;
  constexpr int kReadings = 60'000;
  Sql("CREATE SOURCE readings (sensor_id int NOT NULL, temperature int NOT NULL) WITH (connector.class = 'http');"
      "CREATE MATERIALIZED VIEW recent AS SELECT sensor_id, temperature FROM readings "
      "WHERE _stored_at > now() - INTERVAL '4 s';"
      "CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM recent");
  UntilRunning("counted");
  json readings = json::array();
  for (int i = 0; i < kReadings / kRequests; ++i) readings.push_back({{"sensor_id", i}, {"temperature", 2}});
  for (int i = 0; i < kRequests; ++i) Call("POST", "/api/v1/streams/readings/events", 200, readings);
  headgate_->KillHard();
  Wait(seconds(5));
  headgate_->set_failpoints("views.time_passed=kill:1");
  static_cast<void>(headgate_->Start());
  ASSERT_TRUE(headgate_->WaitEnd(seconds(40)).has_value()) << "one step took all of them back";
  headgate_->set_failpoints("");
  ASSERT_TRUE(headgate_->Start().ok());
  UntilRunning("counted");
  UntilCount("recent", "expired", kReadings);
  EXPECT_EQ(View("recent").value("rows", -1), 0);
  EXPECT_EQ(Rows("SELECT n FROM counted"), json::parse("[[0]]"));
}

TEST_F(ViewTimeE2e, HeldRowsComeOutOnceInOrderAndSeeWhatCameMeanwhile) {
  auto source = shop_->Source();
  source["tables"] = "public.settings";
  Create("bms", source);
  Sql(kThermostat);
  Sql("CREATE MATERIALIZED VIEW judged WITH (grace = '4 s') AS "
      "SELECT r._seq AS seq, r.temperature, s.desired FROM readings r "
      "LEFT JOIN settings FOR SYSTEM_TIME AS OF LOG_POSITION() AS s ON s.sensor_id = r.sensor_id;"
      "CREATE SINK out FROM judged " +
      Hook());
  for (const char* view : {"heater_control", "controller_state", "setting_usage", "judged"}) UntilRunning(view);
  Set(7, 45, 1, 1);
  DieAtMarks();
  UntilRunning("judged");
  Read(7, "1");
  Read(8, "2");
  Read(7, "3");
  Set(8, 50, 1, 1);  // applied: too late for those that look up at once, not for those that are held
  UntilCount("judged", "waiting", 3);
  EXPECT_EQ(Rows("SELECT * FROM judged"), json::array());
  LiveAgain();
  UntilCount("judged", "rows", 3);
  EXPECT_EQ(Rows("SELECT temperature, desired FROM judged ORDER BY seq"),
            json::parse("[[1.0, 45.0], [2.0, 50.0], [3.0, 45.0]]"));
  EXPECT_FALSE(View("judged").contains("waiting"));
  ASSERT_TRUE(receiver_.WaitForDistinct(3, seconds(10))) << headgate_->Stderr();
  EXPECT_THAT(Heard(), testing::ElementsAre("+1/45", "+2/50", "+3/45"));
}

TEST_F(ViewTimeE2e, WhatIsNoTemporalFilterIsRefusedWithItsPlaceAndAWayToWriteIt) {
  Sql("CREATE SOURCE readings (sensor_id int NOT NULL, temperature float8 NOT NULL) WITH (connector.class = 'http')");
  const std::string from = "CREATE MATERIALIZED VIEW v AS SELECT sensor_id FROM readings\nWHERE ";
  const auto refused = [&](const std::string& statement) { return Sql(statement, 422)["errors"][0]; };
  const json error = refused(from + "_stored_at > now() - INTERVAL '1 month'");
  EXPECT_EQ(error["line"], 2);
  EXPECT_THAT(error["detail"].get<std::string>(), HasSubstr("cannot count months"));
  EXPECT_THAT(error.dump(), HasSubstr("INTERVAL '30 days'"));
  EXPECT_THAT(refused(from + "_stored_at < now()").dump(), HasSubstr("ts > now() - INTERVAL '1 hour'"));
  EXPECT_THAT(refused("CREATE MATERIALIZED VIEW v WITH (grace = '1 s') AS SELECT sensor_id FROM readings").dump(),
              HasSubstr("FOR SYSTEM_TIME AS OF LOG_POSITION()"));
  EXPECT_THAT(refused("CREATE MATERIALIZED VIEW v AS SELECT now() AS t FROM readings").dump(), HasSubstr("_stored_at"));
}

}  // namespace
}  // namespace headgate::test
