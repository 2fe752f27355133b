#include "tests/unit/operators/sample_views.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <sstream>

#include "core/sql/bind.h"
#include "core/sql/numeric.h"
#include "core/sql/statement.h"

namespace headgate::test {

using sql::Datum;
using sql::Type;
using sql::TypeId;

SampleRelations::SampleRelations() {
  using Columns = std::vector<std::pair<const char*, TypeId>>;
  const auto add = [&](const char* name, const Columns& columns, bool keyed, bool append_only) {
    sql::Relation& relation = relations_[name];
    relation.name = name;
    for (const auto& [column, type] : columns) relation.columns.push_back({column, type, false, column[0] == '_'});
    if (keyed) relation.key = {0};
    relation.columns[0].not_null = keyed;
    relation.append_only = append_only;
  };
  add("a",
      {{"id", TypeId::kInt4},
       {"k", TypeId::kInt4},
       {"g", TypeId::kText},
       {"n", TypeId::kNumeric},
       {"f", TypeId::kFloat8},
       {"o", TypeId::kBool},
       {"i", TypeId::kInterval},
       {"s", TypeId::kInt2},
       {"w", TypeId::kBit}},
      true, false);
  add("b", {{"id", TypeId::kInt4}, {"k", TypeId::kInt4}, {"s", TypeId::kText}, {"d", TypeId::kDate}}, true, false);
  add("c", {{"k", TypeId::kInt4}, {"v", TypeId::kInt4}}, false, false);
  add("e",
      {{"id", TypeId::kInt4},
       {"k", TypeId::kInt4},
       {"x", TypeId::kNumeric},
       {"_seq", TypeId::kInt8},
       {"_ordinal", TypeId::kInt4}},
      false, true);
  for (const char* name : {"u", "v", "w"})
    add(name, {{"x", TypeId::kInt4}, {"y", TypeId::kInt4}, {"z", TypeId::kInt4}}, false, false);
  add("t", {{"k", TypeId::kInt4}, {"name", TypeId::kText}}, true, false);
}

const sql::Relation* SampleRelations::Find(const std::vector<std::string>& name) const {
  const auto found = relations_.find(name.back());
  return found == relations_.end() ? nullptr : &found->second;
}

std::vector<std::string> SampleRelations::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, relation] : relations_) names.push_back(name);
  return names;
}

static sql::PlanPtr Refused(const std::string& query, const sql::Problem& problem) {
  ADD_FAILURE() << query << ": " << problem.message;
  return sql::MakePlan(sql::PlanKind::kValues);
}

sql::PlanPtr SampleRelations::Plan(const std::string& text) const {
  std::string query = text;
  std::int64_t grace_s = 0;
  if (text.starts_with("GRACE ")) {
    std::istringstream in(text.substr(6));
    in >> grace_s;
    query = text.substr(text.find("SELECT"));
  }
  const bool nulls = text.starts_with("NULLS ");
  if (nulls) query = text.substr(6);
  const auto statements = sql::ReadStatements(query);
  if (!statements.ok()) return Refused(query, statements.error());
  auto options = sql::BindOptions::ForView();
  options.text = (*statements)[0].text;
  options.system_times = (*statements)[0].system_times;
  auto bound = sql::BindQuery((*statements)[0].tree, *this, options);
  if (!bound.ok()) return Refused(query, bound.error());
  auto plan = sql::Unnest(std::move(bound->plan));
  if (!plan.ok()) return Refused(query, plan.error());
  sql::PlanPtr done = sql::PruneColumns(sql::Rewrite(std::move(*plan)));
  EXPECT_EQ(grace_s > 0, grace_s > 0 && sql::SetGrace(*done, grace_s * 1'000'000)) << text;
  if (nulls) SetNullOnError(*done);
  return done;
}

static std::vector<std::string> InnerJoins() {
  return {
      "SELECT a.id, b.id AS bid FROM a JOIN b ON a.k IS NOT DISTINCT FROM b.k",
      "SELECT a.id, c.v FROM a JOIN c ON a.k = c.k AND c.v > a.s",
      "SELECT a.id, c.v FROM a JOIN c ON a.k = c.k AND 6 / c.v > a.s",
      "SELECT a.id, a.n, b.s, c.v FROM a JOIN b ON a.k = b.k JOIN c ON c.k = a.k",
      "SELECT a.id, b.id AS bid, c.v FROM a, b, c WHERE a.k = b.id AND b.k = c.k AND c.v <> a.s",
      "SELECT a.id, b.id AS bid, c.v FROM a JOIN b ON a.k = b.k JOIN c ON c.k = b.id AND c.v = a.s",
      "SELECT x.id, y.id AS yid, z.id AS zid FROM a x JOIN a y ON x.k = y.s JOIN a z ON y.k = z.s AND z.id <> x.id",
      "SELECT a.id, b.s, c.v FROM a JOIN b ON a.k IS NOT DISTINCT FROM b.k JOIN c ON c.k = a.s AND 6 / c.v > b.id",
      "SELECT a.id, b.id AS bid, t.name, e.x FROM a JOIN b ON a.k = b.k JOIN t ON t.k = a.s JOIN e ON e.k = b.id",
      "SELECT p.k, p.v, q.v AS qv, r.v AS rv, b.s, t.name FROM c p JOIN c q ON p.v = q.k JOIN c r ON q.v = r.k "
      "JOIN b ON b.id = r.v JOIN t ON t.k = p.k WHERE p.v + r.v > q.v",
      "SELECT a.id, b.id AS bid, c.v, t.name FROM a JOIN b ON a.k + 1 = b.k JOIN c ON c.k = a.k LEFT JOIN t ON t.k = "
      "c.v",
      "SELECT g, count(*) AS n FROM (SELECT a.g, b.s FROM a JOIN b ON a.k = b.k) q JOIN c ON c.v = 2 JOIN t ON t.name "
      "= q.s GROUP BY g",
  };
}

static std::vector<std::string> Groupings() {
  return {
      "SELECT k, count(*) AS c, count(g) AS cg, sum(s) AS ss, sum(n) AS sn, avg(n) AS an, avg(k) AS ak FROM a GROUP BY "
      "k",
      "SELECT n, count(*) AS c, sum(f) AS sf, avg(f) AS af, sum(i) AS si, avg(i) AS ai FROM a GROUP BY n",
      "SELECT count(*) AS c, sum(n) AS s, min(g) AS m, bool_and(o) AS ba, bool_or(o) AS bo FROM a",
      "SELECT g, bit_and(s) AS x, bit_or(k) AS y, bit_xor(id) AS z, bit_or(w) AS bw, bit_and(w) AS aw FROM a GROUP BY "
      "g",
      "SELECT k, count(DISTINCT n) AS c, sum(DISTINCT n) AS s, avg(DISTINCT f) AS f, bool_or(DISTINCT o) AS o "
      "FROM a GROUP BY k",
      "SELECT k, count(DISTINCT n) AS a, count(DISTINCT n) FILTER (WHERE s > 1) AS b, sum(DISTINCT n) FILTER (WHERE o) "
      "AS c, sum(DISTINCT s) AS d, count(DISTINCT s) FILTER (WHERE g = 'x') AS e, bit_or(DISTINCT s) FILTER (WHERE NOT "
      "o) AS f, count(DISTINCT g) AS h, count(DISTINCT 6 / s) FILTER (WHERE s > 0) AS i FROM a GROUP BY k",
      "SELECT count(DISTINCT v) AS a, count(DISTINCT v) FILTER (WHERE k = 1) AS b, sum(DISTINCT v) FILTER (WHERE k <> "
      "v) "
      "AS c, avg(DISTINCT k) AS d, count(DISTINCT k + v) AS e FROM c",
      "SELECT k, count(DISTINCT x) AS a, count(DISTINCT x) FILTER (WHERE id % 2 = 0) AS b, sum(DISTINCT x) AS c, "
      "count(DISTINCT id % 5) FILTER (WHERE x > 0) AS d, sum(DISTINCT id % 5) AS e FROM e GROUP BY k",
      "SELECT k, count(*) FILTER (WHERE g = 'x') AS c, sum(n) FILTER (WHERE o) AS s, "
      "max(f) FILTER (WHERE 4 / s > 0) AS m FROM a GROUP BY k HAVING count(*) > 1",
      "SELECT k, min(x) AS a, max(x) AS b, max(id) AS c, min(DISTINCT x) FILTER (WHERE id > 3) AS d FROM e GROUP BY k",
      "SELECT g, min(n) AS a, max(n) AS b, min(f) AS c, max(i) AS d, min(id) AS e, max(DISTINCT g) AS h FROM a GROUP "
      "BY g",
      "SELECT k, string_agg(g, ',' ORDER BY id DESC) AS s, array_agg(n ORDER BY n, id) AS a, "
      "string_agg(DISTINCT g, ';') AS d FROM a GROUP BY k",
      "SELECT k, json_agg(g ORDER BY id) AS j, jsonb_agg(v ORDER BY v) AS b, json_object_agg(g, v ORDER BY v) "
      "FILTER (WHERE g IS NOT NULL) AS o, jsonb_object_agg(g, v ORDER BY v) FILTER (WHERE g IS NOT NULL) AS p "
      "FROM (SELECT a.id, a.k, a.g, c.v FROM a JOIN c ON a.k = c.k) q GROUP BY k",
      "SELECT g, var_pop(n) AS a, var_samp(k) AS b, stddev(n) AS c, stddev_pop(f) AS d, variance(f) AS e, "
      "corr(f, s) AS h, covar_pop(f, k) AS i, covar_samp(s, f) AS j FROM a GROUP BY g",
      "SELECT k, percentile_cont(0.25) WITHIN GROUP (ORDER BY f) AS a, mode() WITHIN GROUP (ORDER BY g) AS b, "
      "percentile_disc(ARRAY[0.1, 0.5]) WITHIN GROUP (ORDER BY n) AS c, "
      "percentile_cont(0.5) WITHIN GROUP (ORDER BY i) AS d FROM a GROUP BY k",
      "SELECT k, sum(c) AS sc, count(*) AS n FROM (SELECT k, g, count(*) AS c FROM a GROUP BY k, g) q GROUP BY k",
      "SELECT k, g FROM a GROUP BY k, g",
      "SELECT sum(v + 9223372036854775800) AS s, count(*) AS c FROM c",
      "SELECT sum(big) AS s FROM (SELECT v::bigint * 3000000000000000000 AS big FROM c) q GROUP BY 1 + 1",
  };
}

static std::vector<std::string> OtherQueries() {
  return {
      "SELECT id, k + 1 AS k1, n * 2 AS n2 FROM a WHERE k > 0 OR g = 'x'",
      "SELECT id, 10 / k AS d FROM a",
      "SELECT * FROM (VALUES (1, 'x'), (2, NULL)) AS v(p, q)",
      "SELECT a.id, v.q FROM a JOIN (VALUES (1, 'one'), (2, 'two')) AS v(p, q) ON v.p = a.k",
      "SELECT id, u.x, u.n FROM a, unnest(ARRAY[k, s]) WITH ORDINALITY AS u(x, n)",
      "SELECT k, v FROM c UNION ALL SELECT id, k FROM a",
      "SELECT a.id, b.id AS bid, b.s FROM a JOIN b ON a.k = b.k",
      "SELECT a.id, a.n, b.s FROM a LEFT JOIN b ON a.k = b.k",
      "SELECT a.id, b.s FROM a RIGHT JOIN b ON a.k = b.k AND a.g = b.s",
      "SELECT a.id, b.id AS bid FROM a FULL JOIN b ON a.k = b.k",
      "SELECT a.id, b.id AS bid FROM a LEFT JOIN b ON a.k = b.k AND 6 / b.id > a.s",
      "SELECT a.id, c.v FROM a LEFT JOIN c ON a.k = c.k AND c.v < a.s",
      "SELECT x.id, y.id AS yid FROM a x JOIN a y ON x.k = y.k AND x.id < y.id",
      "SELECT a.id, c.k FROM a CROSS JOIN c WHERE a.s > c.v",
      "SELECT a.id, b.id AS bid, c.v FROM a JOIN b ON a.k = b.k LEFT JOIN c ON c.k = b.k",
      "SELECT id FROM a WHERE EXISTS (SELECT 1 FROM c WHERE c.k = a.k AND c.v > 1)",
      "SELECT id, n FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.k = a.k)",
      "SELECT id FROM a WHERE k NOT IN (SELECT k FROM b WHERE id < 3)",
      "SELECT id, (SELECT max(s) FROM b WHERE b.k = a.k) AS m FROM a",
      "SELECT id, (SELECT v FROM c WHERE c.k = a.id) AS one FROM a",
      "SELECT DISTINCT n, g FROM a",
      "SELECT k FROM a UNION SELECT v FROM c",
      "SELECT k FROM a INTERSECT SELECT k FROM c",
      "SELECT k FROM a INTERSECT ALL SELECT k FROM c",
      "SELECT k FROM a EXCEPT SELECT v FROM c",
      "SELECT k FROM c EXCEPT ALL SELECT k FROM a",
      "SELECT DISTINCT ON (k) k, id, n FROM a ORDER BY k, n DESC, id",
      "SELECT id, n, g FROM a ORDER BY n DESC NULLS LAST, g LIMIT 3",
      "SELECT k, v FROM c ORDER BY v, k LIMIT 4 OFFSET 2",
      "SELECT k, v FROM c ORDER BY k OFFSET 5",
      "SELECT * FROM (SELECT id, k, row_number() OVER (PARTITION BY k ORDER BY n, id) AS r FROM a) q WHERE r <= 2",
      "SELECT id, k, row_number() OVER (PARTITION BY k ORDER BY id DESC) AS r FROM a",
      "SELECT id, lag(n) OVER (PARTITION BY k ORDER BY id) AS p, lead(g, 2, 'none') OVER (ORDER BY id) AS q FROM a",
      "SELECT k, x FROM e ORDER BY x DESC NULLS LAST, k LIMIT 3 OFFSET 1",
      "SELECT DISTINCT ON (k) k, x FROM e ORDER BY k, x",
      "SELECT k, x FROM e ORDER BY x LIMIT 40",
      "SELECT k, x FROM e UNION ALL SELECT k, x / 2 FROM e ORDER BY x, k LIMIT 5 OFFSET 3",
      "SELECT x, r FROM (SELECT x, row_number() OVER (ORDER BY k DESC) AS r FROM (SELECT k, x FROM e UNION ALL SELECT "
      "3 AS "
      "k, x FROM e) p) q WHERE r <= 4",
      "SELECT k, x FROM (SELECT k, x, row_number() OVER (PARTITION BY k) AS r FROM e) q WHERE r < 2",
      "SELECT * FROM (SELECT k, x, row_number() OVER (PARTITION BY k ORDER BY x) AS r FROM e) q WHERE r <= 2",
      "SELECT id, x, lag(x) OVER (PARTITION BY k ORDER BY _seq, _ordinal) AS p FROM e",
      "SELECT e.id, b.s FROM e LEFT JOIN b ON e.k = b.k",
  };
}

const std::vector<std::string>& SampleQueries() {
  static const std::vector<std::string> queries = [] {
    std::vector<std::string> all = OtherQueries();
    for (std::string& query : Groupings()) all.push_back(std::move(query));
    for (std::string& query : InnerJoins()) all.push_back(std::move(query));
    return all;
  }();
  return queries;
}

const std::vector<std::string>& TemporalQueries() {
  static const std::vector<std::string> queries = {
      "SELECT e.id, e.x, t.name FROM e JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = e.k",
      "SELECT e.id, e.x, t.name FROM e LEFT JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = e.k AND t.name > 'b'",
      "SELECT a.id, a.n, t.name FROM a JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = a.k",
      "SELECT a.id, a.g, t.name FROM a LEFT JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = a.k",
      "SELECT c.k, c.v, t.name FROM c LEFT JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = c.k",
      "SELECT t.name, count(*) AS c FROM a JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = a.k GROUP BY t.name",
  };
  return queries;
}

const std::vector<std::string>& NullQueries() {
  static const std::vector<std::string> queries = {
      "NULLS SELECT id, 10 / k AS d, coalesce(1 / k, 7) AS c FROM a WHERE 6 / s > 1 OR g = 'x'",
      "NULLS SELECT id, 10 / x AS d FROM e",
      "NULLS SELECT 10 / k AS d, count(*) AS c, sum(6 / s) AS s FROM a GROUP BY 10 / k",
      "NULLS SELECT k, count(*) FILTER (WHERE 4 / s > 1) AS c, array_agg(6 / s ORDER BY id) AS x FROM a GROUP BY k",
      "NULLS SELECT g, var_pop(f) AS v, count(*) AS c, jsonb_object_agg(g, s ORDER BY s) AS j FROM a GROUP BY g",
      "NULLS SELECT DISTINCT 10 / k AS d FROM a EXCEPT SELECT 10 / v FROM c",
      "NULLS SELECT id, 10 / k AS d FROM a ORDER BY 10 / k, id LIMIT 4",
      "NULLS SELECT id, lag(10 / k) OVER (PARTITION BY 6 / s ORDER BY id) AS p FROM a",
      "NULLS SELECT id, x FROM a, unnest(ARRAY[10 / k, s]) AS x",
      "NULLS SELECT a.id, b.id AS bid FROM a JOIN b ON 6 / a.k = b.k",
      "NULLS SELECT a.id, b.id AS bid FROM a JOIN b ON 6 / a.k IS NOT DISTINCT FROM b.k JOIN c ON 6 / c.v = b.k",
      "NULLS SELECT a.id, b.id AS bid FROM a LEFT JOIN b ON 6 / a.k IS NOT DISTINCT FROM b.k AND 6 / b.id > a.s",
      "NULLS SELECT id FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE 6 / b.k = a.k)",
      "NULLS SELECT id, (SELECT max(6 / s.k) FROM b s WHERE s.k = a.k) AS m FROM a",
      "NULLS SELECT a.id, t.name FROM a LEFT JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = 6 / a.s",
      "NULLS SELECT a.id, t.name FROM a LEFT JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = a.k AND 4 / a.s > 1",
      "NULLS SELECT c.k, t.name FROM c JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = c.k AND 4 / c.v > 1",
      "NULLS SELECT id FROM a WHERE timestamptz '2000-01-01' + 6 / k * interval '8 s' > now()",
  };
  return queries;
}

const std::vector<std::string>& TimeQueries() {
  static const std::vector<std::string> queries = {
      "SELECT id, k, n FROM a WHERE timestamptz '2000-01-01' + id * interval '2 s' > now() - interval '5 s'",
      "SELECT k, v FROM c WHERE timestamp '2000-01-01' + v * interval '10 s' >= now() AND k > 0",
      "SELECT x.k, x.id, y.id AS yid FROM a x JOIN b y ON x.k = y.k "
      "WHERE timestamptz '2000-01-01' + (x.id + y.id) * interval '2 s' > now()",
      "SELECT k, count(*) AS c, max(id) AS m FROM (SELECT id, k FROM e "
      "WHERE timestamptz '2000-01-01' + _seq * interval '1 s' > now() - interval '4 s') q GROUP BY k",
      "SELECT id FROM a WHERE EXISTS (SELECT 1 FROM c WHERE c.k = a.k "
      "AND timestamptz '2000-01-01' + c.v * interval '8 s' > now() - interval '1 s')",
      "SELECT a.id, t.name FROM (SELECT id, k FROM a WHERE timestamptz '2000-01-01' + id * interval '2 s' > now() - "
      "interval '30 s') a "
      "JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = a.k",
      "SELECT id, lag(x) OVER (PARTITION BY k ORDER BY _seq, _ordinal) AS p FROM e "
      "WHERE timestamptz '2000-01-01' + _seq * interval '1 s' > now() - interval '3 s'",
      "GRACE 3 SELECT e.id, e.x, t.name FROM e LEFT JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = e.k",
      "GRACE 1 SELECT a.id, a.n, t.name FROM a JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = a.k",
      "GRACE 5 SELECT c.k, c.v, t.name FROM c LEFT JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = c.k",
      "GRACE 2 SELECT e.id, t.name, u.name AS other FROM e "
      "JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = e.k "
      "LEFT JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() AS u ON u.k = e.x::int % 4",
      "GRACE 2 SELECT t.name, count(*) AS c FROM a JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = a.k "
      "GROUP BY t.name",
      "GRACE 2 SELECT id, lag(name) OVER (PARTITION BY k ORDER BY s, o) AS p FROM (SELECT e.id, e.k, e._seq AS s, "
      "e._ordinal AS o, t.name FROM e LEFT JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() ON t.k = e.k) q",
  };
  return queries;
}

Datum RandomValue(Type type, bool many, std::mt19937& random) {
  const auto below = [&](int n) { return std::uniform_int_distribution<int>(0, n - 1)(random); };
  if (below(8) == 0) return Datum::Null();
  const auto any = [&](const auto& of) { return of[static_cast<std::size_t>(below(static_cast<int>(of.size())))]; };
  switch (type.id) {
    case TypeId::kText:
      return Datum::Of(any(std::vector<std::string>{"x", "y", "", "é", "longer than a few bytes"}));
    case TypeId::kNumeric:
      return Datum::Of(sql::Numeric::Parse(many ? any(std::vector{"1.5", "1.50", "0", "0.00", "-3", "1e30", "NaN"})
                                                : any(std::vector{"1.50", "0.00", "-3.00", "7.25", "NaN"}))
                           ->Encode());
    case TypeId::kFloat8:
      return Datum::Of(
          any(std::vector{0.0, many ? -0.0 : 2.5, 0.1, 1e300, -1e300, 1e-300, std::numeric_limits<double>::infinity(),
                          std::numeric_limits<double>::quiet_NaN()}));
    case TypeId::kBool:
      return Datum::Of(below(2) == 0);
    case TypeId::kInterval:
      return Datum::Of(any(std::vector<sql::Wide>{{0, 0, 1}, {0, many ? 30 : 31, 0}, {5'000'000, -1, 2}}));
    case TypeId::kBit:
      return Datum::Of(any(std::vector<std::string>{"101", "110", "000", "1"}));
    case TypeId::kDate:
      return Datum::Of(static_cast<std::int64_t>(8000 + below(3)));
    case TypeId::kJson:
    case TypeId::kJsonb:
      return Datum::Of(any(std::vector<std::string>{"null", "1", "\"x\""}));
    default:
      return Datum::Of(static_cast<std::int64_t>(below(4)));
  }
}

std::vector<Datum> RandomSteps::Row(const std::string& relation, std::int64_t id) {
  std::vector<Datum> row;
  const sql::Relation& of = *relations_.Find({relation});
  for (const sql::RelationColumn& column : of.columns)
    row.push_back(RandomValue(column.type, forms_ == Forms::kMany, random_));
  if (relation != "c") row[0] = Datum::Of(id);
  if (relation == "e") {
    row[3] = Datum::Of(static_cast<std::int64_t>(seq_));
    row[4] = Datum::Of(static_cast<std::int64_t>(ordinal_ + 1));
  }
  return row;
}

void RandomSteps::Note(std::vector<Change>& changes, const std::string& relation, std::vector<Datum> row,
                       std::int64_t weight) {
  changes.push_back({relation, std::move(row), weight, {seq_, ++ordinal_}});
}

// Inserts a row, deletes one or updates one; an update is both at once.
void RandomSteps::ChangeOne(std::vector<Change>& changes) {
  const std::string relation(1, "aabbccet"[Below(8)]);
  Rows& rows = rows_[relation];
  if (relation == "e") return Note(changes, relation, Row(relation, events_++), 1);
  const int ids = relation == "t" ? 4 : 12;
  const std::int64_t id = Below(ids);
  const auto found = relation == "c" ? rows.begin() + std::min(Below(2 * static_cast<int>(rows.size()) + 4),
                                                               static_cast<int>(rows.size()))
                                     : std::ranges::find_if(rows, [&](const auto& row) { return row[0].i == id; });
  const bool there = found != rows.end();
  if (there) {
    Note(changes, relation, *found, -1);
    rows.erase(found);
    if (Below(2) == 0) return;
    --ordinal_;
  }
  rows.push_back(Row(relation, id));
  Note(changes, relation, rows.back(), 1);
}

Step RandomSteps::Next(int transactions) {
  std::vector<Change> changes;
  for (int i = 0; i < transactions; ++i) {
    ++seq_;
    ordinal_ = 0;
    for (int n = 1 + Below(6); n > 0; --n) ChangeOne(changes);
  }
  return Cut(changes);
}

Step RandomSteps::DeleteAll() {
  std::vector<Change> changes;
  ++seq_;
  ordinal_ = 0;
  for (auto& [relation, rows] : rows_) {
    for (const auto& row : rows) Note(changes, relation, row, -1);
    rows.clear();
  }
  return Cut(changes);
}

// Into pieces, those of one relation in their order.
Step RandomSteps::Cut(const std::vector<Change>& changes) {
  const auto cut = [&] { return std::uniform_int_distribution<int>(0, 3)(cut_random_) == 0; };
  Step step;
  for (const std::string& name : relations_.Names()) {
    const sql::Relation* relation = relations_.Find({name});
    std::vector<Type> types;
    for (const sql::RelationColumn& column : relation->columns) types.push_back(column.type);
    operators::DeltaBuilder builder(types);
    for (const Change& change : changes) {
      if (change.relation != name) continue;
      builder.AddDatums(change.row, change.weight, change.at);
      if (cut()) step.emplace_back(relation, builder.Take());
    }
    if (builder.rows() > 0) step.emplace_back(relation, builder.Take());
  }
  for (std::size_t i = 1; i < step.size(); ++i) {  // neighbours of different relations may change places
    if (step[i].first != step[i - 1].first && cut()) std::swap(step[i], step[i - 1]);
  }
  return step;
}

SampleView::SampleView(const SampleRelations& relations, const std::string& query, operators::StatePlace place)
    : plan_(relations.Plan(query)),
      types_(TypesOf(plan_->columns)),
      graph_(
          *plan_, [this](const operators::Delta& delta) { Collect(delta); }, std::move(place)) {}

void SampleView::Add(const std::string& what, std::int64_t weight) {
  std::int64_t& sum = outputs_[what];
  sum += weight;
  if (sum == 0) outputs_.erase(what);
}

std::string TextOf(const std::vector<Type>& types, const std::vector<Datum>& values) {
  std::string text;
  for (std::size_t c = 0; c < types.size(); ++c)
    text += (values[c].null ? "NULL" : sql::ToText(types[c], values[c], "UTC")) + "|";
  return text;
}

void SampleView::Collect(const operators::Delta& delta) {
  for (std::size_t row = 0; row < delta.rows(); ++row) {
    std::vector<Datum> values;
    for (const sql::Column& column : delta.batch.columns) values.push_back(column->At(row));
    Add(TextOf(types_, values), delta.weights[row]);
  }
}

void SampleView::SetTimes(const Step& step, operators::StepContext& context) const {
  operators::LogTimes times{seq_, TimeOf(seq_), {}};
  std::set<Seq> seqs;
  for (const auto& [relation, delta] : step) {
    for (const At& at : delta.at) seqs.insert(at.seq);
  }
  for (const Seq seq : seqs) times.steps.push_back({seq, TimeOf(seq)});
  context.times = std::make_shared<const operators::LogTimes>(std::move(times));
}

void SampleView::DoPart(const Step& step, std::size_t pieces) {
  operators::StepContext context;
  SetTimes(step, context);
  for (std::size_t i = 0; i < pieces; ++i) graph_.Push(*step[i].first, step[i].second, context);
  outputs_.clear();
}

Outputs SampleView::Do(const Step& step) {
  operators::StepContext context;
  SetTimes(step, context);
  for (const auto& [relation, delta] : step) graph_.Push(*relation, delta, context);
  return Finish(context);
}

Outputs SampleView::Tick(Seq seq) {
  operators::StepContext context;
  context.times =
      std::make_shared<const operators::LogTimes>(operators::LogTimes{seq_, TimeOf(seq_), {{seq, TimeOf(seq)}}});
  return Finish(context);
}

Outputs SampleView::Finish(operators::StepContext& context) {
  graph_.Finish(context);
  if (!context.times->steps.empty()) seq_ = context.times->steps.back().seq;
  expired_ += context.expired;
  waiting_ += context.waiting;
  for (const operators::FailedRow& failed : context.failed)
    Add("error " + failed.code + " " + failed.message, failed.weight);
  return std::exchange(outputs_, {});
}

Outputs operator+(Outputs a, const Outputs& b) {
  for (const auto& [what, weight] : b) {
    a[what] += weight;
    if (a[what] == 0) a.erase(what);
  }
  return a;
}

}  // namespace headgate::test
