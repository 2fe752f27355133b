#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/config/spec.h"
#include "core/net/guard.h"
#include "core/net/http_client.h"
#include "core/pipeline/sink.h"

// What sinks that call an address somebody chose have in common.
namespace headgate {

// What outgoing requests of a sink are checked against (webhooks.md W10); kConfig if what the service lends is
// malformed.
Result<net::GuardPolicy> GuardOf(const SinkServices& services);

// Where a client that makes its own connections may go: the addresses of `host`, each of which the guard admits. The
// client has to take one of them instead of looking the name up again. Nothing of the path of a Unix socket, which
// counts as loopback. kConfig if the guard refuses one, kTransient if the name cannot be looked up; blocks meanwhile.
Result<std::vector<net::IpAddress>> AdmittedAddresses(const net::GuardPolicy& guard, const std::string& host,
                                                      std::uint16_t port,
                                                      const net::Resolver& resolve = net::SystemResolve);

// The settings tls_verify, tls_ca_file, tls_cert_file and tls_key_file.
net::TlsOptions ReadTls(const config::Bound& bound, std::vector<config::KeyError>& errors);

// One request on a connection of its own, as a preflight makes it: nothing if there is no outcome within 10 s. kConfig
// as of HttpClient::Open.
Result<std::optional<net::Outcome>> Probe(net::EndpointOptions endpoint, std::string request);

}  // namespace headgate
