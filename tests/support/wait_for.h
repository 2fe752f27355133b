#pragma once

#include <chrono>
#include <functional>

#include "core/base/signal.h"

namespace headgate::test {

// Looks at that pace, for what only another process knows. True once it is so, false after `limit`. Inside one process
// wait on what changes instead.
inline bool WaitFor(const std::function<bool()>& done, std::chrono::seconds limit = std::chrono::seconds(10),
                    std::chrono::milliseconds pace = std::chrono::milliseconds(50)) {
  Signal never;
  for (const auto end = std::chrono::steady_clock::now() + limit; std::chrono::steady_clock::now() < end;) {
    if (done()) return true;
    never.WaitUntil(std::chrono::steady_clock::now() + pace, {});
  }
  return done();
}

}  // namespace headgate::test
