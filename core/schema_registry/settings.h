#pragma once

#include <optional>
#include <vector>

#include "core/config/spec.h"
#include "core/schema_registry/client.h"

// The settings of connectors that use a schema registry.
namespace headgate::schema_registry {

// registry, registry_username, registry_password, registry_timeout_ms, registry_tls_verify, registry_tls_ca_file; with
// `writes` registry_register, too.
void AppendOptions(std::vector<config::Option>& out, bool writes);

// Nothing if no registry is set, or its URL is a placeholder or wrong. The guard is the caller's to fill in.
std::optional<Options> ReadOptions(const config::Bound& bound, bool writes, std::vector<config::KeyError>& errors);

}  // namespace headgate::schema_registry
