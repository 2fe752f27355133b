#include "core/operators/aggregate.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/operators/accumulator.h"
#include "core/operators/state.h"
#include "core/sql/key.h"

namespace headgate::operators {
namespace {

using sql::ExprPtr;
using sql::Rows;

class Aggregate : public Operator {
 public:
  explicit Aggregate(const sql::Plan& plan) {
    for (const ExprPtr& group : plan.expressions) groups_.push_back(Clone(*group));
    for (const sql::AggregateCall& call : plan.aggregates) calls_.push_back(std::make_unique<Aggregation>(call));
    types_ = TypesOf(plan.columns);
  }

  void Process(std::size_t, const Delta& delta, StepContext& step, const Emit&) override {
    const Values values = Compute(delta, step);
    std::vector<std::uint32_t> rows;
    if (!TakeErrors(step, delta, rows)) {
      for (std::uint32_t row = 0; row < delta.rows(); ++row) rows.push_back(row);
    }
    std::string key;
    ArgumentRow arguments;
    for (const std::uint32_t row : rows) {
      key.clear();
      for (std::size_t g = 0; g < groups_.size(); ++g) AppendKey(key, groups_[g]->type, *values.groups[g], row);
      Group& group = state_.At(key);
      if (group.accumulators.empty()) Start(group, values, row);
      Touch(key, group, delta.at[row]);
      group.weight += delta.weights[row];
      for (std::size_t c = 0; c < calls_.size(); ++c) {
        if (!Passes(values.filters[c], row)) continue;
        arguments.clear();
        for (const sql::Column& column : values.arguments[c]) arguments.push_back(column->At(row));
        group.accumulators[c]->Add(arguments, delta.weights[row]);
      }
    }
  }

  void Finish(StepContext& step, const Emit& emit) override {
    if (groups_.empty() && state_.size() == 0) {
      Group& group = state_.At("");
      Start(group, {}, 0);
      Touch("", group, {});
    }
    DeltaBuilder builder(types_);
    for (const Touched& touched : touched_) {
      Group& group = *state_.Find(touched.key);
      group.touched = false;
      const std::optional<std::string> before = std::move(group.shown);
      group.shown = Render(group, touched.at, step);
      if (before != group.shown) {
        if (before) builder.Add(*before, -1, touched.at);
        if (group.shown) builder.Add(*group.shown, 1, touched.at);
        if (builder.full()) emit(builder.Take());
      }
      if (!Lives(group)) state_.Erase(touched.key);
    }
    touched_.clear();
    if (builder.rows() > 0) emit(builder.Take());
  }

 private:
  struct Group {
    std::int64_t weight = 0;
    std::vector<sql::Datum> values;  // as the row that made the group had them
    std::vector<std::unique_ptr<Accumulator>> accumulators;
    std::optional<std::string> shown;  // the output row
    bool touched = false;
    std::size_t touch = 0;  // its place in touched_
    bool failed = false;
  };
  struct Touched {
    std::string key;
    At at;
  };
  // What the expressions give for one piece.
  struct Values {
    std::vector<sql::Column> groups;
    std::vector<std::vector<sql::Column>> arguments;  // by call; with its order expressions
    std::vector<sql::Column> filters;                 // null: none
  };

  Values Compute(const Delta& delta, StepContext& step) {
    Values values;
    const Rows all(delta.rows());
    for (const ExprPtr& group : groups_) values.groups.push_back(sql::Evaluate(*group, delta.batch, all, step.eval));
    for (const auto& call : calls_) {
      const sql::AggregateCall& aggregate = call->call();
      std::vector<std::uint32_t> passing;
      values.filters.push_back(nullptr);
      if (aggregate.filter) {
        values.filters.back() = sql::Evaluate(*aggregate.filter, delta.batch, all, step.eval);
        for (std::uint32_t row = 0; row < delta.rows(); ++row) {
          if (Passes(values.filters.back(), row)) passing.push_back(row);
        }
      }
      const Rows rows = aggregate.filter ? Rows(passing) : all;
      auto& columns = values.arguments.emplace_back();
      for (const ExprPtr& argument : aggregate.arguments)
        columns.push_back(sql::Evaluate(*argument, delta.batch, rows, step.eval));
      for (const sql::AggregateOrder& key : aggregate.order)
        columns.push_back(sql::Evaluate(*key.expr, delta.batch, rows, step.eval));
    }
    return values;
  }

  static bool Passes(const sql::Column& filter, std::uint32_t row) {
    return filter == nullptr || (!filter->IsNull(row) && filter->bools[filter->Index(row)] != 0);
  }

  void Start(Group& group, const Values& values, std::uint32_t row) {
    for (const sql::Column& column : values.groups) group.values.push_back(column->At(row));
    for (const auto& call : calls_) group.accumulators.push_back(call->Make());
  }

  void Touch(const std::string& key, Group& group, At at) {
    if (!group.touched) {
      group.touched = true;
      group.touch = touched_.size();
      touched_.push_back({key, at});
    } else {
      touched_[group.touch].at = std::max(touched_[group.touch].at, at);
    }
  }

  bool Lives(const Group& group) const { return group.weight > 0 || groups_.empty(); }

  // The output row, or none: the group is gone, or one of its aggregates has no value.
  std::optional<std::string> Render(Group& group, At at, StepContext& step) {
    const bool failed_before = std::exchange(group.failed, false);
    if (!Lives(group)) {
      if (failed_before) step.failed.push_back({at, -1, "", ""});
      return std::nullopt;
    }
    std::vector<sql::Datum> row = group.values;
    for (const auto& accumulator : group.accumulators) {
      AggregateResult result = accumulator->Result();
      if (!result.code.empty()) {
        group.failed = true;
        if (!failed_before) step.failed.push_back({at, 1, result.code, result.message});
        return std::nullopt;
      }
      row.push_back(std::move(result.value));
    }
    if (failed_before) step.failed.push_back({at, -1, "", ""});
    sql::RowBuilder builder(types_);
    builder.AddDatums(row);
    return sql::EncodeRow(types_, builder.Take(), 0);
  }

  std::vector<ExprPtr> groups_;
  std::vector<std::unique_ptr<Aggregation>> calls_;
  std::vector<sql::Type> types_;
  KeyedState<Group> state_;
  std::vector<Touched> touched_;
};

}  // namespace

OperatorPtr MakeAggregate(const sql::Plan& plan) { return std::make_unique<Aggregate>(plan); }

}  // namespace headgate::operators
