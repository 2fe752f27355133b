#include "core/views/settle.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "core/sql/key.h"
#include "core/sql/row_codec.h"

namespace headgate::views {
namespace {

// Adds the rows of an output up: by key, and in a view without a key by the row.
class Net {
 public:
  Net(const sql::Relation& view, std::size_t rows, OutputOrder order)
      : types_(TypesOf(view)),
        key_columns_(KeyColumnsOf(view)),
        keyed_(!view.key.empty()),
        together_(keyed_ && order == OutputOrder::kTogether) {
    items_.reserve(rows);
    if (!together_) slots_.resize(std::bit_ceil(2 * rows + 1), kNone);
  }

  void Add(const operators::Delta& delta) {
    for (std::size_t row = 0; row < delta.rows(); ++row) {
      Item item;
      item.key = bytes_.size();
      for (const std::size_t c : key_columns_) AppendKey(bytes_, types_[c], *delta.batch.columns[c], row);
      item.row = bytes_.size();
      AppendRow(bytes_, types_, delta.batch, row);
      item.end = bytes_.size();
      item.weight = delta.weights[row];
      item.at = delta.at[row];
      if (std::uint32_t& head = HeadOf(item); head == kNone) {
        head = static_cast<std::uint32_t>(items_.size());
        heads_.push_back(head);
        items_.push_back(item);
      } else {
        AddTo(head, item);
      }
    }
  }

  ViewChange Take() {
    ViewChange change;
    change.changes.reserve(heads_.size());
    const auto bytes = std::make_shared<const std::string>(std::move(bytes_));
    const auto of = [&](std::size_t from, std::size_t to) { return std::string_view(*bytes).substr(from, to - from); };
    for (const std::uint32_t head : heads_) {
      bool there = false;
      for (std::uint32_t i = head; i != kNone; i = items_[i].next) {
        const Item& item = items_[i];
        if (item.weight == 0) continue;
        RowChange& row = std::exchange(there, true) ? change.changes.back() : change.changes.emplace_back();
        (item.weight > 0 ? row.after : row.before) = of(item.row, item.end);
        row.times = std::abs(item.weight);
        row.at = std::max(row.at, item.at);
        row.key = of(item.key, item.row);
      }
    }
    change.owners.push_back(bytes);
    return change;
  }

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  struct Item {
    std::size_t key = 0;  // where its bytes begin
    std::size_t row = 0;
    std::size_t end = 0;
    std::int64_t weight = 0;
    At at;
    std::uint32_t next = kNone;  // another row of the key
  };

  std::string_view Bytes(std::size_t from, std::size_t to) const {
    return std::string_view(bytes_).substr(from, to - from);
  }
  std::string_view Row(const Item& item) const { return Bytes(item.row, item.end); }
  std::string_view Identity(const Item& item) const { return keyed_ ? Bytes(item.key, item.row) : Row(item); }

  // Where the number of the first item of its identity stands, or is to stand.
  std::uint32_t& HeadOf(const Item& item) {
    const std::string_view identity = Identity(item);
    if (together_) {
      if (last_ != kNone && Identity(items_[last_]) != identity) last_ = kNone;
      return last_;
    }
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = XXH3_64bits(identity.data(), identity.size()) & mask;
    while (slots_[slot] != kNone && Identity(items_[slots_[slot]]) != identity) slot = (slot + 1) & mask;
    return slots_[slot];
  }

  void AddTo(std::uint32_t head, const Item& item) {
    for (std::uint32_t i = head;; i = items_[i].next) {
      Item& known = items_[i];
      if (Row(known) == Row(item)) {
        known.weight += item.weight;
        known.at = std::max(known.at, item.at);
        bytes_.resize(item.key);
        return;
      }
      if (known.next != kNone) continue;
      known.next = static_cast<std::uint32_t>(items_.size());
      items_.push_back(item);
      return;
    }
  }

  std::vector<sql::Type> types_;
  std::vector<std::size_t> key_columns_;
  bool keyed_;
  bool together_;
  std::string bytes_;
  std::vector<Item> items_;
  std::vector<std::uint32_t> heads_;  // the first item of each identity
  std::vector<std::uint32_t> slots_;  // open addressing: heads
  std::uint32_t last_ = kNone;        // together_: the head of the last row
};

}  // namespace

sql::Arena& ViewChange::Own() {
  auto arena = std::make_shared<sql::Arena>();
  owners.push_back(arena);
  return *arena;
}

std::vector<std::size_t> KeyColumnsOf(const sql::Relation& view) {
  if (!view.key.empty()) return view.key;
  std::vector<std::size_t> all(view.columns.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

std::vector<sql::Type> TypesOf(const sql::Relation& relation) {
  std::vector<sql::Type> types;
  for (const sql::RelationColumn& column : relation.columns) {
    if (!column.hidden) types.push_back(column.type);
  }
  return types;
}

ViewChange Settle(const sql::Relation& view, std::vector<operators::Delta> output, OutputOrder order,
                  bool in_log_order) {
  ViewChange change;
  if (view.append_only) {
    change.added = std::move(output);  // nothing cancels there
    return change;
  }
  std::size_t rows = 0;
  for (const operators::Delta& delta : output) rows += delta.rows();
  if (rows == 0) return change;
  Net net(view, rows, order);
  for (operators::Delta& delta : output) net.Add(std::exchange(delta, {}));
  change = net.Take();
  if (!in_log_order) return change;
  std::ranges::sort(change.changes,
                    [](const RowChange& a, const RowChange& b) { return a.at != b.at ? a.at < b.at : a.key < b.key; });
  return change;
}

std::vector<RowPlace> InLogOrder(const std::vector<operators::Delta>& deltas) {
  std::vector<RowPlace> places;
  for (std::uint32_t d = 0; d < deltas.size(); ++d) {
    for (std::uint32_t row = 0; row < deltas[d].rows(); ++row) places.push_back({d, row});
  }
  const auto at = [&](const RowPlace& place) { return deltas[place.delta].at[place.row]; };
  if (!std::ranges::is_sorted(places, {}, at)) std::ranges::stable_sort(places, {}, at);
  return places;
}

operators::Delta FirstColumns(operators::Delta delta, std::size_t columns) {
  if (delta.batch.columns.size() > columns) delta.batch.columns.resize(columns);
  return delta;
}

std::vector<operators::Delta> AsDeltas(const sql::Relation& view, ViewChange change) {
  std::vector<operators::Delta> deltas = std::move(change.added);
  operators::DeltaBuilder builder(TypesOf(view));
  const auto add = [&](std::string_view row, std::int64_t weight, At at) {
    builder.Add(row, weight, at);
    if (builder.full()) deltas.push_back(builder.Take());
  };
  for (const RowChange& row : change.changes) {
    if (row.before) add(*row.before, -row.times, row.at);
    if (row.after) add(*row.after, row.times, row.at);
  }
  if (builder.rows() > 0) deltas.push_back(builder.Take());
  return deltas;
}

}  // namespace headgate::views
