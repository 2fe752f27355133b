#include "sinks/registry.h"

#include "sinks/webhook/spec.h"

namespace headgate {

std::span<const SinkFactory* const> Sinks() {
  static const SinkFactory* const sinks[] = {&webhook::Factory()};
  return sinks;
}

}  // namespace headgate
