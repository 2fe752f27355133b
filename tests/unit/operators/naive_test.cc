// Views under random changes against the same plans computed anew from all that is there.
#include "tests/unit/operators/naive.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/unit/operators/stored_view.h"

namespace headgate::test {
namespace {

std::vector<std::string> RecomputedQueries() {
  std::vector<std::string> all = SampleQueries();
  for (const std::string& query : TemporalQueries()) {
    // Of two rows that are equal it is not said which one goes, and they may have found different things.
    if (query.find("FROM c") == std::string::npos) all.push_back(query);
  }
  return all;
}

Outputs RowsOf(Outputs outputs) {
  std::erase_if(outputs, [](const auto& output) { return output.first.starts_with("error "); });
  return outputs;
}

// Twelve tests of 120 steps a query: over 10^5 steps in all, and ten times as many where HEADGATE_NIGHTLY is set.
class AgainstNaive : public StoredViewTest, public ::testing::WithParamInterface<std::uint32_t> {
 protected:
  static constexpr std::uint32_t kTests = 12;
  static constexpr int kSteps = 120;
  static constexpr int kEmptyEach = 40;

  // False after a difference.
  bool Follow(const std::string& query, std::uint32_t seed) {
    const sql::PlanPtr plan = relations_.Plan(query);
    std::mt19937 random(seed);
    RandomSteps steps(relations_, seed, RandomSteps::Forms::kOne);
    Naive naive;
    StoredView view = Make(query);
    Outputs sum;
    for (int i = 1; i <= kSteps; ++i) {
      const Step step = i % kEmptyEach == 0 ? steps.DeleteAll() : steps.Next(1 + static_cast<int>(random() % 3));
      naive.Apply(step);
      sum = std::move(sum) + RowsOf(view.Do(step));
      view.Save();
      const auto then = random() % 8;
      if (then == 0) view.Evict();
      if (then == 1) view.Build();
      EXPECT_EQ(sum, naive.Of(*plan)) << query << "\nseed " << seed << " step " << i << "\n" << sql::Describe(*plan);
      if (HasFailure()) return false;
    }
    return true;
  }
};

TEST_P(AgainstNaive, EveryViewIsWhatItsQueryGivesOverAllThatIsThere) {
  const std::uint32_t rounds = std::getenv("HEADGATE_NIGHTLY") != nullptr ? 10 : 1;
  for (std::uint32_t round = 0; round < rounds; ++round) {
    const std::vector<std::string> queries = RecomputedQueries();
    ASSERT_GE(queries.size() * kSteps * kTests, 100'000U);
    for (const std::string& query : queries) {
      if (!Follow(query, 1 + GetParam() + 100 * round)) return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, AgainstNaive, ::testing::Range(0U, 12U));

}  // namespace
}  // namespace headgate::test
