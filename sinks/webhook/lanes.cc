#include "sinks/webhook/lanes.h"

#include <algorithm>

#include "core/base/check.h"

namespace headgate::webhook {
namespace {

bool Later(const Waiting* a, const Waiting* b) { return a->order > b->order; }

}  // namespace

void Lanes::List(Waiting& item) {
  if (item.listed_) return;
  item.listed_ = true;
  ready_.push_back(&item);
  std::push_heap(ready_.begin(), ready_.end(), Later);
}

void Lanes::DropStale() {
  while (!ready_.empty() && !IsReady(*ready_.front())) {
    std::pop_heap(ready_.begin(), ready_.end(), Later);
    ready_.back()->listed_ = false;
    ready_.pop_back();
  }
}

void Lanes::Add(Waiting& item) {
  item.next_ = {};
  item.blockers_ = 0;
  item.taken_ = false;
  item.listed_ = false;
  ++size_;
  if (item.lane_count == 0 && !item.barrier) return List(item);
  Stream& stream = streams_[item.stream];
  if (stream.barrier != nullptr || !stream.behind.empty()) {
    stream.behind.push_back(&item);
  } else if (!item.barrier) {
    ++stream.active;
    Enter(item);
  } else if (stream.active == 0) {
    stream.barrier = &item;
    List(item);
  } else {
    stream.behind.push_back(&item);
  }
}

void Lanes::Enter(Waiting& item) {
  for (std::size_t slot = 0; slot < item.lane_count; ++slot) {
    Line& line = lanes_[item.lanes[slot]];
    if (line.first == nullptr) {
      line.first = &item;
    } else {
      line.last->next_[SlotOf(*line.last, item.lanes[slot])] = &item;
      ++item.blockers_;
    }
    line.last = &item;
  }
  if (item.blockers_ == 0) List(item);
}

Waiting* Lanes::Oldest() {
  DropStale();
  return ready_.empty() ? nullptr : ready_.front();
}

Waiting* Lanes::Take() {
  Waiting* item = Oldest();
  if (item == nullptr) return nullptr;
  item->taken_ = true;
  DropStale();
  return item;
}

void Lanes::Take(Waiting& item) {
  CHECK(IsReady(item));
  item.taken_ = true;
  DropStale();
}

void Lanes::Untake(Waiting& item) {
  CHECK(item.taken_);
  item.taken_ = false;
  if (item.blockers_ == 0) List(item);
}

void Lanes::TakeRun(std::vector<Waiting*>& run, const std::function<bool(const Waiting&)>& fits) {
  run.clear();
  while (Waiting* item = Oldest()) {
    if (!run.empty() && (item->barrier || !fits(*item))) break;
    Take();
    run.push_back(item);
    if (item->barrier) break;
    for (std::size_t slot = 0; slot < item->lane_count; ++slot) {
      Waiting* next = item->next_[slot];
      if (next != nullptr && --next->blockers_ == 0) List(*next);
    }
  }
  // Whoever was not taken is behind the run again.
  for (Waiting* item : run) {
    for (std::size_t slot = 0; slot < item->lane_count; ++slot) {
      if (item->next_[slot] != nullptr) ++item->next_[slot]->blockers_;
    }
  }
}

void Lanes::Release(Waiting& item) {
  CHECK(item.taken_ && size_ > 0);
  --size_;
  // A taken item has left the heap, but for a stale place in its middle.
  if (item.listed_) {
    std::erase(ready_, &item);
    std::make_heap(ready_.begin(), ready_.end(), Later);
    item.listed_ = false;
  }
  for (std::size_t slot = 0; slot < item.lane_count; ++slot) {
    const auto line = lanes_.find(item.lanes[slot]);
    CHECK(line != lanes_.end());
    Waiting* next = item.next_[slot];
    if (line->second.first != &item) {
      // A later item of a run goes before an earlier one of it (single results of a batch): close the gap.
      Waiting* before = line->second.first;
      while (before->next_[SlotOf(*before, item.lanes[slot])] != &item)
        before = before->next_[SlotOf(*before, item.lanes[slot])];
      before->next_[SlotOf(*before, item.lanes[slot])] = next;
      if (line->second.last == &item) line->second.last = before;
      continue;
    }
    if (next == nullptr) {
      lanes_.erase(line);
      continue;
    }
    line->second.first = next;
    if (--next->blockers_ == 0 && !next->taken_) List(*next);
  }
  if (item.lane_count > 0 || item.barrier) LeaveStream(item);
}

void Lanes::LeaveStream(Waiting& item) {
  const auto found = streams_.find(item.stream);
  CHECK(found != streams_.end());
  Stream& stream = found->second;
  if (item.barrier) {
    stream.barrier = nullptr;
  } else {
    --stream.active;
  }
  LetIn(stream);
  if (stream.active == 0 && stream.barrier == nullptr && stream.behind.empty()) streams_.erase(found);
}

void Lanes::LetIn(Stream& stream) {
  while (!stream.behind.empty() && stream.barrier == nullptr) {
    Waiting& item = *stream.behind.front();
    if (item.barrier && stream.active > 0) return;
    stream.behind.pop_front();
    if (item.barrier) {
      stream.barrier = &item;
      List(item);
    } else {
      ++stream.active;
      Enter(item);
    }
  }
}

}  // namespace headgate::webhook
