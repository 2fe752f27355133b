#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What a statement in the binary log means for a reader of rows (P9, MY-17). Tolerant: it looks at the first words and
// the names of tables; whatever it cannot place is kOther and changes nothing, because the table map of the next rows
// tells how a table looks anyhow.
namespace headgate::mysql {

struct TableName {
  std::string database;
  std::string table;

  auto operator<=>(const TableName&) const = default;
};

enum class StatementKind : std::uint8_t {
  kOther,  // GRANT, SET, ANALYZE, what nobody can read
  kBegin,
  kCommit,
  kRollback,
  kSavepoint,
  kRollbackTo,
  kXaStart,
  kXaEnd,
  kXaCommit,
  kXaRollback,
  kCreateTable,
  kAlterTable,
  kIndex,  // CREATE and DROP INDEX
  kDropTable,
  kRenameTable,  // by ALTER TABLE too; tables in pairs, from and to
  kTruncate,
  kDatabase,  // CREATE and ALTER DATABASE
  kDropDatabase,
  kChangesRows,  // INSERT, UPDATE, DELETE, ... logged as a statement
};

// A column that CREATE TABLE or ALTER TABLE declares, in the words of the statement: the catalogue forgets some (X5).
struct DeclaredColumn {
  std::string name;
  std::string type;                          // "BOOL", "TINYINT(1) UNSIGNED": in upper case, labels left out
  std::optional<std::string> default_value;  // of a constant, without quotes: TRUE, 1.5, x

  bool operator==(const DeclaredColumn&) const = default;
};

struct Statement {
  StatementKind kind = StatementKind::kOther;
  std::vector<TableName> tables;  // in the order of the statement; of databases: one without a table
  std::string name;               // of a savepoint; of XA, as SQL writes it: X'7465',X'',1
  std::vector<DeclaredColumn> columns;
  bool temporary = false;  // tables that only one session sees
  bool if_exists = false;  // DROP TABLE IF EXISTS
  bool like = false;       // CREATE TABLE ... LIKE
  bool goes_on = false;    // rows and a commit follow (CREATE TABLE ... START TRANSACTION)

  bool operator==(const Statement&) const = default;
};

// `database`: the session's, for names without one.
Statement ReadStatement(std::string_view text, std::string_view database);

}  // namespace headgate::mysql
