// Events that wait while nobody confirms the tables that they are judged by.
#include <gmock/gmock.h>

#include <atomic>

#include "tests/unit/views/views_support.h"

namespace headgate::test {
namespace {

using sql::TypeId;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Rows = std::vector<std::string>;

class ViewHold : public ThermostatTest {
 protected:
  void SetUp() override {
    shard_.sight = [this](SourceNo, std::int64_t asked_after_us) {
      views::SourceSight sight;
      sight.known = true;
      sight.reached_position = 100;
      const std::int64_t now = SystemClock().NowUs();
      if (!silent_) last_heard_us_ = now;
      sight.heard_us = last_heard_us_;
      if (!silent_ && now >= asked_after_us) sight.server_position = behind_ ? 101 : 100;
      sight.reached = sight.server_position == 100;
      return sight;
    };
    shard_.Reopen();
    settings_.Snapshot({{"7", "45"}});
    readings_.Insert({"7", "1"});
    readings_.Commit();
    ASSERT_EQ(shard_.Sql(kViews), "");
    ASSERT_TRUE(shard_.Settle());
  }
  bool UntilState(const std::string& view, const std::string& state) {
    return Shard::Until([&] {
      const auto status = shard_.views().Status(view);
      return status != nullptr && status->state == state;
    });
  }
  void Read(const std::string& temperature) {
    readings_.Insert({"7", temperature});
    readings_.Commit();
  }
  void Set(const std::string& desired) {
    settings_.Update({"7", desired});
    settings_.Commit();
  }
  Rows Judged() { return shard_.Select("SELECT seq, temperature, desired FROM judged"); }
  Rows Seen() { return shard_.Select("SELECT temperature, desired FROM judged"); }

  static constexpr const char* kViews = R"(
CREATE MATERIALIZED VIEW judged WITH (max_staleness = '20 ms') AS
SELECT r._seq AS seq, r.temperature, s.desired
FROM readings r JOIN bms.public.settings FOR SYSTEM_TIME AS OF LOG_POSITION() AS s ON s.sensor_id = r.sensor_id;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM judged;
CREATE MATERIALIZED VIEW free AS
SELECT r._seq AS seq, r.temperature, s.desired
FROM readings r JOIN bms.public.settings FOR SYSTEM_TIME AS OF LOG_POSITION() AS s ON s.sensor_id = r.sensor_id;
CREATE MATERIALIZED VIEW desired AS SELECT desired FROM bms.public.settings;)";
  std::atomic<bool> silent_ = false;
  std::atomic<bool> behind_ = false;
  std::atomic<std::int64_t> last_heard_us_ = 0;
};

TEST_F(ViewHold, EventsWaitWhileTheSourceIsSilentAndAreJudgedInOrderByTheTablesOfTheRelease) {
  Read("1");
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(Seen(), ElementsAre("1|45"));
  silent_ = true;
  ASSERT_TRUE(UntilState("judged", "gated"));
  EXPECT_EQ(shard_.views().Status("judged")->held_by, "bms");
  for (int i = 2; i < 30; ++i) Read(std::to_string(i));
  ASSERT_TRUE(shard_.Applied());
  EXPECT_THAT(Seen(), ElementsAre("1|45"));
  EXPECT_THAT(shard_.Select("SELECT * FROM counted"), ElementsAre("1"));
  EXPECT_EQ(shard_.Select("SELECT * FROM free").size(), 29U) << "a view without max_staleness goes on";
  EXPECT_EQ(shard_.views().Status("judged")->held_rows, 28U);
  shard_.Reopen();
  ASSERT_TRUE(UntilState("judged", "gated"));
  // What the log had not heard of yet comes with the first words of the source.
  behind_ = true;
  silent_ = false;
  Set("60");
  ASSERT_TRUE(shard_.Applied());
  EXPECT_THAT(Seen(), ElementsAre("1|45"));
  EXPECT_THAT(shard_.Select("SELECT * FROM desired"), ElementsAre("60")) << "tables do not wait";
  behind_ = false;
  ASSERT_TRUE(shard_.Settle());
  Rows expected = {"1|45"};
  for (int i = 2; i < 30; ++i) expected.push_back(std::to_string(i) + "|60");
  std::ranges::sort(expected);
  EXPECT_EQ(Seen(), expected);
  EXPECT_THAT(shard_.Select("SELECT * FROM counted"), ElementsAre("29"));
  EXPECT_EQ(shard_.views().Status("judged")->held_rows, 0U);
  // Of later settings they hear nothing, and what comes now is judged at once.
  Set("70");
  Read("99");
  ASSERT_TRUE(shard_.Settle());
  EXPECT_EQ(shard_.Select("SELECT count(*) FROM judged WHERE desired = 70"), Rows{"1"});
  EXPECT_EQ(shard_.Select("SELECT count(*) FROM judged WHERE desired = 60"), Rows{"28"});
}

TEST_F(ViewHold, APauseDuringAHoldLosesNothing) {
  silent_ = true;
  ASSERT_TRUE(UntilState("judged", "gated"));
  Read("2");
  ASSERT_TRUE(shard_.Applied());
  ASSERT_TRUE(shard_.views().SetPaused("judged", true, {}).ok());
  ASSERT_TRUE(UntilState("judged", "paused"));
  Read("3");
  Set("60");
  ASSERT_TRUE(shard_.Applied());
  ASSERT_TRUE(shard_.views().SetPaused("judged", false, {}).ok());
  ASSERT_TRUE(UntilState("judged", "gated"));
  Read("4");
  ASSERT_TRUE(shard_.Applied());
  EXPECT_THAT(Seen(), ElementsAre());
  silent_ = false;
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(Seen(), ElementsAre("2|60", "3|60", "4|60"));
}

TEST_F(ViewHold, AReplacementWaitsForTheHeldEvents) {
  silent_ = true;
  ASSERT_TRUE(UntilState("judged", "gated"));
  Read("2");
  ASSERT_TRUE(shard_.Applied());
  std::string again = "CREATE OR REPLACE" + std::string(kViews).substr(7, std::string(kViews).find(';') - 7);
  again.replace(again.find("r.temperature"), 13, "r.temperature + 100 AS temperature");
  ASSERT_EQ(shard_.Sql(again), "");
  Read("3");
  ASSERT_TRUE(shard_.Applied());
  silent_ = false;
  ASSERT_TRUE(shard_.SettleReplaced("judged"));
  Read("4");
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM counted"), ElementsAre("3"));
}

TEST_F(ViewHold, AnOptionThatWouldHoldNothingIsRefused) {
  const auto create = [&](const std::string& option, const std::string& select) {
    return shard_.Sql("CREATE MATERIALIZED VIEW v WITH (max_staleness = '" + option + "') AS " + select);
  };
  const std::string join =
      "SELECT r.temperature, s.desired FROM readings r JOIN bms.public.settings FOR SYSTEM_TIME AS OF LOG_POSITION() "
      "AS s ON s.sensor_id = r.sensor_id";
  EXPECT_THAT(create("10 s", "SELECT * FROM readings"), HasSubstr("judge events by tables"));
  EXPECT_THAT(create("10 s", "SELECT * FROM bms.public.settings"), HasSubstr("judge events by tables"));
  EXPECT_THAT(create("soon", join), HasSubstr("is an interval"));
  EXPECT_THAT(create("-1 s", join), HasSubstr("is an interval"));
  EXPECT_EQ(create("1 h", join), "");
}

}  // namespace
}  // namespace headgate::test
