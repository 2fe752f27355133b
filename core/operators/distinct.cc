#include "core/operators/distinct.h"

#include <algorithm>
#include <array>

#include "core/base/bytes.h"
#include "core/operators/state.h"
#include "core/sql/key.h"

namespace headgate::operators {
namespace {

using sql::SetOpKind;

// A row: how often it is in each input.
struct RowCounts {
  std::array<std::int64_t, 2> counts = {};
  std::string form;  // of the row that came first: equal rows may print differently
  bool touched = false;
  std::size_t touch = 0;  // its place among those touched in this step
};

struct RowCountsCodec {
  std::vector<sql::Type> types;

  void Put(std::string& out, const RowCounts& entry) const {
    PutSigned(out, entry.counts[0]);
    PutSigned(out, entry.counts[1]);
    out += entry.form;
  }
  bool Get(std::string_view in, RowCounts& entry) const {
    ByteReader reader(in);
    for (std::int64_t& count : entry.counts) count = reader.Signed();
    entry.form = reader.Take(reader.remaining());
    return !reader.failed() && IsRow(types, entry.form);
  }
};

// How often a row shows that is `a` times in the first input and `b` times in the second.
std::int64_t TimesShown(SetOpKind kind, std::int64_t a, std::int64_t b) {
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
  Counted(SetOpKind kind, const std::vector<sql::PlanColumn>& columns, const StatePlace& place)
      : kind_(kind), types_(TypesOf(columns)), state_(place.Part(0), RowCountsCodec{types_}), touched_(place) {}

  void Process(std::size_t input, const Delta& delta, StepContext&, const Emit&) override {
    std::vector<std::string> keys(delta.rows());
    for (std::uint32_t row = 0; row < delta.rows(); ++row) {
      for (std::size_t c = 0; c < types_.size(); ++c) AppendKey(keys[row], types_[c], *delta.batch.columns[c], row);
    }
    state_.Load(keys);
    for (std::uint32_t row = 0; row < delta.rows(); ++row) {
      RowCounts& entry = state_.Change(keys[row]);
      if (!entry.touched) {
        entry.touched = true;
        entry.touch = touched_->size();
        touched_->push_back({std::move(keys[row]), Shows(entry), delta.at[row]});
      }
      Touched& touched = (*touched_)[entry.touch];
      touched.at = std::max(touched.at, delta.at[row]);
      if (entry.form.empty()) entry.form = sql::EncodeRow(types_, delta.batch, row);
      entry.counts[input] += delta.weights[row];
    }
  }

  void Finish(StepContext&, const Emit& emit) override {
    DeltaBuilder builder(types_);
    for (const Touched& touched : *touched_) {
      RowCounts& entry = *state_.Find(touched.key);
      entry.touched = false;
      const std::int64_t now = Shows(entry);
      if (now != touched.before) builder.Add(entry.form, now - touched.before, touched.at);
      if (entry.counts[0] == 0 && entry.counts[1] == 0) state_.Erase(touched.key);
      if (builder.full()) emit(builder.Take());
    }
    touched_->clear();
    if (builder.rows() > 0) emit(builder.Take());
  }

 private:
  struct Touched {
    std::string key;
    std::int64_t before = 0;  // what showed
    At at;
  };

  std::int64_t Shows(const RowCounts& entry) const { return TimesShown(kind_, entry.counts[0], entry.counts[1]); }

  SetOpKind kind_;
  std::vector<sql::Type> types_;
  KeyedState<RowCounts, RowCountsCodec> state_;
  StepNotes<std::vector<Touched>> touched_;
};

}  // namespace

OperatorPtr MakeDistinct(const sql::Plan& plan, const StatePlace& place) {
  return std::make_unique<Counted>(SetOpKind::kUnion, plan.columns, place);
}
OperatorPtr MakeSetOp(const sql::Plan& plan, const StatePlace& place) {
  return std::make_unique<Counted>(plan.set_op, plan.columns, place);
}

}  // namespace headgate::operators
