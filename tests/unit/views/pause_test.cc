// Views that stand still and go on.
#include <gmock/gmock.h>

#include "tests/unit/views/views_support.h"

namespace headgate::test {
namespace {

using sql::TypeId;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Rows = std::vector<std::string>;

class ViewPause : public ThermostatTest {
 protected:
  void SetUp() override {
    settings_.Snapshot({{"7", "45"}, {"8", "45"}});
    readings_.Insert({"7", "45"});
    readings_.Commit();
    ASSERT_EQ(shard_.Sql(kViews), "");
    ASSERT_TRUE(shard_.Settle());
  }
  void SetPaused(const std::string& view, bool paused) {
    const auto done = shard_.views().SetPaused(view, paused, {});
    ASSERT_TRUE(done.ok()) << done.error().message;
    ASSERT_TRUE(Shard::Until([&] { return (State(view) == "paused") == paused; })) << view << " is " << State(view);
  }
  // "" until the views' thread has heard of it.
  std::string State(const std::string& view) {
    const auto status = shard_.views().Status(view);
    return status == nullptr ? "" : status->state;
  }
  void Read(const std::string& sensor, const std::string& temperature) {
    readings_.Insert({sensor, temperature});
    readings_.Commit();
  }
  void Set(const std::string& sensor, const std::string& desired) {
    settings_.Update({sensor, desired});
    settings_.Commit();
  }
  Rows Commands() { return shard_.Select("SELECT seq, sensor_id, command FROM heater"); }

  static constexpr const char* kViews = R"(
CREATE VIEW decisions AS
SELECT r.sensor_id, r._seq AS seq, r._ordinal AS ordinal,
       CASE WHEN r.temperature > s.desired + 1 THEN 'Off' WHEN r.temperature < s.desired - 1 THEN 'On' END AS command
FROM readings r JOIN bms.public.settings FOR SYSTEM_TIME AS OF LOG_POSITION() AS s ON s.sensor_id = r.sensor_id;
CREATE MATERIALIZED VIEW heater AS
SELECT sensor_id, command, seq, ordinal
FROM (SELECT d.sensor_id, d.command, d.seq, d.ordinal,
             LAG(d.command) OVER (PARTITION BY d.sensor_id ORDER BY d.seq, d.ordinal) AS previous
      FROM decisions d WHERE d.command IS NOT NULL) x
WHERE x.previous IS DISTINCT FROM x.command;
CREATE MATERIALIZED VIEW states AS
SELECT s.sensor_id, s.desired, h.command
FROM bms.public.settings s
LEFT JOIN (SELECT DISTINCT ON (sensor_id) sensor_id, command FROM heater
           ORDER BY sensor_id, seq DESC, ordinal DESC) h ON h.sensor_id = s.sensor_id;
CREATE MATERIALIZED VIEW total AS SELECT count(*) AS n, sum(desired) AS s FROM bms.public.settings;)";
};

TEST_F(ViewPause, APausedViewStandsStillWithWhatReadsItAndOthersGoOn) {
  SetPaused("heater", true);
  Read("7", "40");
  Set("8", "50");
  ASSERT_TRUE(shard_.Applied());
  EXPECT_THAT(shard_.Select("SELECT * FROM total"), ElementsAre("2|95"));
  EXPECT_EQ(State("states"), "paused");
  EXPECT_EQ(shard_.views().Status("states")->paused_by, "heater");
  EXPECT_EQ(State("total"), "running");
  EXPECT_THAT(Commands(), ElementsAre(HasSubstr("no complete content")));
  EXPECT_THAT(shard_.Select("SELECT * FROM states"), ElementsAre(HasSubstr("no complete content")));
  SetPaused("heater", false);
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT sensor_id, command FROM heater"), ElementsAre("7|On"));
  EXPECT_THAT(shard_.Select("SELECT * FROM states"), ElementsAre("7|45|On", "8|50|NULL"));
}

// Each reading is judged by the setting that stood when it came, and the memory is that of before the pause.
TEST_F(ViewPause, WhatComesMeanwhileIsJudgedAsIfThereHadBeenNoPause) {
  Read("7", "40");
  ASSERT_TRUE(shard_.Settle());
  SetPaused("heater", true);
  Read("7", "39");  // On, as before
  Set("7", "30");
  Read("7", "39");  // Off
  Set("7", "60");
  Read("7", "39");  // On
  settings_.Delete({"7"});
  settings_.Commit();
  Read("7", "39");
  ASSERT_TRUE(shard_.Applied());
  shard_.Reopen();
  EXPECT_EQ(State("heater"), "paused");
  settings_.Insert({"7", "45"});
  settings_.Commit();
  Read("7", "47");  // Off
  ASSERT_TRUE(shard_.Applied());
  SetPaused("heater", false);
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT command FROM heater ORDER BY seq"), ElementsAre("Off", "Off", "On", "On"));
  EXPECT_THAT(shard_.Select("SELECT command, count(*) FROM heater GROUP BY command"), ElementsAre("Off|2", "On|2"));
  EXPECT_THAT(shard_.Select("SELECT * FROM states"), ElementsAre("7|45|Off", "8|45|NULL"));
}

TEST_F(ViewPause, AReaderThatIsPausedItselfWaitsOnWhileItsInputGoesOn) {
  SetPaused("states", true);
  Read("7", "40");
  ASSERT_TRUE(shard_.Applied());
  SetPaused("heater", true);
  Read("7", "50");
  Set("7", "46");
  ASSERT_TRUE(shard_.Applied());
  SetPaused("heater", false);
  ASSERT_TRUE(Shard::Until([&] { return State("heater") == "running"; }));
  EXPECT_EQ(State("states"), "paused");
  EXPECT_EQ(shard_.views().Status("states")->paused_by, "");
  Read("7", "40");
  ASSERT_TRUE(shard_.Applied());
  shard_.Reopen();
  SetPaused("states", false);
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM states"), ElementsAre("7|46|On", "8|45|NULL"));
}

TEST_F(ViewPause, ALongBacklogIsTakenInPieces) {
  SetPaused("heater", true);
  for (int round = 0; round < 30; ++round) {
    for (int i = 0; i < 1000; ++i) readings_.Insert({i % 2 == 0 ? "7" : "8", round % 2 == 0 ? "40" : "50"});
    readings_.Commit();
    EXPECT_TRUE(round % 10 != 5 || shard_.Applied());
  }
  ASSERT_TRUE(shard_.Applied());
  SetPaused("heater", false);
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT sensor_id, command, count(*) FROM heater GROUP BY 1, 2"),
              ElementsAre("7|Off|15", "7|On|15", "8|Off|15", "8|On|15"));
}

TEST_F(ViewPause, AViewThatWaitsForItsTablesWaitsOn) {
  ASSERT_EQ(shard_.Sql("CREATE TABLE later (id int PRIMARY KEY) WITH (stream = 'bms.public.later');"
                       "CREATE MATERIALIZED VIEW of_later AS SELECT id FROM later"),
            "");
  SetPaused("of_later", true);
  TestStream later(shard_, "bms", "public", "later", {{"id", TypeId::kInt4}}, 1);
  later.Snapshot({{"1"}});
  ASSERT_TRUE(shard_.Applied());
  EXPECT_EQ(State("of_later"), "paused");
  SetPaused("of_later", false);
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM of_later"), ElementsAre("1"));
}

TEST_F(ViewPause, ANewReaderWaitsAndAReplacementEndsThePause) {
  SetPaused("total", true);
  Set("7", "46");
  ASSERT_TRUE(shard_.Applied());
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW of_total AS SELECT s FROM total"), "");
  ASSERT_TRUE(Shard::Until([&] { return shard_.views().Status("of_total") != nullptr; }));
  EXPECT_EQ(State("of_total"), "paused");
  SetPaused("total", false);
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM of_total"), ElementsAre("91"));
  ASSERT_TRUE(shard_.views().Drop("of_total", {}).ok());
  SetPaused("total", true);
  Set("7", "47");
  ASSERT_TRUE(shard_.Applied());
  ASSERT_EQ(shard_.Sql("CREATE OR REPLACE MATERIALIZED VIEW total AS SELECT count(*) AS n, sum(desired) + 1 AS s FROM "
                       "bms.public.settings"),
            "");
  ASSERT_TRUE(shard_.SettleReplaced("total"));
  EXPECT_THAT(shard_.Select("SELECT * FROM total"), ElementsAre("2|93"));
}

TEST_F(ViewPause, OnlyViewsThatAreKeptInStepCanBePaused) {
  EXPECT_EQ(shard_.views().SetPaused("decisions", true, {}).error().code, "42809");
  EXPECT_EQ(shard_.views().SetPaused("nothing", true, {}).error().code, "42P01");
  EXPECT_TRUE(shard_.views().SetPaused("total", false, {}).ok());
}

}  // namespace
}  // namespace headgate::test
