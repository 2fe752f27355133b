#include "sinks/table/spec.h"

#include "core/config/option_builders.h"
#include "core/pipeline/event_transforms.h"

namespace headgate::table {
namespace {

using config::Choice;
using config::Defaulted;
using config::Number;
using config::Option;
using config::Optional;
using config::OptionType;
using config::Required;
using config::WithExample;

std::vector<Option> ServerOptions() {
  constexpr std::string_view kGroup = "Server";
  Option port = Optional("port", OptionType::kInt, kGroup, "Port",
                         "TCP port of the server: 5432 of PostgreSQL, 3306 of the others, if it is not set.");
  port.minimum = 1;
  port.maximum = 65'535;
  return {
      Choice("database", "postgres", {"postgres", "mysql", "mariadb"}, kGroup, "Database server",
             "What the server is."),
      Required("host", OptionType::kString, kGroup, "Host",
               "Host name, address, or path of the server's Unix socket (PostgreSQL: its directory).",
               "warehouse.example.com"),
      std::move(port),
      Required("dbname", OptionType::kString, kGroup, "Database", "The database that has the tables.", "warehouse"),
      Required("username", OptionType::kString, kGroup, "User",
               "The account: it writes the tables and, where they are to be made, creates them.", "headgate"),
      Optional("password", OptionType::kPassword, kGroup, "Password",
               "Password of the account; better a placeholder than the text itself."),
      Choice("sslmode", "prefer", {"disable", "prefer", "require", "verify-full"}, kGroup, "TLS mode",
             "Only verify-full proves that the server is the one named in host."),
      Optional("sslrootcert", OptionType::kString, kGroup, "Root certificate",
               "File with the certificates of trusted authorities."),
      Optional("sslcert", OptionType::kString, kGroup, "Client certificate", "File with our certificate."),
      Optional("sslkey", OptionType::kString, kGroup, "Client key", "File with the key of our certificate."),
      Number("connect_timeout_ms", "10000", 1, 600'000, kGroup, "Connect timeout", "Longest time of a connect."),
      Number("timeout_ms", "60000", 1'000, 3'600'000, kGroup, "Timeout", "Longest time of one statement."),
  };
}

std::vector<Option> TableOptions() {
  constexpr std::string_view kGroup = "Tables";
  return {
      Optional("schema", OptionType::kString, kGroup, "Schema",
               "PostgreSQL: the schema that has the tables, public if it is not set."),
      WithExample(Defaulted("table", OptionType::kString, "${table}", kGroup, "Table",
                            "The table, with ${table}, ${schema} or ${stream} for the names of the stream."),
                  "orders"),
      Choice("mode", "upsert", {"upsert", "append"}, kGroup, "Mode",
             "upsert keeps a table equal to the stream, by its key; append adds a row for every change, with "
             "_event_id, _op and _commit_at beside the columns."),
      Defaulted("create_tables", OptionType::kBoolean, "true", kGroup, "Create tables",
                "Whether a table that is not there is made from the stream's schema."),
      Defaulted("evolve", OptionType::kBoolean, "false", kGroup, "Evolve",
                "Whether a column that the stream has and the table has not is added to the table; else the sink stops "
                "and says which."),
      Choice("on_truncate", "apply", {"apply", "ignore", "stop"}, kGroup, "On truncate",
             "What a TRUNCATE of the source leads to. mode=append adds nothing for one."),
      Defaulted("bookkeeping_table", OptionType::kString, "headgate_sinks", kGroup, "Bookkeeping table",
                "Beside the tables: it holds how far each sink has come, and moves with the rows. Made if it is not "
                "there (migrations/table_sink has its SQL)."),
  };
}

std::vector<Option> DeliveryOptions() {
  constexpr std::string_view kGroup = "Delivery";
  return {
      Number("batch_rows_max", "10000", 1, 1'000'000, kGroup, "Batch, rows",
             "About how many changes go in one statement; a transaction of the source that has more takes several, and "
             "still one transaction at the target."),
      Number("batch_bytes_max", "8388608", 1'024, 256 << 20, kGroup, "Batch, bytes",
             "About how many bytes go in one statement."),
      Number("batch_delay_ms_max", "0", 0, 60'000, kGroup, "Batch, delay",
             "How long a transaction waits for others to be written with. While one is written the next gather in any "
             "case."),
      Choice("on_rejected", "dead_letter", {"dead_letter", "stop"}, kGroup, "On a rejected row",
             "What becomes of a row that the table does not take. dead_letter stores it and goes on; a later change of "
             "the row takes its place, and a part of a row waits behind it. A table that takes no row at all stops the "
             "sink in any case."),
  };
}

config::ComponentSpec Make() {
  config::ComponentSpec spec{"TableSink", {"table"}, config::ComponentKind::kSink, {}, {}};
  for (auto* group : {&ServerOptions, &TableOptions, &DeliveryOptions}) {
    for (Option& option : group()) spec.options.push_back(std::move(option));
  }
  for (Option& option : SinkTransformSpec(SinkTransforms::kAll)) spec.options.push_back(std::move(option));
  return spec;
}

}  // namespace

const config::ComponentSpec& Spec() {
  static const config::ComponentSpec spec = Make();
  return spec;
}

}  // namespace headgate::table
