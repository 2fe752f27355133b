#include "connectors/mysql/catalog.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "core/base/ascii.h"

namespace headgate::mysql {
namespace {

constexpr std::string_view kReading = "reading the server's settings";
constexpr std::string_view kPlace = "reading the server's position";

std::uint64_t NumberOf(const std::optional<std::string>& text) {
  std::uint64_t v = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), v);
  return v;
}

std::string Text(const Row& row, std::size_t i) { return i < row.size() ? row[i].value_or("") : ""; }

// "json_valid(`j`)": the column of such a CHECK.
std::optional<std::string> JsonColumn(std::string_view clause) {
  constexpr std::string_view kHead = "json_valid(`";
  if (!clause.starts_with(kHead) || !clause.ends_with("`)")) return std::nullopt;
  return std::string(clause.substr(kHead.size(), clause.size() - kHead.size() - 2));
}

// As SQL writes it: constants in quotes, expressions as they are. MariaDB's information schema does, MySQL's says apart
// which of both it is.
std::optional<std::string> DefaultOf(const std::optional<std::string>& shown, const std::string& extra, Flavor flavor) {
  if (!shown || (flavor == Flavor::kMariadb && *shown == "NULL")) return std::nullopt;
  const bool expression = extra.find("DEFAULT_GENERATED") != std::string::npos || shown->starts_with("b'");
  if (flavor == Flavor::kMariadb || expression) return shown;
  return QuoteText(*shown);
}

// The information schema compares names without regard to case, bytes tell.
std::string Where(const TableName& table) {
  return " WHERE TABLE_SCHEMA=" + QuoteText(table.database) + " AND TABLE_NAME=" + QuoteText(table.table);
}

}  // namespace

Result<ServerFacts> Catalog::ReadServer() {
  HG_ASSIGN_OR_RETURN(const Rows rows,
                      connection_.Query("SHOW GLOBAL VARIABLES WHERE Variable_name IN ('server_uuid','server_id',"
                                        "'log_bin','binlog_format','binlog_row_image','binlog_row_metadata',"
                                        "'gtid_mode','gtid_purged','log_slave_updates','log_replica_updates',"
                                        "'binlog_expire_logs_seconds','expire_logs_days',"
                                        "'innodb_native_foreign_keys','rpl_semi_sync_master_enabled',"
                                        "'rpl_semi_sync_source_enabled')",
                                        kReading));
  std::map<std::string, std::string> variables;
  for (const Row& row : rows) variables[Text(row, 0)] = Text(row, 1);
  ServerFacts facts;
  facts.version = connection_.version();
  facts.uuid = flavor_ == Flavor::kMysql ? variables["server_uuid"] : variables["server_id"];
  facts.log_bin = variables["log_bin"] == "ON";
  facts.binlog_format = variables["binlog_format"];
  facts.binlog_row_image = variables["binlog_row_image"];
  facts.binlog_row_metadata = variables["binlog_row_metadata"];
  facts.gtid_mode = variables["gtid_mode"];
  facts.gtid_purged = variables["gtid_purged"];
  facts.log_replica_updates = variables["log_slave_updates"] != "OFF" && variables["log_replica_updates"] != "OFF";
  facts.logs_cascades = variables["innodb_native_foreign_keys"] == "OFF";  // MySQL 9.6 and later
  facts.semi_sync =
      variables["rpl_semi_sync_master_enabled"] == "ON" || variables["rpl_semi_sync_source_enabled"] == "ON";
  constexpr std::int64_t kDay = 86'400;
  facts.expire_seconds = static_cast<std::int64_t>(NumberOf(variables["binlog_expire_logs_seconds"]));
  if (facts.expire_seconds == 0)
    facts.expire_seconds = static_cast<std::int64_t>(NumberOf(variables["expire_logs_days"])) * kDay;
  HG_ASSIGN_OR_RETURN(const Rows running, connection_.Query("SHOW GLOBAL STATUS LIKE 'Slave%_running'", kReading));
  facts.is_replica = std::ranges::any_of(running, [](const Row& row) {
    return Text(row, 1) == "ON" || (IsDigit(Text(row, 1)[0]) && Text(row, 1) != "0");
  });
  HG_ASSIGN_OR_RETURN(const Rows grants, connection_.Query("SHOW GRANTS", kReading));
  for (const Row& row : grants) facts.grants.push_back(Text(row, 0));
  return facts;
}

Result<std::vector<Cascade>> Catalog::ListCascades(const std::vector<TableName>& tables) {
  std::set<std::string> databases;
  for (const TableName& table : tables) databases.insert(table.database);
  std::vector<Cascade> cascades;
  for (const std::string& database : databases) {
    HG_ASSIGN_OR_RETURN(
        const Rows rows,
        connection_.Query("SELECT CONSTRAINT_SCHEMA, TABLE_NAME, UNIQUE_CONSTRAINT_SCHEMA, REFERENCED_TABLE_NAME, "
                          "DELETE_RULE IN ('CASCADE','SET NULL','SET DEFAULT'), UPDATE_RULE IN ('CASCADE','SET NULL',"
                          "'SET DEFAULT') FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = " +
                              QuoteText(database) + " ORDER BY 1, 2",
                          "listing the foreign keys"));
    for (const Row& row : rows)
      cascades.push_back(
          {{Text(row, 0), Text(row, 1)}, {Text(row, 2), Text(row, 3)}, Text(row, 4) == "1", Text(row, 5) == "1"});
  }
  std::erase_if(cascades, [](const Cascade& cascade) { return !cascade.deletes && !cascade.updates; });
  return cascades;
}

Result<std::vector<TableName>> Catalog::ListTables() {
  HG_ASSIGN_OR_RETURN(const Rows rows,
                      connection_.Query("SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES WHERE "
                                        "TABLE_TYPE IN ('BASE TABLE','SYSTEM VERSIONED') AND TABLE_SCHEMA NOT IN "
                                        "('mysql','information_schema','performance_schema','sys') "
                                        "ORDER BY TABLE_SCHEMA, TABLE_NAME",
                                        "listing the tables"));
  std::vector<TableName> tables;
  for (const Row& row : rows) tables.push_back({Text(row, 0), Text(row, 1)});
  return tables;
}

// Defaults of TIMESTAMP are shown in the zone of the session: in that of the server, as whoever wrote them saw them.
Result<std::string> Catalog::StatementOf(const TableName& table) {
  const std::string tried = "asking how " + table.database + "." + table.table + " is made";
  HG_RETURN_IF_ERROR(connection_.Execute("SET time_zone=@@global.time_zone", tried));
  auto rows = connection_.Query("SHOW CREATE TABLE " + QuoteName(table.database) + "." + QuoteName(table.table), tried);
  HG_RETURN_IF_ERROR(connection_.Execute("SET time_zone='+00:00'", tried));
  if (!rows.ok()) return std::move(rows).error();
  return rows->empty() ? "" : Text((*rows)[0], 1);
}

Result<std::uint64_t> Catalog::EstimateRows(const TableName& table) {
  HG_ASSIGN_OR_RETURN(const Rows rows,
                      connection_.Query("SELECT TABLE_ROWS FROM information_schema.TABLES" + Where(table),
                                        "asking how many rows " + table.database + "." + table.table + " has"));
  return rows.empty() ? 0 : NumberOf(rows[0][0]);
}

// The lock that it has on the table holds up a SELECT, but no question to the information schema. Where none is
// allowed, or somebody keeps the lock, what is asked next is what it is.
void Catalog::AwaitStatement(const TableName& table) {
  const std::string tried = "waiting for " + table.database + "." + table.table;
  if (!connection_.Execute("SET SESSION lock_wait_timeout=1", tried).ok()) return;
  static_cast<void>(connection_.Query(
      "SELECT 1 FROM " + QuoteName(table.database) + "." + QuoteName(table.table) + " LIMIT 0", tried));
  static_cast<void>(connection_.Execute("SET SESSION lock_wait_timeout=DEFAULT", tried));  // other questions may wait
}

Result<std::optional<TableDeclaration>> Catalog::Describe(const TableName& table) {
  const std::string tried = "reading the columns of " + table.database + "." + table.table;
  HG_ASSIGN_OR_RETURN(
      const Rows rows,
      connection_.Query("SELECT COLUMN_NAME, COLUMN_TYPE, CHARACTER_SET_NAME, IS_NULLABLE, COLUMN_DEFAULT, EXTRA, "
                        "TABLE_NAME, TABLE_SCHEMA, COLUMN_COMMENT FROM information_schema.COLUMNS" +
                            Where(table) + " ORDER BY ORDINAL_POSITION",
                        tried));
  TableDeclaration declared;
  declared.name = table;
  for (const Row& row : rows) {
    if (Text(row, 6) != table.table || Text(row, 7) != table.database) continue;
    Declaration& column = declared.columns.emplace_back();
    column.name = Text(row, 0);
    column.type = Text(row, 1);
    column.charset = Text(row, 2);
    column.nullable = Text(row, 3) == "YES";
    column.generated = Text(row, 5).find("GENERATED") != std::string::npos &&
                       Text(row, 5).find("DEFAULT_GENERATED") == std::string::npos;
    column.default_value = DefaultOf(row[4], Text(row, 5), flavor_);
    column.auto_increment = Text(row, 5).find("auto_increment") != std::string::npos;
    column.comment = Text(row, 8);
  }
  if (declared.columns.empty()) return std::optional<TableDeclaration>();
  HG_RETURN_IF_ERROR(DescribeKey(declared, tried));
  HG_RETURN_IF_ERROR(DescribeTable(declared, tried));
  return std::optional(std::move(declared));
}

// utf8mb4_0900_ai_ci: the character set comes first.
Status Catalog::DescribeTable(TableDeclaration& declared, const std::string& tried) {
  const TableName& table = declared.name;
  HG_ASSIGN_OR_RETURN(const Rows rows,
                      connection_.Query("SELECT TABLE_COLLATION, TABLE_COMMENT, TABLE_NAME, TABLE_SCHEMA FROM "
                                        "information_schema.TABLES" +
                                            Where(table),
                                        tried));
  for (const Row& row : rows) {
    if (Text(row, 2) != table.table || Text(row, 3) != table.database) continue;
    declared.charset = Text(row, 0).substr(0, Text(row, 0).find('_'));
    declared.comment = Text(row, 1);
  }
  if (flavor_ != Flavor::kMariadb) return Ok();
  HG_ASSIGN_OR_RETURN(const Rows checks,
                      connection_.Query("SELECT CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS WHERE "
                                        "CONSTRAINT_SCHEMA=" +
                                            QuoteText(table.database) + " AND TABLE_NAME=" + QuoteText(table.table),
                                        tried));
  for (const Row& row : checks) {
    const auto json = JsonColumn(Text(row, 0));
    if (!json) continue;
    for (Declaration& column : declared.columns) column.json = column.json || column.name == *json;
  }
  return Ok();
}

Status Catalog::DescribeKey(TableDeclaration& declared, const std::string& tried) {
  HG_ASSIGN_OR_RETURN(const Rows keys,
                      connection_.Query("SELECT INDEX_NAME, COLUMN_NAME, NULLABLE FROM information_schema.STATISTICS" +
                                            Where(declared.name) +
                                            " AND NON_UNIQUE=0 AND COLUMN_NAME IS NOT NULL ORDER BY "
                                            "INDEX_NAME<>'PRIMARY', INDEX_NAME, SEQ_IN_INDEX",
                                        tried));
  std::string index;
  bool usable = false;
  for (std::size_t i = 0; i <= keys.size(); ++i) {
    const std::string name = i < keys.size() ? Text(keys[i], 0) : "";
    if (name != index) {
      if (usable) break;
      declared.key.clear();
      index = name;
      usable = true;
    }
    if (i == keys.size()) break;
    usable = usable && Text(keys[i], 2) != "YES";
    declared.key.push_back(Text(keys[i], 1));
  }
  if (!usable) declared.key.clear();
  return Ok();
}

Result<BinlogPosition> Catalog::CurrentPosition() {
  if (flavor_ == Flavor::kMariadb) return CurrentOfMariadb();
  BinlogPosition position;
  auto rows = connection_.Query("SHOW BINARY LOG STATUS", kPlace);
  if (!rows.ok()) rows = connection_.Query("SHOW MASTER STATUS", kPlace);  // before 8.2
  if (!rows.ok()) return std::move(rows).error();
  if (rows->empty()) return ConfigError("the server writes no binary log. Set log_bin and restart it");
  position.place = {Text((*rows)[0], 0), NumberOf((*rows)[0][1])};
  HG_ASSIGN_OR_RETURN(const auto executed, connection_.Value("SELECT @@global.gtid_executed", kPlace));
  HG_ASSIGN_OR_RETURN(position.executed, GtidSet::Parse(executed.value_or("")));
  return position;
}

Result<BinlogPosition> ReadSnapshotPlace(const Ask& ask) {
  HG_ASSIGN_OR_RETURN(const Rows status, ask("SHOW STATUS LIKE 'binlog_snapshot_%'", kPlace));
  BinlogPosition position;
  for (const Row& row : status) {
    if (Text(row, 0) == "Binlog_snapshot_file") position.place.file = Text(row, 1);
    if (Text(row, 0) == "Binlog_snapshot_position") position.place.offset = NumberOf(row[1]);
  }
  if (position.place.file.empty()) return ConfigError("the server writes no binary log. Set log_bin and restart it");
  HG_ASSIGN_OR_RETURN(const Rows domains, ask("SELECT BINLOG_GTID_POS(" + QuoteText(position.place.file) + "," +
                                                  std::to_string(position.place.offset) + ")",
                                              kPlace));
  HG_ASSIGN_OR_RETURN(position.domains, MariadbPosition::Parse(domains.empty() ? "" : Text(domains[0], 0)));
  return position;
}

// A consistent snapshot and the binary log agree on a place; the log alone may be ahead of what queries see.
Result<BinlogPosition> Catalog::CurrentOfMariadb() {
  HG_RETURN_IF_ERROR(connection_.Execute("START TRANSACTION WITH CONSISTENT SNAPSHOT", kPlace));
  auto position = ReadSnapshotPlace(
      [this](const std::string& sql, std::string_view tried) { return connection_.Query(sql, tried); });
  HG_RETURN_IF_ERROR(connection_.Execute("ROLLBACK", kPlace));
  return position;
}

// The second event of a file lists them: [0-1-5,1-2-7].
Result<MariadbPosition> Catalog::ReadPurged() {
  constexpr std::string_view kTried = "looking what was purged";
  HG_ASSIGN_OR_RETURN(const auto logs, ListLogs());
  if (logs.empty()) return MariadbPosition();
  HG_ASSIGN_OR_RETURN(const Rows rows,
                      connection_.Query("SHOW BINLOG EVENTS IN " + QuoteText(logs[0].first) + " LIMIT 5", kTried));
  for (const Row& row : rows) {
    if (Text(row, 2) != "Gtid_list") continue;
    std::string list = Text(row, 5);
    std::erase_if(list, [](char c) { return c == '[' || c == ']'; });
    return MariadbPosition::Parse(list);
  }
  return MariadbPosition();
}

Result<std::vector<std::pair<std::string, std::uint64_t>>> Catalog::ListLogs() {
  HG_ASSIGN_OR_RETURN(const Rows rows, connection_.Query("SHOW BINARY LOGS", "listing the binary logs"));
  std::vector<std::pair<std::string, std::uint64_t>> logs;
  for (const Row& row : rows) logs.emplace_back(Text(row, 0), NumberOf(row[1]));
  return logs;
}

}  // namespace headgate::mysql
