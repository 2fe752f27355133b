#include "core/log/store_files.h"

#include <rocksdb/options.h>
#include <rocksdb/sst_file_writer.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <utility>

#include "core/base/failpoint.h"

namespace headgate {
namespace {

// What the database needs to begin, end and read a file is in memory meanwhile: eight bytes a key, and the index.
constexpr std::uint64_t kFileKeysMax = 500'000;
constexpr std::uint64_t kFileBytesMax = 64 << 20;

}  // namespace

StoreFiles::~StoreFiles() {
  std::error_code gone_already;
  for (OfFamily& family : families_) {
    family.open.reset();
    for (const std::string& file : family.files) std::filesystem::remove(file, gone_already);
  }
}

Error StoreFiles::Describe(const rocksdb::Status& status) const {
  return DescribeStoreError(status, "write to the data directory " + store_.directory());
}

void StoreFiles::Add(const StoreBatchImpl& items) {
  if (failure_) return;
  if (const Status added = AddAll(items); !added.ok()) failure_ = added.error();
}

Status StoreFiles::AddAll(const StoreBatchImpl& items) {
  HG_RETURN_IF_ERROR(store_.MayWrite(items.items.size()));
  Status status = Ok();
  items.ForEach([&](StoreBatchImpl::Op op, Family family, const rocksdb::Slice& key, const rocksdb::Slice& value) {
    if (!status.ok()) return;
    if (op == StoreBatchImpl::Op::kDeleteRange) {
      status = DeleteRange(family, key, value);
    } else {
      families_[static_cast<std::size_t>(family)].items.push_back({op, key, value});
    }
  });
  for (std::size_t f = 0; f < kFamilies && status.ok(); ++f) status = WriteItems(static_cast<Family>(f));
  return status;
}

// The last one of each key counts. One file as long as the keys ascend.
Status StoreFiles::WriteItems(Family family) {
  OfFamily& own = families_[static_cast<std::size_t>(family)];
  if (own.items.empty()) return Ok();
  std::vector<Item> items = std::exchange(own.items, {});
  std::ranges::stable_sort(items, [](const Item& a, const Item& b) { return a.key.compare(b.key) < 0; });
  const bool behind = own.keys == 0 || items.front().key.compare(own.last_key) > 0;
  if (!behind) HG_RETURN_IF_ERROR(End(family));
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Item& item = items[i];
    if (i + 1 < items.size() && items[i + 1].key == item.key) continue;
    if (own.keys >= kFileKeysMax || (own.open != nullptr && own.open->FileSize() >= kFileBytesMax))
      HG_RETURN_IF_ERROR(End(family));
    HG_RETURN_IF_ERROR(Begin(family));
    const auto status =
        item.op == StoreBatchImpl::Op::kPut ? own.open->Put(item.key, item.value) : own.open->Delete(item.key);
    if (!status.ok()) return Describe(status);
    ++own.keys;
  }
  own.last_key = items.back().key.ToString();
  return Ok();
}

// In its file it comes before all keys: they are not in the range as it was then.
Status StoreFiles::DeleteRange(Family family, const rocksdb::Slice& from, const rocksdb::Slice& to) {
  HG_RETURN_IF_ERROR(WriteItems(family));
  OfFamily& own = families_[static_cast<std::size_t>(family)];
  if (own.keys > 0) HG_RETURN_IF_ERROR(End(family));
  HG_RETURN_IF_ERROR(Begin(family));
  const auto status = own.open->DeleteRange(from, to);
  return status.ok() ? Ok() : Status(Describe(status));
}

Status StoreFiles::Begin(Family family) {
  OfFamily& own = families_[static_cast<std::size_t>(family)];
  if (own.open != nullptr) return Ok();
  static std::atomic<std::uint64_t> number = 0;
  HG_ASSIGN_OR_RETURN(const std::string directory, store_.Scratch());
  own.files.push_back(directory + "/" + std::to_string(++number) + ".sst");
  auto* const handle = store_.handle(family);
  own.open = std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(), store_.db()->GetOptions(handle), handle);
  const auto status = own.open->Open(own.files.back());
  return status.ok() ? Ok() : Status(Describe(status));
}

Status StoreFiles::End(Family family) {
  OfFamily& own = families_[static_cast<std::size_t>(family)];
  if (own.open == nullptr) return Ok();
  const auto status = own.open->Finish();
  file_bytes_ += own.open->FileSize();
  own.open.reset();
  own.last_key.clear();
  own.keys = 0;
  return status.ok() ? Ok() : Status(Describe(status));
}

Status StoreFiles::TakeIn() {
  if (failure_) return *failure_;
  std::vector<rocksdb::IngestExternalFileArg> args;
  for (std::size_t f = 0; f < kFamilies; ++f) {
    HG_RETURN_IF_ERROR(End(static_cast<Family>(f)));
    if (families_[f].files.empty()) continue;
    rocksdb::IngestExternalFileArg& arg = args.emplace_back();
    arg.column_family = store_.handle(static_cast<Family>(f));
    arg.external_files = families_[f].files;
    arg.options.move_files = true;
    arg.options.write_global_seqno = false;
  }
  if (FailpointHit("store.ingest_error")) return Transient("write to the data directory: failpoint");
  if (args.empty()) return Ok();
  // They do not go through the journal: what was written to that before must not be lost when they are not.
  auto status = store_.db()->SyncWAL();
  HG_FAILPOINT("store.before_ingest");
  if (status.ok()) status = store_.db()->IngestExternalFiles(args);
  if (!status.ok()) {
    store_.db()->Resume();  // for the next write
    return Describe(status);
  }
  HG_FAILPOINT("store.ingested");
  return Ok();
}

}  // namespace headgate
