// Joins of three to five inputs as one node, against every combination of rows tried.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "core/sql/multi_join.h"
#include "tests/support/child_process.h"
#include "tests/unit/operators/sample_views.h"

namespace headgate::test {
namespace {

using operators::StatePlace;
using operators::StateSpace;
using sql::Datum;

// A row of u, v or w: x, y, z; -1 is NULL.
using Row = std::array<int, 3>;
constexpr std::array kColumns = {"x", "y", "z"};

struct Condition {
  std::size_t input;
  std::size_t column;
  std::string op;
  std::size_t other;
  std::size_t other_column;
};

// Inputs by the names of their relations, and what is asked of each combination.
struct Shape {
  std::vector<std::string> inputs;
  std::vector<Condition> conditions;

  std::string Query(bool commas) const {
    std::string select = "SELECT ";
    std::string from;
    std::string where;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::string name = "i" + std::to_string(i);
      for (const char* column : kColumns)
        select += (select.size() > 7 ? ", " : "") + name + "." + column + " AS " + name + column;
      std::string on;
      for (const Condition& c : conditions) {
        if (std::max(c.input, c.other) == i && (commas || i > 0)) on += (on.empty() ? "" : " AND ") + Text(c);
      }
      if (commas) {
        from += (i > 0 ? ", " : "") + inputs[i] + " " + name;
        if (!on.empty()) where += (where.empty() ? " WHERE " : " AND ") + on;
      } else {
        from += (i > 0 ? " JOIN " : "") + inputs[i] + " " + name + (i > 0 ? " ON " + on : "");
      }
    }
    return select + " FROM " + from + where;
  }
  static std::string Text(const Condition& c) {
    return "i" + std::to_string(c.input) + "." + kColumns[c.column] + " " + c.op + " i" + std::to_string(c.other) +
           "." + kColumns[c.other_column];
  }
};

bool Holds(const Condition& c, const std::vector<const Row*>& rows) {
  const int a = (*rows[c.input])[c.column];
  const int b = (*rows[c.other])[c.other_column];
  if (c.op == "IS NOT DISTINCT FROM") return a == b;
  if (a < 0 || b < 0) return false;
  return c.op == "=" ? a == b : (c.op == "<" ? a < b : a != b);
}

// Rows with their number.
using Table = std::map<Row, std::int64_t>;
using Tables = std::map<std::string, Table>;

class Combinations {
 public:
  Combinations(const Shape& shape, const Tables& tables) : shape_(shape), tables_(tables) { Try(1); }
  Outputs outputs;

 private:
  void Try(std::int64_t weight) {
    if (rows_.size() == shape_.inputs.size()) {
      std::string text;
      for (const Row* row : rows_) {
        for (const int value : *row) text += (value < 0 ? "NULL" : std::to_string(value)) + "|";
      }
      outputs[text] += weight;
      return;
    }
    for (const auto& [row, number] : tables_.at(shape_.inputs[rows_.size()])) {
      rows_.push_back(&row);
      const bool good = std::ranges::all_of(shape_.conditions, [&](const Condition& c) {
        return std::max(c.input, c.other) != rows_.size() - 1 || Holds(c, rows_);
      });
      if (good) Try(weight * number);
      rows_.pop_back();
    }
  }

  const Shape& shape_;
  const Tables& tables_;
  std::vector<const Row*> rows_;
};

// Random rows that come and go in u, v and w, several in a step, some twice and some only for a while.
class Changes {
 public:
  Changes(const SampleRelations& relations, std::uint32_t seed, int most)
      : relations_(relations), random_(seed), most_(most) {
    for (const char* name : {"u", "v", "w"}) tables[name];
  }
  Tables tables;

  Step Next() {
    Step step;
    ++seq_;
    std::uint32_t ordinal = 0;
    for (int pieces = 1 + Below(4); pieces > 0; --pieces) {
      const std::string name(1, "uvw"[Below(3)]);
      const sql::Relation* relation = relations_.Find({name});
      operators::DeltaBuilder builder({sql::TypeId::kInt4, sql::TypeId::kInt4, sql::TypeId::kInt4});
      for (int n = 1 + Below(4); n > 0; --n) Change(tables[name], builder, {seq_, ++ordinal});
      step.emplace_back(relation, builder.Take());
    }
    return step;
  }
  int Below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }

 private:
  void Change(Table& table, operators::DeltaBuilder& builder, At at) {
    std::int64_t rows = 0;
    for (const auto& [row, number] : table) rows += number;
    Row row = {Below(5) - 1, Below(4) - 1, Below(4) - 1};
    std::int64_t weight = 1 + Below(2);
    if (!table.empty() && (rows >= most_ || Below(3) == 0)) {
      const auto some = std::next(table.begin(), Below(static_cast<int>(table.size())));
      row = some->first;
      weight = -1;
    }
    std::vector<Datum> values;
    for (const int value : row)
      values.push_back(value < 0 ? Datum::Null() : Datum::Of(static_cast<std::int64_t>(value)));
    builder.AddDatums(values, weight, at);
    if ((table[row] += weight) == 0) table.erase(row);
  }

  const SampleRelations& relations_;
  std::mt19937 random_;
  int most_;
  Seq seq_ = 0;
};

Shape RandomShape(Changes& random) {
  Shape shape;
  const int count = 3 + random.Below(3);
  const auto column = [&] { return static_cast<std::size_t>(random.Below(3)); };
  for (int i = 0; i < count; ++i) {
    shape.inputs.emplace_back(1, "uvw"[random.Below(3)]);
    if (i == 0) continue;
    const auto input = static_cast<std::size_t>(i);
    const std::string op = random.Below(6) == 0 ? "IS NOT DISTINCT FROM" : "=";
    shape.conditions.push_back({static_cast<std::size_t>(random.Below(i)), column(), op, input, column()});
  }
  for (int more = random.Below(3); more > 0; --more) {
    const auto input = static_cast<std::size_t>(random.Below(count - 1));
    const std::vector<std::string> ops = {"=", "<", "<>"};
    shape.conditions.push_back({input, column(), ops[static_cast<std::size_t>(random.Below(3))], input + 1, column()});
  }
  return shape;
}

class DeltaJoin : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store = Store::Open(dir_.path() + "/data");
    ASSERT_TRUE(store.ok()) << store.error().what;
    store_ = std::move(*store);
  }
  // Steps of one shape, with a store that is let go of and opened anew in between and steps that fail and come again.
  void Follow(const Shape& shape, std::uint32_t seed, bool commas, int steps) {
    const std::string query = shape.Query(commas);
    const std::string prefix = "v" + std::to_string(views_++) + "/";
    Changes changes(relations_, seed, 7);
    std::unique_ptr<StateSpace> space;
    std::unique_ptr<SampleView> view;
    const auto build = [&] {
      view.reset();
      space = std::make_unique<StateSpace>(*store_, Family::kState);
      view = std::make_unique<SampleView>(relations_, query, StatePlace{space.get(), prefix});
    };
    build();
    Outputs sum;
    for (int i = 0; i < steps; ++i) {
      const Step step = changes.Next();
      if (changes.Below(5) == 0) {
        view->DoPart(step, step.size() / 2 + 1);
        space->Forget();
      }
      sum = sum + view->Do(step);
      ASSERT_FALSE(space->failure()) << query;
      StoreBatch batch;
      space->Save(batch);
      ASSERT_TRUE(store_->Write(batch, false).ok());
      ASSERT_EQ(sum, Combinations(shape, changes.tables).outputs) << query << "\nseed " << seed << " step " << i;
      if (changes.Below(6) == 0) build();
      if (changes.Below(6) == 0) space->Trim(0);
    }
  }
  std::size_t Entries(const std::string& prefix) const {
    std::size_t entries = 0;
    EXPECT_TRUE(store_
                    ->Scan(Family::kState, prefix, "",
                           [&](std::string_view key, std::string_view) {
                             entries += key.starts_with(prefix) ? 1 : 0;
                             return key.starts_with(prefix);
                           })
                    .ok());
    return entries;
  }

  TempDir dir_{"headgate-delta-join"};
  std::unique_ptr<Store> store_;
  SampleRelations relations_;
  int views_ = 0;
};

TEST_F(DeltaJoin, ChainsStarsTrianglesAndSelfJoinsGiveEveryCombinationOnce) {
  const std::vector<Shape> shapes = {
      {{"u", "v", "w"}, {{0, 0, "=", 1, 0}, {1, 1, "=", 2, 1}}},
      {{"u", "v", "w"}, {{0, 0, "=", 1, 0}, {0, 0, "=", 2, 0}}},
      {{"u", "v", "w"}, {{0, 0, "=", 1, 0}, {1, 1, "=", 2, 1}, {2, 2, "=", 0, 2}}},
      {{"u", "v", "w"}, {{0, 0, "=", 1, 0}, {0, 1, "=", 2, 1}, {1, 2, "<", 2, 2}}},
      {{"u", "u", "u"}, {{0, 0, "=", 1, 1}, {1, 0, "=", 2, 1}}},
      {{"u", "u", "u"}, {{0, 0, "=", 1, 0}, {1, 0, "=", 2, 0}}},
      {{"u", "u", "u"}, {{0, 0, "=", 1, 1}, {0, 0, "=", 2, 0}}},
      {{"u", "u", "v"}, {{0, 0, "=", 1, 0}, {1, 0, "=", 2, 0}, {0, 1, "<>", 1, 1}}},
      {{"u", "v", "w"}, {{0, 0, "=", 1, 0}, {0, 1, "=", 1, 0}, {1, 0, "=", 2, 2}}},
      {{"u", "v", "w", "u", "v"}, {{0, 0, "=", 1, 0}, {1, 1, "=", 2, 1}, {2, 2, "=", 3, 2}, {3, 0, "=", 4, 1}}},
      {{"u", "v", "w", "u"}, {{0, 0, "=", 1, 0}, {0, 1, "=", 2, 0}, {0, 2, "IS NOT DISTINCT FROM", 3, 0}}},
  };
  for (const Shape& shape : shapes) {
    for (const bool commas : {false, true}) {
      const sql::PlanPtr plan = relations_.Plan(shape.Query(commas));
      EXPECT_NE(sql::Describe(*plan).find("delta join of " + std::to_string(shape.inputs.size())), std::string::npos)
          << sql::Describe(*plan);
      Follow(shape, 20 + static_cast<std::uint32_t>(views_), commas, 40);
      if (HasFailure()) return;
    }
  }
}

TEST_F(DeltaJoin, RandomShapesGiveEveryCombinationOnce) {
  Changes random(relations_, 1, 7);
  for (std::uint32_t seed = 100; seed < 140; ++seed) {
    Follow(RandomShape(random), seed, random.Below(2) == 0, 25);
    if (HasFailure()) return;
  }
}

TEST_F(DeltaJoin, AHotKeyGoesOutInPiecesAndLeavesNoPairsInTheStore) {
  StateSpace space(*store_, Family::kState);
  const sql::PlanPtr plan =
      relations_.Plan("SELECT u.y, v.y AS vy, w.y AS wy FROM u JOIN v ON u.x = v.x JOIN w ON w.x = u.x");
  std::size_t largest = 0;
  std::int64_t sum = 0;
  operators::Graph graph(*plan,
                         [&](const operators::Delta& delta) {
                           largest = std::max(largest, delta.rows());
                           for (const std::int64_t weight : delta.weights) sum += weight;
                         },
                         {&space, "hot"});
  constexpr std::int64_t kLarge = 2'000'000'000;  // so that the rows do not fit into one value
  const std::int64_t rows = 120;
  const auto push = [&](const std::string& name, std::int64_t weight) {
    operators::StepContext step;
    operators::DeltaBuilder builder({sql::TypeId::kInt4, sql::TypeId::kInt4, sql::TypeId::kInt4});
    for (std::int64_t i = 0; i < rows; ++i) {
      const std::vector<Datum> row = {Datum::Of(kLarge), Datum::Of(kLarge - i), Datum::Null()};
      builder.AddDatums(row, weight, {1, static_cast<std::uint32_t>(i)});
    }
    graph.Push(*relations_.Find({name}), builder.Take(), step);
    graph.Finish(step);
    StoreBatch batch;
    space.Save(batch);
    ASSERT_TRUE(store_->Write(batch, false).ok());
    space.Trim(0);
    space.Trim(0);
  };
  for (const char* name : {"u", "v", "w"}) push(name, 1);
  EXPECT_EQ(sum, rows * rows * rows);
  EXPECT_LE(largest, operators::kPieceRows);
  // One index for each input, each row in it once, and a count. Pairs of u and v alone would be 14 400.
  EXPECT_EQ(Entries("hot"), 3 * (static_cast<std::size_t>(rows) + 1));
  for (const char* name : {"v", "u", "w"}) push(name, -1);
  EXPECT_EQ(sum, 0);
  EXPECT_EQ(Entries("hot"), 0U);
}

TEST_F(DeltaJoin, AnInputHasOneIndexForAllWhoLookThereByTheSameColumns) {
  const auto plan = [&](const std::string& query) { return sql::Describe(*relations_.Plan(query)); };
  EXPECT_NE(plan("SELECT a.g, b.s, c.v FROM a JOIN b ON b.id = a.k JOIN c ON c.k = b.id")
                .find("delta join of 3 inputs, indexes: 1 by (k), 2 by (id), 3 by (k) (6 columns)"),
            std::string::npos)
      << plan("SELECT a.g, b.s, c.v FROM a JOIN b ON b.id = a.k JOIN c ON c.k = b.id");
  // c finds at most one row of b, so that looks there first, and the other way round nothing is known.
  const std::string chain = plan("SELECT a.g, c.v FROM a JOIN b ON b.k = a.k JOIN c ON c.k = b.id");
  EXPECT_NE(chain.find("1 by (k), 2 by (k), 2 by (id), 3 by (k)"), std::string::npos) << chain;
}

TEST_F(DeltaJoin, ARelationJoinedWithItselfHasOneIndexForBothWhereTheKeysAreTheSame) {
  const auto plan = [&](const std::string& query) { return sql::Describe(*relations_.Plan(query)); };
  const std::string same = plan("SELECT p.x, q.x AS qx, r.z FROM u p JOIN u q ON p.y = q.y JOIN v r ON r.y = q.y");
  EXPECT_NE(same.find("indexes: 1 and its like by (y), 3 by (y) ("), std::string::npos) << same;
  const std::string two =
      plan("SELECT p.x, q.x AS qx FROM u p JOIN u q ON p.y = q.y JOIN u r ON r.y = q.y WHERE r.x > 0");
  EXPECT_NE(two.find("indexes: 1 and its like by (y), 3 by (y) ("), std::string::npos) << two;
  const std::string chain =
      plan("SELECT p.x, p.y, q.x AS qx, q.y AS qy, r.z FROM u p JOIN u q ON p.x = q.y JOIN v r ON r.y = q.x");
  EXPECT_NE(chain.find("indexes: 1 and its like by (x), 2 by (y), 3 by (y) ("), std::string::npos) << chain;
  const std::string others = plan("SELECT p.x, q.z FROM u p JOIN u q ON p.y = q.y JOIN v r ON r.y = q.y");
  EXPECT_NE(others.find("indexes: 1 by (y), 2 by (y), 3 by (y) ("), std::string::npos) << others;
}

TEST_F(DeltaJoin, InputsThatNothingConnectsStayApart) {
  const auto plan = [&](const std::string& query) { return sql::Describe(*relations_.Plan(query)); };
  EXPECT_EQ(plan("SELECT a.g FROM a, b, c").find("delta join"), std::string::npos);
  EXPECT_EQ(plan("SELECT a.g FROM a JOIN b ON a.k = b.k, c").find("delta join"), std::string::npos);
  const std::string both = plan("SELECT a.g, t.name FROM a, t, b, c WHERE a.k = b.k AND c.k = a.k AND t.k < c.v");
  EXPECT_NE(both.find("inner join"), std::string::npos) << both;
  EXPECT_NE(both.find("delta join of 3 inputs"), std::string::npos) << both;
  const std::string outer = plan("SELECT a.g FROM a JOIN b ON a.k = b.k JOIN c ON c.k = a.k LEFT JOIN t ON t.k = c.v");
  EXPECT_NE(outer.find("left join"), std::string::npos) << outer;
  EXPECT_NE(outer.find("  delta join of 3 inputs"), std::string::npos) << outer;
  const std::string input = plan("SELECT a.g FROM a LEFT JOIN t ON t.k = a.s JOIN b ON a.k = b.k JOIN c ON c.k = t.k");
  EXPECT_NE(input.find("  left join"), std::string::npos) << input;
  EXPECT_NE(input.find("delta join of 3 inputs"), std::string::npos) << input;
}

TEST_F(DeltaJoin, MoreThanTwelveInputsAreJoinedToTheFirstTwelve) {
  std::string query = "SELECT i0.v FROM c i0";
  for (int i = 1; i < 14; ++i) {
    const std::string name = "i" + std::to_string(i);
    query += " JOIN c " + name + " ON " + name + ".k = i" + std::to_string(i - 1) + ".v";
  }
  const std::string text = sql::Describe(*relations_.Plan(query));
  EXPECT_NE(text.find("    delta join of 12 inputs"), std::string::npos) << text;
}

TEST_F(DeltaJoin, KeysOfTheResultAreThoseOfTheRowsThatAreNotTold) {
  using Keys = std::vector<std::vector<std::size_t>>;
  const auto keys = [&](const std::string& query) { return sql::KeysOf(*relations_.Plan(query)); };
  EXPECT_EQ(keys("SELECT a.id, b.id AS bid, t.k FROM a JOIN b ON b.id = a.k JOIN t ON t.k = b.k"), (Keys{{0}}));
  EXPECT_EQ(keys("SELECT a.id, b.id AS bid, t.k FROM a JOIN b ON b.k = a.k JOIN t ON t.k = b.k"), (Keys{{0, 1}}));
  EXPECT_EQ(keys("SELECT a.id, c.v FROM a JOIN b ON b.id = a.k JOIN c ON c.k = b.k"), Keys{});
}

TEST_F(DeltaJoin, JoinsOfEventsNeverTakeRowsBackAndAreInNoLogOrder) {
  const auto never = [&](const std::string& query) { return sql::IsAppendOnly(*relations_.Plan(query)); };
  EXPECT_TRUE(never("SELECT p.x, q.x AS y FROM e p JOIN e q ON p.k = q.id"));
  EXPECT_TRUE(never("SELECT p.x, q.x AS y, r.x AS z FROM e p JOIN e q ON p.k = q.id JOIN e r ON r.k = q.k"));
  EXPECT_FALSE(never("SELECT p.x, q.x AS y FROM e p LEFT JOIN e q ON p.k = q.id"));
  EXPECT_FALSE(never("SELECT p.x, a.n, r.x AS z FROM e p JOIN a ON p.k = a.id JOIN e r ON r.k = a.k"));
  EXPECT_FALSE(never("SELECT lag(p.x) OVER (ORDER BY p._seq, p._ordinal) AS y FROM e p JOIN e q ON p.k = q.id"));
  const sql::PlanPtr plan = relations_.Plan("SELECT p.x, p._seq AS s, p._ordinal AS o FROM e p JOIN e q ON p.k = q.id");
  const auto view = [&](const std::string& name) {
    return sql::IsAppendOnlyView(*plan,
                                 {{"x", sql::TypeId::kNumeric}, {name, sql::TypeId::kInt8}, {"o", sql::TypeId::kInt4}});
  };
  EXPECT_TRUE(view("s"));
  EXPECT_FALSE(view("_seq"));
}

}  // namespace
}  // namespace headgate::test
