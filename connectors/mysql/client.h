#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>

#include "connectors/mysql/options.h"
#include "core/base/result.h"

struct st_mysql;

// The C client under Connector/C++: the binary log and the rows of snapshots go over it. Who calls it includes
// <mysql.h>.
namespace headgate::mysql {

struct CloseClient {
  void operator()(st_mysql* client) const;
};
using Client = std::unique_ptr<st_mysql, CloseClient>;

// Signs in to the host. `tried` says what for, in errors: "connecting to db:3306 for the binary log".
Result<Client> ConnectClient(const Options& options, std::size_t host, std::chrono::milliseconds read_timeout,
                             std::string_view tried);
Error ClientError(const Options& options, std::string_view tried, st_mysql& client);

// What must not depend on how the server or the account is set (contract, section 1): for every session with values.
inline constexpr std::string_view kSessionPins[] = {
    "SET time_zone='+00:00'",
    "SET sql_mode=''",
    "SET SESSION net_write_timeout=3600",
    "SET SESSION wait_timeout=86400",
};

}  // namespace headgate::mysql
