#pragma once

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/operators/graph.h"
#include "core/sql/relation.h"

// A few relations, plans over them, and random transactions that change them.
namespace headgate::test {

// a(id key, k, g text, n numeric, f float8, o bool, i interval, s int2, w bit(3)), b(id key, k, s text, d date),
// c(k, v) without a key, e(id, k, x numeric) append-only, t(k key, name text),
// u, v, w (x, y, z) without a key.
class SampleRelations final : public sql::RelationSource {
 public:
  SampleRelations();
  const sql::Relation* Find(const std::vector<std::string>& name) const override;
  std::vector<std::string> Names() const override;
  // Fails the test if the query is refused.
  sql::PlanPtr Plan(const std::string& query) const;

 private:
  std::map<std::string, sql::Relation> relations_;
};

// One for every kind of node, and every aggregate in some form.
const std::vector<std::string>& SampleQueries();
const std::vector<std::string>& TemporalQueries();
// Of rows whose expressions fail. "NULLS SELECT ...": such an expression is NULL.
const std::vector<std::string>& NullQueries();
// What changes as log time goes on. "GRACE n SELECT ...": with n seconds of grace.
const std::vector<std::string>& TimeQueries();

// One of a few, or NULL; with `many` forms, equal values that print differently are among them.
sql::Datum RandomValue(sql::Type type, bool many, std::mt19937& random);

// A piece for each turn: what a graph gets pushed between two Finishes.
using Step = std::vector<std::pair<const sql::Relation*, operators::Delta>>;

// Makes transactions that could have happened: what is deleted was there. The same seed makes the same ones, however
// they are cut into steps.
class RandomSteps {
 public:
  // kOne: equal values have one form. Which of 1.5 and 1.50 a group shows depends on which came first.
  enum class Forms { kMany, kOne };
  RandomSteps(const SampleRelations& relations, std::uint32_t seed, Forms forms = Forms::kMany)
      : relations_(relations), forms_(forms), random_(seed), cut_random_(seed) {}

  // So many transactions with a few changes each.
  Step Next(int transactions);
  // Deletes every row that is there, but those of append-only relations.
  Step DeleteAll();

 private:
  struct Change {
    std::string relation;
    std::vector<sql::Datum> row;
    std::int64_t weight = 0;
    At at;
  };
  using Rows = std::vector<std::vector<sql::Datum>>;

  int Below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
  std::vector<sql::Datum> Row(const std::string& relation, std::int64_t id);
  void ChangeOne(std::vector<Change>& changes);
  void Note(std::vector<Change>& changes, const std::string& relation, std::vector<sql::Datum> row,
            std::int64_t weight);
  Step Cut(const std::vector<Change>& changes);

  const SampleRelations& relations_;
  Forms forms_;
  std::mt19937 random_;
  std::mt19937 cut_random_;
  std::map<std::string, Rows> rows_;
  Seq seq_ = 0;
  std::uint32_t ordinal_ = 0;
  std::int64_t events_ = 0;
};

// What a step gave: rows and errors, with their weights, those of 0 left out.
using Outputs = std::map<std::string, std::int64_t>;
// A row as it stands there: each value with a bar behind it.
std::string TextOf(const std::vector<sql::Type>& types, const std::vector<sql::Datum>& values);

// A view over one query: a graph and the sum of its outputs of a step. The log time of transaction n is 2000-01-01 and
// n seconds.
class SampleView {
 public:
  SampleView(const SampleRelations& relations, const std::string& query, operators::StatePlace place = {});

  // Finish too, unless only the first `pieces` are wanted.
  Outputs Do(const Step& step);
  void DoPart(const Step& step, std::size_t pieces);
  // A transaction without changes.
  Outputs Tick(Seq seq);
  // The view's state is as of this transaction.
  void GoOnFrom(Seq seq) { seq_ = seq; }
  Seq seq() const { return seq_; }
  std::optional<std::int64_t> Due() const { return graph_.Due(); }
  std::int64_t expired() const { return expired_; }
  std::int64_t waiting() const { return waiting_; }

 private:
  static std::int64_t TimeOf(Seq seq) { return static_cast<std::int64_t>(seq) * 1'000'000; }
  void SetTimes(const Step& step, operators::StepContext& context) const;
  Outputs Finish(operators::StepContext& context);
  void Collect(const operators::Delta& delta);
  void Add(const std::string& what, std::int64_t weight);

  sql::PlanPtr plan_;
  std::vector<sql::Type> types_;
  Outputs outputs_;
  operators::Graph graph_;
  Seq seq_ = 0;
  std::int64_t expired_ = 0;
  std::int64_t waiting_ = 0;
};

// The sum of two.
Outputs operator+(Outputs a, const Outputs& b);

// A step is put together row by row, then done.
class SampleTest : public ::testing::Test {
 protected:
  using Row = std::vector<sql::Datum>;
  static sql::Datum Int(std::int64_t v) { return sql::Datum::Of(v); }

  void Push(const std::string& relation, Row row, std::int64_t weight, At at) {
    const sql::Relation* of = relations_.Find({relation});
    std::vector<sql::Type> types;
    for (const sql::RelationColumn& column : of->columns) types.push_back(column.type);
    row.resize(types.size());
    operators::DeltaBuilder builder(types);
    builder.AddDatums(row, weight, at);
    step_.emplace_back(of, builder.Take());
  }
  void Event(std::int64_t id, std::int64_t k, At at) { Push("e", {Int(id), Int(k)}, 1, at); }
  void Setting(std::int64_t k, const std::string& name, std::int64_t weight, At at) {
    Push("t", {Int(k), sql::Datum::Of(name)}, weight, at);
  }
  Outputs Do(SampleView& view) { return view.Do(std::exchange(step_, {})); }

  SampleRelations relations_;
  Step step_;
};

}  // namespace headgate::test
