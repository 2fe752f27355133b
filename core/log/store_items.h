#pragma once

#include <rocksdb/slice.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "core/log/store.h"

// What a StoreBatch holds. Internal to core/log.
namespace headgate {

class StoreFiles;

// Items one behind the other: what is done, to which family, two lengths, the key, and the value or the end of the
// range. Steps of views write hundreds of thousands, so none has memory of its own.
struct StoreBatchImpl {
  StoreBatchImpl();
  ~StoreBatchImpl();

  enum class Op : std::uint8_t { kPut, kDelete, kDeleteRange };
  struct Head {
    Op op;
    Family family;
    std::uint32_t key = 0;
    std::uint32_t value = 0;
  };
  std::string items;
  std::size_t items_max = ~std::size_t{0};
  const Store* store = nullptr;       // of the files
  std::unique_ptr<StoreFiles> files;  // of the items that came before those

  void Add(Op op, Family family, std::string_view key, std::string_view head, std::string_view tail) {
    const Head sizes{op, family, static_cast<std::uint32_t>(key.size()),
                     static_cast<std::uint32_t>(head.size() + tail.size())};
    char bytes[sizeof sizes];
    std::memcpy(bytes, &sizes, sizeof sizes);
    items.append(bytes, sizeof bytes).append(key).append(head).append(tail);
    if (items.size() > items_max) Spill();
  }
  void Spill();  // the items into the files

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

}  // namespace headgate
