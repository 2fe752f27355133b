#include "core/sql/regex.h"

#include <gtest/gtest.h>

namespace headgate::sql {
namespace {

std::string RegexProblem(std::string_view pattern) {
  EvalContext context;
  const auto regex = Regex::Of(context, pattern, {});
  return context.failed() ? context.errors()[0].code + " " + context.errors()[0].message : "";
}

// The match and its groups, "-" for one that did not match; "none" without a match.
std::string Match(std::string_view text, std::string_view pattern, RegexOptions options = {}) {
  EvalContext context;
  const auto regex = Regex::Of(context, pattern, options);
  if (!regex) return context.errors()[0].message;
  const auto match = regex->Find(text, 0);
  if (!match) return "none";
  std::string out;
  for (const RegexSpan& span : regex->Groups(text, *match)) {
    out += span.matched() ? std::string(text.substr(span.start, span.end - span.start)) : "-";
    out += "|";
  }
  out.pop_back();
  return out;
}

TEST(Regex, MatchesTheLeftmostLongest) {
  EXPECT_EQ(Match("a barbeque", "ba.|barbeque"), "barbeque");
  EXPECT_EQ(Match("xabcabcy", "(?:abc|abcabcy)"), "abcabcy");
}

TEST(Regex, PrefersTheShortestIfItsFirstQuantifierDoes) {
  EXPECT_EQ(Match("XY1234Z", "Y*?([0-9]{1,3})"), "Y1|1");
  EXPECT_EQ(Match("XY1234Z", "Y*([0-9]{1,3})"), "Y123|123");
  // The way by which RE2 takes the least at each step is not the shortest match.
  EXPECT_EQ(Match("abcdxxxd",
                  "a?"
                  "?.(?:b.{5})?"
                  "?(?:c)?"
                  "?d"),
            "abcd");
}

TEST(Regex, DividesAMatchAmongItsGroupsFromTheFront) {
  EXPECT_EQ(Match("abcd", "(a|ab)(c|bcd)(d*)"), "abcd|ab|c|d");
  EXPECT_EQ(Match("abc01234xyz", "(?:(.*?)(\\d+)(.*)){1,1}"), "abc01234xyz|abc|01234|xyz");
  EXPECT_EQ(Match("abc", "(x)?b"), "b|-");
  EXPECT_EQ(Match("b", "(a*)*"), "|");
}

TEST(Regex, KnowsWordsByUnicode) {
  EXPECT_EQ(Match("café caf", "caf\\M"), "caf");
  EXPECT_EQ(Match("übel bel", "\\mbel"), "bel");
  EXPECT_EQ(Match("ÄRGER", "(?i)ärger"), "ÄRGER");
}

TEST(Regex, RefusesWhatIsNoExpressionOrNotSupported) {
  EXPECT_EQ(RegexProblem("("), "2201B invalid regular expression: parentheses () not balanced");
  EXPECT_EQ(RegexProblem("a**"), "2201B invalid regular expression: quantifier operand invalid");
  EXPECT_EQ(RegexProblem("(a)\\1"), "0A000 regular expression: back-references are not supported");
  EXPECT_EQ(RegexProblem("a(?=b)"), "0A000 regular expression: lookahead and lookbehind are not supported");
  EXPECT_EQ(RegexProblem("((((a{200}){200}){200}){200})"),
            "2201B invalid regular expression: regular expression is too complex");
  EXPECT_EQ(RegexProblem(std::string(100'000, '(')),
            "2201B invalid regular expression: regular expression is too complex");
}

TEST(Regex, TakesLinearTimeWhereBacktrackingWouldNotEnd) {
  const std::string text(5'000, 'a');
  EXPECT_EQ(Match(text, "(?:a*)*b"), "none");
  EXPECT_EQ(Match(text, "\\m(?:a|aa)+$").size(), text.size());
  EXPECT_EQ(Match(text, "(a|aa)+$"), text + "|a");
}

TEST(Regex, StaysUsableAfterItHasLeftTheCache) {
  EvalContext context;
  const auto first = Regex::Of(context, "a", {});
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(Regex::Of(context, "x{" + std::to_string(i) + "}", {}));
  EXPECT_TRUE(first->Matches("cat"));
  EXPECT_FALSE(context.failed());
}

}  // namespace
}  // namespace headgate::sql
