#pragma once

#include <signal.h>

#include <chrono>

namespace headgate::demo {

// Waits for a signal that asks us to end; they are blocked in every thread. True if one came before the time.
inline bool AskedToEnd(std::chrono::milliseconds limit) {
  sigset_t set;
  sigemptyset(&set);
  for (const int s : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, s);
  const timespec time{limit.count() / 1000, (limit.count() % 1000) * 1'000'000};
  return sigtimedwait(&set, nullptr, &time) > 0;
}

}  // namespace headgate::demo
