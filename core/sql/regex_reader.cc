#include "core/sql/regex_reader.h"

#include <algorithm>

namespace headgate::sql {
namespace {

constexpr const char* kBadEscape = "invalid escape \\ sequence";
constexpr const char* kBadRange = "invalid character range";
constexpr const char* kUnclosedBracket = "brackets [] not balanced";

struct ClassName {
  std::u32string_view name;
  CharacterClass of;
};
constexpr ClassName kClasses[] = {
    {U"alnum", CharacterClass::kAlnum}, {U"alpha", CharacterClass::kAlpha}, {U"blank", CharacterClass::kBlank},
    {U"cntrl", CharacterClass::kCntrl}, {U"digit", CharacterClass::kDigit}, {U"graph", CharacterClass::kGraph},
    {U"lower", CharacterClass::kLower}, {U"print", CharacterClass::kPrint}, {U"punct", CharacterClass::kPunct},
    {U"space", CharacterClass::kSpace}, {U"upper", CharacterClass::kUpper}, {U"xdigit", CharacterClass::kXdigit},
};

RegexEscape OfKind(RegexEscape::Kind kind, const CharacterSet& set) {
  RegexEscape escape;
  escape.kind = kind;
  escape.set = &set;
  return escape;
}
RegexEscape Asserting(RegexAssertion assertion) {
  RegexEscape escape;
  escape.kind = RegexEscape::Kind::kAssertion;
  escape.assertion = assertion;
  return escape;
}
RegexEscape Character(char32_t c) {
  RegexEscape escape;
  escape.character = c;
  return escape;
}

}  // namespace

void RegexReader::AddCharacter(CharacterSet& set, char32_t c) const {
  if (options_.ignore_case) {
    set.Add(LowerOf(c), LowerOf(c));
    c = UpperOf(c);
  }
  set.Add(c, c);
}
// Digits of a base, so many at least and at most.
char32_t RegexReader::Digits(char32_t base, std::size_t least, std::size_t most) {
  std::uint64_t value = 0;
  std::size_t count = 0;
  for (; count < most && at_ < pattern_.size(); ++count, ++at_) {
    const char32_t c = Peek();
    char32_t digit = base;
    if (IsDigit(c)) digit = c - '0';
    if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
    if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
    if (digit >= base) break;
    value = std::min<std::uint64_t>(value * base + digit, 0x7FFFFFFF);
  }
  if (count < least || value > 0x7FFFFFFE) Fail(kBadEscape);
  return static_cast<char32_t>(value);
}

// Behind "\".
RegexEscape RegexReader::ReadEscape() {
  using Kind = RegexEscape::Kind;
  if (at_end()) {
    Fail(kBadEscape);
    return {};
  }
  const char32_t c = pattern_[at_++];
  switch (c) {
    case 'a':
      return Character('\a');
    case 'b':
      return Character('\b');
    case 'B':
      return Character('\\');
    case 'c':
      if (at_end()) Fail(kBadEscape);
      return Character(at_end() ? 0 : pattern_[at_++] & 31);
    case 'e':
      return Character(27);
    case 'f':
      return Character('\f');
    case 'n':
      return Character('\n');
    case 'r':
      return Character('\r');
    case 't':
      return Character('\t');
    case 'v':
      return Character('\v');
    case 'u':
      return Character(Digits(16, 4, 4));
    case 'U':
      return Character(Digits(16, 8, 8));
    case 'x':
      return Character(Digits(16, 1, 255));
    case 'd':
      return OfKind(Kind::kClass, CharacterSet::OfClass(CharacterClass::kDigit));
    case 's':
      return OfKind(Kind::kClass, CharacterSet::OfClass(CharacterClass::kSpace));
    case 'w':
      return OfKind(Kind::kClass, CharacterSet::OfWords());
    case 'D':
      return OfKind(Kind::kComplement, CharacterSet::OfClass(CharacterClass::kDigit));
    case 'S':
      return OfKind(Kind::kComplement, CharacterSet::OfClass(CharacterClass::kSpace));
    case 'W':
      return OfKind(Kind::kComplement, CharacterSet::OfWords());
    case 'A':
      return Asserting(RegexAssertion::kTextStart);
    case 'Z':
      return Asserting(RegexAssertion::kTextEnd);
    case 'm':
      return Asserting(RegexAssertion::kWordStart);
    case 'M':
      return Asserting(RegexAssertion::kWordEnd);
    case 'y':
      return Asserting(RegexAssertion::kWordEdge);
    case 'Y':
      return Asserting(RegexAssertion::kNoWordEdge);
    default:
      break;
  }
  if (IsDigit(c)) return NumberEscape();
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) Fail(kBadEscape);
  return Character(c);
}
// A group's number: one digit, or more if there are so many groups; else a character in octal.
RegexEscape RegexReader::NumberEscape() {
  const std::size_t start = at_ - 1;
  if (pattern_[start] != '0') {
    at_ = start;
    const char32_t number = Digits(10, 1, 255);
    if (at_ == start + 1 || number <= groups_) {
      RegexEscape escape;
      escape.kind = RegexEscape::Kind::kBackReference;
      escape.character = number;
      return escape;
    }
  }
  at_ = start;
  char32_t c = Digits(8, 1, 3);
  if (c > 0xFF) {
    --at_;
    c >>= 3;
  }
  return Character(c);
}

// Behind "[".
CharacterSet RegexReader::ReadBracket() {
  const bool complement = Take(U"^");
  CharacterSet set;
  for (bool first = true; !failed(); first = false) {
    if (at_end()) {
      Fail(kUnclosedBracket);
      break;
    }
    if (!first && Take(U"]")) break;
    Element(set, first);
  }
  if (complement && options_.newline_stops) set.Add('\n', '\n');
  set.Settle();
  return complement ? set.Complement() : set;
}

// A character, a range, a class.
void RegexReader::Element(CharacterSet& set, bool first) {
  if (Peek() == '-' && !first) {
    ++at_;
    if (!at_end() && Peek() != ']') return Fail(kBadRange);
    return AddCharacter(set, '-');
  }
  const auto from = Endpoint(set);
  if (failed()) return;
  const bool range = Peek() == '-' && !at_end() && Peek(1) != ']';
  if (!from) {
    if (range) Fail(kBadRange);
    return;
  }
  if (!range) return AddCharacter(set, *from);
  ++at_;
  if (at_end()) return Fail(kUnclosedBracket);
  const auto to = Endpoint(set);
  if (failed()) return;
  if (!to || *from > *to) return Fail(kBadRange);
  AddRange(set, *from, std::min(*to, CharacterSet::kLast));
}
void RegexReader::AddRange(CharacterSet& set, char32_t from, char32_t to) const {
  set.Add(from, to);
  if (!options_.ignore_case) return;
  for (char32_t c = from; c <= to; ++c) {
    if (LowerOf(c) != c) set.Add(LowerOf(c), LowerOf(c));
    if (UpperOf(c) != c) set.Add(UpperOf(c), UpperOf(c));
  }
}

// A character that may begin or end a range; nothing for a class, which it adds.
std::optional<char32_t> RegexReader::Endpoint(CharacterSet& set) {
  if (Take(U"[:")) return ClassElement(set);
  if (Take(U"[=")) {
    AddCharacter(set, Collating(U"=]"));
    return std::nullopt;
  }
  if (Take(U"[.")) return Collating(U".]");
  const char32_t c = pattern_[at_++];
  if (c != '\\') return c;
  const RegexEscape escape = ReadEscape();
  switch (escape.kind) {
    case RegexEscape::Kind::kCharacter:
      return escape.character;
    case RegexEscape::Kind::kClass:
      set.Add(*escape.set);
      return std::nullopt;
    case RegexEscape::Kind::kComplement:
      set.Add(escape.set->Complement());
      return std::nullopt;
    default:
      Fail(kBadEscape);
      return std::nullopt;
  }
}
// The name up to `end`.
std::u32string_view RegexReader::Named(std::u32string_view end) {
  const std::size_t start = at_;
  const std::size_t found = pattern_.find(end, at_);
  if (found == std::u32string::npos) {
    Fail(kUnclosedBracket);
    return {};
  }
  at_ = found + end.size();
  return std::u32string_view(pattern_).substr(start, found - start);
}
std::optional<char32_t> RegexReader::ClassElement(CharacterSet& set) {
  const std::u32string_view name = Named(U":]");
  if (failed()) return std::nullopt;
  if (name == U"word") {
    set.Add(CharacterSet::OfWords());
  } else if (name == U"ascii") {
    set.Add(0, 0x7F);
  } else if (const auto* known = std::ranges::find(kClasses, name, &ClassName::name); known != std::end(kClasses)) {
    const bool cased = known->of == CharacterClass::kLower || known->of == CharacterClass::kUpper;
    set.Add(CharacterSet::OfClass(cased && options_.ignore_case ? CharacterClass::kAlpha : known->of));
  } else {
    Fail("invalid character class");
  }
  return std::nullopt;
}
char32_t RegexReader::Collating(std::u32string_view end) {
  const std::u32string_view name = Named(end);
  if (name.size() == 1) return name[0];
  Fail("invalid collating element");
  return 0;
}

}  // namespace headgate::sql
