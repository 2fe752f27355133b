#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/operators/accumulator.h"
#include "core/operators/grouping.h"
#include "core/operators/state.h"

namespace headgate::operators {

// A value of a group, as aggregates with DISTINCT see it.
struct DistinctValue {
  std::uint64_t counted = 0;  // a bit for each aggregate that has it
  // How often each has it, which may be negative for a while; empty if values only come, and once is enough.
  std::vector<std::int64_t> weights;
  ArgumentRow form;   // that was seen first; empty if they only count
  bool left = false;  // noted in this step because none had it any more
};

struct DistinctValueCodec {
  std::size_t aggregates = 0;
  bool append_only = false;
  std::vector<sql::Type> form;

  void Put(std::string& out, const DistinctValue& value) const;
  bool Get(std::string_view in, DistinctValue& value) const;
};

// What aggregates with DISTINCT of the same arguments have seen, however they filter: one table of groups and values.
// An aggregate hears of a value when its first row comes and when its last one goes.
class DistinctValues {
 public:
  // Which aggregates of a grouping share a table, by their numbers; those without DISTINCT are not among them.
  static std::vector<std::vector<std::size_t>> Shared(const Grouping& of);

  // `aggregates`: some that share.
  DistinctValues(const Grouping& of, std::vector<std::size_t> aggregates, const StatePlace& place);

  // Has in memory what Add will touch of these rows. `groups`: by place in `rows`. The values live until the last Add.
  void Load(const GroupingValues& values, const std::vector<std::uint32_t>& rows, std::span<const std::string> groups);
  // The `i`-th of the rows loaded comes or goes. `accumulators`: of its group, by the numbers of the grouping.
  void Add(std::size_t i, std::int64_t weight, std::span<const std::unique_ptr<Accumulator>> accumulators);
  // Ends a step.
  void Finish();

 private:
  using State = KeyedState<DistinctValue, DistinctValueCodec>;

  static constexpr std::size_t kAggregatesMax = 64;
  // A row of the piece at hand.
  struct Loaded {
    std::uint32_t row = 0;
    std::uint64_t passes = 0;  // a bit for each aggregate that it goes into
    std::size_t place = 0;     // among places_, if there is any
  };

  const Grouping& of_;
  std::vector<std::size_t> aggregates_;
  bool forms_;  // they need the values
  State state_;
  StepNotes<std::vector<State::Place>> left_;  // values that none has any more, or had for a while

  const GroupingValues* values_ = nullptr;
  std::vector<Loaded> loaded_;
  std::vector<std::string> keys_;
  std::vector<State::Place> places_;
  ArgumentRow arguments_;  // of the row at hand
};

}  // namespace headgate::operators
