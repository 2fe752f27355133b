#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/views/settle.h"
#include "core/views/sorted_runs.h"

namespace headgate::views {

// What a step gives for a view, where that does not fit into memory. For one thread. Errors: as SortedRuns.
class SpilledOutput {
 public:
  // `view` and the store outlive it.
  SpilledOutput(const Store& store, const sql::Relation& view, std::size_t memory_bytes);

  Status Add(const operators::Delta& delta);
  // What Settle makes of all of it, in pieces: each row in one of them. In log order only if that is asked for, or if
  // rows only come. Once.
  using Take = std::function<Status(ViewChange change)>;
  Status Drain(bool in_log_order, const Take& take);

 private:
  class Pieces;
  Status Settled(const std::function<Status(const RowChange& change)>& take);
  Status InOrder(Pieces& pieces);

  const Store& store_;
  const sql::Relation& view_;
  const std::size_t memory_bytes_;
  std::vector<sql::Type> types_;
  std::vector<std::size_t> key_columns_;
  SortedRuns rows_;
  std::uint64_t added_ = 0;
  std::optional<At> first_;  // what caused them
  std::optional<At> last_;
  std::string key_;  // that is being put together
  std::string value_;
};

}  // namespace headgate::views
