// Aggregates with DISTINCT that share what they have seen, against a count of the rows that are there.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <set>

#include "core/sql/numeric.h"
#include "tests/unit/operators/stored_view.h"

namespace headgate::test {
namespace {

// A row of u: x the group, y the value (-1 is NULL), z what is filtered by.
using URow = std::array<int, 3>;

constexpr int kFilters = 70;  // more than one table takes

std::string CountsQuery() {
  std::string query = "SELECT x, sum(DISTINCT y) FILTER (WHERE z = 3) AS s";
  for (int i = 0; i < kFilters; ++i) {
    const std::string n = std::to_string(i);
    query += ", count(DISTINCT y) FILTER (WHERE z < " + n + ") AS c" + n;
  }
  return query + " FROM u GROUP BY x";
}

Outputs Counted(const std::multiset<URow>& rows) {
  std::map<int, std::map<int, int>> values;  // of a group: in which row with the smallest z
  std::map<int, std::set<int>> threes;
  for (const auto& [x, y, z] : rows) {
    auto& of_group = values[x];
    if (y < 0) continue;
    if (z == 3) threes[x].insert(y);
    const auto [value, first] = of_group.emplace(y, z);
    value->second = std::min(value->second, z);
  }
  Outputs lines;
  for (const auto& [group, of_group] : values) {
    const std::set<int>& summed = threes[group];
    std::string line = std::to_string(group) + "|";
    line += (summed.empty() ? "NULL" : std::to_string(std::accumulate(summed.begin(), summed.end(), 0))) + "|";
    for (int i = 0; i < kFilters; ++i)
      line +=
          std::to_string(std::ranges::count_if(of_group, [&](const auto& value) { return value.second < i; })) + "|";
    lines[line] = 1;
  }
  return lines;
}

class DistinctValues : public StoredViewTest {
 protected:
  void Note(const URow& row, std::int64_t weight) {
    Push("u", {Int(row[0]), row[1] < 0 ? sql::Datum::Null() : Int(row[1]), Int(row[2])}, weight, {1, 1});
  }
};

TEST_F(DistinctValues, AgreeWithACountOfTheRowsThatAreThere) {
  std::mt19937 random(17);
  const auto below = [&](int n) { return std::uniform_int_distribution<int>(0, n - 1)(random); };
  StoredView view = Make(CountsQuery());
  std::multiset<URow> rows;
  Outputs sum;
  for (int i = 0; i < 400; ++i) {
    for (int n = 1 + below(12); n > 0; --n) {
      if (rows.empty() || below(static_cast<int>(rows.size())) < 20) {
        const URow row = {below(3), below(6) - 1, below(4) == 0 ? 3 : below(kFilters)};
        rows.insert(row);
        Note(row, 1);
      } else {
        const auto gone = std::next(rows.begin(), below(static_cast<int>(rows.size())));
        Note(*gone, -1);
        rows.erase(gone);
      }
    }
    std::ranges::shuffle(step_, random);  // a row may go before it comes
    sum = sum + view.Do(std::exchange(step_, {}));
    view.Save();
    ASSERT_EQ(sum, Counted(rows)) << "step " << i;
    const int then = below(4);
    if (then == 0) view.Evict();
    if (then == 1) view.Build();
  }
  for (const URow& row : rows) Note(row, -1);
  EXPECT_EQ(sum + view.Do(step_), Outputs{});
  view.Save();
  EXPECT_TRUE(view.Entries().empty());
}

TEST_F(DistinctValues, AValueIsStoredOnceForAllWhoCountIt) {
  StoredView view = Make(CountsQuery());
  Note({1, 5, 0}, 1);
  view.Do(std::exchange(step_, {}));
  view.Save();
  EXPECT_EQ(view.Entries().size(),
            3U);  // the group; the value, of two tables for there are more filters than one takes
  Note({1, 6, 0}, 1);
  Note({1, 6, 50}, 1);
  view.Do(step_);
  view.Save();
  EXPECT_EQ(view.Entries().size(), 5U);
}

TEST_F(DistinctValues, ShowAValueInAFormThatPassesTheFilter) {
  SampleView view(relations_, "SELECT sum(DISTINCT n) AS a, sum(DISTINCT n) FILTER (WHERE o) AS b FROM a");
  const auto note = [&](std::int64_t id, const char* n, bool o) {
    Row row(6);
    row[0] = Int(id);
    row[3] = sql::Datum::Of(sql::Numeric::Parse(n)->Encode());
    row[5] = sql::Datum::Of(o);
    Push("a", row, 1, {1, 1});
  };
  note(1, "1.5", false);
  note(2, "1.50", true);
  EXPECT_EQ(Do(view), (Outputs{{"1.5|1.50|", 1}}));
}

}  // namespace
}  // namespace headgate::test
