#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/config/spec.h"
#include "core/net/guard.h"
#include "core/net/http_client.h"
#include "core/pipeline/sink.h"

// What sinks that send over HTTP have in common.
namespace headgate {

// What outgoing requests of a sink are checked against (webhooks.md W10); kConfig if what the service lends is
// malformed.
Result<net::GuardPolicy> GuardOf(const SinkServices& services);

// The settings tls_verify, tls_ca_file, tls_cert_file and tls_key_file.
net::TlsOptions ReadTls(const config::Bound& bound, std::vector<config::KeyError>& errors);

// One request on a connection of its own, as a preflight makes it: nothing if there is no outcome within 10 s. kConfig
// as of HttpClient::Open.
Result<std::optional<net::Outcome>> Probe(net::EndpointOptions endpoint, std::string request);

}  // namespace headgate
