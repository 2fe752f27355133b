#pragma once

#include <cstddef>

namespace headgate {

// Asks for memory that will be looked at soon, so that many cache misses are waited for at once.
inline void Prefetch(const void* at) {
  __builtin_prefetch(at);
  asm volatile("" : : "r"(at));  // or a function that does nothing else is taken for one that does nothing
}
inline void Prefetch(const void* at, std::size_t bytes) {
  constexpr std::size_t kLine = 64;
  for (std::size_t i = 0; i < bytes; i += kLine) Prefetch(static_cast<const char*>(at) + i);
}

}  // namespace headgate
