#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/spec.h"
#include "core/net/http_client.h"
#include "core/transform/column_rules.h"

namespace headgate::postgres {

enum class SnapshotMode : std::uint8_t { kInitial, kNever, kOnly };
enum class PublicationMode : std::uint8_t { kManage, kCheck };

// The settings of one source in the form that the code uses. Immutable; `name` is the connector's.
struct Options {
  std::string name;
  std::string host;
  std::string port;
  std::string dbname;
  std::string username;
  std::string password;
  std::string sslmode;
  std::string sslrootcert;
  std::string sslcert;
  std::string sslkey;
  std::vector<std::string> tables;  // patterns schema.table with * and ?
  std::vector<std::string> tables_exclude;
  std::vector<std::string> columns_exclude;  // patterns schema.table.column
  ColumnRules transforms;                    // of what is stored
  SnapshotMode snapshot = SnapshotMode::kInitial;
  PublicationMode publication_mode = PublicationMode::kManage;
  std::string slot_name;
  std::string publication_name;
  std::vector<std::string> messages_prefixes;  // patterns; empty: logical messages are not captured
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds status_interval{1'000};
  std::chrono::milliseconds stale_after{60'000};
  std::size_t snapshot_workers = 2;
  std::size_t transaction_memory_max = 16U << 20;
  std::size_t batch_bytes_max = 1U << 20;
  net::Resolver resolve = net::SystemResolve;  // of names in `host`
};

Options MakeOptions(const std::string& name, const config::Bound& bound);
// What only several keys together, or the form of a name, can tell.
std::vector<config::KeyError> CheckOptions(const config::Bound& bound);

// "headgate_" and the connector's name as a replication slot or publication may be called: a-z, 0-9, _, at most 63
// bytes.
std::string DefaultObjectName(std::string_view connector);

}  // namespace headgate::postgres
