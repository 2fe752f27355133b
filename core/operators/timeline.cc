#include "core/operators/timeline.h"

#include <limits>

#include "core/base/bytes.h"

namespace headgate::operators {
namespace {

constexpr std::uint64_t kSign = std::uint64_t{1} << 63;  // inverted, negative times come first

}  // namespace

std::string Timeline::KeyOf(std::int64_t us, std::string_view name) {
  std::string key;
  key.reserve(sizeof us + name.size());
  PutBigEndian(key, static_cast<std::uint64_t>(us) ^ kSign);
  return key.append(name);
}

std::int64_t Timeline::Entry::us() const {
  return static_cast<std::int64_t>(LoadBigEndian<std::uint64_t>(key.data()) ^ kSign);
}
std::string_view Timeline::Entry::name() const { return std::string_view(key).substr(sizeof(std::int64_t)); }

bool Timeline::IsEntry(std::string_view key, std::string_view value) const {
  return key.size() >= sizeof(std::int64_t) && valid_(key.substr(sizeof(std::int64_t)), value);
}

void Timeline::Load(const std::vector<std::string>& keys) {
  if (!stored()) return;
  std::vector<std::string> missing;
  for (const std::string& key : keys) {
    if (!changed_.contains(key) && !read_.contains(key)) missing.push_back(key);
  }
  ReadMissing(std::move(missing), [&](const std::string& key, const std::optional<std::string>& value) {
    const bool good = !value || IsEntry(key, *value);
    read_.emplace(key, good ? value : std::nullopt);
    return good;
  });
}

const std::string* Timeline::Find(const std::string& key) {
  auto changed = changed_.find(key);
  if (changed == changed_.end()) {
    if (!stored()) return nullptr;
    if (!read_.contains(key)) Load({key});
    const auto& value = read_[key];
    return value ? &*value : nullptr;
  }
  return changed->second ? &*changed->second : nullptr;
}

void Timeline::Put(const std::string& key, std::string value) {
  const std::int64_t us = Entry{key, ""}.us();
  if (first_known_ && (!first_us_ || us < *first_us_)) first_us_ = us;
  if (key < from_) from_ = key;
  changed_.insert_or_assign(key, std::move(value));
}

void Timeline::Erase(const std::string& key) {
  if (stored()) {
    changed_.insert_or_assign(key, std::nullopt);
  } else {
    changed_.erase(key);
  }
}

std::vector<Timeline::Entry> Timeline::Collect(std::int64_t until_us, std::size_t entries_max) {
  std::vector<Entry> entries;
  auto next = changed_.lower_bound(from_);
  // False once there is enough.
  const auto add = [&](std::string_view key, std::string_view value) {
    Entry entry{std::string(key), std::string(value)};
    if (entries.size() >= entries_max || entry.us() > until_us) return false;
    entries.push_back(std::move(entry));
    return true;
  };
  // What the step has put in front of the key.
  const auto add_changed = [&](std::string_view before) {
    for (; next != changed_.end() && (before.empty() || next->first < before); ++next) {
      if (next->second && !add(next->first, *next->second)) return false;
    }
    return true;
  };
  bool more = true;
  if (stored()) {
    ReadFrom(from_, [&](std::string_view key, std::string_view value) {
      if (!IsEntry(key, value)) return Taken::kNonsense;
      more = add_changed(key);
      const bool hidden = next != changed_.end() && next->first == key;
      if (more && !hidden) more = add(key, value);
      return more ? Taken::kMore : Taken::kEnough;
    });
  }
  if (more) add_changed({});
  return entries;
}

std::vector<Timeline::Entry> Timeline::Take(std::int64_t until_us, std::size_t entries_max) {
  std::vector<Entry> entries = Collect(until_us, entries_max);
  for (const Entry& entry : entries) Erase(entry.key);
  if (!entries.empty()) from_ = entries.back().key;
  first_known_ = false;
  return entries;
}

std::optional<std::int64_t> Timeline::First() {
  if (!first_known_) {
    const std::vector<Entry> entries = Collect(std::numeric_limits<std::int64_t>::max(), 1);
    first_us_ = entries.empty() ? std::nullopt : std::optional(entries[0].us());
    first_known_ = true;
  }
  return first_us_;
}

void Timeline::Save(StoreBatch& batch) {
  for (const auto& [key, value] : changed_) {
    if (value) {
      StatePart::Put(batch, key, *value);
    } else {
      Delete(batch, key);
    }
  }
  changed_.clear();
  read_.clear();
}

void Timeline::Forget() {
  changed_.clear();
  read_.clear();
  from_.clear();
  first_known_ = false;
}

}  // namespace headgate::operators
