#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

// Addresses as the configuration file writes them.
namespace headgate::config {

struct Listen {
  std::string address = "127.0.0.1";  // an IP address, IPv6 without brackets
  std::uint16_t port = 8083;          // 0 takes a free one

  std::string Text() const;  // 127.0.0.1:8083, [::1]:8083
  friend bool operator==(const Listen&, const Listen&) = default;
};

// "127.0.0.1:8083", "[::1]:0", "localhost:8083" (which is 127.0.0.1). Other names are kConfig errors: what an interface
// is called may change under a running service.
Result<Listen> ParseListen(std::string_view text);

// 127.0.0.0/8, ::1 and their IPv4-mapped form.
bool IsLoopback(std::string_view address);

// "10.0.0.0/8", "fd00::/8", or one address. The bits behind the prefix length must be zero.
bool IsCidr(std::string_view text);

}  // namespace headgate::config
