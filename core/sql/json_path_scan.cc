#include "core/sql/json_path_scan.h"

#include "core/base/ascii.h"
#include "core/sql/json.h"

namespace headgate::sql {
namespace {

bool IsPathBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }
// What ends a name.
bool IsSpecial(char c) { return std::string_view("?%$.[]{}()|&!=<>@#,*:-+/").find(c) != std::string_view::npos; }
bool InName(char c) { return !IsSpecial(c) && !IsPathBlank(c) && c != '"'; }

}  // namespace

PathToken PathScanner::Refuse(std::string message) {
  if (!failed_) context_.Fail("42601", std::move(message));
  failed_ = true;
  return {};
}

// Comments too; false: one of them does not end.
bool PathScanner::SkipBlanks() {
  while (at_ < text_.size()) {
    if (IsPathBlank(text_[at_])) {
      ++at_;
    } else if (text_.substr(at_, 2) == "/*") {
      const std::size_t end = text_.find("*/", at_ + 2);
      if (end == std::string_view::npos) {
        Refuse("unexpected end of comment at end of jsonpath input");
        return false;
      }
      at_ = end + 2;
    } else {
      return true;
    }
  }
  return true;
}

PathToken PathScanner::Next() {
  PathToken token;
  if (failed_ || !SkipBlanks() || at_ == text_.size()) return token;
  const std::size_t start = at_;
  const char c = text_[at_];
  if (IsDigit(c) || (c == '.' && at_ + 1 < text_.size() && IsDigit(text_[at_ + 1]))) return Number();
  if (c == '"') {
    token.kind = PathToken::Kind::kString;
    return Quoted(std::move(token));
  }
  if (c == '$' && at_ + 1 < text_.size() && (InName(text_[at_ + 1]) || text_[at_ + 1] == '"')) {
    token.kind = PathToken::Kind::kVariable;
    ++at_;
    return text_[at_] == '"' ? Quoted(std::move(token)) : Word(std::move(token));
  }
  if (InName(c)) {
    token.kind = PathToken::Kind::kWord;
    return Word(std::move(token));
  }
  token.kind = PathToken::Kind::kMark;
  at_ += 1;
  for (const std::string_view two : {"&&", "||", "==", "!=", "<>", "<=", ">=", "**"}) {
    if (text_.substr(start, 2) == two) at_ = start + 2;
  }
  token.text = token.source = std::string(text_.substr(start, at_ - start));
  return token;
}

PathToken PathScanner::Number() {
  const std::size_t start = at_;
  const auto digits = [this] {
    while (at_ < text_.size() && IsDigit(text_[at_])) ++at_;
  };
  digits();
  bool junk = text_[start] == '0' && at_ - start > 1;
  if (junk) at_ = start + 1;
  if (!junk && at_ < text_.size() && text_[at_] == '.') {
    ++at_;
    digits();
  }
  if (!junk && at_ < text_.size() && (text_[at_] | 0x20) == 'e') {
    std::size_t next = at_ + 1;
    if (next < text_.size() && (text_[next] == '-' || text_[next] == '+')) ++next;
    if (next < text_.size() && IsDigit(text_[next])) {
      at_ = next;
      digits();
    }
  }
  if (at_ < text_.size() && InName(text_[at_])) {
    return Refuse("trailing junk after numeric literal at or near \"" +
                  std::string(text_.substr(start, at_ + 1 - start)) + "\" of jsonpath input");
  }
  PathToken token;
  token.kind = PathToken::Kind::kNumber;
  token.text = token.source = std::string(text_.substr(start, at_ - start));
  return token;
}

PathToken PathScanner::Quoted(PathToken token) {
  const std::size_t start = at_++;
  while (at_ < text_.size() && text_[at_] != '"') {
    if (text_[at_] == '\\') {
      if (!Escape(token.text)) return {};
    } else {
      token.text.push_back(text_[at_++]);
    }
  }
  if (at_ == text_.size()) return Refuse("unexpected end of quoted string at end of jsonpath input");
  ++at_;
  token.source = std::string(text_.substr(start, at_ - start));
  return token;
}

PathToken PathScanner::Word(PathToken token) {
  const std::size_t start = at_;
  while (at_ < text_.size() && InName(text_[at_])) {
    if (text_[at_] == '\\') {
      if (!Escape(token.text)) return {};
    } else {
      token.text.push_back(text_[at_++]);
    }
  }
  token.source = std::string(text_.substr(start, at_ - start));
  return token;
}

// At a backslash.
bool PathScanner::Escape(std::string& out) {
  if (++at_ == text_.size()) {
    Refuse("unexpected end after backslash at end of jsonpath input");
    return false;
  }
  const char c = text_[at_++];
  constexpr std::string_view kFrom = "bfnrtv";
  constexpr std::string_view kTo = "\b\f\n\r\t\v";
  if (const std::size_t which = kFrom.find(c); which != std::string_view::npos) {
    out.push_back(kTo[which]);
  } else if (c == 'u') {
    return Unicode(out);
  } else if (c == 'x') {
    std::uint32_t code = 0;
    if (!Hex(2, false, code)) return false;
    out += JsonbUnquoted("\"\\u00" + std::string(text_.substr(at_ - 2, 2)) + "\"");
  } else {
    out.push_back(c);
  }
  return true;
}

bool PathScanner::Hex(std::size_t most, bool braces, std::uint32_t& code) {
  code = 0;
  std::size_t read = 0;
  while (at_ < text_.size() && read < most && HexDigit(text_[at_]) >= 0) {
    code = code * 16 + static_cast<std::uint32_t>(HexDigit(text_[at_++]));
    ++read;
  }
  if (braces ? read > 0 : read == most) return true;
  Refuse("invalid hexadecimal character sequence");
  return false;
}

// \u0041, \u{1F600}; halves of a surrogate pair stand behind each other.
bool PathScanner::Unicode(std::string& out) {
  std::string escapes;
  const auto one = [&] {
    std::uint32_t code = 0;
    const bool braces = at_ < text_.size() && text_[at_] == '{';
    if (braces) ++at_;
    if (!Hex(braces ? 6 : 4, braces, code)) return false;
    if (braces) ++at_;
    static constexpr char kHex[] = "0123456789abcdef";
    const auto append = [&escapes](std::uint32_t half) {
      escapes += "\\u";
      for (int shift = 12; shift >= 0; shift -= 4) escapes.push_back(kHex[half >> shift & 15]);
    };
    if (code >= 0x10000) {
      append(0xD800 + ((code - 0x10000) >> 10));
      append(0xDC00 + (code & 0x3FF));
    } else {
      append(code);
    }
    return true;
  };
  if (!one()) return false;
  while (text_.substr(at_, 2) == "\\u") {
    at_ += 2;
    if (!one()) return false;
  }
  auto plain = JsonUnquoted("\"" + escapes + "\"", context_);
  failed_ = failed_ || !plain;
  out += plain.value_or("");
  return !failed_;
}

}  // namespace headgate::sql
