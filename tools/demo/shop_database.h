#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "tests/support/fold.h"
#include "tests/support/headgate_process.h"

namespace headgate::demo {

enum class ShopKind : std::uint8_t { kPostgres, kMariadb, kMysql };

// A private server with the database of the shop. Used by two threads: Change by the generator, the rest by the one
// that made it.
class ShopDatabase {
 public:
  static Result<std::unique_ptr<ShopDatabase>> Start(ShopKind kind);
  virtual ~ShopDatabase() = default;

  virtual std::string_view product() const = 0;  // "PostgreSQL"
  virtual std::string how_to_connect() const = 0;
  virtual test::ConnectorSettings Source() const = 0;
  // "schema.table", as streams are called behind the source's name.
  virtual std::vector<std::string> tables() const = 0;
  virtual Result<test::TableRows> Read(const std::string& table) = 0;

  // Statements, separated by semicolons.
  virtual Status Change(const std::string& sql) = 0;
  // Where the databases do not write the same: the next state of an order, an object of JSON.
  virtual std::string NextStatus() const = 0;
  virtual std::string_view json_object() const = 0;
};

}  // namespace headgate::demo
