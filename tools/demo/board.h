#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "tests/support/fold.h"

namespace headgate::demo {

// What was delivered: shows some of it as it arrives, keeps count, and folds it if asked to. Any thread.
class Board {
 public:
  // Without the fold memory stays bounded, and duplicates are recognised among the newest ids only.
  explicit Board(bool keep_fold);

  void Delivered(std::string_view body, std::int64_t arrived_us);
  // One line about the time since the last one.
  void PrintSummary(std::uint64_t committed);
  void PrintTotals();

  std::uint64_t events();
  // Differences between what was delivered and the table, and broken promises. Only with the fold.
  std::vector<std::string> Difference(const std::string& stream, const test::TableRows& table);
  std::vector<std::string> Violations();

 private:
  void PrintDelivery(const nlohmann::json& event, std::int64_t arrived_us, std::int64_t latency_us);
  bool IsDuplicate(const std::string& id);

  const bool keep_fold_;
  const bool colour_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();

  std::mutex mutex_;  // guards all below
  test::Fold fold_;
  std::unordered_set<std::string> ids_, older_ids_;
  std::uint64_t events_ = 0;
  std::uint64_t duplicates_ = 0;
  std::uint64_t broken_ = 0;
  std::uint64_t hidden_ = 0;  // since the last summary
  std::uint64_t events_at_summary_ = 0;
  std::chrono::steady_clock::time_point summary_ = begin_;
  std::chrono::steady_clock::time_point line_{};
  std::minstd_rand coin_;
  std::vector<std::int64_t> latencies_;      // since the last summary, microseconds
  std::vector<std::int64_t> all_latencies_;  // a sample of all once it is large
};

}  // namespace headgate::demo
