#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct sockaddr;

namespace headgate::net {

// An IPv4 or IPv6 address as a value, without scope. IPv4 uses the first four bytes, the others are zero.
struct IpAddress {
  bool is_v4 = true;
  std::array<std::uint8_t, 16> bytes{};

  static IpAddress V4(std::uint32_t host_order);
  // Only AF_INET and AF_INET6; nothing for other families.
  static std::optional<IpAddress> FromSockaddr(const sockaddr* address);
  // IPv4 as four decimal numbers without leading zeros, IPv6 in any form of RFC 4291 without zone and brackets.
  static std::optional<IpAddress> Parse(std::string_view text);

  std::uint32_t v4() const;  // host order; only for is_v4
  bool IsUnspecified() const;
  std::string Text() const;     // RFC 5952, no brackets
  std::string UrlText() const;  // as a URL writes it: IPv6 in brackets

  auto operator<=>(const IpAddress&) const = default;
};

// A network such as 10.0.0.0/8 or fd00::/8. Bits after the prefix are ignored.
struct Cidr {
  IpAddress address;
  int prefix = 0;

  // `a.b.c.d/n`, `v6/n`, or an address alone (the whole of it). An IPv4-mapped network of at least 96 bits becomes
  // IPv4.
  static std::optional<Cidr> Parse(std::string_view text);
  bool Contains(const IpAddress& other) const;
  std::string Text() const;
};

}  // namespace headgate::net
