#include "core/codec/java_map.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>
#include <string>

#include "core/codec/json_text.h"

namespace headgate::codec {
namespace {

// RFC 1321. Only for name-based UUIDs, which fix the algorithm; nothing here relies on its strength.
std::array<unsigned char, 16> Md5(std::string_view bytes) {
  static const std::array<std::uint32_t, 64> kSines = [] {
    std::array<std::uint32_t, 64> t{};
    for (std::size_t i = 0; i < 64; ++i) {
      t[i] = static_cast<std::uint32_t>(std::floor(std::fabs(std::sin(static_cast<double>(i + 1))) * 4294967296.0));
    }
    return t;
  }();
  static constexpr int kShifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
  std::string message(bytes);
  message.push_back('\x80');
  while (message.size() % 64 != 56) message.push_back('\0');
  const std::uint64_t bits = bytes.size() * 8;
  message.append(reinterpret_cast<const char*>(&bits), 8);

  std::array<std::uint32_t, 4> state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  for (std::size_t block = 0; block < message.size(); block += 64) {
    std::uint32_t words[16];
    std::memcpy(words, message.data() + block, 64);
    auto [a, b, c, d] = state;
    for (std::uint32_t i = 0; i < 64; ++i) {
      std::uint32_t f = 0;
      std::uint32_t k = 0;
      switch (i / 16) {
        case 0:
          f = (b & c) | (~b & d), k = i;
          break;
        case 1:
          f = (d & b) | (~d & c), k = (5 * i + 1) % 16;
          break;
        case 2:
          f = b ^ c ^ d, k = (3 * i + 5) % 16;
          break;
        default:
          f = c ^ (b | ~d), k = 7 * i % 16;
          break;
      }
      const std::uint32_t next = b + std::rotl(a + f + kSines[i] + words[k], kShifts[i / 16][i % 4]);
      a = d;
      d = c;
      c = b;
      b = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
  }
  std::array<unsigned char, 16> digest;
  std::memcpy(digest.data(), state.data(), 16);
  return digest;
}

}  // namespace

std::uint32_t JavaStringHash(std::string_view utf8) {
  std::uint32_t h = 0;
  ForEachUtf16(utf8, [&](char16_t unit) { h = 31 * h + unit; });
  return h;
}

std::vector<std::size_t> JavaMapOrder(const std::vector<std::uint32_t>& hashes, std::size_t slots) {
  while (hashes.size() * 4 > slots * 3) slots *= 2;
  std::vector<std::size_t> order(hashes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto slot = [&](std::size_t i) { return (hashes[i] ^ hashes[i] >> 16) & (slots - 1); };
  std::ranges::stable_sort(order, {}, slot);
  return order;
}

std::string_view NameUuid(std::string_view bytes, char (&buffer)[36]) {
  std::array<unsigned char, 16> digest = Md5(bytes);
  digest[6] = static_cast<unsigned char>((digest[6] & 0x0F) | 0x30);
  digest[8] = static_cast<unsigned char>((digest[8] & 0x3F) | 0x80);
  std::size_t at = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) buffer[at++] = '-';
    buffer[at++] = "0123456789abcdef"[digest[i] >> 4];
    buffer[at++] = "0123456789abcdef"[digest[i] & 15];
  }
  return {buffer, 36};
}

}  // namespace headgate::codec
