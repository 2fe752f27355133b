#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

namespace headgate {

// "Something changed, look again." Many raises before a wait count as one; a raise is never lost.
class Signal {
 public:
  void Raise() {
    {
      std::lock_guard lock(mutex_);
      raised_ = true;
    }
    wake_.notify_all();
  }

  // True if raised (and taken down again), false if the deadline passed or a stop was requested.
  bool WaitUntil(std::chrono::steady_clock::time_point deadline, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    wake_.wait_until(lock, stop, deadline, [&] { return raised_; });
    return std::exchange(raised_, false);
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool raised_ = false;  // guarded by mutex_
};

}  // namespace headgate
