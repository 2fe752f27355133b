#pragma once

#include <algorithm>

#include "core/operators/accumulator.h"

namespace headgate::operators {

// Whether such an aggregate needs more of a group than sums: all its rows, in an order.
bool IsOrdered(sql::AggregateKind kind);
// Whether the aggregate leaves the row out, by its NULLs; columns as Aggregation::types().
bool Skips(const sql::AggregateCall& call, const std::vector<sql::Column>& columns, std::size_t row);

// Reads an ordered aggregate off the rows of a group. Both outlive it.
class OrderedRows {
 public:
  OrderedRows(const Aggregation& of, const WeightedRows& rows) : of_(of), rows_(rows) {}
  AggregateResult Result() const;

 private:
  using Item = WeightedRow;

  const sql::AggregateCall& call() const { return of_.call(); }
  // How often the row counts; never negative, even if the rows make no sense.
  std::int64_t Times(const Item& item) const { return call().distinct ? 1 : std::max<std::int64_t>(item.weight, 0); }
  const sql::Datum& Ordered(const Item& item) const { return item.row[call().arguments.size()]; }

  AggregateResult Joined() const;
  AggregateResult Array() const;
  AggregateResult JsonArray() const;
  AggregateResult JsonObject() const;
  AggregateResult Mode() const;
  AggregateResult Percentiles() const;
  AggregateResult Percentile(double fraction) const;
  std::int64_t Total() const;  // of all weights
  const sql::Datum& At(std::int64_t place) const;

  const Aggregation& of_;
  const WeightedRows& rows_;
};

}  // namespace headgate::operators
