#include <optional>

#include "core/sql/characters.h"
#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/functions/text_values.h"
#include "core/sql/lift.h"

// LIKE and ILIKE: % any characters, _ one, \ before one that stands for itself. ESCAPE makes a pattern of this form of
// one with another escape.
namespace headgate::sql {
namespace {

using Text = std::string_view;

// One match of a text against a pattern: of characters, or of bytes. What stands behind a % is tried at ever later
// places; only the last % passed has to be tried again.
template <bool kCharacters>
class LikeMatch {
 public:
  LikeMatch(EvalContext& context, Text text, Text pattern) : context_(context), text_(text), pattern_(pattern) {}

  bool Run() {
    while (true) {
      while (text_at_ < text_.size() && at_ < pattern_.size()) {
        if (pattern_[at_] == '%') {
          if (const auto known = AnyCharacters()) return *known;
        } else if (!One()) {
          if (failed_ || !Later()) return false;
        }
      }
      if (text_at_ == text_.size()) break;
      if (!Later()) return false;
    }
    return pattern_.find_first_not_of('%', at_) == Text::npos;
  }

 private:
  void Skip() {
    if constexpr (kCharacters) {
      NextCharacter(text_, text_at_);
    } else {
      ++text_at_;
    }
  }
  bool EndsWithEscape() {
    if (pattern_[at_] != '\\' || at_ + 1 < pattern_.size()) return false;
    context_.Fail("22025", "LIKE pattern must not end with escape character");
    failed_ = true;
    return true;
  }

  // One element of the pattern that is no %.
  bool One() {
    if (EndsWithEscape()) return false;
    if (pattern_[at_] == '_') {
      Skip();
      ++at_;
      return true;
    }
    if (pattern_[at_] == '\\') ++at_;
    if (text_[text_at_] != pattern_[at_]) return false;
    ++at_;
    ++text_at_;
    return true;
  }

  // A run of % and _; the result if it is clear then.
  std::optional<bool> AnyCharacters() {
    for (; at_ < pattern_.size() && (pattern_[at_] == '%' || pattern_[at_] == '_'); ++at_) {
      if (pattern_[at_] == '%') continue;
      if (text_at_ == text_.size()) return false;
      Skip();
    }
    if (at_ == pattern_.size()) return true;
    if (EndsWithEscape()) return false;
    behind_ = at_;
    tried_ = text_at_;
    return std::nullopt;
  }

  bool Later() {
    if (!behind_ || tried_ >= text_.size()) return false;
    text_at_ = tried_;
    Skip();
    tried_ = text_at_;
    at_ = *behind_;
    return true;
  }

  EvalContext& context_;
  Text text_;
  Text pattern_;
  std::size_t text_at_ = 0;
  std::size_t at_ = 0;
  std::optional<std::size_t> behind_;  // in the pattern, behind the last %
  std::size_t tried_ = 0;              // in the text, where that was tried
  bool failed_ = false;
};

template <bool kWanted, bool kCharacters>
bool Like(EvalContext& context, Text text, Text pattern) {
  return LikeMatch<kCharacters>(context, text, pattern).Run() == kWanted;
}
template <bool kWanted>
bool ILike(EvalContext& context, Text text, Text pattern) {
  return Like<kWanted, true>(context, LowerCase(text), LowerCase(pattern));
}
// The blanks of char(n) are part of the value here.
template <bool (*kMatch)(EvalContext&, Text, Text)>
bool Padded(EvalContext& context, const CallSite& site, Text text, Text pattern) {
  return kMatch(context, WithBlanks(context, site.arguments[0], text), pattern);
}

std::string LikeEscape(EvalContext& context, Text pattern, Text escape) {
  if (CountCharacters(escape) > 1) {
    context.Fail("22025", "invalid escape string");
    return {};
  }
  if (escape == "\\") return std::string(pattern);
  std::string out;
  bool escaped = false;
  for (std::size_t at = 0; at < pattern.size();) {
    const std::size_t start = at;
    NextCharacter(pattern, at);
    const Text character = pattern.substr(start, at - start);
    if (character == escape && !escaped) {
      out += '\\';
      escaped = true;
      continue;
    }
    if (character == "\\" && !escaped) out += '\\';
    out += character;
    escaped = false;
  }
  return out;
}
std::string LikeEscapeBytes(EvalContext& context, Text pattern, Text escape) {
  return LikeEscape(context, pattern, escape);
}

// By the names that the parser gives the operators: ~~ LIKE, ~~* ILIKE, ! NOT.
const Function kLikeFunctions[] = {
    {"~~", {kText, kText}, kBool, kLift<Like<true, true>>},
    {"!~~", {kText, kText}, kBool, kLift<Like<false, true>>},
    {"~~*", {kText, kText}, kBool, kLift<ILike<true>>},
    {"!~~*", {kText, kText}, kBool, kLift<ILike<false>>},
    {"~~", {kBpchar, kText}, kBool, kLift<Padded<Like<true, true>>>},
    {"!~~", {kBpchar, kText}, kBool, kLift<Padded<Like<false, true>>>},
    {"~~*", {kBpchar, kText}, kBool, kLift<Padded<ILike<true>>>},
    {"!~~*", {kBpchar, kText}, kBool, kLift<Padded<ILike<false>>>},
    {"~~", {kBytea, kBytea}, kBool, kLift<Like<true, false>>},
    {"!~~", {kBytea, kBytea}, kBool, kLift<Like<false, false>>},
    {"like", {kText, kText}, kBool, kLift<Like<true, true>>},
    {"notlike", {kText, kText}, kBool, kLift<Like<false, true>>},
    {"like_escape", {kText, kText}, kText, kLift<LikeEscape>},
    {"like_escape", {kBytea, kBytea}, kBytea, kLift<LikeEscapeBytes>},
};

}  // namespace

std::span<const Function> LikeFunctions() { return kLikeFunctions; }

}  // namespace headgate::sql
