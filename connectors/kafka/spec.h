#pragma once

#include "core/pipeline/source.h"

namespace headgate::kafka::source {

// The settings of a source of topics, as data.
const config::ComponentSpec& Spec();

// Class `KafkaSource`, alias `kafka-source`: for the registry of sources.
const SourceFactory& Factory();

std::vector<Finding> Preflight(const std::string& name, const config::Bound& bound);

}  // namespace headgate::kafka::source
