#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <limits>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

namespace headgate {

// The one queue between threads: bounded, closable, and every wait ends with a deadline or a stop token. It is bounded
// by items and, where their size varies, by the bytes that Push says they hold; one that is larger than all of the
// bytes has the queue to itself. Any number of producers and consumers. (docs/adr/0003: no other class holds a mutex
// but Signal.)
template <class T>
class Channel {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  explicit Channel(std::size_t capacity, std::size_t bytes_max = std::numeric_limits<std::size_t>::max())
      : capacity_(capacity), bytes_max_(bytes_max) {}

  // False if full or closed.
  bool TryPush(T value, std::size_t bytes = 0) {
    {
      std::lock_guard lock(mutex_);
      if (closed_ || !HasRoom(bytes)) return false;
      Put(std::move(value), bytes);
    }
    ready_.notify_one();
    return true;
  }

  // Waits for room. False if stopped or closed.
  bool Push(T value, std::stop_token stop, std::size_t bytes = 0) {
    {
      std::unique_lock lock(mutex_);
      if (!room_.wait(lock, stop, [&] { return closed_ || HasRoom(bytes); }) || closed_) return false;
      Put(std::move(value), bytes);
    }
    ready_.notify_one();
    return true;
  }

  std::optional<T> TryPop() {
    std::unique_lock lock(mutex_);
    return Take(lock);
  }

  // Waits for an item until the deadline. Nothing if it passed, on stop, or when closed and empty.
  std::optional<T> Pop(std::stop_token stop, Deadline deadline = Deadline::max()) {
    std::unique_lock lock(mutex_);
    const auto has_news = [&] { return closed_ || !items_.empty(); };
    if (deadline == Deadline::max()) {
      ready_.wait(lock, stop, has_news);
    } else {
      ready_.wait_until(lock, stop, deadline, has_news);
    }
    return Take(lock);
  }

  // No more items come in; those inside can still be taken.
  void Close() {
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
    }
    ready_.notify_all();
    room_.notify_all();
  }

 private:
  struct Item {
    T value;
    std::size_t bytes;
  };

  // With mutex_ held.
  bool HasRoom(std::size_t bytes) const {
    if (items_.empty()) return capacity_ > 0;
    return items_.size() < capacity_ && bytes_ <= bytes_max_ && bytes <= bytes_max_ - bytes_;
  }
  void Put(T value, std::size_t bytes) {
    bytes_ += bytes;
    items_.push_back({std::move(value), bytes});
  }
  std::optional<T> Take(std::unique_lock<std::mutex>& lock) {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front().value));
    bytes_ -= items_.front().bytes;
    items_.pop_front();
    lock.unlock();
    room_.notify_one();
    return item;
  }

  const std::size_t capacity_;
  const std::size_t bytes_max_;
  std::mutex mutex_;
  std::condition_variable_any ready_;  // an item came, or closed
  std::condition_variable_any room_;   // an item left, or closed
  std::deque<Item> items_;             // guarded by mutex_
  std::size_t bytes_ = 0;              // of items_; guarded by mutex_
  bool closed_ = false;                // guarded by mutex_
};

}  // namespace headgate
