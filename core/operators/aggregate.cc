#include "core/operators/aggregate.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/prefetch.h"
#include "core/operators/accumulator.h"
#include "core/operators/accumulator_bytes.h"
#include "core/operators/distinct_values.h"
#include "core/operators/grouping.h"
#include "core/operators/ordered_rows.h"
#include "core/operators/state.h"
#include "core/sql/key.h"
#include "core/sql/row_codec.h"

namespace headgate::operators {
namespace {

// Why a group has no output row, or NULL in it; nothing if neither, or if it is not there.
struct Failure {
  std::string code;
  std::string message;
  bool operator==(const Failure&) const = default;
};
// What a group shows: its output row, why it has none or NULL in it; of a group that is not there nothing.
struct Shown {
  std::string row;
  Failure failure;
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

// Puts the group's row behind `out`, and says what failed: it has none then, or NULL in it. `ordered` gives the result
// of an ordered aggregate.
template <class Ordered>
void PutRow(const Grouping& of, const std::vector<sql::Type>& types, const Group& group, std::string& out,
            Failure& failure, const Ordered& ordered) {
  const std::size_t start = out.size();
  sql::RowWriter writer(out, types);
  writer.AddRow(group.values, of.types().size());
  for (std::size_t c = 0; c < of.calls().size(); ++c) {
    const bool is_ordered = of.calls()[c]->ordered();
    if (!is_ordered && group.accumulators[c]->Show(writer)) continue;
    AggregateResult result = is_ordered ? ordered(c) : group.accumulators[c]->Result();
    if (!result.code.empty()) {
      if (failure.code.empty()) failure = {std::move(result.code), std::move(result.message)};
      if (!of.null_on_error()) return out.resize(start);
      result.value = sql::Datum::Null();
    }
    writer.Add(result.value);
  }
}

// The row, if it is stored here; a byte that says the form, the weight, the values of the group, each accumulator.
struct GroupCodec {
  static constexpr std::uint8_t kForm = 1;
  const Grouping* of;
  std::vector<sql::Type> shown;  // of the row; else empty

  void Put(std::string& out, const Group& group) const {
    if (!shown.empty()) {
      std::string row;
      Failure failure;
      PutRow(*of, shown, group, row, failure, [](std::size_t) { return AggregateResult{}; });
      PutBytes(out, row);
    }
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
    if (!shown.empty()) in.Bytes();
    if (in.Byte() != kForm) return false;
    group.made = true;
    group.weight = in.Signed();
    group.values = in.Bytes();
    if (!IsRow(of->types(), group.values)) return false;
    for (const auto& call : of->calls()) {
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

// Stored: under part 0, or with the rows of the view, the groups; under part 1, the number of an ordered aggregate and
// a group the rows that it keeps; under part 2 and a number the values of those with DISTINCT.
class Aggregate : public Operator {
 public:
  Aggregate(const sql::Plan& plan, const StatePlace& place, const StatePlace& rows)
      : of_(plan),
        types_(TypesOf(plan.columns)),
        state_(rows.space != nullptr ? rows : place.Part(0),
               GroupCodec{&of_, rows.space != nullptr ? types_ : std::vector<sql::Type>()}),
        notes_(place) {
    const auto part = [&](std::uint8_t kind, std::size_t number) {
      StatePlace of_number = place.Part(kind);
      PutBigEndian(of_number.prefix, static_cast<std::uint16_t>(number));
      return of_number;
    };
    for (std::size_t c = 0; c < of_.calls().size(); ++c) {
      const Aggregation& call = *of_.calls()[c];
      rows_.push_back(call.ordered() ? std::make_unique<RowState>(part(1, c), WeightedRowCodec{call.types()})
                                     : nullptr);
      if (!call.ordered() && !call.distinct()) sums_.push_back(c);
    }
    for (std::vector<std::size_t>& shared : DistinctValues::Shared(of_)) {
      const StatePlace values = part(2, distinct_.size());
      distinct_.push_back(std::make_unique<DistinctValues>(of_, std::move(shared), values));
    }
  }

  void Process(std::size_t, const Delta& delta, StepContext& step, const Emit&) override {
    const GroupingValues values = of_.Compute(delta.batch, step.eval);
    std::vector<std::uint32_t> rows;
    if (!TakeErrors(step, delta, rows)) {
      for (std::uint32_t row = 0; row < delta.rows(); ++row) rows.push_back(row);
    }
    std::vector<std::string> keys(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (std::size_t g = 0; g < values.groups.size(); ++g)
        AppendKey(keys[i], of_.types()[g], *values.groups[g], rows[i]);
    }
    Load(values, rows, keys);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      Group& group = Touch(places_[i], delta.at[rows[i]]);
      if (!group.made) Start(group, values, rows[i]);
      const std::int64_t weight = delta.weights[rows[i]];
      group.weight += weight;
      for (const std::size_t c : sums_) {
        if (values.Passes(c, rows[i])) group.accumulators[c]->AddRow(values.arguments[c], rows[i], weight);
      }
      for (const auto& distinct : distinct_) distinct->Add(i, weight, group.accumulators);
      if (of_.ordered()) Keep(values, rows[i], keys[i], weight);
    }
  }

  void Finish(StepContext& step, const Emit& emit) override {
    if (of_.expressions().empty() && state_.Find("") == nullptr) StartOnly();
    DeltaBuilder builder(types_);
    std::string now;
    Failure failure;
    const std::vector<Touched>& touched = notes_->touched;
    for (std::size_t i = 0; i < touched.size(); ++i) {
      if (i % kAhead == 0) FetchFrom(i);
      Group& group = *touched[i].place.Find();
      group.touched = false;
      now.clear();
      Render(touched[i].place.key(), group, now, failure);
      Replace(touched[i], now, failure, step, builder);
      if (of_.ordered()) group.shown = std::make_unique<Shown>(Shown{now, failure});
      if (builder.full()) emit(builder.Take());
      if (!Lives(group)) touched[i].place.Erase(state_);
    }
    *notes_ = {};
    for (const auto& distinct : distinct_) distinct->Finish();
    if (builder.rows() > 0) emit(builder.Take());
  }

 private:
  using Groups = KeyedState<Group, GroupCodec>;
  // A group that the step touches, with what it showed before: bytes of Notes::before, or a failure.
  struct Touched {
    Groups::Place place;
    std::size_t from = 0;
    std::size_t to = 0;
    std::size_t failure = kNone;
    At at;
  };
  struct Notes {
    std::vector<Touched> touched;
    std::string before;
    std::vector<Failure> failures;
  };
  static constexpr std::size_t kNone = ~std::size_t{0};
  static constexpr std::size_t kAhead = 64;             // groups whose memory is asked for at once
  static constexpr std::size_t kAccumulatorBytes = 80;  // of a usual one

  // Has in memory what the rows will touch.
  void Load(const GroupingValues& values, const std::vector<std::uint32_t>& rows,
            const std::vector<std::string>& keys) {
    state_.Load(keys, places_);
    FetchParts(places_);
    for (const auto& distinct : distinct_) distinct->Load(values, rows, keys);
    for (const auto& ordered : rows_) {
      if (ordered != nullptr) ordered->Load(keys);
    }
  }

  // Adds to the rows of the ordered aggregates, or takes from them.
  void Keep(const GroupingValues& values, std::uint32_t row, const std::string& key, std::int64_t weight) {
    for (std::size_t c = 0; c < rows_.size(); ++c) {
      const std::vector<sql::Column>& columns = values.arguments[c];
      const Aggregation& call = *of_.calls()[c];
      if (rows_[c] == nullptr || !values.Passes(c, row) || Skips(call.call(), columns, row)) continue;
      row_key_.clear();
      call.AppendKeyOf(row_key_, columns, row);
      WeightedRow& item = rows_[c]->Change(key, row_key_);
      if (item.weight == 0) ReadArguments(columns, row, item.row);
      item.weight += weight;
      if (item.weight == 0) rows_[c]->Erase(key, row_key_);
    }
  }

  void Start(Group& group, const GroupingValues& values, std::uint32_t row) {
    group.made = true;
    sql::RowWriter writer(group.values, of_.types());
    for (const sql::Column& column : values.groups) writer.Add(column->At(row));
    for (const auto& call : of_.calls()) group.accumulators.push_back(call->Make());
  }
  // The one group of a query without GROUP BY is there also without rows.
  void StartOnly() {
    const std::array<std::string, 1> key;
    state_.Load(key, places_);
    Start(Touch(places_[0], {}), {}, 0);
  }

  // Groups lie anywhere in memory, each with its accumulators elsewhere: that of many is asked for at once.
  static void FetchParts(std::span<const Groups::Place> places) {
    for (const Groups::Place& place : places) {
      if (const Group* const group = place.Find(); group != nullptr) Prefetch(group->accumulators.data());
    }
    for (const Groups::Place& place : places) {
      const Group* const group = place.Find();
      if (group == nullptr) continue;
      for (const auto& accumulator : group->accumulators) Prefetch(accumulator.get(), kAccumulatorBytes);
    }
  }
  void FetchFrom(std::size_t first) {
    const std::size_t end = std::min(first + kAhead, notes_->touched.size());
    places_.clear();
    for (std::size_t i = first; i < end; ++i) {
      places_.push_back(notes_->touched[i].place);
      places_.back().Fetch();
    }
    FetchParts(places_);
  }

  // The group, to be changed; what it shows before the step's first change is noted.
  Group& Touch(const Groups::Place& place, At at) {
    Group& group = place.Change(state_);
    if (group.touched) {
      At& latest = notes_->touched[group.touch].at;
      latest = std::max(latest, at);
      return group;
    }
    group.touched = true;
    group.touch = notes_->touched.size();
    std::string& before = notes_->before;
    Touched touched{place, before.size(), 0, kNone, at};
    Failure failure;
    if (group.shown != nullptr) {
      before += group.shown->row;
      failure = std::move(group.shown->failure);
      group.shown.reset();
    } else {
      Render(place.key(), group, before, failure);
    }
    touched.to = before.size();
    if (!failure.code.empty()) {
      touched.failure = notes_->failures.size();
      notes_->failures.push_back(std::move(failure));
    }
    notes_->touched.push_back(touched);
    return group;
  }

  bool Lives(const Group& group) const { return group.weight > 0 || of_.expressions().empty(); }

  // Puts the group's row behind `out`, and says what failed. Nothing of a group that is gone, or not there yet.
  void Render(const std::string& key, const Group& group, std::string& out, Failure& failure) {
    failure.code.clear();
    if (!group.made || !Lives(group)) return;
    PutRow(of_, types_, group, out, failure, [&](std::size_t c) { return Ordered(c, key); });
  }

  AggregateResult Ordered(std::size_t c, const std::string& key) {
    const WeightedRows* rows = rows_[c]->Find(key);
    return rows == nullptr ? AggregateResult{} : OrderedRows(*of_.calls()[c], *rows).Result();
  }

  void Replace(const Touched& touched, std::string_view now, const Failure& failure, StepContext& step,
               DeltaBuilder& builder) {
    const std::string_view before = std::string_view(notes_->before).substr(touched.from, touched.to - touched.from);
    if (before != now) {
      if (!before.empty()) builder.Add(before, -1, touched.at);
      if (!now.empty()) builder.Add(now, 1, touched.at);
    }
    const Failure none;
    const Failure& failed = touched.failure == kNone ? none : notes_->failures[touched.failure];
    if (failed.code == failure.code && failed.message == failure.message) return;
    if (!failed.code.empty()) step.failed.push_back({touched.at, -1, failed.code, failed.message});
    if (!failure.code.empty()) step.failed.push_back({touched.at, 1, failure.code, failure.message});
  }

  Grouping of_;
  std::vector<sql::Type> types_;
  Groups state_;
  std::vector<std::size_t> sums_;                // the aggregates that see every row as it comes
  std::vector<std::unique_ptr<RowState>> rows_;  // by aggregate: group -> rows; null if it is not ordered
  std::vector<std::unique_ptr<DistinctValues>> distinct_;
  StepNotes<Notes> notes_;
  std::vector<Groups::Place> places_;  // of the rows of a piece
  std::string row_key_;                // of the row at hand
};

}  // namespace

OperatorPtr MakeAggregate(const sql::Plan& plan, const StatePlace& place, const StatePlace& rows) {
  return std::make_unique<Aggregate>(plan, place, rows);
}

LastGrouping LastGroupingOf(const sql::Plan& plan) {
  LastGrouping last;
  for (std::size_t c = 0; c < plan.columns.size(); ++c) last.columns.emplace_back(c);
  const sql::Plan* node = &plan;
  for (; node->kind == sql::PlanKind::kProject || node->kind == sql::PlanKind::kFilter; node = node->inputs[0].get()) {
    last.filtered = last.filtered || node->kind == sql::PlanKind::kFilter;
    if (node->kind == sql::PlanKind::kFilter) continue;
    for (std::optional<std::size_t>& column : last.columns) {
      if (!column) continue;
      const sql::Expr& expr = *node->expressions[*column];
      column = expr.kind == sql::ExprKind::kColumn ? std::optional(expr.column) : std::nullopt;
    }
  }
  if (node->kind == sql::PlanKind::kAggregate) last.aggregate = node;
  return last;
}

bool LastGrouping::IsKey(const std::vector<std::size_t>& key) const {
  if (aggregate == nullptr) return false;
  for (std::size_t group = 0; group < aggregate->expressions.size(); ++group) {
    if (std::ranges::none_of(key, [&](std::size_t column) { return columns[column] == group; })) return false;
  }
  return true;
}

bool LastGrouping::IsResult(const std::vector<std::size_t>& key) const {
  if (aggregate == nullptr || filtered || columns.size() != aggregate->columns.size()) return false;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (columns[c] != c) return false;
  }
  if (key.empty() || key.size() != aggregate->expressions.size()) return false;
  for (std::size_t group = 0; group < key.size(); ++group) {
    if (key[group] != group) return false;
  }
  return !Grouping(*aggregate).ordered();
}

}  // namespace headgate::operators
