#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/model/change.h"

namespace headgate {

// What a person sets of a consumer group.
struct GroupSettings {
  enum class Ordering : std::uint8_t { kNone, kKey };
  enum class OnLost : std::uint8_t { kFail, kEarliest, kLatest };
  std::int64_t ack_timeout_ms = 30'000;
  std::uint32_t deliveries_max = 5;     // then a record is a dead letter
  std::uint32_t in_flight_max = 1'000;  // handed out at once, of the whole group
  Ordering ordering = Ordering::kKey;
  OnLost on_lost = OnLost::kFail;  // retention has dropped what nobody had acknowledged

  bool operator==(const GroupSettings&) const = default;
};

// A record that the group knows of and that is not behind its floor.
struct GroupItem {
  enum class State : std::uint8_t { kReady, kInFlight, kDone };
  State state = State::kReady;
  std::uint64_t lane = 0;        // a hash of the key; 0: the record waits for none
  std::uint64_t serial = 0;      // of the poll that had it last
  std::uint32_t deliveries = 0;  // so far
  std::int64_t due_us = 0;       // in flight: when its time is up; ready: not before, 0 at once
  std::string consumer;          // of the last delivery
};

// Which records of a stream a group of consumers has yet to do. The scan of the log offers them in order; Take hands
// out what is ready, until it is acknowledged, given back, or its time is up:
//
//            Offer            Take               Ack
//   (log) ────────► ready ──────────► in flight ─────► done ──► behind the floor
//                     ▲                   │              ▲
//                     └─ Nack, Expire ────┴─ too often ──┘ Bury: kept as a dead letter
//
// With key ordering a record is ready only when no earlier one of its key is undone (D-17). Pure: no clock, no I/O. The
// caller makes durable what TakeChanged names. For one thread.
class ConsumerGroup {
 public:
  ConsumerGroup(GroupSettings settings, At floor) : settings_(settings), floor_(floor), next_(floor) {}

  void set_settings(GroupSettings settings) { settings_ = settings; }
  const GroupSettings& settings() const { return settings_; }

  // Everything in front of it is done.
  At floor() const { return floor_; }
  // Where the scan goes on.
  At next() const { return next_; }

  // What was stored; before anything else.
  void Restore(At at, GroupItem item);
  // The scan has met a record, at or behind next().
  void Offer(At at, std::uint64_t lane);
  // The scan has looked at everything in front of `next`.
  void Passed(At next);
  // All is forgotten; the scan goes on at `to`.
  void Seek(At to);

  // Hands out the first ready records, in order, for the time that the settings say.
  std::vector<At> Take(const std::string& consumer, std::size_t max, std::uint64_t serial, std::int64_t now_us);
  // Both are false if the record was handed out again since, or (Nack) is done. Acknowledging twice is true, and so is
  // a late acknowledgement of what nobody else has got yet.
  bool Ack(At at, std::uint64_t serial);
  // Comes again after the delay, unless it was the last time: see Exhausted.
  bool Nack(At at, std::uint64_t serial, std::int64_t not_before_us);
  // Takes back what is in flight for too long.
  void Expire(std::int64_t now_us);
  // Those that were handed out as often as they may, and failed: to be buried.
  std::vector<At> Exhausted() const { return {exhausted_.begin(), exhausted_.end()}; }
  // It is done, for it is kept elsewhere.
  void Bury(At at) { Finish(at); }
  // Brings back what was buried, as if it were new. The floor stays where it is.
  void Revive(At at, std::uint64_t lane);
  // Retention has dropped what is in front of `first`, acknowledged or not.
  void Lose(At first);

  // nullptr: not known, or behind the floor.
  const GroupItem* Find(At at) const;
  const std::map<At, GroupItem>& items() const { return items_; }
  std::size_t in_flight() const { return in_flight_; }
  std::size_t done() const { return done_; }  // of the known ones
  std::size_t ready() const { return items_.size() - in_flight_ - done_; }
  // When an item in flight or a delayed one is due; 0 if none is.
  std::int64_t next_due_us() const;

  // Whose stored form is another one since the last call; gone ones among them.
  std::set<At> TakeChanged();
  // Whether it says anything that a restart may not forget: a record that was never handed out is met again.
  static bool IsWorthKeeping(const GroupItem& item) {
    return item.deliveries > 0 || item.state == GroupItem::State::kDone;
  }

 private:
  void Enter(At at, GroupItem item);
  void Forget(At at);
  void Enlist(At at);
  void Finish(At at);
  void GiveBack(At at, GroupItem& item, std::int64_t due_us);
  void LeaveLane(At at, std::uint64_t lane);
  void Advance();

  GroupSettings settings_;
  At floor_;
  At next_;
  std::map<At, GroupItem> items_;
  std::unordered_map<std::uint64_t, std::set<At>> lanes_;  // undone items by lane
  std::set<At> ready_;                                     // may be handed out now
  std::set<At> exhausted_;
  std::set<std::pair<std::int64_t, At>> deadlines_;  // of what is in flight, and of what is ready later
  std::size_t in_flight_ = 0;
  std::size_t done_ = 0;
  std::set<At> changed_;
};

}  // namespace headgate
