#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/postgres/copy_text.h"
#include "connectors/postgres/errors.h"
#include "connectors/postgres/preflight.h"
#include "connectors/postgres/publication.h"
#include "connectors/postgres/relation_key.h"
#include "connectors/postgres/resume.h"
#include "connectors/postgres/slot.h"
#include "connectors/postgres/spec.h"
#include "core/base/wildcard.h"

// What is decided without a server: settings, the publication's plan, whether a history goes on, what failures mean.
namespace headgate::postgres {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// --- options

config::FlatConfig Minimal() {
  return {{"name", "shop"},  {"connector.class", "postgres"}, {"host", "h"}, {"dbname", "d"},
          {"username", "u"}, {"tables", "public.*"}};
}
std::vector<std::string> KeysRefused(config::FlatConfig config) {
  auto outcome = config::Bind(Spec(), config, nullptr);
  std::vector<std::string> keys;
  for (const auto& e : outcome.errors) keys.push_back(e.key);
  if (keys.empty()) {
    for (const auto& e : CheckOptions(outcome.bound)) keys.push_back(e.key);
  }
  return keys;
}

TEST(PostgresOptions, TheMinimumIsEnoughAndDefaultsFollowTheConnectorsName) {
  auto config = Minimal();
  config["name"] = "Shop-1";
  auto outcome = config::Bind(Spec(), config, nullptr);
  ASSERT_THAT(outcome.errors, IsEmpty());
  ASSERT_THAT(CheckOptions(outcome.bound), IsEmpty());
  const Options o = MakeOptions("Shop-1", outcome.bound);
  EXPECT_EQ(o.slot_name, "headgate_shop_1");
  EXPECT_EQ(o.publication_name, "headgate_shop_1");
  EXPECT_EQ(o.port, "5432");
  EXPECT_EQ(o.snapshot, SnapshotMode::kInitial);
  EXPECT_EQ(o.sslmode, "prefer");
}

TEST(PostgresOptions, NamesThatAreTooLongAreCutButStayApart) {
  std::string connector(100, 'a');
  const std::string a = DefaultObjectName(connector);
  connector.back() = 'b';
  const std::string b = DefaultObjectName(connector);
  EXPECT_LE(a.size(), 63U);
  EXPECT_NE(a, b);
}

TEST(PostgresOptions, WhatCannotWorkIsRefusedByKey) {
  const auto with = [](const std::string& key, const std::string& value) {
    auto c = Minimal();
    c[key] = value;
    return c;
  };
  EXPECT_THAT(KeysRefused(with("slot_name", "Shop")), ElementsAre("slot_name"));
  EXPECT_THAT(KeysRefused(with("tables", "orders")), ElementsAre("tables"));
  EXPECT_THAT(KeysRefused(with("columns_exclude", "public.users")), ElementsAre("columns_exclude"));
  EXPECT_THAT(KeysRefused(with("mask_columns", "mail")), ElementsAre("mask_columns"));
  EXPECT_THAT(KeysRefused(with("hash_columns", "public.users.mail")), ElementsAre("hash_key"));
  EXPECT_THAT(KeysRefused(with("truncate_columns", "public.users.note")), ElementsAre("truncate_columns"));
  EXPECT_THAT(KeysRefused(with("rename_columns", "public.users.note:text")), ElementsAre("rename_columns"));
  EXPECT_THAT(KeysRefused(with("sslmode", "sometimes")), ElementsAre("sslmode"));
  EXPECT_THAT(KeysRefused(with("sslmode", "verify-full")), ElementsAre("sslrootcert"));
  EXPECT_THAT(KeysRefused(with("sslcert", "/c")), ElementsAre("sslkey"));
  EXPECT_THAT(KeysRefused(with("port", "0")), ElementsAre("port"));
  EXPECT_THAT(KeysRefused(with("stale_after_ms", "1000")), ElementsAre("stale_after_ms"));
  EXPECT_THAT(KeysRefused(with("publication_mod", "check")), ElementsAre("publication_mod"));
}

TEST(PostgresOptions, PatternsMatchWithStarsAndQuestionMarks) {
  EXPECT_TRUE(MatchesWildcard("public.*", "public.orders"));
  EXPECT_TRUE(MatchesWildcard("*.*_log", "a.b_log"));
  EXPECT_TRUE(MatchesWildcard("p?blic.o*s", "public.orders"));
  EXPECT_TRUE(MatchesWildcard("*", ""));
  EXPECT_FALSE(MatchesWildcard("public.*", "publicx.orders"));
  EXPECT_FALSE(MatchesWildcard("public.?", "public."));
  EXPECT_FALSE(MatchesWildcard("", "x"));
  EXPECT_TRUE(MatchesWildcard("a*b", "a*b"));
  EXPECT_FALSE(MatchesWildcard("*a*a*a*a*a*a*a*a*b", std::string(5000, 'a')));
}

// --- publication

Options TestOptions() {
  Options o;
  o.dbname = "shop";
  o.username = "headgate";
  o.tables = {"public.*"};
  o.publication_name = "pub";
  o.slot_name = "slot";
  return o;
}
CatalogTable Table(std::uint32_t oid, const std::string& name) {
  CatalogTable t;
  t.oid = oid;
  t.schema = "public";
  t.name = name;
  t.may_select = t.owned = true;
  CatalogColumn id;
  id.name = "id";
  id.key_position = 1;
  id.identity = id.not_null = true;
  CatalogColumn secret;
  secret.name = "secret";
  t.columns = {id, secret};
  return t;
}
ServerFacts Server(int version = 150000) {
  ServerFacts s;
  s.version = version;
  s.wal_level = "logical";
  s.replication = s.create_on_database = true;
  s.max_slots = s.max_senders = 10;
  return s;
}
PublicationFacts Existing(std::vector<PublishedTable> listed) {
  PublicationFacts p;
  p.exists = p.owned = p.insert = p.update = p.del = p.truncate = p.via_root = true;
  p.listed = p.effective = std::move(listed);
  return p;
}

TEST(PublicationPlan, PG09_CreatesWhatIsMissingAndLeavesAloneWhatFits) {
  const auto created = PlanPublication(TestOptions(), Server(), {Table(1, "a"), Table(2, "b")}, {});
  EXPECT_THAT(created.sql, ElementsAre("CREATE PUBLICATION \"pub\" FOR TABLE ONLY \"public\".\"a\", ONLY "
                                       "\"public\".\"b\" WITH (publish = 'insert, update, "
                                       "delete, truncate', publish_via_partition_root = true)"));
  const auto fits = PlanPublication(TestOptions(), Server(), {Table(1, "a")}, Existing({{1, "public", "a", {}, ""}}));
  EXPECT_THAT(fits.sql, IsEmpty());
  EXPECT_THAT(fits.tables.at(0).columns, ElementsAre("id", "secret"));
}

TEST(PublicationPlan, AddsTablesAndKeepsARowFilterMadeByHand) {
  const auto plan = PlanPublication(TestOptions(), Server(), {Table(1, "a"), Table(2, "b")},
                                    Existing({{1, "public", "a", {}, "(id > 1)"}}));
  EXPECT_THAT(
      plan.sql,
      ElementsAre("ALTER PUBLICATION \"pub\" SET TABLE ONLY \"public\".\"a\" WHERE ((id > 1)), ONLY \"public\".\"b\""));
  EXPECT_EQ(plan.tables[0].row_filter, "(id > 1)");
}

TEST(PublicationPlan, PG10_ExcludedColumnsBecomeAColumnListWhereTheServerHasOne) {
  Options o = TestOptions();
  o.columns_exclude = {"public.a.secret"};
  const auto plan = PlanPublication(o, Server(), {Table(1, "a")}, {});
  EXPECT_THAT(plan.sql.at(0), HasSubstr("ONLY \"public\".\"a\" (\"id\")"));
  EXPECT_THAT(PlanPublication(o, Server(140000), {Table(1, "a")}, {}).sql.at(0), Not(HasSubstr("(\"id\")")));
  CatalogTable full = Table(1, "a");
  full.replica_identity = 'f';
  EXPECT_THAT(PlanPublication(o, Server(), {full}, {}).sql.at(0), Not(HasSubstr("(\"id\")")))
      << "FULL needs every column";
  EXPECT_THAT(plan.tables.at(0).columns, ElementsAre("id"));
}

TEST(PublicationPlan, WithoutTheRightsItSaysWhatSomebodyElseShouldRun) {
  CatalogTable foreign = Table(1, "a");
  foreign.owned = false;
  const auto plan = PlanPublication(TestOptions(), Server(), {foreign}, {});
  const Status status = FirstError(TestOptions(), plan.findings);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().what, HasSubstr("does not own table public.a"));
  EXPECT_THAT(status.error().what, HasSubstr("GRANT SELECT ON \"public\".\"a\" TO \"headgate\";"));
  EXPECT_THAT(status.error().what, HasSubstr("CREATE PUBLICATION"));
}

TEST(PublicationPlan, APublicationThatLeavesOperationsOutIsMendedOrRefused) {
  PublicationFacts p = Existing({{1, "public", "a", {}, ""}});
  p.update = false;
  EXPECT_THAT(PlanPublication(TestOptions(), Server(), {Table(1, "a")}, p).sql.at(0),
              HasSubstr("SET (publish = 'insert, update, delete, truncate'"));
  Options check = TestOptions();
  check.publication_mode = PublicationMode::kCheck;
  const auto plan = PlanPublication(check, Server(), {Table(1, "a")}, p);
  EXPECT_THAT(plan.sql, IsEmpty());
  EXPECT_THAT(FirstError(check, plan.findings).error().what,
              HasSubstr("does not publish every insert, update and delete"));
}

TEST(SelectTables, PG11_PG41_PartitionsGoWithTheirRootAndWhatIsNotInTheWalIsNamed) {
  CatalogTable root = Table(1, "m");
  root.kind = 'p';
  CatalogTable part = Table(2, "m_1");
  part.ancestors = {1};
  CatalogTable unlogged = Table(3, "u");
  unlogged.persistence = 'u';
  Options o = TestOptions();
  o.tables_exclude = {"public.secret*"};
  std::vector<Finding> findings;
  const auto selected = SelectTables(o, {root, part, unlogged, Table(4, "secrets")}, findings);
  ASSERT_EQ(selected.size(), 1U);
  EXPECT_EQ(selected[0].name, "m");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].id, "not_captured");
}

// --- history

TEST(SlotHistory, PG15_P3_EveryBreakInTheHistoryHasItsReason) {
  const LastSeen last{"S", 1, 1000};
  SlotFacts slot;
  slot.wal_status = "reserved";
  slot.confirmed_lsn = 900;
  const Identity same{"S", 1, 2000};
  EXPECT_EQ(Compare(last, same, slot, {}).reason, "");
  slot.confirmed_lsn = 1000;
  EXPECT_EQ(Compare(last, same, slot, {}).reason, "");
  slot.confirmed_lsn = 1001;
  EXPECT_EQ(Compare(last, same, slot, {}).reason, "slot_recreated");
  slot.confirmed_lsn = 900;
  EXPECT_EQ(Compare(last, same, std::nullopt, {}).reason, "slot_missing");
  EXPECT_EQ(Compare(last, {"T", 1, 2000}, slot, {}).reason, "server_changed");
  EXPECT_EQ(Compare(last, {"S", 1, 999}, slot, {}).reason, "history_diverged") << "restored from an older state";
  EXPECT_EQ(Compare(last, {"S", 2, 2000}, slot, 1000).reason, "") << "a failover that keeps our last commit";
  EXPECT_EQ(Compare(last, {"S", 2, 2000}, slot, 999).reason, "history_diverged");
  EXPECT_EQ(Compare(last, {"S", 2, 2000}, slot, {}).reason, "history_diverged");
  slot.wal_status = "lost";
  EXPECT_EQ(Compare(last, same, slot, {}).reason, "slot_invalidated");
}

TEST(SlotHistory, TimelineHistoriesAreReadLineByLine) {
  const std::string history = "# comment\n1\t0/3000148\tno recovery target specified\n\n2\t1/A0\tsomething\n";
  EXPECT_EQ(LeftTimelineAt(history, 1), 0x3000148U);
  EXPECT_EQ(LeftTimelineAt(history, 2), 0x1000000A0U);
  EXPECT_EQ(LeftTimelineAt(history, 3), std::nullopt);
  EXPECT_EQ(LeftTimelineAt("", 1), std::nullopt);
  EXPECT_EQ(LeftTimelineAt("1\n1 \n1\tx\n", 1), std::nullopt);
}

TEST(Lsn, ReadsWhatTheServerPrints) {
  EXPECT_EQ(ParseLsn("16/B374D848"), 0x16B374D848U);
  EXPECT_EQ(LsnText(0x16B374D848U), "16/B374D848");
  for (const char* garbage : {"", "/", "1/", "/1", "1/2/3", "x/1", "1/100000000", "1 /2"})
    EXPECT_EQ(ParseLsn(garbage), 0U) << garbage;
}

// --- failures

TEST(PostgresErrorText, ConnectFailuresNameObjectAndRemedy) {
  Options o = TestOptions();
  o.host = "db";
  o.port = "5432";
  const auto wrong =
      DescribeConnectFailure(o, false,
                             "connection to server at \"db\" (10.0.0.1), port 5432 failed: FATAL:  28P01: password "
                             "authentication failed for user \"headgate\"\nLOCATION:  auth_failed, auth.c:331\n");
  EXPECT_EQ(wrong.kind, ErrorKind::kConfig);
  EXPECT_THAT(wrong.what, HasSubstr("connecting to db:5432/shop as headgate failed"));
  EXPECT_THAT(wrong.what, HasSubstr("FATAL: password authentication failed"));
  EXPECT_THAT(wrong.what, Not(HasSubstr("LOCATION")));
  EXPECT_EQ(DescribeConnectFailure(o, false, "FATAL:  57P03: the database system is starting up").kind,
            ErrorKind::kTransient);
  EXPECT_EQ(DescribeConnectFailure(o, true, "FATAL:  53300: too many").kind, ErrorKind::kTransient);
  EXPECT_EQ(DescribeConnectFailure(o, false, "could not translate host name \"db\" to address").kind,
            ErrorKind::kTransient);
  EXPECT_EQ(DescribeConnectFailure(o, false, "SSL error: certificate verify failed").kind, ErrorKind::kConfig);
  EXPECT_EQ(DescribeConnectFailure(o, false, "server does not support SSL, but SSL was required").kind,
            ErrorKind::kConfig);
}

TEST(PostgresErrorText, SqlStatesDecideWhetherWaitingHelps) {
  for (const char* state : {"", "08006", "40001", "53100", "55006", "57P01", "57P03", "58030", "XX000"})
    EXPECT_EQ(KindOf(state), ErrorKind::kTransient) << state;
  for (const char* state : {"28P01", "42501", "42704", "55000", "3D000", "0A000"})
    EXPECT_EQ(KindOf(state), ErrorKind::kConfig) << state;
}

TEST(PostgresErrorText, NamesAndTextsAreQuotedWhateverTheyHold) {
  EXPECT_EQ(QuoteIdentifier("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(QuoteLiteral("it's"), "'it''s'");
  EXPECT_EQ(QuoteLiteral("a\\'b"), "E'a\\\\''b'");
}

TEST(Preflight, JudgesTheServer) {
  ServerFacts server = Server();
  EXPECT_THAT(JudgeServer(TestOptions(), server, {}), IsEmpty());
  server.wal_level = "replica";
  server.replication = false;
  server.used_slots = 10;
  server.version = 120000;
  std::vector<std::string> ids;
  for (const Finding& f : JudgeServer(TestOptions(), server, {})) {
    ids.push_back(f.id);
    EXPECT_FALSE(f.hint.empty());
  }
  EXPECT_THAT(ids, ElementsAre("server_version", "wal_level", "replication_role", "slots"));
}

TEST(Preflight, PG06_AServerThatSendsNoMessagesIsToldNotRefused) {
  Options o = TestOptions();
  o.messages_prefixes = {"*"};
  EXPECT_THAT(JudgeServer(o, Server(140000), {}), IsEmpty());
  const auto findings = JudgeServer(o, Server(130000), {});
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].id, "messages");
  EXPECT_TRUE(FirstError(o, findings).ok());
}

// --- resume state

TEST(ResumeState, TheLedgerSurvivesBeingStored) {
  ResumeState state = ResumeState::Decode("");
  EXPECT_FALSE(state.known());
  state.Attach("S", 1, "slot", "shop");
  state.SlotCreated(100);
  EXPECT_EQ(state.BeginRun(100), 1U);
  state.BeginTable({"public", "a"}, 1);
  state.BeginTable({"public", "b"}, 2);
  state.ChunkRead(1, 10);
  state.TableRead(1);
  state.Advance(90);
  state = ResumeState::Decode(state.Encode());
  EXPECT_TRUE(state.known());
  EXPECT_EQ(state.confirmed(), 100U) << "never goes back";
  EXPECT_TRUE(state.IsRead({"public", "a"}));
  EXPECT_TRUE(state.HasRead("public.a"));
  EXPECT_FALSE(state.IsRead({"public", "b"}));
  EXPECT_EQ(state.BeginRun(200), 2U);
  EXPECT_TRUE(state.IsRead({"public", "a"}));
  EXPECT_FALSE(ResumeState::Decode("\xFF\xFFgarbage").known());
}

TEST(ResumeState, NamesThatDifferOnlyInWhereTheDotStandsAreTwoTables) {
  const TableId left{"a.b", "c", 7};
  const TableId right{"a", "b.c", 8};
  ResumeState state;
  state.BeginRun(100);
  state.BeginTable(left, 1);
  state.BeginTable(right, 2);
  state.TableRead(1);
  EXPECT_TRUE(state.IsRead(left));
  EXPECT_FALSE(state.IsRead(right));
  state.TableRead(2);
  EXPECT_TRUE(state.IsRead(right));
  EXPECT_TRUE(state.IsRead({"a.b", "c"}));
  EXPECT_EQ(state.stored().snapshot().streams_size(), 2);
  state.FollowSettings({left});
  EXPECT_EQ(state.stored().snapshot().streams(0).left_at(), 0U);
  EXPECT_NE(state.stored().snapshot().streams(1).left_at(), 0U);
  state.FollowSettings({left, right});
  EXPECT_TRUE(state.losing());
  EXPECT_TRUE(state.IsRead(left));
  EXPECT_FALSE(state.IsRead(right));
}

TEST(ResumeState, AnEntryWithoutQuotesIsStillThatOfItsTable) {
  stored::PostgresResume old;
  auto& entry = *old.mutable_snapshot()->add_streams();
  entry.set_table("a.b.c");
  entry.set_relation(7);
  entry.set_stream(1);
  entry.set_completed(true);
  ResumeState state = ResumeState::Decode(old.SerializeAsString());
  const TableId left{"a.b", "c", 7};
  const TableId right{"a", "b.c", 8};
  EXPECT_TRUE(state.IsRead(left));
  EXPECT_FALSE(state.IsRead(right));
  state.FollowSettings({left});
  EXPECT_TRUE(state.IsRead(left));
  state.BeginTable(right, 2);
  EXPECT_TRUE(state.IsRead(left));
  state.BeginTable({"a.b", "c", 9}, 1);  // made anew under its name
  EXPECT_FALSE(state.IsRead(left));
  state.TableRead(1);
  EXPECT_TRUE(state.IsRead({"a.b", "c", 9}));
}

TEST(ResumeState, RowsOfATableThatAnotherReplacedAreStaleUntilThatOneHasBegun) {
  ResumeState state;
  state.BeginRun(100);
  state.BeginTable({"public", "t", 7}, 1);
  EXPECT_FALSE(state.HasStaleRows(1));
  state.TableRead(1);
  state.BeginRun(200);
  state.BeginTable({"public", "t", 8}, 1);
  EXPECT_TRUE(state.HasStaleRows(1));
  state = ResumeState::Decode(state.Encode());
  state.BeginRun(300);
  state.BeginTable({"public", "t", 8}, 1);
  EXPECT_TRUE(state.HasStaleRows(1)) << "the run before did not come to it";
  state.TableBegun(1);
  EXPECT_FALSE(state.HasStaleRows(1));
  state.BeginTable({"public", "t", 8}, 1);
  EXPECT_FALSE(state.HasStaleRows(1));
}

TEST(ResumeState, WithoutAStreamWhatACutRunSentIsStale) {
  ResumeState state;
  state.BeginRun(100);
  state.BeginTable({"public", "t", 7}, 1, false);
  EXPECT_FALSE(state.HasStaleRows(1));
  state.BeginTable({"public", "t", 7}, 1, false);
  EXPECT_FALSE(state.HasStaleRows(1)) << "nothing was sent";
  state.ChunkRead(1, 10);
  state.BeginTable({"public", "t", 7}, 1, true);
  EXPECT_FALSE(state.HasStaleRows(1));
  state.ChunkRead(1, 10);
  state.BeginTable({"public", "t", 7}, 1, false);
  EXPECT_TRUE(state.HasStaleRows(1));
}

// --- COPY text

TEST(CopyRowDecoder, TakesLinesApartAndUndoesEscapes) {
  TypeRow text;
  text.oid = 25;
  const TypePtr type = MakeScalar(text, -1, "text", 2);
  const std::vector<TypePtr> types = {type, type, type};
  CopyRowDecoder decoder;
  const auto read = [&](std::string_view line) -> std::vector<std::string> {
    std::string out;
    if (!decoder.Append(out, line, types)) return {"refused"};
    std::vector<Value> values;
    EXPECT_TRUE(ReadRow(out, values).ok());
    std::vector<std::string> shown;
    for (const Value& v : values) shown.push_back(v.is_null() ? "NULL" : std::string(v.text));
    return shown;
  };
  EXPECT_THAT(read("a\t\\N\t\n"), ElementsAre("a", "NULL", ""));
  EXPECT_THAT(read("\\t\\n\\r\\b\\f\\v\t\\\\N\tx\\\\"), ElementsAre("\t\n\r\b\f\v", "\\N", "x\\"));
  EXPECT_THAT(read("a\tb"), ElementsAre("refused"));
  EXPECT_THAT(read("a\tb\tc\td"), ElementsAre("refused"));
  EXPECT_THAT(read("a\tb\tc\\"), ElementsAre("refused"));
  EXPECT_THAT(read(""), ElementsAre("refused"));
  std::string out;
  EXPECT_TRUE(decoder.Append(out, "\n", {})) << "a table without columns";
}

// --- the key of a relation

TableSchema Announced(char replica_identity, const std::vector<std::pair<std::string, bool>>& columns) {
  TableSchema schema;
  schema.replica_identity = replica_identity;
  for (const auto& [name, marked] : columns) {
    Column& column = schema.columns.emplace_back();
    column.name = name;
    column.identity = marked;
  }
  return schema;
}
std::vector<std::string> KeyNames(TableSchema schema, const std::vector<std::string>& catalog,
                                  const std::vector<std::string>& before = {}) {
  TableSchema previous = schema;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const auto column = std::ranges::find(previous.columns, before[i], &Column::name);
    if (column != previous.columns.end()) column->key_position = static_cast<std::int32_t>(i + 1);
  }
  AssignKey(schema, catalog, before.empty() ? nullptr : &previous);
  std::vector<std::string> names;
  for (const std::size_t i : schema.Key()) names.push_back(schema.columns[i].name);
  return names;
}

TEST(RelationKey, TheCatalogGivesTheOrderOfWhatTheRelationMarks) {
  EXPECT_THAT(KeyNames(Announced('d', {{"a", true}, {"b", true}, {"c", false}}), {"b", "a"}), ElementsAre("b", "a"));
}

TEST(RelationKey, ACatalogThatMovedOnIsNotBelieved) {
  const auto relation = Announced('d', {{"a", true}, {"b", true}, {"c", false}});
  EXPECT_THAT(KeyNames(relation, {"renamed", "a"}, {"b", "a"}), ElementsAre("b", "a"));
  EXPECT_THAT(KeyNames(relation, {"c"}, {"b", "a"}), ElementsAre("b", "a"));
  EXPECT_THAT(KeyNames(relation, {}, {"c"}), ElementsAre("a", "b"));
  EXPECT_THAT(KeyNames(relation, {}), ElementsAre("a", "b"));
}

TEST(RelationKey, WhereTheMarksDoNotTellTheKeyTheCatalogThenThePreviousSchemaDo) {
  const auto full = Announced('f', {{"id", true}, {"v", true}});
  EXPECT_THAT(KeyNames(full, {"id"}), ElementsAre("id"));
  EXPECT_THAT(KeyNames(full, {"pk"}, {"id"}), ElementsAre("id"));
  EXPECT_THAT(KeyNames(full, {"pk"}), IsEmpty());
  const auto index = Announced('i', {{"id", false}, {"code", true}});
  EXPECT_THAT(KeyNames(index, {"id"}), ElementsAre("id"));
  EXPECT_THAT(KeyNames(index, {"gone"}), ElementsAre("code"));
  EXPECT_THAT(KeyNames(Announced('d', {{"id", false}}), {"id"}), ElementsAre("id"));  // a unique index, say
  EXPECT_THAT(KeyNames(Announced('n', {{"id", false}}), {}), IsEmpty());
}

}  // namespace
}  // namespace headgate::postgres
