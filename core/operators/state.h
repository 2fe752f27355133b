#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

namespace headgate::operators {

struct BytesHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view bytes) const { return std::hash<std::string_view>()(bytes); }
};

// State by key. Entries stay where they are while others come and go.
template <class T>
class KeyedState {
 public:
  T* Find(std::string_view key) {
    const auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : &found->second;
  }
  // Makes an empty one if there is none.
  T& At(std::string_view key) {
    if (T* found = Find(key)) return *found;
    return entries_.emplace(std::string(key), T{}).first->second;
  }
  void Erase(std::string_view key) {
    const auto found = entries_.find(key);
    if (found != entries_.end()) entries_.erase(found);
  }
  std::size_t size() const { return entries_.size(); }

 private:
  std::unordered_map<std::string, T, BytesHash, std::equal_to<>> entries_;
};

// State by group and, inside a group, ordered by key.
template <class T>
class OrderedState {
 public:
  using Group = std::map<std::string, T, std::less<>>;

  Group* Find(std::string_view group) { return groups_.Find(group); }
  Group& At(std::string_view group) { return groups_.At(group); }
  // Call after entries of a group were erased.
  void Trim(std::string_view group) {
    const Group* found = groups_.Find(group);
    if (found != nullptr && found->empty()) groups_.Erase(group);
  }

 private:
  KeyedState<Group> groups_;
};

}  // namespace headgate::operators
