#include "connectors/registry.h"

#include "connectors/postgres/spec.h"

namespace headgate {

std::span<const SourceFactory* const> Sources() {
  static const SourceFactory* const sources[] = {&postgres::Factory()};
  return sources;
}

}  // namespace headgate
