#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/sql/characters.h"

namespace headgate::sql {

// Characters as sorted, disjoint ranges.
class CharacterSet {
 public:
  static constexpr char32_t kLast = 0x10FFFF;

  void Add(char32_t first, char32_t last) { ranges_.emplace_back(first, last); }
  void Add(const CharacterSet& other) { ranges_.insert(ranges_.end(), other.ranges_.begin(), other.ranges_.end()); }
  // Sorts and merges; needed after Add and before everything below.
  void Settle();
  CharacterSet Complement() const;
  bool Has(char32_t c) const;
  const std::vector<std::pair<char32_t, char32_t>>& ranges() const { return ranges_; }

  // All characters of a class, made once; a word's are letters, digits and '_'.
  static const CharacterSet& OfClass(CharacterClass of);
  static const CharacterSet& OfWords();

 private:
  std::vector<std::pair<char32_t, char32_t>> ranges_;
  std::array<std::uint64_t, 2> ascii_{};
};

enum class RegexAssertion : std::uint8_t {
  kTextStart,
  kTextEnd,
  kLineStart,
  kLineEnd,
  kWordStart,
  kWordEnd,
  kWordEdge,
  kNoWordEdge,
};

// Which of several matches an expression prefers, and what else PostgreSQL needs to know of it to assign its groups: a
// set of these.
using RegexFlags = unsigned;
inline constexpr RegexFlags kLonger = 1;
inline constexpr RegexFlags kShorter = 2;
inline constexpr RegexFlags kMixed = 4;  // parts of it differ in what they prefer
inline constexpr RegexFlags kCaptures = 8;
inline constexpr RegexFlags Preference(RegexFlags flags) { return flags & (kLonger | kShorter); }
// Of what stands in front, if that has a preference, else of what is behind.
inline constexpr RegexFlags Combine(RegexFlags front, RegexFlags back) {
  const RegexFlags both = front | back;
  const bool mixed = (both & kMixed) != 0 || Preference(both) == (kLonger | kShorter);
  return (both & kCaptures) | (mixed ? kMixed : 0) | (Preference(front) != 0 ? Preference(front) : Preference(back));
}

inline constexpr int kUnbounded = -1;

struct RegexNode {
  enum class Kind : std::uint8_t { kSet, kAssertion, kConcat, kAlternate, kRepeat, kGroup };
  Kind kind = Kind::kConcat;  // without children: the empty expression
  RegexFlags flags = 0;
  std::vector<std::unique_ptr<RegexNode>> children;
  CharacterSet set;
  RegexAssertion assertion = RegexAssertion::kTextStart;
  int min = 1;                // kRepeat
  int max = 1;                // or kUnbounded
  RegexFlags preference = 0;  // of the quantifier itself
  std::size_t capture = 0;    // kGroup: its number, from 1
};
using RegexNodePtr = std::unique_ptr<RegexNode>;

struct RegexOptions {
  bool ignore_case = false;
  bool expanded = false;         // blanks and comments do not count
  bool newline_stops = false;    // . and [^...] take no newline
  bool newline_anchors = false;  // ^ and $ match at lines
  bool literal = false;          // every character stands for itself
  bool operator<=>(const RegexOptions&) const = default;
};

struct RegexTree {
  RegexNodePtr root;
  std::size_t groups = 0;
  std::string problem;    // not empty: there is no tree
  bool supported = true;  // false: PostgreSQL takes the expression, Headgate does not
};

// PostgreSQL's advanced regular expressions (its documentation, 9.7.3).
RegexTree ParseRegex(std::string_view pattern, RegexOptions options);

}  // namespace headgate::sql
