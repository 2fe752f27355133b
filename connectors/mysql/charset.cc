#include "connectors/mysql/charset.h"

#include <iconv.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "connectors/mysql/charset_tables.h"
#include "core/base/encoding.h"

namespace headgate::mysql {
namespace {

using C = Charset;

struct NamedCharset {
  std::string_view name;
  Charset charset;
};
constexpr NamedCharset kCharsetNames[] = {
    {"armscii8", C::kArmscii8}, {"ascii", C::kAscii},     {"big5", C::kBig5},         {"binary", C::kBinary},
    {"cp1250", C::kCp1250},     {"cp1251", C::kCp1251},   {"cp1256", C::kCp1256},     {"cp1257", C::kCp1257},
    {"cp850", C::kCp850},       {"cp852", C::kCp852},     {"cp866", C::kCp866},       {"cp932", C::kCp932},
    {"dec8", C::kDec8},         {"eucjpms", C::kEucjpms}, {"euckr", C::kEuckr},       {"gb18030", C::kGb18030},
    {"gb2312", C::kGb2312},     {"gbk", C::kGbk},         {"geostd8", C::kGeostd8},   {"greek", C::kGreek},
    {"hebrew", C::kHebrew},     {"hp8", C::kHp8},         {"keybcs2", C::kKeybcs2},   {"koi8r", C::kKoi8r},
    {"koi8u", C::kKoi8u},       {"latin1", C::kLatin1},   {"latin2", C::kLatin2},     {"latin5", C::kLatin5},
    {"latin7", C::kLatin7},     {"macce", C::kMacce},     {"macroman", C::kMacroman}, {"sjis", C::kSjis},
    {"swe7", C::kSwe7},         {"tis620", C::kTis620},   {"ucs2", C::kUcs2},         {"ujis", C::kUjis},
    {"utf16", C::kUtf16},       {"utf16le", C::kUtf16le}, {"utf32", C::kUtf32},       {"utf8", C::kUtf8},
    {"utf8mb3", C::kUtf8},      {"utf8mb4", C::kUtf8},
};

// Runs of collation numbers, sorted by the last of each. What lies in no run a server has belongs to the next: numbers
// that no server uses do not come.
struct CollationRun {
  std::uint16_t first;
  std::uint16_t last;
  Charset charset;
};
constexpr CollationRun kRuns[] = {
    {1, 1, C::kBig5},        {2, 2, C::kLatin2},     {3, 3, C::kDec8},       {4, 4, C::kCp850},
    {5, 5, C::kLatin1},      {6, 6, C::kHp8},        {7, 7, C::kKoi8r},      {8, 8, C::kLatin1},
    {9, 9, C::kLatin2},      {10, 10, C::kSwe7},     {11, 11, C::kAscii},    {12, 12, C::kUjis},
    {13, 13, C::kSjis},      {14, 14, C::kCp1251},   {15, 15, C::kLatin1},   {16, 16, C::kHebrew},
    {18, 18, C::kTis620},    {19, 19, C::kEuckr},    {20, 20, C::kLatin7},   {21, 21, C::kLatin2},
    {22, 22, C::kKoi8u},     {23, 23, C::kCp1251},   {24, 24, C::kGb2312},   {25, 25, C::kGreek},
    {26, 26, C::kCp1250},    {27, 27, C::kLatin2},   {28, 28, C::kGbk},      {29, 29, C::kCp1257},
    {30, 30, C::kLatin5},    {31, 31, C::kLatin1},   {32, 32, C::kArmscii8}, {33, 33, C::kUtf8},
    {34, 34, C::kCp1250},    {35, 35, C::kUcs2},     {36, 36, C::kCp866},    {37, 37, C::kKeybcs2},
    {38, 38, C::kMacce},     {39, 39, C::kMacroman}, {40, 40, C::kCp852},    {41, 42, C::kLatin7},
    {43, 43, C::kMacce},     {44, 44, C::kCp1250},   {45, 46, C::kUtf8},     {47, 49, C::kLatin1},
    {50, 52, C::kCp1251},    {53, 53, C::kMacroman}, {54, 55, C::kUtf16},    {56, 56, C::kUtf16le},
    {57, 57, C::kCp1256},    {58, 59, C::kCp1257},   {60, 61, C::kUtf32},    {62, 62, C::kUtf16le},
    {63, 63, C::kBinary},    {64, 64, C::kArmscii8}, {65, 65, C::kAscii},    {66, 66, C::kCp1250},
    {67, 67, C::kCp1256},    {68, 68, C::kCp866},    {69, 69, C::kDec8},     {70, 70, C::kGreek},
    {71, 71, C::kHebrew},    {72, 72, C::kHp8},      {73, 73, C::kKeybcs2},  {74, 74, C::kKoi8r},
    {75, 75, C::kKoi8u},     {76, 76, C::kUtf8},     {77, 77, C::kLatin2},   {78, 78, C::kLatin5},
    {79, 79, C::kLatin7},    {80, 80, C::kCp850},    {81, 81, C::kCp852},    {82, 82, C::kSwe7},
    {83, 83, C::kUtf8},      {84, 84, C::kBig5},     {85, 85, C::kEuckr},    {86, 86, C::kGb2312},
    {87, 87, C::kGbk},       {88, 88, C::kSjis},     {89, 89, C::kTis620},   {90, 90, C::kUcs2},
    {91, 91, C::kUjis},      {92, 93, C::kGeostd8},  {94, 94, C::kLatin1},   {95, 96, C::kCp932},
    {97, 98, C::kEucjpms},   {99, 99, C::kCp1250},   {101, 127, C::kUtf16},  {128, 159, C::kUcs2},
    {160, 191, C::kUtf32},   {192, 223, C::kUtf8},   {224, 247, C::kUtf8},   {248, 250, C::kGb18030},
    {255, 511, C::kUtf8},    {576, 639, C::kUtf8},   {640, 671, C::kUcs2},   {672, 703, C::kUtf16},
    {736, 767, C::kUtf32},   {2048, 2559, C::kUtf8}, {2560, 2815, C::kUcs2}, {2816, 3071, C::kUtf16},
    {3072, 3327, C::kUtf32},
};

// What iconv calls them, from kFirstMultiByte on.
constexpr const char* kIconvNames[] = {"CP950",  "CP932", "EUC-JP-MS", "CP949", "GB18030",
                                       "EUC-CN", "GBK",   "SJIS",      "EUC-JP"};

void AppendCharacter(std::string& out, char32_t c) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

bool IsSurrogate(char32_t c) { return c >= 0xD800 && c < 0xE000; }

template <class Unit, bool kLittle>
bool AppendUnits(std::string& out, std::string_view bytes) {
  if (bytes.size() % sizeof(Unit) != 0) return false;
  const auto unit = [&](std::size_t i) {
    char32_t v = 0;
    for (std::size_t b = 0; b < sizeof(Unit); ++b) {
      const auto byte = static_cast<unsigned char>(bytes[i + (kLittle ? sizeof(Unit) - 1 - b : b)]);
      v = v << 8 | byte;
    }
    return v;
  };
  for (std::size_t i = 0; i < bytes.size(); i += sizeof(Unit)) {
    char32_t c = unit(i);
    if (sizeof(Unit) == 2 && c >= 0xD800 && c < 0xDC00 && i + 2 < bytes.size()) {
      const char32_t low = unit(i + 2);
      if (low < 0xDC00 || low >= 0xE000) return false;
      c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
      i += 2;
    }
    if (IsSurrogate(c) || c > 0x10FFFF) return false;
    AppendCharacter(out, c);
  }
  return true;
}

// How many of the first bytes are ASCII.
std::size_t AsciiBytes(std::string_view bytes) {
  std::size_t n = 0;
  for (; n + 8 <= bytes.size(); n += 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, bytes.data() + n, 8);
    if ((eight & 0x8080808080808080U) != 0) break;
  }
  while (n < bytes.size() && (bytes[n] & 0x80) == 0) ++n;
  return n;
}

bool AppendSwe7(std::string& out, std::string_view bytes) {
  for (const char byte : bytes) {
    const char16_t c = (byte & 0x80) != 0 ? kNoCharacter : Swe7(static_cast<unsigned char>(byte));
    if (c == kNoCharacter) return false;
    AppendCharacter(out, c);
  }
  return true;
}

bool AppendSingleBytes(std::string& out, Charset charset, std::string_view bytes) {
  const std::u16string_view upper = UpperHalf(charset);
  while (true) {
    const std::size_t ascii = AsciiBytes(bytes);
    out.append(bytes.substr(0, ascii));
    bytes.remove_prefix(ascii);
    if (bytes.empty()) return true;
    const char16_t c = upper[static_cast<unsigned char>(bytes[0]) - 0x80U];
    if (c == kNoCharacter) return false;
    AppendCharacter(out, c);
    bytes.remove_prefix(1);
  }
}

// Bytes of the character that begins with these; 1 also for what is none.
std::size_t CharacterBytes(Charset charset, std::string_view bytes) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const std::uint8_t first = at(0);
  if (first < 0x80) return 1;
  switch (charset) {
    case C::kSjis:
    case C::kCp932:
      return first >= 0xA1 && first <= 0xDF ? 1 : 2;
    case C::kUjis:
    case C::kEucjpms:
      return first == 0x8F ? 3 : 2;
    case C::kGb18030:
      return bytes.size() > 1 && at(1) >= 0x30 && at(1) <= 0x39 ? 4 : 2;
    default:
      return 2;
  }
}

}  // namespace

std::optional<Charset> CharsetOf(std::uint32_t collation) {
  if (collation >= 1024 && collation < 2048) collation -= 1024;  // MariaDB's NOPAD forms
  const CollationRun* const run = std::ranges::lower_bound(kRuns, collation, {}, &CollationRun::last);
  if (run == std::end(kRuns) || collation < run->first) return std::nullopt;
  return run->charset;
}

std::optional<Charset> CharsetNamed(std::string_view name) {
  const NamedCharset* const found = std::ranges::lower_bound(kCharsetNames, name, {}, &NamedCharset::name);
  if (found == std::end(kCharsetNames) || found->name != name) return std::nullopt;
  return found->charset;
}

std::string_view NameOf(Charset charset) {
  return std::ranges::find(kCharsetNames, charset, &NamedCharset::charset)->name;  // each has one
}

TextDecoder::TextDecoder() { converters_.fill(nullptr); }
TextDecoder::~TextDecoder() {
  for (void* converter : converters_) {
    if (converter != nullptr) ::iconv_close(converter);
  }
}

bool TextDecoder::Append(std::string& out, Charset charset, std::string_view bytes) {
  const std::size_t start = out.size();
  bool good = false;
  if (charset == C::kUtf8) {
    good = IsUtf8(bytes);
    if (good) out.append(bytes);
  } else if (charset == C::kAscii) {
    good = AsciiBytes(bytes) == bytes.size();
    if (good) out.append(bytes);
  } else if (charset == C::kUcs2 || charset == C::kUtf16) {
    good = AppendUnits<char16_t, false>(out, bytes);
  } else if (charset == C::kUtf16le) {
    good = AppendUnits<char16_t, true>(out, bytes);
  } else if (charset == C::kUtf32) {
    good = AppendUnits<char32_t, false>(out, bytes);
  } else if (charset >= kFirstMultiByte) {
    good = AppendMultiByte(out, charset, bytes);
  } else if (charset == C::kSwe7) {
    good = AppendSwe7(out, bytes);
  } else if (charset >= kFirstSingleByte) {
    good = AppendSingleBytes(out, charset, bytes);
  }
  if (!good) out.resize(start);
  return good;
}

bool TextDecoder::AppendMultiByte(std::string& out, Charset charset, std::string_view bytes) {
  while (true) {
    const std::size_t ascii = AsciiBytes(bytes);
    out.append(bytes.substr(0, ascii));
    bytes.remove_prefix(ascii);
    if (bytes.empty()) return true;
    const std::size_t size = CharacterBytes(charset, bytes);
    if (size > bytes.size()) return false;
    std::uint32_t code = 0;
    for (std::size_t i = 0; i < size; ++i) code = code << 8 | static_cast<unsigned char>(bytes[i]);
    const char32_t own = OwnMeaning(charset, code);
    if (own == kNoCharacter) return false;
    if (own != 0) {
      AppendCharacter(out, own);
    } else if (!AppendByIconv(out, charset, bytes.substr(0, size))) {
      return false;
    }
    bytes.remove_prefix(size);
  }
}

bool TextDecoder::AppendByIconv(std::string& out, Charset charset, std::string_view character) {
  void*& converter = converters_[static_cast<std::size_t>(charset)];
  if (converter == nullptr) {
    const auto index = static_cast<std::size_t>(charset) - static_cast<std::size_t>(kFirstMultiByte);
    const iconv_t made = ::iconv_open("UTF-8", kIconvNames[index]);
    if (made == reinterpret_cast<iconv_t>(-1)) return false;
    converter = made;
  }
  char buffer[16];
  char* to = buffer;
  std::size_t room = sizeof buffer;
  char* from = const_cast<char*>(character.data());  // iconv does not write there
  std::size_t left = character.size();
  ::iconv(converter, nullptr, nullptr, nullptr, nullptr);
  if (::iconv(converter, &from, &left, &to, &room) == static_cast<std::size_t>(-1) || left != 0) return false;
  const std::string_view made(buffer, sizeof buffer - room);
  // Two would be a control character, which no server takes, and what stands behind it.
  if (std::ranges::count_if(made, [](char c) { return (c & 0xC0) != 0x80; }) != 1) return false;
  out.append(made);
  return true;
}

}  // namespace headgate::mysql
