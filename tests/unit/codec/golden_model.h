#pragma once

#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/codec/event.h"

namespace headgate::testing {

// Replays tests/golden/.../model.jsonl: the schemas, snapshot rows and transactions that a source would hand to the
// codec.
class GoldenModel {
 public:
  // Reads the file; false with error() set if it cannot be read.
  explicit GoldenModel(const std::filesystem::path& file);
  const std::string& error() const { return error_; }

  // Calls `see` for every change of the snapshot, or of the stream, of the tables that `captured` accepts; transactions
  // count only those. The context holds during the call.
  using Captured = std::function<bool(const std::string& table)>;
  using See = std::function<void(const codec::EventContext&)>;
  void Snapshot(const Captured& captured, const See& see) const;
  void Stream(const Captured& captured, const See& see) const;

 private:
  struct StoredChange {
    std::string table;
    Op op = Op::kInsert;
    StreamNo stream = 0;
    std::uint32_t version = 0;
    std::uint64_t lsn = 0;
    bool has_before = false;
    bool has_after = false;
    std::string before;
    std::string after;
    std::string extra;
  };
  struct StoredTransaction {
    TransactionInfo info;
    std::vector<StoredChange> changes;
  };
  void Replay(const std::deque<StoredTransaction>& transactions, const Captured& captured, const See& see) const;

  std::string error_;
  std::map<std::string, std::vector<TableSchema>> schemas_;  // by table, by version - 1
  std::map<std::string, StreamNo> streams_;
  std::deque<StoredTransaction> snapshot_;
  std::deque<StoredTransaction> stream_;
};

}  // namespace headgate::testing
