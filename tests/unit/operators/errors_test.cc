// Rows whose expressions fail, where such an expression is NULL.
#include <gtest/gtest.h>

#include "tests/unit/operators/sample_views.h"

namespace headgate::test {
namespace {

struct Split {
  Outputs rows;
  std::int64_t errors = 0;
};
Split Apart(const Outputs& outputs) {
  Split split;
  for (const auto& [what, weight] : outputs) {
    if (what.starts_with("error ")) {
      split.errors += weight;
    } else {
      split.rows[what] = weight;
    }
  }
  return split;
}

// The same query with the failures written out.
const std::vector<std::pair<std::string, std::string>> kSame = {
    {"NULLS SELECT id, 10 / k AS d FROM a", "SELECT id, 10 / nullif(k, 0) AS d FROM a"},
    {"NULLS SELECT id, coalesce(1 / k, 7) AS d, coalesce(6 / k, k) AS e FROM a",
     "SELECT id, CASE WHEN k = 0 THEN NULL ELSE coalesce(1 / nullif(k, 0), 7) END AS d, "
     "CASE WHEN k = 0 THEN NULL ELSE coalesce(6 / nullif(k, 0), k) END AS e FROM a"},
    {"NULLS SELECT id, CASE WHEN 1 / k > 0 THEN 'big' ELSE g END AS d FROM a",
     "SELECT id, CASE WHEN k = 0 THEN NULL WHEN k = 1 THEN 'big' ELSE g END AS d FROM a"},
    {"NULLS SELECT id FROM a WHERE (6 / k) IS NULL OR s = 1",
     "SELECT id FROM a WHERE (k IS NULL OR s = 1) AND k IS DISTINCT FROM 0"},
    {"NULLS SELECT q.id FROM (SELECT id, 6 / k AS d FROM a) q WHERE q.d IS NULL",
     "SELECT id FROM a WHERE k IS NULL OR k = 0"},
    {"NULLS SELECT 6 / k AS d, count(*) AS c, sum(6 / s) AS s FROM a GROUP BY 6 / k",
     "SELECT 6 / nullif(k, 0) AS d, count(*) AS c, sum(6 / nullif(s, 0)) AS s FROM a GROUP BY 6 / nullif(k, 0)"},
    {"NULLS SELECT k, count(*) FILTER (WHERE 4 / s > 1) AS c FROM a GROUP BY k",
     "SELECT k, count(*) FILTER (WHERE 4 / nullif(s, 0) > 1) AS c FROM a GROUP BY k"},
    {"NULLS SELECT a.id, b.id AS bid FROM a LEFT JOIN b ON 6 / a.k IS NOT DISTINCT FROM b.k",
     "SELECT a.id, b.id AS bid FROM a LEFT JOIN b ON 6 / nullif(a.k, 0) IS NOT DISTINCT FROM b.k AND "
     "a.k IS DISTINCT FROM 0"},
    {"NULLS SELECT a.id, b.id AS bid FROM a JOIN b ON 6 / a.k IS NOT DISTINCT FROM b.k",
     "SELECT a.id, b.id AS bid FROM a JOIN b ON 6 / nullif(a.k, 0) IS NOT DISTINCT FROM b.k WHERE "
     "a.k IS DISTINCT FROM 0"},
    {"NULLS SELECT a.id, b.id AS bid FROM a LEFT JOIN b ON a.k = b.k AND coalesce(6 / b.id, 1) > a.s",
     "SELECT a.id, b.id AS bid FROM a LEFT JOIN b ON a.k = b.k AND 6 / nullif(b.id, 0) > a.s"},
    {"NULLS SELECT a.id, t.name FROM a LEFT JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = 6 / a.s",
     "SELECT a.id, t.name FROM a LEFT JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = 6 / nullif(a.s, 0)"},
    {"NULLS SELECT a.id, t.name FROM a LEFT JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = a.k AND 4 / a.s > 1",
     "SELECT a.id, t.name FROM a LEFT JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = a.k AND 4 / nullif(a.s, 0) "
     "> 1"},
};

TEST(NullOnError, AQueryGivesWhatItGivesWithItsFailuresWrittenOut) {
  const SampleRelations relations;
  for (const auto& [query, written_out] : kSame) {
    std::int64_t errors = 0;
    std::int64_t most = 0;
    RandomSteps steps(relations, 3, RandomSteps::Forms::kOne);
    SampleView view(relations, query);
    SampleView other(relations, written_out);
    for (int i = 0; i <= 60; ++i) {
      const Step step = i < 60 ? steps.Next(1 + i % 3) : steps.DeleteAll();
      const Split given = Apart(view.Do(step));
      ASSERT_EQ(given.rows, other.Do(step)) << query << " in step " << i;
      errors += given.errors;
      most = std::max(most, errors);
      ASSERT_GE(errors, 0) << query;
    }
    EXPECT_GT(most, 0) << query << ": nothing failed";
    EXPECT_EQ(errors, 0) << query << ": errors go with their rows";
  }
}

class ErrorsOfRows : public SampleTest {
 protected:
  void A(std::int64_t id, std::int64_t k, const std::string& g, std::int64_t weight, Seq seq) {
    Push("a", {Int(id), Int(k), sql::Datum::Of(g)}, weight, {seq, 1});
  }
};

TEST_F(ErrorsOfRows, ARowThatFailsTwiceInOnePlaceIsOneError) {
  SampleView view(relations_, "NULLS SELECT id, 1 / k AS x, coalesce(2 / k, 5) AS y, g FROM a");
  A(1, 0, "p", 1, 1);
  A(2, 2, "q", 1, 1);
  EXPECT_EQ(Do(view), (Outputs{{"1|NULL|NULL|p|", 1}, {"2|0|1|q|", 1}, {"error 22012 division by zero", 1}}));
  A(1, 0, "p", -1, 2);
  EXPECT_EQ(Do(view), (Outputs{{"1|NULL|NULL|p|", -1}, {"error 22012 division by zero", -1}}));
}

TEST_F(ErrorsOfRows, AResultThatIsOutOfRangeIsNullAndTheOthersOfTheGroupStay) {
  SampleView view(relations_, "NULLS SELECT g, count(*) AS c, var_pop(f) AS v, max(id) AS m FROM a GROUP BY g");
  const auto add = [&](std::int64_t id, double f, std::int64_t weight, Seq seq) {
    Push("a", {Int(id), Int(1), sql::Datum::Of(std::string("p")), sql::Datum::Null(), sql::Datum::Of(f)}, weight,
         {seq, 1});
  };
  add(1, 1, 1, 1);
  add(2, 1e300, 1, 1);
  EXPECT_EQ(Do(view), (Outputs{{"p|2|NULL|2|", 1}, {"error 22003 value out of range: overflow", 1}}));
  add(3, 1, 1, 2);
  EXPECT_EQ(Do(view), (Outputs{{"p|2|NULL|2|", -1}, {"p|3|NULL|3|", 1}}));
  add(2, 1e300, -1, 3);
  EXPECT_EQ(Do(view),
            (Outputs{{"p|3|NULL|3|", -1}, {"p|2|0|3|", 1}, {"error 22003 value out of range: overflow", -1}}));
}

TEST_F(ErrorsOfRows, AConditionThatFailsMatchesNothingWhateverItsOtherPartsSay) {
  SampleView view(relations_, "SELECT a.id, t.name FROM a JOIN t ON a.k = t.k AND coalesce(1 / a.k, 1) = 1");
  A(1, 0, "p", 1, 1);
  Setting(0, "zero", 1, {1, 2});
  EXPECT_EQ(Do(view), (Outputs{{"error 22012 division by zero", 1}}));
  SampleView left(relations_, "SELECT a.id, t.name FROM a LEFT JOIN t ON a.k = t.k AND coalesce(1 / t.k, 1) = a.k + 1");
  A(1, 0, "p", 1, 1);
  Setting(0, "zero", 1, {1, 2});
  EXPECT_EQ(Do(left), (Outputs{{"1|NULL|", 1}, {"error 22012 division by zero", 1}}));
}

}  // namespace
}  // namespace headgate::test
