#pragma once

#include "core/pipeline/source.h"

namespace headgate::http {

// The settings of a source of posted events, as data.
const config::ComponentSpec& Spec();

// Class `HttpSource`, alias `http`: for the registry of sources.
const SourceFactory& Factory();

}  // namespace headgate::http
