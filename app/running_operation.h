#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "app/service.h"
#include "core/state/letter_operations.h"

namespace headgate {

// A bulk operation and how far it is; counted by whoever executes it.
struct Service::RunningOperation {
  std::string id;
  std::string owner;
  bool discard = false;
  std::uint64_t matched = 0;
  std::atomic<std::uint64_t> done = 0;
  std::atomic<std::uint64_t> failed = 0;
  std::atomic<bool> ended = false;  // that is stored, or about to be with its last changes

  // As it is kept once it has ended.
  LetterOperation End() {
    ended = true;
    return {id, owner, discard, matched, true, done, failed, {}};
  }
};

}  // namespace headgate
