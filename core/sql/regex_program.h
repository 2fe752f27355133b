#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/sql/regex_tree.h"

namespace headgate::sql {

// A part of a text, in bytes.
struct RegexSpan {
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t start = kNone;
  std::size_t end = kNone;
  bool matched() const { return start != kNone; }
};

// A piece of an expression, so many times.
struct RegexPiece {
  const RegexNode* node = nullptr;
  int min = 1;
  int max = 1;  // or kUnbounded
};

// An automaton for pieces one behind another, run over all its states at once: a run takes time in the product of the
// text and the expression, whatever they are. It points into the tree that it was made of.
class RegexProgram {
 public:
  explicit RegexProgram(std::span<const RegexPiece> pieces);
  bool too_complex() const { return too_complex_; }

  // Tells the places, in ascending order, where matches that start at `from` end, up to `limit`, until `each` is false.
  // What stands around the match counts for ^, \m and the like.
  void Ends(std::string_view text, std::size_t from, std::size_t limit,
            const std::function<bool(std::size_t)>& each) const;
  std::optional<std::size_t> Shortest(std::string_view text, std::size_t from) const;
  std::optional<std::size_t> Longest(std::string_view text, std::size_t from) const;
  bool Exactly(std::string_view text, RegexSpan span) const;
  // Where the first match at or behind `from` starts.
  std::optional<std::size_t> FirstStart(std::string_view text, std::size_t from) const;

 private:
  struct Instruction {
    enum class Kind : std::uint8_t { kSet, kSplit, kAssertion, kAccept };
    Kind kind = Kind::kAccept;
    const CharacterSet* set = nullptr;
    RegexAssertion assertion = RegexAssertion::kTextStart;
    std::uint32_t next = 0;
    std::uint32_t other = 0;
  };
  class Run;

  std::uint32_t Emit(Instruction instruction);
  std::uint32_t Compile(const RegexNode& node, std::uint32_t next);
  std::uint32_t Repeat(const RegexNode& node, int min, int max, std::uint32_t next);

  std::vector<Instruction> code_;
  std::uint32_t start_ = 0;
  bool too_complex_ = false;
};

}  // namespace headgate::sql
