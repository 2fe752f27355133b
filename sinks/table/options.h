#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/spec.h"

// The settings of one sink, typed and checked across keys. Everything else of the folder reads this, never the map.
namespace headgate::table {

enum class Database : std::uint8_t { kPostgres, kMysql, kMariadb };

struct Options {
  enum class Truncate : std::uint8_t { kApply, kIgnore, kStop };
  enum class Rejected : std::uint8_t { kDeadLetter, kStop };

  std::string name;  // of the connector
  Database database = Database::kPostgres;
  std::string host;
  std::uint16_t port = 0;
  std::string dbname;
  std::string username;
  std::string password;
  std::string sslmode;
  std::string sslrootcert;
  std::string sslcert;
  std::string sslkey;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds timeout{60'000};  // of one statement

  std::string schema;  // of PostgreSQL; MySQL: dbname
  std::string table;   // with ${table}, ${schema} and ${stream}
  std::string bookkeeping_table;
  bool append = false;
  bool create_tables = true;
  bool evolve = false;
  Truncate on_truncate = Truncate::kApply;
  Rejected on_rejected = Rejected::kDeadLetter;
  std::size_t batch_rows_max = 10'000;
  std::size_t batch_bytes_max = 8 << 20;
  std::chrono::milliseconds batch_delay_max{0};

  std::string Place() const;  // "db1:5432/shop": the object that error texts name
};

struct ReadOptions {
  Options options;                       // complete only if there are no errors
  std::vector<config::KeyError> errors;  // per key
};

// Values that still hold a placeholder pass every check of their content (validate without resolution).
ReadOptions Read(const std::string& name, const config::Bound& bound);

// The table of a stream: `table` with the stream's names in place of ${table}, ${schema} and ${stream}.
std::string TableOf(const Options& options, std::string_view stream, std::string_view schema, std::string_view table);

}  // namespace headgate::table
