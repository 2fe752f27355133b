#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/sql/regex_tree.h"

namespace headgate::sql {

// What \ and the characters behind it mean.
struct RegexEscape {
  enum class Kind : std::uint8_t { kCharacter, kClass, kComplement, kAssertion, kBackReference };
  Kind kind = Kind::kCharacter;
  char32_t character = 0;  // or the number of the group
  const CharacterSet* set = nullptr;
  RegexAssertion assertion = RegexAssertion::kTextStart;
};

// A regular expression while it is being read: escapes and bracket expressions. After a failure nothing that is read
// counts.
class RegexReader {
 protected:
  RegexReader(std::u32string pattern, RegexOptions options) : pattern_(std::move(pattern)), options_(options) {}

  bool failed() const { return !problem_.empty(); }
  bool at_end() const { return at_ >= pattern_.size(); }
  bool done() const { return at_end() || failed(); }
  char32_t Peek(std::size_t ahead = 0) const { return at_ + ahead < pattern_.size() ? pattern_[at_ + ahead] : U'\0'; }
  bool Sees(std::u32string_view text) const { return std::u32string_view(pattern_).substr(at_).starts_with(text); }
  bool Take(std::u32string_view text) {
    if (!Sees(text)) return false;
    at_ += text.size();
    return true;
  }
  static bool IsDigit(char32_t c) { return c >= '0' && c <= '9'; }
  // What PostgreSQL says of the expression, and what only Headgate refuses.
  void Fail(const char* problem) {
    if (problem_.empty()) problem_ = problem;
  }
  void Refuse(const char* problem) {
    if (problem_.empty()) supported_ = false;
    Fail(problem);
  }

  // Adds the character, in both cases if case does not count.
  void AddCharacter(CharacterSet& set, char32_t c) const;
  RegexEscape ReadEscape();    // behind the backslash
  CharacterSet ReadBracket();  // behind "["

  std::u32string pattern_;
  RegexOptions options_;
  std::size_t at_ = 0;
  std::size_t groups_ = 0;
  std::string problem_;
  bool supported_ = true;

 private:
  char32_t Digits(char32_t base, std::size_t least, std::size_t most);
  RegexEscape NumberEscape();
  void Element(CharacterSet& set, bool first);
  void AddRange(CharacterSet& set, char32_t from, char32_t to) const;
  std::optional<char32_t> Endpoint(CharacterSet& set);
  std::u32string_view Named(std::u32string_view end);
  std::optional<char32_t> ClassElement(CharacterSet& set);
  char32_t Collating(std::u32string_view end);
};

}  // namespace headgate::sql
