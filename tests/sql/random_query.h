#pragma once

#include <random>
#include <string>
#include <vector>

namespace headgate::test {

// Makes SELECTs over a fixed schema, of every form that the planner takes and that gives one answer (no LIMIT without a
// total order, nothing that fails on some rows). The same seed makes the same queries.
class RandomQuery {
 public:
  static const char* Schema();  // the CREATE TABLEs

  explicit RandomQuery(std::uint32_t seed) : random_(seed) {}
  std::string Next();
  // A statement that changes the tables; it may violate a key.
  std::string NextChange();

 private:
  enum class Kind { kInt, kText, kNumeric, kDate };
  struct Column {
    std::string name;  // with its relation
    Kind kind;
  };
  struct From {
    std::string text;
    std::vector<Column> columns;
  };

  int Below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
  bool OneIn(int n) { return Below(n) == 0; }
  template <class T>
  const T& Any(const std::vector<T>& of) {
    return of[static_cast<std::size_t>(Below(static_cast<int>(of.size())))];
  }

  std::string Select(const std::vector<Column>& outer, int depth, const std::vector<Kind>* kinds);
  From Relations(int depth);
  From InnerJoins();
  From Relation(int depth);
  std::string Value(Kind kind, const std::vector<Column>& columns, int depth);
  std::string Condition(const std::vector<Column>& columns, int depth);
  std::string Subquery(const std::vector<Column>& columns, int depth);
  std::string Aggregate(Kind& kind, const std::vector<Column>& columns);
  std::string Constant(Kind kind);

  std::mt19937 random_;
  int names_ = 0;
};

}  // namespace headgate::test
