#include "web/host_guard.h"

#include <algorithm>

#include "core/config/address.h"
#include "web/http.h"

namespace headgate::web {

Status CheckBind(std::string_view address, bool allow_insecure) {
  if (config::IsLoopback(address) || allow_insecure) return Ok();
  return ConfigError("The admin API would listen on " + std::string(address) +
                     ", where other machines reach it without sign-in. Listen at 127.0.0.1, or set "
                     "api.allow_insecure: true if something in front of it decides who may call.");
}

std::string HostOf(std::string_view host_header) {
  std::string_view host = Trim(host_header);
  std::string_view port;
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    if (end == std::string_view::npos) return {};
    port = host.substr(end + 1);
    host = host.substr(1, end - 1);
  } else {
    const std::size_t colon = std::min(host.find(':'), host.size());
    port = host.substr(colon);
    host = host.substr(0, colon);
  }
  if (!port.empty() && (port[0] != ':' || port.find_first_not_of("0123456789", 1) != std::string_view::npos)) return {};
  std::string lower = Lower(host);
  if (lower.ends_with('.')) lower.pop_back();
  return lower;
}

bool HostAllowed(std::string_view host_header, std::string_view local_address,
                 const std::vector<std::string>& allowed_hosts) {
  const std::string host = HostOf(host_header);
  if (host.empty()) return false;
  if (host == local_address) return true;
  if (host == "localhost" && config::IsLoopback(local_address)) return true;
  return std::any_of(allowed_hosts.begin(), allowed_hosts.end(),
                     [&](const auto& name) { return HostOf(name) == host; });
}

bool OriginAllowed(std::string_view origin, std::string_view host_header,
                   const std::vector<std::string>& allowed_origins) {
  if (origin.empty()) return true;
  const std::string lower = Lower(Trim(origin));
  const std::string host = Lower(Trim(host_header));
  if (!host.empty() && (lower == "http://" + host || lower == "https://" + host)) return true;
  return std::any_of(allowed_origins.begin(), allowed_origins.end(), [&](const auto& o) { return Lower(o) == lower; });
}

}  // namespace headgate::web
