// Every mistake that people make at the start, and what they are told: the object and the remedy.
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "core/base/signal.h"
#include "tests/e2e/shop.h"
#include "tests/support/private_postgres.h"
#include "tests/support/require.h"

namespace headgate::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string WaitForTrace(HeadgateProcess& headgate, const std::string& connector) {
  Signal never;
  std::string body;
  for (int i = 0; i < 150; ++i) {
    const auto answer = headgate.Call("GET", "/connectors/" + connector + "/status");
    if (answer.ok()) body = answer->body;
    if (body.find("FAILED") != std::string::npos) return body;
    never.WaitUntil(std::chrono::steady_clock::now() + milliseconds(100), {});
  }
  return body + headgate.Stderr();
}

// A server of its own, for mistakes that are settings of the server.
class BadInput : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    PostgresOptions options;
    options.max_replication_slots = 1;
    options.hba = {"host all pw 127.0.0.1/32 scram-sha-256"};
    auto server = PrivatePostgres::Start(options);
    if (server.ok()) server_ = std::move(*server);
    if (server_ == nullptr) return;
    static_cast<void>(server_->Exec(
        "postgres",
        "CREATE TABLE public.t (id int PRIMARY KEY, v text); CREATE TABLE public.loose (v text);"
        "CREATE ROLE pw LOGIN PASSWORD 'right' REPLICATION; GRANT SELECT ON ALL TABLES IN SCHEMA public TO pw;"
        "CREATE ROLE weak LOGIN; CREATE PUBLICATION other FOR TABLE public.loose;"));
  }
  static void TearDownTestSuite() { server_.reset(); }

  void SetUp() override {
    if (server_ == nullptr) HG_REQUIRE_SERVER("postgres", "a private PostgreSQL could not be started");
  }

  static ConnectorSettings Source() {
    return {{"connector.class", "postgres"}, {"host", server_->host()}, {"port", std::to_string(server_->port())},
            {"dbname", "postgres"},          {"username", "postgres"},  {"tables", "public.t"}};
  }

  static inline std::unique_ptr<PrivatePostgres> server_;
};

struct Mistake {
  const char* name;
  void (*make)(ConnectorSettings&);
  std::vector<std::string> told;  // every one of these is in the trace
};

TEST_F(BadInput, KC12_EachMistakeOfASourceIsToldWithObjectAndRemedy) {
  const Mistake mistakes[] = {
      {"wrong password",
       [](ConnectorSettings& s) {
         s["username"] = "pw";
         s["password"] = "wrong";
       },
       {"password", "pw"}},
      {"no such database", [](ConnectorSettings& s) { s["dbname"] = "nowhere"; }, {"nowhere", "dbname"}},
      {"nobody listens",
       [](ConnectorSettings& s) { s["port"] = std::to_string(FreePort()); },
       {"127.0.0.1", "refused"}},
      {"no right to replicate",
       [](ConnectorSettings& s) { s["username"] = "weak"; },
       {"weak", "ALTER ROLE", "REPLICATION"}},
      {"no table matches",
       [](ConnectorSettings& s) { s["tables"] = "public.nothing_like_this"; },
       {"public.nothing_like_this", "tables"}},
      {"publication without the table",
       [](ConnectorSettings& s) {
         s["publication_mode"] = "check";
         s["publication_name"] = "other";
       },
       {"other", "public.t", "ALTER PUBLICATION"}},
  };
  for (const Mistake& mistake : mistakes) {
    SCOPED_TRACE(mistake.name);
    HeadgateOptions options;
    options.connectors["shop"] = Source();
    mistake.make(options.connectors["shop"]);
    HeadgateProcess headgate(options);
    const Status started = headgate.Start();
    ASSERT_TRUE(started.ok()) << started.error().what;
    const std::string trace = WaitForTrace(headgate, "shop");
    for (const std::string& text : mistake.told) EXPECT_THAT(trace, testing::HasSubstr(text));
    EXPECT_THAT(trace, testing::Not(testing::HasSubstr("wrong\""))) << "the password must not be shown";
  }
}

TEST_F(BadInput, NoSlotLeftNamesTheSettingToRaise) {
  ASSERT_TRUE(server_->Exec("postgres", "SELECT pg_create_physical_replication_slot('taken')").ok());
  HeadgateOptions options;
  options.connectors["shop"] = Source();
  HeadgateProcess headgate(options);
  ASSERT_TRUE(headgate.Start().ok());
  EXPECT_THAT(WaitForTrace(headgate, "shop"), testing::HasSubstr("max_replication_slots"));
  ASSERT_TRUE(server_->Exec("postgres", "SELECT pg_drop_replication_slot('taken')").ok());
}

TEST_F(BadInput, WalLevelThatIsNotLogicalIsToldWithTheSql) {
  PostgresOptions server_options;
  server_options.wal_level = "replica";
  auto server = PrivatePostgres::Start(server_options);
  ASSERT_TRUE(server.ok()) << server.error().what;
  ASSERT_TRUE((*server)->Exec("postgres", "CREATE TABLE public.t (id int PRIMARY KEY)").ok());
  HeadgateOptions options;
  options.connectors["shop"] = Source();
  options.connectors["shop"]["port"] = std::to_string((*server)->port());
  HeadgateProcess headgate(options);
  ASSERT_TRUE(headgate.Start().ok());
  EXPECT_THAT(WaitForTrace(headgate, "shop"), testing::HasSubstr("ALTER SYSTEM SET wal_level"));
}

TEST_F(BadInput, ATableWithoutIdentityIsAWarningWithTheSqlNotAFailure) {
  HeadgateOptions options;
  options.connectors["shop"] = Source();
  options.connectors["shop"]["tables"] = "public.loose";
  HeadgateProcess headgate(options);
  ASSERT_TRUE(headgate.Start().ok());
  Signal never;
  std::string health;
  for (int i = 0; i < 100 && health.find("REPLICA IDENTITY") == std::string::npos; ++i) {
    const auto answer = headgate.Call("GET", "/api/v1/connectors/shop/health");
    if (answer.ok()) health = answer->body;
    never.WaitUntil(std::chrono::steady_clock::now() + milliseconds(100), {});
  }
  EXPECT_THAT(health, testing::HasSubstr("public.loose"));
  EXPECT_THAT(health, testing::HasSubstr("REPLICA IDENTITY"));
  const auto deleted = headgate.Call("DELETE", "/connectors/shop?drop_slot=true");
  ASSERT_TRUE(deleted.ok());
  EXPECT_EQ(deleted->status, 204);
}

// Mistakes of the config file end the program at once, with the line.
TEST(BadStart, UnknownSettingBadUrlAndUnreadableDirectoryEndWithExitCode3) {
  TempDir dir("headgate-bad-");
  const auto ends_with = [&](const std::string& yaml, const std::vector<std::string>& told, int code) {
    const std::string file = dir.path() + "/headgate.yaml";
    std::ofstream(file) << yaml;
    ChildOptions options;
    options.command = {HG_HEADGATE, "run", "--config", file};
    options.output_file = dir.path() + "/out";
    ::unlink(options.output_file.c_str());
    auto child = Child::Start(options);
    ASSERT_TRUE(child.ok()) << child.error().what;
    const auto exit = (*child)->Wait(seconds(10));
    ASSERT_TRUE(exit.has_value()) << "still running: " << yaml;
    EXPECT_EQ(exit->code, code) << exit->Text();
    std::ifstream in(options.output_file);
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    for (const std::string& t : told) EXPECT_THAT(text, testing::HasSubstr(t));
  };
  const std::string data = "data_dir: " + dir.path() + "/data\napi:\n  listen: 127.0.0.1:0\n";
  ends_with(data + "conectors: {}\n", {"headgate.yaml:4", "connectors"}, 3);
  ends_with(data +
                "connectors:\n  hook:\n    connector.class: webhook\n    topics: a.b.c\n    url: "
                "http://127.0.0.1:9/x\n    batch_byte_max: 5\n",
            {"batch_byte_max", "batch_bytes_max"}, 3);
  ends_with(data + "connectors:\n  hook:\n    connector.class: webhook\n    topics: a.b.c\n    url: ftp://nowhere/\n",
            {"url", "http"}, 3);
  ends_with(data + "connectors:\n  hook:\n    connector.class: webhok\n", {"webhok", "WebhookSink"}, 3);
  ends_with("data_dir: /proc/nowhere\napi:\n  listen: 127.0.0.1:0\n", {"/proc/nowhere", "data_dir"}, 3);
  // CG-12: what is no data directory of ours is not touched.
  const std::string torn = dir.path() + "/torn";
  ::mkdir(torn.c_str(), 0700);
  std::ofstream(torn + "/CURRENT") << "MANIFEST-000001\n";
  std::ofstream(torn + "/MANIFEST-000001") << "torn";
  ends_with("data_dir: " + torn + "\napi:\n  listen: 127.0.0.1:0\n", {torn}, 1);
}

TEST(BadStart, APortInUseIsNamed) {
  TempDir dir("headgate-port-");
  HeadgateOptions options;
  HeadgateProcess first(options);
  ASSERT_TRUE(first.Start().ok());
  const std::string file = dir.path() + "/headgate.yaml";
  std::ofstream(file) << "data_dir: " << dir.path() << "/data\napi:\n  listen: " << first.address() << "\n";
  ChildOptions child_options;
  child_options.command = {HG_HEADGATE, "run", "--config", file};
  child_options.output_file = dir.path() + "/out";
  auto child = Child::Start(child_options);
  ASSERT_TRUE(child.ok());
  const auto exit = (*child)->Wait(seconds(10));
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->code, 3);
  std::ifstream in(child_options.output_file);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  EXPECT_THAT(text, testing::HasSubstr(first.address()));
  EXPECT_THAT(text, testing::HasSubstr("another process uses that port"));
}

}  // namespace
}  // namespace headgate::test
