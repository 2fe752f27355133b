#pragma once

#include <cstddef>

// One row of a control table that many rows of another refer to, in a join that is kept in step.
namespace headgate::bench {

struct HotKeyOptions {
  long rows = 1'000'000;  // that refer to it
  long memory_mib = 64;   // for the views
};

// The row is updated: how long that takes, and what it takes in memory.
void HotKey(const HotKeyOptions& options);

}  // namespace headgate::bench
