#pragma once

#include "core/pipeline/source.h"

namespace headgate::postgres {

// The settings of a PostgreSQL source, as data.
const config::ComponentSpec& Spec();

// Class `PostgresSource`, alias `postgres`: for the registry of sources.
const SourceFactory& Factory();

}  // namespace headgate::postgres
