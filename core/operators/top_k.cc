#include "core/operators/top_k.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>

#include "core/operators/state.h"
#include "core/sql/key.h"

namespace headgate::operators {
namespace {

struct Item {
  std::string row;
  std::int64_t weight = 0;
};
using Partition = std::map<std::string, Item>;       // by order key, then by all columns
using Output = std::map<std::string, std::int64_t>;  // rows with their counts

// Keeps partitions of rows in an order; what a partition shows is computed anew when it changed.
class Partitioned : public Operator {
 public:
  Partitioned(const std::vector<sql::PlanColumn>& input, const std::vector<sql::PlanColumn>& output,
              std::vector<std::size_t> partition, std::vector<sql::SortKey> order)
      : partition_(std::move(partition)), order_(std::move(order)) {
    types_ = TypesOf(input);
    output_types_ = TypesOf(output);
  }

  void Process(std::size_t, const Delta& delta, StepContext&, const Emit&) override {
    std::string group;
    for (std::uint32_t row = 0; row < delta.rows(); ++row) {
      group.clear();
      for (const std::size_t c : partition_) AppendKey(group, types_[c], *delta.batch.columns[c], row);
      std::string key;
      for (const sql::SortKey& sort : order_)
        AppendKey(key, types_[sort.column], *delta.batch.columns[sort.column], row, sort.order);
      for (std::size_t c = 0; c < types_.size(); ++c) AppendKey(key, types_[c], *delta.batch.columns[c], row);
      std::string bytes = sql::EncodeRow(types_, delta.batch, row);
      key += bytes;
      State& state = state_.At(group);
      At& at = touched_.try_emplace(group, delta.at[row]).first->second;
      at = std::max(at, delta.at[row]);
      Item& item = state.rows[key];
      item.row = std::move(bytes);
      item.weight += delta.weights[row];
      if (item.weight == 0) state.rows.erase(key);
    }
  }

  void Finish(StepContext&, const Emit& emit) override {
    DeltaBuilder builder(output_types_);
    for (const auto& [group, at] : touched_) {
      State& state = *state_.Find(group);
      Output now = Show(state.rows);
      const auto add = [&](const std::string& row, std::int64_t weight) {
        if (weight == 0) return;
        builder.Add(row, weight, at);
        if (builder.full()) emit(builder.Take());
      };
      for (const auto& [row, count] : state.shown) {
        const auto found = now.find(row);
        add(row, (found == now.end() ? 0 : found->second) - count);
      }
      for (const auto& [row, count] : now) {
        if (!state.shown.contains(row)) add(row, count);
      }
      state.shown = std::move(now);
      if (state.rows.empty()) state_.Erase(group);
    }
    touched_.clear();
    if (builder.rows() > 0) emit(builder.Take());
  }

 protected:
  virtual Output Show(const Partition& rows) = 0;
  const std::vector<sql::Type>& types() const { return types_; }
  const std::vector<sql::Type>& output_types() const { return output_types_; }

 private:
  struct State {
    Partition rows;
    Output shown;
  };

  std::vector<sql::Type> types_;
  std::vector<sql::Type> output_types_;
  std::vector<std::size_t> partition_;
  std::vector<sql::SortKey> order_;
  KeyedState<State> state_;
  std::map<std::string, At> touched_;
};

class TopK : public Partitioned {
 public:
  explicit TopK(const sql::Plan& plan)
      : Partitioned(plan.inputs[0]->columns, plan.columns, plan.partition, plan.order),
        first_(plan.offset),
        end_(plan.limit ? plan.offset + std::min(*plan.limit, std::numeric_limits<std::int64_t>::max() - plan.offset)
                        : std::numeric_limits<std::int64_t>::max()) {}

 protected:
  Output Show(const Partition& rows) override {
    Output out;
    std::int64_t place = 0;
    for (const auto& [key, item] : rows) {
      if (place >= end_) break;
      const std::int64_t from = std::max(place, first_);
      place += item.weight;
      const std::int64_t count = std::min(place, end_) - from;
      if (count > 0) out[item.row] += count;
    }
    return out;
  }

 private:
  std::int64_t first_;
  std::int64_t end_;
};

class Window : public Partitioned {
 public:
  explicit Window(const sql::Plan& plan)
      : Partitioned(plan.inputs[0]->columns, plan.columns, plan.window.partition, plan.window.order),
        call_(plan.window) {}

 protected:
  Output Show(const Partition& rows) override {
    sql::RowBuilder builder(types());
    for (const auto& [key, item] : rows) {
      for (std::int64_t n = 0; n < item.weight; ++n) builder.Add(item.row);
    }
    const sql::Batch all = builder.Take();
    Output out;
    sql::RowBuilder one(output_types());
    for (std::size_t row = 0; row < all.rows; ++row) {
      std::vector<sql::Datum> values;
      for (const sql::Column& column : all.columns) values.push_back(column->At(row));
      values.push_back(ValueAt(all, row));
      one.AddDatums(values);
    }
    const sql::Batch shown = one.Take();
    for (std::size_t row = 0; row < shown.rows; ++row) ++out[sql::EncodeRow(output_types(), shown, row)];
    return out;
  }

 private:
  sql::Datum ValueAt(const sql::Batch& all, std::size_t row) const {
    if (call_.kind == sql::WindowKind::kRowNumber) return sql::Datum::Of(static_cast<std::int64_t>(row + 1));
    const std::int64_t back = call_.kind == sql::WindowKind::kLag ? call_.offset : -call_.offset;
    const std::int64_t at = static_cast<std::int64_t>(row) - back;
    if (at >= 0 && at < static_cast<std::int64_t>(all.rows))
      return all.columns[call_.argument]->At(static_cast<std::size_t>(at));
    return call_.fallback ? all.columns[*call_.fallback]->At(row) : sql::Datum::Null();
  }

  sql::WindowCall call_;
};

}  // namespace

OperatorPtr MakeTopK(const sql::Plan& plan) { return std::make_unique<TopK>(plan); }

OperatorPtr MakeWindow(const sql::Plan& plan) { return std::make_unique<Window>(plan); }

}  // namespace headgate::operators
