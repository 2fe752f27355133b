#include "core/operators/distinct.h"

#include <algorithm>
#include <array>

#include "core/operators/state.h"
#include "core/sql/key.h"

namespace headgate::operators {
namespace {

using sql::SetOpKind;

// How often a row shows that is `a` times in the first input and `b` times in the second.
std::int64_t Shown(SetOpKind kind, std::int64_t a, std::int64_t b) {
  a = std::max<std::int64_t>(a, 0);
  b = std::max<std::int64_t>(b, 0);
  switch (kind) {
    case SetOpKind::kUnion:
      return a + b > 0 ? 1 : 0;
    case SetOpKind::kIntersect:
      return a > 0 && b > 0 ? 1 : 0;
    case SetOpKind::kIntersectAll:
      return std::min(a, b);
    case SetOpKind::kExcept:
      return a > 0 && b == 0 ? 1 : 0;
    case SetOpKind::kExceptAll:
      return std::max<std::int64_t>(0, a - b);
    case SetOpKind::kUnionAll:
      return a + b;
  }
  return 0;
}

class Counted : public Operator {
 public:
  Counted(SetOpKind kind, const std::vector<sql::PlanColumn>& columns) : kind_(kind) { types_ = TypesOf(columns); }

  void Process(std::size_t input, const Delta& delta, StepContext&, const Emit&) override {
    std::string key;
    for (std::uint32_t row = 0; row < delta.rows(); ++row) {
      key.clear();
      for (std::size_t c = 0; c < types_.size(); ++c) AppendKey(key, types_[c], *delta.batch.columns[c], row);
      Entry& entry = state_.At(key);
      if (!entry.touched) {
        entry.touched = true;
        entry.touch = touched_.size();
        touched_.push_back({key, delta.at[row]});
      }
      Touched& touched = touched_[entry.touch];
      touched.at = std::max(touched.at, delta.at[row]);
      if (entry.form.empty()) entry.form = sql::EncodeRow(types_, delta.batch, row);
      entry.counts[input] += delta.weights[row];
    }
  }

  void Finish(StepContext&, const Emit& emit) override {
    DeltaBuilder builder(types_);
    for (const Touched& touched : touched_) {
      Entry& entry = *state_.Find(touched.key);
      entry.touched = false;
      const std::int64_t now = Shown(kind_, entry.counts[0], entry.counts[1]);
      if (now != entry.shown) builder.Add(entry.form, now - entry.shown, touched.at);
      entry.shown = now;
      if (entry.counts[0] == 0 && entry.counts[1] == 0) state_.Erase(touched.key);
      if (builder.full()) emit(builder.Take());
    }
    touched_.clear();
    if (builder.rows() > 0) emit(builder.Take());
  }

 private:
  struct Entry {
    std::array<std::int64_t, 2> counts = {};
    std::int64_t shown = 0;
    std::string form;  // of the row that came first: equal rows may print differently
    bool touched = false;
    std::size_t touch = 0;
  };
  struct Touched {
    std::string key;
    At at;
  };

  SetOpKind kind_;
  std::vector<sql::Type> types_;
  KeyedState<Entry> state_;
  std::vector<Touched> touched_;
};

}  // namespace

OperatorPtr MakeDistinct(const sql::Plan& plan) { return std::make_unique<Counted>(SetOpKind::kUnion, plan.columns); }
OperatorPtr MakeSetOp(const sql::Plan& plan) { return std::make_unique<Counted>(plan.set_op, plan.columns); }

}  // namespace headgate::operators
