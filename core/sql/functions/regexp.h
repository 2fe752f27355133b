#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/sql/regex.h"

namespace headgate::sql {

// What the functions of regular expressions share.

struct RegexpFlags {
  RegexOptions options;
  bool global = false;  // g
};
// The letters of the argument `flags`; false, with 22023 in the context, if one is none.
bool ReadRegexpFlags(EvalContext& context, std::string_view letters, RegexpFlags& flags);

// The expression with its flags; nullptr after a failure. `function` refuses the flag g if it is not empty.
std::shared_ptr<const Regex> ReadRegexp(EvalContext& context, std::string_view pattern, std::string_view letters,
                                        std::string_view function, bool* global = nullptr);

// All matches at or behind byte `from`, or the first `count` ones (0: all). A match of nothing right behind a match
// does count for all but the functions that split.
enum class EmptyMatches : bool { kKept, kForSplitting };
std::vector<RegexSpan> FindAll(const Regex& regex, std::string_view text, std::size_t from, std::size_t count,
                               EmptyMatches empty = EmptyMatches::kKept);

// SIMILAR TO and its kin: the pattern as a regular expression. On failure the context has the error.
std::string FromSimilar(EvalContext& context, std::string_view pattern, std::string_view escape);

}  // namespace headgate::sql
