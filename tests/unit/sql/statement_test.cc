#include "core/sql/statement.h"

#include <gtest/gtest.h>

namespace headgate::sql {
namespace {

Statement One(const std::string& text) {
  auto statements = ReadStatements(text);
  EXPECT_TRUE(statements.ok()) << (statements.ok() ? "" : statements.error().message);
  if (!statements.ok() || statements->size() != 1) return {};
  return std::move(statements->at(0));
}

Problem Fails(const std::string& text) {
  const auto statements = ReadStatements(text);
  EXPECT_FALSE(statements.ok()) << text;
  return statements.ok() ? Problem{} : statements.error();
}

TEST(Statement, SemicolonsInsideTextAndBracketsDoNotSplit) {
  const auto statements = ReadStatements("SELECT ';' -- ; not here\n; SELECT $$;$$ ;; SELECT 1");
  ASSERT_TRUE(statements.ok());
  EXPECT_EQ(statements->size(), 3U);
  EXPECT_EQ(statements->at(2).tree.tag(), "SelectStmt");
}

TEST(Statement, PlacesOfProblemsAreThoseOfTheWholeText) {
  EXPECT_EQ(Fails("SELECT 1;\nSELECT FROM WHERE").offset, 22U);
}

TEST(Statement, CreateOrReplaceMaterializedViewIsLifted) {
  const Statement statement = One("CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT 1 AS a EMIT CHANGES");
  EXPECT_TRUE(statement.or_replace);
  EXPECT_TRUE(statement.emit_changes);
  EXPECT_EQ(statement.tree.tag(), "CreateTableAsStmt");
}

TEST(Statement, SystemTimeBelongsToTheRelationBeforeIt) {
  const std::string text = "SELECT 1 FROM r JOIN shop.public.s FOR SYSTEM_TIME AS OF LOG_POSITION() AS t ON t.k = r.k";
  const Statement statement = One(text);
  ASSERT_EQ(statement.system_times.size(), 1U);
  EXPECT_EQ(statement.system_times[0].relation, text.find("shop"));
  EXPECT_TRUE(statement.system_times[0].log_position);
  EXPECT_FALSE(
      One("SELECT 1 FROM r JOIN s FOR SYSTEM_TIME AS OF r.at - INTERVAL '1 s' ON true").system_times[0].log_position);
}

TEST(Statement, WordsOfOtherDialectsAreNoAliases) {
  for (const char* text : {"SELECT 1 FROM a ASOF JOIN b ON true", "SELECT 1 FROM a ASOF LEFT JOIN b ON true",
                           "SELECT 1 FROM a SEMI JOIN b ON true", "SELECT 1 FROM x, a TEMPORAL JOIN b ON true",
                           "SELECT 1 FROM (SELECT 1) lookup", "SELECT 1 FROM t MATCH_RECOGNIZE (a, b)",
                           "SELECT 1 FROM a LEFT ASOF JOIN b ON true", "SELECT 1 FROM v EMIT"}) {
    EXPECT_FALSE(Fails(text).hint.empty()) << text;
  }
}

TEST(Statement, TheSameWordsAreNamesElsewhere) {
  for (const char* text :
       {"SELECT 1 FROM a AS asof JOIN b ON true", "SELECT 1 FROM a \"asof\" JOIN b ON true", "SELECT semi FROM asof",
        "SELECT lookup FROM lookup", "SELECT interval '1 s' FROM a", "SELECT emit FROM t ORDER BY emit"}) {
    EXPECT_TRUE(ReadStatements(text).ok()) << text << ": " << ReadStatements(text).error().message;
  }
}

TEST(Statement, SourcesHaveOptionsAndColumns) {
  const Statement bare = One("CREATE SOURCE s WITH (connector.class = 'postgres', port = 5432, tables = public)");
  EXPECT_EQ(bare.connector.verb, ConnectorStatement::Verb::kCreate);
  EXPECT_EQ(bare.connector.name, "s");
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"connector.class", "postgres"}, {"port", "5432"}, {"tables", "public"}};
  EXPECT_EQ(bare.connector.options, expected);
  const Statement columns =
      One("create source readings (sensor_id int not null, t float8) with (connector.class = 'http')");
  EXPECT_EQ(columns.connector.columns.size(), 2U);
  EXPECT_EQ(columns.connector.options.size(), 1U);
  EXPECT_FALSE(Fails("CREATE SOURCE s").hint.empty());
  EXPECT_FALSE(Fails("CREATE SOURCE s (t timestamptz, WATERMARK FOR t AS t) WITH (a = 'b')").hint.empty());
  EXPECT_EQ(Fails("CREATE SOURCE s WITH (a = 'b', a = 'c')").message, "option a is given twice");
}

TEST(Statement, SinksReadARelationOrAQuery) {
  const Statement from = One("CREATE SINK o FROM shop.public.\"Orders\" WITH (connector.class = 'webhook')");
  EXPECT_TRUE(from.connector.sink);
  EXPECT_EQ(from.connector.from, (std::vector<std::string>{"shop", "public", "Orders"}));
  const Statement as =
      One("CREATE SINK o AS WITH q AS (SELECT 1 AS a) SELECT a FROM q WITH (connector.class = 'webhook', batch = 5)");
  ASSERT_NE(as.connector.view, nullptr);
  EXPECT_EQ(as.connector.view->written, "CREATE MATERIALIZED VIEW \"o\" AS WITH q AS (SELECT 1 AS a) SELECT a FROM q");
  EXPECT_EQ(as.connector.options.size(), 2U);
  const Statement lookup = One(
      "CREATE SINK o AS SELECT 1 FROM e JOIN t FOR SYSTEM_TIME AS OF LOG_POSITION() AS t ON t.a = e.a WITH (c = 'd')");
  EXPECT_EQ(lookup.connector.view->system_times.size(), 1U);
}

TEST(Statement, WhatIsWrongWithASinksQueryHasItsPlace) {
  const std::string text = "CREATE SINK o AS\n SELECT a FROM FROM q WITH (connector.class = 'webhook')";
  EXPECT_EQ(Fails(text).offset, text.find("FROM q"));
  EXPECT_FALSE(Fails("CREATE SINK o AS SELECT 1").message.empty());
  EXPECT_FALSE(Fails("CREATE SINK o AS DELETE FROM t WITH (a = 'b')").message.empty());
  EXPECT_FALSE(Fails("CREATE SINK o AS SELECT a FROM t EMIT CHANGES WITH (a = 'b')").message.empty());
}

TEST(Statement, ConnectorsAreAlteredDroppedAndShown) {
  const Statement alter = One("ALTER SINK o SET (url = 'http://127.0.0.1/')");
  EXPECT_EQ(alter.connector.verb, ConnectorStatement::Verb::kAlter);
  EXPECT_EQ(alter.connector.options.at(0).second, "http://127.0.0.1/");
  EXPECT_TRUE(One("DROP SOURCE IF EXISTS s").connector.if_exists);
  EXPECT_EQ(One("SHOW SINKS").connector.verb, ConnectorStatement::Verb::kShow);
  EXPECT_FALSE(Fails("DROP SINK a b").hint.empty());
}

}  // namespace
}  // namespace headgate::sql
