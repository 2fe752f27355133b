#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace headgate::sql {

// Texts as sequences of characters (Unicode code points in UTF-8). Bytes that are no UTF-8 count as characters of their
// own.

std::size_t CountCharacters(std::string_view text);
// The byte at which character `n`, from 0, starts; the text's size if it has no more than that.
std::size_t ByteOfCharacter(std::string_view text, std::size_t n);
// The character at byte `at`, which moves behind it.
char32_t NextCharacter(std::string_view text, std::size_t& at);
std::u32string Characters(std::string_view text);
// What counts of a char(n).
constexpr std::string_view WithoutTrailingBlanks(std::string_view text) {
  return text.substr(0, text.find_last_not_of(' ') + 1);
}
void AppendCharacter(std::string& out, char32_t c);

// Cases and classes as in PostgreSQL under LC_CTYPE C.UTF-8, the C library's: one character becomes one character
// ('ß' stays). Without that locale on the machine only ASCII is known.
char32_t LowerOf(char32_t c);
char32_t UpperOf(char32_t c);
std::string LowerCase(std::string_view text);
std::string UpperCase(std::string_view text);
enum class CharacterClass : std::uint8_t {
  kAlnum,
  kAlpha,
  kBlank,
  kCntrl,
  kDigit,
  kGraph,
  kLower,
  kPrint,
  kPunct,
  kSpace,
  kUpper,
  kXdigit,
};
bool IsOfClass(char32_t c, CharacterClass of);

}  // namespace headgate::sql
