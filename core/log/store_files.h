#pragma once

#include <rocksdb/db.h>
#include <rocksdb/slice.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/log/store_items.h"

namespace rocksdb {
class SstFileWriter;
}  // namespace rocksdb

// Internal to core/log.
namespace headgate {

// A write that is too large for memory, as sorted files that the database takes in at once. What comes later in a file,
// or in a later file of a family, goes before what came earlier. For one thread. Files that were not taken in go with
// it.
class StoreFiles {
 public:
  explicit StoreFiles(const Store& store) : store_(store) {}
  ~StoreFiles();
  StoreFiles(const StoreFiles&) = delete;

  // Behind what is there. After a failure nothing counts any more, and TakeIn tells of it.
  void Add(const StoreBatchImpl& items);
  std::uint64_t file_bytes() const { return file_bytes_; }  // of the files that are whole
  Status status() const { return failure_ ? Status(*failure_) : Ok(); }
  // All of it is in the database, durably, or nothing is.
  Status TakeIn();

 private:
  struct Item {
    StoreBatchImpl::Op op;
    rocksdb::Slice key;
    rocksdb::Slice value;
  };
  struct OfFamily {
    std::vector<std::string> files;
    std::unique_ptr<rocksdb::SstFileWriter> open;  // the last of them
    std::string last_key;                          // that is in it
    std::uint64_t keys = 0;
    std::vector<Item> items;  // that wait for what comes behind them
  };

  Status AddAll(const StoreBatchImpl& items);
  Status WriteItems(Family family);
  Status DeleteRange(Family family, const rocksdb::Slice& from, const rocksdb::Slice& to);
  Status Begin(Family family);
  Status End(Family family);
  Error Describe(const rocksdb::Status& status) const;

  const Store& store_;
  OfFamily families_[kFamilies];
  std::uint64_t file_bytes_ = 0;
  std::optional<Error> failure_;
};

}  // namespace headgate
