#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace headgate::sql {

// The number of an element that a step of a path ('{a,1,b}') gives, as strtol reads it; nothing if it is none.
inline std::optional<std::int64_t> ElementNumber(std::string_view step) {
  while (!step.empty() && (step[0] == ' ' || (step[0] >= '\t' && step[0] <= '\r'))) step.remove_prefix(1);
  if (step.starts_with('+') && !step.starts_with("+-")) step.remove_prefix(1);
  std::int32_t index = 0;
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
  if (step.empty() || error != std::errc() || end != step.data() + step.size()) return std::nullopt;
  return index;
}

}  // namespace headgate::sql
