#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/sql/eval_context.h"
#include "core/sql/regex_program.h"
#include "core/sql/regex_tree.h"

namespace re2 {
class RE2;
}

namespace headgate::sql {

struct RegexPart;  // regex_captures.h

// A regular expression of PostgreSQL: it matches the leftmost part of a text, the longest or the shortest one there, as
// its first quantifier prefers. RE2 looks for the place where it can say the same; what RE2 cannot (words by Unicode,
// which part of the match belongs to which group) is done by an automaton of our own. Both take linear time.
class Regex {
 public:
  ~Regex();

  // nullptr, with 2201B in the context, for what is no regular expression, and with 0A000 for what is not supported:
  // back-references, lookahead and lookbehind. The last ones used are kept, by thread.
  static std::shared_ptr<const Regex> Of(EvalContext& context, std::string_view pattern, RegexOptions options);

  std::size_t groups() const { return tree_.groups; }
  bool Matches(std::string_view text) const;
  // The first match at or behind `from`.
  std::optional<RegexSpan> Find(std::string_view text, std::size_t from) const;
  // What the groups matched within a match of Find: the match itself, then the groups by number.
  std::vector<RegexSpan> Groups(std::string_view text, RegexSpan match) const;

 private:
  explicit Regex(RegexTree tree);

  RegexTree tree_;
  std::unique_ptr<re2::RE2> finder_;  // may be missing
  std::unique_ptr<RegexProgram> whole_;
  std::unique_ptr<RegexPart> parts_;  // nullptr without groups
};

}  // namespace headgate::sql
