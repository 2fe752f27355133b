#include "core/operators/distinct_values.h"

#include <algorithm>
#include <bit>

#include "core/operators/accumulator_bytes.h"

namespace headgate::operators {
namespace {

using sql::AggregateKind;
using sql::TypeId;

bool Counts(const Aggregation& call) { return call.call().kind == AggregateKind::kCount; }

// Whether equal values of the type are the same value, also where they are printed.
bool HasOneForm(sql::Type type) {
  if (type.array) return false;
  switch (type.id) {
    case TypeId::kBool:
    case TypeId::kInt2:
    case TypeId::kInt4:
    case TypeId::kInt8:
    case TypeId::kText:
    case TypeId::kVarchar:
    case TypeId::kBytea:
    case TypeId::kDate:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kUuid:
      return true;
    default:
      return false;
  }
}

// A value that one of them has in a form of its own must not show in the other.
bool MayShare(const Aggregation& a, const Aggregation& b) {
  if (!a.call().order.empty() || !b.call().order.empty()) return false;
  const auto same = [](const sql::ExprPtr& x, const sql::ExprPtr& y) { return Same(*x, *y); };
  if (!std::ranges::equal(a.call().arguments, b.call().arguments, same)) return false;
  return (Counts(a) && Counts(b)) || std::ranges::all_of(a.types(), HasOneForm);
}

}  // namespace

void DistinctValueCodec::Put(std::string& out, const DistinctValue& value) const {
  if (append_only) PutVarint(out, value.counted);
  for (const std::int64_t weight : value.weights) PutSigned(out, weight);
  if (!form.empty()) PutDatums(out, form, value.form);
}

bool DistinctValueCodec::Get(std::string_view bytes, DistinctValue& value) const {
  ByteReader in(bytes);
  if (append_only) {
    value.counted = in.Varint();
  } else {
    for (std::size_t i = 0; i < aggregates; ++i) {
      value.weights.push_back(in.Signed());
      if (value.weights.back() != 0) value.counted |= std::uint64_t{1} << i;
    }
  }
  if (!form.empty()) value.form = ReadDatums(in, form);
  const auto counted_by = static_cast<std::size_t>(std::bit_width(value.counted));
  return !in.failed() && in.done() && counted_by > 0 && counted_by <= aggregates;
}

std::vector<std::vector<std::size_t>> DistinctValues::Shared(const Grouping& of) {
  std::vector<std::vector<std::size_t>> shared;
  for (std::size_t c = 0; c < of.calls().size(); ++c) {
    if (!of.calls()[c]->distinct()) continue;
    const auto with = std::ranges::find_if(shared, [&](const std::vector<std::size_t>& others) {
      return others.size() < kAggregatesMax && MayShare(*of.calls()[others[0]], *of.calls()[c]);
    });
    (with == shared.end() ? shared.emplace_back() : *with).push_back(c);
  }
  return shared;
}

DistinctValues::DistinctValues(const Grouping& of, std::vector<std::size_t> aggregates, const StatePlace& place)
    : of_(of),
      aggregates_(std::move(aggregates)),
      forms_(std::ranges::any_of(aggregates_, [&](std::size_t c) { return !Counts(*of.calls()[c]); })),
      state_(place, DistinctValueCodec{aggregates_.size(), of.append_only(),
                                       forms_ ? of.calls()[aggregates_[0]]->types() : std::vector<sql::Type>()}),
      left_(place) {}

void DistinctValues::Load(const GroupingValues& values, const std::vector<std::uint32_t>& rows,
                          std::span<const std::string> groups) {
  values_ = &values;
  loaded_.clear();
  std::size_t keys = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Loaded row{rows[i], 0, keys};
    for (std::size_t a = 0; a < aggregates_.size(); ++a) {
      if (values.Passes(aggregates_[a], row.row)) row.passes |= std::uint64_t{1} << a;
    }
    loaded_.push_back(row);
    if (row.passes == 0) continue;
    if (keys_.size() == keys) keys_.emplace_back();
    std::string& key = keys_[keys++];
    key.assign(groups[i]);
    const std::size_t call = aggregates_[static_cast<std::size_t>(std::countr_zero(row.passes))];
    of_.calls()[call]->AppendKeyOf(key, values.arguments[call], row.row);
  }
  state_.Load(std::span(keys_).first(keys), places_);
}

void DistinctValues::Add(std::size_t i, std::int64_t weight,
                         std::span<const std::unique_ptr<Accumulator>> accumulators) {
  const Loaded& row = loaded_[i];
  if (row.passes == 0) return;
  const State::Place& place = places_[row.place];
  const DistinctValue* const known = place.Find();
  if (of_.append_only() && known != nullptr && (row.passes & ~known->counted) == 0) return;
  DistinctValue& value = place.Change(state_);
  const std::uint64_t before = value.counted;
  if (of_.append_only()) {
    value.counted |= row.passes;
  } else {
    value.weights.resize(aggregates_.size());
    for (std::uint64_t rest = row.passes; rest != 0; rest &= rest - 1) {
      const auto a = static_cast<std::size_t>(std::countr_zero(rest));
      value.weights[a] += weight;
      const std::uint64_t bit = std::uint64_t{1} << a;
      value.counted = value.weights[a] == 0 ? value.counted & ~bit : value.counted | bit;
    }
  }
  if (before == value.counted) return;
  const std::size_t any = aggregates_[static_cast<std::size_t>(std::countr_zero(row.passes))];
  ReadArguments(values_->arguments[any], row.row, arguments_);
  if (forms_ && before == 0) value.form = arguments_;
  for (std::uint64_t rest = before ^ value.counted; rest != 0; rest &= rest - 1) {
    const auto a = static_cast<std::size_t>(std::countr_zero(rest));
    const bool comes = (value.counted >> a & 1) != 0;
    accumulators[aggregates_[a]]->Add(forms_ ? value.form : arguments_, comes ? 1 : -1);
  }
  if (value.counted == 0 && !std::exchange(value.left, true)) left_->push_back(place);
}

void DistinctValues::Finish() {
  for (const State::Place& place : *left_) {
    DistinctValue& value = *place.Find();
    value.left = false;
    if (value.counted == 0) place.Erase(state_);
  }
  left_->clear();
}

}  // namespace headgate::operators
