#include <optional>

#include "core/sql/characters.h"
#include "core/sql/functions/regexp.h"
#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/lift.h"

// Regular expressions by number: regexp_count, regexp_instr, regexp_substr, and regexp_replace.
namespace headgate::sql {
namespace {

using I = std::int64_t;
using Text = std::string_view;
using MaybeText = std::optional<std::string>;

bool AtLeast(EvalContext& context, const char* parameter, I value, I least) {
  if (value >= least) return true;
  context.Fail("22023", std::string("invalid value for parameter \"") + parameter + "\": " + std::to_string(value));
  return false;
}

// The byte of a position, from 1; nothing if it lies behind the end of the text.
std::optional<std::size_t> ByteOf(Text text, I position) {
  const auto before = static_cast<std::size_t>(position - 1);
  if (before > CountCharacters(text)) return std::nullopt;
  return ByteOfCharacter(text, before);
}

I CountFlags(EvalContext& context, Text text, Text pattern, I start, Text flags) {
  if (!AtLeast(context, "start", start, 1)) return 0;
  const auto regex = ReadRegexp(context, pattern, flags, "regexp_count");
  const auto from = ByteOf(text, start);
  return regex && from ? static_cast<I>(FindAll(*regex, text, *from, 0).size()) : 0;
}
I CountFrom(EvalContext& context, Text text, Text pattern, I start) {
  return CountFlags(context, text, pattern, start, "");
}
I Count(EvalContext& context, Text text, Text pattern) { return CountFlags(context, text, pattern, 1, ""); }

// Match number `number`, or its group `group` if that is not 0.
std::optional<RegexSpan> Numbered(const Regex& regex, Text text, I start, I number, I group) {
  const auto from = ByteOf(text, start);
  if (!from || group > static_cast<I>(regex.groups())) return std::nullopt;
  const auto count = static_cast<std::size_t>(number);
  const std::vector<RegexSpan> matches = FindAll(regex, text, *from, count);
  if (matches.size() < count) return std::nullopt;
  if (group == 0) return matches.back();
  const RegexSpan part = regex.Groups(text, matches.back())[static_cast<std::size_t>(group)];
  return part.matched() ? std::optional(part) : std::nullopt;
}

I InstrGroup(EvalContext& context, Text text, Text pattern, I start, I number, I behind, Text flags, I group) {
  if (!AtLeast(context, "start", start, 1) || !AtLeast(context, "n", number, 1)) return 0;
  const I least = behind > 1 ? behind + 1 : 0;  // it is 0 or 1
  if (!AtLeast(context, "endoption", behind, least) || !AtLeast(context, "subexpr", group, 0)) return 0;
  const auto regex = ReadRegexp(context, pattern, flags, "regexp_instr");
  const auto found = regex ? Numbered(*regex, text, start, number, group) : std::nullopt;
  if (!found) return 0;
  return static_cast<I>(CountCharacters(text.substr(0, behind == 1 ? found->end : found->start))) + 1;
}
I InstrFlags(EvalContext& context, Text text, Text pattern, I start, I number, I behind, Text flags) {
  return InstrGroup(context, text, pattern, start, number, behind, flags, 0);
}
I InstrBehind(EvalContext& context, Text text, Text pattern, I start, I number, I behind) {
  return InstrGroup(context, text, pattern, start, number, behind, "", 0);
}
I InstrNumber(EvalContext& context, Text text, Text pattern, I start, I number) {
  return InstrGroup(context, text, pattern, start, number, 0, "", 0);
}
I InstrFrom(EvalContext& context, Text text, Text pattern, I start) {
  return InstrGroup(context, text, pattern, start, 1, 0, "", 0);
}
I Instr(EvalContext& context, Text text, Text pattern) { return InstrGroup(context, text, pattern, 1, 1, 0, "", 0); }

MaybeText SubstrGroup(EvalContext& context, Text text, Text pattern, I start, I number, Text flags, I group) {
  if (!AtLeast(context, "start", start, 1) || !AtLeast(context, "n", number, 1) ||
      !AtLeast(context, "subexpr", group, 0))
    return std::nullopt;
  const auto regex = ReadRegexp(context, pattern, flags, "regexp_substr");
  const auto found = regex ? Numbered(*regex, text, start, number, group) : std::nullopt;
  return found ? MaybeText(text.substr(found->start, found->end - found->start)) : std::nullopt;
}
MaybeText SubstrFlags(EvalContext& context, Text text, Text pattern, I start, I number, Text flags) {
  return SubstrGroup(context, text, pattern, start, number, flags, 0);
}
MaybeText SubstrNumber(EvalContext& context, Text text, Text pattern, I start, I number) {
  return SubstrGroup(context, text, pattern, start, number, "", 0);
}
MaybeText SubstrFrom(EvalContext& context, Text text, Text pattern, I start) {
  return SubstrGroup(context, text, pattern, start, 1, "", 0);
}
MaybeText Substr(EvalContext& context, Text text, Text pattern) {
  return SubstrGroup(context, text, pattern, 1, 1, "", 0);
}

// The replacement: \1 to \9 a group, \& the match, \\ a backslash.
void AppendReplacement(std::string& out, Text text, Text replacement, const std::vector<RegexSpan>& groups) {
  for (std::size_t at = 0; at < replacement.size(); ++at) {
    const char next = at + 1 < replacement.size() ? replacement[at + 1] : '\0';
    const bool group = next == '&' || (next >= '1' && next <= '9');
    if (replacement[at] != '\\' || (!group && next != '\\')) {
      out.push_back(replacement[at]);
      continue;
    }
    ++at;
    if (!group) {
      out.push_back('\\');
      continue;
    }
    const std::size_t number = next == '&' ? 0 : static_cast<std::size_t>(next - '0');
    if (number < groups.size() && groups[number].matched())
      out += text.substr(groups[number].start, groups[number].end - groups[number].start);
  }
}

// Match number `number` from a byte on, or all of them if it is 0.
std::string ReplaceMatches(const Regex& regex, Text text, Text replacement, std::optional<std::size_t> from, I number) {
  if (!from) return std::string(text);
  const auto count = static_cast<std::size_t>(number);
  std::vector<RegexSpan> matches = FindAll(regex, text, *from, count);
  if (count > 0 && matches.size() < count) return std::string(text);
  if (count > 0) matches = {matches.back()};
  const bool groups = replacement.find('\\') != Text::npos;
  std::string out;
  std::size_t at = 0;
  for (const RegexSpan& match : matches) {
    out += text.substr(at, match.start - at);
    if (groups) {
      AppendReplacement(out, text, replacement, regex.Groups(text, match));
    } else {
      out += replacement;
    }
    at = match.end;
  }
  out += text.substr(at);
  return out;
}
std::string ReplaceFlags(EvalContext& context, Text text, Text pattern, Text replacement, Text letters) {
  RegexpFlags flags;
  if (!ReadRegexpFlags(context, letters, flags)) return {};
  const auto regex = Regex::Of(context, pattern, flags.options);
  return regex ? ReplaceMatches(*regex, text, replacement, 0, flags.global ? 0 : 1) : std::string();
}
std::string ReplacePlain(EvalContext& context, Text text, Text pattern, Text replacement) {
  return ReplaceFlags(context, text, pattern, replacement, "");
}
std::string ReplaceNumberFlags(EvalContext& context, Text text, Text pattern, Text replacement, I start, I number,
                               Text letters) {
  RegexpFlags flags;
  if (!AtLeast(context, "start", start, 1) || !AtLeast(context, "n", number, 0)) return {};
  if (!ReadRegexpFlags(context, letters, flags)) return {};
  const auto regex = Regex::Of(context, pattern, flags.options);
  return regex ? ReplaceMatches(*regex, text, replacement, ByteOf(text, start), number) : std::string();
}
std::string ReplaceNumber(EvalContext& context, Text text, Text pattern, Text replacement, I start, I number) {
  return ReplaceNumberFlags(context, text, pattern, replacement, start, number, "");
}
std::string ReplaceFrom(EvalContext& context, Text text, Text pattern, Text replacement, I start) {
  return ReplaceNumberFlags(context, text, pattern, replacement, start, 1, "");
}

const Function kRegexpPlaceFunctions[] = {
    {"regexp_count", {kText, kText}, kI4, kLift<Count>},
    {"regexp_count", {kText, kText, kI4}, kI4, kLift<CountFrom>},
    {"regexp_count", {kText, kText, kI4, kText}, kI4, kLift<CountFlags>},
    {"regexp_instr", {kText, kText}, kI4, kLift<Instr>},
    {"regexp_instr", {kText, kText, kI4}, kI4, kLift<InstrFrom>},
    {"regexp_instr", {kText, kText, kI4, kI4}, kI4, kLift<InstrNumber>},
    {"regexp_instr", {kText, kText, kI4, kI4, kI4}, kI4, kLift<InstrBehind>},
    {"regexp_instr", {kText, kText, kI4, kI4, kI4, kText}, kI4, kLift<InstrFlags>},
    {"regexp_instr", {kText, kText, kI4, kI4, kI4, kText, kI4}, kI4, kLift<InstrGroup>},
    {"regexp_substr", {kText, kText}, kText, kLift<Substr>},
    {"regexp_substr", {kText, kText, kI4}, kText, kLift<SubstrFrom>},
    {"regexp_substr", {kText, kText, kI4, kI4}, kText, kLift<SubstrNumber>},
    {"regexp_substr", {kText, kText, kI4, kI4, kText}, kText, kLift<SubstrFlags>},
    {"regexp_substr", {kText, kText, kI4, kI4, kText, kI4}, kText, kLift<SubstrGroup>},
    {"regexp_replace", {kText, kText, kText}, kText, kLift<ReplacePlain>},
    {"regexp_replace", {kText, kText, kText, kText}, kText, kLift<ReplaceFlags>},
    {"regexp_replace", {kText, kText, kText, kI4}, kText, kLift<ReplaceFrom>},
    {"regexp_replace", {kText, kText, kText, kI4, kI4}, kText, kLift<ReplaceNumber>},
    {"regexp_replace", {kText, kText, kText, kI4, kI4, kText}, kText, kLift<ReplaceNumberFlags>},
};

}  // namespace

std::span<const Function> RegexpPlaceFunctions() { return kRegexpPlaceFunctions; }

}  // namespace headgate::sql
