#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/sql/regex_program.h"

namespace headgate::sql {

// How PostgreSQL divides a match among the parts of its expression (documentation, 9.7.3.5): each part takes what it
// prefers, the longest or the shortest, the ones in front first, such that the rest still matches. Parts without groups
// whose quantifiers prefer the same are one part.
struct RegexPart {
  enum class Kind : std::uint8_t { kPlain, kPair, kAlternate, kRepeat };
  Kind kind = Kind::kPlain;
  bool shorter = false;            // what it prefers
  std::size_t capture = 0;         // the group that it is, from 1
  int max = 1;                     // kRepeat: so many times at most, or none, or kUnbounded
  std::vector<RegexPiece> pieces;  // what it matches
  std::vector<std::unique_ptr<RegexPart>> parts;

  // The automaton for `pieces`, made when it is first needed.
  const RegexProgram& program() const;

 private:
  mutable std::unique_ptr<RegexProgram> program_;
};

std::unique_ptr<RegexPart> DivideRegex(const RegexNode& root);
// Notes the groups of a part that matches exactly this part of the text.
void AssignGroups(const RegexPart& part, std::string_view text, RegexSpan span, std::vector<RegexSpan>& groups);

}  // namespace headgate::sql
