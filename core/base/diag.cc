#include "core/base/diag.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>

#include "core/base/clock.h"
#include "core/base/time_text.h"

namespace headgate::diag {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"trace", "debug", "info", "warn", "error", "fatal"};
constexpr std::size_t kRoot = std::size(kAreas);  // its place behind the areas
struct Slot {
  std::atomic<Level> level = Level::kInfo;
  std::atomic<std::int64_t> set_us = 0;
};
std::array<Slot, kRoot + 1> slots;
std::atomic<Format> line_format = Format::kText;

void AppendJsonString(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      constexpr char kHex[] = "0123456789abcdef";
      out += "\\u00";
      out.push_back(kHex[c >> 4 & 15]);
      out.push_back(kHex[c & 15]);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

// Text form: bare if it holds no blank, quote or control character.
void AppendTextValue(std::string& out, std::string_view text) {
  bool bare = !text.empty();
  for (const char c : text) bare = bare && static_cast<unsigned char>(c) > 0x20 && c != '"' && c != '=';
  if (bare) {
    out += text;
  } else {
    AppendJsonString(out, text);
  }
}

std::optional<std::size_t> PlaceOf(std::string_view area) {
  if (area == "root") return kRoot;
  const auto found = std::ranges::find(kAreas, area);
  if (found == std::end(kAreas)) return std::nullopt;
  return static_cast<std::size_t>(found - std::begin(kAreas));
}

}  // namespace

std::string_view Name(Level level) { return kNames[static_cast<std::size_t>(level)]; }

std::optional<Level> ParseLevel(std::string_view name) {
  std::string lower;
  for (const char c : name) lower.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == lower) return static_cast<Level>(i);
  }
  return std::nullopt;
}

void Configure(Level threshold, Format format) {
  for (Slot& slot : slots) {
    slot.level = threshold;
    slot.set_us = 0;
  }
  line_format = format;
}

std::optional<Threshold> ThresholdOf(std::string_view area) {
  const auto place = PlaceOf(area);
  if (!place) return std::nullopt;
  return Threshold{slots[*place].level, slots[*place].set_us};
}

bool SetThreshold(std::string_view area, Level level, std::int64_t now_us) {
  const auto place = PlaceOf(area);
  if (!place) return false;
  for (std::size_t i = *place == kRoot ? 0 : *place; i <= *place; ++i) {
    slots[i].level = level;
    slots[i].set_us = now_us;
  }
  return true;
}

bool Enabled(Level level, Area area) { return level >= slots[area.index()].level.load(std::memory_order_relaxed); }

void Write(Level level, Area area, std::string_view message, std::initializer_list<Field> fields) {
  if (!Enabled(level, area)) return;
  std::string line;
  const std::string now = UtcText(SystemClock().NowUs());
  if (line_format.load(std::memory_order_relaxed) == Format::kText) {
    line.append(now).append(" ").append(Name(level)).append(" ").append(area.name()).append(": ").append(message);
    for (const Field& f : fields) {
      line.append(" ").append(f.key).append("=");
      AppendTextValue(line, f.value);
    }
  } else {
    line.append("{\"ts\":\"").append(now).append("\",\"level\":\"").append(Name(level)).append("\",\"component\":");
    AppendJsonString(line, area.name());
    line.append(",\"message\":");
    AppendJsonString(line, message);
    for (const Field& f : fields) {
      line.append(",");
      AppendJsonString(line, f.key);
      line.append(":");
      if (f.quoted) {
        AppendJsonString(line, f.value);
      } else {
        line.append(f.value);
      }
    }
    line.append("}");
  }
  line.push_back('\n');
  // One write a line, so that lines of different threads do not mix. A closed stderr is nobody's problem here.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace headgate::diag
