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

// A session for queries, over MySQL Connector/C++; no other file includes it. Used by one thread at a time. A call
// waits at most connect_timeout for the server.
class Connection {
 public:
  enum class Texts : std::uint8_t {
    kUtf8,      // the server converts: for the catalogue
    kAsStored,  // character_set_results=NULL: for rows, which the decoder of the stream converts
  };
  // Tries the hosts in their order, from `first` on and around. Checks that the server is of the flavor.
  static Result<std::unique_ptr<Connection>> Open(const Options& options, Texts texts, std::size_t first = 0);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // `tried` says what for, in errors: "reading the catalogue".
  Result<Rows> Query(const std::string& sql, std::string_view tried);
  // The first column of the first row; nothing without a row, or NULL.
  Result<std::optional<std::string>> Value(const std::string& sql, std::string_view tried);
  Status Execute(const std::string& sql, std::string_view tried);
  // Rows one after the other, without keeping them. `each` gets the columns, NULL as no data pointer, and says whether
  // to go on; views hold until it returns.
  using EachRow = std::function<bool(const std::vector<std::string_view>& row)>;
  Status Stream(const std::string& sql, std::string_view tried, const EachRow& each);

  std::size_t host() const { return host_; }  // index in options.hosts
  const std::string& version() const { return version_; }
  int error_code() const { return error_code_; }  // of the last failure at the server; 0: it did not answer

 private:
  explicit Connection(const Options& options);
  Status Connect(std::size_t host, Texts texts);
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
