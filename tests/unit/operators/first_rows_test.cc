// The first rows of partitions of rows that only come, against sorting all of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>

#include "tests/unit/operators/stored_view.h"

namespace headgate::test {
namespace {

// id and k of e; 9 is a k of NULL, which comes behind.
using IdAndGroup = std::array<int, 2>;

struct FirstShape {
  std::string query;
  bool partitioned;
  bool descending;  // by id; else by nothing but all columns
  std::size_t first;
  std::size_t end;
  bool numbered;
};

std::vector<FirstShape> FirstShapes() {
  const std::string numbered =
      "SELECT * FROM (SELECT id, k, row_number() OVER (PARTITION BY k ORDER BY id DESC) AS r FROM e) q WHERE r <= ";
  return {
      {"SELECT DISTINCT ON (k) id, k FROM e ORDER BY k, id DESC", true, true, 0, 1, false},
      {"SELECT id, k FROM e ORDER BY id DESC LIMIT 3", false, true, 0, 3, false},
      {"SELECT id, k FROM e ORDER BY id DESC LIMIT 5 OFFSET 2", false, true, 2, 7, false},
      {"SELECT id, k FROM e LIMIT 4", false, false, 0, 4, false},
      {"SELECT id, k FROM e ORDER BY id DESC LIMIT 32", false, true, 0, 32, false},
      {"SELECT id, k FROM e ORDER BY id DESC LIMIT 33", false, true, 0, 33, false},
      {numbered + "1", true, true, 0, 1, true},
      {numbered + "10", true, true, 0, 10, true},
      {numbered + "33", true, true, 0, 33, true},
      {numbered + "0", true, true, 0, 0, true},
  };
}

Outputs FirstOf(const FirstShape& shape, const std::vector<IdAndGroup>& events) {
  std::map<int, std::vector<IdAndGroup>> partitions;
  for (const IdAndGroup& event : events) partitions[shape.partitioned ? event[1] : 0].push_back(event);
  Outputs rows;
  for (auto& [k, of] : partitions) {
    std::ranges::sort(of, [&](const IdAndGroup& a, const IdAndGroup& b) {
      return shape.descending && a[0] != b[0] ? a[0] > b[0] : a < b;
    });
    for (std::size_t i = shape.first; i < std::min(shape.end, of.size()); ++i) {
      std::string row = std::to_string(of[i][0]) + "|" + (of[i][1] == 9 ? "NULL" : std::to_string(of[i][1])) + "|";
      if (shape.numbered) row += std::to_string(i + 1) + "|";
      ++rows[row];
    }
  }
  return rows;
}

using FirstRows = StoredViewTest;

TEST_F(FirstRows, AreThoseOfAllRowsSorted) {
  for (const FirstShape& shape : FirstShapes()) {
    std::mt19937 random(23);
    const auto below = [&](int n) { return std::uniform_int_distribution<int>(0, n - 1)(random); };
    StoredView view = Make(shape.query);
    std::vector<IdAndGroup> events;
    Outputs sum;
    for (int i = 0; i < 60; ++i) {
      for (int n = below(9); n > 0; --n) {
        events.push_back({below(20), below(4) == 0 ? 9 : below(3)});
        const auto& [id, k] = events.back();
        Push("e", {Int(id), k == 9 ? sql::Datum::Null() : Int(k)}, 1, {1, 1});
      }
      if (below(5) == 0) {
        const Seq seq = view.seq();
        view.Try(step_);
        view.Forget(seq);
      }
      sum = sum + view.Do(std::exchange(step_, {}));
      view.Save();
      ASSERT_EQ(sum, FirstOf(shape, events)) << shape.query << " step " << i;
      const int then = below(4);
      if (then == 0) view.Evict();
      if (then == 1) view.Build();
    }
  }
}

TEST_F(FirstRows, OfAPartitionLieInOneEntry) {
  StoredView view =
      Make("SELECT * FROM (SELECT id, k, row_number() OVER (PARTITION BY k ORDER BY id) AS r FROM e) q WHERE r <= 10");
  for (int id = 0; id < 30; ++id) Push("e", {Int(id), Int(id % 2)}, 1, {1, 1});
  view.Do(step_);
  view.Save();
  EXPECT_EQ(view.Entries().size(), 2U);
}

TEST_F(FirstRows, GoOutAtThePlaceInTheLogOfWhatChangedThem) {
  std::vector<At> at;
  const sql::PlanPtr plan = relations_.Plan("SELECT id, k FROM e ORDER BY id LIMIT 1");
  operators::Graph graph(*plan,
                         [&](const operators::Delta& delta) { at.insert(at.end(), delta.at.begin(), delta.at.end()); });
  operators::StepContext context;
  const auto come = [&](std::int64_t id, At place) {
    Push("e", {Int(id), Int(1)}, 1, place);
    graph.Push(*step_.back().first, step_.back().second, context);
  };
  come(5, {1, 1});
  come(3, {2, 1});
  come(7, {3, 1});
  graph.Finish(context);
  EXPECT_EQ(at, (std::vector<At>{{2, 1}}));
}

}  // namespace
}  // namespace headgate::test
