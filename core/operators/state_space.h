#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/log/store.h"

// The ground that state.h stands on: where parts of state are stored, and how much of them stays in memory.
namespace headgate::operators {

struct BytesHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view bytes) const { return std::hash<std::string_view>()(bytes); }
};

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
  // Lets go of what was not used since the last call. Between steps, with everything saved.
  virtual void Age() = 0;
  // Lets go of everything, changes too: the step failed.
  virtual void Forget() = 0;
  virtual std::size_t bytes() const = 0;
  bool stored() const { return place_.space != nullptr; }

 protected:
  // `take` gets each key once, in order; false if the value makes no sense.
  void ReadMissing(std::vector<std::string> keys,
                   const std::function<bool(const std::string& key, const std::optional<std::string>& value)>& take);
  void ReadBehind(std::string_view group,
                  const std::function<bool(std::string_view key, std::string_view value)>& take);
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

  // Between steps: what was not used lately goes if more than this is in memory.
  void Trim(std::size_t bytes_max);
  std::size_t bytes() const;

 private:
  friend class StatePart;
  const Store& store_;
  Family family_;
  std::vector<StatePart*> parts_;
  std::optional<Error> failure_;
  std::string key_;  // that is being put together
};

// A map that forgets what was not used between two calls of Age. Nodes keep their address as long as they are there. A
// V has a member `bytes`, of this class: what the node counts for.
template <class V>
class Generations {
 public:
  using Map = std::unordered_map<std::string, V, BytesHash, std::equal_to<>>;
  using Node = typename Map::value_type;

  Node* Find(std::string_view key) {
    auto found = young_.find(key);
    if (found != young_.end()) return &*found;
    if (old_.empty()) return nullptr;
    found = old_.find(key);
    if (found == old_.end()) return nullptr;
    auto node = old_.extract(found);
    old_bytes_ -= node.mapped().bytes;
    young_bytes_ += node.mapped().bytes;
    return &*young_.insert(std::move(node)).position;
  }
  // For a key that is not there.
  Node* Add(std::string_view key) {
    Node& node = *young_.try_emplace(std::string(key)).first;
    Resize(node, 0);
    return &node;
  }
  void Erase(std::string_view key) {
    const auto found = young_.find(key);
    if (found == young_.end()) return;
    young_bytes_ -= found->second.bytes;
    young_.erase(found);
  }
  // Says how much the value takes beside its own size. The node was found or added since the last Age.
  void Resize(Node& node, std::size_t bytes) {
    young_bytes_ -= node.second.bytes;
    node.second.bytes = kNodeBytes + sizeof(Node) + node.first.size() + bytes;
    young_bytes_ += node.second.bytes;
  }
  void Age() {
    old_ = std::exchange(young_, {});
    old_bytes_ = std::exchange(young_bytes_, 0);
  }
  void Clear() {
    young_.clear();
    old_.clear();
    young_bytes_ = old_bytes_ = 0;
  }
  // Of all values, about.
  std::size_t bytes() const { return young_bytes_ + old_bytes_; }

 private:
  static constexpr std::size_t kNodeBytes = 32;
  Map young_;
  Map old_;
  std::size_t young_bytes_ = 0;
  std::size_t old_bytes_ = 0;
};

}  // namespace headgate::operators
