#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/mysql/table_map.h"
#include "core/config/spec.h"
#include "core/transform/column_rules.h"

namespace headgate::mysql {

enum class SnapshotMode : std::uint8_t { kInitial, kNever, kOnly };

struct Host {
  std::string name;  // name, address, or the path of a Unix socket
  std::uint16_t port = 3306;
};

// The settings of one source in the form that the code uses. Immutable; `name` is the connector's.
struct Options {
  std::string name;
  Flavor flavor = Flavor::kMysql;
  std::vector<Host> hosts;  // tried in this order
  std::string username;
  std::string password;
  std::string sslmode;
  std::string sslrootcert;
  std::string sslcert;
  std::string sslkey;
  std::vector<std::string> tables;  // patterns database.table with * and ?
  std::vector<std::string> tables_exclude;
  std::vector<std::string> columns_exclude;  // patterns database.table.column
  ColumnRules transforms;                    // of what is stored
  SnapshotMode snapshot = SnapshotMode::kInitial;
  std::size_t snapshot_workers = 2;
  std::uint32_t server_id = 0;  // ours, as a replica
  bool statements = false;      // capture what the rows stem from
  bool semi_sync = false;       // the server's commits wait for us
  bool schema_changes = true;   // statements that change tables are events
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds heartbeat_interval{1'000};
  std::chrono::milliseconds stale_after{60'000};
  std::size_t transaction_memory_max = 16U << 20;
  std::size_t batch_bytes_max = 1U << 20;
};

Options MakeOptions(const std::string& name, Flavor flavor, const config::Bound& bound);
// What only several keys together, or the form of a name, can tell.
std::vector<config::KeyError> CheckOptions(const config::Bound& bound);
// A server_id that other replicas hardly have: from the connector's name, above a million.
std::string DefaultServerId(std::string_view connector);

// "127.0.0.1:3306": the object that error texts name; of several hosts the first.
std::string Place(const Options& options);

}  // namespace headgate::mysql
