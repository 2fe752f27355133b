#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "app/service.h"

namespace headgate {

// A bulk operation and how far it is; counted by whoever executes it.
struct Service::RunningOperation {
  std::string id;
  std::uint64_t matched = 0;
  std::atomic<std::uint64_t> done = 0;
  std::atomic<std::uint64_t> failed = 0;
};

}  // namespace headgate
