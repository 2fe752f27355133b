#pragma once

#include <signal.h>

#include <chrono>
#include <cstdio>
#include <string>

namespace headgate::demo {

// Waits for a signal that asks us to end; they are blocked in every thread. True if one came before the time.
inline bool AskedToEnd(std::chrono::milliseconds limit) {
  sigset_t set;
  sigemptyset(&set);
  for (const int s : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, s);
  const timespec time{limit.count() / 1000, (limit.count() % 1000) * 1'000'000};
  return sigtimedwait(&set, nullptr, &time) > 0;
}

inline void Say(const std::string& text) {
  std::printf("%s\n", text.c_str());
  std::fflush(stdout);
}

inline int Fail(const std::string& text) {
  std::fflush(stdout);
  std::fprintf(stderr, "headgate-demo: %s\n", text.c_str());
  return 1;
}

}  // namespace headgate::demo
