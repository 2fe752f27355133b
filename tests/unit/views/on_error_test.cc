// What views do with rows whose expressions fail.
#include <gmock/gmock.h>

#include <atomic>

#include "core/views/form.h"
#include "core/views/row_filter.h"
#include "tests/unit/views/views_support.h"

namespace headgate::test {
namespace {

using sql::TypeId;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Rows = std::vector<std::string>;

class ViewOnError : public ::testing::Test {
 protected:
  // Steps that give more than so many bytes come in pieces; 0: as the service has it.
  explicit ViewOnError(std::size_t step_bytes = 0) : shard_(64 << 20, step_bytes) {}
  void SetUp() override { pairs_.Snapshot({{"1", "1"}, {"2", "2"}}); }
  void Insert(const std::string& id, const std::string& divisor) {
    pairs_.Insert({id, divisor});
    last_ = pairs_.Commit();
  }
  void Delete(const std::string& id) {
    pairs_.Delete({id, std::nullopt});
    last_ = pairs_.Commit();
  }
  // What is written until Reopen is one run of the views.
  void StopViews() { shard_.views().Stop(); }

  std::shared_ptr<const views::ViewStatus> Status(const std::string& view) { return shard_.views().Status(view); }
  std::string Failure(const std::string& view) {
    const bool failed = Shard::Until([&] {
      const auto status = Status(view);
      return status != nullptr && status->state == "failed";
    });
    return failed ? Status(view)->failure : "it has not failed";
  }
  // What it keeps, whether it can be read or not.
  Rows Kept(const std::string& view) {
    const auto serving = Status(view)->serving;
    const std::vector<sql::Type> types = views::TypesOf(*serving->relation);
    Rows rows;
    const auto visit = [&](const views::ViewRows::Stored& stored) {
      const std::vector<sql::Datum> row = views::DecodeRow(types, stored.row);
      std::string& line = rows.emplace_back();
      for (std::size_t c = 0; c < row.size(); ++c)
        line += (c > 0 ? "|" : "") + (row[c].null ? "NULL" : sql::ToText(types[c], row[c], "UTC"));
      return true;
    };
    const StoreView store(shard_.store());
    const auto form = views::RowFormOf(*serving->relation);
    EXPECT_TRUE(views::ViewRows::Scan(store, serving->record.form, form, "", visit).ok());
    std::ranges::sort(rows);
    return rows;
  }

  Shard shard_;
  TestStream pairs_{shard_, "shop", "public", "pairs", {{"id", TypeId::kInt4}, {"divisor", TypeId::kInt4}}, 1};
  TestStream events_{shard_, "web", "", "events", {{"id", TypeId::kInt4}, {"divisor", TypeId::kInt4}}, 0};
  Seq last_ = 0;
};

TEST_F(ViewOnError, AnythingElseIsRefusedWithWhatThereIs) {
  EXPECT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW v WITH (on_error = 'ignore') AS SELECT id FROM shop.public.pairs"),
            "on_error is dead_letter, null or stop, not \"ignore\"");
  EXPECT_EQ(
      shard_.Sql("CREATE MATERIALIZED VIEW v WITH (on_error = 'dead_letter') AS SELECT id FROM shop.public.pairs"), "");
}

TEST_F(ViewOnError, WhatFailsIsNullAndCountedUntilItsRowGoes) {
  ASSERT_EQ(shard_.Sql(R"(
CREATE MATERIALIZED VIEW v WITH (on_error = 'null') AS SELECT id, 10 / divisor AS d FROM shop.public.pairs;
CREATE MATERIALIZED VIEW g WITH (on_error = 'null') AS
SELECT divisor, var_pop(power(10::float8, id)) AS v, count(*) AS n FROM shop.public.pairs GROUP BY divisor;
CREATE MATERIALIZED VIEW w AS SELECT id, 10 / divisor AS d FROM shop.public.pairs)"),
            "");
  Insert("3", "0");
  Insert("200", "7");
  Insert("4", "7");
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM v"), ElementsAre("1|10", "200|1", "2|5", "3|NULL", "4|1"));
  EXPECT_THAT(shard_.Select("SELECT * FROM g WHERE divisor = 7"), ElementsAre("7|NULL|2"));
  EXPECT_THAT(shard_.Select("SELECT * FROM w WHERE id = 3"), IsEmpty());
  EXPECT_EQ(Status("v")->errors, 1);
  EXPECT_EQ(Status("g")->errors, 1);
  EXPECT_EQ(Status("w")->errors, 1);
  shard_.Reopen();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM g WHERE divisor = 7"), ElementsAre("7|NULL|2"));
  Delete("3");
  Delete("200");
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM v"), ElementsAre("1|10", "2|5", "4|1"));
  EXPECT_THAT(shard_.Select("SELECT * FROM g WHERE divisor = 7"), ElementsAre("7|0|1"));
  EXPECT_EQ(Status("v")->errors, 0);
  EXPECT_EQ(Status("v")->errors_ever, 1U);
  EXPECT_EQ(Status("g")->errors, 0);
}

class ViewStop : public ViewOnError {
 protected:
  explicit ViewStop(std::size_t step_bytes = 0) : ViewOnError(step_bytes) {}
  void SetUp() override {
    ViewOnError::SetUp();
    ASSERT_EQ(shard_.Sql(R"(
CREATE MATERIALIZED VIEW v WITH (on_error = 'stop') AS SELECT id, 10 / divisor AS d FROM shop.public.pairs;
CREATE MATERIALIZED VIEW reader AS SELECT p.id, v.d FROM shop.public.pairs p LEFT JOIN v ON v.id = p.id;
CREATE MATERIALIZED VIEW other AS SELECT id FROM shop.public.pairs;)"),
              "");
    ASSERT_TRUE(shard_.Settle());
  }
  void StopAndGoOn() {
    StopViews();
    Insert("3", "5");
    Insert("4", "0");
    const Seq seq = last_;
    Insert("5", "5");
    shard_.Reopen();
    EXPECT_THAT(Failure("v"), AllOf(HasSubstr("seq " + std::to_string(seq) + " brings a row"),
                                    HasSubstr("22012, division by zero"), HasSubstr("CREATE OR REPLACE")));
    ASSERT_TRUE(shard_.Applied());
    EXPECT_THAT(Kept("v"), ElementsAre("1|10", "2|5", "3|2")) << "as of before the transaction";
    EXPECT_THAT(Failure("reader"), HasSubstr("it reads v, which has failed"));
    EXPECT_THAT(Kept("reader"), ElementsAre("1|10", "2|5", "3|2")) << "as of the same moment";
    EXPECT_THAT(shard_.Select("SELECT * FROM other"), ElementsAre("1", "2", "3", "4", "5"));
    EXPECT_EQ(Status("v")->errors, 0);
    shard_.Reopen();
    EXPECT_THAT(Failure("v"), HasSubstr("seq " + std::to_string(seq)));
    Insert("6", "5");
    ASSERT_TRUE(shard_.Applied());
    EXPECT_THAT(Kept("v"), ElementsAre("1|10", "2|5", "3|2"));
    EXPECT_THAT(shard_.Select("SELECT * FROM v"), ElementsAre(HasSubstr("no complete content")));
    ASSERT_EQ(shard_.Sql(kMended), "");
    ASSERT_TRUE(shard_.SettleReplaced("v"));
    const Rows all = {"1|10", "2|5", "3|2", "4|NULL", "5|2", "6|2"};
    EXPECT_EQ(shard_.Select("SELECT * FROM v"), all);
    EXPECT_EQ(shard_.Select("SELECT * FROM reader"), all);
  }

  static constexpr const char* kMended =
      "CREATE OR REPLACE MATERIALIZED VIEW v WITH (on_error = 'stop') AS "
      "SELECT id, 10 / nullif(divisor, 0) AS d FROM shop.public.pairs";
};

TEST_F(ViewStop, AViewStopsBeforeTheTransactionHoweverTheStepIsCutAndGoesOnAsAnother) { StopAndGoOn(); }

class ViewStopInPieces : public ViewStop {
 protected:
  ViewStopInPieces() : ViewStop(1) {}
};

TEST_F(ViewStopInPieces, AViewStopsBeforeTheTransactionAlsoIfAStepIsDoneInPieces) { StopAndGoOn(); }

TEST_F(ViewStop, MendedDataAreEnoughForTheSameViewAnew) {
  Insert("4", "0");
  EXPECT_THAT(Failure("v"), HasSubstr("division by zero"));
  Delete("4");
  Insert("4", "10");
  ASSERT_EQ(shard_.Sql("CREATE OR REPLACE MATERIALIZED VIEW v WITH (on_error = 'stop') AS "
                       "SELECT id, 10 / divisor AS d FROM shop.public.pairs"),
            "");
  ASSERT_TRUE(shard_.SettleReplaced("v"));
  EXPECT_THAT(shard_.Select("SELECT * FROM v"), ElementsAre("1|10", "2|5", "4|1"));
  Insert("5", "0");
  EXPECT_THAT(Failure("v"), HasSubstr("seq " + std::to_string(last_)));
}

TEST_F(ViewStop, ARowThatComesAndGoesInItsTransactionStopsNothing) {
  StopViews();
  Insert("3", "5");
  pairs_.Insert({"4", "0"});
  pairs_.Delete({"4", std::nullopt});
  pairs_.Commit();
  Insert("5", "5");
  shard_.Reopen();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT * FROM v"), ElementsAre("1|10", "2|5", "3|2", "5|2"));
}

TEST_F(ViewStop, ARowThatGoesInALaterTransactionOfTheStepStopsTheView) {
  StopViews();
  Insert("3", "5");
  Insert("4", "0");
  const Seq seq = last_;
  Delete("4");
  shard_.Reopen();
  EXPECT_THAT(Failure("v"), HasSubstr("seq " + std::to_string(seq)));
  EXPECT_THAT(Kept("v"), ElementsAre("1|10", "2|5", "3|2"));
}

TEST_F(ViewStop, AJoinStopsWithTheTransactionThatMakesThePair) {
  TestStream more(shard_, "shop", "public", "more", {{"id", TypeId::kInt4}, {"of", TypeId::kInt4}}, 1);
  more.Snapshot({});
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW j WITH (on_error = 'stop') AS SELECT p.id, m.id AS mid, "
                       "10 / (p.divisor - m.id) AS d FROM shop.public.pairs p JOIN shop.public.more m ON m.of = p.id"),
            "");
  ASSERT_TRUE(shard_.Settle());
  StopViews();
  more.Insert({"50", "1"});
  more.Commit();
  more.Insert({"51", "9"});
  more.Commit();
  Insert("9", "51");
  const Seq seq = last_;
  shard_.Reopen();
  EXPECT_THAT(Failure("j"), HasSubstr("seq " + std::to_string(seq)));
  EXPECT_THAT(Kept("j"), ElementsAre("1|50|0"));
  // The other way round.
  ASSERT_EQ(shard_.Sql("CREATE OR REPLACE MATERIALIZED VIEW j WITH (on_error = 'stop') AS SELECT p.id, m.id AS mid, "
                       "10 / (p.divisor - m.id) AS d FROM shop.public.pairs p JOIN shop.public.more m ON m.of = p.id "
                       "WHERE p.id <> 9"),
            "");
  ASSERT_TRUE(shard_.SettleReplaced("j"));
  StopViews();
  Insert("8", "60");
  more.Insert({"52", "2"});
  more.Commit();
  more.Insert({"60", "8"});
  const Seq pair = more.Commit();
  shard_.Reopen();
  EXPECT_THAT(Failure("j"), HasSubstr("seq " + std::to_string(pair)));
  EXPECT_THAT(Kept("j"), ElementsAre("1|50|0", "2|52|0"));
}

TEST_F(ViewStop, AFirstContentWithSuchARowFailsAndWhatRunsGoesOn) {
  Insert("4", "20");
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW n WITH (on_error = 'stop') AS "
                       "SELECT id, 10 / (divisor - 20) AS d FROM shop.public.pairs"),
            "");
  EXPECT_THAT(Failure("n"), HasSubstr("a row of its first content has an expression that fails"));
  shard_.Reopen();
  EXPECT_THAT(Failure("n"), HasSubstr("first content"));
  // In the place of one that runs.
  ASSERT_EQ(shard_.Sql("CREATE OR REPLACE MATERIALIZED VIEW v WITH (on_error = 'stop') AS "
                       "SELECT id, 10 / (divisor - 20) AS d FROM shop.public.pairs"),
            "");
  ASSERT_TRUE(Shard::Until([&] {
    const auto status = Status("v");
    return status->replacing != nullptr && status->replacing->state == "failed";
  }));
  Insert("5", "5");
  ASSERT_TRUE(shard_.Applied());
  EXPECT_THAT(shard_.Select("SELECT * FROM v"), ElementsAre("1|10", "2|5", "4|0", "5|2"));
  ASSERT_EQ(shard_.Sql(kMended), "");
  ASSERT_TRUE(Shard::Until([&] { return Status("v")->replacing == nullptr; }));
  EXPECT_THAT(shard_.Select("SELECT * FROM reader"), ElementsAre("1|10", "2|5", "4|0", "5|2"));
}

TEST_F(ViewStop, APausedViewStopsAtTheSameTransactionWhenItGoesOn) {
  ASSERT_TRUE(shard_.views().SetPaused("v", true, {}).ok());
  ASSERT_TRUE(Shard::Until([&] { return Status("v")->state == "paused"; }));
  StopViews();
  Insert("3", "5");
  Insert("4", "0");
  const Seq seq = last_;
  Insert("5", "5");
  shard_.Reopen();
  ASSERT_TRUE(shard_.Applied());
  ASSERT_TRUE(shard_.views().SetPaused("v", false, {}).ok());
  EXPECT_THAT(Failure("v"), HasSubstr("seq " + std::to_string(seq)));
  EXPECT_THAT(Kept("v"), ElementsAre("1|10", "2|5", "3|2"));
  ASSERT_EQ(shard_.Sql(kMended), "");
  ASSERT_TRUE(shard_.SettleReplaced("v"));
  const Rows all = {"1|10", "2|5", "3|2", "4|NULL", "5|2"};
  EXPECT_EQ(shard_.Select("SELECT * FROM v"), all);
  EXPECT_EQ(shard_.Select("SELECT * FROM reader"), all);
}

TEST_F(ViewStop, AReaderThatStopsAtADifferenceStaysAsItWasAndTheReplacementComes) {
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW r WITH (on_error = 'stop') AS SELECT id, 10 / d AS q FROM v;"
                       "CREATE MATERIALIZED VIEW rr AS SELECT count(*) AS n FROM r"),
            "");
  ASSERT_TRUE(shard_.Settle());
  ASSERT_EQ(shard_.Sql("CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT id, divisor - 1 AS d FROM shop.public.pairs"),
            "");
  EXPECT_THAT(Failure("r"), HasSubstr("division by zero"));
  EXPECT_THAT(Failure("rr"), HasSubstr("it reads r"));
  ASSERT_TRUE(Shard::Until([&] { return Status("v")->replacing == nullptr; }));
  EXPECT_THAT(shard_.Select("SELECT * FROM v"), ElementsAre("1|0", "2|1"));
  EXPECT_THAT(shard_.Select("SELECT * FROM reader"), ElementsAre("1|0", "2|1"));
  EXPECT_THAT(Kept("r"), ElementsAre("1|1", "2|2"));
  EXPECT_THAT(Kept("rr"), ElementsAre("2"));
}

// Of a stopped view of events none is lost and none comes twice: the next one begins with the transaction that stopped
// it.
TEST_F(ViewOnError, TheOneThatComesInThePlaceOfAStoppedViewOfEventsGoesOnWhereThatStopped) {
  events_.Insert({"0", "1"});
  events_.Commit();
  ASSERT_EQ(
      shard_.Sql("CREATE MATERIALIZED VIEW e WITH (on_error = 'stop') AS SELECT id, 10 / divisor AS d FROM events"),
      "");
  ASSERT_TRUE(shard_.Settle());
  StopViews();
  for (const auto& [id, divisor] : {std::pair{"1", "1"}, {"2", "0"}, {"3", "1"}}) {
    events_.Insert({id, divisor});
    events_.Commit();
  }
  shard_.Reopen();
  EXPECT_THAT(Failure("e"), HasSubstr("division by zero"));
  EXPECT_THAT(Kept("e"), ElementsAre("1|10"));
  events_.Insert({"4", "1"});
  events_.Commit();
  // The same statement stops at its first content, and leaves the place to the next one.
  ASSERT_EQ(shard_.Sql("CREATE OR REPLACE MATERIALIZED VIEW e WITH (on_error = 'stop') AS "
                       "SELECT id, 10 / divisor AS d FROM events"),
            "");
  ASSERT_TRUE(Shard::Until([&] {
    const auto status = Status("e");
    return status->replacing != nullptr && status->replacing->state == "failed";
  }));
  const auto told = [&] { return Status("e")->replacing->failure; };
  EXPECT_THAT(told(), AllOf(HasSubstr("brings a row"), Not(HasSubstr("first content"))));
  events_.Insert({"5", "1"});
  events_.Commit();
  ASSERT_EQ(shard_.Sql("CREATE OR REPLACE MATERIALIZED VIEW e WITH (on_error = 'null') AS "
                       "SELECT id, 10 / divisor AS d FROM events"),
            "");
  ASSERT_TRUE(shard_.SettleReplaced("e"));
  EXPECT_THAT(shard_.Select("SELECT * FROM e"), ElementsAre("2|NULL", "3|10", "4|10", "5|10"));
}

// Events that were held are judged in their order, up to the one that stops the view.
TEST_F(ViewOnError, HeldEventsStopTheViewWhereTheyWouldHaveWithoutTheHold) {
  std::atomic<bool> silent = false;
  std::atomic<std::int64_t> heard_us = 0;
  shard_.sight = [&](SourceNo, std::int64_t asked_after_us) {
    views::SourceSight sight;
    sight.known = true;
    const std::int64_t now = SystemClock().NowUs();
    if (!silent) heard_us = now;
    sight.heard_us = heard_us;
    sight.reached = !silent && now >= asked_after_us;
    return sight;
  };
  shard_.Reopen();
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW h WITH (on_error = 'stop', max_staleness = '20 ms') AS "
                       "SELECT e.id, 10 / e.divisor AS d FROM events e "
                       "JOIN shop.public.pairs FOR SYSTEM_TIME AS OF LOG_POSITION() AS p ON p.id = e.id % 2 + 1"),
            "relation \"events\" does not exist");
  events_.Insert({"0", "1"});
  events_.Commit();
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW h WITH (on_error = 'stop', max_staleness = '20 ms') AS "
                       "SELECT e.id, 10 / e.divisor AS d FROM events e "
                       "JOIN shop.public.pairs FOR SYSTEM_TIME AS OF LOG_POSITION() AS p ON p.id = e.id % 2 + 1"),
            "");
  ASSERT_TRUE(shard_.Settle());
  silent = true;
  ASSERT_TRUE(Shard::Until([&] { return Status("h")->state == "gated"; }));
  StopViews();
  for (const auto& [id, divisor] : {std::pair{"1", "1"}, {"2", "0"}, {"3", "1"}}) {
    events_.Insert({id, divisor});
    events_.Commit();
  }
  shard_.Reopen();
  ASSERT_TRUE(shard_.Applied());
  silent = false;
  EXPECT_THAT(Failure("h"), HasSubstr("division by zero"));
  EXPECT_THAT(Kept("h"), ElementsAre("1|10"));
  ASSERT_EQ(shard_.Sql("CREATE OR REPLACE MATERIALIZED VIEW h AS "
                       "SELECT e.id, 10 / nullif(e.divisor, 0) AS d FROM events e "
                       "JOIN shop.public.pairs FOR SYSTEM_TIME AS OF LOG_POSITION() AS p ON p.id = e.id % 2 + 1"),
            "");
  ASSERT_TRUE(shard_.SettleReplaced("h"));
  EXPECT_THAT(shard_.Select("SELECT * FROM h"), ElementsAre("2|NULL", "3|10"));
}

}  // namespace
}  // namespace headgate::test
