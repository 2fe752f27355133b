#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "core/operators/operator.h"
#include "core/operators/state_space.h"
#include "core/sql/plan.h"

namespace headgate::operators {

// GROUP BY with any aggregates; without groups it always has one row. With a place for rows each group is stored there,
// under its key: the bytes of its row (varint length; none of a group that has no row), then what is remembered of it.
OperatorPtr MakeAggregate(const sql::Plan& plan, const StatePlace& place, const StatePlace& rows);

// The grouping that gives a plan's result, if nothing but filters and projections comes behind it.
struct LastGrouping {
  const sql::Plan* aggregate = nullptr;             // null: there is none
  std::vector<std::optional<std::size_t>> columns;  // of the result: the one of the grouping, if that is all it is
  bool filtered = false;

  // Whether the key is the whole group.
  bool IsKey(const std::vector<std::size_t>& key) const;
  // Whether the grouping's rows are the result as they are, under this key, and need no rows kept of their groups.
  bool IsResult(const std::vector<std::size_t>& key) const;
};
LastGrouping LastGroupingOf(const sql::Plan& plan);

}  // namespace headgate::operators
