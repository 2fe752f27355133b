#pragma once

#include <atomic>
#include <chrono>
#include <memory>

#include "core/catalog/control.h"

namespace headgate::web {

// Whether the thread that runs the connectors still answers (Kafka Connect's /health). Lives on the API thread, which
// does not wait for it.
class Pulse {
 public:
  // Asks once more if the last question was answered.
  void Beat(const Control& control);
  // One has waited for so long that something is wrong.
  bool IsLate(const Control& control) const;

 private:
  static constexpr std::chrono::seconds kPatience{10};

  std::shared_ptr<std::atomic<bool>> answered_;  // nullptr: nothing was asked yet
  Clock::Steady::time_point asked_at_;
};

}  // namespace headgate::web
