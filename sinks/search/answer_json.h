#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "sinks/search/bulk.h"
#include "sinks/search/call.h"

// Members of answers that may have any shape: what is not there, or is of another type, reads as nothing.
namespace headgate::search {

inline nlohmann::json Member(const nlohmann::json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto it = object.find(name);
  return it == object.end() ? nlohmann::json() : *it;
}

inline std::string TextIn(const nlohmann::json& object, const char* name) {
  const nlohmann::json value = Member(object, name);
  return value.is_string() ? value.get<std::string>() : "";
}

inline std::uint64_t NumberIn(const nlohmann::json& object, const char* name) {
  const nlohmann::json value = Member(object, name);
  return value.is_number_integer() && value >= 0 ? value.get<std::uint64_t>() : 0;
}

inline std::string Said(const std::string& what, const Answer& answer) {
  return what + " got HTTP " + std::to_string(answer.status) + ": " + ReasonOf(answer.body);
}

}  // namespace headgate::search
