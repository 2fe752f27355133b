#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace headgate::test {

// The members of a JSON object as they are written, without parsing: names between their quotes, values byte for byte.
// For the output of our own encoders, which has no white space; nothing for other text.
inline std::vector<std::pair<std::string_view, std::string_view>> Members(std::string_view object) {
  std::vector<std::pair<std::string_view, std::string_view>> members;
  if (object.size() < 2 || object.front() != '{' || object.back() != '}') return {};
  std::size_t name = std::string_view::npos;  // behind its opening quote
  std::size_t value = 0;                      // where it begins, 0: still in the name
  int depth = 0;
  for (std::size_t i = 0; i < object.size(); ++i) {
    const char c = object[i];
    if (c == '"') {
      if (depth == 1 && value == 0) name = i + 1;
      for (++i; i < object.size() && object[i] != '"'; ++i) i += object[i] == '\\' ? 1 : 0;
    } else if (c == ':' && depth == 1 && value == 0) {
      value = i + 1;
    } else if ((c == ',' && depth == 1) || (c == '}' && depth == 1)) {
      if (value == 0) return members;
      members.emplace_back(object.substr(name, value - 2 - name), object.substr(value, i - value));
      value = 0;
    }
    depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
  }
  return members;
}

// The value of one member; "" if there is none.
inline std::string Member(std::string_view object, std::string_view name) {
  for (const auto& [member, value] : Members(object)) {
    if (member == name) return std::string(value);
  }
  return "";
}

}  // namespace headgate::test
