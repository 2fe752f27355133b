#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <queue>
#include <unordered_map>
#include <vector>

// Who may be sent now (W2). Pure bookkeeping, no time, no I/O.
namespace headgate::webhook {

// Something that waits for its turn. A lane is the hash of an ordering key: two keys that share a hash merely wait for
// each other. The owner keeps it alive from Add to Release.
struct Waiting {
  std::uint64_t order = 0;               // place among all; smaller goes first
  std::array<std::uint64_t, 2> lanes{};  // distinct; an update that changes the key has two
  std::uint8_t lane_count = 0;           // 0: unordered
  bool barrier = false;                  // waits for everything of its stream, and everything later waits for it
  std::uint32_t stream = 0;

 private:
  friend class Lanes;
  std::array<Waiting*, 2> next_{};  // behind it, in each of its lanes
  std::uint32_t blockers_ = 0;      // lanes in which it is not the first
  bool taken_ = false;
  bool listed_ = false;  // in ready_
};

// A first-in first-out line per lane. An item is ready when it is the first in all its lanes; it stays the first until
// it is released, so two items of a lane are never under way at once. A barrier (truncate) is a line of its own across
// the stream.
class Lanes {
 public:
  void Add(Waiting& item);

  // The ready item with the smallest order, without taking it; nullptr if none is ready.
  Waiting* Oldest();
  // Takes what Oldest returned.
  Waiting* Take();
  // Takes a certain ready item.
  void Take(Waiting& item);
  // Gives a taken item back; it keeps its place.
  void Untake(Waiting& item);
  // Takes a run of items that may go in one request, in order: ready ones, and those whose every earlier one of a lane
  // is in the run itself. Ends at the first that `fits` refuses; the first one is not asked. Barriers go alone.
  void TakeRun(std::vector<Waiting*>& run, const std::function<bool(const Waiting&)>& fits);

  // The item needs no more work; those behind it may become ready. The pointer is not used afterwards.
  void Release(Waiting& item);

  // True if nothing is before it in any of its lanes.
  static bool IsFirst(const Waiting& item) { return item.blockers_ == 0; }

  // Calls f for every ready item, in no particular order.
  template <class F>
  void ForEachReady(F f) const {
    for (Waiting* item : ready_) {
      if (IsReady(*item)) f(*item);
    }
  }
  std::size_t size() const { return size_; }  // added and not released

 private:
  struct Line {
    Waiting* first = nullptr;
    Waiting* last = nullptr;
  };
  struct Stream {
    std::uint32_t active = 0;     // items in lanes
    Waiting* barrier = nullptr;   // the one that is ready or under way
    std::deque<Waiting*> behind;  // what came after a barrier that is not released
  };

  static bool IsReady(const Waiting& item) { return item.blockers_ == 0 && !item.taken_; }
  static std::size_t SlotOf(const Waiting& item, std::uint64_t lane) { return item.lanes[0] == lane ? 0 : 1; }
  void Enter(Waiting& item);
  void List(Waiting& item);
  void DropStale();
  void LeaveStream(Waiting& item);
  void LetIn(Stream& stream);

  std::vector<Waiting*> ready_;  // a heap by order; may hold items that are no longer ready
  std::unordered_map<std::uint64_t, Line> lanes_;
  std::unordered_map<std::uint32_t, Stream> streams_;
  std::size_t size_ = 0;
};

}  // namespace headgate::webhook
