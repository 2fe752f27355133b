#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The character sets of MySQL and MariaDB. What a byte means is what the servers themselves say (MY-19); where iconv
// has another opinion about a code, charset_tables.cc has the servers'.
namespace headgate::mysql {

enum class Charset : std::uint8_t {
  kBinary,  // no text
  kAscii,
  kUtf8,  // utf8mb3 and utf8mb4
  kUcs2,
  kUtf16,
  kUtf16le,
  kUtf32,
  // Of one byte; in the order of kSingleBytes.
  kArmscii8,
  kCp1250,
  kCp1251,
  kCp1256,
  kCp1257,
  kCp850,
  kCp852,
  kCp866,
  kDec8,
  kGeostd8,
  kGreek,
  kHebrew,
  kHp8,
  kKeybcs2,
  kKoi8r,
  kKoi8u,
  kLatin1,
  kLatin2,
  kLatin5,
  kLatin7,
  kMacce,
  kMacroman,
  kSwe7,
  kTis620,
  // Of one and more bytes; in the order of kIconvNames.
  kBig5,
  kCp932,
  kEucjpms,
  kEuckr,
  kGb18030,
  kGb2312,
  kGbk,
  kSjis,
  kUjis,
};
inline constexpr auto kFirstSingleByte = Charset::kArmscii8;
inline constexpr auto kFirstMultiByte = Charset::kBig5;
inline constexpr std::size_t kCharsets = static_cast<std::size_t>(Charset::kUjis) + 1;

// By the number of a collation, as table maps have it; nothing if no server has it.
std::optional<Charset> CharsetOf(std::uint32_t collation);
// "latin1", "utf8mb4", as the information schema has it.
std::optional<Charset> CharsetNamed(std::string_view name);
// One of its names.
std::string_view NameOf(Charset charset);

// Texts to UTF-8. Keeps the system's converters open; one thread at a time.
class TextDecoder {
 public:
  TextDecoder();
  ~TextDecoder();
  TextDecoder(const TextDecoder&) = delete;
  TextDecoder& operator=(const TextDecoder&) = delete;

  // Appends the text. False if the bytes are none in this character set; `out` is then as it was.
  bool Append(std::string& out, Charset charset, std::string_view bytes);

 private:
  bool AppendMultiByte(std::string& out, Charset charset, std::string_view bytes);
  bool AppendByIconv(std::string& out, Charset charset, std::string_view character);

  std::array<void*, kCharsets> converters_;  // iconv_t, made when first needed
};

}  // namespace headgate::mysql
