#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/operators/accumulator.h"
#include "core/operators/operator.h"
#include "core/sql/plan.h"

namespace headgate::operators {

// What the expressions of a grouping give for one piece of a change.
struct GroupingValues {
  std::vector<sql::Column> groups;
  std::vector<std::vector<sql::Column>> arguments;  // by aggregate; with its order expressions
  std::vector<sql::Column> filters;                 // by aggregate; null: none

  // Whether the row goes into the aggregate.
  bool Passes(std::size_t aggregate, std::uint32_t row) const {
    const sql::Column& filter = filters[aggregate];
    return filter == nullptr || (!filter->IsNull(row) && filter->bools[filter->Index(row)] != 0);
  }
};

// The parts of a GROUP BY that its groups share. For one thread, and longer there than accumulators of it.
class Grouping {
 public:
  explicit Grouping(const sql::Plan& plan);

  const std::vector<sql::ExprPtr>& expressions() const { return expressions_; }
  const std::vector<sql::Type>& types() const { return types_; }  // of the expressions
  const std::vector<std::unique_ptr<Aggregation>>& calls() const { return calls_; }
  bool append_only() const { return append_only_; }      // rows only come
  bool ordered() const { return ordered_; }              // an aggregate is
  bool null_on_error() const { return null_on_error_; }  // a result that fails is NULL

  // Errors are left in the context. An argument has values where its row passes the filter.
  GroupingValues Compute(const sql::Batch& batch, sql::EvalContext& context) const;

 private:
  std::vector<sql::ExprPtr> expressions_;
  std::vector<sql::Type> types_;
  std::vector<std::unique_ptr<Aggregation>> calls_;
  std::vector<std::size_t> filter_of_;  // by aggregate: the first one that filters alike
  bool append_only_;
  bool ordered_ = false;
  bool null_on_error_;
};

}  // namespace headgate::operators
