#include "tests/integration/golden/my_golden_run.h"

#include <map>

#include "connectors/mysql/spec.h"
#include "tests/integration/golden/turn.h"
#include "tests/support/golden_script.h"

namespace headgate::test {
namespace {

using headgate::testing::MyStatements;

constexpr auto kGoldenPatience = std::chrono::seconds(60);

}  // namespace

Result<std::unique_ptr<MyGoldenRun>> MyGoldenRun::Make(MyServer kind, const MyGoldenScript& script) {
  std::unique_ptr<MyGoldenRun> run(new MyGoldenRun(kind));
  std::vector<std::string> settings = {"default-time-zone=+02:00"};
  if (kind == MyServer::kMariadb) {
    settings.insert(settings.end(), {"character-set-server=latin1", "server-id=8", "binlog-annotate-row-events=ON"});
  }
  settings.insert(settings.end(), script.server.begin(), script.server.end());
  HG_ASSIGN_OR_RETURN(run->server_, PrivateMysql::Start(kind, std::move(settings)));
  if (const Status done = run->Perform(script); !done.ok()) return Transient(done.error().what);
  return run;
}

Status MyGoldenRun::Perform(const MyGoldenScript& script) {
  HG_ASSIGN_OR_RETURN(MyClient client, server_->Connect());
  HG_RETURN_IF_ERROR(client.ExecAll(MyStatements(root() / "schema.sql")));
  HG_RETURN_IF_ERROR(client.ExecAll(MyStatements(root() / "rows.sql")));
  HG_ASSIGN_OR_RETURN(store_, Store::Open(dir_.path() + "/data"));
  HG_ASSIGN_OR_RETURN(log_, Log::Open(*store_, SystemClock()));
  HG_RETURN_IF_ERROR(OpenSource());
  HG_RETURN_IF_ERROR(CatchUp(client));
  for (const std::string& statement : MyStatements(root() / script.changes)) {
    if (statement.starts_with("ALTER TABLE") || statement.starts_with("DROP TABLE"))
      HG_RETURN_IF_ERROR(CatchUp(client));
    HG_RETURN_IF_ERROR(client.Exec(statement));
  }
  return CatchUp(client);
}

Status MyGoldenRun::OpenSource() {
  const SourceFactory& factory = kind_ == MyServer::kMariadb ? mysql::MariadbFactory() : mysql::MysqlFactory();
  const std::map<std::string, std::string> settings = {
      {"name", "gold"},          {"connector.class", NameOf(kind_)},
      {"host", server_->host()}, {"port", std::to_string(server_->port())},
      {"username", "hg"},        {"password", "pw"},
      {"include_query", "true"}, {"tables", "g.*"}};
  auto outcome = config::Bind(*factory.spec, settings, nullptr);
  for (const auto& error : outcome.errors) return ConfigError(error.key + ": " + error.text);
  HG_ASSIGN_OR_RETURN(writer_, log_->OpenWriter("gold", "", factory.connector));
  source_ = factory.create("gold", outcome.bound, SystemClock());
  return source_->Open(*writer_, stop_.get_token());
}

Status MyGoldenRun::CatchUp(MyClient& client) {
  const std::string sql = kind_ == MyServer::kMariadb ? "SHOW MASTER STATUS" : "SHOW BINARY LOG STATUS";
  HG_ASSIGN_OR_RETURN(const auto rows, client.Query(sql));
  const std::string file = rows[0][0].value_or("");
  const std::uint64_t place =
      std::stoull(file.substr(file.rfind('.') + 1)) << kBinlogOffsetBits | std::stoull(rows[0][1].value_or("0"));
  const auto deadline = std::chrono::steady_clock::now() + kGoldenPatience;
  while (true) {
    const auto told = source_->telemetry();
    if (told->phase == "streaming" && told->read_position >= place) return Ok();
    if (std::chrono::steady_clock::now() > deadline)
      return Transient("the source did not reach " + PositionText("mysql", place) + " within a minute, it is at " +
                       PositionText("mysql", told->read_position) + " in phase " + told->phase);
    HG_RETURN_IF_ERROR(Turn(*source_, *writer_, stop_.get_token()));
  }
}

}  // namespace headgate::test
