#include "core/pipeline/egress.h"

#include <netinet/in.h>

#include <algorithm>
#include <charconv>

namespace headgate {
namespace {

std::string Join(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ",") + item;
  return text;
}

// "127.0.0.1:8083", "[::1]:8083"
Result<net::Listener> ParseListener(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  std::string_view host = std::string_view(text).substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto address = net::IpAddress::Parse(host);
  unsigned port = 0;
  if (colon != std::string::npos) std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
  if (!address || port == 0 || port > 65535) return ConfigError("\"" + text + "\" is no listener's address and port");
  return net::Listener{*address, static_cast<std::uint16_t>(port)};
}

}  // namespace

Result<net::GuardPolicy> GuardOf(const SinkServices& services) {
  std::vector<std::string> ports;
  for (const std::uint16_t port : services.egress_deny_ports) ports.push_back(std::to_string(port));
  HG_ASSIGN_OR_RETURN(net::GuardPolicy guard,
                      net::GuardPolicy::Parse(Join(services.egress_allow), Join(services.egress_deny), Join(ports)));
  for (const std::string& text : services.own_listeners) {
    HG_ASSIGN_OR_RETURN(auto listener, ParseListener(text));
    guard.own_listeners.push_back(listener);
  }
  return guard;
}

Result<std::vector<net::IpAddress>> AdmittedAddresses(const net::GuardPolicy& guard, const std::string& host,
                                                      std::uint16_t port, const net::Resolver& resolve) {
  if (host.starts_with('/')) {
    const Status admitted = guard.CheckAddress(net::IpAddress::V4(INADDR_LOOPBACK), port);
    if (!admitted.ok()) return ConfigError(admitted.error().what + " (a socket of this machine is as loopback)");
    return std::vector<net::IpAddress>();
  }
  std::vector<net::IpAddress> addresses;
  if (const auto literal = net::IpAddress::Parse(host)) {
    addresses.push_back(*literal);
  } else {
    HG_ASSIGN_OR_RETURN(addresses, resolve(host));
  }
  if (addresses.empty()) return Transient("the name " + host + " has no address");
  for (const net::IpAddress& address : addresses) {
    const Status admitted = guard.CheckAddress(address, port);
    if (admitted.ok()) continue;
    const bool named = addresses.size() > 1 || address.Text() != host;
    return ConfigError(admitted.error().what + (named ? " (an address of " + host + ")" : ""));
  }
  return addresses;
}

net::TlsOptions ReadTls(const config::Bound& bound, std::vector<config::KeyError>& errors) {
  net::TlsOptions tls;
  tls.verify = bound.Bool("tls_verify");
  if (bound.Text("tls_ca_file") != "system") tls.ca_file = bound.Text("tls_ca_file");
  tls.cert_file = bound.Text("tls_cert_file");
  tls.key_file = bound.Text("tls_key_file");
  if (tls.cert_file.empty() != tls.key_file.empty()) {
    const std::string key = tls.cert_file.empty() ? "tls_cert_file" : "tls_key_file";
    errors.push_back({key, "Setting \"" + key + "\" is missing: a client certificate needs both files."});
  }
  return tls;
}

Result<std::optional<net::Outcome>> Probe(net::EndpointOptions endpoint, std::string request) {
  endpoint.timeout_ms = std::min(endpoint.timeout_ms, 9'000);
  HG_ASSIGN_OR_RETURN(const auto client, net::HttpClient::Open(std::move(endpoint)));
  std::optional<net::Outcome> outcome;
  client->Send(std::move(request), [&outcome](net::Outcome&& result) { outcome = std::move(result); });
  const auto deadline = Clock::Steady::now() + std::chrono::seconds(10);
  while (!outcome && Clock::Steady::now() < deadline) client->Run(deadline);
  return outcome;
}

}  // namespace headgate
