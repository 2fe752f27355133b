#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/net/ip_address.h"
#include "core/net/url.h"

namespace headgate::net {

struct Listener {
  IpAddress address;  // unspecified (0.0.0.0 or ::) means every address of this machine
  std::uint16_t port = 0;
};

// The SSRF guard of webhooks.md W10: which addresses an outgoing call may reach. A value; its methods have no side
// effects and may be called on any thread.
//
// Order of the rules: deny_ports, own listeners, the ranges that are always refused, `deny`, and for internal ranges
// (private, loopback, carrier-grade NAT, unique local) `allow`: when it is empty all of them are admitted, else only
// those it holds. Addresses outside the internal ranges are not subject to `allow`. An IPv6 address that carries an
// IPv4 address (mapped, compatible, NAT64, 6to4, Teredo) must pass in both forms.
struct GuardPolicy {
  std::vector<Cidr> allow;
  std::vector<Cidr> deny;
  std::vector<std::uint16_t> deny_ports;
  std::vector<Listener> own_listeners;

  // Comma lists as in the settings egress.allow, egress.deny and egress.deny_ports.
  static Result<GuardPolicy> Parse(std::string_view allow, std::string_view deny, std::string_view deny_ports);

  // The error (kConfig) names the address, the port and the rule.
  Status CheckAddress(const IpAddress& address, std::uint16_t port) const;
  // What can be said before the name is resolved: the port and a literal address.
  Status CheckUrl(const Url& url) const;
  // What this policy admits and refuses, one rule a line, for `headgate check`.
  std::string Describe() const;
};

// The IPv4 addresses that an IPv6 address carries; empty if none. Teredo carries two (client and server).
std::vector<IpAddress> EmbeddedV4(const IpAddress& address);

}  // namespace headgate::net
