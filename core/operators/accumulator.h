#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/sql/aggregate.h"
#include "core/sql/row_codec.h"
#include "core/sql/vector.h"

namespace headgate::operators {

// What an aggregate finally is, or why it has no value.
struct AggregateResult {
  sql::Datum value;
  std::string code;  // an error if not empty
  std::string message;
};
inline AggregateResult Value(sql::Datum value) { return {std::move(value), "", ""}; }
inline AggregateResult NoValue() { return {}; }

// The values of one row for one aggregate: its arguments, then the expressions of its ORDER BY.
using ArgumentRow = std::vector<sql::Datum>;

// The row's values, out of their columns.
void ReadArguments(const std::vector<sql::Column>& columns, std::size_t row, ArgumentRow& out);

// One aggregate of one group, kept under insertions and deletions.
class Accumulator {
 public:
  virtual ~Accumulator() = default;
  // The row passed FILTER. `weight` may be negative.
  virtual void Add(const ArgumentRow& row, std::int64_t weight) = 0;
  // The same with the values still in their columns.
  virtual void AddRow(const std::vector<sql::Column>& columns, std::size_t row, std::int64_t weight);
  virtual AggregateResult Result() const = 0;
  // Puts the result into a row; false, and nothing, if Result is to be asked.
  virtual bool Show(sql::RowWriter& row) const {
    (void)row;
    return false;
  }
  // What Add has gathered, as bytes. Decode puts it into one just made of the same aggregation; false if the bytes make
  // no sense, and then the accumulator is of no use.
  virtual void Encode(std::string& out) const = 0;
  virtual bool Decode(std::string_view bytes) = 0;
};

// A row that a group keeps: in the form that was seen first, and how often. By a key that orders them.
struct WeightedRow {
  ArgumentRow row;
  std::int64_t weight = 0;
};
using WeightedRows = std::map<std::string, WeightedRow, std::less<>>;

// What is the same for all groups of one aggregate: types, order, kind. Makes accumulators that point to it.
class Aggregation {
 public:
  // `append_only`: rows only come.
  Aggregation(const sql::AggregateCall& call, bool append_only);

  const sql::AggregateCall& call() const { return call_; }
  // Of the arguments and of the order expressions, in that sequence.
  const std::vector<sql::Type>& types() const { return types_; }

  // Read off all rows of the group (ordered_rows.h); there is no accumulator.
  bool ordered() const { return ordered_; }
  // The accumulator gets each row of a group once, however often it is there.
  bool distinct() const {
    return !ordered_ && call_.distinct && !IsExtreme() && call_.kind != sql::AggregateKind::kCountAll;
  }

  // What a kept row is found by; columns as types().
  void AppendKeyOf(std::string& key, const std::vector<sql::Column>& columns, std::size_t row) const;
  // Null if it is ordered.
  std::unique_ptr<Accumulator> Make() const;

 private:
  bool IsExtreme() const { return call_.kind == sql::AggregateKind::kMin || call_.kind == sql::AggregateKind::kMax; }

  sql::AggregateCall call_;
  std::vector<sql::Type> types_;
  bool ordered_ = false;
};

}  // namespace headgate::operators
