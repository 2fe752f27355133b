#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/operators/operator.h"
#include "core/operators/state_space.h"
#include "core/sql/plan.h"

namespace headgate::operators {

// What is asked for of each partition.
struct FirstRows {
  // What a change of one row rewrites: so many rows at most.
  static constexpr std::size_t kRowsMax = 32;

  std::vector<sql::Type> types;  // of the input
  std::vector<sql::Type> output_types;
  std::vector<std::size_t> partition;  // columns
  std::vector<sql::SortKey> order;     // rows that it leaves equal stand in the order of all their columns
  std::size_t first = 0;               // rows that are not shown
  std::size_t end = 0;                 // rows that are shown, and those before them; at most kRowsMax
  bool numbered = false;               // the place of the row, from 1, comes behind its columns
};

// The first few rows of each partition of an input whose rows only come: a row behind them never comes to the front and
// is not kept, so that a partition lies in one value.
OperatorPtr MakeFirstRows(FirstRows of, const StatePlace& place);

}  // namespace headgate::operators
