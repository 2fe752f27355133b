#include "connectors/mysql/preflight.h"

#include <algorithm>

#include "connectors/mysql/connection.h"
#include "connectors/mysql/tables.h"
#include "core/base/ascii.h"
#include "core/base/wildcard.h"
#include "core/pipeline/transform_findings.h"

namespace headgate::mysql {
namespace {

constexpr auto kPreflightTime = std::chrono::milliseconds(10'000);
constexpr std::int64_t kDay = 86'400;

Finding Problem(std::string id, std::string summary, std::string hint, std::string fix, std::string key = {}) {
  return {std::move(id), Finding::Level::kError, std::move(summary), std::move(hint), std::move(fix), std::move(key)};
}
Finding Warning(std::string id, std::string summary, std::string hint, std::string fix, std::string key = {}) {
  return {std::move(id), Finding::Level::kWarning, std::move(summary), std::move(hint), std::move(fix), std::move(key)};
}
Finding Fine(std::string id, std::string summary) {
  return {std::move(id), Finding::Level::kOk, std::move(summary), {}, {}, {}};
}

bool Is(std::string_view value, std::string_view word) {
  return std::ranges::equal(value, word, [](char a, char b) { return LowerAscii(a) == LowerAscii(b); });
}

// Whether some grant on all databases has one of the words.
bool IsGranted(const std::vector<std::string>& grants, std::initializer_list<std::string_view> privileges) {
  return std::ranges::any_of(grants, [&](const std::string& grant) {
    if (grant.find(" ON *.*") == std::string::npos) return false;
    if (grant.starts_with("GRANT ALL PRIVILEGES ON *.*")) return true;
    return std::ranges::any_of(privileges,
                               [&](std::string_view privilege) { return grant.find(privilege) != std::string::npos; });
  });
}

void JudgeGrants(const Options& options, const ServerFacts& server, std::vector<Finding>& findings) {
  const bool mariadb = options.flavor == Flavor::kMariadb;
  const std::string account = QuoteText(options.username) + "@'%'";
  if (!IsGranted(server.grants, {"REPLICATION SLAVE"})) {
    findings.push_back(Problem("grant_replication", "the account " + options.username + " may not read the binary log",
                               "Grant it REPLICATION SLAVE.", "GRANT REPLICATION SLAVE ON *.* TO " + account + ";",
                               "username"));
  }
  if (!IsGranted(server.grants, {"REPLICATION CLIENT", "BINLOG MONITOR"})) {
    findings.push_back(Problem(
        "grant_position", "the account " + options.username + " may not ask for the server's position",
        "Grant it " + std::string(mariadb ? "BINLOG MONITOR." : "REPLICATION CLIENT."),
        "GRANT " + std::string(mariadb ? "BINLOG MONITOR" : "REPLICATION CLIENT") + " ON *.* TO " + account + ";",
        "username"));
  }
}

void JudgeSemiSync(const Options& options, const ServerFacts& server, std::vector<Finding>& findings) {
  if (!options.semi_sync || server.semi_sync) return;
  const bool mariadb = options.flavor == Flavor::kMariadb;
  findings.push_back(
      Warning("semi_sync", "semi_sync is set, but commits at " + Place(options) + " wait for no replica",
              mariadb ? "Turn it on there, and in the server's configuration too."
                      : "Install the plugin semisync_source there, turn it on, and in the server's configuration too.",
              mariadb ? "SET GLOBAL rpl_semi_sync_master_enabled = ON;"
                      : "INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'; SET GLOBAL "
                        "rpl_semi_sync_source_enabled = ON;",
              "semi_sync"));
}

}  // namespace

std::vector<Finding> JudgeServer(const Options& options, const ServerFacts& server) {
  std::vector<Finding> findings;
  const std::string at = " at " + Place(options);
  if (!server.log_bin) {
    findings.push_back(Problem("log_bin", "the server" + at + " writes no binary log",
                               "Set log_bin in its configuration and restart it.", ""));
    return findings;
  }
  if (!Is(server.binlog_format, "ROW")) {
    findings.push_back(Problem("binlog_format", "binlog_format is " + server.binlog_format + at + ", it must be ROW",
                               "Set it, and in the server's configuration too; sessions that are open keep the old "
                               "format until they end.",
                               "SET GLOBAL binlog_format = 'ROW';"));
  }
  if (Is(server.binlog_row_image, "MINIMAL") || Is(server.binlog_row_image, "NOBLOB")) {
    findings.push_back(Warning("binlog_row_image",
                               "binlog_row_image is " + server.binlog_row_image + at +
                                   ": columns that a statement leaves alone are missing in events",
                               "Set it to FULL, and in the server's configuration too, if consumers need whole rows.",
                               "SET GLOBAL binlog_row_image = 'FULL';"));
  }
  if (!server.binlog_row_metadata.empty() && !Is(server.binlog_row_metadata, "FULL")) {
    findings.push_back(Warning("binlog_row_metadata",
                               "binlog_row_metadata is " + server.binlog_row_metadata + at +
                                   ": the binary log does not name columns, they are looked up in the catalogue",
                               "Set it to FULL, and in the server's configuration too. Until then, changes from before "
                               "an ALTER TABLE that are read after it are a gap, and their table is read again.",
                               "SET GLOBAL binlog_row_metadata = 'FULL';"));
  }
  if (server.expire_seconds > 0 && server.expire_seconds < kDay) {
    findings.push_back(Warning("binlog_expire",
                               "binary logs" + at + " are kept for " + std::to_string(server.expire_seconds) +
                                   " seconds: a longer stop of the connector loses changes",
                               "Keep them for some days.", "SET GLOBAL binlog_expire_logs_seconds = 604800;"));
  }
  if (options.flavor == Flavor::kMysql && !Is(server.gtid_mode, "ON")) {
    findings.push_back(Warning(
        "gtid_mode",
        "gtid_mode is " + server.gtid_mode + at + ": the connector cannot follow to another server without a gap",
        "Turn it on, step by step as the manual of the server says.", ""));
  }
  if (server.is_replica && !server.log_replica_updates) {
    findings.push_back(Warning("log_replica_updates",
                               "log_replica_updates is off" + at +
                                   ": the server is a replica, and what it replicates is not in its binary log",
                               "Set log_replica_updates and restart it, or read from its source.", ""));
  }
  JudgeSemiSync(options, server, findings);
  JudgeGrants(options, server, findings);
  return findings;
}

std::vector<Finding> JudgeTables(const Options& options, const std::vector<TableName>& tables) {
  std::vector<Finding> findings;
  for (const std::string& pattern : options.tables) {
    const bool any = std::ranges::any_of(
        tables, [&](const TableName& table) { return MatchesWildcard(pattern, table.database + "." + table.table); });
    if (any) continue;
    findings.push_back(Warning("tables", "no table at " + Place(options) + " matches " + pattern,
                               "Check the name, or grant the account SELECT on it: tables that it may not read are not "
                               "listed.",
                               "", "tables"));
  }
  return findings;
}

std::vector<Finding> JudgeCascades(const Options& options, const ServerFacts& server,
                                   const std::vector<Cascade>& cascades) {
  if (server.logs_cascades) return {};
  std::string names;
  for (const Cascade& cascade : cascades) {
    if (!IsCaptured(options, cascade.child)) continue;
    const std::string action = cascade.deletes && cascade.updates ? "DELETE and ON UPDATE"
                               : cascade.deletes                  ? "DELETE"
                                                                  : "UPDATE";
    names += (names.empty() ? "" : ", ") + cascade.child.database + "." + cascade.child.table + " (ON " + action +
             " of " + cascade.parent.database + "." + cascade.parent.table + ")";
  }
  if (names.empty()) return {};
  return {Warning("cascades",
                  "foreign keys at " + Place(options) +
                      " change captured tables inside the storage engine, which the "
                      "binary log does not tell: " +
                      names,
                  "Let the application change those rows itself, or read the tables again now and then: headgate "
                  "snapshot " +
                      options.name + " --start --table ... does not tell of rows that are gone.",
                  "")};
}

Status FirstError(const Options& options, const std::vector<Finding>& findings) {
  const auto error = std::ranges::find(findings, Finding::Level::kError, &Finding::level);
  if (error == findings.end()) return Ok();
  std::string what = "connector " + options.name + ": " + error->summary + ". " + error->hint;
  if (!error->fix.empty()) what += " SQL: " + error->fix;
  return ConfigError(std::move(what));
}

namespace {

// The tables that transforms may be about, as the stream would have them.
Result<std::vector<TableSchema>> ShapesForTransforms(const Options& options, const std::vector<TableName>& captured,
                                                     Catalog& catalog) {
  std::vector<TableSchema> shapes;
  for (const TableName& table : captured) {
    if (!MayConcern(options.transforms, table.database, table.table)) continue;
    HG_ASSIGN_OR_RETURN(const auto declared, catalog.Describe(table));
    if (!declared) continue;
    TableSchema& shape = shapes.emplace_back();
    shape.schema = table.database;
    shape.table = table.table;
    for (const Declaration& declaration : declared->columns) {
      Column& column = shape.columns.emplace_back(PlanOf(declaration, options.flavor).column);
      const auto place = std::ranges::find(declared->key, column.name);
      if (place != declared->key.end())
        column.key_position = static_cast<std::int32_t>(place - declared->key.begin()) + 1;
    }
  }
  return shapes;
}

}  // namespace

std::vector<Finding> Preflight(const Options& given) {
  Options options = given;
  options.connect_timeout = std::min(options.connect_timeout, kPreflightTime / 2);
  std::vector<Finding> findings;
  const auto failed = [&](const Error& error) {
    findings.push_back(Problem("connection", error.what, "", "", "host"));
    return findings;
  };
  auto connection = Connection::Open(options);
  if (!connection.ok()) return failed(connection.error());
  Catalog catalog(**connection, options.flavor);
  const auto server = catalog.ReadServer();
  if (!server.ok()) return failed(server.error());
  findings.push_back(Fine("connection", "connected to " + Place(options) + ", " + server->version));
  const auto tables = catalog.ListTables();
  if (!tables.ok()) return failed(tables.error());
  for (Finding& finding : JudgeServer(options, *server)) findings.push_back(std::move(finding));
  for (Finding& finding : JudgeTables(options, *tables)) findings.push_back(std::move(finding));
  std::vector<TableName> captured = *tables;
  std::erase_if(captured, [&](const TableName& table) { return !IsCaptured(options, table); });
  const auto cascades = catalog.ListCascades(captured);
  if (!cascades.ok()) return failed(cascades.error());
  for (Finding& finding : JudgeCascades(options, *server, *cascades)) findings.push_back(std::move(finding));
  if (!options.transforms.empty()) {
    const auto shapes = ShapesForTransforms(options, captured, catalog);
    if (!shapes.ok()) return failed(shapes.error());
    for (Finding& finding : JudgeTransforms(options.transforms, *shapes)) findings.push_back(std::move(finding));
  }
  findings.push_back(Fine("tables", "tables that are captured: " + std::to_string(captured.size())));
  return findings;
}

}  // namespace headgate::mysql
