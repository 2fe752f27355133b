#include "connectors/postgres/preflight.h"

#include <algorithm>

#include "connectors/postgres/connection.h"
#include "connectors/postgres/errors.h"
#include "connectors/postgres/slot.h"
#include "core/pipeline/transform_findings.h"

namespace headgate::postgres {
namespace {

constexpr auto kPreflightTime = std::chrono::milliseconds(10'000);

Finding Problem(std::string id, std::string summary, std::string hint, std::string fix, std::string key = {}) {
  return {std::move(id), Finding::Level::kError, std::move(summary), std::move(hint), std::move(fix), std::move(key)};
}
Finding Fine(std::string id, std::string summary) {
  return {std::move(id), Finding::Level::kOk, std::move(summary), {}, {}, {}};
}

void JudgeSlot(const Options& options, const ServerFacts& server, const std::optional<SlotFacts>& slot,
               std::vector<Finding>& findings) {
  const std::string name = options.slot_name;
  if (!slot) {
    if (server.used_slots >= server.max_slots && server.max_slots > 0) {
      findings.push_back(
          Problem("slots",
                  "no replication slot is left: " + std::to_string(server.used_slots) +
                      " of max_replication_slots = " + std::to_string(server.max_slots) + " are in use",
                  "Drop a slot that nobody needs (SELECT slot_name, active FROM pg_replication_slots), or raise the "
                  "limit and restart the server.",
                  "ALTER SYSTEM SET max_replication_slots = " + std::to_string(server.max_slots + 10) + ";"));
    }
    return;
  }
  if (slot->plugin != "pgoutput" || slot->database != options.dbname) {
    findings.push_back(Problem("slot",
                               "replication slot " + name + " belongs to something else: plugin " +
                                   (slot->plugin.empty() ? "none" : slot->plugin) + ", database " +
                                   (slot->database.empty() ? "none" : slot->database),
                               "Set slot_name to another name, or drop the slot if nobody needs it.",
                               "SELECT pg_drop_replication_slot(" + QuoteLiteral(name) + ");", "slot_name"));
  }
}

}  // namespace

std::vector<Finding> JudgeServer(const Options& options, const ServerFacts& server,
                                 const std::optional<SlotFacts>& slot) {
  std::vector<Finding> findings;
  if (server.version < kOldestVersion) {
    findings.push_back(Problem("server_version",
                               "PostgreSQL " + server.version_text + " at " + Place(options) + " is too old",
                               "Headgate needs 13 or newer.", ""));
  }
  if (server.version < kMessagesVersion && !options.messages_prefixes.empty()) {
    findings.push_back({"messages", Finding::Level::kOk,
                        "logical messages are not captured: PostgreSQL " + server.version_text +
                            " does not send them to subscribers, 14 and newer do",
                        "", "", "messages_prefixes"});
  }
  if (server.wal_level != "logical") {
    findings.push_back(Problem(
        "wal_level", "wal_level is " + server.wal_level + " at " + Place(options) + ", it must be logical",
        "Set it and restart the server; nothing else changes for its users.", "ALTER SYSTEM SET wal_level = logical;"));
  }
  if (!server.replication) {
    findings.push_back(Problem("replication_role", "role " + options.username + " may not replicate",
                               "Give it the attribute REPLICATION.",
                               "ALTER ROLE " + QuoteIdentifier(options.username) + " REPLICATION;", "username"));
  }
  if (server.max_senders == 0) {
    findings.push_back(Problem("wal_senders", "max_wal_senders is 0: nobody can replicate",
                               "Raise it and restart the server.", "ALTER SYSTEM SET max_wal_senders = 10;"));
  }
  JudgeSlot(options, server, slot, findings);
  return findings;
}

Status FirstError(const Options& options, const std::vector<Finding>& findings) {
  const auto error = std::ranges::find(findings, Finding::Level::kError, &Finding::level);
  if (error == findings.end()) return Ok();
  std::string what = "connector " + options.name + ": " + error->summary + ". " + error->hint;
  if (!error->fix.empty()) what += " SQL: " + error->fix;
  return ConfigError(std::move(what));
}

Result<CaptureLook> LookAtTables(const Options& options, Catalog& catalog, const ServerFacts& server,
                                 std::stop_token stop) {
  CaptureLook look;
  std::vector<Finding> findings;
  HG_ASSIGN_OR_RETURN(const auto all, catalog.ReadTables(stop));
  std::vector<CatalogTable> selected = SelectTables(options, all, findings);
  std::vector<CatalogTable*> pointers;
  for (CatalogTable& table : selected) pointers.push_back(&table);
  HG_RETURN_IF_ERROR(catalog.LoadColumns(pointers, stop));
  HG_ASSIGN_OR_RETURN(look.publication, catalog.ReadPublication(options.publication_name, stop));
  look.plan = PlanPublication(options, server, std::move(selected), look.publication);
  look.plan.findings.insert(look.plan.findings.begin(), findings.begin(), findings.end());
  return look;
}

namespace {

// The tables that transforms may be about, as the stream would have them.
Result<std::vector<TableSchema>> ShapesForTransforms(const Options& options, const PublicationPlan& plan,
                                                     Catalog& catalog) {
  std::vector<TableSchema> shapes;
  for (const CapturedTable& captured : plan.tables) {
    if (!MayConcern(options.transforms, captured.table.schema, captured.table.name)) continue;
    HG_ASSIGN_OR_RETURN(Catalog::Shape shape,
                        catalog.Describe(RelationOf(captured.table, captured.columns), nullptr, std::stop_token()));
    shapes.push_back(std::move(shape.schema));
  }
  return shapes;
}

}  // namespace

std::vector<Finding> Preflight(const Options& given) {
  Options options = given;
  options.connect_timeout = std::min(options.connect_timeout, kPreflightTime / 2);
  std::vector<Finding> findings;
  const auto failed = [&](const Error& error) {
    findings.push_back(Problem("connection", error.what, "", "", std::string(SettingOf(options, error))));
    return findings;
  };
  const std::stop_token never;
  auto connection = Connection::Open(options, Connection::Use::kQuery, "UTF8", false, never);
  if (!connection.ok()) return failed(connection.error());
  Catalog catalog(**connection);
  const auto server = catalog.ReadServer(never);
  if (!server.ok()) return failed(server.error());
  findings.push_back(Fine("connection", "connected to " + Place(options) + ", PostgreSQL " + server->version_text));
  const auto slot = catalog.ReadSlot(never);
  if (!slot.ok()) return failed(slot.error());
  std::vector<Finding> more = JudgeServer(options, *server, *slot);
  if (server->version < kOldestVersion) {
    findings.insert(findings.end(), more.begin(), more.end());
    return findings;
  }
  auto look = LookAtTables(options, catalog, *server, never);
  if (!look.ok()) return failed(look.error());
  const PublicationPlan& plan = look->plan;
  more.insert(more.end(), plan.findings.begin(), plan.findings.end());
  const auto shapes = ShapesForTransforms(options, plan, catalog);
  if (!shapes.ok()) return failed(shapes.error());
  if (!options.transforms.empty()) {
    for (Finding& finding : JudgeTransforms(options.transforms, *shapes)) more.push_back(std::move(finding));
  }
  if (FirstError(options, more).ok()) {
    for (const std::string& sql : plan.sql)
      findings.push_back(
          {"publication_plan", Finding::Level::kOk, "will be run at the start: " + sql, "", sql + ";", ""});
    if (const auto replication = Connection::Open(options, Connection::Use::kReplication, "UTF8", true, never);
        !replication.ok()) {
      more.push_back(Problem("replication_connection", replication.error().what, "", "",
                             std::string(SettingOf(options, replication.error()))));
    }
    findings.push_back(Fine("tables", "tables that are captured: " + std::to_string(plan.tables.size())));
  }
  findings.insert(findings.end(), more.begin(), more.end());
  return findings;
}

Result<SourceTelemetry> LookUpstream(const Options& options, const Clock& clock, std::stop_token stop) {
  HG_ASSIGN_OR_RETURN(const auto connection, Connection::Open(options, Connection::Use::kQuery, "UTF8", true, stop));
  Catalog catalog(*connection);
  HG_ASSIGN_OR_RETURN(const auto slot, catalog.ReadSlot(std::move(stop)));
  SourceTelemetry seen;
  seen.phase = "stopped";
  seen.slot_name = options.snapshot == SnapshotMode::kOnly ? "" : options.slot_name;
  seen.published_us = seen.slot_seen_us = clock.NowUs();
  if (slot) {
    seen.server_position = slot->server_lsn;
    seen.slot_retained_bytes = slot->retained_bytes;
    seen.slot_safe_bytes = slot->safe_bytes;
  }
  const bool lost = slot && slot->wal_status == "lost";
  if (!seen.slot_name.empty() && (!slot || lost)) {
    seen.findings.push_back(Problem("slot_state",
                                    "replication slot " + options.slot_name + " is " + (lost ? "invalidated" : "gone") +
                                        " at " + Place(options) + ": changes since its last position are lost to us",
                                    "When the connector runs again it declares the gap. A new connector under another "
                                    "name reads the tables again.",
                                    ""));
  }
  return seen;
}

Status DropUpstream(const Options& options) {
  const std::stop_token never;
  HG_ASSIGN_OR_RETURN(const auto connection, Connection::Open(options, Connection::Use::kQuery, "UTF8", true, never));
  HG_RETURN_IF_ERROR(DropSlot(*connection, options.slot_name, never));
  if (options.publication_mode != PublicationMode::kManage) return Ok();
  const auto dropped = connection->Query("DROP PUBLICATION IF EXISTS " + QuoteIdentifier(options.publication_name),
                                         "dropping publication " + options.publication_name, never);
  if (!dropped.ok()) return dropped.error();
  return Ok();
}

Leftover LeftBehind(const Options& options) {
  if (options.snapshot == SnapshotMode::kOnly) return {};
  return {options.slot_name, "SELECT pg_drop_replication_slot('" + options.slot_name + "');"};
}

Result<bool> SlotIsThere(const Options& options, std::stop_token stop) {
  HG_ASSIGN_OR_RETURN(const auto connection, Connection::Open(options, Connection::Use::kQuery, "UTF8", true, stop));
  HG_ASSIGN_OR_RETURN(const Rows rows, connection->Query("SELECT 1 FROM pg_replication_slots WHERE slot_name = " +
                                                             QuoteLiteral(options.slot_name),
                                                         "looking for replication slot " + options.slot_name, stop));
  return !rows.empty();
}

}  // namespace headgate::postgres
