#include <algorithm>

#include "connectors/mysql/connection.h"
#include "connectors/mysql/tables.h"
#include "core/base/diag.h"
#include "core/base/wildcard.h"

// What statements of the binary log change, as events of their own (change-events contract, 3.8).
namespace headgate::mysql {
namespace {

using Kind = SchemaExtra::Kind;

// Whether a pattern of the settings may take tables of it.
bool HasCaptured(const Options& options, std::string_view database) {
  return std::ranges::any_of(options.tables, [&](std::string_view pattern) {
    return MatchesWildcard(pattern.substr(0, pattern.find('.')), database);
  });
}

// The new names of captured tables; if none has one that is captured, those that captured tables go away under.
std::vector<TableName> RenamedTables(const Options& options, const std::vector<TableName>& pairs) {
  std::vector<TableName> come;
  std::vector<TableName> gone;
  for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
    if (IsCaptured(options, pairs[i + 1])) {
      come.push_back(pairs[i + 1]);
    } else if (IsCaptured(options, pairs[i])) {
      gone.push_back(pairs[i + 1]);
    }
  }
  return come.empty() ? gone : come;
}

SchemaExtra ExtraOf(Kind kind, const TableName& table, std::string_view text) {
  SchemaExtra extra;
  extra.kind = kind;
  extra.database = table.database;
  extra.table = table.table;
  extra.ddl = text;
  return extra;
}

}  // namespace

// The table as the server has it now, which may be later than the statement. What cannot be asked is left out: the
// statement is told all the same.
Result<SchemaChange> Tables::ChangeOf(SchemaExtra extra, const TableName& table, std::uint64_t at,
                                      std::int64_t commit_us) {
  SchemaChange change;
  change.extra = std::move(extra);
  if (!IsCaptured(options_, table)) return change;
  change.stream = writer_.OpenStream(table.database, table.table);
  change.schema = writer_.NewestVersion(change.stream);
  const Kind kind = change.extra.kind;
  if (kind != Kind::kCreate && kind != Kind::kAlter) return change;
  change.schema = 0;
  auto declared = Find(table, false);
  if (!declared.ok()) {
    if (declared.error().kind == ErrorKind::kTransient) return std::move(declared).error();
    diag::Warn("mysql", "a table that a statement changed cannot be read",
               {{"table", table.database + "." + table.table}, {"error", declared.error().what}});
    return change;
  }
  if (*declared == nullptr) return change;
  std::shared_ptr<const RowTransform> of_rows;
  HG_ASSIGN_OR_RETURN(change.schema, Define(table, change.stream, ShapeOf(**declared), at, commit_us, of_rows));
  return change;
}

Result<std::vector<SchemaChange>> Tables::ChangesOf(const Statement& statement, std::string_view text, std::uint64_t at,
                                                    std::int64_t commit_us) {
  std::vector<SchemaChange> changes;
  const auto add = [&](Kind kind, const TableName& table, std::string_view ddl) -> Status {
    SchemaExtra extra = ExtraOf(kind, table, ddl);
    extra.like = statement.like;
    HG_ASSIGN_OR_RETURN(SchemaChange change, ChangeOf(std::move(extra), table, at, commit_us));
    changes.push_back(std::move(change));
    return Ok();
  };
  const auto& tables = statement.tables;
  switch (statement.kind) {
    case StatementKind::kCreateTable:
    case StatementKind::kAlterTable:
    case StatementKind::kIndex: {
      const Kind kind = statement.kind == StatementKind::kCreateTable  ? Kind::kCreate
                        : statement.kind == StatementKind::kAlterTable ? Kind::kAlter
                                                                       : Kind::kIndex;
      if (IsCaptured(options_, tables[0])) HG_RETURN_IF_ERROR(add(kind, tables[0], text));
      break;
    }
    case StatementKind::kDropTable:
      for (const TableName& table : tables) {
        if (!IsCaptured(options_, table)) continue;
        const std::string ddl = std::string("DROP TABLE ") + (statement.if_exists ? "IF EXISTS " : "") +
                                QuoteName(table.database) + "." + QuoteName(table.table);
        HG_RETURN_IF_ERROR(add(Kind::kDrop, table, ddl));
      }
      break;
    case StatementKind::kRenameTable:
      for (const TableName& table : RenamedTables(options_, tables)) HG_RETURN_IF_ERROR(add(Kind::kAlter, table, text));
      break;
    case StatementKind::kDatabase:
    case StatementKind::kDropDatabase:
      if (HasCaptured(options_, tables[0].database)) HG_RETURN_IF_ERROR(add(Kind::kDatabase, tables[0], text));
      break;
    default:
      break;
  }
  return changes;
}

}  // namespace headgate::mysql
