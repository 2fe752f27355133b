#include "connectors/mysql/alterations.h"

#include "connectors/mysql/binlog_connection.h"
#include "connectors/mysql/binlog_event.h"

namespace headgate::mysql {

bool AltersColumns(StatementKind kind) {
  switch (kind) {
    case StatementKind::kCreateTable:
    case StatementKind::kAlterTable:
    case StatementKind::kDropTable:
    case StatementKind::kRenameTable:
    case StatementKind::kDropDatabase:
      return true;
    default:
      return false;
  }
}

void Alterations::Add(const Statement& statement) {
  if (statement.temporary || !AltersColumns(statement.kind)) return;
  for (const TableName& table : statement.tables) {
    if (statement.kind == StatementKind::kDropDatabase) {
      databases_.insert(table.database);
    } else {
      tables_.insert(table);
    }
  }
}

bool Alterations::Has(const TableName& table) const {
  return tables_.contains(table) || databases_.contains(table.database);
}

Result<Alterations> ReadAlterations(const Options& options, std::size_t host, const LogPlace& from,
                                    const std::stop_token& stop) {
  BinlogPosition start;
  start.place = from;
  HG_ASSIGN_OR_RETURN(const auto connection,
                      BinlogConnection::Start(options, host, BinlogConnection::Mode::kScan, start));
  Alterations found;
  EventReader events(true);
  std::string text;
  while (true) {
    HG_ASSIGN_OR_RETURN(const bool ready,
                        connection->Wait(std::chrono::steady_clock::now() + options.stale_after, stop));
    if (!ready) return Transient("the server sends nothing of its binary log behind " + from.ToText());
    HG_ASSIGN_OR_RETURN(const std::string_view bytes, connection->Next(stop));
    if (bytes.empty()) return found;
    if (connection->rest() != nullptr) continue;  // no statement
    const auto event = events.Read(bytes);
    if (!event.ok()) return Transient(event.error().what);  // the server has it, and is asked again
    if (event->type != EventType::kQuery && event->type != EventType::kQueryCompressed) continue;
    if (const auto query = ParseQuery(*event, text)) found.Add(ReadStatement(query->text, query->database));
  }
}

}  // namespace headgate::mysql
