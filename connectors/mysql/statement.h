#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
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
  kAlterTable,  // CREATE and DROP INDEX too
  kDropTable,
  kRenameTable,  // by ALTER TABLE too; tables in pairs, from and to
  kTruncate,
  kDropDatabase,
  kChangesRows,  // INSERT, UPDATE, DELETE, ... logged as a statement
};

struct Statement {
  StatementKind kind = StatementKind::kOther;
  std::vector<TableName> tables;  // in the order of the statement; kDropDatabase: one without a table
  std::string name;               // of a savepoint; of XA, as SQL writes it: X'7465',X'',1
  // Columns that CREATE TABLE or ALTER TABLE declares, and whether by the word BOOLEAN: the catalogue forgets it (X5).
  std::vector<std::pair<std::string, bool>> columns;
  bool temporary = false;  // tables that only one session sees
  bool goes_on = false;    // rows and a commit follow (CREATE TABLE ... START TRANSACTION)

  bool operator==(const Statement&) const = default;
};

// `database`: the session's, for names without one.
Statement ReadStatement(std::string_view text, std::string_view database);

}  // namespace headgate::mysql
