#pragma once

#include "core/pipeline/sink.h"

namespace headgate::kafka::sink {

const config::ComponentSpec& Spec();
const SinkFactory& Factory();

// Looks whether the cluster is there, signs in, and whether what is needed may be done there; 10 s at most.
std::vector<Finding> Preflight(const std::string& name, const config::Bound& bound, const SinkServices& services);

}  // namespace headgate::kafka::sink
