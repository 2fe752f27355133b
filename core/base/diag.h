#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

// Diagnostics: one line an event on stderr. The message is a constant in lower case, what varies goes into fields:
//   2026-03-04T05:06:07.123456Z warn postgres: connection lost connector=shop attempt=3
// or, with Format::kJson, one JSON object a line. In steady state nothing is written.
namespace headgate::diag {

enum class Level : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError };
enum class Format : std::uint8_t { kText, kJson };

std::string_view Name(Level level);
std::optional<Level> ParseLevel(std::string_view name);  // trace, debug, info, warn, error; any case

struct Field {
  std::string_view key;
  std::string value;
  bool quoted = true;  // numbers and booleans are not quoted in JSON

  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const std::string& v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  template <class T, std::enable_if_t<std::is_arithmetic_v<T>, int> = 0>
  Field(std::string_view k, T v) : key(k), quoted(false) {
    if constexpr (std::is_same_v<T, bool>) {
      value = v ? "true" : "false";
    } else {
      value = std::to_string(v);
    }
  }
};

// Process-wide; set once at start, any thread may write afterwards.
void Configure(Level threshold, Format format);
bool Enabled(Level level);
void Write(Level level, std::string_view component, std::string_view message, std::initializer_list<Field> fields = {});

inline void Debug(std::string_view component, std::string_view message, std::initializer_list<Field> fields = {}) {
  if (Enabled(Level::kDebug)) Write(Level::kDebug, component, message, fields);
}
inline void Info(std::string_view component, std::string_view message, std::initializer_list<Field> fields = {}) {
  Write(Level::kInfo, component, message, fields);
}
inline void Warn(std::string_view component, std::string_view message, std::initializer_list<Field> fields = {}) {
  Write(Level::kWarn, component, message, fields);
}
inline void Error(std::string_view component, std::string_view message, std::initializer_list<Field> fields = {}) {
  Write(Level::kError, component, message, fields);
}

}  // namespace headgate::diag
