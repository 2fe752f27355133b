#include "connectors/mysql/connection.h"

#include <cppconn/connection.h>
#include <cppconn/driver.h>
#include <cppconn/exception.h>
#include <cppconn/resultset.h>
#include <cppconn/resultset_metadata.h>
#include <cppconn/statement.h>
#include <mysql_driver.h>

#include <algorithm>

#include "connectors/mysql/client.h"
#include "connectors/mysql/errors.h"

namespace headgate::mysql {
namespace {

int SecondsOf(std::chrono::milliseconds wait) {
  return static_cast<int>(std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(wait).count()));
}

sql::ConnectOptionsMap SettingsFor(const Options& options, const Host& host) {
  ::sql::ConnectOptionsMap map;
  const bool socket = host.name.starts_with('/');
  map["hostName"] = ::sql::SQLString(socket ? "unix://" + host.name : "tcp://" + host.name);
  if (!socket) map["port"] = static_cast<int>(host.port);
  map["userName"] = ::sql::SQLString(options.username);
  map["password"] = ::sql::SQLString(options.password);
  map["OPT_CONNECT_TIMEOUT"] = SecondsOf(options.connect_timeout);
  map["OPT_READ_TIMEOUT"] = SecondsOf(std::max(options.connect_timeout, options.stale_after));
  map["OPT_CHARSET_NAME"] = ::sql::SQLString("utf8mb4");
  if (options.sslmode == "disable" || socket) return map;
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) map[key] = ::sql::SQLString(value);
  };
  add("sslCA", options.sslrootcert);
  add("sslCert", options.sslcert);
  add("sslKey", options.sslkey);
  if (options.sslmode != "prefer") map["sslEnforce"] = true;
  if (options.sslmode == "verify-full") map["sslVerify"] = true;
  return map;
}

}  // namespace

Connection::Connection(const Options& options) : options_(options) {}
Connection::~Connection() = default;

Result<std::unique_ptr<Connection>> Connection::Open(const Options& options, std::size_t first) {
  std::unique_ptr<Connection> connection(new Connection(options));
  if (options.hosts.empty()) return ConfigError("host names no server to connect to");
  Status status = Ok();
  for (std::size_t i = 0; i < options.hosts.size(); ++i) {
    status = connection->Connect((first + i) % options.hosts.size());
    if (status.ok()) return connection;
  }
  return std::move(status).error();
}

Status Connection::Connect(std::size_t host) {
  const std::string tried = "connecting to " + Place(options_);
  try {
    ::sql::ConnectOptionsMap map = SettingsFor(options_, options_.hosts[host]);
    connection_.reset(::sql::mysql::get_driver_instance()->connect(map));
    statement_.reset(connection_->createStatement());
    for (const std::string_view pin : kSessionPins) statement_->execute(::sql::SQLString(std::string(pin)));
  } catch (const ::sql::SQLException& e) {
    return Describe(tried, e.getErrorCode(), e.what());
  }
  host_ = host;
  HG_ASSIGN_OR_RETURN(const auto version, Value("SELECT VERSION()", "reading the server's version"));
  version_ = version.value_or("");
  const bool mariadb = version_.find("MariaDB") != std::string::npos;
  if (mariadb != (options_.flavor == Flavor::kMariadb)) {
    return ConfigError("the server at " + Place(options_) + " is " + (mariadb ? "MariaDB" : "MySQL") + " " + version_ +
                       ". Set connector.class to " + (mariadb ? "mariadb" : "mysql"));
  }
  return Ok();
}

Error Connection::Describe(std::string_view tried, int code, const char* text) {
  error_code_ = code >= 2000 && code < 3000 ? 0 : code;
  return DescribeError(options_, tried, code, text);
}

Row RowOf(const std::vector<std::string_view>& columns) {
  Row row;
  for (const std::string_view column : columns)
    row.push_back(column.data() == nullptr ? std::nullopt : std::optional<std::string>(column));
  return row;
}

Result<Rows> Connection::Query(const std::string& sql, std::string_view tried) {
  try {
    const std::unique_ptr<::sql::ResultSet> result(statement_->executeQuery(::sql::SQLString(sql)));
    const unsigned count = result->getMetaData()->getColumnCount();
    Rows rows;
    while (result->next()) {
      Row& row = rows.emplace_back();
      for (unsigned i = 1; i <= count; ++i) {
        const ::sql::SQLString text = result->getString(i);
        row.push_back(result->wasNull() ? std::nullopt : std::optional(text.asStdString()));
      }
    }
    return rows;
  } catch (const ::sql::SQLException& e) {
    return Describe(tried, e.getErrorCode(), e.what());
  }
}

Result<std::optional<std::string>> Connection::Value(const std::string& sql, std::string_view tried) {
  HG_ASSIGN_OR_RETURN(Rows rows, Query(sql, tried));
  if (rows.empty() || rows[0].empty()) return std::optional<std::string>();
  return std::move(rows[0][0]);
}

Status Connection::Execute(const std::string& sql, std::string_view tried) {
  try {
    statement_->execute(::sql::SQLString(sql));
    return Ok();
  } catch (const ::sql::SQLException& e) {
    return Describe(tried, e.getErrorCode(), e.what());
  }
}

std::string QuoteText(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out.push_back(c);
    out.push_back(c);
  }
  return out + "'";
}

std::string QuoteName(std::string_view name) {
  std::string out = "`";
  for (const char c : name) {
    if (c == '`') out.push_back(c);
    out.push_back(c);
  }
  return out + "`";
}

}  // namespace headgate::mysql
