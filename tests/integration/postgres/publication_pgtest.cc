// What happens to the publication that we manage while tables change under it (PG-09, PG-10): a column list is not
// followed by the server, and whatever it kept from us is told.
#include <gmock/gmock.h>

#include <algorithm>
#include <thread>

#include "tests/integration/postgres/source_fixture.h"

namespace headgate::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class PostgresPublication : public SourceTest {
 protected:
  void BeginWithUsers() {
    Begin(
        "CREATE TABLE users (id int PRIMARY KEY, name text, city text, password_hash text); INSERT INTO users VALUES "
        "(1, 'a', 'x', 'secret')",
        {{"columns_exclude", "public.*.password_hash"}, {"connect_timeout_ms", "1000"}});
  }
  // Streaming, and the first look at the slot and the tables is over.
  void StartAndSettle() {
    Start();
    ASSERT_TRUE(rig_->Until(
        [&] { return rig_->telemetry()->phase == "streaming" && rig_->telemetry()->slot_retained_bytes >= 0; }));
  }
  std::optional<Finding> FindingOf(const std::string& id) {
    const auto telemetry = rig_->telemetry();
    for (const Finding& finding : telemetry->findings) {
      if (finding.id == id) return finding;
    }
    return std::nullopt;
  }
  ::testing::AssertionResult UntilFinding(const std::string& id, const std::string& text = "") {
    return rig_->Until([&] {
      const auto finding = FindingOf(id);
      return finding && finding->summary.find(text) != std::string::npos;
    });
  }
  std::vector<GapExtra> Gaps() {
    std::vector<GapExtra> gaps;
    for (const LoggedTransaction& tx : rig_->Read()) {
      for (const LoggedChange& change : tx.changes) {
        if (change.op != Op::kGap) continue;
        const auto gap = DecodeGap(change.extra);
        EXPECT_TRUE(gap.ok());
        if (gap.ok()) gaps.push_back(*gap);
      }
    }
    return gaps;
  }
  void ExpectGap(const std::vector<std::string>& tables) {
    const auto gaps = Gaps();
    ASSERT_EQ(gaps.size(), 1U);
    EXPECT_EQ(gaps[0].reason, "publication_changed");
    EXPECT_EQ(gaps[0].streams, tables);
    EXPECT_GT(gaps[0].from, 0U);
    EXPECT_GT(gaps[0].to, gaps[0].from);
    ASSERT_TRUE(rig_->Until([&] { return FindingOf("gap").has_value(); }));  // published a moment later
    const auto finding = FindingOf("gap");
    ASSERT_TRUE(finding.has_value());
    EXPECT_EQ(finding->level, Finding::Level::kError);
  }
  // `meanwhile` runs when our CREATE PUBLICATION waits, which then fails.
  void ExpectTheSecondStart(const std::string& sqlstate, const std::function<Status()>& meanwhile) {
    auto watch = db_->Connect();
    ASSERT_TRUE(watch.ok());
    {
      const std::jthread other([&](const std::stop_token& stop) {
        const std::string waits =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND "
            "query LIKE '%CREATE PUBLICATION%'";
        while (!stop.stop_requested() && watch->Value(waits).value() != "1") std::this_thread::yield();
        EXPECT_TRUE(meanwhile().ok());
      });
      const Status started = rig_->Start();
      ASSERT_FALSE(started.ok());
      EXPECT_EQ(started.error().kind, ErrorKind::kTransient);
      EXPECT_THAT(started.error().what, HasSubstr(sqlstate));
    }
    StartAndSettle();
    Run("INSERT INTO t VALUES (1)");
    ASSERT_TRUE(rig_->UntilSeen("public.t", "1"));
  }
  void AlterByHand(const std::string& how) {
    Run("ALTER PUBLICATION " + rig_->settings().at("publication_name") + " " + how);
  }
  void BeginTwo(std::map<std::string, std::string> settings = {}) {
    settings["tables"] = "public.t, public.u";
    Begin("CREATE TABLE t (id int PRIMARY KEY, a text); CREATE TABLE u (id int PRIMARY KEY, a text)", settings);
  }
  LoggedChange ChangeOf(const std::string& id) {
    for (const LoggedChange& change : rig_->Changes("public.users")) {
      if (change.has_after && change.after.at("id") == id) return change;
    }
    return {};
  }
  std::string Published() {
    return Ask("SELECT attnames::text FROM pg_publication_tables WHERE tablename = 'users' AND pubname = '" +
               rig_->settings().at("publication_name") + "'");
  }
};

TEST_F(PostgresPublication, ATableThatIsDroppedOrRenamedIsToldAndNothingOfItIsDeleted) {
  HG_BEGIN(
      "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); INSERT INTO a VALUES (1); "
      "INSERT INTO b VALUES (1)");
  StartAndSettle();
  const auto told = [&](const std::string& text) {
    return std::ranges::any_of(rig_->telemetry()->findings, [&](const Finding& finding) {
      return finding.id == "table_gone" && finding.summary.find(text) != std::string::npos;
    });
  };
  ASSERT_TRUE(rig_->UntilSeen("public.b", "1"));
  Run("DROP TABLE a");
  ASSERT_TRUE(rig_->Until([&] { return told("public.a was dropped"); }));
  Run("INSERT INTO b VALUES (2); ALTER TABLE b RENAME TO c; INSERT INTO c VALUES (3)");
  ASSERT_TRUE(rig_->Until([&] { return told("public.b is public.c now"); }));
  ASSERT_TRUE(rig_->UntilSeen("public.c", "3"));
  for (const LoggedChange& change : rig_->Changes("public.a")) EXPECT_EQ(change.op, Op::kRead);
  Run("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (9)");
  ASSERT_TRUE(rig_->UntilSeen("public.a", "9"));
  ASSERT_TRUE(rig_->Until([&] { return !told("public.a"); }));
}

TEST_F(PostgresPublication, PG10_AColumnAddedLaterIsPublishedWithoutARestartAndWhatLacksItIsTold) {
  BeginWithUsers();
  if (IsSkipped()) return;
  StartAndSettle();
  Run("ALTER TABLE users ADD COLUMN later text; INSERT INTO users VALUES (2, 'b', 'y', 'secret', 'lost')");
  ASSERT_TRUE(UntilFinding("gap_column"));
  Run("INSERT INTO users VALUES (3, 'c', 'z', 'secret', 'there')");
  ASSERT_TRUE(rig_->UntilSeen("public.users", "3"));
  EXPECT_FALSE(ChangeOf("2").after.contains("later"));
  EXPECT_EQ(ChangeOf("3").after["later"], "there");
  const Finding finding = *FindingOf("gap_column");
  EXPECT_EQ(finding.level, Finding::Level::kWarning);
  EXPECT_THAT(finding.summary, HasSubstr("column public.users.later is in the stream from 0/"));
  Run(finding.fix);
  ASSERT_TRUE(rig_->Until([&] { return rig_->Fold("public.users")["2"]["later"] == "lost"; }));
  for (const LoggedChange& change : rig_->Changes("public.users")) EXPECT_FALSE(change.after.contains("password_hash"));
  EXPECT_EQ(rig_->writer().progress().gaps, 0U);
}

TEST_F(PostgresPublication, PG10_AColumnAddedWhileNobodyLookedIsToldAtTheStart) {
  BeginWithUsers();
  if (IsSkipped()) return;
  StartAndSettle();
  rig_->Abandon();
  Run("ALTER TABLE users ADD COLUMN later text; INSERT INTO users VALUES (2, 'b', 'y', 'secret', 'lost')");
  Start();
  ASSERT_TRUE(FindingOf("gap_column").has_value());
  Run("INSERT INTO users VALUES (3, 'c', 'z', 'secret', 'there')");
  ASSERT_TRUE(rig_->UntilSeen("public.users", "3"));
  EXPECT_FALSE(ChangeOf("2").after.contains("later"));
  EXPECT_EQ(ChangeOf("3").after["later"], "there");
}

TEST_F(PostgresPublication, PG10_AColumnThatIsExcludedBeforeItExistsNeverComes) {
  HG_BEGIN("CREATE TABLE users (id int PRIMARY KEY, name text)", {{"columns_exclude", "public.*.password_hash"}});
  StartAndSettle();
  Run("ALTER TABLE users ADD COLUMN password_hash text");
  ASSERT_TRUE(rig_->Until([&] { return Published() == "{id,name}"; }));
  Run("INSERT INTO users VALUES (2, 'b', 'secret')");
  ASSERT_TRUE(rig_->UntilSeen("public.users", "2"));
  EXPECT_FALSE(ChangeOf("2").after.contains("password_hash"));
  EXPECT_FALSE(FindingOf("gap_column").has_value());
}

// The server refuses to drop a column that a list names; with CASCADE it takes the whole table out of the publication.
TEST_F(PostgresPublication, PG10_ATableThatLeftThePublicationWithADroppedColumnComesBackAndTheGapIsTold) {
  BeginWithUsers();
  if (IsSkipped()) return;
  StartAndSettle();
  EXPECT_FALSE(db_->Exec("ALTER TABLE users DROP COLUMN city").ok());
  Run("ALTER TABLE users DROP COLUMN city CASCADE; INSERT INTO users VALUES (2, 'b', 'lost')");
  ASSERT_TRUE(UntilFinding("gap_table"));
  Run("INSERT INTO users VALUES (3, 'c', 'secret')");
  ASSERT_TRUE(rig_->UntilSeen("public.users", "3"));
  EXPECT_EQ(Published(), "{id,name}");
  EXPECT_FALSE(ChangeOf("2").has_after);
  EXPECT_THAT(FindingOf("gap_table")->summary, HasSubstr("table public.users is in the stream from 0/"));
}

// A column list that does not cover the identity makes the server refuse UPDATE: on the user's side.
TEST_F(PostgresPublication, PG10_AChangedReplicaIdentityDoesNotBlockUpdatesForLong) {
  BeginWithUsers();
  if (IsSkipped()) return;
  StartAndSettle();
  Run("ALTER TABLE users REPLICA IDENTITY FULL");
  ASSERT_TRUE(rig_->Until([&] { return db_->Exec("UPDATE users SET city = 'new' WHERE id = 1").ok(); }));
  ASSERT_TRUE(rig_->Until([&] { return rig_->Fold("public.users")["1"]["city"] == "new"; }));
  EXPECT_FALSE(rig_->Changes("public.users").back().after.contains("password_hash"));
}

TEST_F(PostgresPublication, ALockedTableDelaysTheChangeOfThePublicationButNotTheStream) {
  BeginWithUsers();
  if (IsSkipped()) return;
  Run("CREATE TABLE other (id int PRIMARY KEY)");
  StartAndSettle();
  auto locker = db_->Connect();
  ASSERT_TRUE(locker.ok());
  Run("ALTER TABLE users ADD COLUMN later text");
  ASSERT_TRUE(locker->Exec("BEGIN; LOCK TABLE users IN SHARE UPDATE EXCLUSIVE MODE").ok());
  ASSERT_TRUE(UntilFinding("publication"));
  EXPECT_THAT(FindingOf("publication")->summary, HasSubstr("lock timeout"));
  EXPECT_THAT(FindingOf("gap_column")->summary, HasSubstr("users.later is not in the stream yet"));
  Run("INSERT INTO other VALUES (1)");
  ASSERT_TRUE(rig_->UntilSeen("public.other", "1"));
  ASSERT_TRUE(locker->Exec("COMMIT").ok());
  ASSERT_TRUE(UntilFinding("gap_column", "is in the stream from 0/"));
  EXPECT_FALSE(FindingOf("publication").has_value());
  EXPECT_THAT(Published(), HasSubstr("later"));
  EXPECT_THAT(Published(), Not(HasSubstr("password_hash")));
}

TEST_F(PostgresPublication, P14_NewTablesAreFoundAfterTheSessionThatLooksWasLost) {
  HG_BEGIN("CREATE TABLE a (id int PRIMARY KEY)");
  StartAndSettle();
  Run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = "
      "'client backend' AND pid <> pg_backend_pid()");
  Run("CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (7)");
  ASSERT_TRUE(rig_->UntilSeen("public.b", "7"));
}

TEST_F(PostgresPublication, PG15_ATableTakenOutByHandComesBackAndIsADeclaredGapOfThatTable) {
  BeginTwo();
  if (IsSkipped()) return;
  StartAndSettle();
  AlterByHand("DROP TABLE t");
  Run("INSERT INTO t VALUES (1, 'lost')");
  ASSERT_TRUE(rig_->Until([&] { return !Gaps().empty(); }));
  ExpectGap({"public.t"});
  EXPECT_THAT(FindingOf("gap")->summary, HasSubstr("changes of public.t between 0/"));
  Run("INSERT INTO t VALUES (2, 'there'); INSERT INTO u VALUES (2, 'there')");
  ASSERT_TRUE(rig_->UntilSeen("public.t", "2"));
  ASSERT_TRUE(rig_->UntilSeen("public.u", "2"));
  Start();  // told once
  Run("INSERT INTO t VALUES (3, 'there')");
  ASSERT_TRUE(rig_->UntilSeen("public.t", "3"));
  EXPECT_EQ(rig_->Fold("public.t").size(), 2U);
  EXPECT_EQ(Gaps().size(), 1U);
}

TEST_F(PostgresPublication, PG15_OperationsTakenOutByHandAreADeclaredGapOfAllTables) {
  BeginTwo();
  if (IsSkipped()) return;
  StartAndSettle();
  AlterByHand("SET (publish = 'insert')");
  Run("INSERT INTO t VALUES (1, 'x'); DELETE FROM t");
  ASSERT_TRUE(rig_->Until([&] { return !Gaps().empty(); }));
  ExpectGap({"public.t", "public.u"});
  Run("INSERT INTO t VALUES (2, 'y'); DELETE FROM t");
  ASSERT_TRUE(
      rig_->Until([&] { return !rig_->Fold("public.t").contains("2") && rig_->Changes("public.t").size() >= 3; }));
}

TEST_F(PostgresPublication, PG15_AColumnListMadeByHandIsUndoneAndIsADeclaredGap) {
  BeginTwo();
  if (IsSkipped()) return;
  StartAndSettle();
  AlterByHand("SET TABLE t (id), u");
  Run("INSERT INTO t VALUES (1, 'lost')");
  ASSERT_TRUE(rig_->Until([&] { return !Gaps().empty(); }));
  ExpectGap({"public.t"});
  Run("INSERT INTO t VALUES (2, 'there')");
  ASSERT_TRUE(rig_->UntilSeen("public.t", "2"));
  EXPECT_EQ(rig_->Fold("public.t")["2"]["a"], "there");
}

TEST_F(PostgresPublication, PG15_ARowFilterMadeByHandIsKeptAndIsADeclaredGap) {
  BeginTwo();
  if (IsSkipped()) return;
  StartAndSettle();
  AlterByHand("SET TABLE t WHERE (id > 10), u");
  ASSERT_TRUE(rig_->Until([&] { return !Gaps().empty(); }));
  ExpectGap({"public.t"});
}

TEST_F(PostgresPublication, PG15_APublicationAlteredWhileNobodyLookedIsADeclaredGapAtTheStart) {
  BeginTwo();
  if (IsSkipped()) return;
  StartAndSettle();
  rig_->Abandon();
  AlterByHand("SET TABLE u");
  Run("INSERT INTO t VALUES (1, 'lost')");
  Start();
  ExpectGap({"public.t"});
  Run("INSERT INTO t VALUES (2, 'there')");
  ASSERT_TRUE(rig_->UntilSeen("public.t", "2"));
  Start();
  EXPECT_EQ(Gaps().size(), 1U);
}

TEST_F(PostgresPublication, PG15_APublicationThatOthersManageIsNotMendedButTheLossIsToldAndDeclaredAtItsEnd) {
  BeginTwo({{"publication_mode", "check"}});
  if (IsSkipped()) return;
  Run("CREATE PUBLICATION " + rig_->settings().at("publication_name") + " FOR TABLE t, u");
  StartAndSettle();
  AlterByHand("DROP TABLE t");
  ASSERT_TRUE(UntilFinding("publication", "does not contain table public.t"));
  EXPECT_EQ(FindingOf("publication")->level, Finding::Level::kError);
  EXPECT_EQ(Ask("SELECT string_agg(tablename, ',') FROM pg_publication_tables"), "u");
  EXPECT_TRUE(Gaps().empty());
  AlterByHand("ADD TABLE t");
  ASSERT_TRUE(rig_->Until([&] { return !Gaps().empty(); }));
  ExpectGap({"public.t"});
  EXPECT_FALSE(FindingOf("publication").has_value());
  Run("INSERT INTO t VALUES (2, 'there')");
  ASSERT_TRUE(rig_->UntilSeen("public.t", "2"));
}

TEST_F(PostgresPublication, PG19_ATableThatTheSettingsLeftOutForAWhileIsReadAgainAndIsADeclaredGap) {
  BeginTwo();
  if (IsSkipped()) return;
  Run("INSERT INTO t VALUES (1, 'old')");
  StartAndSettle();
  ASSERT_TRUE(rig_->UntilSeen("public.t", "1"));
  rig_->Abandon();
  rig_->settings()["tables_exclude"] = "public.t";
  StartAndSettle();
  Run("INSERT INTO t VALUES (2, 'between'); UPDATE t SET a = 'new' WHERE id = 1; INSERT INTO u VALUES (2, 'x')");
  ASSERT_TRUE(rig_->UntilSeen("public.u", "2"));
  EXPECT_TRUE(Gaps().empty());
  rig_->Abandon();
  rig_->settings().erase("tables_exclude");
  Start();
  ExpectGap({"public.t"});
  if (HasFatalFailure()) return;
  EXPECT_EQ(Gaps()[0].action, "resync");
  ASSERT_TRUE(rig_->UntilSeen("public.t", "2"));
  ExpectSameAsSource("public.t");
  Start();
  EXPECT_EQ(Gaps().size(), 1U);
}

TEST_F(PostgresPublication, P14_ALockedPartitionHindersNeitherTheStreamNorAStart) {
  HG_BEGIN(
      "CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) "
      "TO (10); CREATE TABLE o (id int PRIMARY KEY)",
      {{"connect_timeout_ms", "2000"}});
  StartAndSettle();
  auto locker = db_->Connect();
  ASSERT_TRUE(locker.ok());
  ASSERT_TRUE(locker->Exec("BEGIN; LOCK TABLE p1 IN ACCESS EXCLUSIVE MODE").ok());
  Run("CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.n (id int); INSERT INTO o VALUES (1)");  // a reason to look
  ASSERT_TRUE(rig_->UntilSeen("public.o", "1"));
  rig_->Abandon();
  Start();
  Run("INSERT INTO o VALUES (2)");
  ASSERT_TRUE(rig_->UntilSeen("public.o", "2"));
  ASSERT_TRUE(locker->Exec("COMMIT").ok());
}

TEST_F(PostgresPublication, PG11_APartitionThatIsDetachedIsCapturedAsATableOfItsOwn) {
  HG_BEGIN(
      "CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) "
      "TO (10)");
  StartAndSettle();
  Run("ALTER TABLE p DETACH PARTITION p1; INSERT INTO p1 VALUES (7)");
  ASSERT_TRUE(rig_->UntilSeen("public.p1", "7"));
}

// Another session makes the publication after we looked for it: the next attempt finds it.
TEST_F(PostgresPublication, PG09_OneThatCommitsWhileOursIsMadeIsFoundByTheNextAttempt) {
  HG_BEGIN("CREATE TABLE t (id int PRIMARY KEY)");
  auto other = db_->Connect();
  ASSERT_TRUE(other.ok());
  ASSERT_TRUE(
      other->Exec("BEGIN; CREATE PUBLICATION " + rig_->settings().at("publication_name") + " FOR TABLE ONLY t").ok());
  ExpectTheSecondStart("23505", [&] { return other->Exec("COMMIT"); });
}

TEST_F(PostgresPublication, PG09_OneThatCommittedBeforeOursIsMadeIsFoundByTheNextAttempt) {
  HG_BEGIN("CREATE TABLE t (id int PRIMARY KEY)");
  // Ours comes to a halt between the look and its start.
  Run("CREATE FUNCTION halt() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN IF "
      "current_setting('application_name') LIKE 'headgate %' THEN PERFORM pg_advisory_xact_lock(7); END IF; END $$; "
      "CREATE EVENT TRIGGER halt ON ddl_command_start EXECUTE FUNCTION public.halt()");
  auto other = db_->Connect();
  ASSERT_TRUE(other.ok());
  ASSERT_TRUE(other->Exec("SELECT pg_advisory_lock(7)").ok());
  ExpectTheSecondStart("42710", [&]() -> Status {
    // Two transactions: ours must not wake before the other's publication is committed.
    HG_RETURN_IF_ERROR(
        other->Exec("CREATE PUBLICATION " + rig_->settings().at("publication_name") + " FOR TABLE ONLY t"));
    return other->Exec("SELECT pg_advisory_unlock(7)");
  });
}

TEST_F(PostgresPublication, ItsNameMayHaveQuotesAndBackslashes) {
  HG_BEGIN("CREATE TABLE t (id int PRIMARY KEY)", {{"publication_name", R"(a'b\\c "d")"}});
  StartAndSettle();
  Run("INSERT INTO t VALUES (1)");
  ASSERT_TRUE(rig_->UntilSeen("public.t", "1"));
}

}  // namespace
}  // namespace headgate::test
