#include "core/operators/join.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "core/base/bytes.h"
#include "core/operators/split.h"
#include "core/operators/state.h"
#include "core/sql/key.h"

namespace headgate::operators {
namespace {

using sql::JoinKind;
using sql::Rows;

// A row of one side: how often it is there, and how many rows of the other side match it.
struct Entry {
  std::int64_t weight = 0;
  std::int64_t matches = 0;
};

struct EntryCodec {
  void Put(std::string& out, const Entry& entry) const {
    PutSigned(out, entry.weight);
    PutSigned(out, entry.matches);
  }
  bool Get(std::string_view in, Entry& entry) const {
    ByteReader reader(in);
    entry.weight = reader.Signed();
    entry.matches = reader.Signed();
    return !reader.failed() && reader.done();
  }
};

// A row's place in a side's index: its join key and its bytes.
using Place = EntryPlace;

class Join : public Operator {
  using Index = OrderedState<Entry, EntryCodec>;

 public:
  Join(const sql::Plan& plan, const StatePlace& place)
      : kind_(plan.join),
        width_(plan.inputs[kLeft]->columns.size()),
        types_({TypesOf(plan.inputs[kLeft]->columns), TypesOf(plan.inputs[kRight]->columns)}),
        left_(place.Part(kLeft)),
        right_(place.Part(kRight)),
        touched_(place) {
    pair_types_ = types_[kLeft];
    pair_types_.insert(pair_types_.end(), types_[kRight].begin(), types_[kRight].end());
    split_ = SplitCondition(plan.condition, width_);
    semi_ = kind_ == JoinKind::kSemi || kind_ == JoinKind::kAnti;
    counted_ = {kind_ == JoinKind::kLeft || kind_ == JoinKind::kFull || semi_,
                kind_ == JoinKind::kRight || kind_ == JoinKind::kFull};
  }

  void Process(std::size_t side, const Delta& delta, StepContext& step, const Emit& emit) override {
    std::vector<std::string> groups(delta.rows());
    std::vector<std::uint8_t> keyless(delta.rows());
    std::vector<std::uint32_t> good;
    if (!MakeKeys(side, delta, step, groups, keyless, good)) return;
    EmitKeyless(side, delta, keyless, good, emit);
    std::erase_if(good, [&](std::uint32_t row) { return keyless[row] != 0; });
    std::vector<Place> places(delta.rows());
    for (const std::uint32_t row : good)
      places[row] = {std::move(groups[row]), sql::EncodeRow(types_[side], delta.batch, row)};
    Load(side, places, good);
    std::vector<std::int64_t> matches(delta.rows());
    const std::vector<std::uint8_t> even = FindEven(side, delta, places, good);
    PairUp(side, places, good, [&](Found found) {
      Pairs pairs = MakePairs(side, delta, std::move(found));
      if (split_.residual) Restrict(pairs, delta, step);
      Apply(side, delta, places, even, pairs, matches, emit);
    });
    for (const std::uint32_t row : good) Keep(side, places[row], delta.weights[row], matches[row], delta.at[row]);
  }

  // The rows without a partner (or, of a semi join, with one): what changed over the step.
  void Finish(StepContext&, const Emit& emit) override {
    for (const std::size_t side : {kLeft, kRight}) {
      DeltaBuilder builder(semi_ ? types_[kLeft] : pair_types_);
      for (const auto& [place, before] : (*touched_)[side]) {
        const Entry* found = index(side).Find(place.group, place.key);
        const Entry now = found == nullptr ? Entry{} : *found;
        const std::int64_t change = Alone(now) - Alone(before.entry);
        if (now.weight == 0) index(side).Erase(place.group, place.key);
        if (change == 0) continue;
        AddAlone(side, place.key, change, before.at, builder);
        if (builder.full()) emit(builder.Take());
      }
      if (builder.rows() > 0) emit(builder.Take());
    }
    *touched_ = {};
  }

 private:
  struct Before {
    Entry entry;
    At at;
  };
  // Rows of a piece beside the rows of the other side that they may match.
  struct Pairs {
    std::vector<std::uint32_t> row;    // of the piece
    std::vector<std::string> other;    // the other side's row, if its matches are counted
    std::vector<std::int64_t> weight;  // of the other row
    bool all_known = true;             // the other side's rows are in memory
    sql::Batch batch;                  // both rows, left first
  };

  // The same before they stand beside each other.
  struct Found {
    explicit Found(const std::vector<sql::Type>& types) : others(types) {}
    std::vector<std::uint32_t> row;
    std::vector<std::string> other;
    std::vector<std::int64_t> weight;
    bool all_known = true;  // the other side's rows are in memory
    sql::RowBuilder others;
  };

  // How often the row shows without a partner: null-extended, or in a semi join because of one.
  std::int64_t Alone(const Entry& entry) const {
    const bool matched = entry.matches > 0;
    return matched == (kind_ == JoinKind::kSemi) ? entry.weight : 0;
  }

  bool MakeKeys(std::size_t side, const Delta& delta, StepContext& step, std::vector<std::string>& groups,
                std::vector<std::uint8_t>& keyless, std::vector<std::uint32_t>& good) {
    std::vector<sql::Column> columns;
    for (const JoinKey& key : split_.keys)
      columns.push_back(sql::Evaluate(*key.side[side], delta.batch, Rows(delta.rows()), step.eval));
    for (const sql::RowError& error : step.eval.errors()) keyless[error.row] = 1;  // also of a key that may be NULL
    if (!TakeErrors(step, delta, good)) {
      for (std::uint32_t row = 0; row < delta.rows(); ++row) good.push_back(row);
    }
    for (std::size_t k = 0; k < columns.size(); ++k) {
      const sql::Type type = split_.keys[k].side[side]->type;
      for (const std::uint32_t row : good) {
        if (columns[k]->IsNull(row) && !split_.keys[k].null_safe) keyless[row] = 1;
        sql::AppendKey(groups[row], type, *columns[k], row);
      }
    }
    return !good.empty();
  }

  // Rows that match nothing, whatever comes: they show alone or not at all, and are not remembered.
  void EmitKeyless(std::size_t side, const Delta& delta, const std::vector<std::uint8_t>& keyless,
                   const std::vector<std::uint32_t>& good, const Emit& emit) {
    if (!counted_[side] || kind_ == JoinKind::kSemi) return;
    DeltaBuilder builder(semi_ ? types_[kLeft] : pair_types_);
    for (const std::uint32_t row : good) {
      if (keyless[row] != 0) AddAlone(side, delta.batch, row, delta.weights[row], delta.at[row], builder);
      if (builder.full()) emit(builder.Take());
    }
    if (builder.rows() > 0) emit(builder.Take());
  }

  // The other side's rows of these keys, as far as there is room, but of this side only the rows that change.
  void Load(std::size_t side, const std::vector<Place>& places, const std::vector<std::uint32_t>& good) {
    if (!left_.stored()) return;
    std::vector<std::string> groups;
    std::vector<Place> mine;
    for (const std::uint32_t row : good) {
      groups.push_back(places[row].group);
      mine.push_back(places[row]);
    }
    index(1 - side).Load(groups);
    index(side).LoadEntries(mine);
  }

  // Rows of keys whose rows, in this piece, come as often as they go: if nothing but the key decides, the other side's
  // rows have as many matches behind it as before. Empty if there are none.
  std::vector<std::uint8_t> FindEven(std::size_t side, const Delta& delta, const std::vector<Place>& places,
                                     const std::vector<std::uint32_t>& good) const {
    std::vector<std::uint8_t> even;
    const bool takes = std::ranges::any_of(delta.weights, [](std::int64_t weight) { return weight < 0; });
    if (!takes || !counted_[1 - side] || split_.residual) return even;
    std::unordered_map<std::string_view, std::int64_t> sums;
    for (const std::uint32_t row : good) sums[places[row].group] += delta.weights[row];
    even.resize(delta.rows());
    for (const std::uint32_t row : good) even[row] = sums[places[row].group] == 0 ? 1 : 0;
    return even;
  }

  // The other side's rows of the same keys, in pieces.
  template <class Take>
  void PairUp(std::size_t side, const std::vector<Place>& places, const std::vector<std::uint32_t>& good,
              const Take& take) {
    const std::size_t other = 1 - side;
    Found found(types_[other]);
    for (const std::uint32_t row : good) {
      typename Index::Walk walk(index(other), places[row].group);
      std::string_view bytes;
      const Entry* entry = nullptr;
      while (walk.Next(bytes, entry)) {
        if (entry->weight == 0) continue;
        if (found.row.size() >= kPieceRows) take(std::exchange(found, Found(types_[other])));
        found.row.push_back(row);
        if (counted_[other]) found.other.emplace_back(bytes);
        found.all_known = found.all_known && walk.in_memory();
        found.weight.push_back(entry->weight);
        found.others.Add(bytes);
      }
    }
    if (!found.row.empty()) take(std::move(found));
  }

  Pairs MakePairs(std::size_t side, const Delta& delta, Found found) {
    Pairs pairs;
    const Delta mine = Gather(delta, found.row);
    const sql::Batch theirs = found.others.Take();
    const sql::Batch& left = side == kLeft ? mine.batch : theirs;
    const sql::Batch& right = side == kLeft ? theirs : mine.batch;
    pairs.batch.rows = found.row.size();
    pairs.batch.columns = left.columns;
    pairs.batch.columns.insert(pairs.batch.columns.end(), right.columns.begin(), right.columns.end());
    pairs.row = std::move(found.row);
    pairs.other = std::move(found.other);
    pairs.weight = std::move(found.weight);
    pairs.all_known = found.all_known;
    return pairs;
  }

  // Pairs that fail the rest of the condition go; one whose condition has an error counts as failed.
  void Restrict(Pairs& pairs, const Delta& delta, StepContext& step) {
    const auto kept = sql::Matching(*split_.residual, pairs.batch, Rows(pairs.batch.rows), step.eval);
    for (const sql::RowError& error : step.eval.errors()) {
      const std::uint32_t row = pairs.row[error.row];
      step.failed.push_back({delta.at[row], delta.weights[row] * pairs.weight[error.row], error.code, error.message});
    }
    step.eval.Reset();
    if (kept.size() == pairs.batch.rows) return;
    Pairs out;
    out.all_known = pairs.all_known;
    out.batch.rows = kept.size();
    for (const sql::Column& column : pairs.batch.columns)
      out.batch.columns.push_back(std::make_shared<sql::Vector>(column->Gather(kept)));
    for (const std::uint32_t i : kept) {
      out.row.push_back(pairs.row[i]);
      if (!pairs.other.empty()) out.other.push_back(std::move(pairs.other[i]));
      out.weight.push_back(pairs.weight[i]);
    }
    pairs = std::move(out);
  }

  // Emits the pairs, counts the matches of both sides' rows.
  void Apply(std::size_t side, const Delta& delta, const std::vector<Place>& places,
             const std::vector<std::uint8_t>& even, Pairs& pairs, std::vector<std::int64_t>& matches,
             const Emit& emit) {
    const bool counted = counted_[1 - side];
    std::vector<Place> others;
    for (std::size_t i = 0; counted && i < pairs.row.size(); ++i) {
      const std::uint32_t row = pairs.row[i];
      if (even.empty() || even[row] == 0) others.push_back({places[row].group, std::move(pairs.other[i])});
    }
    if (!pairs.all_known) index(1 - side).LoadEntries(others);
    auto other = others.begin();
    Delta out;
    out.batch = std::move(pairs.batch);
    for (std::size_t i = 0; i < pairs.row.size(); ++i) {
      const std::uint32_t row = pairs.row[i];
      matches[row] += pairs.weight[i];
      out.weights.push_back(delta.weights[row] * pairs.weight[i]);
      out.at.push_back(delta.at[row]);
      if (counted && (even.empty() || even[row] == 0))
        Touch(1 - side, *other++, delta.at[row]).matches += delta.weights[row];
    }
    if (!semi_ && out.batch.rows > 0) emit(out);
  }

  void Keep(std::size_t side, const Place& place, std::int64_t weight, std::int64_t matches, At at) {
    if (counted_[side]) {
      Entry& entry = Touch(side, place, at);
      entry.weight += weight;
      entry.matches = matches;
      return;
    }
    Entry& entry = index(side).Change(place.group, place.key);
    entry.weight += weight;
    if (entry.weight == 0) index(side).Erase(place.group, place.key);
  }

  // The entry, to be changed; what it was before the step's first change is noted.
  Entry& Touch(std::size_t side, const Place& place, At at) {
    Entry& entry = index(side).Change(place.group, place.key);
    const auto [found, added] = (*touched_)[side].try_emplace(place, Before{entry, at});
    if (!added) found->second.at = std::max(found->second.at, at);
    return entry;
  }

  void AddAlone(std::size_t side, std::string_view bytes, std::int64_t weight, At at, DeltaBuilder& builder) {
    sql::RowBuilder one(types_[side]);
    one.Add(bytes);
    AddAlone(side, one.Take(), 0, weight, at, builder);
  }
  void AddAlone(std::size_t side, const sql::Batch& batch, std::size_t row, std::int64_t weight, At at,
                DeltaBuilder& builder) {
    if (semi_) {
      builder.Add(batch, row, weight, at);
    } else if (side == kLeft) {
      builder.AddPair(&batch, row, nullptr, 0, weight, at);
    } else {
      builder.AddPair(nullptr, 0, &batch, row, weight, at);
    }
  }

  Index& index(std::size_t side) { return side == kLeft ? left_ : right_; }

  JoinKind kind_;
  std::size_t width_;
  std::array<std::vector<sql::Type>, 2> types_;
  std::vector<sql::Type> pair_types_;
  Split split_;
  bool semi_ = false;
  std::array<bool, 2> counted_ = {};  // sides whose rows show alone too
  Index left_;                        // join key -> rows
  Index right_;
  StepNotes<std::array<std::map<Place, Before>, 2>> touched_;
};

}  // namespace

OperatorPtr MakeJoin(const sql::Plan& plan, const StatePlace& place) { return std::make_unique<Join>(plan, place); }

}  // namespace headgate::operators
