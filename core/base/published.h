#pragma once

#include <atomic>
#include <memory>
#include <utility>

namespace headgate {

// A value that one thread replaces as a whole and any thread reads. What Get returned never changes under the reader.
template <class T>
class Published {
 public:
  Published() : current_(std::make_shared<const T>()) {}
  explicit Published(T value) : current_(std::make_shared<const T>(std::move(value))) {}

  std::shared_ptr<const T> Get() const { return current_.load(std::memory_order_acquire); }
  void Set(T value) { current_.store(std::make_shared<const T>(std::move(value)), std::memory_order_release); }

 private:
  std::atomic<std::shared_ptr<const T>> current_;
};

}  // namespace headgate
