// Views over the log, with their state in the store.
#include <gmock/gmock.h>

#include "tests/unit/views/views_support.h"

namespace headgate::test {
namespace {

using sql::TypeId;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Rows = std::vector<std::string>;

class ViewRuntime : public ThermostatTest {
 protected:
  // The ops of the view's stream from `from` on.
  std::string Told(const std::string& view, Seq from) {
    const StreamInfo* stream = shard_.log().registry()->FindStream(view);
    std::string ops;
    if (stream == nullptr) return ops;
    const auto reader = shard_.log().NewReader();
    reader->Seek(from);
    LogReader::Block block;
    while (*reader->Next(block)) {
      ChangeReader changes = block.Changes();
      Change change;
      while (changes.Next(change)) {
        if (change.stream == stream->number && !IsMarker(change.op)) ops += std::string(Name(change.op)) + " ";
      }
    }
    return ops;
  }
};

constexpr const char* kCold =
    "CREATE MATERIALIZED VIEW cold AS SELECT sensor_id, desired FROM bms.public.settings WHERE desired < 20";

TEST_F(ViewRuntime, ChangesOfATableComeAndGo) {
  settings_.Snapshot({{"1", "18"}, {"2", "25"}});
  ASSERT_EQ(shard_.Sql(kCold), "");
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM cold"), ElementsAre("1|18"));
  settings_.Update({"2", "19"});
  settings_.Insert({"3", "10"});
  settings_.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM cold"), ElementsAre("1|18", "2|19", "3|10"));
  settings_.Delete({"1"});
  settings_.Update({"3", "40"});
  settings_.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM cold"), ElementsAre("2|19"));
}

TEST_F(ViewRuntime, F40_ARestartReplaysNothingAndGoesOn) {
  settings_.Snapshot({{"1", "18"}, {"2", "25"}});
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW total AS SELECT count(*) AS n, sum(desired) AS s FROM "
                       "bms.public.settings"),
            "");
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM total"), ElementsAre("2|43"));
  shard_.Reopen();
  settings_.Update({"1", "20"});
  settings_.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM total"), ElementsAre("2|45"));
}

// The rows of such a view and what its groups remember are stored together.
TEST_F(ViewRuntime, F40_GroupsOutliveARestartAlsoWhileOneHasNoRow) {
  readings_.Insert({"1", "0"});  // before the view
  readings_.Commit();
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW heat AS SELECT sensor_id, count(*) AS n, sum(temperature) AS total "
                       "FROM readings GROUP BY sensor_id"),
            "");
  const auto read = [&](const std::string& sensor, const std::string& temperature) {
    readings_.Insert({sensor, temperature});
    readings_.Commit();
    ASSERT_TRUE(shard_.Settle());
  };
  read("1", "20");
  read("2", "1e308");
  read("2", "1e308");  // more than a float can be
  EXPECT_THAT(shard_.Select("SELECT * FROM heat"), ElementsAre("1|1|20"));
  EXPECT_THAT(shard_.Select("SELECT * FROM heat WHERE sensor_id = 2"), IsEmpty());
  EXPECT_EQ(shard_.views().Status("heat")->rows, 1U);
  EXPECT_EQ(shard_.views().Status("heat")->errors, 1);
  shard_.Reopen();
  read("1", "22");
  read("2", "-1e308");
  EXPECT_THAT(shard_.Select("SELECT * FROM heat"), ElementsAre("1|2|42", "2|3|1e+308"));
  EXPECT_THAT(shard_.Select("SELECT * FROM heat WHERE sensor_id = 2"), ElementsAre("2|3|1e+308"));
  EXPECT_EQ(shard_.views().Status("heat")->errors, 0);
}

TEST_F(ViewRuntime, AViewThatIsMadeFirstWaitsForTheWholeTable) {
  settings_.BeginSnapshot();
  ASSERT_EQ(shard_.Sql(kCold), "");
  settings_.Insert({"1", "18"});
  settings_.Commit();
  Signal().WaitUntil(std::chrono::steady_clock::now() + std::chrono::milliseconds(50), {});
  EXPECT_EQ(shard_.views().Status("cold")->state, "gated");
  settings_.EndSnapshot();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM cold"), ElementsAre("1|18"));
}

TEST_F(ViewRuntime, AStreamThatNobodyReadsIsNotWrittenAndBeginsWithTheContent) {
  std::atomic<bool> sink = false;
  shard_.read = [&](std::string_view view) { return sink && view == "cold"; };
  shard_.Reopen();
  settings_.Snapshot({{"1", "18"}, {"2", "15"}});
  ASSERT_EQ(shard_.Sql(kCold), "");
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW other AS SELECT sensor_id FROM cold"), "");
  settings_.Insert({"3", "10"});
  settings_.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_EQ(Told("cold", 1), "");
  const auto told = [&](const std::string& view) {
    return Shard::Until([&] { return shard_.views().Status(view)->told; });
  };
  sink = true;
  ASSERT_TRUE(told("cold"));
  EXPECT_EQ(Told("cold", 1), "read read read ");
  settings_.Delete({"1"});
  settings_.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_EQ(Told("cold", 1), "read read read delete ");
  EXPECT_EQ(Told("other", 1), "");
  shard_.Reopen();
  shard_.views().Follow("other");
  ASSERT_TRUE(told("other"));
  settings_.Insert({"1", "11"});
  settings_.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_EQ(Told("cold", 1), "read read read delete insert ") << "what was told stays told";
  EXPECT_EQ(Told("other", 1), "read read insert ");
}

TEST_F(ViewRuntime, AReplacementOfAViewThatNobodyReadTellsItsWholeContentToTheFirstReader) {
  std::atomic<bool> sink = false;
  shard_.read = [&](std::string_view) { return sink.load(); };
  shard_.Reopen();
  settings_.Snapshot({{"1", "18"}, {"2", "15"}, {"3", "30"}});
  ASSERT_EQ(shard_.Sql(kCold), "");
  ASSERT_TRUE(shard_.Settle());
  sink = true;  // the form before is told first, or the new one after the swap: never a part
  ASSERT_EQ(shard_.Sql("CREATE OR REPLACE MATERIALIZED VIEW cold AS SELECT sensor_id, desired FROM "
                       "bms.public.settings WHERE desired < 17"),
            "");
  ASSERT_TRUE(shard_.SettleReplaced("cold"));
  ASSERT_TRUE(Shard::Until([&] { return shard_.views().Status("cold")->told; }));
  const std::string told = Told("cold", 1);
  EXPECT_TRUE(told == "read " || told == "read read delete ") << told;
}

TEST_F(ViewRuntime, AViewThatTakesADroppedOnesNameIsNeverTakenForIt) {
  settings_.Snapshot({{"1", "18"}});
  ASSERT_EQ(shard_.Sql(kCold), "");
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(shard_.Settle());
    ASSERT_TRUE(shard_.views().Drop("cold", {}).ok());
    EXPECT_EQ(shard_.views().Status("cold"), nullptr);
    ASSERT_EQ(shard_.Sql(kCold), "");
    const auto status = shard_.views().Status("cold");
    if (status != nullptr) {
      EXPECT_EQ(status->serving->record.form, shard_.views().Find("cold")->record.form);
    }
  }
}

TEST_F(ViewRuntime, ATruncateAndATableReadAnewAreDifferences) {
  settings_.Snapshot({{"1", "18"}, {"2", "15"}});
  ASSERT_EQ(shard_.Sql(kCold), "");
  ASSERT_TRUE(shard_.Settle());
  settings_.Insert({"4", "12"});
  settings_.Truncate();
  settings_.Insert({"5", "11"});
  settings_.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM cold"), ElementsAre("5|11"));
  settings_.Snapshot({{"5", "11"}, {"6", "13"}});
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM cold"), ElementsAre("5|11", "6|13"));
  settings_.Delete({"5"});
  settings_.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM cold"), ElementsAre("6|13"));
}

constexpr const char* kThermostat = R"(
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
SELECT s.sensor_id, s.desired, h.command AS previous
FROM bms.public.settings s
LEFT JOIN (SELECT DISTINCT ON (sensor_id) sensor_id, command FROM heater
           ORDER BY sensor_id, seq DESC, ordinal DESC) h ON h.sensor_id = s.sensor_id;)";

TEST_F(ViewRuntime, H40_TheThermostatKeepsItsMemoryOverARestart) {
  settings_.Snapshot({{"7", "45"}});
  readings_.Insert({"7", "90"});
  readings_.Commit();
  ASSERT_EQ(shard_.Sql(kThermostat), "");
  ASSERT_TRUE(shard_.Settle());
  readings_.Insert({"7", "40"});
  readings_.Insert({"8", "10"});
  readings_.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT sensor_id, command FROM heater"), ElementsAre("7|On"));
  shard_.Reopen();
  readings_.Insert({"7", "39"});
  readings_.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT sensor_id, command FROM heater"), ElementsAre("7|On"));
  readings_.Insert({"7", "47"});
  readings_.Commit();
  settings_.Update({"7", "60"});
  settings_.Commit();
  readings_.Insert({"7", "47"});
  readings_.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT sensor_id, command FROM heater"), ElementsAre("7|Off", "7|On", "7|On"));
  EXPECT_THAT(shard_.Select("SELECT * FROM states"), ElementsAre("7|60|On"));
}

TEST_F(ViewRuntime, AViewsChangesAreAStreamOfTheLog) {
  settings_.Snapshot({{"1", "18"}});
  ASSERT_EQ(shard_.Sql(kCold), "");
  ASSERT_TRUE(shard_.Settle());
  settings_.Update({"1", "17"});
  settings_.Commit();
  settings_.Update({"1", "30"});
  settings_.Commit();
  ASSERT_TRUE(shard_.Settle());
  const std::string ops = Told("cold", 1);
  EXPECT_TRUE(ops == "read update delete " || ops == "read delete ") << ops;
}

constexpr const char* kDeclared =
    "CREATE TABLE settings (sensor_id int PRIMARY KEY, desired float8 NOT NULL CHECK (desired >= 0)) WITH (stream = "
    "'bms.public.settings'); CREATE MATERIALIZED VIEW all_settings AS SELECT sensor_id, desired FROM settings";

TEST_F(ViewRuntime, H55_ARowThatViolatesLeavesThePreviousOneInPlace) {
  ASSERT_EQ(shard_.Sql(kDeclared), "");  // before the stream is there
  settings_.Snapshot({{"1", "18"}, {"2", "-1"}});
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM all_settings"), ElementsAre("1|18"));
  settings_.Update({"1", "-5"});
  settings_.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM all_settings"), ElementsAre("1|18"));
  EXPECT_THAT(shard_.Select("SELECT sensor_id, desired FROM settings"), ElementsAre("1|18"));
  shard_.Reopen();
  settings_.Update({"1", "-6"});
  settings_.Insert({"3", "7"});
  settings_.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM all_settings"), ElementsAre("1|18", "3|7"));
  settings_.Update({"1", "20"});
  settings_.Delete({"3"});
  settings_.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM all_settings"), ElementsAre("1|20"));
  settings_.Update({"1", "-1"});
  settings_.Commit();
  settings_.Delete({"1"});
  settings_.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM all_settings"), IsEmpty());
}

TEST_F(ViewRuntime, ADeclarationHasToFitItsStream) {
  settings_.Snapshot({});
  const auto declare = [&](const std::string& columns, const std::string& options) {
    return shard_.Sql("CREATE TABLE t (" + columns + ") WITH (" + options + ")");
  };
  const std::string good = "stream = 'bms.public.settings'";
  EXPECT_THAT(shard_.Sql("CREATE TABLE t (a int PRIMARY KEY)"), HasSubstr("captured"));
  EXPECT_THAT(declare("sensor_id int PRIMARY KEY, nothing text", good), HasSubstr("no column \"nothing\""));
  EXPECT_THAT(declare("sensor_id text PRIMARY KEY", good), HasSubstr("is integer"));
  EXPECT_THAT(declare("sensor_id int, desired float8 PRIMARY KEY", good), HasSubstr("not the key"));
  EXPECT_THAT(declare("sensor_id int", good), HasSubstr("PRIMARY KEY"));
  EXPECT_THAT(declare("sensor_id int PRIMARY KEY", good + ", versions = '1 d'"), HasSubstr("versions"));
  EXPECT_EQ(declare("sensor_id int PRIMARY KEY", good), "");
}

TEST_F(ViewRuntime, F47_AReplacedViewTellsTheDifference) {
  settings_.Snapshot({{"1", "18"}, {"2", "25"}, {"3", "10"}});
  ASSERT_EQ(shard_.Sql(kCold), "");
  ASSERT_TRUE(shard_.Settle());
  const Seq before = shard_.log().last_seq();
  ASSERT_EQ(
      shard_.Sql("CREATE OR REPLACE MATERIALIZED VIEW cold AS SELECT sensor_id, CASE WHEN sensor_id = 3 THEN 11.0 "
                 "ELSE desired END AS desired FROM bms.public.settings WHERE desired < 15 OR desired > 20"),
      "");
  ASSERT_TRUE(shard_.SettleReplaced("cold"));
  EXPECT_THAT(shard_.Select("SELECT * FROM cold"), ElementsAre("2|25", "3|11"));
  EXPECT_EQ(Told("cold", before + 1), "delete insert update ");
  settings_.Insert({"4", "1"});
  settings_.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM cold"), ElementsAre("2|25", "3|11", "4|1"));
  shard_.Reopen();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM cold"), ElementsAre("2|25", "3|11", "4|1"));
}

TEST_F(ViewRuntime, RetentionForgetsRowsOfAViewThatOnlyAdds) {
  readings_.Insert({"1", "1"});
  readings_.Commit();
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW seen WITH (retention = '50 ms') AS SELECT sensor_id FROM readings"),
            "");
  ASSERT_TRUE(shard_.Settle());
  readings_.Insert({"2", "1"});
  readings_.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM seen"), ElementsAre("2"));
  Signal().WaitUntil(std::chrono::steady_clock::now() + std::chrono::milliseconds(60), {});
  readings_.Insert({"3", "1"});
  readings_.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM seen"), ElementsAre("3"));
  EXPECT_EQ(shard_.views().Status("seen")->rows, 1U);
  // Also while nothing comes; what it took is told.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (shard_.views().Status("seen")->forgotten < 2 && std::chrono::steady_clock::now() < deadline)
    Signal().WaitUntil(std::chrono::steady_clock::now() + std::chrono::milliseconds(1), {});
  EXPECT_EQ(shard_.views().Status("seen")->forgotten, 2U);
  EXPECT_EQ(shard_.views().Status("seen")->rows, 0U);
  EXPECT_THAT(shard_.Select("SELECT * FROM seen"), IsEmpty());
}

TEST_F(ViewRuntime, WhatRetentionTookBeforeItWasReadIsTold) {
  settings_.Snapshot({{"1", "18"}});
  ASSERT_EQ(shard_.Sql(kCold), "");
  ASSERT_TRUE(shard_.Settle());
  shard_.views().Stop();
  settings_.Insert({"2", "10"});
  settings_.Commit();
  settings_.Insert({"3", "11"});
  const Seq last = settings_.Commit();
  RetentionPolicy policy;
  policy.time_ms = 0;
  policy.bytes_max = 1;
  ASSERT_TRUE(shard_.log().Trim(policy, 0).ok());
  ASSERT_EQ(shard_.log().first_seq(), last);
  shard_.Reopen();
  const auto failed = [&] { return shard_.views().Status("cold")->state == "failed"; };
  for (int i = 0; i < 1000 && !failed(); ++i)
    Signal().WaitUntil(std::chrono::steady_clock::now() + std::chrono::milliseconds(5), {});
  EXPECT_THAT(shard_.views().Status("cold")->failure, HasSubstr("retention dropped"));
  ASSERT_TRUE(shard_.views().Drop("cold", {}).ok());
  ASSERT_EQ(shard_.Sql(kCold), "");
  settings_.Snapshot({{"2", "10"}, {"3", "11"}});
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM cold"), ElementsAre("2|10", "3|11"));
}

TEST_F(ViewRuntime, TheGateOpensWhileOthersAppendAllTheTime) {
  std::atomic<Seq> asked = 0;
  shard_.Close();
  shard_.sight = [&](SourceNo, std::int64_t) {
    ++asked;
    return views::SourceSight{true, 7, 7, true};
  };
  shard_.Open();
  settings_.Snapshot({{"7", "45"}});
  readings_.Insert({"7", "40"});
  readings_.Commit();
  const std::jthread traffic([this](std::stop_token stop) {
    while (!stop.stop_requested()) {
      readings_.Insert({"8", "1"});
      readings_.Commit();
    }
  });
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW judged AS SELECT r.sensor_id FROM readings r JOIN bms.public.settings "
                       "FOR SYSTEM_TIME AS OF LOG_POSITION() AS s ON s.sensor_id = r.sensor_id"),
            "");
  const auto running = [&] {
    const auto status = shard_.views().Status("judged");
    return status != nullptr && status->state == "running";
  };
  for (int i = 0; i < 2000 && !running(); ++i)
    Signal().WaitUntil(std::chrono::steady_clock::now() + std::chrono::milliseconds(5), {});
  EXPECT_TRUE(running());
  EXPECT_GT(asked, 0U);
}

TEST_F(ViewRuntime, AViewWithoutItsWholeContentIsNotRead) {
  settings_.BeginSnapshot();
  ASSERT_EQ(shard_.Sql(kCold), "");
  EXPECT_THAT(shard_.Select("SELECT * FROM cold"), ElementsAre(HasSubstr("no complete content")));
  EXPECT_EQ(shard_.views().Rows("cold", {}, {}).error().code, "55000");
}

TEST_F(ViewRuntime, P7_WhatAnUpdateLeavesOutIsThereOverASchemaChange) {
  settings_.Snapshot({{"1", "18"}});
  ASSERT_EQ(shard_.Sql(kCold), "");
  ASSERT_TRUE(shard_.Settle());
  TestStream wider(shard_, "bms", "public", "settings",
                   {{"sensor_id", TypeId::kInt4}, {"note", TypeId::kText}, {"desired", TypeId::kFloat8}}, 1);
  wider.Update({"1", "new", TestStream::kAbsent});
  wider.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM cold"), ElementsAre("1|18"));
}

TEST_F(ViewRuntime, OptionsAreKnownOrRefused) {
  settings_.Snapshot({});
  readings_.Insert({"1", "1"});
  readings_.Commit();
  const auto with = [&](const std::string& options, const std::string& from) {
    return shard_.Sql("CREATE MATERIALIZED VIEW v WITH (" + options + ") AS SELECT sensor_id FROM " + from);
  };
  EXPECT_THAT(with("lateness = '1 s'", "readings"), HasSubstr("no option \"lateness\""));
  EXPECT_THAT(with("on_load = 'later'", "readings"), HasSubstr("wait or nulls"));
  EXPECT_THAT(with("history = 'all'", "readings"), HasSubstr("none or retained"));
  EXPECT_THAT(with("retention = 'soon'", "readings"), HasSubstr("interval"));
  EXPECT_THAT(with("retention = '1 d'", "bms.public.settings"), HasSubstr("never take a row back"));
}

TEST_F(ViewRuntime, BadDefinitionsChangeNothing) {
  settings_.Snapshot({});
  EXPECT_THAT(shard_.Sql("CREATE MATERIALIZED VIEW v AS SELECT nothing FROM bms.public.settings"),
              HasSubstr("nothing"));
  ASSERT_EQ(shard_.Sql(kCold), "");
  EXPECT_THAT(shard_.Sql(kCold), HasSubstr("already exists"));
  EXPECT_THAT(shard_.Sql("CREATE OR REPLACE MATERIALIZED VIEW cold AS SELECT * FROM cold"), HasSubstr("itself"));
  ASSERT_EQ(shard_.Sql("CREATE VIEW named AS SELECT * FROM cold; CREATE MATERIALIZED VIEW w AS SELECT * FROM named"),
            "");
  EXPECT_THAT(shard_.views().Drop("cold", {}).error().message, HasSubstr("\"named\""));
  EXPECT_THAT(shard_.views().Drop("named", {}).error().message, HasSubstr("\"w\""));
  ASSERT_TRUE(shard_.views().Drop("w", {}).ok());
  ASSERT_TRUE(shard_.views().Drop("named", {}).ok());
  ASSERT_TRUE(shard_.views().Drop("cold", {}).ok());
  EXPECT_THAT(shard_.views().names()->definitions, IsEmpty());
}

}  // namespace
}  // namespace headgate::test
