#include "tests/integration/golden/golden_run.h"

#include <iostream>
#include <optional>

#include "connectors/postgres/spec.h"
#include "tests/integration/golden/turn.h"
#include "tests/support/golden_script.h"

namespace headgate::test {
namespace {

using headgate::testing::Statements;
using headgate::testing::TableOfStatement;

constexpr auto kPatience = std::chrono::seconds(60);

// The settings of the server that the golden records were made with, as far as they show in records.
PostgresOptions ServerOptions() {
  PostgresOptions options;
  options.settings = {"max_prepared_transactions=5", "timezone='Europe/Berlin'"};
  return options;
}

std::vector<std::string> And(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace

Result<std::unique_ptr<GoldenSource>> GoldenSource::Open(Log& log, const PrivatePostgres& server, std::string name,
                                                         std::map<std::string, std::string> settings) {
  settings.insert({{"name", name},
                   {"connector.class", "postgres"},
                   {"host", server.host()},
                   {"port", std::to_string(server.port())},
                   {"dbname", GoldenRun::kDatabase},
                   {"username", "postgres"},
                   {"status_interval_ms", "20"}});
  const SourceFactory& factory = postgres::Factory();
  auto outcome = config::Bind(*factory.spec, settings, nullptr);
  for (const auto& error : outcome.errors) return ConfigError(error.key + ": " + error.text);
  for (const auto& error : factory.check(outcome.bound)) return ConfigError(error.key + ": " + error.text);
  std::unique_ptr<GoldenSource> source(new GoldenSource());
  HG_ASSIGN_OR_RETURN(source->writer_, log.OpenWriter(name, outcome.bound.Text("source_id"), factory.connector));
  source->source_ = factory.create(name, outcome.bound, SystemClock());
  HG_RETURN_IF_ERROR(source->source_->Open(*source->writer_, source->stop_.get_token()));
  return source;
}

Status GoldenSource::Until(std::uint64_t lsn) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    const auto told = source_->telemetry();
    if (told->phase == "streaming" && told->durable_position >= lsn) return Ok();
    if (std::chrono::steady_clock::now() > deadline)
      return Transient("the source did not reach " + std::to_string(lsn) + " within a minute, it is at " +
                       std::to_string(told->durable_position) + " in phase " + told->phase);
    HG_RETURN_IF_ERROR(Turn(*source_, *writer_, stop_.get_token()));
  }
}

Result<std::unique_ptr<GoldenRun>> GoldenRun::Make(const std::filesystem::path& root, const Script& extra) {
  std::unique_ptr<GoldenRun> run(new GoldenRun());
  HG_ASSIGN_OR_RETURN(run->server_, PrivatePostgres::Start(ServerOptions()));
  // From here on nothing is a reason to skip a test.
  if (const Status done = run->Perform(root, extra); !done.ok()) return Transient(done.error().what);
  return run;
}

Status GoldenRun::Perform(const std::filesystem::path& root, const Script& extra) {
  HG_RETURN_IF_ERROR(server_->Exec("postgres", std::string("CREATE DATABASE ") + kDatabase));
  HG_RETURN_IF_ERROR(
      Load({And(Statements(root / "schema.sql"), extra.schema), And(Statements(root / "rows.sql"), extra.rows), {}}));
  HG_ASSIGN_OR_RETURN(store_, Store::Open(dir_.path() + "/data"));
  HG_ASSIGN_OR_RETURN(log_, Log::Open(*store_, SystemClock()));
  // Upstream's default leaves partitions tables of their own. Here that takes a publication that somebody else made and
  // settings without the root; what the source manages itself is published through roots.
  HG_RETURN_IF_ERROR(server_->Exec(kDatabase, "CREATE PUBLICATION leaves FOR TABLES IN SCHEMA g, n"));
  HG_ASSIGN_OR_RETURN(source_, GoldenSource::Open(*log_, *server_, "srv",
                                                  {{"tables", "g.*,n.*"},
                                                   {"tables_exclude", "g.k_part"},
                                                   {"publication_name", "leaves"},
                                                   {"publication_mode", "check"}}));
  HG_ASSIGN_OR_RETURN(roots_, GoldenSource::Open(*log_, *server_, "roots", {{"tables", "g.k_part,g.zz_mark"}}));
  return Stream(And(Statements(root / "changes.sql"), extra.changes));
}

// A statement that fails for want of an extension takes its table out of the run; any other failure ends it.
Status GoldenRun::Load(const Script& script) {
  HG_ASSIGN_OR_RETURN(PgClient client, server_->Connect(kDatabase));
  for (const std::string& statement : And(script.schema, script.rows)) {
    const std::string table = TableOfStatement(statement);
    if (left_out_.contains(table)) continue;
    const Status done = client.Exec(statement);
    if (done.ok()) continue;
    const std::string& what = done.error().what;
    const bool no_extension = statement.starts_with("CREATE EXTENSION") && what.ends_with("SQLSTATE 0A000");
    const bool no_type = statement.starts_with("CREATE TABLE") && what.ends_with("SQLSTATE 42704");
    if (!no_extension && !no_type) return done;
    std::cout << "[ LEFT OUT ] " << (table.empty() ? statement : table) << ": an extension is not installed\n";
    if (!table.empty()) left_out_.insert(table);
  }
  return Ok();
}

Status GoldenRun::CatchUp(PgClient& client) {
  HG_ASSIGN_OR_RETURN(const std::string lsn, client.Value("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"));
  HG_RETURN_IF_ERROR(source_->Until(std::stoull(lsn)));
  return roots_->Until(std::stoull(lsn));
}

// One session, as the origin is one of a session. Before a table changes its form the source catches up, so that it
// meets the older form while the catalogue still has it, and the run is the same each time.
Status GoldenRun::Stream(const std::vector<std::string>& statements) {
  HG_ASSIGN_OR_RETURN(PgClient client, server_->Connect(kDatabase));
  HG_RETURN_IF_ERROR(CatchUp(client));
  for (const std::string& statement : statements) {
    if (left_out_.contains(TableOfStatement(statement))) continue;
    if (statement.starts_with("ALTER TABLE")) HG_RETURN_IF_ERROR(CatchUp(client));
    HG_RETURN_IF_ERROR(client.Exec(statement));
  }
  return CatchUp(client);
}

std::vector<std::string> GoldenRun::LeftOutTopics() const {
  std::vector<std::string> topics;
  for (const std::string& table : left_out_) topics.push_back("srv." + table);
  return topics;
}

Status GoldenRun::Replay(Phase phase, bool roots, const Captured& captured, const See& see) const {
  return ReplayGolden(*log_, (roots ? roots_ : source_)->number(), "srv", phase, captured, see);
}

}  // namespace headgate::test
