#pragma once

#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

// Diagnostics: one line an event on stderr. The message is a constant in lower case, what varies goes into fields:
//   2026-03-04T05:06:07.123456Z warn postgres: connection lost connector=shop attempt=3
// or, with Format::kJson, one JSON object a line. In steady state nothing is written.
namespace headgate::diag {

enum class Level : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError, kFatal };
enum class Format : std::uint8_t { kText, kJson };

std::string_view Name(Level level);
std::optional<Level> ParseLevel(std::string_view name);  // trace, debug, info, warn, error, fatal; any case

// What a line names as its component, in order of name. Each has a threshold of its own (admin API, /admin/loggers).
inline constexpr std::string_view kAreas[] = {"backfill", "config", "deliver", "headgate", "ingest",  "kafka",
                                              "log",      "mysql",  "net",     "postgres", "service", "supervisor",
                                              "table",    "views",  "web",     "webhook"};

// One of them, by its name: another name does not compile.
class Area {
 public:
  consteval Area(const char* name) : index_(0) {  // NOLINT(google-explicit-constructor): a name is an area
    while (kAreas[index_] != std::string_view(name)) {
      if (++index_ == std::size(kAreas)) throw "no such area in kAreas";
    }
  }
  std::size_t index() const { return index_; }
  std::string_view name() const { return kAreas[index_]; }

 private:
  std::size_t index_;
};

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

// The least level of the lines of an area. "root" stands for all areas: what was last set for them together.
struct Threshold {
  Level level = Level::kInfo;
  std::int64_t set_us = 0;  // Unix time at which it was set while the process ran; 0: it was not
};
// Any thread. Nothing if there is no such area.
std::optional<Threshold> ThresholdOf(std::string_view area);
// One thread. False if there is no such area.
bool SetThreshold(std::string_view area, Level level, std::int64_t now_us);

bool Enabled(Level level, Area area);
void Write(Level level, Area area, std::string_view message, std::initializer_list<Field> fields = {});

// Where the fields cost something, ask Enabled first.
inline void Debug(Area area, std::string_view message, std::initializer_list<Field> fields = {}) {
  Write(Level::kDebug, area, message, fields);
}
inline void Info(Area area, std::string_view message, std::initializer_list<Field> fields = {}) {
  Write(Level::kInfo, area, message, fields);
}
inline void Warn(Area area, std::string_view message, std::initializer_list<Field> fields = {}) {
  Write(Level::kWarn, area, message, fields);
}
inline void Error(Area area, std::string_view message, std::initializer_list<Field> fields = {}) {
  Write(Level::kError, area, message, fields);
}

}  // namespace headgate::diag
