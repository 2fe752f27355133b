#include "core/operators/temporal.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <tuple>

#include "core/base/bytes.h"
#include "core/operators/split.h"
#include "core/operators/state.h"
#include "core/operators/timeline.h"
#include "core/sql/key.h"

namespace headgate::operators {
namespace {

// By log place; of one place what goes before what comes.
template <class Row>
void SortByPlace(std::vector<Row>& rows) {
  std::ranges::stable_sort(
      rows, [](const Row& a, const Row& b) { return std::tie(a.at, a.comes) < std::tie(b.at, b.comes); });
}

using sql::ExprPtr;
using sql::Rows;

struct RowCodec {
  std::vector<sql::Type> types;

  void Put(std::string& out, const std::string& row) const { out += row; }
  bool Get(std::string_view in, std::string& row) const {
    row = in;
    return IsRow(types, in);
  }
};

// Of one step, but for those that cannot wait for the next one.
constexpr std::size_t kReleasedRowsMax = 10 * kPieceRows;

// What a left row gave, as it is remembered: nothing, a row, an error, or an error and a row.
constexpr char kRow = 0;
constexpr char kError = 1;
constexpr char kErrorAndRow = 2;
std::string GivenError(const std::string& code, const std::string& message) {
  std::string given(1, kError);
  PutBytes(given, code);
  return given + message;
}
FailedRow ErrorOf(std::string_view given, std::int64_t weight, At at) {
  ByteReader in(given.substr(1));
  const std::string code(in.Bytes());
  return {at, weight, code, std::string(in.Take(in.remaining()))};
}
std::string GivenBoth(const std::string& error, const std::string& row) {
  std::string given(1, kErrorAndRow);
  PutBytes(given, error);
  return given + row;
}

class Temporal : public Operator {
 public:
  Temporal(const sql::Plan& plan, const StatePlace& place)
      : left_outer_(plan.join == sql::JoinKind::kLeft),
        remembers_(!IsAppendOnly(*plan.inputs[0])),
        split_(SplitCondition(plan.condition, plan.inputs[0]->columns.size())),
        left_types_(TypesOf(plan.inputs[0]->columns)),
        right_types_(TypesOf(plan.inputs[1]->columns)),
        types_(TypesOf(plan.columns)),
        table_(place.Part(0), RowCodec{right_types_}),
        given_(place.Part(1)),
        waiting_(place),
        changed_(place),
        grace_us_(plan.grace_us),
        held_(place.Part(2), [this](std::string_view name, std::string_view value) { return IsHeld(name, value); }),
        counted_(place.Part(3)) {}

  void Process(std::size_t input, const Delta& delta, StepContext& step, const Emit&) override {
    if (input == 1) {
      NoteChanges(delta, step);
    } else {
      waiting_->push_back(delta);
    }
  }

  // All changes of the table are known now: rows are looked up as of their place, and come and go in log order.
  void Finish(StepContext& step, const Emit& emit) override {
    const Versions versions = MakeVersions();
    if (grace_us_ > 0) {
      Hold(step);
      Release(versions, step, emit);
    } else {
      Judge(*waiting_, versions, step, emit);
    }
    for (const auto& [key, of_key] : versions) {
      if (of_key.back().row) {
        table_.Change(key) = *of_key.back().row;
      } else {
        table_.Erase(key);
      }
    }
    waiting_->clear();
    changed_->clear();
  }

  std::optional<std::int64_t> Due() override {
    if (gated_ || grace_us_ == 0) return std::nullopt;
    const auto first = held_.First();
    return first ? std::optional(*first + grace_us_) : std::nullopt;
  }

 private:
  struct Change {
    Seq seq = 0;
    std::string row;
    std::int64_t weight = 0;
  };
  struct Version {
    Seq seq = 0;
    std::optional<std::string> row;  // none: deleted
  };
  using Versions = std::map<std::string, std::vector<Version>>;  // by key, in log order
  // A piece of the left side with what its rows found. What deletions find is of no interest.
  struct Probe {
    const Delta* delta = nullptr;
    std::vector<std::uint32_t> rows;                       // those whose key could be computed
    std::vector<std::optional<std::uint32_t>> found;       // by row of the piece: its row in `right`
    std::map<std::uint32_t, const sql::RowError*> failed;  // by row
    std::vector<sql::RowError> errors;
    sql::Batch right;
  };

  // The left rows come out.
  void Judge(const std::vector<Delta>& deltas, const Versions& versions, StepContext& step, const Emit& emit) {
    std::vector<Probe> probes;
    for (const Delta& delta : deltas) probes.push_back(LookUp(delta, versions, step));
    if (remembers_) LoadGiven(deltas);
    EmitAll(probes, step, emit);
  }

  // With grace rows wait in the order of their coming, all of them, by the time at which they came and a number.
  void Hold(StepContext& step) {
    struct Coming {
      At at;
      bool comes = false;
      const Delta* delta = nullptr;
      std::uint32_t row = 0;
    };
    std::vector<Coming> all;
    for (const Delta& delta : *waiting_) {
      for (std::uint32_t row = 0; row < delta.rows(); ++row)
        all.push_back({delta.at[row], delta.weights[row] > 0, &delta, row});
    }
    if (all.empty()) return;
    SortByPlace(all);
    std::int64_t& count = counted_.Change("");
    for (const Coming& row : all) {
      std::string number;
      PutBigEndian(number, static_cast<std::uint64_t>(count++));
      std::string value;
      PutSigned(value, row.delta->weights[row.row]);
      value += sql::EncodeRow(left_types_, row.delta->batch, row.row);
      held_.Put(Timeline::KeyOf(step.times->At(row.at.seq), number), std::move(value));
    }
    step.waiting += static_cast<std::int64_t>(all.size());
  }

  // Those whose time is over look up the table as of the first transaction at which it was, and have their place from
  // then on.
  void Release(const Versions& versions, StepContext& step, const Emit& emit) {
    gated_ = step.gated;
    if (gated_) return;
    const auto came = [&](std::int64_t over) { return over == LogTimes::kNever ? over : over - grace_us_; };
    // Those that have the place of the last transaction may have it in the next step as well, which comes at once.
    for (std::size_t released = 0;;) {
      const std::int64_t over = released < kReleasedRowsMax ? step.times->Now() : step.times->BeforeLast();
      const auto rows = held_.Take(came(over), kPieceRows);
      if (rows.empty()) return;
      DeltaBuilder builder(left_types_);
      for (const Timeline::Entry& row : rows) {
        ByteReader value(row.value);
        const std::int64_t weight = value.Signed();
        const auto number = ByteReader(row.name()).BigEndian<std::uint64_t>();
        builder.Add(value.Take(value.remaining()), weight,
                    {step.times->Reached(row.us() + grace_us_), static_cast<std::uint32_t>(number)});
      }
      released += rows.size();
      step.waiting -= static_cast<std::int64_t>(rows.size());
      Judge({builder.Take()}, versions, step, emit);
    }
  }

  bool IsHeld(std::string_view name, std::string_view value) const {
    ByteReader in(value);
    in.Signed();
    return name.size() == sizeof(std::uint64_t) && !in.failed() && IsRow(left_types_, in.Take(in.remaining()));
  }

  std::vector<std::string> Keys(std::size_t side, const Delta& delta, StepContext& step,
                                std::vector<std::uint8_t>& keyless, std::vector<std::uint32_t>& good) {
    std::vector<std::string> keys(delta.rows());
    for (const JoinKey& key : split_.keys) {
      const sql::Column column = sql::Evaluate(*key.side[side], delta.batch, Rows(delta.rows()), step.eval);
      for (std::uint32_t row = 0; row < delta.rows(); ++row) {
        if (column->IsNull(row) && !key.null_safe) keyless[row] = 1;
        AppendKey(keys[row], key.side[side]->type, *column, row);
      }
    }
    for (const sql::RowError& error : step.eval.errors()) keyless[error.row] = 1;  // also of a key that may be NULL
    if (!TakeErrors(step, delta, good)) {
      good.resize(delta.rows());
      std::iota(good.begin(), good.end(), 0U);
    }
    return keys;
  }

  void NoteChanges(const Delta& delta, StepContext& step) {
    std::vector<std::uint8_t> keyless(delta.rows());
    std::vector<std::uint32_t> good;
    const auto keys = Keys(1, delta, step, keyless, good);
    for (const std::uint32_t row : good) {
      if (keyless[row] != 0) continue;  // nothing finds it
      (*changed_)[keys[row]].push_back(
          {delta.at[row].seq, sql::EncodeRow(right_types_, delta.batch, row), delta.weights[row]});
    }
  }

  Versions MakeVersions() {
    std::vector<std::string> keys;
    for (const auto& [key, changes] : *changed_) keys.push_back(key);
    table_.Load(keys);
    Versions versions;
    for (auto& [key, changes] : *changed_) {
      std::ranges::stable_sort(changes, {}, &Change::seq);
      const std::string* before = table_.Find(key);
      std::optional<std::string> current = before == nullptr ? std::nullopt : std::optional(*before);
      for (auto from = changes.begin(); from != changes.end();) {
        const auto to = std::find_if(from, changes.end(), [&](const Change& c) { return c.seq != from->seq; });
        Apply(std::span(from, to), current);
        versions[key].push_back({from->seq, current});
        from = to;
      }
    }
    return versions;
  }

  // One transaction's changes of one key, whatever their order in it.
  static void Apply(std::span<const Change> changes, std::optional<std::string>& current) {
    std::map<std::string_view, std::int64_t> net;
    for (const Change& change : changes) net[change.row] += change.weight;
    if (current && net.contains(*current) && net[*current] < 0) current.reset();
    for (const auto& [row, weight] : net) {
      if (weight > 0) current = row;
    }
  }

  const std::string* Find(const std::string& key, Seq seq, const Versions& versions) {
    const auto found = versions.find(key);
    if (found != versions.end()) {
      const auto& of_key = found->second;
      for (auto version = of_key.rbegin(); version != of_key.rend(); ++version) {
        if (version->seq <= seq) return version->row ? &*version->row : nullptr;
      }
    }
    return table_.Find(key);
  }

  Probe LookUp(const Delta& delta, const Versions& versions, StepContext& step) {
    Probe probe;
    probe.delta = &delta;
    probe.found.resize(delta.rows());
    std::vector<std::uint8_t> keyless(delta.rows());
    const auto keys = Keys(0, delta, step, keyless, probe.rows);
    table_.Load(keys);
    sql::RowBuilder images(right_types_);
    std::vector<std::uint32_t> hits;
    for (const std::uint32_t row : probe.rows) {
      if (keyless[row] != 0 || (remembers_ && delta.weights[row] < 0)) continue;
      const std::string* image = Find(keys[row], delta.at[row].seq, versions);
      if (image == nullptr) continue;
      hits.push_back(row);
      images.Add(*image);
    }
    probe.right = images.Take();
    Restrict(probe, hits, step);
    return probe;
  }

  // Keeps the hits that pass the rest of the condition.
  void Restrict(Probe& probe, const std::vector<std::uint32_t>& hits, StepContext& step) const {
    std::vector<std::uint32_t> kept(hits.size());
    std::iota(kept.begin(), kept.end(), 0U);
    if (split_.residual && !hits.empty()) {
      sql::Batch both = Gather(*probe.delta, hits).batch;
      both.columns.insert(both.columns.end(), probe.right.columns.begin(), probe.right.columns.end());
      kept = sql::Matching(*split_.residual, both, Rows(both.rows), step.eval);
      probe.errors = step.eval.errors();
      for (const sql::RowError& error : probe.errors) probe.failed.emplace(hits[error.row], &error);
      step.eval.Reset();
    }
    for (const std::uint32_t i : kept) probe.found[hits[i]] = i;
  }

  void LoadGiven(const std::vector<Delta>& deltas) {
    std::vector<std::string> rows;
    for (const Delta& delta : deltas) {
      for (std::uint32_t row = 0; row < delta.rows(); ++row)
        rows.push_back(sql::EncodeRow(left_types_, delta.batch, row));
    }
    given_.Load(rows);
  }

  // In log order; of one place what goes before what comes.
  void EmitAll(const std::vector<Probe>& probes, StepContext& step, const Emit& emit) {
    struct Event {
      At at;
      bool comes = false;
      const Probe* probe = nullptr;
      std::uint32_t row = 0;
    };
    std::vector<Event> events;
    for (const Probe& probe : probes) {
      for (const std::uint32_t row : probe.rows)
        events.push_back({probe.delta->at[row], probe.delta->weights[row] > 0, &probe, row});
    }
    SortByPlace(events);
    DeltaBuilder out(types_);
    std::map<std::string, std::int64_t> owed;
    for (const Event& event : events) {
      const std::int64_t weight = event.probe->delta->weights[event.row];
      if (!remembers_) {
        Give(*event.probe, event.row, weight, step, out);
      } else {
        Remembered(*event.probe, event.row, weight, owed, step, out);
      }
      if (out.full()) emit(out.Take());
    }
    if (out.rows() > 0) emit(out.Take());
  }

  // Emits what the row gives and says what that is.
  std::string Give(const Probe& probe, std::uint32_t row, std::int64_t weight, StepContext& step, DeltaBuilder& out) {
    const At at = probe.delta->at[row];
    std::string error;
    if (const auto failed = probe.failed.find(row); failed != probe.failed.end()) {
      step.failed.push_back({at, weight, failed->second->code, failed->second->message});
      error = GivenError(failed->second->code, failed->second->message);
      if (!step.null_on_error) return error;
    }
    const auto found = probe.found[row];
    if (!found && !left_outer_) return error;
    const sql::Batch* right = found ? &probe.right : nullptr;
    out.AddPair(&probe.delta->batch, row, right, found.value_or(0), weight, at);
    if (!remembers_) return "";
    sql::RowBuilder one(types_);
    one.AddPair(&probe.delta->batch, row, right, found.value_or(0));
    const std::string given = sql::EncodeRow(types_, one.Take(), 0);
    return error.empty() ? std::string(1, kRow) + given : GivenBoth(error, given);
  }

  // A left row that may be taken back: what it gave is remembered, and taken back with it. A row may go before it came
  // (its place is not known from all operators): `owed`, until it comes.
  void Remembered(const Probe& probe, std::uint32_t row, std::int64_t weight, std::map<std::string, std::int64_t>& owed,
                  StepContext& step, DeltaBuilder& out) {
    const std::string key = sql::EncodeRow(left_types_, probe.delta->batch, row);
    if (weight < 0) {
      const std::int64_t left = TakeBack(key, -weight, probe.delta->at[row], step, out);
      if (left > 0) owed[key] += left;
      return;
    }
    if (const auto found = owed.find(key); found != owed.end()) {
      const std::int64_t settled = std::min(weight, found->second);
      found->second -= settled;
      weight -= settled;
    }
    if (weight > 0) given_.Change(key, Give(probe, row, weight, step, out)) += weight;
  }

  // Gives what could not be taken back.
  std::int64_t TakeBack(const std::string& key, std::int64_t weight, At at, StepContext& step, DeltaBuilder& out) {
    while (weight > 0) {
      const auto* given = given_.Find(key);
      if (given == nullptr) break;
      const std::string last = given->rbegin()->first;
      std::int64_t& there = given_.Change(key, last);
      const std::int64_t count = std::clamp<std::int64_t>(there, 1, weight);
      if (last.starts_with(kRow)) out.Add(std::string_view(last).substr(1), -count, at);
      if (last.starts_with(kError)) step.failed.push_back(ErrorOf(last, -count, at));
      if (last.starts_with(kErrorAndRow)) {
        ByteReader in(std::string_view(last).substr(1));
        step.failed.push_back(ErrorOf(in.Bytes(), -count, at));
        out.Add(in.Take(in.remaining()), -count, at);
      }
      weight -= count;
      there -= count;
      if (there <= 0) given_.Erase(key, last);
    }
    return weight;
  }

  bool left_outer_;
  bool remembers_;
  Split split_;
  std::vector<sql::Type> left_types_;
  std::vector<sql::Type> right_types_;
  std::vector<sql::Type> types_;
  KeyedState<std::string, RowCodec> table_;  // join key -> row, as of the step before
  OrderedState<std::int64_t> given_;         // left row -> what it gave
  StepNotes<std::vector<Delta>> waiting_;
  StepNotes<std::map<std::string, std::vector<Change>>> changed_;
  std::int64_t grace_us_;
  bool gated_ = false;                // the last step let nothing out
  Timeline held_;                     // when it came, and its number -> weight and left row
  KeyedState<std::int64_t> counted_;  // one entry: rows that were ever held
};

// A value of one type, which may be NULL.
struct ValueCodec {
  std::vector<sql::Type> type;

  void Put(std::string& out, const sql::Datum& value) const { sql::AppendRow(out, type, {&value, 1}); }
  bool Get(std::string_view in, sql::Datum& value) const {
    std::vector<sql::Datum> values;
    if (!sql::ReadRow(in, type, values)) return false;
    value = std::move(values[0]);
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
