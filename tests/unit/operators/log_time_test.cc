// What changes as log time goes on: rows that expire, rows that wait for their grace. The log time of transaction n is
// 2000-01-01 and n seconds.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "core/operators/timeline.h"
#include "tests/support/child_process.h"
#include "tests/unit/operators/sample_views.h"

namespace headgate::test {
namespace {

using operators::LogTimes;
using operators::StatePlace;
using operators::StateSpace;
using operators::Timeline;

class Expiry : public SampleTest {
 protected:
  void C(std::int64_t k, std::int64_t v, std::int64_t weight, At at) { Push("c", {Int(k), Int(v)}, weight, at); }
  // v: seconds since 2000.
  SampleView view_{relations_,
                   "SELECT k, v FROM c WHERE timestamptz '2000-01-01' + v * interval '1 s' > now() - interval '10 s'"};
};

TEST_F(Expiry, ARowGoesWithTheFirstTransactionThatItsTimeHasPassed) {
  C(1, 5, 1, {5, 1});
  EXPECT_EQ(Do(view_), (Outputs{{"1|5|", 1}}));
  EXPECT_EQ(view_.Due(), 15'000'000);
  EXPECT_EQ(view_.Tick(14), Outputs());
  EXPECT_EQ(view_.Tick(15), (Outputs{{"1|5|", -1}})) << "not greater any more";
  EXPECT_EQ(view_.Due(), std::nullopt);
  EXPECT_EQ(view_.Tick(16), Outputs());
  EXPECT_EQ(view_.expired(), 1);
}

TEST_F(Expiry, ADeletionTakesBackARowThatIsThereAndNothingElse) {
  C(1, 5, 1, {5, 1});
  C(2, 5, 1, {5, 2});
  Do(view_);
  C(1, 5, -1, {14, 1});
  EXPECT_EQ(Do(view_), (Outputs{{"1|5|", -1}}));
  EXPECT_EQ(view_.Tick(20), (Outputs{{"2|5|", -1}}));
  C(2, 5, -1, {21, 1});
  EXPECT_EQ(Do(view_), Outputs());
  EXPECT_EQ(view_.expired(), 1);
}

TEST_F(Expiry, ARowWhoseTimeHadPassedIsNeverThere) {
  C(1, 5, 1, {30, 1});
  EXPECT_EQ(Do(view_), Outputs());
  EXPECT_EQ(view_.Due(), std::nullopt);
  C(1, 5, -1, {31, 1});
  EXPECT_EQ(Do(view_), Outputs());
  EXPECT_EQ(view_.expired(), 0);
}

TEST_F(Expiry, WhatComesAndExpiresInOneStepLeavesNothing) {
  C(1, 5, 1, {6, 1});
  C(2, 30, 1, {30, 1});
  EXPECT_EQ(Do(view_), (Outputs{{"2|30|", 1}}));
  C(1, 5, -1, {31, 1});
  EXPECT_EQ(Do(view_), Outputs());
}

TEST_F(Expiry, EqualRowsExpireTogetherAndGoOneByOne) {
  for (std::uint32_t i = 1; i <= 3; ++i) C(1, 5, 1, {5, i});
  EXPECT_EQ(Do(view_), (Outputs{{"1|5|", 3}}));
  C(1, 5, -1, {6, 1});
  EXPECT_EQ(Do(view_), (Outputs{{"1|5|", -1}}));
  EXPECT_EQ(view_.Tick(15), (Outputs{{"1|5|", -2}}));
  EXPECT_EQ(view_.expired(), 2);
}

TEST_F(Expiry, AtTheMomentItselfOnlyTheInclusiveFormKeepsTheRow) {
  SampleView inclusive(
      relations_, "SELECT k FROM c WHERE now() - interval '10 s' <= timestamptz '2000-01-01' + v * interval '1 s'");
  C(1, 5, 1, {5, 1});
  EXPECT_EQ(Do(inclusive), (Outputs{{"1|", 1}}));
  EXPECT_EQ(inclusive.Tick(15), Outputs());
  EXPECT_EQ(inclusive.Tick(16), (Outputs{{"1|", -1}}));
}

TEST_F(Expiry, NullIsNeverThereAndInfinityAlways) {
  SampleView view(relations_,
                  "SELECT k FROM c WHERE CASE v WHEN 1 THEN timestamptz 'infinity' WHEN 2 THEN timestamptz '-infinity' "
                  "END > now() - interval '10 s'");
  C(1, 1, 1, {1, 1});
  C(2, 2, 1, {1, 2});
  C(3, 3, 1, {1, 3});
  EXPECT_EQ(Do(view), (Outputs{{"1|", 1}}));
  EXPECT_EQ(view.Tick(1'000'000), Outputs());
  C(1, 1, -1, {1'000'001, 1});
  C(2, 2, -1, {1'000'001, 2});
  C(3, 3, -1, {1'000'001, 3});
  EXPECT_EQ(Do(view), (Outputs{{"1|", -1}}));
}

TEST_F(Expiry, AGroupShrinksAsItsRowsExpire) {
  SampleView view(relations_,
                  "SELECT count(*) AS n FROM c "
                  "WHERE timestamptz '2000-01-01' + v * interval '1 s' > now() - interval '10 s'");
  for (std::int64_t v = 1; v <= 3; ++v) C(1, v, 1, {3, static_cast<std::uint32_t>(v)});
  Do(view);
  EXPECT_EQ(view.Tick(12), (Outputs{{"3|", -1}, {"1|", 1}}));
  EXPECT_EQ(view.Tick(13), (Outputs{{"1|", -1}, {"0|", 1}}));
}

class Grace : public SampleTest {
 protected:
  SampleView view_{relations_,
                   "GRACE 2 SELECT e.id, t.name FROM e LEFT JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = e.k"};
};

TEST_F(Grace, EveryRowIsHeldAndSeesTheTableAsOfItsRelease) {
  Setting(1, "old", 1, {1, 1});
  Event(10, 1, {2, 1});
  Event(11, 2, {2, 2});
  EXPECT_EQ(Do(view_), Outputs()) << "hits wait as misses do";
  EXPECT_EQ(view_.waiting(), 2);
  EXPECT_EQ(view_.Due(), 4'000'000);
  Setting(2, "late", 1, {3, 1});
  EXPECT_EQ(Do(view_), Outputs());
  EXPECT_EQ(view_.Tick(4), (Outputs{{"10|old|", 1}, {"11|late|", 1}}));
  EXPECT_EQ(view_.waiting(), 0);
  EXPECT_EQ(view_.Due(), std::nullopt);
}

TEST_F(Grace, OfOneStepTheFirstTransactionBehindTheGraceDecides) {
  Event(10, 1, {2, 1});
  Setting(1, "in time", 1, {4, 1});
  Setting(1, "in time", -1, {5, 1});
  Setting(1, "too late", 1, {5, 1});
  Event(11, 1, {6, 1});
  EXPECT_EQ(Do(view_), (Outputs{{"10|in time|", 1}}));
  EXPECT_EQ(view_.Tick(8), (Outputs{{"11|too late|", 1}}));
}

TEST_F(Grace, ARowThatGoesWaitsTooAndTakesBackWhatWasGiven) {
  SampleView view(relations_,
                  "GRACE 2 SELECT a.id, t.name FROM a JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = a.k");
  Setting(1, "one", 1, {1, 1});
  Push("a", {Int(7), Int(1)}, 1, {2, 1});
  Do(view);
  Push("a", {Int(7), Int(1)}, -1, {3, 1});
  EXPECT_EQ(Do(view), Outputs());
  EXPECT_EQ(view.Tick(4), (Outputs{{"7|one|", 1}}));
  Setting(1, "one", -1, {4, 1});
  EXPECT_EQ(Do(view), Outputs());
  EXPECT_EQ(view.Tick(5), (Outputs{{"7|one|", -1}}));
}

// What is told is told in this order, and sorts by it.
TEST_F(Grace, RowsComeOutInTheOrderOfTheirComingWithThePlaceOfTheirRelease) {
  const auto plan =
      relations_.Plan("GRACE 2 SELECT e.id FROM e LEFT JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = e.k");
  std::vector<std::pair<std::int64_t, At>> out;
  operators::Graph graph(*plan, [&](const operators::Delta& delta) {
    for (std::size_t row = 0; row < delta.rows(); ++row)
      out.emplace_back(delta.batch.columns[0]->At(row).i, delta.at[row]);
  });
  Event(12, 1, {3, 1});
  Event(10, 1, {2, 2});
  Event(11, 1, {2, 1});
  operators::StepContext step;
  step.times = std::make_shared<const LogTimes>(LogTimes{1, 0, {{2, 100}, {3, 200}, {4, 3'000'000}, {5, 3'000'001}}});
  for (const auto& [relation, delta] : step_) graph.Push(*relation, delta, step);
  graph.Finish(step);
  ASSERT_EQ(out.size(), 3U);
  EXPECT_EQ(out[0].first, 11);
  EXPECT_EQ(out[1].first, 10);
  EXPECT_EQ(out[2].first, 12);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(out[i].second.seq, 4U);
  EXPECT_LT(out[0].second, out[1].second);
  EXPECT_LT(out[1].second, out[2].second);
}

TEST_F(Grace, WhileItIsGatedNothingComesOutAndNothingIsDue) {
  const auto plan =
      relations_.Plan("GRACE 2 SELECT e.id FROM e LEFT JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = e.k");
  std::size_t rows = 0;
  operators::Graph graph(*plan, [&](const operators::Delta& delta) { rows += delta.rows(); });
  operators::StepContext step;
  step.times = std::make_shared<const LogTimes>(LogTimes{1, 0, {{2, 100}}});
  Event(10, 1, {2, 1});
  graph.Push(*step_[0].first, step_[0].second, step);
  graph.Finish(step);
  EXPECT_EQ(graph.Due(), 2'000'100);
  step.times = std::make_shared<const LogTimes>(LogTimes{2, 100, {{3, 9'000'000}}});
  step.gated = true;
  graph.Finish(step);
  EXPECT_EQ(rows, 0U);
  EXPECT_EQ(graph.Due(), std::nullopt);
  step.times = std::make_shared<const LogTimes>(LogTimes{3, 9'000'000, {}});
  step.gated = false;
  graph.Finish(step);
  EXPECT_EQ(rows, 1U);
}

// A fold over the log: every event sees the table as of the first transaction that is two seconds behind it.
TEST_F(Grace, AgreesWithAFoldOverTheLog) {
  std::mt19937 random(5);
  const auto below = [&](std::uint32_t n) { return random() % n; };
  struct Change {
    bool event = false;
    std::int64_t key = 0;
    std::int64_t id = 0;
    std::string name;
    std::string before;  // of a setting, "" if there is none
  };
  for (int round = 0; round < 30; ++round) {
    std::map<Seq, std::vector<Change>> log;
    std::map<std::int64_t, std::string> table;
    std::int64_t ids = 0;
    for (Seq seq = 1; seq < 60; seq += 1 + below(3)) {
      std::set<std::int64_t> changed;
      for (std::uint32_t n = 1 + below(4); n > 0; --n) {
        Change& change = log[seq].emplace_back();
        change.key = below(4);
        change.event = below(2) == 0 || !changed.insert(change.key).second;
        if (change.event) {
          change.id = ids++;
          continue;
        }
        change.before = table[change.key];
        if (change.before.empty() || below(3) > 0) change.name = "n" + std::to_string(seq);
        table[change.key] = change.name;
      }
    }
    log[70];  // a mark
    Outputs expected;
    for (const auto& [seq, changes] : log) {
      const auto place = log.lower_bound(seq + 2);
      for (const Change& event : changes) {
        if (!event.event) continue;
        std::string found;
        for (auto at = log.begin(); at != std::next(place); ++at) {
          for (const Change& change : at->second) {
            if (!change.event && change.key == event.key) found = change.name;
          }
        }
        expected[std::to_string(event.id) + "|" + (found.empty() ? "NULL" : found) + "|"] = 1;
      }
    }
    SampleView view(relations_,
                    "GRACE 2 SELECT e.id, t.name FROM e LEFT JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = e.k");
    Outputs all;
    for (const auto& [seq, changes] : log) {
      std::uint32_t ordinal = 0;
      for (const Change& change : changes) {
        const At at{seq, ++ordinal};
        if (change.event) Event(change.id, change.key, at);
        if (!change.event && !change.before.empty()) Setting(change.key, change.before, -1, at);
        if (!change.event && !change.name.empty()) Setting(change.key, change.name, 1, at);
      }
      if (below(3) == 0) all = all + Do(view);
    }
    all = all + Do(view);
    all = all + view.Tick(70);
    ASSERT_EQ(all, expected) << "round " << round;
  }
}

class InStore : public SampleTest {
 protected:
  void SetUp() override {
    auto store = Store::Open(dir_.path() + "/data");
    ASSERT_TRUE(store.ok()) << store.error().what;
    store_ = std::move(*store);
  }
  void Save(StateSpace& space) const {
    StoreBatch batch;
    space.Save(batch);
    ASSERT_TRUE(store_->Write(batch, false).ok());
  }

  TempDir dir_{"headgate-time"};
  std::unique_ptr<Store> store_;
};

// A hundred thousand rows whose time comes at once.
TEST_F(InStore, ManyRowsGoInSeveralStepsWithNoneOfThemInMemory) {
  StateSpace space(*store_, Family::kState);
  SampleView view(relations_, "SELECT k FROM c WHERE timestamptz '2000-01-01' + v * interval '1 s' > now()",
                  StatePlace{&space, "v"});
  constexpr std::int64_t kRows = 100'000;
  for (std::int64_t k = 0; k < kRows; ++k) {
    Push("c", {Int(k), Int(100)}, 1, {2, static_cast<std::uint32_t>(k + 1)});
    if (k % 1000 != 999) continue;
    Do(view);
    Save(space);
  }
  space.Trim(0);
  EXPECT_EQ(space.bytes(), 0U);
  std::size_t gone = view.Tick(200).size();
  EXPECT_LT(gone, kRows);
  Save(space);
  for (int steps = 0; view.Due() && steps < 100; ++steps) {
    gone += view.Tick(200).size();
    Save(space);
  }
  EXPECT_EQ(gone, kRows);
  EXPECT_EQ(view.expired(), kRows);
}

// Fifty thousand rows whose grace is over: only those with the place of the last transaction may come out later.
TEST_F(InStore, HeldRowsThatHaveToComeOutInAStepDo) {
  StateSpace space(*store_, Family::kState);
  SampleView view(relations_,
                  "GRACE 2 SELECT e.id, t.name FROM e LEFT JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = e.k",
                  StatePlace{&space, "v"});
  constexpr std::int64_t kRows = 50'000;
  for (std::int64_t id = 0; id < kRows; ++id) {
    Event(id, 1, {id < kRows / 2 ? 10U : 11U, static_cast<std::uint32_t>(id + 1)});
    if (id % 1000 != 999) continue;
    Do(view);
    Save(space);
  }
  EXPECT_EQ(view.waiting(), kRows);
  // At 12 half of them may go, all of them at 13; the setting of 13 is for the others.
  Setting(1, "one", 1, {12, 1});
  Setting(1, "one", -1, {13, 1});
  Setting(1, "two", 1, {13, 1});
  Outputs all = Do(view);
  Save(space);
  EXPECT_GE(all.size(), static_cast<std::size_t>(kRows / 2));
  EXPECT_LT(all.size(), static_cast<std::size_t>(kRows));
  for (int steps = 0; view.Due() && steps < 100; ++steps) {
    all = all + view.Tick(13);
    Save(space);
  }
  ASSERT_EQ(all.size(), static_cast<std::size_t>(kRows));
  EXPECT_EQ(all["0|one|"], 1);
  EXPECT_EQ(all["24999|one|"], 1);
  EXPECT_EQ(all["25000|two|"], 1);
  EXPECT_EQ(all["49999|two|"], 1);
}

TEST_F(InStore, ATimelineReadsStoredAndNewEntriesInOneOrder) {
  const auto open = [&](StateSpace& space) {
    return std::make_unique<Timeline>(StatePlace{&space, "t"}, [](std::string_view, std::string_view) { return true; });
  };
  StateSpace space(*store_, Family::kState);
  auto line = open(space);
  const auto names = [&](std::int64_t until, std::size_t max) {
    std::string all;
    for (const auto& entry : line->Take(until, max)) all += std::string(entry.name()) + "=" + entry.value + " ";
    return all;
  };
  for (const std::int64_t us : {-5, 0, 7, 9, 300}) line->Put(Timeline::KeyOf(us, "n" + std::to_string(us)), "old");
  Save(space);
  line->Put(Timeline::KeyOf(-9, "first"), "new");
  line->Put(Timeline::KeyOf(7, "n7"), "changed");
  line->Put(Timeline::KeyOf(8, "n8"), "new");
  line->Erase(Timeline::KeyOf(0, "n0"));
  EXPECT_EQ(line->First(), -9);
  EXPECT_EQ(names(8, 2), "first=new n-5=old ");
  EXPECT_EQ(line->First(), 7);
  EXPECT_EQ(names(8, 10), "n7=changed n8=new ");
  EXPECT_EQ(line->First(), 9);
  space.Forget();
  EXPECT_EQ(names(8, 10), "n-5=old n0=old n7=old ") << "the step did not happen";
  Save(space);
  line->Put(Timeline::KeyOf(1, "before"), "what was taken");
  line = nullptr;
  line = open(space);
  EXPECT_EQ(names(1000, 10), "n9=old n300=old ");
  EXPECT_EQ(line->First(), std::nullopt);
}

}  // namespace
}  // namespace headgate::test
