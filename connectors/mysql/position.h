#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "connectors/mysql/gtid_set.h"
#include "connectors/mysql/mariadb_gtid.h"
#include "connectors/mysql/table_map.h"
#include "core/base/result.h"
#include "core/model/position.h"

namespace headgate::mysql {

// A place in the binary log of one server.
struct LogPlace {
  std::string file;          // "binlog.000003"
  std::uint64_t offset = 0;  // bytes

  // The number at the end of the file's name, 0 if there is none.
  std::uint64_t FileNumber() const;
  // One ascending number for the telemetry and for what is compared with it (kBinlogOffsetBits).
  std::uint64_t Number() const { return FileNumber() << kBinlogOffsetBits | offset; }
  std::string ToText() const { return file + ":" + std::to_string(offset); }

  bool operator==(const LogPlace&) const = default;
};

// How far a reader is: everything up to here was read. Which parts say something depends on the server: MySQL with
// GTIDs by `executed`, MariaDB by `domains`, else by `place` alone. `place` is always kept: it is shown, and a server
// without GTIDs resumes by it.
struct BinlogPosition {
  LogPlace place;
  GtidSet executed;
  MariadbPosition domains;

  bool operator==(const BinlogPosition&) const = default;
};

// The transactions that `server` has and `read` has not: of MySQL a set, of MariaDB the last one of each domain. Empty
// if there is none; for positions by GTID.
std::string MissingGtids(const BinlogPosition& server, const BinlogPosition& read);

}  // namespace headgate::mysql
