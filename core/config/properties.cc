#include "core/config/secret_io.h"

// Java properties, as java.util.Properties.load reads them, but in UTF-8.
namespace headgate::config {

namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\f'; }

void AppendUtf8(std::string& out, unsigned code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3f));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

// Four hex digits at `at`, or nothing.
std::optional<unsigned> HexAt(std::string_view text, std::size_t at) {
  if (text.size() < at + 4) return std::nullopt;
  unsigned code = 0;
  for (const char c : text.substr(at, 4)) {
    const char lower = static_cast<char>(c | 0x20);
    if (c >= '0' && c <= '9') {
      code = code * 16 + static_cast<unsigned>(c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      code = code * 16 + static_cast<unsigned>(lower - 'a' + 10);
    } else {
      return std::nullopt;
    }
  }
  return code;
}

// A \u escape whose digits start at `at`; a surrogate pair is two of them. Moves `at` behind the digits.
void AppendUnicodeEscape(std::string_view text, std::size_t& at, std::string& out) {
  const auto first = HexAt(text, at);
  if (!first) {  // not an escape after all
    out += 'u';
    return;
  }
  at += 4;
  unsigned code = *first;
  if (code >= 0xd800 && code < 0xdc00 && text.substr(at, 2) == "\\u") {
    const auto second = HexAt(text, at + 2);
    if (second && *second >= 0xdc00 && *second < 0xe000) {
      code = 0x10000 + ((code - 0xd800) << 10) + (*second - 0xdc00);
      at += 6;
    }
  }
  const bool alone = code >= 0xd800 && code < 0xe000;
  AppendUtf8(out, alone ? 0xfffd : code);
}

std::string Unescape(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at++];
    if (c != '\\' || at == text.size()) {
      if (c != '\\') out += c;
      continue;
    }
    const char escaped = text[at++];
    switch (escaped) {
      case 't':
        out += '\t';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 'f':
        out += '\f';
        break;
      case 'u':
        AppendUnicodeEscape(text, at, out);
        break;
      default:
        out += escaped;
        break;
    }
  }
  return out;
}

// The next natural line without its end.
std::string_view TakeLine(std::string_view& text) {
  const auto end = text.find_first_of("\r\n");
  const std::string_view line = text.substr(0, end);
  if (end == std::string_view::npos) {
    text = {};
  } else {
    text.remove_prefix(end + (text.substr(end, 2) == "\r\n" ? 2 : 1));
  }
  return line;
}

std::string_view SkipBlanks(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  return text;
}

bool GoesOn(std::string_view line) {  // an odd number of backslashes at the end
  const auto last = line.find_last_not_of('\\');
  const std::size_t count = last == std::string_view::npos ? line.size() : line.size() - last - 1;
  return count % 2 == 1;
}

// Natural lines joined where a backslash ends one; "" for a blank or comment line.
std::string TakeLogicalLine(std::string_view& text) {
  std::string_view line = SkipBlanks(TakeLine(text));
  if (line.empty() || line.front() == '#' || line.front() == '!') return {};
  std::string logical(line);
  while (GoesOn(logical) && !text.empty()) {
    logical.pop_back();
    logical += SkipBlanks(TakeLine(text));
  }
  return logical;
}

}  // namespace

std::optional<std::string> FindProperty(std::string_view text, std::string_view key) {
  std::optional<std::string> found;
  while (!text.empty()) {
    const std::string line = TakeLogicalLine(text);
    const std::string_view view = line;
    std::size_t end = 0;
    while (end < view.size() && !IsBlank(view[end]) && view[end] != '=' && view[end] != ':') {
      end += view[end] == '\\' ? 2 : 1;
    }
    end = std::min(end, view.size());
    if (line.empty() || Unescape(view.substr(0, end)) != key) continue;
    std::string_view value = SkipBlanks(view.substr(end));
    if (!value.empty() && (value.front() == '=' || value.front() == ':')) value = SkipBlanks(value.substr(1));
    found = Unescape(value);
  }
  return found;
}

}  // namespace headgate::config
