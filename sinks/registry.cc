#include "sinks/registry.h"

#include "sinks/search/spec.h"
#include "sinks/webhook/spec.h"

namespace headgate {

std::span<const SinkFactory* const> Sinks() {
  static const SinkFactory* const sinks[] = {&search::Factory(), &webhook::Factory()};
  return sinks;
}

}  // namespace headgate
