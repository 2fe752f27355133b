#pragma once

#include <span>

#include "core/pipeline/sink.h"

namespace headgate {

// Every sink, sorted by class name. A new one is a folder here, a line in registry.cc and one in CMakeLists.txt.
std::span<const SinkFactory* const> Sinks();

}  // namespace headgate
