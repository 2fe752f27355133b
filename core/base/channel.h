#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

namespace headgate {

// The one queue between threads: bounded, closable, and every wait ends with a deadline or a stop token.
// Any number of producers and consumers. (docs/adr/0003: no other class holds a mutex but Signal.)
template <class T>
class Channel {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  explicit Channel(std::size_t capacity) : capacity_(capacity) {}

  // False if full or closed.
  bool TryPush(T value) {
    {
      std::lock_guard lock(mutex_);
      if (closed_ || items_.size() >= capacity_) return false;
      items_.push_back(std::move(value));
    }
    ready_.notify_one();
    return true;
  }

  // Waits for room. False if stopped or closed.
  bool Push(T value, std::stop_token stop) {
    {
      std::unique_lock lock(mutex_);
      if (!room_.wait(lock, stop, [&] { return closed_ || items_.size() < capacity_; }) || closed_) return false;
      items_.push_back(std::move(value));
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
  std::optional<T> Take(std::unique_lock<std::mutex>& lock) {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    lock.unlock();
    room_.notify_one();
    return item;
  }

  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable_any ready_;  // an item came, or closed
  std::condition_variable_any room_;   // an item left, or closed
  std::deque<T> items_;                // guarded by mutex_
  bool closed_ = false;                // guarded by mutex_
};

}  // namespace headgate
