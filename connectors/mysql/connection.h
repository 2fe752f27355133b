#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/mysql/options.h"
#include "core/base/result.h"

namespace sql {
class Connection;
class ResultSet;
class Statement;
}  // namespace sql

namespace headgate::mysql {

using Row = std::vector<std::optional<std::string>>;
using Rows = std::vector<Row>;
// Of views; NULL is no data pointer.
Row RowOf(const std::vector<std::string_view>& columns);

// A session for queries, over MySQL Connector/C++; no other file includes it. Used by one thread at a time. A call
// waits at most connect_timeout for the server.
class Connection {
 public:
  // Tries the hosts in their order, from `first` on and around. Checks that the server is of the flavor.
  static Result<std::unique_ptr<Connection>> Open(const Options& options, std::size_t first = 0);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // `tried` says what for, in errors: "reading the catalogue".
  Result<Rows> Query(const std::string& sql, std::string_view tried);
  // The first column of the first row; nothing without a row, or NULL.
  Result<std::optional<std::string>> Value(const std::string& sql, std::string_view tried);
  Status Execute(const std::string& sql, std::string_view tried);

  std::size_t host() const { return host_; }  // index in options.hosts
  const std::string& version() const { return version_; }
  int error_code() const { return error_code_; }  // of the last failure at the server; 0: it did not answer

 private:
  explicit Connection(const Options& options);
  Status Connect(std::size_t host);
  Error Describe(std::string_view tried, int code, const char* text);

  const Options options_;
  std::unique_ptr<::sql::Connection> connection_;
  std::unique_ptr<::sql::Statement> statement_;
  std::size_t host_ = 0;
  std::string version_;
  int error_code_ = 0;
};

// 'it''s': without regard to sql_mode.
std::string QuoteText(std::string_view text);
// `name`
std::string QuoteName(std::string_view name);

}  // namespace headgate::mysql
