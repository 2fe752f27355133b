#include "connectors/registry.h"

#include "connectors/http/spec.h"
#include "connectors/kafka/spec.h"
#include "connectors/mysql/spec.h"
#include "connectors/postgres/spec.h"

namespace headgate {

std::span<const SourceFactory* const> Sources() {
  static const SourceFactory* const sources[] = {&http::Factory(), &kafka::source::Factory(), &mysql::MariadbFactory(),
                                                 &mysql::MysqlFactory(), &postgres::Factory()};
  return sources;
}

}  // namespace headgate
