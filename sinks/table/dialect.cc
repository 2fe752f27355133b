#include "sinks/table/dialect.h"

#include "sinks/table/mysql_dialect.h"
#include "sinks/table/postgres_dialect.h"

namespace headgate::table {

std::unique_ptr<Dialect> MakeDialect(Database database) {
  if (database == Database::kPostgres) return std::make_unique<PostgresDialect>();
  return std::make_unique<MysqlDialect>(database);
}

}  // namespace headgate::table
