#pragma once

#include <rocksdb/slice_transform.h>

#include "core/log/store.h"

// The log grows at its end, and a step of views writes many keys in order: each is looked for from the place of the one
// before it.
namespace headgate {

// Keys that are put beside each other begin with the number of a form, or of a table, or with half of a seq.
// RocksDB 7.8 mixes the hints of puts up with those of deleted ranges, so ranges begin with keys that are too short for
// a hint.
class HintPrefix : public rocksdb::SliceTransform {
 public:
  static constexpr std::size_t kRangeKey = 8;
  const char* Name() const override { return "headgate.hint"; }
  rocksdb::Slice Transform(const rocksdb::Slice& key) const override { return {key.data(), sizeof(std::uint32_t)}; }
  bool InDomain(const rocksdb::Slice& key) const override { return key.size() > kRangeKey; }
};

inline bool HasHints(Family family) {
  return family == Family::kLog || family == Family::kBase || family == Family::kState || family == Family::kRows;
}

}  // namespace headgate
