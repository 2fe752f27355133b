#include <gtest/gtest.h>

#include "tests/support/private_postgres.h"
#include "tests/support/require.h"
#include "tests/support/shared_postgres.h"
#include "tests/support/table_rows.h"

namespace headgate::test {
namespace {

TEST(PrivatePostgres, CommittedRowsAreThereAfterKillAndStart) {
  HG_WITH_SERVER("postgres", auto server, PrivatePostgres::Start({.fsync = true}));
  ASSERT_TRUE(server->Exec("postgres", "CREATE TABLE t (id int); INSERT INTO t VALUES (1)").ok());
  ASSERT_TRUE(server->KillHard().ok());
  EXPECT_FALSE(server->Connect("postgres").ok());
  const Status again = server->StartAgain();
  ASSERT_TRUE(again.ok()) << again.error().what;
  EXPECT_EQ(*server->Value("postgres", "SELECT count(*) FROM t"), "1");
  ASSERT_TRUE(server->Stop().ok());
  ASSERT_TRUE(server->AppendSettings({"max_replication_slots=3"}).ok());
  ASSERT_TRUE(server->StartAgain().ok());
  EXPECT_EQ(*server->Value("postgres", "SHOW max_replication_slots"), "3");
}

TEST(PrivatePostgres, OwnIdentityDiffersFromTheOthers) {
  HG_WITH_SERVER("postgres", auto one, PrivatePostgres::Start());
  HG_WITH_SERVER("postgres", auto two, PrivatePostgres::Start({.own_identity = true}));
  const char* sql = "SELECT system_identifier FROM pg_control_system()";
  EXPECT_NE(*one->Value("postgres", sql), *two->Value("postgres", sql));
}

TEST(TestDatabase, IsDroppedThoughASlotAndASessionHoldIt) {
  std::string name;
  {
    HG_WITH_SERVER("postgres", auto db, TestDatabase::Create());
    name = db->name();
    ASSERT_TRUE(db->Exec("SELECT pg_create_logical_replication_slot('left_behind_" + name + "', 'pgoutput')").ok());
  }
  HG_WITH_SERVER("postgres", auto other, TestDatabase::Create());
  EXPECT_EQ(*other->Value("SELECT count(*) FROM pg_database WHERE datname = '" + name + "'"), "0");
}

TEST(TableRows, ReadsEachColumnAsTheFoldComparesIt) {
  HG_WITH_SERVER("postgres", auto db, TestDatabase::Create());
  ASSERT_TRUE(db->Exec("CREATE TABLE t (b int, a bigint, n numeric(10,2), w timestamptz, j jsonb, y bytea, x text[], "
                       "PRIMARY KEY (a, b));"
                       "INSERT INTO t VALUES (2, 9007199254740993, 1.10, '2026-03-04 05:06:07.5+01', '{\"k\": 1.50}', "
                       "'\\x010203', '{p,NULL}')")
                  .ok());
  auto table = ReadTable(db->session(), "public.t");
  ASSERT_TRUE(table.ok()) << table.error().what;
  EXPECT_EQ(table->key_columns, (std::vector<std::string>{"a", "b"}));
  Fold fold;
  fold.Accept(
      R"({"id":"s:0-01:1","op":"insert","stream":"public.t","key":{"a":9007199254740993,"b":2},)"
      R"("after":{"b":2,"a":9007199254740993,"n":"1.10","w":"2026-03-04T04:06:07.5Z","j":{"k":1.50},"y":"AQID","x":["p",null]},)"
      R"("position":{"commit_lsn":"0/1"},"tx":{"ordinal":1}})");
  EXPECT_EQ(fold.Difference("public.t", *table), std::vector<std::string>{});
}

TEST(RequireServer, NamesAreWholeItemsOfTheList) {
  setenv("HEADGATE_REQUIRE", "postgres,mysql", 1);
  EXPECT_TRUE(IsRequired("postgres"));
  EXPECT_TRUE(IsRequired("mysql"));
  EXPECT_FALSE(IsRequired("sql"));
  unsetenv("HEADGATE_REQUIRE");
  EXPECT_FALSE(IsRequired("postgres"));
}

}  // namespace
}  // namespace headgate::test
