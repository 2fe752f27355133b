#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/log/store.h"

namespace headgate::views {

// Keys with values, more than fit into memory: sorted runs in one file, which has no name and goes with it. For one
// thread. Errors: kTransient if the disk is full or fails.
class SortedRuns {
 public:
  // At most about `memory_bytes` of them are in memory. The store, in whose directory the file is, outlives it.
  SortedRuns(const Store& store, std::size_t memory_bytes) : store_(store), memory_bytes_(memory_bytes) {}
  ~SortedRuns();
  SortedRuns(const SortedRuns&) = delete;

  Status Add(std::string_view key, std::string_view value);
  // All that was added, in the order of the keys; ends with the first error of `visit`. Once, and then nothing is
  // added.
  using Visit = std::function<Status(std::string_view key, std::string_view value)>;
  Status Drain(const Visit& visit);

 private:
  struct Item {
    std::size_t at = 0;  // in bytes_
    std::uint32_t key = 0;
    std::uint32_t value = 0;
  };
  struct Run {
    off_t begin = 0;
    off_t end = 0;
  };
  class Reader;

  template <class Take>
  void TakeSorted(const Take& take);
  Status WriteRun();
  Status Write(std::string& block);

  const Store& store_;
  std::size_t memory_bytes_;
  std::string bytes_;
  std::vector<Item> items_;
  int file_ = -1;
  off_t end_ = 0;
  std::vector<Run> runs_;
};

}  // namespace headgate::views
