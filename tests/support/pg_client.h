#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"

struct pg_conn;

namespace headgate::test {

using PgRow = std::vector<std::optional<std::string>>;  // values in the server's text form

// One session for set-up and checks in tests. One thread at a time.
class PgClient {
 public:
  static Result<PgClient> Connect(const std::string& dsn);

  // One or several statements, results thrown away. Errors carry the server's message and SQLSTATE.
  Status Exec(const std::string& sql);
  Result<std::vector<PgRow>> Query(const std::string& sql);
  // The first column of the first row; "" for NULL or no row.
  Result<std::string> Value(const std::string& sql);
  // Lines of COPY text format, each with its newline. `sql` is the COPY ... FROM STDIN.
  Status CopyIn(const std::string& sql, const std::string& lines);

 private:
  struct Close {
    void operator()(pg_conn* c) const;
  };
  explicit PgClient(pg_conn* c) : connection_(c) {}

  std::unique_ptr<pg_conn, Close> connection_;
};

}  // namespace headgate::test
