#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

// Who may talk to the listener (admin API, SE1 and SE4). Pure functions.
namespace headgate::web {

// Config error if `address` is reachable from other machines and nobody said that this is wanted: there is no sign-in.
Status CheckBind(std::string_view address, bool allow_insecure);

// The host of a Host header without its port: "127.0.0.1", "::1", "localhost", in lower case. "" if it is malformed.
std::string HostOf(std::string_view host_header);

// True if the Host header names the listener: the address the connection came in on, `localhost` for a loopback
// connection, or a configured name. Ports do not matter: rebinding is about names, and tunnels change ports.
bool HostAllowed(std::string_view host_header, std::string_view local_address,
                 const std::vector<std::string>& allowed_hosts);

// For requests that change something: true without Origin, with our own, or with a configured one.
bool OriginAllowed(std::string_view origin, std::string_view host_header,
                   const std::vector<std::string>& allowed_origins);

}  // namespace headgate::web
