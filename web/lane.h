#pragma once

#include <functional>
#include <stop_token>
#include <thread>

#include "core/base/channel.h"

namespace headgate::web {

// A thread for work that would hold up the API thread, one job after the other. It starts with the first job.
class LaneThread {
 public:
  using Job = std::function<void(std::stop_token)>;

  // False if too many wait already. Called by the API thread only.
  bool Add(Job job) {
    if (!jobs_.TryPush(std::move(job))) return false;
    if (!thread_.joinable()) {
      thread_ = std::jthread([this](std::stop_token stop) {
        while (auto next = jobs_.Pop(stop)) {
          if (stop.stop_requested()) return;
          (*next)(stop);
        }
      });
    }
    return true;
  }
  // Jobs that have not started are dropped; the running one is asked to end.
  void RequestStop() {
    jobs_.Close();
    thread_.request_stop();
  }
  void Join() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  Channel<Job> jobs_{32};
  std::jthread thread_;  // last: it ends before the channel does
};

}  // namespace headgate::web
