#pragma once

namespace headgate {

// Writes one line to stderr and aborts. The service restarts from the log.
[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);

}  // namespace headgate

// An invariant of our own. Stays on in release. Never for bytes that came from outside.
#define CHECK(condition)                                       \
  do {                                                         \
    if (!(condition)) [[unlikely]] {                           \
      ::headgate::CheckFailed(#condition, __FILE__, __LINE__); \
    }                                                          \
  } while (false)
