#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <vector>

#include "core/base/check.h"
#include "core/log/insert_hints.h"
#include "core/log/store.h"
#include "core/log/store_files.h"
#include "core/log/store_items.h"

namespace headgate {

StoreBatchImpl::StoreBatchImpl() = default;
StoreBatchImpl::~StoreBatchImpl() = default;

void StoreBatchImpl::Spill() {
  if (files == nullptr) files = std::make_unique<StoreFiles>(*store);
  files->Add(*this);
  items.clear();
}

namespace {

// Adds what a write of the database has to the items.
class Collect final : public rocksdb::WriteBatch::Handler {
 public:
  Collect(StoreBatchImpl& items, const Store& store) : items_(items) {
    for (std::size_t f = 0; f < kFamilies; ++f) {
      const auto family = static_cast<Family>(f);
      const std::uint32_t id = store.handle(family)->GetID();
      if (families_.size() <= id) families_.resize(id + 1);
      families_[id] = family;
    }
  }
  rocksdb::Status PutCF(std::uint32_t family, const rocksdb::Slice& key, const rocksdb::Slice& value) override {
    return Add(StoreBatchImpl::Op::kPut, family, key, value);
  }
  rocksdb::Status DeleteCF(std::uint32_t family, const rocksdb::Slice& key) override {
    return Add(StoreBatchImpl::Op::kDelete, family, key, {});
  }
  rocksdb::Status DeleteRangeCF(std::uint32_t family, const rocksdb::Slice& from, const rocksdb::Slice& to) override {
    return Add(StoreBatchImpl::Op::kDeleteRange, family, from, to);
  }

 private:
  rocksdb::Status Add(StoreBatchImpl::Op op, std::uint32_t family, const rocksdb::Slice& key,
                      const rocksdb::Slice& value) {
    items_.Add(op, families_[family], {key.data(), key.size()}, {value.data(), value.size()}, {});
    return rocksdb::Status::OK();
  }

  StoreBatchImpl& items_;
  std::vector<Family> families_;  // by their numbers in the database
};

}  // namespace

StoreBatch::StoreBatch() : impl_(std::make_unique<StoreBatchImpl>()) {}
StoreBatch::~StoreBatch() = default;
StoreBatch::StoreBatch(StoreBatch&&) noexcept = default;
StoreBatch& StoreBatch::operator=(StoreBatch&&) noexcept = default;

void StoreBatch::Put(Family family, std::string_view key, std::string_view value) {
  impl_->Add(StoreBatchImpl::Op::kPut, family, key, value, {});
}
void StoreBatch::Put(Family family, std::string_view key, std::string_view head, std::string_view tail) {
  impl_->Add(StoreBatchImpl::Op::kPut, family, key, head, tail);
}
void StoreBatch::Delete(Family family, std::string_view key) {
  impl_->Add(StoreBatchImpl::Op::kDelete, family, key, {}, {});
}
void StoreBatch::DeleteRange(Family family, std::string_view from, std::string_view to) {
  CHECK(!HasHints(family) || from.size() <= HintPrefix::kRangeKey);
  impl_->Add(StoreBatchImpl::Op::kDeleteRange, family, from, to, {});
}
void StoreBatch::Add(const StoreBatch& other) {
  CHECK(!other.spilled());
  impl_->items += other.impl_->items;
  if (impl_->items.size() > impl_->items_max) impl_->Spill();
}
std::size_t StoreBatch::bytes() const { return impl_->items.size(); }
bool StoreBatch::empty() const { return impl_->items.empty() && !spilled(); }
void StoreBatch::Clear() {
  CHECK(!spilled());
  impl_->items.clear();
}
void StoreBatch::SpillBeyond(std::size_t bytes_max, const Store& store) {
  impl_->items_max = bytes_max;
  impl_->store = &store;
}
bool StoreBatch::spilled() const { return impl_->files != nullptr; }
std::uint64_t StoreBatch::spill_bytes() const { return impl_->files == nullptr ? 0 : impl_->files->file_bytes(); }
Status StoreBatch::spill_status() const { return impl_->files == nullptr ? Ok() : impl_->files->status(); }

Status Store::TakeIn(const StoreBatch& batch, rocksdb::WriteBatch* also) const {
  StoreBatchImpl& impl = *batch.impl_;
  if (also != nullptr) {
    Collect collect(impl, *this);
    const auto status = also->Iterate(&collect);
    CHECK(status.ok());  // it was made here
  }
  impl.Spill();
  ++files_taken_in_;  // the families get their files one after another
  const Status status = impl.files->TakeIn();
  ++files_taken_in_;
  return status;
}

void Store::AddTo(rocksdb::WriteBatch& writes, const StoreBatch& batch) const {
  CHECK(!batch.spilled());
  using ItemOp = StoreBatchImpl::Op;
  batch.impl_->ForEach([&](ItemOp op, Family family, const rocksdb::Slice& key, const rocksdb::Slice& value) {
    switch (op) {
      case ItemOp::kPut:
        writes.Put(handle(family), key, value);
        break;
      case ItemOp::kDelete:
        writes.Delete(handle(family), key);
        break;
      case ItemOp::kDeleteRange:
        writes.DeleteRange(handle(family), key, value);
        break;
    }
  });
}

}  // namespace headgate
