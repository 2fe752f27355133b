#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "connectors/mysql/charset.h"

// What the servers make of the bytes of a character set (charset.h).
namespace headgate::mysql {

inline constexpr char16_t kNoCharacter = 0xFFFD;

// The characters of the bytes from 0x80 on, by byte - 0x80. The bytes below are ASCII but in swe7.
std::u16string_view UpperHalf(Charset single_byte);
// The character of a byte of swe7 below 0x80.
char16_t Swe7(std::uint8_t byte);

// Codes on which the servers and iconv differ; 0: iconv has it right. kNoCharacter: it is no character.
char32_t OwnMeaning(Charset multi_byte, std::uint32_t code);

}  // namespace headgate::mysql
