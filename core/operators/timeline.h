#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/operators/state_space.h"

namespace headgate::operators {

// State in the order of time: what an operator has to do once log time has come to a moment. Read from its beginning,
// in pieces; nothing of it stays in memory between steps.
class Timeline final : public StatePart {
 public:
  struct Entry {
    std::string key;  // KeyOf
    std::string value;
    std::int64_t us() const;
    std::string_view name() const;
  };
  // Sorts by time, then by name.
  static std::string KeyOf(std::int64_t us, std::string_view name);

  // Whether stored bytes make sense.
  using Valid = std::function<bool(std::string_view name, std::string_view value)>;
  Timeline(const StatePlace& place, Valid valid) : StatePart(place), valid_(std::move(valid)) {}

  // In any order, repetitions allowed: one sorted read.
  void Load(const std::vector<std::string>& keys);
  // nullptr if there is none; good until the next change.
  const std::string* Find(const std::string& key);
  void Put(const std::string& key, std::string value);
  void Erase(const std::string& key);
  // Takes the first entries out: those of times up to `until_us`, and no more than so many.
  std::vector<Entry> Take(std::int64_t until_us, std::size_t entries_max);
  // The time of the first entry; one that is gone may still be told until the next Take.
  std::optional<std::int64_t> First();

  void Save(StoreBatch& batch) override;
  void Age(std::size_t) override {}
  void Forget() override;
  std::size_t bytes() const override { return 0; }

 private:
  std::vector<Entry> Collect(std::int64_t until_us, std::size_t entries_max);
  bool IsEntry(std::string_view key, std::string_view value) const;

  Valid valid_;
  // Of the step: nothing, or what is stored there. Without a store all that there is.
  std::map<std::string, std::optional<std::string>, std::less<>> changed_;
  std::unordered_map<std::string, std::optional<std::string>> read_;  // in the step, of the store
  std::string from_;                                                  // nothing is stored before this key
  bool first_known_ = false;
  std::optional<std::int64_t> first_us_;
};

}  // namespace headgate::operators
