#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace headgate {

// A value that one thread replaces as a whole and any thread reads. What Get returned never changes under the reader.
// The mutex is held while a pointer is copied or swapped, never while a value is made or destroyed (docs/adr/0008).
template <class T>
class Published {
 public:
  Published() : current_(std::make_shared<const T>()) {}
  explicit Published(T value) : current_(std::make_shared<const T>(std::move(value))) {}

  std::shared_ptr<const T> Get() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }

  void Set(T value) {
    auto next = std::make_shared<const T>(std::move(value));
    const std::lock_guard lock(mutex_);
    current_.swap(next);  // the old value goes after the lock: `next` is the older object
  }

 private:
  mutable std::mutex mutex_;  // docs/adr/0008
  std::shared_ptr<const T> current_;
};

}  // namespace headgate
