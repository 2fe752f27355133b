#include "core/sql/network.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "core/base/ascii.h"
#include "core/sql/text_forms.h"

namespace headgate::sql {
namespace {

// Digits only; nothing if it is above `most`.
std::optional<int> Number(std::string_view text, int most) {
  if (text.empty() || !std::ranges::all_of(text, IsDigit)) return std::nullopt;
  int value = 0;
  for (const char c : text) {
    value = value * 10 + (c - '0');
    if (value > most) return std::nullopt;
  }
  return value;
}

// Dotted octets, at most four; how many.
std::optional<std::size_t> Octets(std::string_view text, std::uint8_t* out, bool leading_zeros) {
  std::size_t count = 0;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('.', at), text.size());
    const std::string_view part = text.substr(at, end - at);
    const auto value = Number(part, 255);
    if (!value || count == 4 || (!leading_zeros && part.size() > 1 && part[0] == '0')) return std::nullopt;
    out[count++] = static_cast<std::uint8_t>(*value);
    at = end + 1;
  }
  return count;
}

// 0x0a01: two digits an octet.
std::optional<std::size_t> HexOctets(std::string_view digits, std::uint8_t* out) {
  if (digits.empty() || digits.size() > 8) return std::nullopt;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const int digit = HexDigit(digits[i]);
    if (digit < 0) return std::nullopt;
    out[i / 2] |= static_cast<std::uint8_t>(i % 2 == 0 ? digit << 4 : digit);
  }
  return (digits.size() + 1) / 2;
}

// The network part of an address without a length: that of its class, and at least what is written.
int ClassBits(std::uint8_t first, std::size_t octets) {
  int bits = 8;
  if (first >= 240) {
    bits = 32;
  } else if (first >= 224) {
    bits = 8;
  } else if (first >= 192) {
    bits = 24;
  } else if (first >= 128) {
    bits = 16;
  }
  bits = std::max(bits, static_cast<int>(octets) * 8);
  return bits == 8 && first == 224 ? 4 : bits;
}

std::optional<Network> ParseFour(std::string_view text, std::optional<std::string_view> length, bool cidr) {
  Network out;
  const bool hex = cidr && (text.starts_with("0x") || text.starts_with("0X"));
  const auto octets = hex ? HexOctets(text.substr(2), out.bytes.data()) : Octets(text, out.bytes.data(), true);
  if (!octets) return std::nullopt;
  if (length) {
    const auto bits = Number(*length, 32);
    if (!bits) return std::nullopt;
    out.bits = *bits;
  } else if (cidr) {
    out.bits = ClassBits(out.bytes[0], *octets);
  } else if (*octets < 4) {
    return std::nullopt;
  } else {
    out.bits = 32;
  }
  return out;
}

// Groups of up to four hexadecimal digits, one run of them left out as ::, the last two perhaps dotted.
std::optional<Network> ParseSix(std::string_view text, std::optional<std::string_view> length) {
  Network out;
  out.six = true;
  std::size_t count = 0;  // bytes
  std::optional<std::size_t> gap;
  std::size_t at = 0;
  if (text.starts_with(':')) {
    if (!text.starts_with("::")) return std::nullopt;
    at = 1;
  }
  bool open = true;  // a group has to follow, unless a gap ends here
  while (at < text.size()) {
    if (text[at] == ':') {
      if (gap) return std::nullopt;
      gap = count;
      ++at;
      open = false;
      continue;
    }
    const std::size_t end = std::min(text.find(':', at), text.size());
    const std::string_view group = text.substr(at, end - at);
    if (group.find('.') != std::string_view::npos) {
      if (end != text.size() || count + 4 > 16 || !Octets(group, &out.bytes[count], false)) return std::nullopt;
      count += 4;
    } else {
      if (group.size() > 4 || count + 2 > 16) return std::nullopt;
      unsigned value = 0;
      const auto [stop, error] = std::from_chars(group.data(), group.data() + group.size(), value, 16);
      if (error != std::errc() || stop != group.data() + group.size()) return std::nullopt;
      out.bytes[count++] = static_cast<std::uint8_t>(value >> 8);
      out.bytes[count++] = static_cast<std::uint8_t>(value);
    }
    open = end < text.size();
    at = end + 1;
  }
  if (open) return std::nullopt;
  if (gap) {
    if (count == 16) return std::nullopt;
    std::copy_backward(out.bytes.begin() + static_cast<std::ptrdiff_t>(*gap),
                       out.bytes.begin() + static_cast<std::ptrdiff_t>(count), out.bytes.end());
    std::fill_n(out.bytes.begin() + static_cast<std::ptrdiff_t>(*gap), 16 - count, std::uint8_t{0});
  } else if (count != 16) {
    return std::nullopt;
  }
  out.bits = 128;
  if (!length) return out;
  const auto bits = Number(*length, 128);
  if (!bits || (length->size() > 1 && (*length)[0] == '0')) return std::nullopt;
  out.bits = *bits;
  return out;
}

void AppendFour(std::string& out, const std::uint8_t* bytes) {
  for (int i = 0; i < 4; ++i) out += (i > 0 ? "." : "") + std::to_string(bytes[i]);
}

// The first `count` groups. The longest run of zero groups is left out, if it is longer than `single`.
void AppendSix(std::string& out, const Network& network, std::size_t count, std::size_t single) {
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < 8; ++i) groups[i] = network.bytes[2 * i] << 8 | network.bytes[2 * i + 1];
  std::size_t best = 8;
  std::size_t length = single;
  for (std::size_t from = 0; from < count; ++from) {
    std::size_t to = from;
    while (to < count && groups[to] == 0) ++to;
    if (to - from > length) {
      best = from;
      length = to - from;
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (best < 8 && i >= best && i < best + length) {
      if (i == best) out.push_back(':');
      continue;
    }
    if (i != 0) out.push_back(':');
    if (i == 6 && count == 8 && best == 0 && (length == 6 || (length == 5 && groups[5] == 0xFFFF))) {
      AppendFour(out, &network.bytes[12]);
      return;
    }
    char group[8];
    std::snprintf(group, sizeof(group), "%x", groups[i]);
    out += group;
  }
  if (best < 8 && best + length == count) out.push_back(':');
}

}  // namespace

Network Network::Masked() const {
  Network out = *this;
  for (int i = 0; i < 16; ++i) {
    const int kept = std::clamp(bits - i * 8, 0, 8);
    out.bytes[static_cast<std::size_t>(i)] &= static_cast<std::uint8_t>(0xFF00 >> kept);
  }
  return out;
}

std::optional<Network> ParseNetwork(std::string_view text, bool cidr) {
  std::optional<std::string_view> length;
  if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    length = text.substr(slash + 1);
    text = text.substr(0, slash);
  }
  return text.find(':') == std::string_view::npos ? ParseFour(text, length, cidr) : ParseSix(text, length);
}

Network ReadNetwork(std::string_view stored) { return ParseNetwork(stored, false).value_or(Network{}); }

std::string NetworkText(const Network& network, bool length_always) {
  std::string out;
  if (network.six) {
    AppendSix(out, network, 8, 1);
  } else {
    AppendFour(out, network.bytes.data());
  }
  if (length_always || network.bits != network.width()) out += "/" + std::to_string(network.bits);
  return out;
}

std::string AbbreviatedNetwork(const Network& network) {
  std::string out;
  if (network.six) {
    AppendSix(out, network,
              network.bits == 0 ? 8 : std::max<std::size_t>(2, (static_cast<std::size_t>(network.bits) + 15) / 16), 0);
  } else {
    const int octets = std::max(1, (network.bits + 7) / 8);
    for (int i = 0; i < octets; ++i)
      out += (i > 0 ? "." : "") + std::to_string(network.bytes[static_cast<std::size_t>(i)]);
  }
  return out + "/" + std::to_string(network.bits);
}

std::string StoredNetwork(const Network& network, TypeId type) { return NetworkText(network, type == TypeId::kCidr); }

bool NetworkContains(const Network& all, const Network& part) {
  if (all.six != part.six || all.bits > part.bits) return false;
  for (int i = 0; i < all.bits; ++i) {
    if (all.Bit(i) != part.Bit(i)) return false;
  }
  return true;
}

void AppendNetworkKey(std::string& out, std::string_view stored) {
  const Network network = ReadNetwork(stored);
  out.push_back(network.six ? 1 : 0);
  for (int i = 0; i < network.bits; ++i) out.push_back(network.Bit(i) ? 2 : 1);
  out.push_back(0);
  out.append(network.bytes.begin(), network.bytes.begin() + network.width() / 8);
}

Datum NetworkFromText(Type type, std::string_view text, EvalContext& context) {
  const bool cidr = type.id == TypeId::kCidr;
  const auto network = ParseNetwork(text, cidr);
  if (!network) return InvalidSyntax(type, text, context);
  if (cidr && network->bytes != network->Masked().bytes) {
    context.Fail("22P02", "invalid cidr value: \"" + std::string(text) + "\"");
    return Datum::Null();
  }
  return Datum::Of(StoredNetwork(*network, type.id));
}

}  // namespace headgate::sql
