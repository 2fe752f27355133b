#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/mysql/column.h"
#include "connectors/mysql/connection.h"
#include "connectors/mysql/position.h"
#include "connectors/mysql/statement.h"

namespace headgate::mysql {

// The server's settings that matter here. A variable that the server does not have is "".
struct ServerFacts {
  std::string version;
  std::string uuid;  // MariaDB: server_id
  bool log_bin = false;
  std::string binlog_format;
  std::string binlog_row_image;
  std::string binlog_row_metadata;
  std::string gtid_mode;  // MySQL: "ON", "ON_PERMISSIVE", ...
  std::string gtid_purged;
  bool log_replica_updates = true;
  bool is_replica = false;
  std::int64_t expire_seconds = 0;  // of binary logs, 0: never
  std::vector<std::string> grants;
  bool logs_cascades = false;  // what foreign keys change is in the binary log
  bool semi_sync = false;      // commits wait for semi-synchronous replicas
};

// A table as the information schema has it.
struct TableDeclaration {
  TableName name;
  std::vector<Declaration> columns;
  std::string charset;
  std::string comment;
  std::vector<std::string> key;  // of the primary key, or else the first unique key whose columns are all NOT NULL
};

// A foreign key whose action changes rows of the table that has it.
struct Cascade {
  TableName child;
  TableName parent;
  bool deletes = false;  // ON DELETE
  bool updates = false;  // ON UPDATE
};

// MariaDB, in a session inside of a consistent snapshot: the place and position that it is of.
using Ask = std::function<Result<Rows>(const std::string& sql, std::string_view tried)>;
Result<BinlogPosition> ReadSnapshotPlace(const Ask& ask);

// Questions to the server's own tables. Lives as long as its connection.
class Catalog {
 public:
  explicit Catalog(Connection& connection, Flavor flavor) : connection_(connection), flavor_(flavor) {}

  Result<ServerFacts> ReadServer();
  // All base tables outside of the server's own databases.
  Result<std::vector<TableName>> ListTables();
  // Of the databases of these tables, each asked for by its name: else the server opens every table that it has, and
  // the views of its own databases with them.
  Result<std::vector<Cascade>> ListCascades(const std::vector<TableName>& tables);
  // Until a statement that shapes the table is done, at most 1 s: replicas are sent it before the server's own tables
  // show it.
  void AwaitStatement(const TableName& table);
  // Nothing if there is no such table (any more).
  Result<std::optional<TableDeclaration>> Describe(const TableName& table);
  // The statement that makes such a table; "" if there is none.
  Result<std::string> StatementOf(const TableName& table);
  // As the server guesses; 0 if it does not.
  Result<std::uint64_t> EstimateRows(const TableName& table);
  // The server's position at this moment: everything before it is visible to a query that begins now.
  Result<BinlogPosition> CurrentPosition();
  // MariaDB: the last transaction of each domain before the oldest file that is still there.
  Result<MariadbPosition> ReadPurged();
  // Files of the binary log that are still there, oldest first, with their sizes.
  Result<std::vector<std::pair<std::string, std::uint64_t>>> ListLogs();

 private:
  Status DescribeKey(TableDeclaration& declared, const std::string& tried);
  Status DescribeTable(TableDeclaration& declared, const std::string& tried);
  Result<BinlogPosition> CurrentOfMariadb();

  Connection& connection_;
  const Flavor flavor_;
};

}  // namespace headgate::mysql
