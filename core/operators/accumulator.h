#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/sql/aggregate.h"
#include "core/sql/numeric.h"

namespace headgate::operators {

// What an aggregate finally is, or why it has no value.
struct AggregateResult {
  sql::Datum value;
  std::string code;  // an error if not empty
  std::string message;
};

// The values of one row for one aggregate: its arguments, then the expressions of its ORDER BY.
using ArgumentRow = std::vector<sql::Datum>;

// One aggregate of one group, kept under insertions and deletions.
class Accumulator {
 public:
  virtual ~Accumulator() = default;
  // The row passed FILTER. `weight` may be negative.
  virtual void Add(const ArgumentRow& row, std::int64_t weight) = 0;
  virtual AggregateResult Result() const = 0;
  // What Add has gathered, as bytes. Decode puts it into one just made of the same aggregation; false if the bytes make
  // no sense, and then the accumulator is of no use.
  virtual void Encode(std::string& out) const = 0;
  virtual bool Decode(std::string_view bytes) = 0;
};

// What is the same for all groups of one aggregate: types, order, kind. Makes accumulators that point to it.
class Aggregation {
 public:
  explicit Aggregation(const sql::AggregateCall& call);

  const sql::AggregateCall& call() const { return call_; }
  std::unique_ptr<Accumulator> Make() const;
  // Of the arguments and of the order expressions, in that sequence.
  const std::vector<sql::Type>& types() const { return types_; }

 private:
  std::unique_ptr<Accumulator> MakePlain() const;

  sql::AggregateCall call_;
  std::vector<sql::Type> types_;
};

}  // namespace headgate::operators
