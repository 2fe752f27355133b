#include <algorithm>
#include <limits>

#include "core/sql/characters.h"
#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/functions/text_values.h"
#include "core/sql/lift.h"

// Functions of text: lengths, case, trimming, padding, parts, places, replacing. Positions and lengths count
// characters.
namespace headgate::sql {
namespace {

using I = std::int64_t;
using Text = std::string_view;

I Length(Text s) { return static_cast<I>(CountCharacters(s)); }
I Octets(Text s) { return static_cast<I>(s.size()); }
I Bits(Text s) { return static_cast<I>(s.size()) * 8; }
// The blanks of char(n) are part of the value here.
I PaddedOctets(EvalContext&, const CallSite& site, Text s) {
  return Octets(s) + static_cast<I>(MissingBlanks(site.arguments[0], s));
}

std::string ToLower(Text s) { return LowerCase(s); }
std::string ToUpper(Text s) { return UpperCase(s); }
// A word is a run of letters and digits; its first character becomes upper case, the others lower.
std::string InitialCapitals(Text s) {
  std::string out;
  bool inside = false;
  for (std::size_t at = 0; at < s.size();) {
    const char32_t c = NextCharacter(s, at);
    AppendCharacter(out, inside ? LowerOf(c) : UpperOf(c));
    inside = IsOfClass(c, CharacterClass::kAlnum);
  }
  return out;
}

enum class Side : std::uint8_t { kBoth, kLeft, kRight };

bool Holds(Text set, Text character) {
  for (std::size_t at = 0; at < set.size();) {
    const std::size_t start = at;
    NextCharacter(set, at);
    if (set.substr(start, at - start) == character) return true;
  }
  return false;
}
template <Side kSide>
Text Trim(Text s, Text set) {
  if constexpr (kSide != Side::kRight) {
    while (!s.empty()) {
      std::size_t end = 0;
      NextCharacter(s, end);
      if (!Holds(set, s.substr(0, end))) break;
      s.remove_prefix(end);
    }
  }
  if constexpr (kSide != Side::kLeft) {
    while (!s.empty()) {
      std::size_t start = s.size() - 1;
      while (start > 0 && (static_cast<unsigned char>(s[start]) & 0xC0) == 0x80) --start;
      if (!Holds(set, s.substr(start))) break;
      s.remove_suffix(s.size() - start);
    }
  }
  return s;
}
template <Side kSide>
Text TrimBlanks(Text s) {
  return Trim<kSide>(s, " ");
}

// What PostgreSQL allocates for one value at most, less the head of a text.
constexpr std::size_t kBytesMax = 0x3FFFFFFF - 4;

template <Side kSide>
std::string Pad(EvalContext& context, Text s, I wanted, Text fill) {
  wanted = std::max<I>(wanted, 0);
  const auto length = static_cast<std::size_t>(wanted);
  if (length > kBytesMax / 4) {
    context.Fail("54000", "requested length too large");
    return {};
  }
  const std::size_t own = CountCharacters(s);
  if (own >= length || fill.empty()) return std::string(s.substr(0, ByteOfCharacter(s, length)));
  std::string padding;
  const std::size_t characters = CountCharacters(fill);
  std::size_t missing = length - own;
  for (; missing >= characters; missing -= characters) padding += fill;
  padding += fill.substr(0, ByteOfCharacter(fill, missing));
  return kSide == Side::kLeft ? padding + std::string(s) : std::string(s) + padding;
}
template <Side kSide>
std::string PadBlanks(EvalContext& context, Text s, I wanted) {
  return Pad<kSide>(context, s, wanted, " ");
}

// A negative count: all but so many of the other end.
std::size_t CountOf(Text s, I count) {
  if (count >= 0) return static_cast<std::size_t>(count);
  const I own = Length(s);
  return static_cast<std::size_t>(std::max<I>(own + count, 0));
}
Text Left(Text s, I count) { return s.substr(0, ByteOfCharacter(s, CountOf(s, count))); }
Text Right(Text s, I count) {
  if (count == std::numeric_limits<std::int32_t>::min()) return s;  // as in PostgreSQL, which cannot negate it
  const std::size_t own = CountCharacters(s);
  const std::size_t kept = std::min(CountOf(s, count), own);
  return s.substr(ByteOfCharacter(s, own - kept));
}

// From position `from`, from 1, which may lie before the text, up to position `to`.
Text Between(Text s, I from, I to) {
  if (to <= from || to <= 1) return {};
  const std::size_t start = ByteOfCharacter(s, static_cast<std::size_t>(std::max<I>(from, 1) - 1));
  const Text rest = s.substr(start);
  const auto count = static_cast<std::size_t>(to - std::max<I>(from, 1));
  return rest.substr(0, ByteOfCharacter(rest, count));
}
Text SubstringFrom(Text s, I from) { return Between(s, from, std::numeric_limits<I>::max()); }
Text Substring(EvalContext& context, Text s, I from, I length) {
  if (length < 0) {
    context.Fail("22011", "negative substring length not allowed");
    return {};
  }
  return Between(s, from, from + length);
}

std::string OverlayFor(EvalContext& context, Text s, Text with, I from, I length) {
  if (from <= 0) {
    context.Fail("22011", "negative substring length not allowed");
    return {};
  }
  const I behind = from + length;
  if (behind > std::numeric_limits<std::int32_t>::max() || behind < std::numeric_limits<std::int32_t>::min()) {
    context.Fail("22003", "integer out of range");
    return {};
  }
  return std::string(Between(s, 1, from)) + std::string(with) + std::string(SubstringFrom(s, behind));
}
std::string Overlay(EvalContext& context, Text s, Text with, I from) {
  return OverlayFor(context, s, with, from, Length(with));
}

I Position(Text s, Text part) {
  const std::size_t at = s.find(part);
  return at == Text::npos ? 0 : Length(s.substr(0, at)) + 1;
}
bool StartsWith(Text s, Text start) { return s.starts_with(start); }

std::string Replace(Text s, Text from, Text to) {
  if (from.empty()) return std::string(s);
  std::string out;
  for (std::size_t at = 0;;) {
    const std::size_t found = s.find(from, at);
    out += s.substr(at, found - at);
    if (found == Text::npos) return out;
    out += to;
    at = found + from.size();
  }
}

// Characters of `from` become those at their place in `to`, or go where it has none; the first place counts.
std::string Translate(Text s, Text from, Text to) {
  const std::u32string wanted = Characters(from);
  const std::u32string replacement = Characters(to);
  std::string out;
  for (std::size_t at = 0; at < s.size();) {
    const std::size_t start = at;
    const std::size_t place = wanted.find(NextCharacter(s, at));
    if (place == std::u32string::npos) {
      out += s.substr(start, at - start);
    } else if (place < replacement.size()) {
      AppendCharacter(out, replacement[place]);
    }
  }
  return out;
}

std::string Reverse(Text s) {
  std::string out;
  out.resize(s.size());
  std::size_t free = s.size();
  for (std::size_t at = 0; at < s.size();) {
    const std::size_t start = at;
    NextCharacter(s, at);
    free -= at - start;
    s.copy(out.data() + free, at - start, start);
  }
  return out;
}

std::string Repeat(EvalContext& context, Text s, I count) {
  if (count <= 0 || s.empty()) return {};
  if (s.size() > kBytesMax / static_cast<std::size_t>(count)) {
    context.Fail("54000", "requested length too large");
    return {};
  }
  std::string out;
  out.reserve(s.size() * static_cast<std::size_t>(count));
  for (I i = 0; i < count; ++i) out += s;
  return out;
}

// Fields count from 1, from the end if negative.
Text SplitPart(EvalContext& context, Text s, Text separator, I field) {
  if (field == 0) {
    context.Fail("22023", "field position must not be zero");
    return {};
  }
  if (separator.empty()) return field == 1 || field == -1 ? s : Text{};
  if (field < 0) {
    while (true) {
      const std::size_t found = s.rfind(separator);
      if (++field == 0) return found == Text::npos ? s : s.substr(found + separator.size());
      if (found == Text::npos) return {};
      s = s.substr(0, found);
    }
  }
  while (true) {
    const std::size_t found = s.find(separator);
    if (--field == 0) return s.substr(0, found);
    if (found == Text::npos) return {};
    s = s.substr(found + separator.size());
  }
}

std::string Chr(EvalContext& context, I code) {
  constexpr I kLast = 0x10FFFF;
  if (code < 0) context.Fail("54000", "character number must be positive");
  if (code == 0) context.Fail("54000", "null character not permitted");
  if (code > kLast) {
    context.Fail("54000", "requested character too large for encoding: " + std::to_string(code));
  } else if (code >= 0xD800 && code <= 0xDFFF) {
    context.Fail("54000", "requested character not valid for encoding: " + std::to_string(code));
  }
  std::string out;
  if (code > 0 && code <= kLast) AppendCharacter(out, static_cast<char32_t>(code));
  return out;
}
I Ascii(Text s) {
  std::size_t at = 0;
  return s.empty() ? 0 : static_cast<I>(NextCharacter(s, at));
}

template <class Unsigned>
std::string ToHex(I v) {
  auto rest = static_cast<Unsigned>(v);
  std::string digits;
  do {
    digits.insert(digits.begin(), "0123456789abcdef"[rest & 0xF]);
    rest >>= 4;
  } while (rest != 0);
  return digits;
}

const Function kTextFunctions[] = {
    {"length", {kText}, kI4, kLift<Length>},
    {"length", {kBpchar}, kI4, kLift<Length>},
    {"char_length", {kText}, kI4, kLift<Length>},
    {"char_length", {kBpchar}, kI4, kLift<Length>},
    {"character_length", {kText}, kI4, kLift<Length>},
    {"character_length", {kBpchar}, kI4, kLift<Length>},
    {"octet_length", {kText}, kI4, kLift<Octets>},
    {"octet_length", {kBpchar}, kI4, kLift<PaddedOctets>},
    {"bit_length", {kText}, kI4, kLift<Bits>},
    {"lower", {kText}, kText, kLift<ToLower>},
    {"upper", {kText}, kText, kLift<ToUpper>},
    {"initcap", {kText}, kText, kLift<InitialCapitals>},
    {"btrim", {kText}, kText, kLift<TrimBlanks<Side::kBoth>>},
    {"btrim", {kText, kText}, kText, kLift<Trim<Side::kBoth>>},
    {"ltrim", {kText}, kText, kLift<TrimBlanks<Side::kLeft>>},
    {"ltrim", {kText, kText}, kText, kLift<Trim<Side::kLeft>>},
    {"rtrim", {kText}, kText, kLift<TrimBlanks<Side::kRight>>},
    {"rtrim", {kText, kText}, kText, kLift<Trim<Side::kRight>>},
    {"lpad", {kText, kI4}, kText, kLift<PadBlanks<Side::kLeft>>},
    {"lpad", {kText, kI4, kText}, kText, kLift<Pad<Side::kLeft>>},
    {"rpad", {kText, kI4}, kText, kLift<PadBlanks<Side::kRight>>},
    {"rpad", {kText, kI4, kText}, kText, kLift<Pad<Side::kRight>>},
    {"left", {kText, kI4}, kText, kLift<Left>},
    {"right", {kText, kI4}, kText, kLift<Right>},
    {"substr", {kText, kI4}, kText, kLift<SubstringFrom>},
    {"substr", {kText, kI4, kI4}, kText, kLift<Substring>},
    {"substring", {kText, kI4}, kText, kLift<SubstringFrom>},
    {"substring", {kText, kI4, kI4}, kText, kLift<Substring>},
    {"overlay", {kText, kText, kI4}, kText, kLift<Overlay>},
    {"overlay", {kText, kText, kI4, kI4}, kText, kLift<OverlayFor>},
    {"position", {kText, kText}, kI4, kLift<Position>},
    {"strpos", {kText, kText}, kI4, kLift<Position>},
    {"starts_with", {kText, kText}, kBool, kLift<StartsWith>},
    {"^@", {kText, kText}, kBool, kLift<StartsWith>},
    {"replace", {kText, kText, kText}, kText, kLift<Replace>},
    {"translate", {kText, kText, kText}, kText, kLift<Translate>},
    {"reverse", {kText}, kText, kLift<Reverse>},
    {"repeat", {kText, kI4}, kText, kLift<Repeat>},
    {"split_part", {kText, kText, kI4}, kText, kLift<SplitPart>},
    {"chr", {kI4}, kText, kLift<Chr>},
    {"ascii", {kText}, kI4, kLift<Ascii>},
    {"to_hex", {kI4}, kText, kLift<ToHex<std::uint32_t>>},
    {"to_hex", {kI8}, kText, kLift<ToHex<std::uint64_t>>},
};

}  // namespace

std::span<const Function> TextFunctions() { return kTextFunctions; }

}  // namespace headgate::sql
