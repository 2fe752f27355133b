#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/e2e/kafka_source.h"
#include "tests/support/connect_json.h"
#include "tests/support/golden_script.h"
#include "tests/support/golden_sets.h"
#include "tests/support/private_mysql.h"
#include "tests/support/private_postgres.h"
#include "tests/support/require.h"
#include "tests/support/wait_for.h"

// The golden statements run against real servers, through the program, to topics of a real broker: what is read back is
// what upstream wrote, byte for byte. One sink an option set, all of them at one source.
namespace headgate::test {
namespace {

using headgate::testing::GoldenRecord;
using headgate::testing::GoldenRendering;
using headgate::testing::GoldenSet;
using headgate::testing::Joined;
using json = nlohmann::json;
using Records = std::vector<GoldenRecord>;
using std::chrono::seconds;

// Data topics are a set's own, as ${stream} stands behind its name. Those that upstream names after the source alone
// are of all sets, whose records have their event's id under a name of their own there.
bool IsShared(const std::string& topic) {
  return topic.ends_with(".message") || topic.ends_with(".transaction") || topic.find('.') == std::string::npos;
}

// "0/16E9FB0", "000003:4567"
std::uint64_t PlaceOf(const std::string& text, char between, int base) {
  const std::size_t at = text.find(between);
  return std::stoull(text.substr(0, at), nullptr, base) << 32 | std::stoull(text.substr(at + 1), nullptr, base);
}

class GoldenTopics : public KafkaSourceFixture {
 protected:
  void CreateSource(const std::string& name, const ConnectorSettings& settings) {
    Create(name, settings);
    const auto streams = [&] { return Call("GET", "/api/v1/connectors/" + name, 200)["phase"] == "streaming"; };
    ASSERT_TRUE(WaitFor(streams, seconds(60))) << headgate_->Stderr();
  }
  // Until the source has all up to this place in the log.
  Status AwaitSource(const std::string& name, const std::string& position, char between, int base) {
    const std::uint64_t wanted = PlaceOf(position, between, base);
    const auto there = [&] {
      const json place = Call("GET", "/api/v1/connectors/" + name + "/lag", 200)["durable_position"];
      return place.is_string() && PlaceOf(place, between, base) >= wanted;
    };
    return WaitFor(there, seconds(60)) ? Ok() : Status(Transient(name + " did not reach " + position));
  }

  static constexpr std::string_view kWithSchemas = "_schemas";  // the end of the names of sinks that write them

  void CreateSink(const GoldenSet& set, const std::string& name, const std::string& source, bool extended_headers) {
    std::string tables;
    for (const std::string& table : set.tables) tables += (tables.empty() ? "" : "|") + table;
    if (tables.size() > 900) tables = "";  // the default set's: most of all
    ConnectorSettings settings = {{"connector.class", "kafka"},
                                  {"topics.regex", source + "\\.(" + (tables.empty() ? "g\\..*" : tables) + ")"},
                                  {"brokers", topics_->address()},
                                  {"topic", name + ".${stream}"},
                                  {"id_header", name},
                                  {"format", "debezium"},
                                  {"record_bytes_max", "8000000"},
                                  {"topic.max.message.bytes", "8000000"},
                                  {"replace.null.with.default", "true"},
                                  {"extended.headers.enabled", extended_headers ? "true" : "false"}};
    if (name.ends_with(kWithSchemas)) settings["schemas.enable"] = "true";
    for (const auto& [option, value] : set.options) {
      if (!option.starts_with("schema.history.")) settings[option] = value;
    }
    Create(name, settings);
  }

  // What the sink wrote to each of them.
  std::map<std::string, Records> Read(const std::set<std::string>& topics, const std::string& name) {
    std::vector<std::string> there;
    for (const std::string& topic : topics) there.push_back(IsShared(topic) ? topic : name + "." + topic);
    const auto read = topics_->client().ReadAll(there);
    EXPECT_TRUE(read.ok()) << read.error().what;
    std::map<std::string, Records> all;
    if (!read.ok()) return all;
    for (const std::string& topic : topics) {
      const auto found = read->find(IsShared(topic) ? topic : name + "." + topic);
      if (found == read->end()) continue;
      for (const KafkaRecord& record : found->second) {
        GoldenRecord one{topic, record.key, record.value, {}};
        for (const auto& [header, value] : record.headers) one.headers[header] = value.value_or("null");
        if (one.headers.erase(name) == 0) continue;
        if (name.ends_with(kWithSchemas)) {
          for (auto* part : {&one.key, &one.value}) {
            if (!*part) continue;
            auto payload = headgate::testing::PayloadOf(**part);
            EXPECT_TRUE(payload.ok()) << topic << ": " << payload.error().what;
            if (payload.ok()) *part = *std::move(payload);
          }
        }
        all[topic].push_back(std::move(one));
      }
    }
    return all;
  }
  // Until the last row of the changes is there.
  void AwaitEnd(const std::string& topic, const std::string& name, const std::string& text) {
    const auto ended = [&] {
      const Records records = Read({topic}, name)[topic];
      return !records.empty() && records.back().value && records.back().value->find(text) != std::string::npos;
    };
    ASSERT_TRUE(WaitFor(ended, seconds(120)))
        << Call("GET", "/connectors/" + name + "/status", 200).dump() << headgate_->Stderr();
  }

  static bool IsOfSnapshot(const GoldenRecord& record) {
    if (!record.value) return false;
    const json value = json::parse(*record.value);
    return value.contains("source") && value["source"]["snapshot"] != "false";
  }
  static void Expect(const std::string& where, const std::vector<std::string>& differences) {
    for (std::size_t i = 0; i < std::min<std::size_t>(differences.size(), 10); ++i)
      ADD_FAILURE() << where << ": " << differences[i].substr(0, 3000);
    EXPECT_EQ(differences.size(), 0U) << where;
  }
  struct Ignored {
    std::vector<std::string> of_snapshot;
    std::vector<std::string> of_stream;
  };
  // Each topic in its order: between topics there is none.
  void ExpectTopics(const GoldenRendering& set, const std::string& name, const Ignored& ignored) {
    std::set<std::string> topics;
    for (const auto* part : {&set.set().snapshot, &set.set().stream}) {
      for (const GoldenRecord& record : *part) topics.insert(record.topic);
    }
    Records snapshot;
    auto all = Read(topics, name);
    for (const std::string& topic : topics) {
      Records stream;
      for (GoldenRecord& record : all[topic]) (IsOfSnapshot(record) ? snapshot : stream).push_back(record);
      if (name.find("schema_changes_comments") != std::string::npos)
        headgate::testing::LeaveOutStatementsOfNoTable(stream);
      Records wanted;
      std::ranges::copy_if(set.set().stream, std::back_inserter(wanted),
                           [&](const GoldenRecord& record) { return record.topic == topic; });
      Expect(name + " stream " + topic, CompareStream(stream, wanted, ignored.of_stream));
    }
    set.LeaveOutLargeRows(snapshot);
    Records wanted = set.set().snapshot;
    headgate::testing::AlignSchemaChanges(snapshot, wanted);
    Expect(name + " snapshot", CompareSnapshot(snapshot, wanted, ignored.of_snapshot));
  }
};

class GoldenPostgresTopics : public GoldenTopics {
 protected:
  static constexpr const char* kDatabase = "gold";
  static inline const std::filesystem::path kRoot = std::filesystem::path(HG_GOLDEN) / "postgres";

  // A statement that fails for want of an extension takes its table out; any other failure ends the run.
  Status Load(PgClient& client, const std::string& file) {
    for (const std::string& statement : headgate::testing::Statements(kRoot / file)) {
      const std::string table = headgate::testing::TableOfStatement(statement);
      if (left_out_.contains(table)) continue;
      if (file == "changes.sql" && statement.starts_with("ALTER TABLE")) HG_RETURN_IF_ERROR(CatchUp(client));
      const Status done = client.Exec(statement);
      if (done.ok()) continue;
      const bool no_extension = statement.starts_with("CREATE EXTENSION") && done.error().what.ends_with("0A000");
      const bool no_type = statement.starts_with("CREATE TABLE") && done.error().what.ends_with("42704");
      if (!no_extension && !no_type) return done;
      std::cout << "[ LEFT OUT ] " << (table.empty() ? statement : table) << ": an extension is not installed\n";
      if (!table.empty()) left_out_.insert(table);
    }
    return Ok();
  }
  // Before a table changes its form, the older one is to be met while the catalogue still has it.
  Status CatchUp(PgClient& client) {
    HG_ASSIGN_OR_RETURN(const std::string lsn, client.Value("SELECT pg_current_wal_lsn()"));
    return AwaitSource("srv", lsn, '/', 16);
  }

  std::unique_ptr<PrivatePostgres> server_;
  std::set<std::string> left_out_;
};

TEST_F(GoldenPostgresTopics, WhatTopicsHaveIsByteForByteWhatUpstreamWrote) {
  PostgresOptions options;
  options.settings = {"max_prepared_transactions=5", "timezone='Europe/Berlin'"};
  HG_WITH_SERVER("postgres", server_, PrivatePostgres::Start(options));
  ASSERT_TRUE(server_->Exec("postgres", std::string("CREATE DATABASE ") + kDatabase).ok());
  auto client = server_->Connect(kDatabase);
  ASSERT_TRUE(client.ok()) << client.error().what;
  for (const char* file : {"schema.sql", "rows.sql"}) {
    const Status loaded = Load(*client, file);
    ASSERT_TRUE(loaded.ok()) << loaded.error().what;
  }
  ASSERT_TRUE(client->Exec("CREATE PUBLICATION leaves FOR TABLES IN SCHEMA g").ok());

  auto names = headgate::testing::GoldenSetNames();
  for (const char* name : {"default", "time_structured", "tx_metadata"})
    names.push_back(name + std::string(kWithSchemas));
  std::map<std::string, GoldenRendering> sets;
  for (const std::string& name : names) {
    auto set = GoldenRendering::Of(kRoot, name.ends_with(kWithSchemas) ? name.substr(0, name.rfind('_')) : name);
    ASSERT_TRUE(set.ok()) << set.error().what;
    CreateSink(set->set(), "pg_" + name, "srv", false);
    sets.emplace(name, std::move(*set));
  }
  CreateSource("srv", {{"connector.class", "postgres"},
                       {"host", server_->host()},
                       {"port", std::to_string(server_->port())},
                       {"dbname", kDatabase},
                       {"username", "postgres"},
                       {"tables", "g.*"},
                       {"tables_exclude", "g.k_part"},
                       {"publication_name", "leaves"},
                       {"publication_mode", "check"},
                       {"status_interval_ms", "20"}});
  const Status changed = Load(*client, "changes.sql");
  ASSERT_TRUE(changed.ok()) << changed.error().what;

  std::vector<std::string> ignored = headgate::testing::GoldenDefects();
  for (const std::string& table : left_out_) ignored.push_back("srv." + table);
  const Ignored both{Joined(ignored, headgate::testing::GoldenSnapshotDefects()),
                     Joined(ignored, headgate::testing::GoldenStreamDefects())};
  for (const auto& [name, set] : sets) {
    AwaitEnd("srv.g.zz_mark", "pg_" + name, "\"end\"");
    ExpectTopics(set, "pg_" + name, both);
  }
}

class GoldenMysqlTopics : public GoldenTopics, public ::testing::WithParamInterface<MyServer> {
 protected:
  std::filesystem::path root() const { return std::filesystem::path(HG_GOLDEN) / NameOf(GetParam()); }

  Status Load(MyClient& client, const std::string& file) {
    for (const std::string& statement : headgate::testing::MyStatements(root() / file)) {
      const bool reshapes = statement.starts_with("ALTER TABLE") || statement.starts_with("DROP TABLE");
      if (file == "changes.sql" && reshapes) HG_RETURN_IF_ERROR(CatchUp(client));
      HG_RETURN_IF_ERROR(client.Exec(statement));
    }
    return Ok();
  }
  Status CatchUp(MyClient& client) {
    const bool mariadb = GetParam() == MyServer::kMariadb;
    HG_ASSIGN_OR_RETURN(const auto rows, client.Query(mariadb ? "SHOW MASTER STATUS" : "SHOW BINARY LOG STATUS"));
    const std::string file = rows[0][0].value_or("");
    return AwaitSource("gold", file.substr(file.rfind('.') + 1) + ":" + rows[0][1].value_or("0"), ':', 10);
  }

  std::unique_ptr<PrivateMysql> server_;
};

TEST_P(GoldenMysqlTopics, WhatTopicsHaveIsByteForByteWhatUpstreamWrote) {
  const std::string kind = NameOf(GetParam());
  std::vector<std::string> server = {"default-time-zone=+02:00"};
  if (kind == "mariadb") server.insert(server.end(), {"character-set-server=latin1", "server-id=8"});
  HG_WITH_SERVER(kind, server_, PrivateMysql::Start(GetParam(), server));
  auto client = server_->Connect();
  ASSERT_TRUE(client.ok()) << client.error().what;
  for (const char* file : {"schema.sql", "rows.sql"}) {
    const Status loaded = Load(*client, file);
    ASSERT_TRUE(loaded.ok()) << loaded.error().what;
  }

  std::map<std::string, GoldenRendering> sets;
  for (const std::string set_name : {"default", "schema_changes_comments"}) {
    for (const std::string& name : {set_name, set_name + std::string(kWithSchemas)}) {
      auto set = GoldenRendering::Of(root(), set_name);
      ASSERT_TRUE(set.ok()) << set.error().what;
      CreateSink(set->set(), kind + "_" + name, "gold", set_name == "default");
      sets.emplace(name, std::move(*set));
    }
  }
  CreateSource("gold", {{"connector.class", kind},
                        {"host", server_->host()},
                        {"port", std::to_string(server_->port())},
                        {"username", "hg"},
                        {"password", "pw"},
                        {"tables", "g.*"}});
  const Status changed = Load(*client, "changes.sql");
  ASSERT_TRUE(changed.ok()) << changed.error().what;

  for (const auto& [name, set] : sets) {
    AwaitEnd("gold.g.zz_end", kind + "_" + name, "\"op\":\"c\"");
    ExpectTopics(
        set, kind + "_" + name,
        {headgate::testing::MysqlDefects(kind, name, true), headgate::testing::MysqlDefects(kind, name, false)});
  }
}

INSTANTIATE_TEST_SUITE_P(Servers, GoldenMysqlTopics, ::testing::Values(MyServer::kMariadb, MyServer::kMysql),
                         [](const auto& param) { return NameOf(param.param); });

}  // namespace
}  // namespace headgate::test
