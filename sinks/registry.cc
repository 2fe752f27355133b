#include "sinks/registry.h"

#include "sinks/kafka/spec.h"
#include "sinks/search/spec.h"
#include "sinks/table/spec.h"
#include "sinks/webhook/spec.h"

namespace headgate {

std::span<const SinkFactory* const> Sinks() {
  static const SinkFactory* const sinks[] = {&kafka::sink::Factory(), &search::Factory(), &table::Factory(),
                                             &webhook::Factory()};
  return sinks;
}

}  // namespace headgate
