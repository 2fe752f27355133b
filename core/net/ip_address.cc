#include "core/net/ip_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace headgate::net {
namespace {

// inet_pton takes "010.0.0.1" on some systems; other programs read that as octal, so no leading zeros here.
std::optional<IpAddress> ParseV4(std::string_view text) {
  std::uint32_t value = 0;
  for (int part = 0; part < 4; ++part) {
    const std::size_t end = part < 3 ? text.find('.') : text.size();
    if (end == std::string_view::npos || end == 0 || end > 3 || (end > 1 && text[0] == '0')) return std::nullopt;
    std::uint32_t octet = 0;
    for (const char c : text.substr(0, end)) {
      if (c < '0' || c > '9') return std::nullopt;
      octet = octet * 10 + static_cast<std::uint32_t>(c - '0');
    }
    if (octet > 255) return std::nullopt;
    value = value << 8 | octet;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return IpAddress::V4(value);
}

}  // namespace

IpAddress IpAddress::V4(std::uint32_t host_order) {
  IpAddress address;
  for (int i = 0; i < 4; ++i) {
    address.bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  }
  return address;
}

std::optional<IpAddress> IpAddress::FromSockaddr(const sockaddr* address) {
  if (address == nullptr) return std::nullopt;
  IpAddress result;
  if (address->sa_family == AF_INET) {
    sockaddr_in in;
    std::memcpy(&in, address, sizeof in);
    return V4(ntohl(in.sin_addr.s_addr));
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 in;
    std::memcpy(&in, address, sizeof in);
    result.is_v4 = false;
    std::memcpy(result.bytes.data(), &in.sin6_addr, 16);
    return result;
  }
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  if (text.find(':') == std::string_view::npos) return ParseV4(text);
  if (text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  const std::string terminated(text);
  IpAddress result;
  result.is_v4 = false;
  if (inet_pton(AF_INET6, terminated.c_str(), result.bytes.data()) != 1) return std::nullopt;
  return result;
}

std::uint32_t IpAddress::v4() const {
  return static_cast<std::uint32_t>(bytes[0]) << 24 | static_cast<std::uint32_t>(bytes[1]) << 16 |
         static_cast<std::uint32_t>(bytes[2]) << 8 | static_cast<std::uint32_t>(bytes[3]);
}

bool IpAddress::IsUnspecified() const {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0; });
}

std::string IpAddress::Text() const {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(is_v4 ? AF_INET : AF_INET6, bytes.data(), text, sizeof text);
  return text;
}

std::string IpAddress::UrlText() const {
  if (is_v4) return Text();
  std::string text = "[";
  text += Text();
  text += ']';
  return text;
}

std::optional<Cidr> Cidr::Parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::Parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const int bits = address->is_v4 ? 32 : 128;
  Cidr cidr{*address, bits};
  if (slash != std::string_view::npos) {
    const std::string_view number = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), cidr.prefix);
    if (number.empty() || error != std::errc() || end != number.data() + number.size()) return std::nullopt;
    if (cidr.prefix < 0 || cidr.prefix > bits) return std::nullopt;
  }
  static constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (!address->is_v4 && cidr.prefix >= 96 && std::equal(kMapped.begin(), kMapped.end(), address->bytes.begin())) {
    const auto* low = address->bytes.data() + 12;
    cidr.address = IpAddress();
    std::copy(low, low + 4, cidr.address.bytes.begin());
    cidr.prefix -= 96;
  }
  return cidr;
}

bool Cidr::Contains(const IpAddress& other) const {
  if (other.is_v4 != address.is_v4) return false;
  const auto whole = static_cast<std::size_t>(prefix / 8);
  if (!std::equal(address.bytes.begin(), address.bytes.begin() + static_cast<std::ptrdiff_t>(whole),
                  other.bytes.begin())) {
    return false;
  }
  const int rest = prefix % 8;
  return rest == 0 || ((address.bytes[whole] ^ other.bytes[whole]) >> (8 - rest)) == 0;
}

std::string Cidr::Text() const { return address.Text() + "/" + std::to_string(prefix); }

}  // namespace headgate::net
