#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "sinks/table/batch.h"
#include "sinks/table/target.h"

namespace headgate::table {

// Writes batches but for what the target rejects, which is found by halving. For one session, on its thread.
class Salvage {
 public:
  explicit Salvage(Target& target) : target_(target) {}

  // Appends what was rejected. kConfig if the target rejects one after the other: it is the table that is wrong.
  Status Write(const Batch& batch, std::vector<RefusedChange>& refused);

 private:
  struct Rejected {
    Batch::Unit unit;
    std::string what;
  };

  // False: the batch was rejected, and nothing of it is there; `what_` says why.
  Result<bool> Try(const Batch& batch);
  Status Narrow(const Batch& batch, std::span<const Batch::Unit> units, std::vector<Rejected>& rejected);

  Target& target_;
  std::string what_;
  std::size_t in_row_ = 0;  // rejected since something was written
};

}  // namespace headgate::table
