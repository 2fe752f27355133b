#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// What goes to a search server and what comes back, without the wire.
namespace headgate::search {

struct Call {
  std::string method;
  std::string path;
  std::string body;          // JSON, lines of JSON, or ""
  std::uint64_t number = 0;  // the answer comes under it
};

struct Answer {
  int status = 0;
  std::string_view body;
  std::string_view header_lines;
  std::optional<std::chrono::seconds> retry_after;
};

}  // namespace headgate::search
