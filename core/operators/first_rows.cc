#include "core/operators/first_rows.h"

#include <algorithm>
#include <compare>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/bytes.h"
#include "core/operators/state.h"
#include "core/sql/key.h"
#include "core/sql/row_codec.h"

namespace headgate::operators {
namespace {

// A row that is kept: how often it is there, its key in the order asked for, its bytes. Stored as a varint and two
// times bytes with their length.
struct Kept {
  std::int64_t weight = 0;
  std::string_view order;
  std::string_view row;
  std::size_t from = 0;  // where it lies among the bytes of its partition
  std::size_t to = 0;
};

void AppendKept(std::string& out, std::int64_t weight, std::string_view order, std::string_view row) {
  PutVarint(out, static_cast<std::uint64_t>(weight));
  PutBytes(out, order);
  PutBytes(out, row);
}

// False if the bytes are not rows.
bool ReadKept(std::string_view bytes, std::vector<Kept>& rows) {
  rows.clear();
  ByteReader in(bytes);
  while (!in.done() && !in.failed()) {
    Kept row;
    row.from = bytes.size() - in.remaining();
    row.weight = static_cast<std::int64_t>(in.Varint());
    row.order = in.Bytes();
    row.row = in.Bytes();
    row.to = bytes.size() - in.remaining();
    rows.push_back(row);
  }
  return !in.failed();
}

// The rows kept of a partition, in order.
struct Partition {
  std::string rows;
  bool touched = false;   // in this step
  std::size_t touch = 0;  // its place among those touched
};

struct PartitionCodec {
  std::vector<sql::Type> types;
  std::size_t rows_max = 0;

  void Put(std::string& out, const Partition& partition) const { out += partition.rows; }
  bool Get(std::string_view in, Partition& partition) const {
    std::vector<Kept> rows;
    if (!ReadKept(in, rows) || rows.empty() || rows.size() > rows_max) return false;
    partition.rows = in;
    return std::ranges::all_of(rows, [&](const Kept& kept) { return kept.weight > 0 && sql::IsRow(kept.row, types); });
  }
};

class KeepFirst : public Operator {
 public:
  KeepFirst(FirstRows of, const StatePlace& place)
      : of_(std::move(of)), state_(place.Part(0), PartitionCodec{of_.types, of_.end}), touched_(place) {}

  void Process(std::size_t, const Delta& delta, StepContext&, const Emit&) override {
    if (of_.end == 0) return;
    std::vector<std::string> keys(delta.rows());
    for (std::uint32_t row = 0; row < delta.rows(); ++row) {
      for (const std::size_t c : of_.partition) AppendKey(keys[row], of_.types[c], *delta.batch.columns[c], row);
    }
    state_.Load(keys, places_);
    for (std::uint32_t row = 0; row < delta.rows(); ++row) {
      const Partition* const known = places_[row].Find();
      if (!Insert(known == nullptr ? std::string_view() : known->rows, delta, row)) continue;
      Partition& partition = places_[row].Change(state_);
      if (!std::exchange(partition.touched, true)) {
        partition.touch = touched_->size();
        touched_->push_back({places_[row], partition.rows, delta.at[row]});
      }
      At& at = (*touched_)[partition.touch].at;
      at = std::max(at, delta.at[row]);
      partition.rows.assign(with_);
    }
  }

  void Finish(StepContext&, const Emit& emit) override {
    DeltaBuilder builder(of_.output_types);
    const Emitted out{builder, emit};
    for (const Touched& touched : *touched_) {
      Partition& partition = *touched.place.Find();
      partition.touched = false;
      ReadKept(touched.before, before_);
      ReadKept(partition.rows, after_);
      of_.numbered ? EmitNumbered(out, touched.at) : EmitCounts(out, touched.at);
    }
    touched_->clear();
    if (builder.rows() > 0) emit(builder.Take());
  }

 private:
  using State = KeyedState<Partition, PartitionCodec>;
  struct Touched {
    State::Place place;
    std::string before;  // its rows
    At at;
  };
  struct Emitted {
    DeltaBuilder& builder;
    const Emit& emit;

    void Add(std::string_view row, std::int64_t weight, At at) const {
      builder.Add(row, weight, at);
      if (builder.full()) emit(builder.Take());
    }
  };
  using Counts = std::vector<std::pair<std::string_view, std::int64_t>>;  // rows

  // Makes `with_` of a partition's rows and this one; false if it is behind them.
  bool Insert(std::string_view rows, const Delta& delta, std::uint32_t row) {
    ReadKept(rows, before_);
    order_.clear();
    for (const sql::SortKey& sort : of_.order)
      AppendKey(order_, of_.types[sort.column], *delta.batch.columns[sort.column], row, sort.order);
    if (before_.size() == of_.end && before_.back().order < order_) return false;
    row_.clear();
    AppendRow(row_, of_.types, delta.batch, row);
    std::size_t place = before_.size();
    auto compared = std::strong_ordering::greater;
    while (place > 0 && (compared = Compare(before_[place - 1])) < 0) --place;
    const bool again = place > 0 && compared == 0;
    if (!again && place == of_.end) return false;
    const std::size_t end = before_.size() == of_.end && !again ? before_.back().from : rows.size();
    const std::size_t at = again ? before_[place - 1].from : place < before_.size() ? before_[place].from : end;
    with_.assign(rows.substr(0, at));
    AppendKept(with_, delta.weights[row] + (again ? before_[place - 1].weight : 0), order_, row_);
    const std::size_t rest = again ? before_[place - 1].to : at;
    with_.append(rows.substr(rest, end - rest));
    return true;
  }

  // The row at hand with another.
  std::strong_ordering Compare(const Kept& other) {
    if (const auto by_order = std::string_view(order_) <=> other.order; by_order != 0) return by_order;
    if (row_ == other.row) return std::strong_ordering::equal;
    const auto by_columns = ColumnsOf(row_) <=> ColumnsOf(other.row);
    return by_columns != 0 ? by_columns : std::string_view(row_) <=> other.row;
  }
  // What orders rows that the order asked for leaves equal.
  std::string ColumnsOf(std::string_view row) const {
    std::vector<sql::Datum> values;
    std::string key;
    if (!sql::ReadRow(row, of_.types, values)) return key;
    for (std::size_t c = 0; c < values.size(); ++c) AppendKey(key, of_.types[c], values[c]);
    return key;
  }

  void EmitNumbered(const Emitted& out, At at) {
    const auto numbered = [&](const std::vector<Kept>& rows, std::vector<std::string_view>& places) {
      places.clear();
      for (const Kept& kept : rows) {
        const std::size_t left = of_.end - places.size();
        places.insert(places.end(), std::min(left, static_cast<std::size_t>(kept.weight)), kept.row);
      }
    };
    numbered(before_, places_before_);
    numbered(after_, places_after_);
    for (std::size_t i = 0; i < places_after_.size(); ++i) {  // rows only come: there are not fewer than before
      const bool was_there = i < places_before_.size();
      if (was_there && places_before_[i] == places_after_[i]) continue;
      if (was_there) out.Add(Numbered(places_before_[i], i), -1, at);
      out.Add(Numbered(places_after_[i], i), 1, at);
    }
  }
  const std::string& Numbered(std::string_view row, std::size_t place) {
    row_.clear();
    sql::RowWriter writer(row_, of_.output_types);
    writer.AddRow(row, of_.types.size());
    writer.Add(sql::Datum::Of(static_cast<std::int64_t>(place + 1)));
    return row_;
  }

  void EmitCounts(const Emitted& out, At at) {
    counts_.clear();
    AddCounts(before_, -1);
    AddCounts(after_, 1);
    std::ranges::sort(counts_);
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      std::int64_t count = counts_[i].second;
      while (i + 1 < counts_.size() && counts_[i + 1].first == counts_[i].first) count += counts_[++i].second;
      if (count != 0) out.Add(counts_[i].first, count, at);
    }
  }
  void AddCounts(const std::vector<Kept>& rows, std::int64_t sign) {
    std::int64_t place = 0;
    for (const Kept& kept : rows) {
      const std::int64_t from = std::max(place, static_cast<std::int64_t>(of_.first));
      place += kept.weight;
      const std::int64_t count = std::min(place, static_cast<std::int64_t>(of_.end)) - from;
      if (count > 0) counts_.emplace_back(kept.row, sign * count);
    }
  }

  FirstRows of_;
  State state_;
  StepNotes<std::vector<Touched>> touched_;

  // Of the rows of a piece, or the partition, at hand.
  std::vector<State::Place> places_;
  std::string order_;
  std::string row_;
  std::string with_;
  std::vector<Kept> before_;
  std::vector<Kept> after_;
  std::vector<std::string_view> places_before_;
  std::vector<std::string_view> places_after_;
  Counts counts_;
};

}  // namespace

OperatorPtr MakeFirstRows(FirstRows of, const StatePlace& place) {
  return std::make_unique<KeepFirst>(std::move(of), place);
}

}  // namespace headgate::operators
