#include <charconv>

#include "connectors/postgres/connection.h"
#include "connectors/postgres/preflight.h"

// The tables of a server, for choosing (admin API, AP24).
namespace headgate::postgres {
namespace {

constexpr std::string_view kListQuery = R"sql(
SELECT n.nspname, c.relname, c.relreplident, greatest(c.reltuples, 0)::bigint, a.attname, format_type(a.atttypid, a.atttypmod),
       a.attnotnull, coalesce((SELECT k.place FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, place)
                               WHERE i.indrelid = c.oid AND i.indisprimary AND k.attnum = a.attnum), 0)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND NOT c.relispartition
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%' AND n.nspname NOT LIKE 'pg\_temp%'
ORDER BY n.nspname, c.relname, a.attnum LIMIT 50000)sql";

std::uint64_t NumberOf(const std::optional<std::string>& text) {
  std::uint64_t number = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

std::string_view IdentityOf(const std::string& relreplident) {
  return relreplident == "f" ? "full" : relreplident == "i" ? "index" : relreplident == "n" ? "nothing" : "default";
}

}  // namespace

Result<std::vector<ListedTable>> ListTables(const Options& given) {
  Options options = given;
  options.connect_timeout =
      std::min<decltype(options.connect_timeout)>(options.connect_timeout, std::chrono::seconds(5));
  HG_ASSIGN_OR_RETURN(const auto connection, Connection::Open(options, Connection::Use::kQuery, "UTF8", true, {}));
  HG_ASSIGN_OR_RETURN(const Rows rows, connection->Query(std::string(kListQuery), "listing tables", {}));
  std::vector<ListedTable> tables;
  for (const Row& row : rows) {
    const std::string schema = row[0].value_or("");
    const std::string name = row[1].value_or("");
    if (tables.empty() || tables.back().schema != schema || tables.back().name != name) {
      tables.push_back({schema, name, {}, NumberOf(row[3]), std::string(IdentityOf(row[2].value_or("")))});
    }
    tables.back().columns.push_back(
        {row[4].value_or(""), row[5].value_or(""), row[6] != "t", static_cast<std::uint32_t>(NumberOf(row[7]))});
  }
  return tables;
}

}  // namespace headgate::postgres
