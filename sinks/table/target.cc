#include "sinks/table/target.h"

#include "sinks/table/bookkeeping.h"
#include "sinks/table/mysql_target.h"
#include "sinks/table/postgres_target.h"

namespace headgate::table {

std::unique_ptr<Target> MakeTarget(const Options& options) {
  if (options.database == Database::kPostgres) return std::make_unique<PostgresTarget>(options);
  return std::make_unique<MysqlTarget>(options);
}

Error ForeignLog(const Options& options, std::string_view sink) {
  return ConfigError("Table " + options.bookkeeping_table + " on " + options.Place() + " says that sink " +
                     std::string(sink) +
                     " of another data directory writes these tables, and its places mean nothing here. Give this sink "
                     "another name or other tables; or, to have them written anew from the start of the log, delete "
                     "the row of that name from " +
                     options.bookkeeping_table + " and restart");
}

Error KnowsNothing(const Options& options, std::string_view sink, Seq seq) {
  return ConfigError("Table " + options.bookkeeping_table + " on " + options.Place() + " has no row of sink " +
                     std::string(sink) + ", which has delivered all before place " + std::to_string(seq) +
                     " of the log: this is another database, or an older copy of it. Rewind the sink to the place that "
                     "the tables are at (POST /api/v1/connectors/" +
                     std::string(sink) + R"(/rewind, {"to":"beginning"} for empty ones))");
}

Error TookOver(const Options& options, std::string_view sink) {
  return ConfigError("Another process has taken over sink " + std::string(sink) + " on " + options.Place() +
                     ": nothing was written. Stop one of the two, then restart this sink");
}

Error RowMissing(const Options& options, const TableName& name) {
  return Rejected("Table " + name.Text() + " on " + options.Place() +
                  " does not have a row that the source changed a part of. Something else wrote the table, or it was "
                  "not filled from the start: deliver it anew, or set the source's table to send whole rows "
                  "(REPLICA IDENTITY FULL; binlog_row_image=FULL)");
}

std::string BookkeepingSql(std::string_view sql, std::string_view quoted_name) {
  std::string out(sql);
  out.replace(out.find(kBookkeepingName), kBookkeepingName.size(), quoted_name);
  return out;
}

}  // namespace headgate::table
