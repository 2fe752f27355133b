// The tables that events are judged by when their server goes away, and when it changes their shape.
#include "tests/e2e/thermostat.h"
#include "tests/support/private_postgres.h"
#include "tests/support/require.h"
#include "tests/support/wait_for.h"

namespace headgate::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class ViewGate : public ViewsFixture {
 protected:
  void SetUp() override {
    ViewsFixture::SetUp();
    if (IsSkipped()) return;
    HG_WITH_SERVER("postgres", server_, PrivatePostgres::Start());
    OnServer(
        "CREATE TABLE settings (sensor_id int PRIMARY KEY, desired float8 NOT NULL);"
        "INSERT INTO settings VALUES (7, 45)");
    Create("bms", {{"connector.class", "postgres"},
                   {"host", server_->host()},
                   {"port", std::to_string(server_->port())},
                   {"dbname", "postgres"},
                   {"username", "postgres"},
                   {"tables", "public.settings"}});
    Until("/api/v1/streams/bms.public.settings", [](const json&) { return true; });
    Sql(R"(
CREATE SOURCE readings (sensor_id int NOT NULL, temperature float8 NOT NULL) WITH (connector.class = 'http');
CREATE MATERIALIZED VIEW judged WITH (max_staleness = '2 s') AS
SELECT r._seq AS seq, r.temperature, s.desired
FROM readings r JOIN bms.public.settings FOR SYSTEM_TIME AS OF LOG_POSITION() AS s ON s.sensor_id = r.sensor_id;
CREATE MATERIALIZED VIEW free AS
SELECT r._seq AS seq, r.temperature, s.desired
FROM readings r JOIN bms.public.settings FOR SYSTEM_TIME AS OF LOG_POSITION() AS s ON s.sensor_id = r.sensor_id)");
    UntilRunning("judged");
    UntilRunning("free");
  }
  void OnServer(const std::string& sql) {
    const Status done = server_->Exec("postgres", sql);
    ASSERT_TRUE(done.ok()) << done.error().what;
  }
  void Read(double temperature) {
    Result<HttpAnswer> answer = Transient("not asked");
    const auto taken = [&] {  // its source may still be starting
      answer = headgate_->Call("POST", "/api/v1/streams/readings/events",
                               json({{"sensor_id", 7}, {"temperature", temperature}}).dump());
      return answer.ok() && answer->status != 503;
    };
    ASSERT_TRUE(WaitFor(taken));
    ASSERT_EQ(answer->status, 200) << answer->body;
    seq_ = std::stoull(answer->headers.at("headgate-seq"));
  }
  // Temperatures and settings, in the order of the readings, with the last one.
  std::string Seen(const std::string& view) {
    const json answer = Call(
        "POST", "/api/v1/query", 200,
        {{"sql", "SELECT temperature, desired FROM " + view + " ORDER BY seq"}, {"min_seq", seq_}, {"wait_ms", 10000}});
    std::string rows;
    for (const json& row : answer["rows"]) rows += row[0].dump() + "/" + row[1].dump() + " ";
    return rows;
  }
  void UntilGated() {
    Until("/api/v1/views/judged", [](const json& view) { return view["state"] == "gated"; });
  }

  std::unique_ptr<PrivatePostgres> server_;
  std::uint64_t seq_ = 0;
};

TEST_F(ViewGate, AQuietServerHoldsNothingAndASilentOneHoldsEventsUntilItAnswers) {
  Wait(milliseconds(3500));  // no change and no keep-alive for longer than that: it is asked, and answers
  Read(1);
  EXPECT_EQ(Seen("judged"), "1/45 ");
  ASSERT_TRUE(server_->Freeze().ok());
  UntilGated();
  const json gate = Call("GET", "/api/v1/views/judged", 200)["gate"];
  EXPECT_EQ(gate["held"]["source"], "bms");
  EXPECT_THAT(gate["reason"].get<std::string>(), HasSubstr("max_staleness"));
  EXPECT_EQ(gate["control"][0]["stream"], "bms.public.settings");
  for (int i = 2; i < 5; ++i) Read(i);
  EXPECT_EQ(Seen("judged"), "1/45 ");
  EXPECT_EQ(Seen("free"), "1/45 2/45 3/45 4/45 ");
  Until("/api/v1/views/judged", [](const json& view) { return view["gate"]["held"]["rows_waiting"] == 3; });
  ASSERT_TRUE(server_->Thaw().ok());
  UntilRunning("judged");
  EXPECT_EQ(Seen("judged"), "1/45 2/45 3/45 4/45 ");
  OnServer("UPDATE settings SET desired = 50");
  Until("/api/v1/views/judged", [&](const json&) {
    Read(9);
    return Seen("judged").find("/50") != std::string::npos;
  });
}

TEST_F(ViewGate, AServerThatStopsHoldsEventsOverDeathsOfTheProgram) {
  Read(1);
  EXPECT_EQ(Seen("judged"), "1/45 ");
  ASSERT_TRUE(server_->Stop().ok());
  UntilGated();
  Read(2);
  Read(3);
  EXPECT_EQ(Seen("judged"), "1/45 ");
  headgate_->KillHard();
  ASSERT_TRUE(headgate_->Start().ok());
  UntilGated();
  Read(4);
  EXPECT_EQ(Seen("judged"), "1/45 ");
  headgate_->KillHard();
  ASSERT_TRUE(server_->StartAgain().ok());
  OnServer("UPDATE settings SET desired = 60");
  headgate_->set_failpoints("views.released=kill:1");
  static_cast<void>(headgate_->Start());
  ASSERT_TRUE(headgate_->WaitEnd(seconds(40)).has_value()) << headgate_->Stderr();
  headgate_->set_failpoints("");
  ASSERT_TRUE(headgate_->Start().ok());
  UntilRunning("judged");
  Read(5);
  EXPECT_EQ(Seen("judged"), "1/45 2/60 3/60 4/60 5/60 ");
  EXPECT_EQ(Seen("free"), "1/45 2/45 3/45 4/45 5/60 ");
}

// ALTER TABLE ... ADD COLUMN: views of * have it, in step with the first row that brings it, over a kill at any point.
TEST_F(ViewGate, F48_AColumnThatComesFlowsToViewsOfStar) {
  Sql("CREATE MATERIALIZED VIEW stars AS SELECT * FROM bms.public.settings;"
      "CREATE MATERIALIZED VIEW found AS SELECT r._seq AS seq, s.* FROM readings r "
      "JOIN bms.public.settings FOR SYSTEM_TIME AS OF LOG_POSITION() AS s ON s.sensor_id = r.sensor_id");
  UntilRunning("stars");
  UntilRunning("found");
  Read(1);
  EXPECT_EQ(Seen("free"), "1/45 ");
  headgate_->KillHard();
  headgate_->set_failpoints("views.carry_chunk=kill:1");
  ASSERT_TRUE(headgate_->Start().ok());
  OnServer(
      "ALTER TABLE settings ADD COLUMN unit text NOT NULL DEFAULT 'C', ADD COLUMN note text; "
      "INSERT INTO settings VALUES (9, 50, 'F', 'new')");
  ASSERT_TRUE(headgate_->WaitEnd(seconds(40)).has_value()) << headgate_->Stderr();
  headgate_->set_failpoints("");
  ASSERT_TRUE(headgate_->Start().ok());
  const json stars =
      Until("/api/v1/views/stars/rows", [](const json& rows) { return rows["items"].size() == 2; })["items"];
  EXPECT_EQ(stars[0].dump(), R"({"desired":45,"note":null,"sensor_id":7,"unit":"C"})");
  EXPECT_EQ(stars[1].dump(), R"({"desired":50,"note":"new","sensor_id":9,"unit":"F"})");
  Read(2);
  const json found =
      Call("POST", "/api/v1/query", 200,
           {{"sql", "SELECT unit, note FROM found ORDER BY seq"}, {"min_seq", seq_}, {"wait_ms", 10000}})["rows"];
  EXPECT_EQ(found.dump(), R"([[null,null],["C",null]])");
}

// ALTER TABLE under views: what a view reads and that goes away, or becomes something else, is never shown as NULL.
TEST_F(ViewGate, AChangedTableFailsTheViewsThatReadTheColumnAndNoOther) {
  OnServer("ALTER TABLE settings ADD COLUMN up int, ADD COLUMN note text");
  OnServer("INSERT INTO settings VALUES (8, 50, 1, 'n')");
  Until("/api/v1/streams/bms.public.settings",
        [](const json& stream) { return stream.dump().find("note") != std::string::npos; });
  Sql("CREATE MATERIALIZED VIEW ups AS SELECT sensor_id, up FROM bms.public.settings;"
      "CREATE MATERIALIZED VIEW top AS SELECT max(up) AS up FROM ups;"
      "CREATE MATERIALIZED VIEW notes AS SELECT sensor_id, note FROM bms.public.settings");
  UntilRunning("top");
  UntilRunning("notes");
  const auto failed = [&](const std::string& view) {
    return Until("/api/v1/views/" + view, [](const json& v) { return v["state"] == "failed"; })["error"]
        .get<std::string>();
  };
  OnServer("ALTER TABLE settings RENAME COLUMN note TO remark; INSERT INTO settings VALUES (9, 50, 2, 'm')");
  EXPECT_THAT(failed("notes"), testing::AllOf(HasSubstr("\"note\""), HasSubstr("\"remark\" stands in its place")));
  Until("/api/v1/views/ups/rows?key.sensor_id=9", [](const json& row) { return row["up"] == 2; });
  OnServer("ALTER TABLE settings ALTER COLUMN up TYPE bigint; INSERT INTO settings VALUES (10, 50, 3, 'm')");
  Until("/api/v1/views/ups/rows?key.sensor_id=10", [](const json& row) { return row["up"] == 3; });
  OnServer("ALTER TABLE settings DROP COLUMN up; INSERT INTO settings VALUES (11, 50, 'm')");
  EXPECT_THAT(failed("ups"), HasSubstr("column \"up\" of bms.public.settings was dropped or renamed"));
  EXPECT_THAT(failed("top"), HasSubstr("it reads ups"));
  Call("GET", "/api/v1/views/ups/rows?key.sensor_id=9", 503);
  Read(1);
  EXPECT_EQ(Seen("judged"), "1/45 ") << "what reads other columns goes on";
  Sql("CREATE OR REPLACE MATERIALIZED VIEW ups AS SELECT sensor_id, sensor_id + 1 AS up FROM bms.public.settings");
  UntilRunning("top");
  EXPECT_EQ(Query("SELECT up FROM top")["rows"][0][0], 12);
}

}  // namespace
}  // namespace headgate::test
