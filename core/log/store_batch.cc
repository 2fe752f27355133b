#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <cstring>

#include "core/base/check.h"
#include "core/log/insert_hints.h"
#include "core/log/store.h"

namespace headgate {

// Items one behind the other: what is done, to which family, two lengths, the key, and the value or the end of the
// range. Steps of views write hundreds of thousands, so none has memory of its own.
struct StoreBatchImpl {
  enum class Op : std::uint8_t { kPut, kDelete, kDeleteRange };
  struct Head {
    Op op;
    Family family;
    std::uint32_t key = 0;
    std::uint32_t value = 0;
  };
  std::string items;

  void Add(Op op, Family family, std::string_view key, std::string_view head, std::string_view tail) {
    const Head sizes{op, family, static_cast<std::uint32_t>(key.size()),
                     static_cast<std::uint32_t>(head.size() + tail.size())};
    char bytes[sizeof sizes];
    std::memcpy(bytes, &sizes, sizeof sizes);
    items.append(bytes, sizeof bytes).append(key).append(head).append(tail);
  }
  // Calls `visit` with op, family, key and value of each.
  template <class Visit>
  void ForEach(const Visit& visit) const {
    for (const char* at = items.data(); at != items.data() + items.size();) {
      Head sizes;
      std::memcpy(&sizes, at, sizeof sizes);
      at += sizeof sizes;
      visit(sizes.op, sizes.family, rocksdb::Slice(at, sizes.key), rocksdb::Slice(at + sizes.key, sizes.value));
      at += sizes.key + sizes.value;
    }
  }
};

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
void StoreBatch::Add(const StoreBatch& other) { impl_->items += other.impl_->items; }
std::size_t StoreBatch::bytes() const { return impl_->items.size(); }
bool StoreBatch::empty() const { return impl_->items.empty(); }
void StoreBatch::Clear() { impl_->items.clear(); }

void Store::AddTo(rocksdb::WriteBatch& writes, const StoreBatch& batch) const {
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
