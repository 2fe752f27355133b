#include "core/log/store.h"

#include <fcntl.h>
#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>

#include "core/base/diag.h"
#include "core/base/encoding.h"
#include "core/base/failpoint.h"
#include "core/log/insert_hints.h"

namespace headgate {
namespace {

constexpr const char* kFamilyNames[kFamilies] = {"default", "log",  "streams", "cursors", "letters", "catalog",
                                                 "events",  "base", "state",   "rows",    "spool"};
constexpr std::string_view kFormatKey = "format";
constexpr std::string_view kInstanceKey = "instance";
constexpr std::string_view kFormat = "3";
constexpr std::array<std::string_view, 2> kFormatsBefore = {"1", "2"};  // had no views; no compressed blocks
constexpr const char* kScratch = "/scratch";
constexpr std::uint64_t kReserveBytes = 64 << 20;  // all memory tables written out, and then some

rocksdb::Slice ToSlice(std::string_view text) { return {text.data(), text.size()}; }
std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// Numbers chosen for the memory budget (64 MiB beside what views may use): 12 MiB of memtables, 6 MiB of cache. Larger
// ones gave no more throughput.
rocksdb::DBOptions DatabaseOptions() {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.db_write_buffer_size = 12 << 20;
  options.max_total_wal_size = 64 << 20;
  options.max_open_files = 256;
  options.max_background_jobs = 2;
  options.keep_log_file_num = 2;
  options.max_log_file_size = 1 << 20;
  options.recycle_log_file_num = 2;  // a recycled file is already allocated: fdatasync writes no metadata
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.bytes_per_sync = 1 << 20;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

rocksdb::ColumnFamilyOptions FamilyOptions(Family family, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  options.write_buffer_size = 4 << 20;
  options.compression = rocksdb::kLZ4Compression;
  if (family == Family::kLog || family == Family::kSpool) {
    // Keys only ever grow: files never overlap and move down the levels without being rewritten.
    options.max_write_buffer_number = 3;
    options.target_file_size_base = 16 << 20;
    table.block_size = 64 << 10;
  } else {
    options.max_write_buffer_number = 2;
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  }
  if (HasHints(family)) {
    options.memtable_insert_with_hint_prefix_extractor = std::make_shared<HintPrefix>();
  }
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

}  // namespace

namespace {

Error DiskFull(std::string_view what) {
  return Transient(std::string(what) + ": the disk is full. Free space; intake goes on by itself.");
}

}  // namespace

Error DescribeStoreError(const rocksdb::Status& status, std::string_view what) {
  const std::string text = std::string(what) + ": " + status.ToString();
  if (status.IsNoSpace() || status.ToString().find("No space left") != std::string::npos) {
    return DiskFull(what);
  }
  if (status.IsCorruption()) return Corrupt(text);
  return Transient(text);
}

namespace {

// Names of RocksDB's own files, and what a new file system holds. A first start that was cut short leaves some of them
// without CURRENT.
bool MayBeOurs(const std::string& name) {
  constexpr std::string_view kNames[] = {"LOCK", "LOG", "IDENTITY", "lost+found"};
  constexpr std::string_view kBeginnings[] = {"LOG.old.", "MANIFEST-", "OPTIONS-"};
  constexpr std::string_view kEndings[] = {".log", ".sst", ".dbtmp"};
  return std::ranges::find(kNames, name) != std::end(kNames) ||
         std::ranges::any_of(kBeginnings, [&](std::string_view b) { return name.starts_with(b); }) ||
         std::ranges::any_of(kEndings, [&](std::string_view e) { return name.ends_with(e); });
}

// Config error if the directory is in use for something else, such as /etc.
Status RefuseForeign(const std::string& directory) {
  std::error_code error;
  if (std::filesystem::exists(directory + "/CURRENT", error)) return Ok();
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (MayBeOurs(name)) continue;
    return ConfigError("open data directory " + directory + ": it holds other files, such as " + name +
                       ", and no data of Headgate's. Set data_dir to a new or an empty directory.");
  }
  return Ok();  // also if it cannot be read: the database says why
}

// Literal secrets lie in the files (admin API, 7.6).
void CloseToOthers(const std::string& directory) {
  struct stat found {};
  if (::stat(directory.c_str(), &found) != 0 || (found.st_mode & 077) == 0) return;
  if (::chmod(directory.c_str(), 0700) == 0) {
    diag::Warn("log", "the data directory was open to other users; its mode is 0700 now", {{"data_dir", directory}});
  } else {
    diag::Warn("log", "the data directory is open to other users, and its mode cannot be changed: set it to 0700",
               {{"data_dir", directory}, {"error", std::strerror(errno)}});
  }
}

}  // namespace

Result<std::unique_ptr<Store>> Store::Open(const std::string& directory) {
  std::error_code error;
  if (!std::filesystem::exists(directory, error)) {
    std::filesystem::create_directories(directory, error);
    if (error) {
      return ConfigError("create data directory " + directory + ": " + error.message() +
                         ". Set data_dir to a directory that this user may write.");
    }
    ::chmod(directory.c_str(), 0700);
  } else if (std::filesystem::is_directory(directory, error)) {
    HG_RETURN_IF_ERROR(RefuseForeign(directory));
    CloseToOthers(directory);
  }
  auto store = std::unique_ptr<Store>(new Store);
  store->directory_ = directory;
  auto cache = rocksdb::NewLRUCache(6 << 20);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (std::size_t i = 0; i < kFamilies; ++i) {
    families.emplace_back(kFamilyNames[i], FamilyOptions(static_cast<Family>(i), cache));
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const auto status = rocksdb::DB::Open(DatabaseOptions(), directory, families, &handles, &db);
  if (!status.ok()) {
    const std::string text = status.ToString();
    if (text.find("ermission denied") != std::string::npos) {
      return ConfigError("open data directory " + directory +
                         ": permission denied. Make it writable for this user, or set data_dir elsewhere.");
    }
    if (!std::filesystem::is_directory(directory, error)) {
      return ConfigError("open data directory " + directory +
                         ": not a directory. Set data_dir to one that this user may write.");
    }
    // The first is another process, the second another part of this one.
    if (text.find("While lock file") != std::string::npos ||
        text.find("lock hold by current process") != std::string::npos) {
      return ConfigError(
          "open data directory " + directory +
          ": another process has it locked. Stop the other headgate, or give this one its own data_dir.");
    }
    if (status.IsCorruption()) {
      return Corrupt("open data directory " + directory + ": " + text +
                     ". Restore it from a copy, or move it away to start empty: sources then take a new snapshot.");
    }
    return DescribeStoreError(status, "open data directory " + directory);
  }
  store->db_.reset(db);
  std::copy(handles.begin(), handles.end(), std::begin(store->handles_));
  std::filesystem::remove_all(directory + kScratch, error);
  HG_RETURN_IF_ERROR(store->Identify());
  return store;
}

Status Store::Check(const std::string& directory) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path nearest = fs::absolute(directory, error);
  while (!fs::exists(nearest, error) && nearest.has_relative_path()) nearest = nearest.parent_path();
  const bool there = fs::exists(directory, error);
  const std::string place = (there ? "open data directory " : "create data directory ") + directory + ": ";
  if (!fs::is_directory(nearest, error)) {
    return ConfigError(place + (there ? "" : nearest.string() + " is ") +
                       "not a directory. Set data_dir to one that this user may write.");
  }
  if (::access(nearest.c_str(), W_OK | X_OK) != 0) {
    return ConfigError(place + "permission denied. Make " + nearest.string() +
                       " writable for this user, or set data_dir elsewhere.");
  }
  if (!there) return Ok();
  HG_RETURN_IF_ERROR(RefuseForeign(directory));
  const int lock = ::open((directory + "/LOCK").c_str(), O_RDWR | O_CLOEXEC);
  if (lock < 0) return Ok();
  struct flock held {};
  held.l_type = F_WRLCK;
  const bool locked = ::fcntl(lock, F_GETLK, &held) == 0 && held.l_type != F_UNLCK;
  ::close(lock);
  if (!locked) return Ok();
  return ConfigError(place + "another process has it locked (" + std::to_string(held.l_pid) +
                     "). Stop the other headgate, or give this one its own data_dir.");
}

Store::~Store() {
  if (db_ == nullptr) return;
  for (auto* handle : handles_) {
    if (handle != nullptr) static_cast<void>(db_->DestroyColumnFamilyHandle(handle));
  }
  static_cast<void>(db_->Close());
}

// Checks the format version and reads or makes the instance id.
Status Store::Identify() {
  HG_ASSIGN_OR_RETURN(const auto format, Get(Family::kMeta, kFormatKey));
  if (format && std::ranges::find(kFormatsBefore, *format) != kFormatsBefore.end()) {
    StoreBatch batch;
    batch.Put(Family::kMeta, kFormatKey, kFormat);
    HG_RETURN_IF_ERROR(Write(batch, true));
  } else if (format && *format != kFormat) {
    return ConfigError("open data directory " + directory_ + ": written in format " + *format +
                       ", this program reads format " + std::string(kFormat) + ". Use the newer headgate.");
  }
  HG_ASSIGN_OR_RETURN(const auto instance, Get(Family::kMeta, kInstanceKey));
  if (format && instance) {
    instance_id_ = *instance;
    return Ok();
  }
  bool used = false;
  HG_RETURN_IF_ERROR(Scan(Family::kMeta, "", "", [&](std::string_view, std::string_view) {
    used = true;
    return false;
  }));
  if (used) {
    return ConfigError("open data directory " + directory_ +
                       ": it holds a database that is not Headgate's. Set data_dir to a new or an empty directory.");
  }
  char random[16];
  CHECK(::getrandom(random, sizeof random, 0) == sizeof random);
  instance_id_ = Hex({random, sizeof random});
  StoreBatch batch;
  batch.Put(Family::kMeta, kFormatKey, kFormat);
  batch.Put(Family::kMeta, kInstanceKey, instance_id_);
  return Write(batch, true);
}

Error Store::ReadError(const rocksdb::Status& status) const {
  return DescribeStoreError(status, "read the data directory " + directory_);
}

Result<std::optional<std::string>> Store::Get(Family family, std::string_view key) const {
  return Read(nullptr, family, key);
}

Result<std::optional<std::string>> Store::Read(const rocksdb::Snapshot* at, Family family, std::string_view key) const {
  rocksdb::ReadOptions options;
  options.snapshot = at;
  std::string value;
  const auto status = db_->Get(options, handle(family), ToSlice(key), &value);
  if (status.ok()) return std::optional<std::string>(std::move(value));
  if (status.IsNotFound()) return std::optional<std::string>();
  return ReadError(status);
}

Result<std::vector<std::optional<std::string>>> Store::GetMany(Family family, std::span<const std::string> keys) const {
  std::vector<rocksdb::Slice> slices;
  for (const std::string& key : keys) slices.push_back(ToSlice(key));
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  db_->MultiGet({}, handle(family), keys.size(), slices.data(), values.data(), statuses.data(), true);
  std::vector<std::optional<std::string>> found(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].ok()) {
      found[i].emplace(ToView(values[i]));
    } else if (!statuses[i].IsNotFound()) {
      return ReadError(statuses[i]);
    }
  }
  return found;
}

Status Store::Scan(Family family, std::string_view from, std::string_view to,
                   const std::function<bool(std::string_view, std::string_view)>& visit) const {
  return Walk(nullptr, family, from, to, visit);
}

Status Store::Walk(const rocksdb::Snapshot* at, Family family, std::string_view from, std::string_view to,
                   const std::function<bool(std::string_view, std::string_view)>& visit) const {
  const rocksdb::Slice upper = ToSlice(to);
  rocksdb::ReadOptions options;
  options.snapshot = at;
  if (!to.empty()) options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options, handle(family)));
  for (it->Seek(ToSlice(from)); it->Valid(); it->Next()) {
    if (!visit(ToView(it->key()), ToView(it->value()))) break;
  }
  if (!it->status().ok()) return ReadError(it->status());
  return Ok();
}

Status Store::ScanBack(Family family, std::string_view from, std::string_view to,
                       const std::function<bool(std::string_view, std::string_view)>& visit) const {
  const rocksdb::Slice lower = ToSlice(from);
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &lower;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options, handle(family)));
  if (to.empty()) {
    it->SeekToLast();
  } else {
    it->SeekForPrev(ToSlice(to));
    if (it->Valid() && ToView(it->key()) >= to) it->Prev();
  }
  for (; it->Valid(); it->Prev()) {
    if (!visit(ToView(it->key()), ToView(it->value()))) break;
  }
  if (!it->status().ok()) return ReadError(it->status());
  return Ok();
}

Status Store::Write(StoreBatch& batch, bool sync) {
  if (batch.spilled()) return TakeIn(batch, nullptr);
  rocksdb::WriteBatch writes(batch.bytes());  // about as many
  AddTo(writes, batch);
  HG_RETURN_IF_ERROR(CheckSpace(writes.GetDataSize(), kReserveBytes / 4));
  return Apply(writes, sync);
}

Status Store::Commit(rocksdb::WriteBatch& writes, const StoreBatch& also, bool sync) {
  if (also.spilled()) return TakeIn(also, &writes);
  AddTo(writes, also);
  HG_RETURN_IF_ERROR(CheckSpace(writes.GetDataSize(), kReserveBytes));
  return Apply(writes, sync);
}

Status Store::MayWrite(std::uint64_t bytes) const { return CheckSpace(bytes, kReserveBytes / 4); }

Result<std::string> Store::Scratch() const {
  std::string scratch = directory_ + kScratch;
  std::error_code error;
  std::filesystem::create_directory(scratch, error);
  if (error) return Transient("create " + scratch + ": " + error.message());
  return scratch;
}

// A journal file that failed once stays unusable in RocksDB 7.8 (its issue 11643; with assertions, as Debian builds it,
// it even aborts), so a disk that fills up must be noticed before RocksDB does. Small disks keep a quarter.
Status Store::CheckSpace(std::uint64_t bytes, std::uint64_t reserve) const {
  struct statvfs disk {};
  if (::statvfs(directory_.c_str(), &disk) != 0) return Ok();
  const std::uint64_t available = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
  const std::uint64_t quarter = static_cast<std::uint64_t>(disk.f_blocks) * disk.f_frsize / 4;
  if (available < std::min(reserve, quarter * reserve / kReserveBytes) + 2 * bytes) {
    return DiskFull("write to the data directory " + directory_);
  }
  return Ok();
}

// Of a frame the thread sanitizer sees the calls to instrumented code alone. By this one it sees Store::Apply, which
// tests/support/tsan.supp names: what happens below is RocksDB's.
[[gnu::noinline]] static rocksdb::Status WriteTo(rocksdb::DB& db, const rocksdb::WriteOptions& options,
                                                 rocksdb::WriteBatch& writes) {
  return db.Write(options, &writes);
}

Status Store::Apply(rocksdb::WriteBatch& writes, bool sync) {
  if (FailpointHit("store.write_error")) return Transient("write to the data directory: failpoint");
  rocksdb::WriteOptions options;
  options.sync = sync;
  auto status = WriteTo(*db_, options, writes);
  if (!status.ok()) {
    // After a failed write RocksDB refuses all others until it is told that the cause may be gone.
    if (db_->Resume().ok()) status = WriteTo(*db_, options, writes);
  }
  if (!status.ok()) return DescribeStoreError(status, "write to the data directory " + directory_);
  return Ok();
}

std::uint64_t Store::disk_bytes(Family family) const {
  std::uint64_t bytes = 0;
  std::uint64_t memory = 0;
  db_->GetIntProperty(handle(family), rocksdb::DB::Properties::kLiveSstFilesSize, &bytes);
  db_->GetIntProperty(handle(family), rocksdb::DB::Properties::kCurSizeAllMemTables, &memory);
  return bytes + memory;
}

Result<std::uint64_t> Store::range_bytes(Family family, std::string_view from, std::string_view to) const {
  const rocksdb::Range range(ToSlice(from), ToSlice(to));
  rocksdb::SizeApproximationOptions options;
  options.include_files = true;
  std::uint64_t bytes = 0;
  const auto status = db_->GetApproximateSizes(options, handle(family), &range, 1, &bytes);
  if (!status.ok()) return ReadError(status);
  return bytes;
}

Status Store::Flush(Family family) {
  const auto status = db_->Flush({}, handle(family));
  if (!status.ok()) return DescribeStoreError(status, "write to the data directory " + directory_);
  return Ok();
}

void Store::Compact(Family family, std::string_view from, std::string_view to) {
  const rocksdb::Slice begin = ToSlice(from);
  const rocksdb::Slice end = ToSlice(to);
  // Whole files inside the range vanish at once; the rest goes with ordinary compaction.
  const auto status = rocksdb::DeleteFilesInRange(db_.get(), handle(family), &begin, &end, false);
  if (!status.ok()) diag::Warn("log", "files of a dropped range stay for now", {{"error", status.ToString()}});
}

}  // namespace headgate
