#include "connectors/postgres/publication.h"

#include <algorithm>
#include <set>

#include "connectors/postgres/errors.h"
#include "core/base/wildcard.h"

namespace headgate::postgres {
namespace {

constexpr std::string_view kPublish = "publish = 'insert, update, delete, truncate', publish_via_partition_root = true";

Finding MakeFinding(Finding::Level level, std::string id, std::string summary, std::string hint, std::string fix,
                    std::string key = {}) {
  return {std::move(id), level, std::move(summary), std::move(hint), std::move(fix), std::move(key)};
}

std::string Joined(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out += separator;
    out += part;
  }
  return out;
}

std::string ColumnList(const std::vector<std::string>& columns) {
  std::vector<std::string> quoted;
  for (const std::string& column : columns) quoted.push_back(QuoteIdentifier(column));
  return Joined(quoted, ", ");
}

const PublishedTable* Find(const std::vector<PublishedTable>& tables, std::uint32_t oid) {
  const auto it = std::ranges::find(tables, oid, &PublishedTable::oid);
  return it == tables.end() ? nullptr : &*it;
}

// How a table stands in CREATE and ALTER PUBLICATION.
struct Member {
  std::string schema;
  std::string name;
  std::vector<std::string> list;  // column list, empty: all
  std::string row_filter;

  std::string Sql() const {
    std::string sql = "ONLY " + QuoteTable(schema, name);
    if (!list.empty()) sql += " (" + ColumnList(list) + ")";
    if (!row_filter.empty()) sql += " WHERE (" + row_filter + ")";
    return sql;
  }
};

// All columns that the stream carries if no list restricts it, less those excluded.
std::vector<std::string> WantedColumns(const Options& options, const CatalogTable& table, bool generated_too,
                                       bool& excludes) {
  std::vector<std::string> columns;
  excludes = false;
  for (const CatalogColumn& column : table.columns) {
    if (column.generated && !generated_too) continue;
    if (IsExcluded(options, table.schema, table.name, column.name)) {
      excludes = true;
    } else {
      columns.push_back(column.name);
    }
  }
  return columns;
}

void JudgeTable(const Options& options, const CatalogTable& table, bool generated_too, std::vector<Finding>& findings) {
  const std::string name = table.QualifiedName();
  if (!table.HasIdentity()) {
    findings.push_back(
        MakeFinding(Finding::Level::kWarning, "replica_identity",
                    "table " + name + " has no replica identity: UPDATE and DELETE on it fail at the source",
                    "Give it a primary key that is not DEFERRABLE, or let whole old rows be logged.",
                    "ALTER TABLE " + QuoteTable(table.schema, table.name) + " REPLICA IDENTITY FULL;"));
  }
  const auto in_key_but_not_logged = [](const CatalogColumn& c) { return c.key_position > 0 && !c.identity; };
  if (table.replica_identity == 'i' && std::ranges::any_of(table.columns, in_key_but_not_logged)) {
    findings.push_back(
        MakeFinding(Finding::Level::kWarning, "replica_identity",
                    "table " + name +
                        " has the columns of another index than its key logged for old rows: those are the key of its "
                        "events in format native; in format debezium a DELETE does not tell which key it deletes, and "
                        "an UPDATE of the key not which it replaces",
                    "For format debezium let the key or whole old rows be logged.",
                    "ALTER TABLE " + QuoteTable(table.schema, table.name) + " REPLICA IDENTITY FULL;"));
  }
  if (table.row_security) {
    findings.push_back(MakeFinding(Finding::Level::kError, "row_security",
                                   "table " + name + " has row security that would hide rows of it from role " +
                                       options.username + " in a snapshot, but not in the stream",
                                   "Let the role see all rows, or exclude the table.",
                                   "ALTER ROLE " + QuoteIdentifier(options.username) + " BYPASSRLS;",
                                   "tables_exclude"));
  }
  if (!table.may_select && options.snapshot != SnapshotMode::kNever) {
    findings.push_back(
        MakeFinding(Finding::Level::kError, "grants", "role " + options.username + " may not read table " + name,
                    "The snapshot needs SELECT on it.",
                    "GRANT USAGE ON SCHEMA " + QuoteIdentifier(table.schema) + " TO " +
                        QuoteIdentifier(options.username) + "; GRANT SELECT ON " +
                        QuoteTable(table.schema, table.name) + " TO " + QuoteIdentifier(options.username) + ";"));
  }
  for (const CatalogColumn& column : table.columns) {
    const bool excluded = IsExcluded(options, table.schema, table.name, column.name);
    if (excluded && (column.key_position > 0 || (column.identity && table.replica_identity != 'f'))) {
      findings.push_back(MakeFinding(Finding::Level::kError, "columns_exclude",
                                     "column " + name + "." + column.name + " is part of the table's key",
                                     "A row without its key identifies nothing. Take it out of columns_exclude.", "",
                                     "columns_exclude"));
    }
    if (column.generated && !generated_too && !excluded) {
      findings.push_back(MakeFinding(
          Finding::Level::kWarning, "generated_column",
          "generated column " + name + "." + column.name + " is not in the stream, so it is in no snapshot either",
          "From PostgreSQL 18 on a publication can carry it (publish_generated_columns).", ""));
    }
  }
}

std::string CreateSql(const Options& options, const std::vector<Member>& members) {
  std::vector<std::string> parts;
  for (const Member& member : members) parts.push_back(member.Sql());
  return "CREATE PUBLICATION " + QuoteIdentifier(options.publication_name) + " FOR TABLE " + Joined(parts, ", ") +
         " WITH (" + std::string(kPublish) + ")";
}

std::string SetTablesSql(const Options& options, const std::vector<Member>& members) {
  std::vector<std::string> parts;
  for (const Member& member : members) parts.push_back(member.Sql());
  return "ALTER PUBLICATION " + QuoteIdentifier(options.publication_name) + " SET TABLE " + Joined(parts, ", ");
}

bool SameTables(const std::vector<PublishedTable>& listed, const std::vector<CatalogTable>& selected,
                const std::vector<Member>& members) {
  if (listed.size() != selected.size()) return false;
  for (std::size_t i = 0; i < selected.size(); ++i) {
    const PublishedTable* now = Find(listed, selected[i].oid);
    if (now == nullptr || now->columns != members[i].list) return false;
  }
  return true;
}

// Changes need rights over the tables and the publication; without them the plan is for someone who has them.
void JudgeRights(const Options& options, const ServerFacts& server, const std::vector<CatalogTable>& selected,
                 const PublicationFacts& publication, PublicationPlan& plan) {
  if (plan.sql.empty() || server.superuser) return;
  std::string missing;
  if (publication.exists && !publication.owned) missing = "does not own publication " + options.publication_name;
  if (!publication.exists && !server.create_on_database)
    missing = "may not create a publication in database " + options.dbname;
  for (const CatalogTable& table : selected) {
    if (missing.empty() && !table.owned) missing = "does not own table " + table.QualifiedName();
  }
  if (missing.empty()) return;
  plan.findings.push_back(
      MakeFinding(Finding::Level::kError, "publication",
                  "publication " + options.publication_name + " must be " +
                      (publication.exists ? "altered" : "created") + ", but role " + options.username + " " + missing,
                  "Let a role with enough rights run the statements and set publication_mode: check.",
                  Joined(LeastPrivilegeSql(options, plan), "\n"), "publication_mode"));
}

void PlanManaged(const Options& options, const ServerFacts& server, const std::vector<CatalogTable>& selected,
                 const PublicationFacts& publication, PublicationPlan& plan) {
  std::vector<Member> members;
  for (const CatalogTable& table : selected) {
    bool excludes = false;
    CapturedTable captured{table, WantedColumns(options, table, publication.generated, excludes), {}};
    if (const PublishedTable* now = Find(publication.listed, table.oid)) captured.row_filter = now->row_filter;
    Member member{table.schema, table.name, {}, captured.row_filter};
    // A column list must cover the identity, which under FULL is every column: then we drop the excluded ones
    // ourselves.
    if (excludes && server.version >= 150000 && table.replica_identity != 'f') member.list = captured.columns;
    members.push_back(std::move(member));
    plan.tables.push_back(std::move(captured));
  }
  if (members.empty()) return;
  const bool flags_fit =
      publication.insert && publication.update && publication.del && publication.truncate && publication.via_root;
  if (!publication.exists) {
    plan.sql.push_back(CreateSql(options, members));
  } else {
    if (!flags_fit)
      plan.sql.push_back("ALTER PUBLICATION " + QuoteIdentifier(options.publication_name) + " SET (" +
                         std::string(kPublish) + ")");
    // One that covers all tables or whole schemas was made by hand: what it publishes is enough.
    if (!publication.all_tables && !publication.whole_schemas && !SameTables(publication.listed, selected, members)) {
      plan.sql.push_back(SetTablesSql(options, members));
    }
  }
  JudgeRights(options, server, selected, publication, plan);
}

// Why changes of a table do not come as they did before; "" if they do. `before`: nullptr if that is not known.
// `all`: TRUNCATE is wanted too.
std::string CauseOfLoss(const CapturedTable& wanted, const CapturedTable* before, const PublicationFacts& publication,
                        bool all) {
  if (!publication.exists) return "it is gone";
  if (!publication.insert || !publication.update || !publication.del || (all && !publication.truncate))
    return "it does not publish every insert, update, delete and truncate";
  if (wanted.table.kind == 'p' && !publication.via_root)
    return "it does not publish partitions under the name of their root";
  const PublishedTable* now = Find(publication.effective, wanted.table.oid);
  if (now == nullptr) return "tables left it";
  if (before == nullptr) return "";
  if (now->row_filter != before->row_filter) return "a row filter changed";
  const auto lacks = [&](const std::string& column) {
    return std::ranges::find(now->columns, column) == now->columns.end() && wanted.table.Find(column) != nullptr;
  };
  if (!now->columns.empty() && std::ranges::any_of(before->columns, lacks)) return "a column list leaves columns out";
  return "";
}

void JudgeFlags(const Options& options, const PublicationFacts& publication, bool partitioned, PublicationPlan& plan) {
  const bool rows = publication.insert && publication.update && publication.del;
  if (rows && publication.truncate && (publication.via_root || !partitioned)) return;
  const bool severe = !rows || (partitioned && !publication.via_root);
  plan.findings.push_back(MakeFinding(
      severe ? Finding::Level::kError : Finding::Level::kWarning, "publication",
      "publication " + options.publication_name + " does not publish " +
          (!rows    ? "every insert, update and delete"
           : severe ? "partitions under the name of their root"
                    : "TRUNCATE"),
      "What it leaves out never reaches us.",
      "ALTER PUBLICATION " + QuoteIdentifier(options.publication_name) + " SET (" + std::string(kPublish) + ");",
      "publication_mode"));
}

void PlanChecked(const Options& options, const ServerFacts& server, const std::vector<CatalogTable>& selected,
                 const PublicationFacts& publication, PublicationPlan& plan) {
  std::vector<Member> missing;
  bool partitioned = false;
  for (const CatalogTable& table : selected) {
    partitioned = partitioned || table.kind == 'p';
    bool excludes = false;
    std::vector<std::string> columns = WantedColumns(options, table, publication.generated, excludes);
    const PublishedTable* published = Find(publication.effective, table.oid);
    CapturedTable captured{table, columns, published == nullptr ? "" : published->row_filter};
    if (published == nullptr) {
      missing.push_back(
          {table.schema,
           table.name,
           excludes && server.version >= 150000 && table.replica_identity != 'f' ? columns : std::vector<std::string>(),
           {}});
    } else if (!published->columns.empty()) {
      const bool generated_listed = server.version >= 180000;
      std::erase_if(captured.columns, [&](const std::string& c) {
        return std::ranges::find(published->columns, c) == published->columns.end();
      });
      if (generated_listed) {
        for (const CatalogColumn& c : table.columns) {
          if (c.generated && std::ranges::find(published->columns, c.name) != published->columns.end() &&
              std::ranges::find(captured.columns, c.name) == captured.columns.end() &&
              !IsExcluded(options, table.schema, table.name, c.name)) {
            captured.columns.push_back(c.name);
          }
        }
      }
    }
    plan.tables.push_back(std::move(captured));
  }
  if (!publication.exists) {
    if (selected.empty()) return;
    plan.findings.push_back(MakeFinding(
        Finding::Level::kError, "publication",
        "publication " + options.publication_name + " does not exist in database " + options.dbname,
        "Create it, or set publication_mode: manage.", CreateSql(options, missing) + ";", "publication_name"));
    return;
  }
  JudgeFlags(options, publication, partitioned, plan);
  if (missing.empty()) return;
  std::vector<std::string> names;
  std::vector<std::string> parts;
  for (const Member& member : missing) {
    names.push_back(member.schema + "." + member.name);
    parts.push_back(member.Sql());
  }
  plan.findings.push_back(MakeFinding(
      Finding::Level::kError, "publication",
      "publication " + options.publication_name + " does not contain table " + Joined(names, ", "),
      "Add it, exclude it, or set publication_mode: manage.",
      "ALTER PUBLICATION " + QuoteIdentifier(options.publication_name) + " ADD TABLE " + Joined(parts, ", ") + ";",
      "tables"));
}

}  // namespace

bool IsExcluded(const Options& options, std::string_view schema, std::string_view table, std::string_view column) {
  if (options.columns_exclude.empty()) return false;
  std::string name(schema);
  name.append(".").append(table).append(".").append(column);
  return MatchesAnyWildcard(options.columns_exclude, name);
}

std::vector<CatalogTable> SelectTables(const Options& options, const std::vector<CatalogTable>& all,
                                       std::vector<Finding>& findings) {
  std::vector<CatalogTable> selected;
  std::set<std::uint32_t> oids;
  for (const CatalogTable& table : all) {
    const std::string name = table.QualifiedName();
    if (!MatchesAnyWildcard(options.tables, name) || MatchesAnyWildcard(options.tables_exclude, name)) continue;
    if (table.kind == 'f' || table.persistence == 'u') {
      findings.push_back(
          MakeFinding(Finding::Level::kWarning, "not_captured",
                      std::string(table.kind == 'f' ? "foreign" : "unlogged") + " table " + name +
                          " is not captured: its changes are not in the WAL",
                      table.kind == 'f' ? "Capture it where it lives." : "Make it a logged table, or exclude it.",
                      table.kind == 'f' ? "" : "ALTER TABLE " + QuoteTable(table.schema, table.name) + " SET LOGGED;"));
      continue;
    }
    oids.insert(table.oid);
    selected.push_back(table);
  }
  std::erase_if(selected, [&](const CatalogTable& table) {
    return std::ranges::any_of(table.ancestors, [&](std::uint32_t root) { return oids.contains(root); });
  });
  for (const std::string& pattern : options.tables) {
    if (std::ranges::any_of(all, [&](const auto& table) { return MatchesWildcard(pattern, table.QualifiedName()); }))
      continue;
    findings.push_back(MakeFinding(Finding::Level::kWarning, "tables", "no table matches " + pattern + " of tables",
                                   "Check its spelling; a table that is made later is captured then.", "", "tables"));
  }
  if (selected.empty()) {
    std::erase_if(findings, [](const Finding& finding) { return finding.id == "tables"; });  // the next one says it all
    findings.push_back(
        MakeFinding(Finding::Level::kError, "tables",
                    "no table of database " + options.dbname + " matches " + Joined(options.tables, ", ") +
                        (options.tables_exclude.empty() ? "" : " without " + Joined(options.tables_exclude, ", ")),
                    "Check tables and tables_exclude (schema.table, with * and ?), and dbname.", "", "tables"));
  }
  return selected;
}

PublicationPlan PlanPublication(const Options& options, const ServerFacts& server, std::vector<CatalogTable> selected,
                                const PublicationFacts& publication) {
  PublicationPlan plan;
  for (const CatalogTable& table : selected) JudgeTable(options, table, publication.generated, plan.findings);
  if (options.publication_mode == PublicationMode::kManage) {
    PlanManaged(options, server, selected, publication, plan);
  } else {
    PlanChecked(options, server, selected, publication, plan);
  }
  return plan;
}

std::vector<KeptBack> FindKeptBack(const PublicationPlan& plan, const PublicationFacts& publication,
                                   const std::function<bool(const CatalogTable&)>& captured) {
  std::vector<KeptBack> kept;
  if (!publication.exists || publication.all_tables || publication.whole_schemas) return kept;
  for (const CapturedTable& wanted : plan.tables) {
    if (!captured(wanted.table)) continue;
    const PublishedTable* now = Find(publication.listed, wanted.table.oid);
    if (now == nullptr) {
      kept.push_back({wanted.table.schema, wanted.table.name, ""});
    } else if (!now->columns.empty()) {
      for (const std::string& column : wanted.columns) {
        if (std::ranges::find(now->columns, column) == now->columns.end())
          kept.push_back({wanted.table.schema, wanted.table.name, column});
      }
    }
  }
  return kept;
}

Finding TellKeptBack(const Options& options, const KeptBack& kept, const std::string& from) {
  const std::string since = from.empty() ? "not in the stream yet" : "in the stream from " + from + " on";
  if (kept.column.empty()) {
    return MakeFinding(Finding::Level::kWarning, "gap_table",
                       "table " + kept.Name() + " is " + since + ": something had taken it out of publication " +
                           options.publication_name +
                           " (ALTER PUBLICATION, or DROP COLUMN with CASCADE), and what changed until then is missing",
                       "Compare the table with what was delivered; a new connector under another name reads it again.",
                       "");
  }
  const std::string column = QuoteIdentifier(kept.column);
  return MakeFinding(Finding::Level::kWarning, "gap_column",
                     "column " + kept.Name() + " is " + since + ": publication " + options.publication_name +
                         " lists columns because of columns_exclude, and what changed until then came without it",
                     "Once it is, have the rows sent again, with the column.",
                     "UPDATE " + QuoteTable(kept.schema, kept.table) + " SET " + column + " = " + column + " WHERE " +
                         column + " IS NOT NULL;");
}

Finding TellGone(const std::string& table, const std::string& now) {
  return MakeFinding(
      Finding::Level::kWarning, "table_gone",
      "table " + table + (now.empty() ? " was dropped" : " is " + now + " now") +
          ": its stream ends there, and what views and sinks have of it stays as it was",
      "Nothing is deleted by itself. Have views read another table (CREATE OR REPLACE), or create the table "
      "again: it is read like a new one, and what is not in it any more goes.",
      "");
}

PublicationLoss FindLoss(const Options& options, const PublicationPlan& plan, const PublicationFacts& publication,
                         const std::vector<CapturedTable>& before,
                         const std::function<bool(const CatalogTable&)>& captured) {
  PublicationLoss loss;
  std::set<std::string> causes;
  for (const CapturedTable& wanted : plan.tables) {
    if (!captured(wanted.table)) continue;
    const auto known = std::ranges::find(before, wanted.table.oid, [](const CapturedTable& t) { return t.table.oid; });
    const std::string cause = CauseOfLoss(wanted, known == before.end() ? nullptr : &*known, publication,
                                          options.publication_mode == PublicationMode::kManage);
    if (cause.empty()) continue;
    loss.tables.push_back(wanted.table.Id().Text());
    causes.insert(cause);
  }
  for (const std::string& cause : causes) loss.cause += (loss.cause.empty() ? "" : ", ") + cause;
  if (!loss.cause.empty()) loss.cause = "publication " + options.publication_name + " was altered: " + loss.cause;
  return loss;
}

std::vector<std::string> LeastPrivilegeSql(const Options& options, const PublicationPlan& plan) {
  const std::string role = QuoteIdentifier(options.username);
  std::vector<std::string> sql = {"ALTER ROLE " + role + " LOGIN REPLICATION;",
                                  "GRANT CONNECT ON DATABASE " + QuoteIdentifier(options.dbname) + " TO " + role + ";"};
  std::set<std::string> schemas;
  for (const CapturedTable& captured : plan.tables) {
    if (schemas.insert(captured.table.schema).second)
      sql.push_back("GRANT USAGE ON SCHEMA " + QuoteIdentifier(captured.table.schema) + " TO " + role + ";");
    sql.push_back("GRANT SELECT ON " + QuoteTable(captured.table.schema, captured.table.name) + " TO " + role + ";");
  }
  for (const std::string& statement : plan.sql) sql.push_back(statement + ";");
  return sql;
}

}  // namespace headgate::postgres
