#pragma once

#include <span>

#include "core/pipeline/source.h"

namespace headgate {

// Every source, sorted by class name. A new one is a folder here, a line in registry.cc and one in CMakeLists.txt.
std::span<const SourceFactory* const> Sources();

}  // namespace headgate
