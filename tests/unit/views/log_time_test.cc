// Views that change as log time goes on: temporal filters, and rows that wait for their grace.
#include <gmock/gmock.h>

#include "tests/unit/views/views_support.h"

namespace headgate::test {
namespace {

using sql::TypeId;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Rows = std::vector<std::string>;

class ViewTime : public ThermostatTest {
 protected:
  void SetUp() override {
    clock_.now_us = 1'700'000'000'000'000;
    shard_.clock = &clock_;
    shard_.sight = [](SourceNo, std::int64_t) {
      views::SourceSight sight;
      ++looks_;
      sight.known = sight.reached = !silent_;
      sight.server_position = sight.reached_position = 100;
      sight.heard_us = silent_ ? 1 : clock_.NowUs();
      return sight;
    };
    silent_ = false;
    shard_.Reopen();
  }
  static void Pass(std::int64_t ms) { clock_.now_us += 1000 * ms; }
  void Read(const std::string& sensor, const std::string& temperature) {
    readings_.Insert({sensor, temperature});
    readings_.Commit();
  }
  Seq Set(const std::string& sensor, const std::string& desired) {
    settings_.Update({sensor, desired});
    return settings_.Commit();
  }
  views::ViewStatus Status(const std::string& view) {
    const auto status = shard_.views().Status(view);
    return status == nullptr ? views::ViewStatus() : *status;
  }
  bool UntilState(const std::string& view, const std::string& state) {
    return Shard::Until([&] { return Status(view).state == state; });
  }
  // Entries of the log: marks of time, and transactions in which the view's rows go.
  struct Entries {
    int marks = 0;
    int takings = 0;
  };
  Entries Count(const std::string& view) {
    Entries entries;
    const StreamInfo* stream = shard_.log().registry()->FindStream(view);
    const auto reader = shard_.log().NewReader();
    reader->Seek(1);
    LogReader::Block block;
    while (*reader->Next(block)) {
      if (block.count == 0) ++entries.marks;
      bool takes = false;
      ChangeReader changes = block.Changes();
      Change change;
      while (changes.Next(change))
        takes = takes || (stream != nullptr && change.stream == stream->number && change.op == Op::kDelete);
      if (takes) ++entries.takings;
    }
    return entries;
  }

  inline static ManualClock clock_;
  inline static std::atomic<bool> silent_ = false;
  inline static std::atomic<int> looks_ = 0;
};

constexpr const char* kRecent = R"(
CREATE MATERIALIZED VIEW recent AS SELECT sensor_id, temperature FROM readings WHERE _stored_at > now() - INTERVAL '10 s';
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM recent;)";

class Recent : public ViewTime {
 protected:
  void SetUp() override {
    ViewTime::SetUp();
    Read("1", "1");
    ASSERT_EQ(shard_.Sql(kRecent), "");
    ASSERT_TRUE(shard_.Settle());
  }
  Rows Seen() { return shard_.Select("SELECT temperature FROM recent"); }
  bool UntilSeen(const Rows& rows) {
    return Shard::Until([&] { return Seen() == rows; });
  }
};

TEST_F(Recent, RowsExpireWithAMarkWhileNothingComes) {
  Read("7", "45");
  Read("7", "46");
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(Seen(), ElementsAre("45", "46"));
  EXPECT_THAT(shard_.Select("SELECT * FROM counted"), ElementsAre("2"));
  Pass(10'000);
  ASSERT_TRUE(UntilSeen({}));
  EXPECT_THAT(shard_.Select("SELECT * FROM counted"), ElementsAre("0"));
  EXPECT_EQ(Status("recent").expired, 2U);
  EXPECT_EQ(Status("recent").rows, 0U);
  EXPECT_EQ(Count("recent").marks, 1);
  EXPECT_EQ(Count("recent").takings, 1) << "its readers are told";
}

TEST_F(Recent, WhatComesTakesTheTimeAlongWithoutAMark) {
  Read("7", "45");
  Pass(10'000);
  Read("7", "46");
  ASSERT_TRUE(shard_.Applied());
  ASSERT_TRUE(UntilSeen({"46"}));
  Pass(3'600'000);
  Read("7", "47");
  ASSERT_TRUE(UntilSeen({"47"}));
  EXPECT_EQ(Status("recent").expired, 2U);
  EXPECT_LE(Count("recent").marks, 2) << "the views may have seen the clock first";
}

TEST_F(Recent, ARestartChangesNothing) {
  Read("7", "45");
  ASSERT_TRUE(shard_.Settle());
  Pass(5'000);
  Read("7", "46");
  ASSERT_TRUE(shard_.Settle());
  shard_.Reopen();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(Seen(), ElementsAre("45", "46"));
  shard_.Close();
  Pass(5'000);
  shard_.Open();
  ASSERT_TRUE(UntilSeen({"46"}));
  Pass(5'000);
  ASSERT_TRUE(UntilSeen({}));
  EXPECT_EQ(Status("recent").expired, 2U);
}

TEST_F(Recent, APausedViewGoesOnWithWhatTimeHasLeft) {
  Read("7", "45");
  ASSERT_TRUE(shard_.Settle());
  ASSERT_TRUE(shard_.views().SetPaused("recent", true, {}).ok());
  ASSERT_TRUE(UntilState("recent", "paused"));
  Pass(6'000);
  Read("7", "46");
  Pass(6'000);
  Read("7", "47");
  ASSERT_TRUE(shard_.Applied());
  EXPECT_EQ(Count("recent").marks, 0) << "it does not ask for any";
  EXPECT_EQ(Status("recent").expired, 0U);
  shard_.Reopen();
  ASSERT_TRUE(shard_.views().SetPaused("recent", false, {}).ok());
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(Seen(), ElementsAre("46", "47"));
  EXPECT_THAT(shard_.Select("SELECT * FROM counted"), ElementsAre("2"));
  EXPECT_EQ(Status("recent").expired, 1U);
  Pass(4'000);
  ASSERT_TRUE(UntilSeen({"47"}));
}

// The log is the only clock: a view that reads it again is the same.
TEST_F(Recent, AViewMadeLaterOverTheSameLogIsTheSame) {
  for (int i = 0; i < 40; ++i) {
    Read(std::to_string(i), std::to_string(i));
    Pass(500);
  }
  ASSERT_TRUE(shard_.Settle());
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW again WITH (history = 'retained') AS SELECT temperature FROM readings "
                       "WHERE _stored_at > now() - INTERVAL '10 s'"),
            "");
  ASSERT_TRUE(shard_.Settle());
  // A mark may stand between the two looks.
  EXPECT_TRUE(Shard::Until([&] {
    return shard_.Select("SELECT temperature FROM again") == Seen() && Seen().size() >= 19 && Seen().size() <= 20;
  }));
}

TEST_F(ViewTime, ADeletedRowGoesOnceAndRowsThatWereGoneAreNotLoaded) {
  TestStream orders(shard_, "shop", "public", "orders", {{"id", TypeId::kInt4}, {"ts", TypeId::kTimestampTz}}, 1);
  orders.Snapshot({{"1", "2023-11-14 22:13:15+00"}, {"2", "2023-11-14 22:00:00+00"}});  // the clock says 22:13:20
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW fresh AS SELECT id FROM shop.public.orders "
                       "WHERE ts > now() - INTERVAL '1 minute'"),
            "");
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT id FROM fresh"), ElementsAre("1"));
  orders.Insert({"3", "2023-11-14 22:13:50+00"});
  orders.Insert({"4", "2023-11-14 22:13:50+00"});
  orders.Commit();
  orders.Delete({"4"});
  orders.Delete({"2"});
  orders.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT id FROM fresh"), ElementsAre("1", "3"));
  Pass(55'000);
  ASSERT_TRUE(Shard::Until([&] { return shard_.Select("SELECT id FROM fresh") == Rows{"3"}; }));
  orders.Delete({"1"});
  orders.Update({"3", "2023-11-14 22:00:00+00"});
  orders.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT id FROM fresh"), IsEmpty());
  EXPECT_EQ(Status("fresh").expired, 1U);
}

TEST_F(Recent, MoreRowsThanFitIntoAStepGoInSeveral) {
  constexpr int kMany = 60'000;
  for (int i = 0; i < kMany; ++i) readings_.Insert({std::to_string(i), "1"});
  readings_.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_EQ(Status("recent").rows, static_cast<std::uint64_t>(kMany));
  Pass(10'000);
  ASSERT_TRUE(Shard::Until([&] { return Status("recent").expired == kMany; }));
  EXPECT_EQ(Status("recent").rows, 0U);
  EXPECT_THAT(shard_.Select("SELECT * FROM counted"), ElementsAre("0"));
  EXPECT_EQ(Count("recent").marks, 1);
  EXPECT_GE(Count("recent").takings, 2);
}

// Each taking is an entry of the log, with a time; if that counted, it would bring the next taking.
TEST_F(ViewTime, WhatViewsWriteIsNoTime) {
  shard_.clock = &SystemClock();
  shard_.Reopen();
  TestStream offers(shard_, "offers", "", "offers", {{"until", TypeId::kTimestampTz}}, 0);
  const auto offer = [&](std::int64_t us) {
    offers.Insert(
        {sql::ToText(TypeId::kTimestampTz, sql::Datum::Of(SystemClock().NowUs() - kEpoch2000Us + us), "UTC")});
  };
  offer(0);
  offers.Commit();
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW open AS SELECT until FROM offers WHERE until > now()"), "");
  ASSERT_TRUE(shard_.Settle());
  for (int i = 1; i <= 10'000; ++i) offer(200 * i);
  offers.Commit();
  ASSERT_TRUE(Shard::Until([&] { return Status("open").expired > 0 && Status("open").rows == 0; }));
  EXPECT_LE(Count("open").marks, 5);
  EXPECT_LE(Count("open").takings, 6);
}

constexpr const char* kJudged = R"(
CREATE MATERIALIZED VIEW judged WITH (grace = '2 s') AS
SELECT r._seq AS seq, r.temperature, s.desired
FROM readings r LEFT JOIN bms.public.settings FOR SYSTEM_TIME AS OF LOG_POSITION() AS s ON s.sensor_id = r.sensor_id;
CREATE MATERIALIZED VIEW by_setting AS SELECT desired, count(*) AS n FROM judged GROUP BY desired;)";

class ViewGrace : public ViewTime {
 protected:
  void SetUp() override {
    ViewTime::SetUp();
    settings_.Snapshot({{"7", "45"}});
    Read("7", "0");
    ASSERT_EQ(shard_.Sql(kJudged), "");
    ASSERT_TRUE(shard_.Settle());
  }
  Rows Seen(const std::string& view = "judged") { return shard_.Select("SELECT temperature, desired FROM " + view); }
  bool UntilSeen(const Rows& rows) {
    return Shard::Until([&] { return Seen() == rows; });
  }
};

TEST_F(ViewGrace, RowsWaitAllOfThemAndSeeWhatCameMeanwhile) {
  Read("7", "1");
  Read("8", "2");
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(Seen(), IsEmpty());
  EXPECT_EQ(Status("judged").waiting, 2U);
  Pass(1'000);
  Set("8", "50");
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(Seen(), IsEmpty());
  Pass(1'000);
  ASSERT_TRUE(UntilSeen({"1|45", "2|50"}));
  EXPECT_EQ(Status("judged").waiting, 0U);
  EXPECT_EQ(Count("judged").marks, 1);
  EXPECT_THAT(shard_.Select("SELECT * FROM by_setting"), ElementsAre("45|1", "50|1"));
  Set("8", "60");
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(Seen(), ElementsAre("1|45", "2|50"));
}

TEST_F(ViewGrace, TheFirstTransactionBehindTheGraceIsTheirPlace) {
  Read("7", "1");
  ASSERT_TRUE(shard_.Settle());
  shard_.views().Stop();  // so that no mark comes first
  Pass(2'000);
  Set("7", "50");
  Set("7", "60");
  Read("7", "2");
  shard_.Reopen();
  ASSERT_TRUE(UntilSeen({"1|50"})) << "not 45, not 60";
  Pass(2'000);
  ASSERT_TRUE(UntilSeen({"1|50", "2|60"}));
}

TEST_F(ViewGrace, HeldRowsOutliveARestart) {
  for (int i = 1; i < 30; ++i) Read(std::to_string(i % 2 == 0 ? 7 : 8), std::to_string(i));
  ASSERT_TRUE(shard_.Settle());
  shard_.Reopen();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(Seen(), IsEmpty());
  EXPECT_EQ(Status("judged").waiting, 29U);
  Set("8", "50");
  ASSERT_TRUE(shard_.Settle());
  shard_.Close();
  Pass(2'000);
  shard_.Open();
  Rows expected;
  for (int i = 1; i < 30; ++i) expected.push_back(std::to_string(i) + (i % 2 == 0 ? "|45" : "|50"));
  std::ranges::sort(expected);
  EXPECT_TRUE(UntilSeen(expected));
}

// What the sinks are told is told in the order of coming, held or not.
TEST_F(ViewGrace, TheyAreToldInTheOrderOfTheirComing) {
  for (int i = 1; i <= 50; ++i) {
    Read(i % 3 == 0 ? "7" : "9", std::to_string(i));
    Pass(100);
  }
  Pass(2'000);
  ASSERT_TRUE(Shard::Until([&] { return Seen().size() == 50; }));
  const StreamInfo* stream = shard_.log().registry()->FindStream("judged");
  const auto reader = shard_.log().NewReader();
  reader->Seek(1);
  LogReader::Block block;
  double last = 0;
  std::vector<Value> row;
  while (*reader->Next(block)) {
    ChangeReader changes = block.Changes();
    Change change;
    while (changes.Next(change)) {
      if (change.stream != stream->number || !change.has_after) continue;
      ASSERT_TRUE(ReadRow(change.after, row).ok());
      EXPECT_EQ(row[1].d, last + 1);
      last = row[1].d;
    }
  }
  EXPECT_EQ(last, 50);
}

TEST_F(ViewGrace, APauseChangesNothingOfWhatTheyFind) {
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW twin WITH (grace = '2 s') AS SELECT r.temperature, s.desired "
                       "FROM readings r LEFT JOIN bms.public.settings FOR SYSTEM_TIME AS OF LOG_POSITION() AS s "
                       "ON s.sensor_id = r.sensor_id"),
            "");
  ASSERT_TRUE(shard_.Settle());
  Read("7", "1");
  ASSERT_TRUE(shard_.Settle());
  ASSERT_TRUE(shard_.views().SetPaused("judged", true, {}).ok());
  ASSERT_TRUE(UntilState("judged", "paused"));
  Pass(500);
  Read("7", "2");
  Set("7", "50");
  Pass(1'600);
  Read("8", "3");  // past the time of the first
  Set("7", "60");
  Pass(500);
  Set("7", "70");  // and this past that of the second, unless a mark came first
  Set("7", "80");
  ASSERT_TRUE(shard_.Applied());
  shard_.Reopen();
  ASSERT_TRUE(shard_.views().SetPaused("judged", false, {}).ok());
  ASSERT_TRUE(shard_.Settle());
  Pass(2'000);
  ASSERT_TRUE(Shard::Until([&] { return Seen("twin").size() == 3 && Seen().size() == 3; }));
  EXPECT_THAT(Seen(), ElementsAre("1|50", AnyOf("2|70", "2|60"), "3|NULL"));
  EXPECT_EQ(Seen(), Seen("twin"));
}

TEST_F(ViewGrace, WhileNobodyConfirmsTheTableNothingComesOut) {
  ASSERT_EQ(
      shard_.Sql("CREATE MATERIALIZED VIEW sure WITH (grace = '2 s', max_staleness = '1 s') AS "
                 "SELECT r.temperature, s.desired FROM readings r "
                 "JOIN bms.public.settings FOR SYSTEM_TIME AS OF LOG_POSITION() AS s ON s.sensor_id = r.sensor_id"),
      "");
  ASSERT_TRUE(shard_.Settle());
  Read("7", "1");
  ASSERT_TRUE(shard_.Settle());
  const int looks = looks_;
  ASSERT_TRUE(Shard::Until([&] { return looks_ > looks + 1; }));  // it was heard of, running
  silent_ = true;
  Pass(1'500);
  ASSERT_TRUE(UntilState("sure", "gated"));
  Read("7", "2");
  Pass(1'000);
  ASSERT_TRUE(UntilSeen({"1|45"})) << "the other view's time";
  ASSERT_TRUE(shard_.Applied());
  EXPECT_THAT(Seen("sure"), IsEmpty());
  Set("7", "60");
  silent_ = false;
  ASSERT_TRUE(Shard::Until([&] { return Seen("sure") == Rows{"1|60"}; }));
  Pass(1'000);
  ASSERT_TRUE(Shard::Until([&] { return Seen("sure") == Rows({"1|60", "2|60"}); })) << "it has waited since it came";
}

TEST_F(ViewGrace, AReplacementLeavesNoRowBehind) {
  Read("7", "1");
  ASSERT_TRUE(shard_.Settle());
  ASSERT_EQ(shard_.Sql("CREATE OR REPLACE MATERIALIZED VIEW judged WITH (grace = '2 s') AS "
                       "SELECT r._seq AS seq, r.temperature, s.desired + 100 AS desired FROM readings r "
                       "LEFT JOIN bms.public.settings FOR SYSTEM_TIME AS OF LOG_POSITION() AS s "
                       "ON s.sensor_id = r.sensor_id"),
            "");
  Read("7", "2");
  Pass(2'000);
  ASSERT_TRUE(shard_.SettleReplaced("judged"));
  Read("7", "3");
  Pass(2'000);
  ASSERT_TRUE(Shard::Until([&] { return shard_.Select("SELECT sum(n) FROM by_setting") == Rows{"3"}; }))
      << shard_.Select("SELECT * FROM by_setting").size();
}

TEST_F(ViewGrace, WhatCannotBeIsRefusedWithAWayToWriteIt) {
  const auto lookup = [&](const std::string& options) {
    return shard_.Sql("CREATE MATERIALIZED VIEW v WITH (" + options +
                      ") AS SELECT r.temperature FROM readings r JOIN bms.public.settings "
                      "FOR SYSTEM_TIME AS OF LOG_POSITION() AS s ON s.sensor_id = r.sensor_id");
  };
  EXPECT_THAT(lookup("grace = '0 s'"), HasSubstr("grace is an interval such as '500 ms', not \"0 s\""));
  EXPECT_THAT(lookup("grace = '-1 s'"), HasSubstr("grace is an interval"));
  EXPECT_THAT(lookup("grace = 'soon'"), HasSubstr("grace is an interval"));
  EXPECT_THAT(shard_.Sql("CREATE MATERIALIZED VIEW v WITH (grace = '1 s') AS SELECT temperature FROM readings"),
              HasSubstr("grace is for views that look up tables as of the log position"));
  EXPECT_THAT(lookup("distribution = 'everywhere'"), HasSubstr("distribution is keyed or broadcast"));
  EXPECT_EQ(lookup("distribution = 'keyed'"), "");
  EXPECT_THAT(shard_.Sql("CREATE MATERIALIZED VIEW w WITH (retention = '1 d') AS SELECT temperature FROM readings "
                         "WHERE _stored_at > now() - INTERVAL '1 hour'"),
              HasSubstr("retention is for views that never take a row back"));
}

// F-12: in one shard both are the same lookup.
TEST_F(ViewTime, KeyedAndBroadcastTablesGiveTheSame) {
  settings_.Snapshot({{"7", "45"}});
  Read("7", "0");
  for (const std::string how : {"keyed", "broadcast"}) {
    ASSERT_EQ(shard_.Sql("CREATE TABLE t_" + how +
                         " (sensor_id int PRIMARY KEY, desired float8) WITH (stream = "
                         "'bms.public.settings', distribution = '" +
                         how +
                         "');"
                         "CREATE MATERIALIZED VIEW v_" +
                         how + " WITH (distribution = '" + how +
                         "') AS "
                         "SELECT r.temperature, s.desired FROM readings r LEFT JOIN t_" +
                         how + " FOR SYSTEM_TIME AS OF LOG_POSITION() AS s ON s.sensor_id = r.sensor_id"),
              "");
  }
  ASSERT_TRUE(shard_.Settle());
  for (int i = 1; i < 20; ++i) {
    Read(i % 2 == 0 ? "7" : "8", std::to_string(i));
    Set("8", std::to_string(i));
  }
  ASSERT_TRUE(shard_.Settle());
  EXPECT_EQ(shard_.Select("SELECT * FROM v_keyed").size(), 19U);
  EXPECT_EQ(shard_.Select("SELECT * FROM v_keyed"), shard_.Select("SELECT * FROM v_broadcast"));
  EXPECT_THAT(shard_.Sql("CREATE TABLE bad (sensor_id int PRIMARY KEY) WITH (stream = 'bms.public.settings', "
                         "distribution = 'all')"),
              HasSubstr("distribution is keyed or broadcast, not \"all\""));
}

}  // namespace
}  // namespace headgate::test
