#include "sinks/table/options.h"

#include "core/config/secrets.h"
#include "core/pipeline/event_transforms.h"

namespace headgate::table {
namespace {

void Fill(std::string& text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

Database DatabaseOf(std::string_view name) {
  if (name == "mysql") return Database::kMysql;
  return name == "mariadb" ? Database::kMariadb : Database::kPostgres;
}

}  // namespace

std::string Options::Place() const { return host + ":" + std::to_string(port) + "/" + dbname; }

std::string TableOf(const Options& options, std::string_view stream, std::string_view schema, std::string_view table) {
  std::string name = options.table;
  Fill(name, "${stream}", stream);
  Fill(name, "${schema}", schema);
  Fill(name, "${table}", table);
  return name;
}

ReadOptions Read(const std::string& name, const config::Bound& bound) {
  ReadOptions out;
  Options& o = out.options;
  const auto fail = [&](std::string_view key, std::string_view text) {
    out.errors.push_back({std::string(key), "Setting \"" + std::string(key) + "\" " + std::string(text)});
  };
  const auto ms = [&](std::string_view key) { return std::chrono::milliseconds(bound.Int(key)); };
  o.name = name;
  o.database = DatabaseOf(bound.Text("database"));
  const bool postgres = o.database == Database::kPostgres;
  o.host = bound.Text("host");
  o.port = static_cast<std::uint16_t>(bound.Has("port") ? bound.Int("port") : postgres ? 5432 : 3306);
  o.dbname = bound.Text("dbname");
  o.username = bound.Text("username");
  o.password = bound.Text("password");
  o.sslmode = bound.Text("sslmode");
  o.sslrootcert = bound.Text("sslrootcert");
  o.sslcert = bound.Text("sslcert");
  o.sslkey = bound.Text("sslkey");
  o.connect_timeout = ms("connect_timeout_ms");
  o.timeout = ms("timeout_ms");
  o.schema = bound.Text("schema");
  if (!postgres && !o.schema.empty())
    fail("schema", "is of PostgreSQL only: tables of MySQL and MariaDB are in the database that dbname names.");
  if (o.schema.empty()) o.schema = postgres ? "public" : o.dbname;
  o.table = bound.Text("table");
  if (o.table.empty()) fail("table", "is empty.");
  o.bookkeeping_table = bound.Text("bookkeeping_table");
  o.append = bound.Text("mode") == "append";
  o.create_tables = bound.Text("create_tables") == "true";
  o.evolve = bound.Text("evolve") == "true";
  const std::string& truncate = bound.Text("on_truncate");
  o.on_truncate = truncate == "stop"     ? Options::Truncate::kStop
                  : truncate == "ignore" ? Options::Truncate::kIgnore
                                         : Options::Truncate::kApply;
  if (bound.Text("on_rejected") == "stop") o.on_rejected = Options::Rejected::kStop;
  o.batch_rows_max = static_cast<std::size_t>(bound.Int("batch_rows_max"));
  o.batch_bytes_max = static_cast<std::size_t>(bound.Int("batch_bytes_max"));
  o.batch_delay_max = ms("batch_delay_ms_max");
  ReadSinkTransforms(bound, SinkTransforms::kAll, out.errors);
  return out;
}

}  // namespace headgate::table
