#include <charconv>

#include "connectors/mysql/connection.h"
#include "connectors/mysql/preflight.h"

// The tables of a server, for choosing (admin API, AP24).
namespace headgate::mysql {
namespace {

constexpr std::string_view kListQuery =
    "SELECT c.TABLE_SCHEMA, c.TABLE_NAME, COALESCE(t.TABLE_ROWS, 0), c.COLUMN_NAME, c.COLUMN_TYPE, c.IS_NULLABLE, "
    "COALESCE(k.ORDINAL_POSITION, 0) FROM information_schema.COLUMNS c JOIN information_schema.TABLES t ON "
    "t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME LEFT JOIN information_schema.KEY_COLUMN_USAGE k "
    "ON k.CONSTRAINT_NAME = 'PRIMARY' AND k.TABLE_SCHEMA = c.TABLE_SCHEMA AND k.TABLE_NAME = c.TABLE_NAME AND "
    "k.COLUMN_NAME = c.COLUMN_NAME WHERE t.TABLE_TYPE = 'BASE TABLE' AND c.TABLE_SCHEMA NOT IN ('mysql', "
    "'information_schema', 'performance_schema', 'sys') ORDER BY c.TABLE_SCHEMA, c.TABLE_NAME, c.ORDINAL_POSITION "
    "LIMIT 50000";

std::uint64_t CountIn(const std::optional<std::string>& text) {
  std::uint64_t number = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

}  // namespace

Result<std::vector<ListedTable>> ListTables(const Options& given) {
  Options options = given;
  options.connect_timeout =
      std::min<decltype(options.connect_timeout)>(options.connect_timeout, std::chrono::seconds(5));
  HG_ASSIGN_OR_RETURN(const auto connection, Connection::Open(options));
  HG_ASSIGN_OR_RETURN(const Rows rows, connection->Query(std::string(kListQuery), "listing tables"));
  std::vector<ListedTable> tables;
  for (const Row& row : rows) {
    const std::string database = row[0].value_or("");
    const std::string name = row[1].value_or("");
    if (tables.empty() || tables.back().schema != database || tables.back().name != name)
      tables.push_back({database, name, {}, CountIn(row[2]), ""});
    tables.back().columns.push_back(
        {row[3].value_or(""), row[4].value_or(""), row[5] == "YES", static_cast<std::uint32_t>(CountIn(row[6]))});
  }
  return tables;
}

}  // namespace headgate::mysql
