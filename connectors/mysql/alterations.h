#pragma once

#include <cstddef>
#include <set>
#include <stop_token>
#include <string>

#include "connectors/mysql/options.h"
#include "connectors/mysql/position.h"
#include "connectors/mysql/statement.h"

// What lies ahead of a reader of the binary log. A log that does not name columns (binlog_row_metadata=MINIMAL, and
// MariaDB's NO_LOG) is read with the names that the catalogue has now: they are right for rows that no statement
// separates from now (MY-16).
namespace headgate::mysql {

// Whether the columns of a table that such a statement names may be others behind it than before.
bool AltersColumns(StatementKind kind);

// Tables whose columns may be others behind some statements than before them.
class Alterations {
 public:
  void Add(const Statement& statement);
  bool Has(const TableName& table) const;

 private:
  std::set<TableName> tables_;
  std::set<std::string> databases_;
};

// Of the statements from `from`, the start of an event, to the end of what is logged at the moment. Reads the log in a
// session of its own, and takes as long as that: a lag is read twice.
Result<Alterations> ReadAlterations(const Options& options, std::size_t host, const LogPlace& from,
                                    const std::stop_token& stop);

}  // namespace headgate::mysql
