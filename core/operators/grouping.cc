#include "core/operators/grouping.h"

#include <algorithm>

namespace headgate::operators {
namespace {

bool SameFilter(const sql::AggregateCall& a, const sql::AggregateCall& b) {
  if (a.filter == nullptr || b.filter == nullptr) return a.filter == b.filter;
  return Same(*a.filter, *b.filter);
}

}  // namespace

Grouping::Grouping(const sql::Plan& plan)
    : append_only_(IsAppendOnly(*plan.inputs[0])), null_on_error_(plan.null_on_error) {
  for (const sql::ExprPtr& group : plan.expressions) {
    expressions_.push_back(Clone(*group));
    types_.push_back(group->type);
  }
  for (const sql::AggregateCall& call : plan.aggregates) {
    const auto alike = std::ranges::find_if(calls_, [&](const auto& other) { return SameFilter(call, other->call()); });
    filter_of_.push_back(static_cast<std::size_t>(alike - calls_.begin()));
    calls_.push_back(std::make_unique<Aggregation>(call, append_only_));
  }
  ordered_ = std::ranges::any_of(calls_, &Aggregation::ordered);
}

GroupingValues Grouping::Compute(const sql::Batch& batch, sql::EvalContext& context) const {
  GroupingValues values;
  const sql::Rows all(batch.rows);
  for (const sql::ExprPtr& group : expressions_) values.groups.push_back(Evaluate(*group, batch, all, context));
  std::vector<std::vector<std::uint32_t>> passing(calls_.size());  // by aggregate; only of the first that filters so
  for (std::size_t c = 0; c < calls_.size(); ++c) {
    const sql::AggregateCall& call = calls_[c]->call();
    const std::size_t filter = filter_of_[c];
    if (call.filter == nullptr || filter < c) {
      values.filters.push_back(call.filter == nullptr ? nullptr : values.filters[filter]);
    } else {
      values.filters.push_back(Evaluate(*call.filter, batch, all, context));
      for (std::uint32_t row = 0; row < batch.rows; ++row) {
        if (values.Passes(c, row)) passing[c].push_back(row);
      }
    }
    const sql::Rows rows = call.filter == nullptr ? all : sql::Rows(passing[filter]);
    auto& columns = values.arguments.emplace_back();
    for (const sql::ExprPtr& argument : call.arguments) columns.push_back(Evaluate(*argument, batch, rows, context));
    for (const sql::AggregateOrder& key : call.order) columns.push_back(Evaluate(*key.expr, batch, rows, context));
  }
  return values;
}

}  // namespace headgate::operators
