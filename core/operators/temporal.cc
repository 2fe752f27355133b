#include "core/operators/temporal.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

#include "core/operators/split.h"
#include "core/operators/state.h"
#include "core/sql/key.h"

namespace headgate::operators {
namespace {

using sql::ExprPtr;
using sql::Rows;

class Temporal : public Operator {
 public:
  Temporal(const sql::Plan& plan, const StatePlace& place)
      : left_outer_(plan.join == sql::JoinKind::kLeft),
        remembers_(!IsAppendOnly(*plan.inputs[0])),
        split_(SplitCondition(plan.condition, plan.inputs[0]->columns.size())),
        left_types_(TypesOf(plan.inputs[0]->columns)),
        right_types_(TypesOf(plan.inputs[1]->columns)),
        types_(TypesOf(plan.columns)),
        table_(place.Part(0)),
        emitted_(place.Part(1)),
        waiting_(place),
        changed_(place) {}

  void Process(std::size_t input, const Delta& delta, StepContext& step, const Emit&) override {
    if (input == 1) {
      NoteVersions(delta, step);
    } else {
      waiting_->push_back(delta);
    }
  }

  // All changes of the table are known now: rows are looked up in log order.
  void Finish(StepContext& step, const Emit& emit) override {
    LoadChanged();
    for (const Delta& delta : *waiting_) Probe(delta, step, emit);
    waiting_->clear();
    for (auto& [key, versions] : *changed_) {
      if (versions.back().row) {
        table_.Change(key) = *versions.back().row;
      } else {
        table_.Erase(key);
      }
    }
    changed_->clear();
  }

 private:
  struct Version {
    Seq seq = 0;
    std::optional<std::string> row;  // none: deleted
  };

  void LoadChanged() {
    std::vector<std::string> keys;
    for (const auto& [key, versions] : *changed_) keys.push_back(key);
    table_.Load(keys);
  }

  std::vector<std::string> Keys(std::size_t side, const Delta& delta, StepContext& step,
                                std::vector<std::uint8_t>& keyless) {
    std::vector<std::string> keys(delta.rows());
    for (const JoinKey& key : split_.keys) {
      const sql::Column column = sql::Evaluate(*key.side[side], delta.batch, Rows(delta.rows()), step.eval);
      for (std::uint32_t row = 0; row < delta.rows(); ++row) {
        if (column->IsNull(row) && !key.null_safe) keyless[row] = 1;
        AppendKey(keys[row], key.side[side]->type, *column, row);
      }
    }
    return keys;
  }

  // Inside one transaction the last change of a key counts; a deletion counts only if nothing came in with it.
  void NoteVersions(const Delta& delta, StepContext& step) {
    std::vector<std::uint8_t> keyless(delta.rows());
    const auto keys = Keys(1, delta, step, keyless);
    step.eval.Reset();
    for (std::uint32_t row = 0; row < delta.rows(); ++row) {
      auto& versions = (*changed_)[keys[row]];
      const Seq seq = delta.at[row].seq;
      if (versions.empty() || versions.back().seq != seq) versions.push_back({seq, std::nullopt});
      if (delta.weights[row] > 0) versions.back().row = sql::EncodeRow(right_types_, delta.batch, row);
    }
  }

  const std::string* Find(const std::string& key, Seq seq) {
    const auto found = changed_->find(key);
    if (found != changed_->end()) {
      const auto& versions = found->second;
      for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
        if (version->seq <= seq) return version->row ? &*version->row : nullptr;
      }
    }
    return table_.Find(key);
  }

  void Probe(const Delta& delta, StepContext& step, const Emit& emit) {
    std::vector<std::uint8_t> keyless(delta.rows());
    const auto keys = Keys(0, delta, step, keyless);
    std::vector<std::uint32_t> rows;
    if (!TakeErrors(step, delta, rows)) {
      rows.resize(delta.rows());
      std::iota(rows.begin(), rows.end(), 0U);
    }
    table_.Load(keys);
    if (remembers_) LoadEmitted(delta);
    DeltaBuilder taken_back(types_);
    std::vector<std::uint32_t> probing;
    for (const std::uint32_t row : rows) {
      if (delta.weights[row] < 0) {
        TakeBack(delta, row, taken_back);
      } else {
        probing.push_back(row);
      }
    }
    if (taken_back.rows() > 0) emit(taken_back.Take());
    if (!probing.empty()) LookUp(delta, probing, keys, keyless, step, emit);
  }

  void LoadEmitted(const Delta& delta) {
    std::vector<std::string> groups;
    for (std::uint32_t row = 0; row < delta.rows(); ++row)
      groups.push_back(sql::EncodeRow(left_types_, delta.batch, row));
    emitted_.Load(groups);
  }

  void LookUp(const Delta& delta, const std::vector<std::uint32_t>& probing, const std::vector<std::string>& keys,
              const std::vector<std::uint8_t>& keyless, StepContext& step, const Emit& emit) {
    sql::RowBuilder images(right_types_);
    std::vector<std::uint32_t> hit;
    std::vector<std::uint8_t> matched(delta.rows());
    for (const std::uint32_t row : probing) {
      const std::string* image = keyless[row] != 0 ? nullptr : Find(keys[row], delta.at[row].seq);
      if (image == nullptr) continue;
      hit.push_back(row);
      images.Add(*image);
    }
    const Delta probe = Gather(delta, hit);
    const sql::Batch right = images.Take();
    std::vector<std::uint32_t> kept(hit.size());
    std::iota(kept.begin(), kept.end(), 0U);
    if (split_.residual && !hit.empty()) {
      sql::Batch both = probe.batch;
      both.columns.insert(both.columns.end(), right.columns.begin(), right.columns.end());
      kept = sql::Matching(*split_.residual, both, Rows(both.rows), step.eval);
      for (const sql::RowError& error : step.eval.errors()) {
        step.failed.push_back({probe.at[error.row], probe.weights[error.row], error.code, error.message});
        matched[hit[error.row]] = 2;
      }
      step.eval.Reset();
    }
    std::vector<std::uint32_t> place(delta.rows());
    for (const std::uint32_t i : kept) {
      matched[hit[i]] = 1;
      place[hit[i]] = i;
    }
    DeltaBuilder out(types_);
    for (const std::uint32_t row : probing) {
      if (matched[row] == 2 || (matched[row] == 0 && !left_outer_)) continue;
      const bool found = matched[row] == 1;
      out.AddPair(&delta.batch, row, found ? &right : nullptr, found ? place[row] : 0, delta.weights[row],
                  delta.at[row]);
      if (remembers_) Remember(delta, row, found ? &right : nullptr, place[row]);
    }
    if (out.rows() > 0) emit(out.Take());
  }

  void Remember(const Delta& delta, std::uint32_t row, const sql::Batch* right, std::uint32_t place) {
    sql::RowBuilder one(types_);
    one.AddPair(&delta.batch, row, right, place);
    const std::string key = sql::EncodeRow(left_types_, delta.batch, row);
    emitted_.Change(key, sql::EncodeRow(types_, one.Take(), 0)) += delta.weights[row];
  }

  void TakeBack(const Delta& delta, std::uint32_t row, DeltaBuilder& out) {
    const std::string key = sql::EncodeRow(left_types_, delta.batch, row);
    for (std::int64_t left = -delta.weights[row]; left > 0;) {
      const auto* emitted = emitted_.Find(key);
      if (emitted == nullptr) break;
      const std::string last = emitted->rbegin()->first;
      std::int64_t& weight = emitted_.Change(key, last);
      const std::int64_t count = std::min(left, weight);
      out.Add(last, -count, delta.at[row]);
      left -= count;
      weight -= count;
      if (weight == 0) emitted_.Erase(key, last);
    }
  }

  bool left_outer_;
  bool remembers_;
  Split split_;
  std::vector<sql::Type> left_types_;
  std::vector<sql::Type> right_types_;
  std::vector<sql::Type> types_;
  KeyedState<std::string> table_;       // join key -> row, as of the step before
  OrderedState<std::int64_t> emitted_;  // left row -> output rows
  StepNotes<std::vector<Delta>> waiting_;
  StepNotes<std::map<std::string, std::vector<Version>>> changed_;
};

// A value of one type, which may be NULL.
struct ValueCodec {
  std::vector<sql::Type> type;

  void Put(std::string& out, const sql::Datum& value) const {
    sql::RowBuilder builder(type);
    builder.AddDatums({&value, 1});
    sql::AppendRow(out, type, builder.Take(), 0);
  }
  bool Get(std::string_view in, sql::Datum& value) const {
    sql::RowBuilder builder(type);
    if (!builder.Add(in)) return false;
    value = builder.Take().columns[0]->At(0);
    return true;
  }
};

class LogLag : public Operator {
 public:
  LogLag(const sql::Plan& plan, const StatePlace& place)
      : call_(plan.window),
        input_types_(TypesOf(plan.inputs[0]->columns)),
        last_(place.Part(0), ValueCodec{{input_types_[call_.argument]}}) {}

  void Process(std::size_t, const Delta& delta, StepContext&, const Emit& emit) override {
    std::vector<std::uint32_t> order(delta.rows());
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::stable_sort(order, {}, [&](std::uint32_t row) { return delta.at[row]; });
    auto lagged = std::make_shared<sql::Vector>(PhysicalOf(call_.result), delta.rows());
    auto arena = std::make_shared<sql::Arena>();
    lagged->owners.push_back(arena);
    std::vector<std::string> keys(delta.rows());
    for (std::uint32_t row = 0; row < delta.rows(); ++row) {
      for (const std::size_t c : call_.partition) AppendKey(keys[row], input_types_[c], *delta.batch.columns[c], row);
    }
    last_.Load(keys);
    for (const std::uint32_t row : order) {
      if (const sql::Datum* last = last_.Find(keys[row])) {
        lagged->Set(row, *last, *arena);
      } else {
        lagged->Set(row, call_.fallback ? delta.batch.columns[*call_.fallback]->At(row) : sql::Datum::Null(), *arena);
      }
      last_.Change(keys[row]) = delta.batch.columns[call_.argument]->At(row);
    }
    Delta out = delta;
    out.batch.columns.push_back(std::move(lagged));
    emit(out);
  }

 private:
  sql::WindowCall call_;
  std::vector<sql::Type> input_types_;
  KeyedState<sql::Datum, ValueCodec> last_;
};

}  // namespace

OperatorPtr MakeTemporal(const sql::Plan& plan, const StatePlace& place) {
  return std::make_unique<Temporal>(plan, place);
}
OperatorPtr MakeLogLag(const sql::Plan& plan, const StatePlace& place) { return std::make_unique<LogLag>(plan, place); }

}  // namespace headgate::operators
