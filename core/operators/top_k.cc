#include "core/operators/top_k.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <unordered_map>

#include "core/base/bytes.h"
#include "core/operators/first_rows.h"
#include "core/operators/state.h"
#include "core/sql/key.h"

namespace headgate::operators {
namespace {

using Partition = OrderedState<std::int64_t>::Group;  // by order key: how often the row is there
using Output = std::map<std::string, std::int64_t>;   // rows with their counts

// The key ends with the row and, in four bytes, the row's length.
std::string_view RowOf(std::string_view key) {
  if (key.size() < sizeof(std::uint32_t)) return {};
  const std::size_t end = key.size() - sizeof(std::uint32_t);
  const auto size = LoadBigEndian<std::uint32_t>(key.data() + end);
  return size > end ? std::string_view() : key.substr(end - size, size);
}

// How many rows of a partition are to be kept: all, or the first ones, because none behind them can ever come to the
// front.
std::optional<std::size_t> KeptOf(const sql::Plan& plan, std::optional<std::int64_t> first) {
  if (!first || !IsAppendOnly(*plan.inputs[0])) return std::nullopt;
  return static_cast<std::size_t>(std::max<std::int64_t>(0, *first));
}

// Keeps partitions of rows in an order; what a partition shows is computed before a step's first change of it and after
// the last.
class Partitioned : public Operator {
 public:
  Partitioned(const std::vector<sql::PlanColumn>& input, const std::vector<sql::PlanColumn>& output,
              std::vector<std::size_t> partition, std::vector<sql::SortKey> order, std::optional<std::size_t> kept,
              const StatePlace& place)
      : types_(TypesOf(input)),
        output_types_(TypesOf(output)),
        partition_(std::move(partition)),
        order_(std::move(order)),
        kept_(kept),
        rows_(place.Part(0)),
        touched_(place) {}

  void Process(std::size_t, const Delta& delta, StepContext&, const Emit&) override {
    std::vector<std::string> groups(delta.rows());
    for (std::uint32_t row = 0; row < delta.rows(); ++row) {
      for (const std::size_t c : partition_) AppendKey(groups[row], types_[c], *delta.batch.columns[c], row);
    }
    rows_.Load(groups);
    for (std::uint32_t row = 0; row < delta.rows(); ++row) {
      if (kept_ && IsBehind(groups[row], delta.batch, row)) continue;
      const auto [touched, first] = touched_->try_emplace(std::move(groups[row]));
      const std::string& group = touched->first;
      if (first) touched->second.before = ShowNow(group);
      touched->second.at = std::max(touched->second.at, delta.at[row]);
      const std::string key = KeyOf(delta.batch, row);
      std::int64_t& weight = rows_.Change(group, key);
      weight += delta.weights[row];
      if (weight == 0) rows_.Erase(group, key);
      if (const Partition* rows = kept_ ? rows_.Find(group) : nullptr; rows != nullptr && rows->size() > *kept_)
        rows_.Erase(group, std::string(rows->rbegin()->first));
    }
  }

  void Finish(StepContext&, const Emit& emit) override {
    DeltaBuilder builder(output_types_);
    for (const auto& [group, touched] : *touched_) {
      Output change = ShowNow(group);
      for (const auto& [row, count] : touched.before) change[row] -= count;
      for (const auto& [row, count] : change) {
        if (count != 0) builder.Add(row, count, touched.at);
        if (builder.full()) emit(builder.Take());
      }
    }
    touched_->clear();
    if (builder.rows() > 0) emit(builder.Take());
  }

 protected:
  virtual Output Show(const Partition& rows) = 0;
  const std::vector<sql::Type>& types() const { return types_; }
  const std::vector<sql::Type>& output_types() const { return output_types_; }

 private:
  struct Touched {
    Output before;  // what the partition showed
    At at;
  };

  // Whether the partition has enough rows before this one. By the order alone: among equals it may be before them.
  bool IsBehind(const std::string& group, const sql::Batch& batch, std::uint32_t row) {
    if (*kept_ == 0) return true;
    const Partition* const rows = rows_.Find(group);
    if (rows == nullptr || rows->size() < *kept_) return false;
    place_.clear();
    AppendOrder(place_, batch, row);
    return std::string_view(rows->rbegin()->first).substr(0, place_.size()) < place_;
  }
  void AppendOrder(std::string& key, const sql::Batch& batch, std::uint32_t row) const {
    for (const sql::SortKey& sort : order_)
      AppendKey(key, types_[sort.column], *batch.columns[sort.column], row, sort.order);
  }
  std::string KeyOf(const sql::Batch& batch, std::uint32_t row) const {
    std::string key;
    AppendOrder(key, batch, row);
    for (std::size_t c = 0; c < types_.size(); ++c) AppendKey(key, types_[c], *batch.columns[c], row);
    const std::size_t start = key.size();
    sql::AppendRow(key, types_, batch, row);
    PutBigEndian(key, static_cast<std::uint32_t>(key.size() - start));
    return key;
  }
  Output ShowNow(const std::string& group) {
    const Partition* rows = rows_.Find(group);
    return rows == nullptr ? Output() : Show(*rows);
  }

  std::vector<sql::Type> types_;
  std::vector<sql::Type> output_types_;
  std::vector<std::size_t> partition_;
  std::vector<sql::SortKey> order_;
  std::optional<std::size_t> kept_;  // of the rows of a partition; nothing: all
  OrderedState<std::int64_t> rows_;
  std::string place_;  // of the row at hand
  StepNotes<std::unordered_map<std::string, Touched>> touched_;
};

class TopK : public Partitioned {
 public:
  TopK(const sql::Plan& plan, const StatePlace& place)
      : Partitioned(plan.inputs[0]->columns, plan.columns, plan.partition, plan.order, KeptOf(plan, EndOf(plan)),
                    place),
        first_(plan.offset),
        end_(EndOf(plan).value_or(std::numeric_limits<std::int64_t>::max())) {}

  static std::optional<std::int64_t> EndOf(const sql::Plan& plan) {
    if (!plan.limit) return std::nullopt;
    return plan.offset + std::min(*plan.limit, std::numeric_limits<std::int64_t>::max() - plan.offset);
  }

 protected:
  Output Show(const Partition& rows) override {
    Output out;
    std::int64_t place = 0;
    for (const auto& [key, weight] : rows) {
      if (place >= end_) break;
      const std::int64_t from = std::max(place, first_);
      place += weight;
      const std::int64_t count = std::min(place, end_) - from;
      if (count > 0) out[std::string(RowOf(key))] += count;
    }
    return out;
  }

 private:
  std::int64_t first_;
  std::int64_t end_;
};

class Window : public Partitioned {
 public:
  Window(const sql::Plan& plan, const StatePlace& place)
      : Partitioned(plan.inputs[0]->columns, plan.columns, plan.window.partition, plan.window.order,
                    KeptOf(plan, plan.window.first), place),
        call_(plan.window) {}

 protected:
  Output Show(const Partition& rows) override {
    sql::RowBuilder builder(types());
    const auto most = static_cast<std::size_t>(
        std::max<std::int64_t>(0, call_.first.value_or(std::numeric_limits<std::int64_t>::max())));
    for (const auto& [key, weight] : rows) {
      if (builder.rows() >= most) break;
      for (std::int64_t n = 0; n < weight && builder.rows() < most; ++n) builder.Add(RowOf(key));
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

OperatorPtr MakeTopK(const sql::Plan& plan, const StatePlace& place) {
  const auto kept = KeptOf(plan, TopK::EndOf(plan));
  if (!kept || *kept > FirstRows::kRowsMax) return std::make_unique<TopK>(plan, place);
  return MakeFirstRows({.types = TypesOf(plan.inputs[0]->columns),
                        .output_types = TypesOf(plan.columns),
                        .partition = plan.partition,
                        .order = plan.order,
                        .first = static_cast<std::size_t>(plan.offset),
                        .end = *kept,
                        .numbered = false},
                       place);
}

OperatorPtr MakeWindow(const sql::Plan& plan, const StatePlace& place) {
  const auto kept = KeptOf(plan, plan.window.first);
  if (!kept || *kept > FirstRows::kRowsMax) return std::make_unique<Window>(plan, place);
  return MakeFirstRows({.types = TypesOf(plan.inputs[0]->columns),
                        .output_types = TypesOf(plan.columns),
                        .partition = plan.window.partition,
                        .order = plan.window.order,
                        .first = 0,
                        .end = *kept,
                        .numbered = true},
                       place);
}

}  // namespace headgate::operators
