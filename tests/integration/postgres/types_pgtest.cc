#include <gmock/gmock.h>

#include "tests/integration/postgres/source_fixture.h"

namespace headgate::test {
namespace {

class PostgresTypes : public SourceTest {};

struct Case {
  std::string type;
  std::string literal;   // SQL
  std::string expected;  // as Shown; "*": only that both phases agree
};

const std::vector<Case> kCases = {
    {"smallint", "-32768", "-32768"},
    {"bigint", "9223372036854775807", "9223372036854775807"},
    {"oid", "4000000000", "4000000000"},
    {"xid", "'4000000000'", "4000000000"},
    {"xid8", "'18446744073709551615'", "18446744073709551615"},
    {"real", "3.3", "*"},
    {"real", "'NaN'", "nan"},
    {"double precision", "'-Infinity'", "-inf"},
    {"double precision", "5e-324", "*"},
    {"boolean", "true", "true"},
    {"numeric(10,2)", "1.1", "1.10"},
    {"numeric", "100.00", "100.00"},
    {"numeric", "'NaN'", "NaN"},
    {"numeric", "'-Infinity'", "-Infinity"},
    {"numeric(3,-2)", "12345", "12300"},
    {"money", "'1234.11'::numeric::money", "1234.11"},
    {"money", "'-1234.11'::numeric::money", "-1234.11"},
    {"text", "'Åsa'", "Åsa"},
    {"varchar(3)", "'abc'", "abc"},
    {"char(10)", "'cone'", "cone      "},
    {"name", "'n'", "n"},
    {"\"char\"", "'x'", "x"},
    {"bytea", "'\\x0001ff'", "0001ff"},
    {"bit(7)", "B'1000000'", "1000000"},
    {"bit varying", "B''", ""},
    {"json", "'{ \"b\": 1.50, \"b\": 2 }'", "{ \"b\": 1.50, \"b\": 2 }"},
    {"jsonb", "'{\"bar\":\"baz\"}'", "{\"bar\": \"baz\"}"},
    {"uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "a0eebc999c0b4ef8bb6d6bb9bd380a11"},
    {"xml", "'<a>1</a>'", "<a>1</a>"},
    {"jsonpath", "'$.a[*]'", "$.\"a\"[*]"},
    {"inet", "'192.168.2.0/12'", "192.168.2.0/12"},
    {"macaddr8", "'08:00:2b:01:02:03:04:05'", "08:00:2b:01:02:03:04:05"},
    {"date", "'2016-11-04'", "17109"},
    {"date", "'0001-12-31 BC'", "-719163"},
    {"date", "'infinity'", "9223372036854775807"},
    {"time(3)", "'13:51:30.123'", "49890123000"},
    {"time", "'24:00:00'", "86400000000"},
    {"timetz", "'13:51:30.123789+02'", "49890123789 7200"},
    {"timetz", "'00:00:00+02:30:15'", "0 9015"},
    {"timestamp(0)", "'1999-12-31 23:59:59'", "us -1000000"},
    {"timestamp", "'4713-12-31 23:59:59.999999 BC'", "*"},
    {"timestamp", "'294276-12-31 23:59:59.999999'", "us 9223371331199999999"},
    {"timestamptz", "'2000-01-01 02:00:00+02'", "us 0"},
    {"timestamptz", "'-infinity'", "us -9223372036854775808"},
    {"interval", "'1 year 2 mons 3 days 04:05:06.78'", "14 3 14706780000"},
    {"interval", "'-1 day +02:00'", "0 -1 7200000000"},
    {"interval day to second(2)", "'-0.5 s'", "0 0 -500000"},
    {"int4range", "'[1,6)'", "[1,6)"},
    {"tstzrange", "'[2017-06-05 13:29:12.549426+02,)'", "[\"2017-06-05 11:29:12.549426+00\",)"},
    {"nummultirange", "'{[1,3),[5,7)}'", "{[1,3),[5,7)}"},
    {"point", "'(1,1)'", "(1,1)"},
    {"circle", "'<(0,0),2>'", "<(0,0),2>"},
    {"tsvector", "'fat cat'", "'cat' 'fat'"},
    {"pg_lsn", "'0/16E9FB0'", "0/16E9FB0"},
    {"regclass", "'pg_class'", "pg_class"},
    {"int2vector", "'1 2'", "1 2"},
    {"integer[]", "'{{1,2},{3,NULL}}'", "{[1+2][1+2]1;2;3;NULL;}"},
    {"integer[]", "'[0:2]={1,2,3}'", "{[0+3]1;2;3;}"},
    {"integer[]", "'{}'", "{}"},
    {"text[]", "ARRAY['a', NULL, 'NULL', 'q\"\\', '']", "{[1+5]a;NULL;NULL;q\"\\;;}"},
    {"numeric(6,2)[]", "'{1.1}'", "{[1+1]1.10;}"},
    {"money[]", "ARRAY['1234.11'::numeric::money]", "{[1+1]1234.11;}"},
    {"timestamptz[]", "'{2000-01-01 00:00:00+00,infinity}'", "{[1+2]us 0;us 9223372036854775807;}"},
    {"bytea[]", "ARRAY['\\x01'::bytea]", "{[1+1]01;}"},
    {"jsonb[]", "ARRAY['{\"a\": 1}'::jsonb]", "{[1+1]{\"a\": 1};}"},
    {"box[]", "'{(2,2),(1,1);(1,1),(0,0)}'", "{[1+2](2,2),(1,1);(1,1),(0,0);}"},
    {"varbit[]", "'{101}'", "{[1+1]101;}"},
    {"int4range[]", "'{\"[1,6)\"}'", "{[1+1][1,6);}"},
    {"mood", "'a,\"b'", "a,\"b"},
    {"mood[]", "ARRAY['a,\"b'::mood]", "{[1+1]a,\"b;}"},
    {"price", "1.1", "1.10"},
    {"price[]", "ARRAY[1.1::price]", "{[1+1]1.10;}"},
    {"outer_pair", "ROW(1, ROW('x,\"y', NULL), ARRAY[ROW('p', 1.5)]::inner_pair[])::outer_pair",
     "(1;(x,\"y;NULL;);{[1+1](p;1.50;);};)"},
    {"inner_pair[]", "ARRAY[ROW('a b', 2)::inner_pair, NULL]", "{[1+2](a b;2.00;);NULL;}"},
    {"hstore", "'key1=>val1,key2=>NULL'", "\"key1\"=>\"val1\", \"key2\"=>NULL"},
    {"citext", "'Hello World'", "Hello World"},
    {"ltree", "'Top.Child'", "Top.Child"},
};

constexpr const char* kTypeSetUp =
    "CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION ltree; CREATE TYPE mood AS ENUM ('ok', "
    "'a,\"b'); "
    "CREATE DOMAIN price AS numeric(10,2); CREATE TYPE inner_pair AS (c text, gone int, d price); ALTER TYPE "
    "inner_pair DROP ATTRIBUTE gone; "
    "CREATE TYPE outer_pair AS (a int, b inner_pair, e inner_pair[]);";

std::string ColumnName(std::size_t i) { return "c" + std::to_string(i); }

TEST_F(PostgresTypes, I1_EveryTypeReadsTheSameInSnapshotAndStream) {
  HG_BEGIN(kTypeSetUp);
  const auto& cases = kCases;
  std::string columns;
  std::string values;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    columns += ", " + ColumnName(i) + " " + cases[i].type;
    values += ", " + cases[i].literal;
  }
  Run("CREATE TABLE t (id int PRIMARY KEY" + columns + "); INSERT INTO t VALUES (1" + values + ")");
  Start();
  ASSERT_TRUE(rig_->Until([&] { return rig_->telemetry()->phase == "streaming"; }));
  Run("INSERT INTO t VALUES (2" + values + "); INSERT INTO t VALUES (3)");
  ASSERT_TRUE(rig_->UntilSeen("public.t", "3"));
  const auto changes = rig_->Changes("public.t");
  ASSERT_EQ(changes.size(), 3U);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const std::string column = ColumnName(i);
    const std::string label = cases[i].type + " " + cases[i].literal;
    EXPECT_EQ(changes[0].after.at(column), changes[1].after.at(column)) << label;
    const std::string expected = cases[i].expected == "*" ? changes[1].after.at(column) : cases[i].expected;
    EXPECT_EQ(changes[0].after.at(column), expected) << label;
    EXPECT_EQ(changes[2].after.at(column), "NULL") << label;
    EXPECT_EQ(changes[0].schema, 1U);
    EXPECT_EQ(changes[1].schema, 1U) << "both phases describe the same types";
  }
}

TEST_F(PostgresTypes, PG34_CompositesAndDomainsAreResolvedFromTheCatalog) {
  HG_BEGIN(kTypeSetUp);
  Run("CREATE TABLE t (id int PRIMARY KEY, a numeric(10,2), b price, c varchar(5)[], d timestamp(3), e outer_pair, f "
      "mood, g hstore)");
  Start();
  Run("INSERT INTO t VALUES (1)");
  ASSERT_TRUE(rig_->UntilSeen("public.t", "1"));
  const auto& columns = rig_->Schema("public.t")->columns;
  ASSERT_EQ(columns.size(), 8U);
  EXPECT_EQ(columns[1].type.declared, "numeric(10,2)");
  EXPECT_EQ(columns[1].type.precision, 10);
  EXPECT_EQ(columns[1].type.scale, 2);
  EXPECT_EQ(columns[2].type.declared, "public.price");
  EXPECT_EQ(columns[2].type.base, "numeric");
  EXPECT_TRUE(columns[2].type.domain);
  EXPECT_EQ(columns[2].type.scale, 2);
  EXPECT_EQ(columns[3].type.declared, "character varying(5)[]");
  EXPECT_EQ(columns[3].type.kind, TypeKind::kArray);
  EXPECT_EQ(columns[3].type.children.at(0).length, 5);
  EXPECT_EQ(columns[4].type.precision, 3);
  EXPECT_EQ(columns[5].type.kind, TypeKind::kComposite);
  EXPECT_THAT(columns[5].type.field_names, testing::ElementsAre("a", "b", "e"));
  EXPECT_THAT(columns[5].type.children.at(1).field_names, testing::ElementsAre("c", "d"));
  EXPECT_EQ(columns[6].type.kind, TypeKind::kEnum);
  EXPECT_EQ(columns[7].type.kind, TypeKind::kHstore);
  EXPECT_TRUE(columns[7].type.extension);
}

TEST_F(PostgresTypes, NP13_ADatabaseWithoutEncodingDeliversItsBytes) {
  HG_BEGIN("SELECT 1");
  const std::string name = db_->name() + "_ascii";
  Run("CREATE DATABASE " + name + " TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'");
  {
    auto session = PgClient::Connect(db_->postgres().Dsn(name));
    ASSERT_TRUE(session.ok());
    ASSERT_TRUE(session
                    ->Exec("SET client_encoding = 'SQL_ASCII'; CREATE TABLE t (id int PRIMARY KEY, v text); INSERT "
                           "INTO t VALUES (1, E'\\xE9')")
                    .ok());
    rig_->settings()["dbname"] = name;
    Start();
    ASSERT_TRUE(rig_->UntilSeen("public.t", "1"));
    ASSERT_TRUE(session->Exec("INSERT INTO t VALUES (2, E'\\xE9')").ok());
    ASSERT_TRUE(rig_->UntilSeen("public.t", "2"));
    for (const LoggedChange& change : rig_->Changes("public.t")) EXPECT_EQ(change.after.at("v"), "e9");
    rig_->Abandon();
  }
  EXPECT_TRUE(DropDatabase(db_->Dsn(), name).ok());
}

}  // namespace
}  // namespace headgate::test
