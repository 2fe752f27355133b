#include "core/sql/characters.h"

#include <clocale>
#include <cwctype>

namespace headgate::sql {
namespace {

bool Continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Bytes of the character that starts with this one.
std::size_t LengthBy(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xF0) return 4;
  if (lead >= 0xE0) return 3;
  return lead >= 0xC0 ? 2 : 1;
}

locale_t Locale() {
  static const locale_t locale = [] {
    const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return utf8 != nullptr ? utf8 : newlocale(LC_CTYPE_MASK, "C", nullptr);
  }();
  return locale;
}

template <char32_t (*kMap)(char32_t)>
std::string Mapped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) AppendCharacter(out, kMap(NextCharacter(text, at)));
  return out;
}

}  // namespace

std::size_t CountCharacters(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += Continues(c) ? 0 : 1;
  return count;
}

std::size_t ByteOfCharacter(std::string_view text, std::size_t n) {
  if (n >= text.size()) return text.size();
  std::size_t seen = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!Continues(text[at]) && seen++ == n) return at;
  }
  return text.size();
}

char32_t NextCharacter(std::string_view text, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t length = LengthBy(lead);
  if (length == 1 || at + length > text.size()) {
    ++at;
    return lead;
  }
  auto c = static_cast<char32_t>(lead & (0xFF >> (length + 1)));
  for (std::size_t i = 1; i < length; ++i) {
    if (!Continues(text[at + i])) {
      ++at;
      return lead;
    }
    c = c << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3F);
  }
  at += length;
  return c;
}

std::u32string Characters(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) out.push_back(NextCharacter(text, at));
  return out;
}

void AppendCharacter(std::string& out, char32_t c) {
  const auto tail = [&out, c](int shift) { out.push_back(static_cast<char>(0x80 | (c >> shift & 0x3F))); };
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xC0 | c >> 6));
    tail(0);
  } else if (c < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | c >> 12));
    tail(6);
    tail(0);
  } else {
    out.push_back(static_cast<char>(0xF0 | c >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

char32_t LowerOf(char32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
  return static_cast<char32_t>(towlower_l(static_cast<wint_t>(c), Locale()));
}
char32_t UpperOf(char32_t c) {
  if (c < 0x80) return c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c;
  return static_cast<char32_t>(towupper_l(static_cast<wint_t>(c), Locale()));
}
std::string LowerCase(std::string_view text) { return Mapped<LowerOf>(text); }
std::string UpperCase(std::string_view text) { return Mapped<UpperOf>(text); }

bool IsOfClass(char32_t c, CharacterClass of) {
  const auto w = static_cast<wint_t>(c);
  switch (of) {
    case CharacterClass::kAlnum:
      return iswalnum_l(w, Locale()) != 0;
    case CharacterClass::kAlpha:
      return iswalpha_l(w, Locale()) != 0;
    case CharacterClass::kBlank:
      return c == ' ' || c == '\t';
    case CharacterClass::kCntrl:
      return iswcntrl_l(w, Locale()) != 0;
    case CharacterClass::kDigit:
      return iswdigit_l(w, Locale()) != 0;
    case CharacterClass::kGraph:
      return iswgraph_l(w, Locale()) != 0;
    case CharacterClass::kLower:
      return iswlower_l(w, Locale()) != 0;
    case CharacterClass::kPrint:
      return iswprint_l(w, Locale()) != 0;
    case CharacterClass::kPunct:
      return iswpunct_l(w, Locale()) != 0;
    case CharacterClass::kSpace:
      return iswspace_l(w, Locale()) != 0;
    case CharacterClass::kUpper:
      return iswupper_l(w, Locale()) != 0;
    case CharacterClass::kXdigit:
      return iswxdigit_l(w, Locale()) != 0;
  }
  return false;
}

}  // namespace headgate::sql
