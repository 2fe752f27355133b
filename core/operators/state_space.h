#pragma once

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/prefetch.h"
#include "core/base/result.h"
#include "core/log/store.h"

// The ground that state.h stands on: where parts of state are stored, and how much of them stays in memory.
namespace headgate::operators {

class StateSpace;

// Where one part lies: the beginning of its keys. No place of a space is the beginning of another.
struct StatePlace {
  StateSpace* space = nullptr;  // null: in memory alone
  std::string prefix;

  // A place inside this one.
  StatePlace Part(std::uint8_t number) const { return {space, prefix + static_cast<char>(number)}; }
};

// One operator's state under one kind of key. Belongs to the space of its place until one of the two ends.
class StatePart {
 public:
  explicit StatePart(const StatePlace& place);
  virtual ~StatePart();
  StatePart(const StatePart&) = delete;
  StatePart& operator=(const StatePart&) = delete;

  // Puts what has changed since the last call into the step's write.
  virtual void Save(StoreBatch& batch) = 0;
  // Lets go of what was not used since the last call, and of single values that take more than `large`. Between steps,
  // with everything saved.
  virtual void Age(std::size_t large) = 0;
  // Lets go of everything, changes too: the step failed.
  virtual void Forget() = 0;
  virtual std::size_t bytes() const = 0;
  bool stored() const { return place_.space != nullptr; }

 protected:
  // `take` gets each key once, in order; false if the value makes no sense.
  void ReadMissing(std::vector<std::string> keys,
                   const std::function<bool(const std::string& key, const std::optional<std::string>& value)>& take);
  // What may still be kept of values that are only looked at.
  std::size_t Room() const;
  // What is stored from this key on, in order, until `take` has enough (kEnough).
  enum class Taken : std::uint8_t { kMore, kEnough, kNonsense };
  void ReadFrom(std::string_view first, const std::function<Taken(std::string_view key, std::string_view value)>& take);
  void Put(StoreBatch& batch, std::string_view key, std::string_view value, std::string_view behind = {}) const;
  void Delete(StoreBatch& batch, std::string_view key, std::string_view behind = {}) const;

 private:
  friend class StateSpace;
  StatePlace place_;
};

// Keys in ascending order, with what stands beside them. Most comparisons look at the first bytes alone, which lie
// here.
template <class T>
class ByKey {
 public:
  void Add(std::string_view key, T of) { items_.push_back({Head(key, 0), Head(key, kWord), key, of}); }
  // Calls `visit` with each, by key, and is empty then.
  template <class Visit>
  void Drain(const Visit& visit) {
    std::ranges::sort(items_, [](const Item& a, const Item& b) {
      if (a.first != b.first) return a.first < b.first;
      return a.second != b.second ? a.second < b.second : a.key < b.key;
    });
    for (const Item& item : items_) visit(item.key, item.of);
    items_.clear();
  }

 private:
  static constexpr std::size_t kWord = sizeof(std::uint64_t);
  struct Item {
    std::uint64_t first;
    std::uint64_t second;
    std::string_view key;
    T of;
  };
  // Eight bytes of the key as a number that sorts as they do.
  static std::uint64_t Head(std::string_view key, std::size_t from) {
    if (key.size() >= from + kWord) return LoadBigEndian<std::uint64_t>(key.data() + from);
    std::uint64_t head = 0;
    for (std::size_t i = from; i < from + kWord; ++i)
      head = head << 8 | (i < key.size() ? static_cast<unsigned char>(key[i]) : 0);
    return head;
  }

  std::vector<Item> items_;
};

// Some parts of one family of the store, with one memory. For one thread.
class StateSpace {
 public:
  StateSpace(const Store& store, Family family) : store_(store), family_(family) {}
  ~StateSpace();
  StateSpace(const StateSpace&) = delete;
  StateSpace& operator=(const StateSpace&) = delete;

  // A step: the operators work, then Save once, then the batch is written. If the write fails, or a read has failed
  // (failure), Forget: the store has what was before the step.
  void Save(StoreBatch& batch);
  void Forget();
  // The first read that failed since the last Forget. What operators made since then is void.
  const std::optional<Error>& failure() const { return failure_; }

  // How much a step may bring into memory if it only looks at it; what it changes stays, whatever it takes.
  void SetMax(std::size_t bytes) { bytes_max_ = bytes; }
  // Between steps: what was not used lately goes if more than this is in memory.
  void Trim(std::size_t bytes_max);
  std::size_t bytes() const;

 private:
  friend class StatePart;
  const Store& store_;
  Family family_;
  std::vector<StatePart*> parts_;
  std::size_t bytes_max_ = ~std::size_t{0};
  std::optional<Error> failure_;
  std::string key_;  // that is being put together
};

// A map that forgets what was not used between two calls of Age. Nodes keep their address as long as they are there.
template <class V>
class Generations {
 public:
  struct Node {
    const std::string key;
    V value{};

   private:
    friend class Generations;
    explicit Node(std::string_view name) : key(name) {}
    std::size_t bytes = 0;  // that it counts for
    bool young = true;      // used since the last Age
  };

  Generations() = default;
  ~Generations() { Clear(); }
  Generations(const Generations&) = delete;
  Generations& operator=(const Generations&) = delete;

  Node* Find(std::string_view key) { return Find(key, HashOf(key)); }
  // Of each key its node, or nullptr. Many are looked for at once: where they lie is known before it is needed.
  void Find(std::span<const std::string> keys, std::vector<Node*>& nodes) {
    nodes.assign(keys.size(), nullptr);
    if (count_ == 0) return;
    hashes_.clear();
    for (const std::string& key : keys) {
      hashes_.push_back(HashOf(key));
      Prefetch(&table_[hashes_.back() & mask()]);
    }
    for (std::size_t i = 0; i < keys.size(); ++i) {
      nodes[i] = Like(hashes_[i]);
      if (nodes[i] != nullptr) Fetch(*nodes[i]);
    }
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (nodes[i] == nullptr) continue;
      if (nodes[i]->key != keys[i]) nodes[i] = Find(keys[i], hashes_[i]);
      if (nodes[i] != nullptr) nodes[i]->young = true;
    }
  }
  // Asks for a node's memory, for a look at it soon.
  static void Fetch(const Node& node) { Prefetch(&node, sizeof node); }
  // For a key that is not there.
  Node* Add(std::string_view key) {
    if (2 * (count_ + 1) > table_.size()) Rehash(std::max<std::size_t>(kTableMin, 2 * table_.size()));
    Node* const node = new Node(key);
    Put({HashOf(key), node});
    ++count_;
    Resize(*node, 0);
    return node;
  }
  void Erase(std::string_view key) {
    const std::uint64_t hash = HashOf(key);
    Node* const node = Find(key, hash);
    if (node == nullptr) return;
    std::size_t hole = hash & mask();
    while (table_[hole].node != node) hole = (hole + 1) & mask();
    // What was pushed behind by others moves up.
    for (std::size_t at = (hole + 1) & mask(); table_[at].node != nullptr; at = (at + 1) & mask()) {
      const std::size_t home = table_[at].hash & mask();
      if (((at - home) & mask()) < ((at - hole) & mask())) continue;
      table_[hole] = table_[at];
      hole = at;
    }
    table_[hole] = {};
    Drop(node);
  }
  // Says how much the value takes beside its own size.
  void Resize(Node& node, std::size_t bytes) {
    bytes_ -= node.bytes;
    node.bytes = kNodeBytes + sizeof(Node) + node.key.size() + bytes;
    bytes_ += node.bytes;
  }
  void Age(std::size_t large) {
    for (Entry& entry : table_) {
      if (entry.node == nullptr) continue;
      if (std::exchange(entry.node->young, false) && entry.node->bytes <= large) continue;
      Drop(entry.node);
      entry = {};
    }
    Rehash(std::bit_ceil(std::max(kTableMin, 2 * count_ + 1)));
  }
  void Clear() {
    for (const Entry& entry : table_) delete entry.node;
    table_.clear();
    count_ = bytes_ = 0;
  }
  // Of all values, about.
  std::size_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kNodeBytes = 48;  // of the heap, and in the table
  static constexpr std::size_t kTableMin = 16;
  struct Entry {
    std::uint64_t hash = 0;
    Node* node = nullptr;
  };

  static std::uint64_t HashOf(std::string_view key) { return XXH3_64bits(key.data(), key.size()); }
  std::size_t mask() const { return table_.size() - 1; }
  Node* Find(std::string_view key, std::uint64_t hash) {
    if (count_ == 0) return nullptr;
    for (std::size_t at = hash & mask(); table_[at].node != nullptr; at = (at + 1) & mask()) {
      if (table_[at].hash != hash || table_[at].node->key != key) continue;
      table_[at].node->young = true;
      return table_[at].node;
    }
    return nullptr;
  }
  // The first with this hash.
  Node* Like(std::uint64_t hash) const {
    std::size_t at = hash & mask();
    while (table_[at].node != nullptr && table_[at].hash != hash) at = (at + 1) & mask();
    return table_[at].node;
  }
  void Put(const Entry& entry) {
    std::size_t at = entry.hash & mask();
    while (table_[at].node != nullptr) at = (at + 1) & mask();
    table_[at] = entry;
  }
  void Rehash(std::size_t size) {
    const std::vector<Entry> old = std::exchange(table_, std::vector<Entry>(size));
    for (const Entry& entry : old) {
      if (entry.node != nullptr) Put(entry);
    }
  }
  void Drop(Node* node) {
    bytes_ -= node->bytes;
    --count_;
    delete node;
  }

  std::vector<Entry> table_;  // open addressing, at most half full; a power of two
  std::vector<std::uint64_t> hashes_;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace headgate::operators
