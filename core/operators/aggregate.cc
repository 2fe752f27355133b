#include "core/operators/aggregate.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/operators/accumulator.h"
#include "core/operators/accumulator_bytes.h"
#include "core/operators/ordered_rows.h"
#include "core/operators/state.h"
#include "core/sql/key.h"
#include "core/sql/row_codec.h"

namespace headgate::operators {
namespace {

using sql::ExprPtr;
using sql::Rows;

// What a group shows: its output row, or why it has none; of a group that is not there neither.
struct Shown {
  std::string row;
  std::string code;  // an error if not empty
  std::string message;
  bool operator==(const Shown&) const = default;
};

struct Group {
  bool made = false;
  bool touched = false;   // in this step
  std::size_t touch = 0;  // its place among those touched
  std::int64_t weight = 0;
  std::string values;  // of the group, as a row, as the row that made it had them
  std::vector<std::unique_ptr<Accumulator>> accumulators;
  std::unique_ptr<Shown> shown;  // after the last step, of a group whose rows it is read off
};

// The parts of a grouping that its groups share.
struct Grouping {
  std::vector<ExprPtr> expressions;
  std::vector<sql::Type> types;  // of the expressions
  std::vector<std::unique_ptr<Aggregation>> calls;
  bool ordered = false;  // one of them is

  explicit Grouping(const sql::Plan& plan) {
    for (const ExprPtr& group : plan.expressions) {
      expressions.push_back(Clone(*group));
      types.push_back(group->type);
    }
    for (const sql::AggregateCall& call : plan.aggregates) calls.push_back(std::make_unique<Aggregation>(call));
    ordered = std::ranges::any_of(calls, &Aggregation::ordered);
  }
};

// A byte that says the form, the weight, the values of the group, each accumulator.
struct GroupCodec {
  static constexpr std::uint8_t kForm = 1;
  const Grouping* of;

  void Put(std::string& out, const Group& group) const {
    out.push_back(kForm);
    PutSigned(out, group.weight);
    PutBytes(out, group.values);
    std::string bytes;
    for (const auto& accumulator : group.accumulators) {
      if (accumulator == nullptr) continue;
      bytes.clear();
      accumulator->Encode(bytes);
      PutBytes(out, bytes);
    }
  }
  bool Get(std::string_view bytes, Group& group) const {
    ByteReader in(bytes);
    if (in.Byte() != kForm) return false;
    group.made = true;
    group.weight = in.Signed();
    group.values = in.Bytes();
    if (!IsRow(of->types, group.values)) return false;
    for (const auto& call : of->calls) {
      group.accumulators.push_back(call->Make());
      if (call->ordered()) continue;
      if (!group.accumulators.back()->Decode(in.Bytes())) return false;
    }
    return !in.failed() && in.done();
  }
};

struct WeightedRowCodec {
  std::vector<sql::Type> types;

  void Put(std::string& out, const WeightedRow& item) const {
    PutSigned(out, item.weight);
    PutDatums(out, types, item.row);
  }
  bool Get(std::string_view bytes, WeightedRow& item) const {
    ByteReader in(bytes);
    item.weight = in.Signed();
    item.row = ReadDatums(in, types);
    return !in.failed() && in.done();
  }
};
using RowState = OrderedState<WeightedRow, WeightedRowCodec>;

// Stored: under part 0 the groups; under part 1, the number of an aggregate and a group the rows that it keeps.
class Aggregate : public Operator {
 public:
  Aggregate(const sql::Plan& plan, const StatePlace& place)
      : of_(plan), types_(TypesOf(plan.columns)), state_(place.Part(0), GroupCodec{&of_}), touched_(place) {
    for (std::size_t c = 0; c < of_.calls.size(); ++c) {
      StatePlace part = place.Part(1);
      PutBigEndian(part.prefix, static_cast<std::uint16_t>(c));
      const Aggregation& call = *of_.calls[c];
      rows_.push_back(call.keeps_rows() ? std::make_unique<RowState>(part, WeightedRowCodec{call.types()}) : nullptr);
    }
  }

  void Process(std::size_t, const Delta& delta, StepContext& step, const Emit&) override {
    const Values values = Compute(delta, step);
    std::vector<std::uint32_t> rows;
    if (!TakeErrors(step, delta, rows)) {
      for (std::uint32_t row = 0; row < delta.rows(); ++row) rows.push_back(row);
    }
    std::vector<std::string> keys(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (std::size_t g = 0; g < values.groups.size(); ++g)
        AppendKey(keys[i], of_.types[g], *values.groups[g], rows[i]);
    }
    const std::vector<RowKeys> row_keys = Load(values, rows, keys);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      Group& group = Touch(places_[i], delta.at[rows[i]]);
      if (!group.made) Start(group, values, rows[i]);
      const std::int64_t weight = delta.weights[rows[i]];
      group.weight += weight;
      for (std::size_t c = 0; c < of_.calls.size(); ++c) {
        if (!values.Counts(*of_.calls[c], c, rows[i])) continue;
        values.Arguments(c, rows[i], arguments_);
        if (rows_[c] == nullptr) {
          group.accumulators[c]->Add(arguments_, weight);
        } else {
          Keep(c, keys[i], row_keys[c][i], weight, group);
        }
      }
    }
  }

  void Finish(StepContext& step, const Emit& emit) override {
    if (of_.expressions.empty() && state_.Find("") == nullptr) StartOnly();
    DeltaBuilder builder(types_);
    Shown now;
    for (Touched& touched : *touched_) {
      Group& group = *touched.place.Find();
      group.touched = false;
      Render(touched.place.key(), group, now);
      Replace(touched, now, step, builder);
      if (of_.ordered) group.shown = std::make_unique<Shown>(std::move(now));
      if (builder.full()) emit(builder.Take());
      if (!Lives(group)) touched.place.Erase(state_);
    }
    touched_->clear();
    if (builder.rows() > 0) emit(builder.Take());
  }

 private:
  using Groups = KeyedState<Group, GroupCodec>;
  struct Touched {
    Groups::Place place;
    Shown before;
    At at;
  };
  // What the expressions give for one piece.
  struct Values {
    std::vector<sql::Column> groups;
    std::vector<std::vector<sql::Column>> arguments;  // by call; with its order expressions
    std::vector<sql::Column> filters;                 // null: none

    // Whether the row goes into the aggregate.
    bool Counts(const Aggregation& call, std::size_t c, std::uint32_t row) const {
      return Passes(filters[c], row) && !(call.ordered() && Skips(call.call(), arguments[c], row));
    }
    void Arguments(std::size_t c, std::uint32_t row, ArgumentRow& out) const {
      out.clear();
      for (const sql::Column& column : arguments[c]) out.push_back(column->At(row));
    }
  };
  // By row of a piece; of a row that counts for nothing "".
  using RowKeys = std::vector<std::string>;

  Values Compute(const Delta& delta, StepContext& step) {
    Values values;
    const Rows all(delta.rows());
    for (const ExprPtr& group : of_.expressions)
      values.groups.push_back(sql::Evaluate(*group, delta.batch, all, step.eval));
    for (const auto& call : of_.calls) {
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

  // Has in memory what the rows will touch. Gives, by aggregate that keeps rows, what they are kept under.
  std::vector<RowKeys> Load(const Values& values, const std::vector<std::uint32_t>& rows,
                            const std::vector<std::string>& keys) {
    state_.Load(keys, places_);
    std::vector<RowKeys> row_keys(of_.calls.size());
    for (std::size_t c = 0; c < of_.calls.size(); ++c) {
      if (rows_[c] == nullptr) continue;
      std::vector<EntryPlace> places;
      row_keys[c].resize(rows.size());
      for (std::size_t i = 0; i < rows.size(); ++i) {
        if (!values.Counts(*of_.calls[c], c, rows[i])) continue;
        row_keys[c][i] = of_.calls[c]->KeyOf(values.arguments[c], rows[i]);
        if (!of_.calls[c]->ordered() && state_.stored()) places.push_back({keys[i], row_keys[c][i]});
      }
      if (of_.calls[c]->ordered()) {
        rows_[c]->Load(keys);
      } else {
        rows_[c]->LoadEntries(places);
      }
    }
    return row_keys;
  }

  // Adds to the rows of the aggregate; one that is distinct gets those that were not there, and loses those that go.
  void Keep(std::size_t c, const std::string& key, const std::string& row_key, std::int64_t weight, Group& group) {
    WeightedRow& item = rows_[c]->Change(key, row_key);
    const bool comes = item.weight == 0;
    if (comes) item.row = arguments_;
    item.weight += weight;
    const bool goes = item.weight == 0;
    if (comes != goes && of_.calls[c]->distinct()) group.accumulators[c]->Add(item.row, comes ? 1 : -1);
    if (goes) rows_[c]->Erase(key, row_key);
  }

  void Start(Group& group, const Values& values, std::uint32_t row) {
    group.made = true;
    sql::RowWriter writer(group.values, of_.types);
    for (const sql::Column& column : values.groups) writer.Add(column->At(row));
    for (const auto& call : of_.calls) group.accumulators.push_back(call->Make());
  }
  // The one group of a query without GROUP BY is there also without rows.
  void StartOnly() {
    const std::array<std::string, 1> key;
    state_.Load(key, places_);
    Start(Touch(places_[0], {}), {}, 0);
  }

  // The group, to be changed; what it shows before the step's first change is noted.
  Group& Touch(const Groups::Place& place, At at) {
    Group& group = place.Change(state_);
    if (!group.touched) {
      group.touched = true;
      group.touch = touched_->size();
      touched_->push_back({place, Shown{}, at});
      Touched& touched = touched_->back();
      if (group.shown != nullptr) {
        touched.before = std::move(*group.shown);
        group.shown.reset();
      } else {
        Render(place.key(), group, touched.before);
      }
    } else {
      At& latest = (*touched_)[group.touch].at;
      latest = std::max(latest, at);
    }
    return group;
  }

  bool Lives(const Group& group) const { return group.weight > 0 || of_.expressions.empty(); }

  // Nothing of a group that is gone, or not there yet.
  void Render(const std::string& key, const Group& group, Shown& shown) {
    shown.row.clear();
    shown.code.clear();
    shown.message.clear();
    if (!group.made || !Lives(group)) return;
    sql::RowWriter writer(shown.row, types_);
    writer.AddRow(group.values, of_.types.size());
    for (std::size_t c = 0; c < of_.calls.size(); ++c) {
      const AggregateResult result = of_.calls[c]->ordered() ? Ordered(c, key) : group.accumulators[c]->Result();
      if (!result.code.empty()) {
        shown = {"", result.code, result.message};
        return;
      }
      writer.Add(result.value);
    }
  }

  AggregateResult Ordered(std::size_t c, const std::string& key) {
    const WeightedRows* rows = rows_[c]->Find(key);
    return rows == nullptr ? AggregateResult{} : OrderedRows(*of_.calls[c], *rows).Result();
  }

  static void Replace(const Touched& touched, const Shown& now, StepContext& step, DeltaBuilder& builder) {
    const Shown& before = touched.before;
    if (before == now) return;
    if (!before.row.empty()) builder.Add(before.row, -1, touched.at);
    if (!now.row.empty()) builder.Add(now.row, 1, touched.at);
    if (!before.code.empty()) step.failed.push_back({touched.at, -1, before.code, before.message});
    if (!now.code.empty()) step.failed.push_back({touched.at, 1, now.code, now.message});
  }

  Grouping of_;
  std::vector<sql::Type> types_;
  Groups state_;
  std::vector<std::unique_ptr<RowState>> rows_;  // by aggregate: group -> rows; null if it keeps none
  StepNotes<std::vector<Touched>> touched_;
  std::vector<Groups::Place> places_;  // of the rows of a piece
  ArgumentRow arguments_;              // of the row at hand
};

}  // namespace

OperatorPtr MakeAggregate(const sql::Plan& plan, const StatePlace& place) {
  return std::make_unique<Aggregate>(plan, place);
}

}  // namespace headgate::operators
