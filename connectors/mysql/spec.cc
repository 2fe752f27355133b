#include "connectors/mysql/spec.h"

#include "connectors/mysql/offsets.h"
#include "connectors/mysql/options.h"
#include "connectors/mysql/preflight.h"
#include "connectors/mysql/resume.h"
#include "connectors/mysql/source.h"
#include "core/config/option_builders.h"
#include "core/transform/column_options.h"

namespace headgate::mysql {
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

std::vector<Option> ConnectionOptions() {
  constexpr std::string_view kGroup = "Connection";
  Option port = Number("port", "3306", 1, 65535, kGroup, "Port", "TCP port of hosts that do not name their own.");
  port.type = OptionType::kInt;
  port.importance = Importance::kHigh;
  Option server_id = Number("server_id", "", 1, 4'294'967'295, kGroup, "Server id",
                            "Ours among the replicas; no other replica of this server may have it. Default: made from "
                            "the connector's name.");
  server_id.has_default = false;
  server_id.derive = DefaultServerId;
  server_id.example = "184054";
  return {
      Required("host", OptionType::kList, kGroup, "Host",
               "Host name, address or path of the server's Unix socket; of several, with commas, the first that "
               "answers is taken, after a failure the next.",
               "db.example.com"),
      std::move(port),
      Required("username", OptionType::kString, kGroup, "User",
               "Account with REPLICATION SLAVE, REPLICATION CLIENT and SELECT on the tables.", "headgate"),
      Optional("password", OptionType::kPassword, kGroup, "Password",
               "Password of the account; better a placeholder than the text itself."),
      Choice("sslmode", "prefer", {"disable", "prefer", "require", "verify-ca", "verify-full"}, kGroup, "TLS mode",
             "disable: never; prefer: if the server can; require: or not at all; verify-ca, verify-full: only with a "
             "certificate of sslrootcert. Only verify-full also proves that the server is the one named in host."),
      Optional("sslrootcert", OptionType::kString, kGroup, "Root certificate",
               "File with the certificates of trusted authorities."),
      Optional("sslcert", OptionType::kString, kGroup, "Client certificate", "File with our certificate."),
      Optional("sslkey", OptionType::kString, kGroup, "Client key", "File with the key of our certificate."),
      std::move(server_id),
      Number("connect_timeout_ms", "10000", 1'000, 600'000, kGroup, "Connect timeout",
             "How long to wait for a connection or an answer to a query."),
      Number("heartbeat_interval_ms", "1000", 100, 60'000, kGroup, "Heartbeat interval",
             "How often the server says that it has nothing to say."),
      Number("stale_after_ms", "60000", 1'000, 3'600'000, kGroup, "Stale after",
             "A connection without a sign of life for so long is given up and made anew."),
      Number("failed_after_ms", "60000", 0, 86'400'000, kGroup, "Failed after",
             "How long a lost connection may last before the state shows FAILED. Attempts go on all the same."),
  };
}

std::vector<Option> CaptureOptions() {
  constexpr std::string_view kGroup = "Capture";
  return {
      Required("tables", OptionType::kList, kGroup, "Tables", "Tables to capture: database.table, with * and ?.",
               "shop.*"),
      WithExample(
          Optional("tables_exclude", OptionType::kList, kGroup, "Excluded tables", "Taken away from tables again."),
          "shop.audit_*"),
      WithExample(Optional("columns_exclude", OptionType::kList, kGroup, "Excluded columns",
                           "database.table.column, with * and ?. The server sends them; they are dropped before "
                           "anything is stored."),
                  "shop.users.password_hash"),
      Choice("snapshot", "initial", {"initial", "never", "only"}, kGroup, "Snapshot",
             "initial: the rows that are there, then all changes; never: changes only; only: the rows, then nothing."),
      Number("snapshot_workers", "2", 1, 16, kGroup, "Snapshot workers",
             "Tables read at the same time, each over a connection of its own."),
      Defaulted("include_query", OptionType::kBoolean, "false", kGroup, "Statements",
                "Keep the statement that rows stem from, where the server logs it (binlog_rows_query_log_events, "
                "binlog_annotate_row_events)."),
      Defaulted("semi_sync", OptionType::kBoolean, "false", kGroup, "Semi-synchronous",
                "Be a semi-synchronous replica: where the server has that turned on, a commit returns only after its "
                "changes are on disk here, or after the server's own time limit. It makes every commit wait."),
      Defaulted("include_schema_changes", OptionType::kBoolean, "true", kGroup, "Schema changes",
                "Tell of statements that create, alter, rename or drop captured tables, and of those about their "
                "databases: schema events with ddl, the schema-change topic of format=debezium."),
      WithExample(
          Optional(
              "source_id", OptionType::kString, kGroup, "Source id",
              "Name of the source in event ids, fixed when it is first started. Default: from the connector's name."),
          "shop"),
      Number(
          "transaction_memory_max", "16777216", 1 << 16, std::int64_t{1} << 34, kGroup, "Memory of a transaction",
          "Bytes of changes that a transaction may have in memory, about. What is more goes to disk while it comes."),
      Number("batch_bytes_max", "1048576", 1 << 12, 1 << 28, kGroup, "Batch size",
             "Bytes of changes appended to the log in one synced write, about."),
  };
}

config::ComponentSpec MakeSpec(std::string_view class_name, std::vector<std::string_view> aliases) {
  config::ComponentSpec s{class_name, std::move(aliases), config::ComponentKind::kSource, ConnectionOptions()};
  for (const auto& part : {CaptureOptions(), ColumnTransformSpec(TransformPlace::kSource, "shop.users.mail")})
    s.options.insert(s.options.end(), part.begin(), part.end());
  return s;
}

template <Flavor kFlavor>
SourceFactory MakeFactory(const config::ComponentSpec& spec, std::string_view connector) {
  return {
      .spec = &spec,
      .connector = connector,
      .check = CheckOptions,
      .create = [](const std::string& name, const config::Bound& bound, const Clock& clock) -> std::unique_ptr<Source> {
        return std::make_unique<MysqlSource>(MakeOptions(name, kFlavor, bound), clock);
      },
      .preflight = [](const std::string& name,
                      const config::Bound& bound) { return Preflight(MakeOptions(name, kFlavor, bound)); },
      .drop_upstream = nullptr,
      .durable = [](const SourceProgress& progress) { return progress.last_end; },
      .ledger =
          [](const SourceProgress& progress) {
            auto state = ResumeState::Decode(progress.resume);
            return state.ok() ? state->ledger().stored() : stored::ChunkLedger();
          },
      .offset = OffsetOf,
      .move = [](const std::string& name, const config::Bound& bound, const SourceProgress& progress,
                 const SourceOffset& to,
                 std::stop_token) { return Move(MakeOptions(name, kFlavor, bound), progress, to); },
      .move_note =
          "The server keeps its binary log for as long as its own settings say: going back behind what it has "
          "purged is impossible, and going forward skips changes, which the log tells as a gap. After a reset "
          "the tables are read again, and changes from the server's position at that time on.",
      .list_tables = [](const std::string& name,
                        const config::Bound& bound) { return ListTables(MakeOptions(name, kFlavor, bound)); },
  };
}

}  // namespace

const SourceFactory& MysqlFactory() {
  static const config::ComponentSpec spec = MakeSpec("MysqlSource", {"mysql", "MySqlSource"});
  static const SourceFactory factory = MakeFactory<Flavor::kMysql>(spec, "mysql");
  return factory;
}

const SourceFactory& MariadbFactory() {
  static const config::ComponentSpec spec = MakeSpec("MariadbSource", {"mariadb"});
  static const SourceFactory factory = MakeFactory<Flavor::kMariadb>(spec, "mariadb");
  return factory;
}

}  // namespace headgate::mysql
