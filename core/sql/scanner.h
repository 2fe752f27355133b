#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/sql/problem.h"

namespace headgate::sql {

// One token of PostgreSQL's own scanner (libpg_query); comments are left out.
struct Token {
  enum class Kind : std::uint8_t { kWord, kQuotedWord, kString, kNumber, kSymbol };
  Kind kind = Kind::kSymbol;
  std::uint32_t start = 0;  // byte offsets in the text
  std::uint32_t end = 0;
  std::string
      text;  // a word in lower case (quoted: without its quotes), a symbol as written, else the bytes of the text

  // An unquoted word, given in lower case; PostgreSQL's keywords are words like any other.
  bool Is(std::string_view word) const { return kind == Kind::kWord && text == word; }
  bool IsSymbol(std::string_view symbol) const { return kind == Kind::kSymbol && text == symbol; }
  bool IsName() const { return kind == Kind::kWord || kind == Kind::kQuotedWord; }
};

// The problem names the place where a string or comment has no end, or a character does not belong.
Parsed<std::vector<Token>> Scan(const std::string& text);

}  // namespace headgate::sql
