#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
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
  struct Slot {
    T value{};
    bool there = false;
    bool stored = false;  // under its key in the store
    bool changed = false;
  };
  using Node = typename Generations<Slot>::Node;

 public:
  explicit KeyedState(const StatePlace& place = {}, Codec codec = {}) : StatePart(place), codec_(std::move(codec)) {}

  // Where a key's value is or will be, so that it need not be looked for again. Good until the step ends.
  class Place {
   public:
    Place() = default;
    T* Find() const { return node_->value.there ? &node_->value.value : nullptr; }
    T& Change(KeyedState& state) const {
      node_->value.there = true;
      state.Mark(*node_);
      return node_->value.value;
    }
    void Erase(KeyedState& state) const {
      if (!node_->value.there) return;
      node_->value.there = false;
      node_->value.value = T{};
      state.Mark(*node_);
    }
    const std::string& key() const { return node_->key; }
    // Asks for its memory, for a look at it soon.
    void Fetch() const { Generations<Slot>::Fetch(*node_); }

   private:
    friend class KeyedState;
    explicit Place(Node* node) : node_(node) {}
    Node* node_ = nullptr;
  };

  // In any order, repetitions allowed.
  void Load(std::span<const std::string> keys) {
    if (!stored()) return;
    slots_.Find(keys, found_);
    std::vector<std::string> missing;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (found_[i] == nullptr) missing.push_back(keys[i]);
    }
    ReadMissing(std::move(missing), [&](const std::string& key, const std::optional<std::string>& value) {
      Node& node = *slots_.Add(key);
      if (!value) return true;
      slots_.Resize(node, value->size());
      Slot& slot = node.value;
      slot.stored = true;
      slot.there = codec_.Get(*value, slot.value);
      if (!slot.there) slot.value = T{};
      return slot.there;
    });
  }
  // The places of these keys, with what the store has under them.
  void Load(std::span<const std::string> keys, std::vector<Place>& places) {
    if (stored()) {
      Load(keys);
    } else {
      slots_.Find(keys, found_);
    }
    places.clear();
    for (std::size_t i = 0; i < keys.size(); ++i) {
      Node* node = found_[i] != nullptr ? found_[i] : slots_.Find(keys[i]);
      places.push_back(Place(node != nullptr ? node : slots_.Add(keys[i])));
    }
  }
  // nullptr if there is none. A key that was not loaded costs a read of its own.
  T* Find(std::string_view key) {
    Node* node = At(key);
    return node == nullptr || !node->value.there ? nullptr : &node->value.value;
  }
  // The value, to be changed; an empty one if there was none.
  T& Change(std::string_view key) {
    Node* node = At(key);
    if (node == nullptr) node = slots_.Add(key);
    return Place(node).Change(*this);
  }
  void Erase(std::string_view key) {
    if (Node* node = At(key)) Place(node).Erase(*this);
  }

  void Save(StoreBatch& batch) override {
    std::string value;
    for (Node* node : changed_) sorted_.Add(node->key, node);
    changed_.clear();
    sorted_.Drain([&](std::string_view key, Node* node) {
      Slot& slot = node->value;
      slot.changed = false;
      if (slot.there) {
        value.clear();
        codec_.Put(value, slot.value);
        slots_.Resize(*node, value.size());
        Put(batch, key, value);
        slot.stored = true;
      } else if (std::exchange(slot.stored, false)) {
        slots_.Resize(*node, 0);
        Delete(batch, key);
      }
    });
  }
  void Age(std::size_t large) override { slots_.Age(large); }
  void Forget() override {
    slots_.Clear();
    changed_.clear();
  }
  std::size_t bytes() const override { return slots_.bytes(); }

 private:
  Node* At(std::string_view key) {
    Node* node = slots_.Find(key);
    if (node != nullptr || !stored()) return node;
    const std::array<std::string, 1> one = {std::string(key)};
    Load(one);
    return slots_.Find(key);
  }
  void Mark(Node& node) {
    if (!stored()) {
      if (!node.value.there) slots_.Erase(node.key);
      return;
    }
    if (!std::exchange(node.value.changed, true)) changed_.push_back(&node);
  }

  Codec codec_;
  Generations<Slot> slots_;
  std::vector<Node*> found_;  // by Load
  std::vector<Node*> changed_;
  ByKey<Node*> sorted_;  // of Save
};

// A group's name and a key inside it.
struct EntryPlace {
  std::string group;
  std::string key;
  auto operator<=>(const EntryPlace&) const = default;
};

// State by group and, inside a group, ordered by key. Of a group that nobody asked for as a whole only the entries that
// were named are in memory.
template <class T, class Codec = StateCodec<T>>
class OrderedState final : public StatePart {
  struct Slot;
  using Node = typename Generations<Slot>::Node;
  using Entries = std::vector<std::pair<std::string, T>>;

 public:
  using Group = std::map<std::string, T, std::less<>>;

  explicit OrderedState(const StatePlace& place = {}, Codec codec = {}) : StatePart(place), codec_(std::move(codec)) {}

  // As far as there is room. In any order, repetitions allowed. No group is the beginning of another (keys of
  // core/sql/key.h never are).
  void Load(std::span<const std::string> groups) {
    if (!stored()) return;
    std::vector<std::string_view> sorted(groups.begin(), groups.end());
    std::ranges::sort(sorted);
    for (const std::string_view group : sorted) {
      if (Node& node = At(group); !node.value.whole) ReadRest(node, Room());
    }
  }
  // Single entries of groups.
  void LoadEntries(std::span<const EntryPlace> places) {
    if (!stored()) return;
    std::unordered_map<std::string, const EntryPlace*> missing;
    std::vector<std::string> names;
    for (const EntryPlace& place : places) {
      if (Knows(At(place.group).value, place.key)) continue;
      names.push_back(place.group + place.key);
      missing.emplace(names.back(), &place);
    }
    ReadMissing(std::move(names), [&](const std::string& name, const std::optional<std::string>& value) {
      const EntryPlace& place = *missing.at(name);
      return Take(At(place.group), place.key, value);
    });
  }
  // The whole group; nullptr if it is empty. What was not loaded costs a read of its own.
  const Group* Find(std::string_view group) {
    Node* node = Seek(group);
    if (node == nullptr) return nullptr;
    if (!node->value.whole) ReadRest(*node);
    return node->value.entries.empty() ? nullptr : &node->value.entries;
  }
  const T* Find(std::string_view group, std::string_view key) {
    Node* node = Seek(group);
    if (node == nullptr) return nullptr;
    Ask(*node, key);
    const auto found = node->value.entries.find(key);
    return found == node->value.entries.end() ? nullptr : &found->second;
  }
  // The value, to be changed; an empty one if there was none.
  T& Change(std::string_view group, std::string_view key) {
    Node& node = At(group);
    Ask(node, key);
    auto& entries = node.value.entries;
    auto found = entries.lower_bound(key);
    const bool there = found != entries.end() && found->first == key;
    Mark(node, key, there);
    if (there) return found->second;
    const auto absent = node.value.absent.find(key);
    if (absent != node.value.absent.end()) {
      node.value.absent.erase(absent);
    } else {
      Account(node, key, true);
    }
    return entries.emplace_hint(found, std::string(key), T{})->second;
  }
  void Erase(std::string_view group, std::string_view key) {
    Node* node = Seek(group);
    if (node == nullptr) return;
    Ask(*node, key);
    const auto found = node->value.entries.find(key);
    if (found == node->value.entries.end()) return;
    Mark(*node, key, true);
    if (node->value.whole) {
      Account(*node, key, false);
    } else {
      node->value.absent.emplace(key);
    }
    node->value.entries.erase(found);
    if (!stored() && node->value.entries.empty()) slots_.Erase(node->key);
  }

  // Goes through a group in the order of its keys. One that there is no room for is read in pieces, and does not come
  // into memory. Meanwhile no entry comes or goes; values may change.
  class Walk {
   public:
    Walk() = default;
    Walk(OrderedState& state, std::string_view group) : state_(&state), node_(state.Seek(group)) {
      if (node_ == nullptr) return;
      if (!node_->value.whole) state.ReadRest(*node_, state.Room());
      whole_ = node_->value.whole;
      at_ = node_->value.entries.begin();
    }
    bool in_memory() const { return whole_; }
    // Both are good until the next call.
    bool Next(std::string_view& key, const T*& value) {
      if (node_ == nullptr) return false;
      if (whole_) {
        if (at_ == node_->value.entries.end()) return false;
        key = at_->first;
        value = &at_->second;
        ++at_;
        return true;
      }
      while (next_ == piece_.size()) {
        if (ended_) return false;
        state_->ReadPiece(*node_, last_, piece_, ended_);
        next_ = 0;
      }
      key = piece_[next_].first;
      value = &piece_[next_].second;
      ++next_;
      return true;
    }

   private:
    OrderedState* state_ = nullptr;
    Node* node_ = nullptr;
    bool whole_ = false;
    typename Group::const_iterator at_;
    Entries piece_;
    std::size_t next_ = 0;
    std::optional<std::string> last_;  // of the pieces so far
    bool ended_ = false;
  };

  void Save(StoreBatch& batch) override {
    std::string value;
    for (Node* node : changed_) sorted_.Add(node->key, node);
    changed_.clear();
    sorted_.Drain([&](std::string_view group, Node* node) {
      for (const auto& [key, was_there] : node->value.changed) {
        const auto found = node->value.entries.find(key);
        if (found == node->value.entries.end()) {
          if (was_there) Delete(batch, group, key);
          continue;
        }
        value.clear();
        codec_.Put(value, found->second);
        Put(batch, group, value, key);
      }
      node->value.changed.clear();
    });
  }
  void Age(std::size_t large) override { slots_.Age(large); }
  void Forget() override {
    slots_.Clear();
    changed_.clear();
  }
  std::size_t bytes() const override { return slots_.bytes(); }

 private:
  static constexpr std::size_t kEntryBytes = 80;  // a node of the map
  static constexpr std::size_t kPieceEntries = 2048;
  static constexpr std::size_t kPieceBytes = 256 << 10;
  struct Slot {
    Group entries;
    std::map<std::string, bool, std::less<>> changed;  // since the last Save; true: was there before
    bool whole = false;                                // entries are all there are
    std::set<std::string, std::less<>> absent;         // else: keys known not to be there
    std::size_t payload = 0;                           // of all entries
  };

  Node& At(std::string_view group) {
    Node* node = slots_.Find(group);
    if (node != nullptr) return *node;
    node = slots_.Add(group);
    node->value.whole = !stored();
    return *node;
  }
  // nullptr: there is no such group.
  Node* Seek(std::string_view group) { return stored() ? &At(group) : slots_.Find(group); }
  static bool Knows(const Slot& slot, std::string_view key) {
    return slot.whole || slot.entries.contains(key) || slot.absent.contains(key);
  }
  void Ask(Node& node, std::string_view key) {
    if (Knows(node.value, key)) return;
    ReadMissing({node.key + std::string(key)},
                [&](const std::string&, const std::optional<std::string>& value) { return Take(node, key, value); });
  }
  // What the store has under the key.
  bool Take(Node& node, std::string_view key, const std::optional<std::string>& value) {
    Account(node, key, true);
    T entry{};
    if (value && codec_.Get(*value, entry)) {
      node.value.entries.insert_or_assign(std::string(key), std::move(entry));
      return true;
    }
    node.value.absent.emplace(key);
    return !value;
  }
  // The entries that are not known yet, or those that there is room for.
  void ReadRest(Node& node, std::size_t room = ~std::size_t{0}) {
    if (room == 0) return;
    auto& entries = node.value.entries;
    std::size_t taken = 0;
    ReadFrom(node.key, [&](std::string_view key, std::string_view value) {
      if (!key.starts_with(node.key)) return Taken::kEnough;
      key.remove_prefix(node.key.size());
      if (Knows(node.value, key)) return Taken::kMore;
      taken += BytesOf(key);
      if (taken > room) return Taken::kEnough;
      T entry{};
      if (!codec_.Get(value, entry)) return Taken::kNonsense;
      entries.emplace_hint(entries.end(), key, std::move(entry));
      Account(node, key, true);
      return Taken::kMore;
    });
    if (taken > room) return;
    for (const std::string& key : node.value.absent) Account(node, key, false);
    node.value.absent.clear();
    node.value.whole = true;
  }
  // The next entries behind `last`, known ones and others, without keeping those.
  void ReadPiece(Node& node, std::optional<std::string>& last, Entries& piece, bool& ended) {
    const Group& known = node.value.entries;
    auto next = last ? known.upper_bound(*last) : known.begin();
    piece.clear();
    ended = true;
    std::string first = node.key;
    if (last) first.append(*last).push_back('\0');  // the smallest key behind it
    std::size_t looked_at = 0;
    std::size_t bytes = 0;
    ReadFrom(first, [&](std::string_view key, std::string_view value) {
      if (!key.starts_with(node.key)) return Taken::kEnough;
      if (looked_at == kPieceEntries || bytes >= kPieceBytes) {
        ended = false;
        return Taken::kEnough;
      }
      key.remove_prefix(node.key.size());
      ++looked_at;
      bytes += BytesOf(key);
      last = key;
      for (; next != known.end() && next->first < key; ++next) piece.push_back(*next);
      if (Knows(node.value, key)) return Taken::kMore;
      T entry{};
      if (!codec_.Get(value, entry)) return Taken::kNonsense;
      piece.emplace_back(key, std::move(entry));
      return Taken::kMore;
    });
    for (; next != known.end() && (ended || next->first <= *last); ++next) piece.push_back(*next);
  }
  void Mark(Node& node, std::string_view key, bool there) {
    if (!stored()) return;
    if (node.value.changed.empty()) changed_.push_back(&node);
    if (!node.value.changed.contains(key)) node.value.changed.emplace(key, there);
  }
  static std::size_t BytesOf(std::string_view key) { return kEntryBytes + sizeof(T) + key.size(); }
  void Account(Node& node, std::string_view key, bool added) {
    const std::size_t bytes = BytesOf(key);
    node.value.payload = added ? node.value.payload + bytes : node.value.payload - bytes;
    slots_.Resize(node, node.value.payload);
  }

  Codec codec_;
  Generations<Slot> slots_;
  std::vector<Node*> changed_;
  ByKey<Node*> sorted_;  // of Save
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
  void Age(std::size_t) override {}
  void Forget() override { notes_ = T{}; }
  std::size_t bytes() const override { return 0; }

 private:
  T notes_{};
};

}  // namespace headgate::operators
