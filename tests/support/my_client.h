#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"

struct st_mysql;

namespace headgate::test {

using MyRow = std::vector<std::optional<std::string>>;  // values in the server's text form

// One session at a MySQL or MariaDB server for set-up and checks in tests. One thread at a time.
class MyClient {
 public:
  // `socket`: the path of the server's Unix socket.
  static Result<MyClient> Connect(const std::string& socket, const std::string& user = "root");

  // One statement, its results thrown away. Errors carry the server's message and number.
  Status Exec(const std::string& sql);
  Status ExecAll(const std::vector<std::string>& statements);
  Result<std::vector<MyRow>> Query(const std::string& sql);
  // The first column of the first row; "" for NULL or no row.
  Result<std::string> Value(const std::string& sql);

 private:
  struct Close {
    void operator()(st_mysql* c) const;
  };
  explicit MyClient(st_mysql* c) : connection_(c) {}

  std::unique_ptr<st_mysql, Close> connection_;
};

}  // namespace headgate::test
