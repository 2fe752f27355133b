#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/operators/state_space.h"

// What operators remember between steps. An operator names the keys of a piece first (Load: one sorted read for those
// that are not in memory), then works on memory, and what it changed goes into the step's write. Without a space
// everything stays in memory.
namespace headgate::operators {

// How a T is stored: void Put(std::string& out, const T&) const, bool Get(std::string_view in, T&) const.
template <class T>
struct StateCodec;

template <>
struct StateCodec<std::string> {
  void Put(std::string& out, const std::string& value) const { out += value; }
  bool Get(std::string_view in, std::string& value) const {
    value = in;
    return true;
  }
};

template <>
struct StateCodec<std::int64_t> {
  void Put(std::string& out, std::int64_t value) const { PutSigned(out, value); }
  bool Get(std::string_view in, std::int64_t& value) const {
    ByteReader reader(in);
    value = reader.Signed();
    return !reader.failed() && reader.done();
  }
};

// State by key. Values stay where they are while others come and go, within a step.
template <class T, class Codec = StateCodec<T>>
class KeyedState final : public StatePart {
 public:
  explicit KeyedState(const StatePlace& place = {}, Codec codec = {}) : StatePart(place), codec_(std::move(codec)) {}

  // In any order, repetitions allowed.
  void Load(std::span<const std::string> keys) {
    if (!stored()) return;
    std::vector<std::string> missing;
    for (const std::string& key : keys) {
      if (slots_.Find(key) == nullptr) missing.push_back(key);
    }
    ReadMissing(missing, [&](const std::string& key, const std::optional<std::string>& value) {
      Node& node = *slots_.Add(key);
      if (!value) return true;
      slots_.Resize(node, value->size());
      Slot& slot = node.second;
      slot.stored = true;
      slot.there = codec_.Get(*value, slot.value);
      if (!slot.there) slot.value = T{};
      return slot.there;
    });
  }
  // nullptr if there is none. A key that was not loaded costs a read of its own.
  T* Find(std::string_view key) {
    Node* node = At(key);
    return node == nullptr || !node->second.there ? nullptr : &node->second.value;
  }
  // The value, to be changed; an empty one if there was none.
  T& Change(std::string_view key) {
    Node* node = At(key);
    if (node == nullptr) node = slots_.Add(key);
    node->second.there = true;
    Mark(*node);
    return node->second.value;
  }
  void Erase(std::string_view key) {
    Node* node = At(key);
    if (node == nullptr || !node->second.there) return;
    node->second.there = false;
    node->second.value = T{};
    Mark(*node);
  }

  void Save(StoreBatch& batch) override {
    std::string value;
    for (Node* node : changed_) {
      Slot& slot = node->second;
      slot.changed = false;
      if (slot.there) {
        value.clear();
        codec_.Put(value, slot.value);
        slots_.Resize(*node, value.size());
        Put(batch, node->first, value);
        slot.stored = true;
      } else if (std::exchange(slot.stored, false)) {
        slots_.Resize(*node, 0);
        Delete(batch, node->first);
      }
    }
    changed_.clear();
  }
  void Age() override { slots_.Age(); }
  void Forget() override {
    slots_.Clear();
    changed_.clear();
  }
  std::size_t bytes() const override { return slots_.bytes(); }

 private:
  struct Slot {
    T value{};
    std::size_t bytes = 0;
    bool there = false;
    bool stored = false;  // under its key in the store
    bool changed = false;
  };
  using Node = typename Generations<Slot>::Node;

  Node* At(std::string_view key) {
    Node* node = slots_.Find(key);
    if (node != nullptr || !stored()) return node;
    const std::array<std::string, 1> one = {std::string(key)};
    Load(one);
    return slots_.Find(key);
  }
  void Mark(Node& node) {
    if (!stored()) {
      if (!node.second.there) slots_.Erase(node.first);
      return;
    }
    if (!std::exchange(node.second.changed, true)) changed_.push_back(&node);
  }

  Codec codec_;
  Generations<Slot> slots_;
  std::vector<Node*> changed_;
};

// State by group and, inside a group, ordered by key. A group is in memory whole or not at all.
template <class T, class Codec = StateCodec<T>>
class OrderedState final : public StatePart {
 public:
  using Group = std::map<std::string, T, std::less<>>;

  explicit OrderedState(const StatePlace& place = {}, Codec codec = {}) : StatePart(place), codec_(std::move(codec)) {}

  // In any order, repetitions allowed. No group is the beginning of another (keys of core/sql/key.h never are).
  void Load(std::span<const std::string> groups) {
    if (!stored()) return;
    for (const std::string& group : groups) {
      if (slots_.Find(group) != nullptr) continue;
      Node& node = *slots_.Add(group);
      auto& entries = node.second.entries;
      ReadBehind(group, [&](std::string_view key, std::string_view value) {
        Account(node, key, true);
        return codec_.Get(value, entries.emplace_hint(entries.end(), key, T{})->second);
      });
    }
  }
  // nullptr if the group is empty.
  const Group* Find(std::string_view group) {
    Node* node = At(group);
    return node == nullptr || node->second.entries.empty() ? nullptr : &node->second.entries;
  }
  const T* Find(std::string_view group, std::string_view key) {
    const Group* entries = Find(group);
    if (entries == nullptr) return nullptr;
    const auto found = entries->find(key);
    return found == entries->end() ? nullptr : &found->second;
  }
  // The value, to be changed; an empty one if there was none.
  T& Change(std::string_view group, std::string_view key) {
    Node* node = At(group);
    if (node == nullptr) node = slots_.Add(group);
    auto& entries = node->second.entries;
    auto found = entries.lower_bound(key);
    const bool there = found != entries.end() && found->first == key;
    Mark(*node, key, there);
    if (!there) {
      found = entries.emplace_hint(found, std::string(key), T{});
      Account(*node, key, true);
    }
    return found->second;
  }
  void Erase(std::string_view group, std::string_view key) {
    Node* node = At(group);
    if (node == nullptr) return;
    const auto found = node->second.entries.find(key);
    if (found == node->second.entries.end()) return;
    Mark(*node, key, true);
    Account(*node, key, false);
    node->second.entries.erase(found);
    if (!stored() && node->second.entries.empty()) slots_.Erase(node->first);
  }

  void Save(StoreBatch& batch) override {
    std::string value;
    for (Node* node : changed_) {
      for (const auto& [key, was_there] : node->second.changed) {
        const auto found = node->second.entries.find(key);
        if (found == node->second.entries.end()) {
          if (was_there) Delete(batch, node->first, key);
          continue;
        }
        value.clear();
        codec_.Put(value, found->second);
        Put(batch, node->first, value, key);
      }
      node->second.changed.clear();
    }
    changed_.clear();
  }
  void Age() override { slots_.Age(); }
  void Forget() override {
    slots_.Clear();
    changed_.clear();
  }
  std::size_t bytes() const override { return slots_.bytes(); }

 private:
  static constexpr std::size_t kEntryBytes = 80;  // a node of the map
  struct Slot {
    Group entries;
    std::map<std::string, bool, std::less<>> changed;  // since the last Save; true: was there before
    std::size_t payload = 0;                           // of all entries
    std::size_t bytes = 0;
  };
  using Node = typename Generations<Slot>::Node;

  Node* At(std::string_view group) {
    Node* node = slots_.Find(group);
    if (node != nullptr || !stored()) return node;
    const std::array<std::string, 1> one = {std::string(group)};
    Load(one);
    return slots_.Find(group);
  }
  void Mark(Node& node, std::string_view key, bool there) {
    if (!stored()) return;
    if (node.second.changed.empty()) changed_.push_back(&node);
    if (!node.second.changed.contains(key)) node.second.changed.emplace(key, there);
  }
  void Account(Node& node, std::string_view key, bool added) {
    const std::size_t bytes = kEntryBytes + sizeof(T) + key.size();
    node.second.payload = added ? node.second.payload + bytes : node.second.payload - bytes;
    slots_.Resize(node, node.second.payload);
  }

  Codec codec_;
  Generations<Slot> slots_;
  std::vector<Node*> changed_;
};

// What an operator notes between the first piece of a step and Finish, which leaves it empty. A step that fails takes
// it along.
template <class T>
class StepNotes final : public StatePart {
 public:
  explicit StepNotes(const StatePlace& place) : StatePart(place) {}
  T& operator*() { return notes_; }
  T* operator->() { return &notes_; }

  void Save(StoreBatch&) override {}
  void Age() override {}
  void Forget() override { notes_ = T{}; }
  std::size_t bytes() const override { return 0; }

 private:
  T notes_{};
};

}  // namespace headgate::operators
