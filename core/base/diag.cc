#include "core/base/diag.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cctype>

#include "core/base/clock.h"
#include "core/base/time_text.h"

namespace headgate::diag {
namespace {

constexpr std::array<std::string_view, 5> kNames = {"trace", "debug", "info", "warn", "error"};
std::atomic<Level> threshold_level = Level::kInfo;
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
  threshold_level = threshold;
  line_format = format;
}

bool Enabled(Level level) { return level >= threshold_level.load(std::memory_order_relaxed); }

void Write(Level level, std::string_view component, std::string_view message, std::initializer_list<Field> fields) {
  if (!Enabled(level)) return;
  std::string line;
  const std::string now = UtcText(SystemClock().NowUs());
  if (line_format.load(std::memory_order_relaxed) == Format::kText) {
    line.append(now).append(" ").append(Name(level)).append(" ").append(component).append(": ").append(message);
    for (const Field& f : fields) {
      line.append(" ").append(f.key).append("=");
      AppendTextValue(line, f.value);
    }
  } else {
    line.append("{\"ts\":\"").append(now).append("\",\"level\":\"").append(Name(level)).append("\",\"component\":");
    AppendJsonString(line, component);
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
