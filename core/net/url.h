#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/net/ip_address.h"

namespace headgate::net {

// An http or https URL that a person configured, taken apart strictly (webhooks.md W10).
struct Url {
  bool tls = false;
  std::string host;                  // lower case, without brackets and without a trailing dot
  std::optional<IpAddress> literal;  // when the host is an address
  std::uint16_t port = 0;            // never 0 after Parse
  std::string target;                // path and query exactly as written; at least "/"

  std::string HostHeader() const;  // the value of Host: brackets around IPv6, the port unless it is the scheme's own
  std::string HostPort() const;    // for diagnostics; always with the port
};

// Refuses other schemes, user info, fragments, white space, control and non-ASCII characters, IPv4 in octal,
// hexadecimal or short form, and ports outside 1 to 65535. All errors are kConfig; they never repeat the path or query,
// which may hold a secret.
Result<Url> ParseUrl(std::string_view text);

}  // namespace headgate::net
