#include "connectors/mysql/decimal.h"

#include <cstdint>

namespace headgate::mysql {
namespace {

constexpr int kGroup = 9;  // digits of four bytes
constexpr int kBytesOfDigits[] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};
constexpr int kDigitsMax = 81;  // columns have 65 at most; JSON rounds up to whole groups

std::uint32_t TakeGroup(std::string_view& bytes, int digits, std::uint8_t invert) {
  std::uint32_t v = 0;
  for (int i = 0; i < kBytesOfDigits[digits]; ++i) {
    v = v << 8 | static_cast<std::uint8_t>(static_cast<std::uint8_t>(bytes[0]) ^ invert);
    bytes.remove_prefix(1);
  }
  return v;
}

// Writes exactly `digits` digits of v. False if it has more.
bool PutDigits(char* to, std::uint32_t v, int digits) {
  for (int i = digits; i-- > 0; v /= 10) to[i] = static_cast<char>('0' + v % 10);
  return v == 0;
}

}  // namespace

std::size_t DecimalBytes(int precision, int scale) {
  if (precision < 1 || precision > kDigitsMax || scale < 0 || scale > precision) return 0;
  const int whole = precision - scale;
  return static_cast<std::size_t>(whole / kGroup * 4 + kBytesOfDigits[whole % kGroup] + scale / kGroup * 4 +
                                  kBytesOfDigits[scale % kGroup]);
}

void AppendDecimal(std::string& out, ByteReader& in, int precision, int scale) {
  const std::size_t size = DecimalBytes(precision, scale);
  const std::string_view taken = in.Take(size);
  if (size == 0 || in.failed()) return in.Fail();
  char copy[48];
  taken.copy(copy, taken.size());
  const bool negative = (copy[0] & 0x80) == 0;
  copy[0] = static_cast<char>(copy[0] ^ 0x80);
  std::string_view bytes(copy, size);
  const std::uint8_t invert = negative ? 0xFF : 0;

  char digits[kDigitsMax + kGroup];
  int at = 0;
  bool good = true;
  const auto put = [&](int count) {
    good = PutDigits(digits + at, TakeGroup(bytes, count, invert), count) && good;
    at += count;
  };
  const int whole = precision - scale;
  if (whole % kGroup > 0) put(whole % kGroup);
  for (int i = 0; i < whole / kGroup; ++i) put(kGroup);
  for (int i = 0; i < scale / kGroup; ++i) put(kGroup);
  if (scale % kGroup > 0) put(scale % kGroup);
  if (!good) return in.Fail();

  int first = 0;
  while (first + 1 < whole && digits[first] == '0') ++first;
  if (negative) out.push_back('-');
  if (whole == 0) out.push_back('0');
  out.append(digits + first, static_cast<std::size_t>(whole - (whole > 0 ? first : 0)));
  if (scale == 0) return;
  out.push_back('.');
  out.append(digits + whole, static_cast<std::size_t>(scale));
}

}  // namespace headgate::mysql
