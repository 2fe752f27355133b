#include "connectors/postgres/spec.h"

#include "connectors/postgres/options.h"
#include "core/config/option_builders.h"
#include "core/transform/column_options.h"

namespace headgate::postgres {
namespace {

using config::Choice;
using config::Defaulted;
using config::Importance;
using config::Number;
using config::Option;
using config::Optional;
using config::OptionType;
using config::Required;
using config::WithExample;

Option Derived(Option o) {
  o.derive = DefaultObjectName;
  return o;
}

std::vector<Option> ConnectionOptions() {
  constexpr std::string_view kGroup = "Connection";
  Option port = Number("port", "5432", 1, 65535, kGroup, "Port", "TCP port of the server.");
  port.type = OptionType::kInt;
  port.importance = Importance::kHigh;
  return {
      Required(
          "host", OptionType::kString, kGroup, "Host",
          "Host name, address or directory of the server's Unix socket; several, with commas, are tried in order. No "
          "pooler in between.",
          "db.example.com"),
      std::move(port),
      Required("dbname", OptionType::kString, kGroup, "Database", "Database to capture.", "shop"),
      Required("username", OptionType::kString, kGroup, "User", "Role with REPLICATION and SELECT on the tables.",
               "headgate"),
      Optional("password", OptionType::kPassword, kGroup, "Password",
               "Password of the role; better a placeholder than the text itself."),
      Choice("sslmode", "prefer", {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}, kGroup,
             "TLS mode", "As in libpq. Only verify-full also proves that the server is the one named in host."),
      Optional("sslrootcert", OptionType::kString, kGroup, "Root certificate",
               "File with the certificates of trusted authorities."),
      Optional("sslcert", OptionType::kString, kGroup, "Client certificate", "File with our certificate."),
      Optional("sslkey", OptionType::kString, kGroup, "Client key",
               "File with the key of our certificate, readable only by us."),
      Number("connect_timeout_ms", "10000", 100, 600'000, kGroup, "Connect timeout",
             "How long to wait for a connection or an answer to a query."),
      Number("stale_after_ms", "60000", 1'000, 3'600'000, kGroup, "Stale after",
             "A connection without a sign of life for so long is given up and made anew. The server is asked for one "
             "at half of it."),
      Number("failed_after_ms", "60000", 0, 86'400'000, kGroup, "Failed after",
             "How long a lost connection may last before the state shows FAILED. Attempts go on all the same."),
  };
}

std::vector<Option> CaptureOptions() {
  constexpr std::string_view kGroup = "Capture";
  return {
      Required("tables", OptionType::kList, kGroup, "Tables", "Tables to capture: schema.table, with * and ?.",
               "public.*"),
      WithExample(
          Optional("tables_exclude", OptionType::kList, kGroup, "Excluded tables", "Taken away from tables again."),
          "public.audit_*"),
      WithExample(
          Optional("columns_exclude", OptionType::kList, kGroup, "Excluded columns",
                   "schema.table.column, with * and ?. They never leave the server where it can publish column "
                   "lists (15 and up); it then refuses to drop a column of such a table unless CASCADE is said."),
          "public.users.password_hash"),
      WithExample(
          Defaulted(
              "messages_prefixes", OptionType::kList, "*", kGroup, "Message prefixes",
              "Logical messages (pg_logical_emit_message) whose prefix matches are captured, PostgreSQL 14 and up."),
          "audit,outbox.*"),
      Choice("snapshot", "initial", {"initial", "never", "only"}, kGroup, "Snapshot",
             "initial: the rows that are there, then all changes; never: changes only; only: the rows, then nothing."),
      Number("snapshot_workers", "2", 1, 16, kGroup, "Snapshot workers",
             "Tables read at the same time, each over a connection of its own."),
      WithExample(
          Optional(
              "source_id", OptionType::kString, kGroup, "Source id",
              "Name of the source in event ids, fixed when it is first started. Default: from the connector's name."),
          "shop"),
  };
}

std::vector<Option> ReplicationOptions() {
  constexpr std::string_view kGroup = "Replication";
  return {
      Derived(WithExample(Optional("slot_name", OptionType::kString, kGroup, "Slot",
                                   "Replication slot. Default: headgate_ and the connector's name."),
                          "headgate_shop")),
      Derived(WithExample(Optional("publication_name", OptionType::kString, kGroup, "Publication",
                                   "Default: headgate_ and the connector's name."),
                          "headgate_shop")),
      Choice("publication_mode", "manage", {"manage", "check"}, kGroup, "Publication mode",
             "manage: created and altered to fit the settings (needs to own the tables); check: must fit already, "
             "nothing is changed."),
      Number("status_interval_ms", "1000", 10, 60'000, kGroup, "Status interval",
             "How often the server is told what it may forget, at most."),
      Number(
          "transaction_memory_max", "16777216", 1 << 16, std::int64_t{1} << 34, kGroup, "Memory of a transaction",
          "Bytes of changes that a transaction may have in memory, about. What is more goes to disk while it comes."),
      Number("batch_bytes_max", "1048576", 1 << 12, 1 << 28, kGroup, "Batch size",
             "Bytes of changes appended to the log in one synced write, about."),
  };
}

}  // namespace

const config::ComponentSpec& Spec() {
  static const config::ComponentSpec spec = [] {
    config::ComponentSpec s{"PostgresSource", {"postgres"}, config::ComponentKind::kSource, ConnectionOptions()};
    for (auto& part :
         {CaptureOptions(), ColumnTransformSpec(TransformPlace::kSource, "public.users.mail"), ReplicationOptions()})
      s.options.insert(s.options.end(), part.begin(), part.end());
    return s;
  }();
  return spec;
}

}  // namespace headgate::postgres
