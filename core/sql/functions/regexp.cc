#include "core/sql/functions/regexp.h"

#include <optional>

#include "core/sql/array_value.h"
#include "core/sql/characters.h"
#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/functions/text_values.h"
#include "core/sql/lift.h"

// Regular expressions: ~ and its kin, matches, parts and the texts between them. regexp_replace.cc replaces,
// regexp_places.cc counts and finds places.
namespace headgate::sql {
namespace {

using Text = std::string_view;
using MaybeText = std::optional<std::string>;

Text TextOfSpan(Text text, RegexSpan span) { return text.substr(span.start, span.end - span.start); }

template <bool kWanted, bool kIgnoreCase>
bool Matches(EvalContext& context, Text text, Text pattern) {
  RegexOptions options;
  options.ignore_case = kIgnoreCase;
  const auto regex = Regex::Of(context, pattern, options);
  return regex && regex->Matches(text) == kWanted;
}
// The blanks of char(n) are part of the value here.
template <bool kWanted, bool kIgnoreCase>
bool MatchesPadded(EvalContext& context, const CallSite& site, Text text, Text pattern) {
  return Matches<kWanted, kIgnoreCase>(context, WithBlanks(context, site.arguments[0], text), pattern);
}

bool LikeFlags(EvalContext& context, Text text, Text pattern, Text flags) {
  const auto regex = ReadRegexp(context, pattern, flags, "regexp_like");
  return regex && regex->Matches(text);
}
bool LikePlain(EvalContext& context, Text text, Text pattern) { return LikeFlags(context, text, pattern, ""); }

// The groups of a match, or the match if there are none.
void AppendGroups(std::vector<Datum>& out, const Regex& regex, Text text, RegexSpan match) {
  const std::vector<RegexSpan> groups = regex.Groups(text, match);
  for (std::size_t i = groups.size() > 1 ? 1 : 0; i < groups.size(); ++i)
    out.push_back(groups[i].matched() ? Datum::Of(std::string(TextOfSpan(text, groups[i]))) : Datum::Null());
}
MaybeText MatchFlags(EvalContext& context, Text text, Text pattern, Text flags) {
  const auto regex = ReadRegexp(context, pattern, flags, "regexp_match");
  const auto match = regex ? regex->Find(text, 0) : std::nullopt;
  if (!match) return std::nullopt;
  std::vector<Datum> groups;
  AppendGroups(groups, *regex, text, *match);
  return ArrayValue::OneDimension(std::move(groups)).Payload(TypeId::kText);
}
MaybeText MatchPlain(EvalContext& context, Text text, Text pattern) { return MatchFlags(context, text, pattern, ""); }

// One row a match: an array of two dimensions, whose slices are the rows (function.h).
MaybeText MatchesFlags(EvalContext& context, Text text, Text pattern, Text flags) {
  bool global = false;
  const auto regex = ReadRegexp(context, pattern, flags, "", &global);
  if (!regex) return std::nullopt;
  ArrayValue rows;
  const std::vector<RegexSpan> matches = FindAll(*regex, text, 0, global ? 0 : 1);
  for (const RegexSpan& match : matches) AppendGroups(rows.elements, *regex, text, match);
  if (!matches.empty()) {
    const auto count = static_cast<std::int64_t>(matches.size());
    rows.dimensions = {{count, 1}, {static_cast<std::int64_t>(rows.elements.size()) / count, 1}};
  }
  return rows.Payload(TypeId::kText);
}
MaybeText MatchesPlain(EvalContext& context, Text text, Text pattern) {
  return MatchesFlags(context, text, pattern, "");
}

// The first group, or the match if there is none.
MaybeText SubstringByRegexp(EvalContext& context, Text text, Text pattern) {
  const auto regex = Regex::Of(context, pattern, {});
  const auto match = regex ? regex->Find(text, 0) : std::nullopt;
  if (!match) return std::nullopt;
  const RegexSpan part = regex->groups() > 0 ? regex->Groups(text, *match)[1] : *match;
  return part.matched() ? MaybeText(TextOfSpan(text, part)) : std::nullopt;
}
MaybeText SubstringSimilar(EvalContext& context, Text text, Text pattern, Text escape) {
  const std::size_t failures = context.errors().size();
  const std::string translated = FromSimilar(context, pattern, escape);
  return context.errors().size() == failures ? SubstringByRegexp(context, text, translated) : std::nullopt;
}

std::string SplitByRegexp(EvalContext& context, Text text, Text pattern, Text flags, std::string_view function) {
  const auto regex = ReadRegexp(context, pattern, flags, function);
  if (!regex) return {};
  std::vector<Datum> parts;
  std::size_t at = 0;
  for (const RegexSpan& match : FindAll(*regex, text, 0, 0, EmptyMatches::kForSplitting)) {
    parts.push_back(Datum::Of(std::string(text.substr(at, match.start - at))));
    at = match.end;
  }
  parts.push_back(Datum::Of(std::string(text.substr(at))));
  return ArrayValue::OneDimension(std::move(parts)).Payload(TypeId::kText);
}
std::string SplitToArrayFlags(EvalContext& context, Text text, Text pattern, Text flags) {
  return SplitByRegexp(context, text, pattern, flags, "regexp_split_to_array");
}
std::string SplitToArray(EvalContext& context, Text text, Text pattern) {
  return SplitToArrayFlags(context, text, pattern, "");
}
std::string SplitToTableFlags(EvalContext& context, Text text, Text pattern, Text flags) {
  return SplitByRegexp(context, text, pattern, flags, "regexp_split_to_table");
}
std::string SplitToTable(EvalContext& context, Text text, Text pattern) {
  return SplitToTableFlags(context, text, pattern, "");
}

const Function kRegexpFunctions[] = {
    {"~", {kText, kText}, kBool, kLift<Matches<true, false>>},
    {"~*", {kText, kText}, kBool, kLift<Matches<true, true>>},
    {"!~", {kText, kText}, kBool, kLift<Matches<false, false>>},
    {"!~*", {kText, kText}, kBool, kLift<Matches<false, true>>},
    {"~", {kBpchar, kText}, kBool, kLift<MatchesPadded<true, false>>},
    {"~*", {kBpchar, kText}, kBool, kLift<MatchesPadded<true, true>>},
    {"!~", {kBpchar, kText}, kBool, kLift<MatchesPadded<false, false>>},
    {"!~*", {kBpchar, kText}, kBool, kLift<MatchesPadded<false, true>>},
    {"regexp_like", {kText, kText}, kBool, kLift<LikePlain>},
    {"regexp_like", {kText, kText, kText}, kBool, kLift<LikeFlags>},
    {"regexp_match", {kText, kText}, kTexts, kLift<MatchPlain>},
    {"regexp_match", {kText, kText, kText}, kTexts, kLift<MatchFlags>},
    {"regexp_matches", {kText, kText}, kTexts, kLift<MatchesPlain>, false, kImmutable, true},
    {"regexp_matches", {kText, kText, kText}, kTexts, kLift<MatchesFlags>, false, kImmutable, true},
    {"substring", {kText, kText}, kText, kLift<SubstringByRegexp>},
    {"substring", {kText, kText, kText}, kText, kLift<SubstringSimilar>},
    {"regexp_split_to_array", {kText, kText}, kTexts, kLift<SplitToArray>},
    {"regexp_split_to_array", {kText, kText, kText}, kTexts, kLift<SplitToArrayFlags>},
    {"regexp_split_to_table", {kText, kText}, kText, kLift<SplitToTable>, false, kImmutable, true},
    {"regexp_split_to_table", {kText, kText, kText}, kText, kLift<SplitToTableFlags>, false, kImmutable, true},
};

}  // namespace

bool ReadRegexpFlags(EvalContext& context, std::string_view letters, RegexpFlags& flags) {
  RegexOptions& options = flags.options;
  for (std::size_t at = 0; at < letters.size();) {
    const std::size_t start = at;
    switch (NextCharacter(letters, at)) {
      case 'g':
        flags.global = true;
        break;
      case 'c':
      case 'i':
        options.ignore_case = letters[start] == 'i';
        break;
      case 'm':
      case 'n':
        options.newline_stops = options.newline_anchors = true;
        break;
      case 'p':
      case 's':
      case 'w':
        options.newline_stops = letters[start] == 'p';
        options.newline_anchors = letters[start] == 'w';
        break;
      case 'q':
        options.literal = true;
        break;
      case 't':
      case 'x':
        options.expanded = letters[start] == 'x';
        break;
      case 'b':
      case 'e':
        context.Fail("0A000",
                     "POSIX basic and extended regular expressions (options \"b\" and \"e\") are not supported");
        return false;
      default:
        context.Fail("22023",
                     "invalid regular expression option: \"" + std::string(letters.substr(start, at - start)) + "\"");
        return false;
    }
  }
  return true;
}

std::vector<RegexSpan> FindAll(const Regex& regex, std::string_view text, std::size_t from, std::size_t count,
                               EmptyMatches empty) {
  std::vector<RegexSpan> all;
  std::size_t last_end = 0;
  while (from <= text.size()) {
    const auto match = regex.Find(text, from);
    if (!match) break;
    // The functions that split leave out matches of nothing at either end and right behind a match.
    const bool counts = empty == EmptyMatches::kKept || (match->start < text.size() && match->end > last_end);
    if (counts) all.push_back(*match);
    if (count > 0 && all.size() == count) break;
    last_end = from = match->end;
    if (match->start != match->end) continue;
    if (from == text.size()) break;
    NextCharacter(text, from);
  }
  return all;
}

std::shared_ptr<const Regex> ReadRegexp(EvalContext& context, std::string_view pattern, std::string_view letters,
                                        std::string_view function, bool* global) {
  RegexpFlags flags;
  if (!ReadRegexpFlags(context, letters, flags)) return nullptr;
  if (flags.global && !function.empty()) {
    context.Fail("22023", std::string(function) + "() does not support the \"global\" option");
    return nullptr;
  }
  if (global != nullptr) *global = flags.global;
  return Regex::Of(context, pattern, flags.options);
}

std::span<const Function> RegexpFunctions() { return kRegexpFunctions; }

}  // namespace headgate::sql
