#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/sql/type.h"

namespace headgate::sql {

// An address of inet or cidr: 4 or 16 bytes and the length of its network part. Values are kept as their output text.
struct Network {
  bool six = false;
  std::array<std::uint8_t, 16> bytes{};
  int bits = 0;

  int width() const { return six ? 128 : 32; }
  bool Bit(int place) const { return (bytes[static_cast<std::size_t>(place / 8)] >> (7 - place % 8) & 1) != 0; }
  Network Masked() const;  // host bits zero
};

// What the type's input function takes; the network of a cidr may have host bits here.
std::optional<Network> ParseNetwork(std::string_view text, bool cidr);
Network ReadNetwork(std::string_view stored);
// With its length always, or only if it is not the whole address.
std::string NetworkText(const Network& network, bool length_always);
// Of a cidr: without what is behind the network, 10.1/16.
std::string AbbreviatedNetwork(const Network& network);
std::string StoredNetwork(const Network& network, TypeId type);

// The network of `part` lies in that of `all`.
bool NetworkContains(const Network& all, const Network& part);
// key.h: IPv4 first, then by the bits of the network, shorter ones first, then by the host.
void AppendNetworkKey(std::string& out, std::string_view stored);

}  // namespace headgate::sql
