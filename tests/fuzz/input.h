#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

// What a fuzz target is: LLVMFuzzerTestOneInput over bytes that may be anything. It must neither crash nor read beyond
// them, and CHECKs what has to hold for every input.
namespace headgate::fuzz {

inline std::string_view Bytes(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Takes the first byte off, as a choice between `n` things. 0 if there is none.
inline std::size_t Choose(std::string_view& bytes, std::size_t n) {
  if (bytes.empty()) return 0;
  const auto choice = static_cast<unsigned char>(bytes.front()) % n;
  bytes.remove_prefix(1);
  return choice;
}

}  // namespace headgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
