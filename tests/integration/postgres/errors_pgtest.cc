#include <gmock/gmock.h>

#include "connectors/postgres/spec.h"
#include "tests/integration/postgres/source_fixture.h"
#include "tests/support/private_postgres.h"

namespace headgate::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// What people get wrong: each a clear error that names the object and the remedy.
class PostgresErrors : public SourceTest {
 protected:
  // Starts with these settings and expects the failure.
  void ExpectRefused(std::map<std::string, std::string> settings, ErrorKind kind,
                     const std::vector<std::string>& parts) {
    for (const auto& [key, value] : settings) rig_->settings()[key] = value;
    const Status started = rig_->Start();
    ASSERT_FALSE(started.ok());
    EXPECT_EQ(started.error().kind, kind) << started.error().what;
    for (const std::string& part : parts) EXPECT_THAT(started.error().what, HasSubstr(part));
    EXPECT_THAT(started.error().what, Not(HasSubstr("s3cret")));
  }
  std::string Role(const std::string& attributes) {
    const std::string role = "r_" + db_->name();
    Run("CREATE ROLE " + role + " LOGIN " + attributes);
    roles_.push_back(role);
    return role;
  }
  void TearDown() override {
    rig_.reset();
    if (db_ == nullptr) return;
    for (const std::string& role : roles_) {
      EXPECT_TRUE(db_->Exec("DROP OWNED BY " + role + " CASCADE; DROP ROLE " + role).ok());
    }
  }

  std::vector<std::string> roles_;
};

TEST_F(PostgresErrors, NoServerAtThisAddress) {
  HG_BEGIN("SELECT 1");
  ExpectRefused({{"port", "1"}}, ErrorKind::kTransient, {"127.0.0.1:1/", "Connection refused", "host and port"});
  EXPECT_EQ(rig_->telemetry()->findings.back().id, "reachable");
}

TEST_F(PostgresErrors, NoSuchDatabase) {
  HG_BEGIN("SELECT 1");
  ExpectRefused({{"dbname", "nowhere"}}, ErrorKind::kConfig, {"database \"nowhere\" does not exist", "Check dbname"});
  EXPECT_EQ(rig_->telemetry()->findings.back().id, "signed_in");
}

TEST_F(PostgresErrors, WrongPasswordAndUnknownRole) {
  PostgresOptions options;
  options.hba = {"host all locked 127.0.0.1/32 scram-sha-256", "host all nobody 127.0.0.1/32 scram-sha-256"};
  HG_WITH_SERVER("postgres", const auto server, PrivatePostgres::Start(options));
  ASSERT_TRUE(server->Exec("postgres", "CREATE ROLE locked LOGIN REPLICATION PASSWORD 'right'").ok());
  HG_BEGIN("SELECT 1");
  rig_->settings()["port"] = std::to_string(server->port());
  rig_->settings()["dbname"] = "postgres";
  ExpectRefused({{"username", "locked"}, {"password", "s3cret"}}, ErrorKind::kConfig,
                {"password authentication failed", "Check username and password", "\"locked\"",
                 "CREATE ROLE \"locked\" LOGIN REPLICATION"});
  ExpectRefused({{"username", "nobody"}, {"password", "s3cret"}}, ErrorKind::kConfig, {"nobody", "Check"});
  rig_->settings().erase("password");
  ExpectRefused({{"username", "locked"}}, ErrorKind::kConfig, {"Set password"});
}

TEST_F(PostgresErrors, KC18_ThePreflightNamesTheSettingThatIsWrong) {
  PostgresOptions server_options;
  server_options.hba = {"host all locked 127.0.0.1/32 scram-sha-256"};
  HG_WITH_SERVER("postgres", const auto server, PrivatePostgres::Start(server_options));
  ASSERT_TRUE(server
                  ->Exec("postgres",
                         "CREATE ROLE locked LOGIN REPLICATION PASSWORD 'right'; CREATE TABLE public.t (id int "
                         "PRIMARY KEY)")
                  .ok());
  const auto key_with = [&](const config::FlatConfig& change) {
    config::FlatConfig settings = {{"connector.class", "postgres"},
                                   {"name", "p"},
                                   {"host", "127.0.0.1"},
                                   {"dbname", "postgres"},
                                   {"tables", "public.t"},
                                   {"username", "postgres"},
                                   {"port", std::to_string(server->port())}};
    for (const auto& [key, value] : change) settings[key] = value;
    const auto bound = config::Bind(*postgres::Factory().spec, settings, nullptr);
    for (const Finding& finding : postgres::Factory().preflight("p", bound.bound)) {
      if (finding.level != Finding::Level::kOk) return finding.key + (finding.summary.empty() ? "?" : "");
    }
    return std::string("none");
  };
  EXPECT_EQ(key_with({}), "none");
  EXPECT_EQ(key_with({{"dbname", "nowhere"}}), "dbname");
  EXPECT_EQ(key_with({{"username", "locked"}, {"password", "wrong"}}), "password");
  EXPECT_EQ(key_with({{"username", "locked"}}), "password");
  EXPECT_EQ(key_with({{"sslmode", "require"}}), "sslmode");
  EXPECT_EQ(key_with({{"port", "1"}}), "host");
  EXPECT_EQ(key_with({{"tables", "public.t,public.typo"}}), "tables");
}

TEST_F(PostgresErrors, WalLevelIsNotLogical) {
  PostgresOptions options;
  options.wal_level = "replica";
  HG_WITH_SERVER("postgres", const auto server, PrivatePostgres::Start(options));
  HG_BEGIN("SELECT 1");
  ExpectRefused({{"port", std::to_string(server->port())}, {"dbname", "postgres"}}, ErrorKind::kConfig,
                {"wal_level is replica", "ALTER SYSTEM SET wal_level = logical;"});
}

TEST_F(PostgresErrors, NoSlotIsLeft) {
  PostgresOptions options;
  options.max_replication_slots = 1;
  HG_WITH_SERVER("postgres", const auto server, PrivatePostgres::Start(options));
  ASSERT_TRUE(
      server
          ->Exec("postgres", "CREATE TABLE t (id int PRIMARY KEY); SELECT pg_create_physical_replication_slot('taken')")
          .ok());
  HG_BEGIN("SELECT 1");
  ExpectRefused({{"port", std::to_string(server->port())}, {"dbname", "postgres"}}, ErrorKind::kConfig,
                {"no replication slot is left", "max_replication_slots"});
}

TEST_F(PostgresErrors, RoleMayNotReplicate) {
  HG_BEGIN("CREATE TABLE t (id int PRIMARY KEY)");
  const std::string role = Role("NOREPLICATION");
  ExpectRefused({{"username", role}}, ErrorKind::kConfig,
                {"role " + role + " may not replicate", "ALTER ROLE \"" + role + "\" REPLICATION;"});
}

TEST_F(PostgresErrors, NothingMatches) {
  HG_BEGIN("CREATE TABLE t (id int PRIMARY KEY)");
  ExpectRefused({{"tables", "sales.*"}}, ErrorKind::kConfig,
                {"no table of database " + db_->name() + " matches sales.*"});
}

TEST_F(PostgresErrors, PG09_PublicationWithoutTheTable) {
  HG_BEGIN("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)", {{"publication_mode", "check"}});
  ExpectRefused({}, ErrorKind::kConfig, {"publication p_" + db_->name() + " does not exist", "CREATE PUBLICATION"});
  Run("CREATE PUBLICATION p_" + db_->name() + " FOR TABLE a");
  ExpectRefused({}, ErrorKind::kConfig,
                {"does not contain table public.b",
                 "ALTER PUBLICATION \"p_" + db_->name() + "\" ADD TABLE ONLY \"public\".\"b\";"});
  EXPECT_EQ(Ask("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '" + rig_->slot() + "'"), "0")
      << "nothing is left behind";
}

TEST_F(PostgresErrors, PG27_ATableWithoutReplicaIdentityIsWarnedOf) {
  HG_BEGIN("CREATE TABLE t (id int)");
  Start();
  const auto findings = rig_->telemetry()->findings;
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].id, "replica_identity");
  EXPECT_EQ(findings[0].fix, "ALTER TABLE \"public\".\"t\" REPLICA IDENTITY FULL;");
}

TEST_F(PostgresErrors, PG39_RowSecurityThatWouldThinTheSnapshotIsRefused) {
  HG_BEGIN("CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t ENABLE ROW LEVEL SECURITY",
           {{"publication_mode", "check"}});
  Run("CREATE PUBLICATION p_" + db_->name() + " FOR TABLE t");
  const std::string role = Role("REPLICATION");
  Run("GRANT SELECT ON t TO " + role);
  ExpectRefused({{"username", role}}, ErrorKind::kConfig, {"public.t has row security", "BYPASSRLS"});
  Run("ALTER ROLE " + role + " BYPASSRLS");
  Start();
}

TEST_F(PostgresErrors, PG09_ARoleWithOnlyTheGrantsThatThePlanPrintsSucceeds) {
  HG_BEGIN("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  const std::string role = Role("REPLICATION");
  // As owner of nothing it is told what somebody else has to run.
  ExpectRefused({{"username", role}}, ErrorKind::kConfig,
                {"may not read table public.t", "GRANT SELECT ON \"public\".\"t\""});
  Run("GRANT SELECT ON t TO " + role);
  ExpectRefused({}, ErrorKind::kConfig, {"must be created", "publication_mode: check", "CREATE PUBLICATION"});
  const auto findings = postgres::Factory().preflight("shop", rig_->bound());
  std::string fix;
  for (const Finding& finding : findings) {
    if (finding.id == "publication") fix = finding.fix;
  }
  ASSERT_FALSE(fix.empty());
  EXPECT_EQ(Ask("SELECT count(*) FROM pg_publication"), "0") << "the plan changes nothing";
  Run(fix);
  rig_->settings()["publication_mode"] = "check";
  Start();
  Run("INSERT INTO t VALUES (2)");
  ASSERT_TRUE(rig_->UntilSeen("public.t", "2"));
  ExpectSameAsSource("public.t");
}

TEST_F(PostgresErrors, KeysMustNotBeExcluded) {
  HG_BEGIN("CREATE TABLE t (id int PRIMARY KEY)");
  ExpectRefused({{"columns_exclude", "public.t.id"}}, ErrorKind::kConfig,
                {"column public.t.id is part of the table's key"});
}

TEST_F(PostgresErrors, ASlotOfAnotherPluginIsRefused) {
  HG_BEGIN("CREATE TABLE t (id int PRIMARY KEY)");
  Run("SELECT pg_create_logical_replication_slot('" + rig_->slot() + "', 'test_decoding')");
  ExpectRefused({}, ErrorKind::kConfig, {rig_->slot() + " belongs to something else: plugin test_decoding"});
}

TEST_F(PostgresErrors, PreflightOfAGoodSetUpHasNoErrorsAndShowsThePlan) {
  HG_BEGIN("CREATE TABLE t (id int PRIMARY KEY); CREATE UNLOGGED TABLE u (id int PRIMARY KEY)");
  Start();
  rig_->Abandon();
  Run("CREATE TABLE added (id int PRIMARY KEY)");
  bool plan = false;
  bool unlogged = false;
  for (const Finding& finding : postgres::Factory().preflight("shop", rig_->bound())) {
    EXPECT_NE(finding.level, Finding::Level::kError) << finding.summary;
    plan = plan || (finding.id == "publication_plan" && finding.fix.find("\"added\"") != std::string::npos);
    unlogged = unlogged || finding.id == "not_captured";
  }
  EXPECT_TRUE(plan);
  EXPECT_TRUE(unlogged) << "PG-41";
}

TEST_F(PostgresErrors, AP11_TheSlotOfASourceThatDoesNotRunCanBeLookedAt) {
  HG_BEGIN("CREATE TABLE t (id int PRIMARY KEY)");
  Start();
  rig_->source().Close();
  const auto look = [&] { return postgres::Factory().look_upstream("shop", rig_->bound(), SystemClock(), {}); };
  const auto seen = look();
  ASSERT_TRUE(seen.ok()) << seen.error().what;
  EXPECT_EQ(seen->slot_name, rig_->slot());
  EXPECT_GE(seen->slot_retained_bytes, 0);
  EXPECT_GT(seen->slot_seen_us, 0);
  EXPECT_TRUE(seen->findings.empty());
  Status dropped = Transient("");
  for (int i = 0; i < 500 && !dropped.ok(); ++i) dropped = postgres::Factory().drop_upstream("shop", rig_->bound());
  const auto gone = look();
  ASSERT_TRUE(gone.ok());
  EXPECT_EQ(gone->slot_retained_bytes, -1);
  ASSERT_EQ(gone->findings.size(), 1U);
  EXPECT_THAT(gone->findings[0].summary, HasSubstr("is gone"));
}

TEST_F(PostgresErrors, KC26_DropUpstreamLeavesNothing) {
  HG_BEGIN("CREATE TABLE t (id int PRIMARY KEY)");
  Start();
  rig_->source().Close();
  Status dropped = Transient("");
  for (int i = 0; i < 500 && !dropped.ok(); ++i) dropped = postgres::Factory().drop_upstream("shop", rig_->bound());
  ASSERT_TRUE(dropped.ok()) << dropped.error().what;
  EXPECT_EQ(Ask("SELECT (SELECT count(*) FROM pg_publication) + (SELECT count(*) FROM pg_replication_slots WHERE "
                "slot_name = '" +
                rig_->slot() + "')"),
            "0");
  EXPECT_TRUE(postgres::Factory().drop_upstream("shop", rig_->bound()).ok()) << "absent ones are fine";
}

TEST_F(PostgresErrors, PG27_IdentitiesThatTellNoKeyAreWarnedOf) {
  HG_BEGIN(
      "CREATE TABLE d (id int PRIMARY KEY DEFERRABLE); CREATE TABLE i (id int PRIMARY KEY, code text NOT NULL UNIQUE); "
      "ALTER TABLE i REPLICA IDENTITY USING INDEX i_code_key; CREATE TABLE fine (id int PRIMARY KEY)");
  Start();
  std::string told;
  for (const Finding& finding : rig_->telemetry()->findings) told += finding.id + ": " + finding.summary + "\n";
  EXPECT_THAT(told, HasSubstr("replica_identity: table public.d has no replica identity"));
  EXPECT_THAT(told, HasSubstr("replica_identity: table public.i has the columns of another index than its key"));
  EXPECT_THAT(told, testing::Not(HasSubstr("public.fine")));
}

}  // namespace
}  // namespace headgate::test
