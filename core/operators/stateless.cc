#include "core/operators/stateless.h"

#include <algorithm>

#include "core/sql/array_value.h"

namespace headgate::operators {

using sql::Expr;
using sql::ExprPtr;
using sql::Rows;

bool TakeErrors(StepContext& step, const Delta& delta, std::vector<std::uint32_t>& kept) {
  if (!step.eval.failed()) return false;
  std::vector<std::uint8_t> bad(delta.rows());
  for (const sql::RowError& error : step.eval.errors()) {
    if (bad[error.row] != 0) continue;
    bad[error.row] = 1;
    step.failed.push_back({delta.at[error.row], delta.weights[error.row], error.code, error.message});
  }
  step.eval.Reset();
  if (step.null_on_error) return false;
  for (std::uint32_t row = 0; row < delta.rows(); ++row) {
    if (bad[row] == 0) kept.push_back(row);
  }
  return true;
}

namespace {

class Filter : public Operator {
 public:
  explicit Filter(const Expr& condition) : condition_(Clone(condition)) {}

  void Process(std::size_t, const Delta& delta, StepContext& step, const Emit& emit) override {
    std::vector<std::uint32_t> matching = sql::Matching(*condition_, delta.batch, Rows(delta.rows()), step.eval);
    std::vector<std::uint32_t> kept;
    if (TakeErrors(step, delta, kept)) {
      std::vector<std::uint32_t> both;
      std::ranges::set_intersection(matching, kept, std::back_inserter(both));
      matching = std::move(both);
    }
    if (matching.size() == delta.rows()) {
      emit(delta);
    } else if (!matching.empty()) {
      emit(Gather(delta, matching));
    }
  }

 private:
  ExprPtr condition_;
};

class Project : public Operator {
 public:
  explicit Project(const std::vector<ExprPtr>& expressions) {
    for (const ExprPtr& expr : expressions) expressions_.push_back(Clone(*expr));
  }

  void Process(std::size_t, const Delta& delta, StepContext& step, const Emit& emit) override {
    Delta out = Compute(delta, step);
    std::vector<std::uint32_t> kept;
    if (!TakeErrors(step, delta, kept)) {
      emit(out);
    } else if (!kept.empty()) {
      emit(Gather(out, kept));
    }
  }

 private:
  Delta Compute(const Delta& delta, StepContext& step) {
    Delta out;
    out.batch.rows = delta.rows();
    for (const ExprPtr& expr : expressions_)
      out.batch.columns.push_back(sql::Evaluate(*expr, delta.batch, Rows(delta.rows()), step.eval));
    out.weights = delta.weights;
    out.at = delta.at;
    return out;
  }

  std::vector<ExprPtr> expressions_;
};

class Unnest : public Operator {
 public:
  explicit Unnest(const sql::Plan& plan) : numbered_(plan.numbered) {
    for (const ExprPtr& expr : plan.expressions) expressions_.push_back(Clone(*expr));
    types_ = TypesOf(plan.columns);
    own_ = types_.size() - expressions_.size() - (numbered_ ? 1 : 0);
  }

  void Process(std::size_t, const Delta& delta, StepContext& step, const Emit& emit) override {
    std::vector<sql::Column> arrays;
    for (const ExprPtr& expr : expressions_)
      arrays.push_back(sql::Evaluate(*expr, delta.batch, Rows(delta.rows()), step.eval));
    std::vector<std::uint32_t> rows;
    if (!TakeErrors(step, delta, rows)) {
      for (std::uint32_t row = 0; row < delta.rows(); ++row) rows.push_back(row);
    }
    DeltaBuilder builder(types_);
    for (const std::uint32_t row : rows) {
      Expand(delta, row, arrays, builder, emit);
    }
    if (builder.rows() > 0) emit(builder.Take());
  }

 private:
  void Expand(const Delta& delta, std::uint32_t row, const std::vector<sql::Column>& arrays, DeltaBuilder& builder,
              const Emit& emit) {
    std::vector<sql::ArrayValue> values;
    std::size_t longest = 0;
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      values.emplace_back();
      if (arrays[i]->IsNull(row)) continue;
      const sql::Type element = expressions_[i]->type.Element();
      values.back() = sql::ArrayValue::Read(arrays[i]->strings[arrays[i]->Index(row)], element);
      if (types_[own_ + i].array) values.back().elements = values.back().Slices(element);
      longest = std::max(longest, values.back().elements.size());
    }
    std::vector<sql::Datum> out;
    for (const sql::Column& column : delta.batch.columns) out.push_back(column->At(row));
    const std::size_t own = out.size();
    for (std::size_t n = 0; n < longest; ++n) {
      out.resize(own);
      for (const sql::ArrayValue& value : values)
        out.push_back(n < value.elements.size() ? value.elements[n] : sql::Datum{});
      if (numbered_) out.push_back(sql::Datum::Of(static_cast<std::int64_t>(n + 1)));
      builder.AddDatums(out, delta.weights[row], delta.at[row]);
      if (builder.full()) emit(builder.Take());
    }
  }

  std::vector<ExprPtr> expressions_;
  std::vector<sql::Type> types_;
  std::size_t own_ = 0;  // columns of the input
  bool numbered_;
};

class UnionAll : public Operator {
 public:
  void Process(std::size_t, const Delta& delta, StepContext&, const Emit& emit) override { emit(delta); }
};

}  // namespace

OperatorPtr MakeFilter(const sql::Plan& plan) { return std::make_unique<Filter>(*plan.condition); }
OperatorPtr MakeProject(const sql::Plan& plan) { return std::make_unique<Project>(plan.expressions); }
OperatorPtr MakeUnnest(const sql::Plan& plan) { return std::make_unique<Unnest>(plan); }
OperatorPtr MakeUnionAll() { return std::make_unique<UnionAll>(); }

}  // namespace headgate::operators
