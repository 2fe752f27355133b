#include "tests/support/table_rows.h"

namespace headgate::test {
namespace {

// Numeric as text: a JSON number would lose digits in parsing. Binary as base64 without the line breaks of encode().
std::string Expression(const std::string& column, const std::string& type) {
  if (type == "numeric") return column + "::text";
  if (type == "money") return column + "::numeric::text";
  if (type == "numeric[]") return column + "::text[]";
  if (type == "bytea") return "translate(encode(" + column + ", 'base64'), E'\\n', '')";
  return column;
}

}  // namespace

Result<TableRows> ReadTable(PgClient& client, const std::string& table) {
  HG_RETURN_IF_ERROR(client.Exec(
      "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'iso_8601'; SET extra_float_digits = 3"));
  HG_ASSIGN_OR_RETURN(
      auto columns,
      client.Query("SELECT quote_ident(attname), regexp_replace(format_type(atttypid, NULL), '\\(.*\\)', '') "
                   "FROM pg_attribute WHERE attrelid = '" +
                   table + "'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum"));
  HG_ASSIGN_OR_RETURN(
      auto key,
      client.Query("SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey) "
                   "WHERE indrelid = '" +
                   table + "'::regclass AND indisprimary ORDER BY array_position(indkey, attnum)"));
  std::string list;
  for (const PgRow& column : columns) {
    list += (list.empty() ? "" : ", ") + Expression(*column[0], *column[1]) + " AS " + *column[0];
  }
  HG_ASSIGN_OR_RETURN(auto rows,
                      client.Query("SELECT row_to_json(t)::text FROM (SELECT " + list + " FROM " + table + ") t"));
  TableRows out;
  for (const PgRow& column : key) out.key_columns.push_back(*column[0]);
  for (const PgRow& row : rows) {
    out.rows.push_back(nlohmann::json::parse(*row[0], nullptr, false));
    if (out.rows.back().is_discarded()) return Corrupt("a row of " + table + " is not JSON");
  }
  return out;
}

}  // namespace headgate::test
