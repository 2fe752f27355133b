#pragma once

#include <algorithm>
#include <string>

#include "core/operators/accumulator_bytes.h"

namespace headgate::operators {

// All rows of the group in an order; the aggregates that need more than sums are read off it. `of` outlives it.
class OrderedAccumulator : public Accumulator {
 public:
  explicit OrderedAccumulator(const Aggregation& of) : of_(of) {}

  void Add(const ArgumentRow& row, std::int64_t weight) override;
  AggregateResult Result() const override;
  void Encode(std::string& out) const override;
  bool Decode(std::string_view bytes) override;

 private:
  using Item = WeightedRow;

  const sql::AggregateCall& call() const { return of_.call(); }
  bool IsOrderedSet() const;
  bool Skips(const ArgumentRow& row) const;
  // How often the row counts; never negative, even if the rows make no sense.
  std::int64_t Times(const Item& item) const { return call().distinct ? 1 : std::max<std::int64_t>(item.weight, 0); }
  std::string KeyOf(const ArgumentRow& row) const;
  const sql::Datum& Ordered(const Item& item) const { return item.row[call().arguments.size()]; }

  AggregateResult Joined() const;
  AggregateResult Array() const;
  AggregateResult JsonArray() const;
  AggregateResult JsonObject() const;
  AggregateResult Mode() const;
  AggregateResult Percentiles() const;
  AggregateResult Percentile(double fraction) const;
  const sql::Datum& At(std::int64_t place) const;

  const Aggregation& of_;
  WeightedRows rows_;
  std::int64_t total_ = 0;  // of all weights
};

}  // namespace headgate::operators
