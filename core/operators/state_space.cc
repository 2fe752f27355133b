#include "core/operators/state_space.h"

#include <algorithm>

namespace headgate::operators {

StatePart::StatePart(const StatePlace& place) : place_(place) {
  if (place_.space != nullptr) place_.space->parts_.push_back(this);
}

StatePart::~StatePart() {
  if (place_.space != nullptr) std::erase(place_.space->parts_, this);
}

void StatePart::ReadMissing(
    std::vector<std::string> keys,
    const std::function<bool(const std::string& key, const std::optional<std::string>& value)>& take) {
  if (keys.empty()) return;
  std::ranges::sort(keys);
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  std::vector<std::string> stored_keys;
  stored_keys.reserve(keys.size());
  for (const std::string& key : keys) stored_keys.push_back(place_.prefix + key);
  StateSpace& space = *place_.space;
  auto values = space.store_.GetMany(space.family_, stored_keys);
  if (!values.ok()) {
    if (!space.failure_) space.failure_ = values.error();
    values = std::vector<std::optional<std::string>>(keys.size());
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!take(keys[i], (*values)[i]) && !space.failure_)
      space.failure_ = Corrupt("the state of a view holds a value that makes no sense");
  }
}

std::size_t StatePart::Room() const {
  const StateSpace& space = *place_.space;
  const std::size_t bytes = space.bytes();
  return space.bytes_max_ - std::min(space.bytes_max_, bytes);
}

void StatePart::ReadFrom(std::string_view first,
                         const std::function<Taken(std::string_view key, std::string_view value)>& take) {
  StateSpace& space = *place_.space;
  Taken taken = Taken::kMore;
  const std::string from = place_.prefix + std::string(first);
  const Status scanned = space.store_.Scan(space.family_, from, "", [&](std::string_view key, std::string_view value) {
    if (!key.starts_with(place_.prefix)) return false;
    taken = take(key.substr(place_.prefix.size()), value);
    return taken == Taken::kMore;
  });
  if (space.failure_) return;
  if (!scanned.ok()) space.failure_ = scanned.error();
  if (taken == Taken::kNonsense) space.failure_ = Corrupt("the state of a view holds a value that makes no sense");
}

void StatePart::Put(StoreBatch& batch, std::string_view key, std::string_view value, std::string_view behind) const {
  std::string& full = place_.space->key_;
  full.assign(place_.prefix).append(key).append(behind);
  batch.Put(place_.space->family_, full, value);
}

void StatePart::Delete(StoreBatch& batch, std::string_view key, std::string_view behind) const {
  std::string& full = place_.space->key_;
  full.assign(place_.prefix).append(key).append(behind);
  batch.Delete(place_.space->family_, full);
}

StateSpace::~StateSpace() {
  for (StatePart* part : parts_) part->place_.space = nullptr;
}

void StateSpace::Save(StoreBatch& batch) {
  for (StatePart* part : parts_) part->Save(batch);
}

void StateSpace::Forget() {
  for (StatePart* part : parts_) part->Forget();
  failure_.reset();
}

// A group whose rows come in every step would stay for good, and grow.
void StateSpace::Trim(std::size_t bytes_max) {
  if (bytes() <= bytes_max) return;
  for (StatePart* part : parts_) part->Age(bytes_max / 8);
}

std::size_t StateSpace::bytes() const {
  std::size_t bytes = 0;
  for (const StatePart* part : parts_) bytes += part->bytes();
  return bytes;
}

}  // namespace headgate::operators
