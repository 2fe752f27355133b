#include "core/pipeline/consumer_group.h"

#include <utility>

namespace headgate {

using ItemState = GroupItem::State;

void ConsumerGroup::Restore(At at, GroupItem item) {
  if (item.state == ItemState::kDone) {
    items_[at] = std::move(item);
    ++done_;
    return;
  }
  Enter(at, std::move(item));
}

void ConsumerGroup::Offer(At at, std::uint64_t lane) {
  if (at < floor_ || items_.contains(at)) return;
  GroupItem item;
  if (settings_.ordering == GroupSettings::Ordering::kKey) item.lane = lane;
  Enter(at, std::move(item));
}

void ConsumerGroup::Passed(At next) {
  if (next_ < next) next_ = next;
  Advance();
}

void ConsumerGroup::Seek(At to) {
  while (!items_.empty()) Forget(items_.begin()->first);
  floor_ = next_ = to;
}

void ConsumerGroup::Revive(At at, std::uint64_t lane) {
  if (const auto found = items_.find(at); found != items_.end()) {
    if (found->second.state != ItemState::kDone) return;
    Forget(at);
  }
  GroupItem item;
  if (settings_.ordering == GroupSettings::Ordering::kKey) item.lane = lane;
  Enter(at, std::move(item));
}

void ConsumerGroup::Lose(At first) {
  while (!items_.empty() && items_.begin()->first < first) Forget(items_.begin()->first);
  if (floor_ < first) floor_ = first;
  Passed(first);
}

std::vector<At> ConsumerGroup::Take(const std::string& consumer, std::size_t max, std::uint64_t serial,
                                    std::int64_t now_us) {
  std::vector<At> taken;
  while (!ready_.empty() && taken.size() < max && in_flight_ < settings_.in_flight_max) {
    const At at = *ready_.begin();
    ready_.erase(ready_.begin());
    GroupItem& item = items_.at(at);
    item.state = ItemState::kInFlight;
    item.serial = serial;
    item.consumer = consumer;
    ++item.deliveries;
    item.due_us = now_us + settings_.ack_timeout_ms * 1'000;
    deadlines_.emplace(item.due_us, at);
    ++in_flight_;
    changed_.insert(at);
    taken.push_back(at);
  }
  return taken;
}

bool ConsumerGroup::Ack(At at, std::uint64_t serial) {
  const auto found = items_.find(at);
  if (found == items_.end()) return at < floor_;
  const GroupItem& item = found->second;
  if (item.state == ItemState::kDone) return true;
  if (item.deliveries == 0 || item.serial != serial) return false;
  Finish(at);
  return true;
}

bool ConsumerGroup::Nack(At at, std::uint64_t serial, std::int64_t not_before_us) {
  const auto found = items_.find(at);
  if (found == items_.end() || found->second.state != ItemState::kInFlight || found->second.serial != serial)
    return false;
  GiveBack(at, found->second, not_before_us);
  return true;
}

void ConsumerGroup::Expire(std::int64_t now_us) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_us) {
    const At at = deadlines_.begin()->second;
    GroupItem& item = items_.at(at);
    if (item.state == ItemState::kInFlight) {
      GiveBack(at, item, 0);
      continue;
    }
    deadlines_.erase(deadlines_.begin());
    item.due_us = 0;  // its delay is over
    Enlist(at);
  }
}

const GroupItem* ConsumerGroup::Find(At at) const {
  const auto found = items_.find(at);
  return found == items_.end() ? nullptr : &found->second;
}

std::int64_t ConsumerGroup::next_due_us() const { return deadlines_.empty() ? 0 : deadlines_.begin()->first; }

std::set<At> ConsumerGroup::TakeChanged() { return std::exchange(changed_, {}); }

void ConsumerGroup::Enter(At at, GroupItem item) {
  if (item.state == ItemState::kInFlight) ++in_flight_;
  if (item.due_us != 0) deadlines_.emplace(item.due_us, at);
  if (item.lane != 0) {
    auto& lane = lanes_[item.lane];
    if (!lane.empty() && at < *lane.begin()) ready_.erase(*lane.begin());
    lane.insert(at);
  }
  items_[at] = std::move(item);
  changed_.insert(at);
  Enlist(at);
}

void ConsumerGroup::Enlist(At at) {
  const GroupItem& item = items_.at(at);
  if (item.state != ItemState::kReady) return;
  if (item.deliveries >= settings_.deliveries_max) {
    exhausted_.insert(at);
  } else if (item.due_us == 0 && (item.lane == 0 || *lanes_.at(item.lane).begin() == at)) {
    ready_.insert(at);
  }
}

void ConsumerGroup::GiveBack(At at, GroupItem& item, std::int64_t due_us) {
  deadlines_.erase({item.due_us, at});
  --in_flight_;
  item.state = ItemState::kReady;
  item.due_us = item.deliveries >= settings_.deliveries_max ? 0 : due_us;
  if (item.due_us != 0) deadlines_.emplace(item.due_us, at);
  changed_.insert(at);
  Enlist(at);
}

void ConsumerGroup::Finish(At at) {
  const auto found = items_.find(at);
  if (found == items_.end() || found->second.state == ItemState::kDone) return;
  Forget(at);
  items_[at].state = ItemState::kDone;
  ++done_;
  Advance();
}

// Takes it out of everything that names it.
void ConsumerGroup::Forget(At at) {
  const auto found = items_.find(at);
  const GroupItem item = std::move(found->second);
  items_.erase(found);
  changed_.insert(at);
  ready_.erase(at);
  exhausted_.erase(at);
  deadlines_.erase({item.due_us, at});
  if (item.state == ItemState::kInFlight) --in_flight_;
  if (item.state == ItemState::kDone) --done_;
  LeaveLane(at, item.lane);
}

void ConsumerGroup::LeaveLane(At at, std::uint64_t lane) {
  const auto found = lanes_.find(lane);
  if (lane == 0 || found == lanes_.end()) return;
  found->second.erase(at);
  if (found->second.empty()) {
    lanes_.erase(found);
  } else {
    Enlist(*found->second.begin());
  }
}

void ConsumerGroup::Advance() {
  while (!items_.empty() && items_.begin()->first < next_ && items_.begin()->second.state == ItemState::kDone) {
    changed_.insert(items_.begin()->first);
    items_.erase(items_.begin());
    --done_;
  }
  const At floor = items_.empty() || next_ < items_.begin()->first ? next_ : items_.begin()->first;
  if (floor_ < floor) floor_ = floor;
}

}  // namespace headgate
