#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <set>

#include "connectors/mysql/spec.h"
#include "core/log/store.h"
#include "core/pipeline/source.h"
#include "tests/integration/golden/golden_replay.h"
#include "tests/support/golden_sets.h"
#include "tests/support/private_mysql.h"
#include "tests/support/require.h"

// The golden statements of MySQL and MariaDB run against a real server, through the source and the log, and what the
// `debezium` rendering makes of the log is compared byte by byte with what upstream wrote.
namespace headgate::test {
namespace {

using headgate::testing::GoldenRecord;
using headgate::testing::GoldenRendering;

const std::filesystem::path kRoot = HG_MYSQL_GOLDEN_DIR;
constexpr auto kPatience = std::chrono::seconds(60);

// Statements of a file, which may go over lines; each ends with a semicolon at the end of a line.
std::vector<std::string> MyStatements(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::vector<std::string> statements;
  std::string statement;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.starts_with("--")) continue;
    statement += (statement.empty() ? "" : "\n") + line;
    if (!line.ends_with(';')) continue;
    statement.pop_back();
    // The client that the records were made with leaves comments out.
    statements.push_back(std::regex_replace(std::exchange(statement, ""), std::regex(" ?/\\*[^!*]*\\*/"), ""));
  }
  return statements;
}

bool IsStatus(const GoldenRecord& record, std::string_view status) {
  return record.topic.ends_with(".transaction") && record.value &&
         record.value->starts_with("{\"status\":\"" + std::string(status));
}

// Upstream begins and ends transactions in which nothing was captured, and gets those of TRUNCATE and XA wrong.
std::vector<GoldenRecord> WithoutOddTransactions(const std::vector<GoldenRecord>& records) {
  std::vector<GoldenRecord> kept;
  for (const GoldenRecord& record : records) {
    const bool xa = record.key == "{\"id\":20}";
    if (xa || record.topic == "gold.g.truncate_me") continue;
    const bool last_begins = !kept.empty() && IsStatus(kept.back(), "BEGIN");
    if (last_begins && record.topic.ends_with(".transaction")) {
      kept.pop_back();
      if (IsStatus(record, "END")) continue;
    }
    kept.push_back(record);
  }
  return kept;
}

// A server, a source that captures the database g, and its place in a log.
class MyGoldenRun {
 public:
  static Result<std::unique_ptr<MyGoldenRun>> Make(MyServer kind) {
    std::unique_ptr<MyGoldenRun> run(new MyGoldenRun(kind));
    std::vector<std::string> settings = {"default-time-zone=+02:00"};
    if (kind == MyServer::kMariadb) {
      settings.insert(settings.end(), {"character-set-server=latin1", "server-id=8", "binlog-annotate-row-events=ON"});
    }
    HG_ASSIGN_OR_RETURN(run->server_, PrivateMysql::Start(kind, std::move(settings)));
    if (const Status done = run->Perform(); !done.ok()) return Transient(done.error().what);
    return run;
  }

  std::filesystem::path root() const { return kRoot / NameOf(kind_); }
  const Log& log() const { return *log_; }
  SourceNo source() const { return writer_->source().number; }

 private:
  explicit MyGoldenRun(MyServer kind) : kind_(kind), dir_("headgate-golden-") {}

  Status Perform() {
    HG_ASSIGN_OR_RETURN(MyClient client, server_->Connect());
    HG_RETURN_IF_ERROR(client.ExecAll(MyStatements(root() / "schema.sql")));
    HG_RETURN_IF_ERROR(client.ExecAll(MyStatements(root() / "rows.sql")));
    HG_ASSIGN_OR_RETURN(store_, Store::Open(dir_.path() + "/data"));
    HG_ASSIGN_OR_RETURN(log_, Log::Open(*store_, SystemClock()));
    HG_RETURN_IF_ERROR(OpenSource());
    HG_RETURN_IF_ERROR(CatchUp(client));
    for (const std::string& statement : MyStatements(root() / "changes.sql")) {
      if (statement.starts_with("ALTER TABLE") || statement.starts_with("DROP TABLE"))
        HG_RETURN_IF_ERROR(CatchUp(client));
      HG_RETURN_IF_ERROR(client.Exec(statement));
    }
    return CatchUp(client);
  }

  Status OpenSource() {
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

  // Until everything that the server has written is durable, and the snapshot done.
  Status CatchUp(MyClient& client) {
    const std::string sql = kind_ == MyServer::kMariadb ? "SHOW MASTER STATUS" : "SHOW BINARY LOG STATUS";
    HG_ASSIGN_OR_RETURN(const auto rows, client.Query(sql));
    const std::string file = rows[0][0].value_or("");
    const std::uint64_t place =
        std::stoull(file.substr(file.rfind('.') + 1)) << kBinlogOffsetBits | std::stoull(rows[0][1].value_or("0"));
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (true) {
      const auto told = source_->telemetry();
      if (told->phase == "streaming" && told->read_position >= place) return Ok();
      if (std::chrono::steady_clock::now() > deadline)
        return Transient("the source did not reach " + PositionText("mysql", place) + " within a minute, it is at " +
                         PositionText("mysql", told->read_position) + " in phase " + told->phase);
      SourceBatch batch;
      HG_RETURN_IF_ERROR(source_->Read(batch, stop_.get_token()));
      if (!batch.transactions.empty() || batch.resume) {
        HG_ASSIGN_OR_RETURN(const LogWriter::Outcome appended, writer_->Append(batch.transactions, batch.resume));
        if (appended.duplicates != 0) return Corrupt("the source gave a transaction twice");
      }
      HG_RETURN_IF_ERROR(source_->Acknowledge());
    }
  }

  const MyServer kind_;
  TempDir dir_;
  std::unique_ptr<PrivateMysql> server_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<LogWriter> writer_;
  std::unique_ptr<Source> source_;
  std::stop_source stop_;
};

class MysqlGolden : public ::testing::TestWithParam<MyServer> {
 protected:
  void ExpectSet(const MyGoldenRun& run, const std::string& name) {
    SCOPED_TRACE(name);
    auto set = GoldenRendering::Of(run.root(), name);
    ASSERT_TRUE(set.ok()) << set.error().what;
    const auto captured = [&](const std::string& table) {
      return table.starts_with("g.") && set->Captures(table.substr(2));
    };
    for (const GoldenPhase phase : {GoldenPhase::kSnapshot, GoldenPhase::kStream}) {
      const bool snapshot = phase == GoldenPhase::kSnapshot;
      SCOPED_TRACE(snapshot ? "snapshot" : "stream");
      std::vector<GoldenRecord> records;
      const Status done =
          ReplayGolden(run.log(), run.source(), "gold", phase, captured, [&](codec::EventContext event) {
            Change change = *event.change;
            if (name != "include_query" && change.op != Op::kTruncate) change.extra = {};
            event.change = &change;
            const Status rendered = set->Append(event, records);
            const bool may_park = name == "time_nanoseconds";
            if (!rendered.ok() && !may_park) ADD_FAILURE() << rendered.error().what;
          });
      ASSERT_TRUE(done.ok()) << done.error().what;
      EXPECT_FALSE(records.empty());
      const auto ignored = headgate::testing::MysqlDefects(NameOf(GetParam()), name, snapshot);
      const bool odd = name == "tx_metadata" && !snapshot;
      const auto& expected = snapshot ? set->set().snapshot : set->set().stream;
      const auto wanted = odd ? WithoutOddTransactions(expected) : expected;
      const auto rendered = odd ? WithoutOddTransactions(records) : records;
      const auto differences =
          snapshot ? CompareSnapshot(rendered, wanted, ignored) : CompareStream(rendered, wanted, ignored);
      for (std::size_t i = 0; i < std::min<std::size_t>(differences.size(), 40); ++i)
        ADD_FAILURE() << differences[i].substr(0, 3000);
      EXPECT_EQ(differences.size(), 0U);
    }
  }
};

TEST_P(MysqlGolden, EveryOptionSetOfOneRunIsByteForByteWhatUpstreamWrote) {
  HG_WITH_SERVER(NameOf(GetParam()), const auto run, MyGoldenRun::Make(GetParam()));
  for (const std::string& name : headgate::testing::MysqlSetNames(NameOf(GetParam()))) ExpectSet(*run, name);
}

INSTANTIATE_TEST_SUITE_P(Servers, MysqlGolden, ::testing::Values(MyServer::kMariadb, MyServer::kMysql),
                         [](const auto& param) { return NameOf(param.param); });

}  // namespace
}  // namespace headgate::test
