#pragma once

#include <atomic>
#include <functional>
#include <stop_token>
#include <thread>
#include <vector>

#include "core/base/channel.h"

namespace headgate::web {

// Threads for work that would hold up the API thread: a few jobs at once, the others in turn. Each starts when a job
// finds none free of those that run.
class LaneThreads {
 public:
  using Job = std::function<void(std::stop_token)>;

  explicit LaneThreads(std::size_t threads_max) : threads_max_(threads_max) {}

  // False if too many wait already. Called by the API thread only.
  bool Add(Job job) {
    ++open_;
    if (!jobs_.TryPush(std::move(job))) {
      --open_;
      return false;
    }
    if (threads_.size() < threads_max_ && threads_.size() < open_) {
      threads_.emplace_back([this](std::stop_token stop) {
        while (auto next = jobs_.Pop(stop)) {
          if (stop.stop_requested()) return;
          (*next)(stop);
          --open_;
        }
      });
    }
    return true;
  }
  // Jobs that have not started are dropped; the running one is asked to end.
  void RequestStop() {
    jobs_.Close();
    for (std::jthread& thread : threads_) thread.request_stop();
  }
  void Join() { threads_.clear(); }

 private:
  const std::size_t threads_max_;
  std::atomic<std::size_t> open_ = 0;  // jobs that wait or run
  Channel<Job> jobs_{32};
  std::vector<std::jthread> threads_;  // last: they end before the channel does
};

}  // namespace headgate::web
