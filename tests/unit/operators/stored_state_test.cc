// Views whose operators keep their state in a store give what views in memory give, whatever is let go of in between.
#include <gtest/gtest.h>

#include "tests/support/child_process.h"
#include "tests/unit/operators/stored_view.h"

namespace headgate::test {
namespace {

std::vector<std::string> AllQueries() {
  std::vector<std::string> all = SampleQueries();
  all.insert(all.end(), TemporalQueries().begin(), TemporalQueries().end());
  all.insert(all.end(), NullQueries().begin(), NullQueries().end());
  all.insert(all.end(), TimeQueries().begin(), TimeQueries().end());
  return all;
}

using StoredState = StoredViewTest;

std::vector<std::string> KeysOf(const std::map<std::string, std::string>& entries) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : entries) keys.push_back(key);
  return keys;
}

TEST_F(StoredState, OfRowsThatOnlyComeNoneIsKeptThatCanNeverBeShown) {
  for (const char* query :
       {"SELECT * FROM (SELECT k, x, row_number() OVER (PARTITION BY k ORDER BY x) AS r FROM e) q WHERE r <= 2",
        "SELECT k, x FROM e ORDER BY x, k LIMIT 1 OFFSET 1", "SELECT max(x) AS x, min(id) AS i FROM e"}) {
    RandomSteps steps(relations_, 5);
    StoredView view = Make(query);
    const auto grown = [&] {
      for (int i = 0; i < 60; ++i) {
        view.Do(steps.Next(4));
        view.Save();
      }
      return view.Entries().size();
    };
    const std::size_t entries = grown();
    EXPECT_GE(entries, 1U) << query;
    EXPECT_EQ(grown(), entries) << query;
  }
}

// What comes before a step that counts: nothing, a step that is not saved, or the beginning of one.
void FailFirst(StoredView& view, const Step& step, int how) {
  const Seq seq = view.seq();
  if (how == 0) view.Do(step);
  if (how == 1) view.DoPart(step, step.size() / 2);
  if (how <= 1) view.Forget(seq);
}

TEST_F(StoredState, EveryViewGivesWhatItGivesInMemory) {
  const std::uint32_t seed = 11;
  for (const std::string& query : AllQueries()) {
    std::mt19937 random(seed);
    RandomSteps steps(relations_, seed + static_cast<std::uint32_t>(views_));
    SampleView memory(relations_, query);
    StoredView stored = Make(query);
    int rows = 0;
    for (int i = 0; i < 40; ++i) {
      const Step step = steps.Next(1 + i % 3);
      FailFirst(stored, step, static_cast<int>(random() % 6));
      const Outputs expected = memory.Do(step);
      ASSERT_EQ(stored.Do(step), expected) << query << "\nseed " << seed << " step " << i;
      rows += static_cast<int>(expected.size());
      stored.Save();
      const auto then = random() % 4;
      if (then == 0) stored.Evict();
      if (then == 1) stored.Build();
    }
    EXPECT_GT(rows, 1) << query;  // else it proves nothing
  }
}

TEST_F(StoredState, GroupsThatAreGoneLeaveNothingInTheStore) {
  for (const std::string& query : AllQueries()) {
    if (query.find("FROM e") != std::string::npos || query.find("JOIN e") != std::string::npos)
      continue;                                // rows that are never taken back
    if (query.starts_with("GRACE")) continue;  // that they go waits too
    RandomSteps steps(relations_, 5);
    StoredView view = Make(query);
    const Outputs of_nothing = view.Do({});
    view.Save();
    const auto entries_of_nothing = view.Entries();  // of constants, and of groupings that always have a row
    EXPECT_LE(entries_of_nothing.size(), 3U) << query;
    Outputs sum = of_nothing;
    for (int i = 0; i < 6; ++i) {
      sum = sum + view.Do(steps.Next(3));
      view.Save();
      if (i % 2 == 0) view.Evict();
    }
    sum = sum + view.Do(steps.DeleteAll());
    view.Save();
    EXPECT_EQ(sum, of_nothing) << query;
    EXPECT_EQ(KeysOf(view.Entries()), KeysOf(entries_of_nothing)) << query;
  }
}

TEST_F(StoredState, ValuesThatMakeNoSenseFailTheStepAndNothingElse) {
  int failed = 0;
  std::mt19937 random(3);
  for (const std::string& query : AllQueries()) {
    RandomSteps steps(relations_, 7);
    StoredView view = Make(query);
    for (int i = 0; i < 4; ++i) {
      view.Do(steps.Next(4));
      view.Save();
    }
    const auto entries = view.Entries();
    const Step next = steps.Next(4);
    for (int i = 0; i < 12 && !entries.empty(); ++i) {
      for (const auto& [key, value] : entries) {
        std::string bad = value;
        if (i % 3 == 0) bad.resize(bad.size() * static_cast<std::size_t>(i) / 12);
        if (i % 3 == 1) bad += 'x';
        if (i % 3 == 2 && !bad.empty()) bad[random() % bad.size()] = static_cast<char>(random());
        view.Overwrite(key, bad);
      }
      view.Build();
      view.Try(next);
      failed += view.failed() ? 1 : 0;
    }
    for (const auto& [key, value] : entries) view.Overwrite(key, value);
    view.Build();
    view.Do(next);
  }
  EXPECT_GT(failed, 100);
}

}  // namespace
}  // namespace headgate::test
