#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class Snapshot;
class Status;
class WriteBatch;
}  // namespace rocksdb

// The one database of a shard. Everything durable lives here, one column family a subject, and a step is one atomic
// write (design D4).
namespace headgate {

enum class Family : std::uint8_t {
  kMeta,
  kLog,
  kStreams,
  kCursors,
  kLetters,
  kCatalog,
  kEvents,
  kBase,   // the latest image of every captured row
  kState,  // what the operators of views remember
  kRows,   // the rows of views
  kSpool,  // changes of transactions that are too large for memory, which entries of the log refer to
};
inline constexpr std::size_t kFamilies = 11;

struct StoreBatchImpl;

// Changes that become durable together or not at all.
class StoreBatch {
 public:
  StoreBatch();
  ~StoreBatch();
  StoreBatch(StoreBatch&&) noexcept;
  StoreBatch& operator=(StoreBatch&&) noexcept;

  void Put(Family family, std::string_view key, std::string_view value);
  // The value is head followed by tail, without a copy of their concatenation.
  void Put(Family family, std::string_view key, std::string_view head, std::string_view tail);
  void Delete(Family family, std::string_view key);
  void DeleteRange(Family family, std::string_view from, std::string_view to);  // [from, to)
  void Add(const StoreBatch& other);                                            // behind what is there
  bool empty() const;
  std::size_t bytes() const;
  void Clear();
  // For a write of unknown size: what is more than this in memory goes into files, which the database takes in as they
  // are when the batch is written, all of it at once too. Of an empty batch; the store outlives it.
  void SpillBeyond(std::size_t bytes_max, const class Store& store);
  bool spilled() const;               // something is in files: it can be written once, and cannot be added to another
  Status spill_status() const;        // of that: after a failure nothing of it will be written
  std::uint64_t spill_bytes() const;  // on disk, once it was written

 private:
  friend class Store;
  std::unique_ptr<StoreBatchImpl> impl_;
};

// The families of views (meta, base, state, rows) as they were at one moment (docs/adr/0019). For one thread; a visit
// may read other families than the one that is scanned; the store outlives it.
class StoreView {
 public:
  // What a long one needs is kept in files, but when it ends the database rewrites all files that it has not rewritten
  // before, the log's too. A brief one keeps memory tables that would be gone.
  enum class Hold { kBriefly, kLong };

  explicit StoreView(const class Store& store, Hold hold = Hold::kBriefly);
  ~StoreView();
  StoreView(const StoreView&) = delete;

  Result<std::optional<std::string>> Get(Family family, std::string_view key) const;
  Status Scan(Family family, std::string_view from, std::string_view to,
              const std::function<bool(std::string_view key, std::string_view value)>& visit) const;

 private:
  struct Pinned;
  struct Moment {
    std::uint64_t sequence = 0;
    std::uint64_t files = 0;
    bool operator==(const Moment&) const = default;
  };

  bool Pin();
  Moment MomentNow() const;
  Pinned& PinnedOf(Family family) const;

  const Store& store_;
  std::vector<std::unique_ptr<Pinned>> pinned_;  // or a snapshot, if it is long or too much was written meanwhile
  const rocksdb::Snapshot* snapshot_ = nullptr;
};

// Thread-safe.
class Store {
 public:
  // Creates `directory` (mode 0700) if it is absent and takes its lock. A directory that others may enter is closed to
  // them. Config error if another process holds it, if it cannot be created, if it holds files that are not ours, or if
  // it was written by a newer format; Corrupt if its files do not match their checksums.
  static Result<std::unique_ptr<Store>> Open(const std::string& directory);
  // What would keep Open from opening the directory, as far as can be told without changing anything. Not for a process
  // that has it open: looking at the lock would give it up.
  static Status Check(const std::string& directory);
  ~Store();
  Store(const Store&) = delete;

  Result<std::optional<std::string>> Get(Family family, std::string_view key) const;
  // What stands under each of the keys, which ascend. Much cheaper than as many Gets.
  Result<std::vector<std::optional<std::string>>> GetMany(Family family, std::span<const std::string> keys) const;
  // In key order over [from, to) ("" for `to`: to the end); stops when `visit` returns false.
  Status Scan(Family family, std::string_view from, std::string_view to,
              const std::function<bool(std::string_view key, std::string_view value)>& visit) const;
  // The same from the largest key below `to` downwards.
  Status ScanBack(Family family, std::string_view from, std::string_view to,
                  const std::function<bool(std::string_view key, std::string_view value)>& visit) const;
  // With `sync` durable on return. A disk that is full, but for a reserve, is kTransient; so is a failed write, and the
  // next Write tries to recover the database first.
  Status Write(StoreBatch& batch, bool sync);
  // The same for a batch built by the log itself, together with another. Intake leaves a larger reserve than what else
  // has to be written.
  Status Commit(rocksdb::WriteBatch& writes, const StoreBatch& also, bool sync);
  void AddTo(rocksdb::WriteBatch& writes, const StoreBatch& batch) const;

  // kTransient if the disk has not got so many bytes beside its reserve.
  Status MayWrite(std::uint64_t bytes) const;
  // A folder for files that nobody misses behind a restart: Open empties it.
  Result<std::string> Scratch() const;

  const std::string& directory() const { return directory_; }
  // Random, made with the directory; the same for its whole life.
  const std::string& instance_id() const { return instance_id_; }
  std::uint64_t disk_bytes(Family family) const;
  // What the keys of [from, to) take in files, give or take a block; deleted ranges do not count. Memory is left out:
  // Flush first.
  Result<std::uint64_t> range_bytes(Family family, std::string_view from, std::string_view to) const;
  Status Flush(Family family);
  // Gives the space of a deleted range back soon.
  void Compact(Family family, std::string_view from, std::string_view to);

  rocksdb::DB* db() const { return db_.get(); }  // for the log's readers
  rocksdb::ColumnFamilyHandle* handle(Family family) const { return handles_[static_cast<std::size_t>(family)]; }

 private:
  friend class StoreView;
  Store() = default;
  Status Identify();
  Status CheckSpace(std::uint64_t bytes, std::uint64_t reserve) const;
  Status Apply(rocksdb::WriteBatch& writes, bool sync);
  Status TakeIn(const StoreBatch& batch, rocksdb::WriteBatch* also) const;
  Result<std::optional<std::string>> Read(const rocksdb::Snapshot* at, Family family, std::string_view key) const;
  Status Walk(const rocksdb::Snapshot* at, Family family, std::string_view from, std::string_view to,
              const std::function<bool(std::string_view key, std::string_view value)>& visit) const;

  Error ReadError(const rocksdb::Status& status) const;

  std::string directory_;
  std::string instance_id_;
  mutable std::atomic<std::uint64_t> files_taken_in_ = 0;  // one more as that begins, one more as it ends
  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::ColumnFamilyHandle* handles_[kFamilies] = {};
};

// The error for a failed database call, by kind: full disk and I/O are transient, bad checksums corrupt.
Error DescribeStoreError(const rocksdb::Status& status, std::string_view what);

}  // namespace headgate
