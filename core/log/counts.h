#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/change.h"

// Sums over the log up to a place. What a reader has behind it is the difference of two of them, so nobody has to count
// what lies between: the log stores its sums every so often, and adds up the rest.
namespace headgate {

struct Count {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;  // CountedBytes
  Count& operator+=(const Count& other) {
    records += other.records;
    bytes += other.bytes;
    return *this;
  }
  bool operator==(const Count&) const = default;
};

struct LogCounts {
  std::vector<Count> streams;  // by stream number - 1
  std::vector<Count> loose;    // messages and gaps, which belong to no stream; by source number - 1

  void Add(const Change& change, SourceNo source);
  bool operator==(const LogCounts&) const = default;
};

// Changes between two stored sums, give or take an append.
inline constexpr std::uint64_t kCountsEvery = 16'384;

// The stored sums behind the entry `seq`: a record of Family::kMeta (FORMAT.md).
std::string CountsKey(Seq seq);
std::optional<Seq> SeqOfCountsKey(std::string_view key);
std::string EncodeCounts(const LogCounts& counts);
std::optional<LogCounts> DecodeCounts(std::string_view bytes);

}  // namespace headgate
