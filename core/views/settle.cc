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

std::vector<std::size_t> KeyColumns(const sql::Relation& view) {
  if (!view.key.empty()) return view.key;
  std::vector<std::size_t> all(view.columns.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

// Adds the rows of an output up: by key, and in a view without a key by the row.
class Net {
 public:
  Net(const sql::Relation& view, std::size_t rows)
      : types_(TypesOf(view)), key_columns_(KeyColumns(view)), keyed_(!view.key.empty()) {
    items_.reserve(rows);
    slots_.resize(std::bit_ceil(2 * rows + 1));
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
      Take(item);
    }
  }

  std::vector<RowChange> Changes() const {
    std::vector<RowChange> changes;
    for (const std::uint32_t head : heads_) {
      bool there = false;
      for (std::uint32_t i = head; i != kNone; i = items_[i].next) {
        const Item& item = items_[i];
        if (item.weight == 0) continue;
        RowChange& change = std::exchange(there, true) ? changes.back() : changes.emplace_back();
        (item.weight > 0 ? change.after : change.before) = Row(item);
        change.times = std::abs(item.weight);
        change.at = std::max(change.at, item.at);
        if (change.key.empty()) change.key = Bytes(item.key, item.row);
      }
    }
    return changes;
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

  void Take(const Item& item) {
    const std::string_view identity = Identity(item);
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = XXH3_64bits(identity.data(), identity.size()) & mask;
    while (slots_[slot] != 0 && Identity(items_[slots_[slot] - 1]) != identity) slot = (slot + 1) & mask;
    if (slots_[slot] == 0) {
      heads_.push_back(static_cast<std::uint32_t>(items_.size()));
      items_.push_back(item);
      slots_[slot] = static_cast<std::uint32_t>(items_.size());
      return;
    }
    for (std::uint32_t i = slots_[slot] - 1;; i = items_[i].next) {
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
  std::string bytes_;
  std::vector<Item> items_;
  std::vector<std::uint32_t> heads_;  // the first item of each identity
  std::vector<std::uint32_t> slots_;  // open addressing: 1 + the head's number
};

}  // namespace

std::vector<sql::Type> TypesOf(const sql::Relation& relation) {
  std::vector<sql::Type> types;
  for (const sql::RelationColumn& column : relation.columns) {
    if (!column.hidden) types.push_back(column.type);
  }
  return types;
}

ViewChange Settle(const sql::Relation& view, std::vector<operators::Delta> output, bool in_log_order) {
  ViewChange change;
  if (view.append_only) {
    change.added = std::move(output);  // nothing cancels there
    return change;
  }
  std::size_t rows = 0;
  for (const operators::Delta& delta : output) rows += delta.rows();
  if (rows == 0) return change;
  Net net(view, rows);
  for (operators::Delta& delta : output) net.Add(std::exchange(delta, {}));
  change.changes = net.Changes();
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
  const auto add = [&](const std::string& row, std::int64_t weight, At at) {
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
