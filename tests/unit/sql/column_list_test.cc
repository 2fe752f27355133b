#include "core/sql/column_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace headgate::sql {
namespace {

using testing::HasSubstr;

std::string ErrorOf(const std::string& text) {
  const auto list = ParseColumns(text);
  return list.ok() ? "none" : list.error().what;
}

TEST(Columns, AreReadAsInCreateTable) {
  const auto list = ParseColumns(
      "sensor_id int NOT NULL, temperature float8 NOT NULL, \"At\" timestamptz(3), tag varchar(5)[], "
      "price numeric(10,2) NULL -- what it costs");
  ASSERT_TRUE(list.ok()) << list.error().what;
  const auto& c = list->columns;
  ASSERT_EQ(c.size(), 5U);
  EXPECT_EQ(c[0].name, "sensor_id");
  EXPECT_EQ(Name(c[0].type), "integer");
  EXPECT_TRUE(c[0].not_null && c[1].not_null);
  EXPECT_EQ(c[2].name, "At");
  EXPECT_EQ(Name(c[2].type), "timestamp(3) with time zone");
  EXPECT_FALSE(c[2].not_null);
  EXPECT_EQ(Name(c[3].type), "character varying(5)[]");
  EXPECT_EQ(Name(c[4].type), "numeric(10,2)");
  EXPECT_TRUE(list->key.empty());
}

TEST(Columns, APrimaryKeyIsAKeyOfTheRowsInItsOwnOrder) {
  const auto list = ParseColumns("a int, b text, c date, PRIMARY KEY (c, a)");
  ASSERT_TRUE(list.ok()) << list.error().what;
  EXPECT_EQ(list->key, (std::vector<std::size_t>{2, 0}));
  EXPECT_TRUE(list->columns[0].not_null && !list->columns[1].not_null);
  const TableSchema schema = MakeSchema(*list, "readings");
  EXPECT_EQ(schema.schema, "");
  EXPECT_EQ(schema.table, "readings");
  EXPECT_EQ(schema.Key(), (std::vector<std::size_t>{2, 0}));
  EXPECT_EQ(schema.columns[1].type.declared, "text");
  EXPECT_TRUE(schema.columns[1].nullable && !schema.columns[2].nullable);
  EXPECT_EQ(ParseColumns("id uuid PRIMARY KEY")->key, std::vector<std::size_t>{0});
}

TEST(Columns, AreTheSameWhenTheirTextIsReadAgain) {
  const auto again = [](const std::string& text) {
    const auto list = ParseColumns(text);
    return list.ok() ? ToText(*list) : list.error().what;
  };
  for (const char* text :
       {"\"a\" integer PRIMARY KEY",
        "\"a\" integer, \"B \"\"c\" character varying(5)[], PRIMARY KEY (\"B \"\"c\", \"a\")",
        "\"a\" text NOT NULL DEFAULT 'it''s'::text, \"b\" numeric(6,2) DEFAULT -1.00, \"c\" boolean DEFAULT false",
        "\"a\" double precision DEFAULT 'NaN'::double precision, \"b\" numeric DEFAULT 'Infinity'::numeric"})
    EXPECT_EQ(again(text), text);
}

TEST(Columns, ADefaultIsAConstantOfTheColumnsType) {
  const auto list = ParseColumns(
      "a int NOT NULL DEFAULT 3+4, b text DEFAULT 'it''s', c numeric(6,2) DEFAULT 1, d boolean DEFAULT true, e date "
      "DEFAULT NULL");
  ASSERT_TRUE(list.ok()) << list.error().what;
  const TableSchema schema = MakeSchema(*list, "r");
  EXPECT_EQ(schema.columns[0].default_expression, "7");
  EXPECT_EQ(schema.columns[1].default_expression, "'it''s'::text");
  EXPECT_EQ(schema.columns[2].default_expression, "1.00");
  EXPECT_EQ(schema.columns[3].default_expression, "true");
  EXPECT_EQ(schema.columns[4].default_expression, std::nullopt);
}

TEST(Columns, AMistakeIsNamedWithItsPlace) {
  EXPECT_THAT(ErrorOf("a int, b strng"), HasSubstr("line 1, column 10: type \"strng\" does not exist"));
  EXPECT_THAT(ErrorOf("a int,\n  a text"), HasSubstr("line 2, column 3: column \"a\" specified more than once"));
  EXPECT_THAT(ErrorOf("a int,"), HasSubstr("syntax error"));
  EXPECT_THAT(ErrorOf(""), HasSubstr("there is no column"));
  EXPECT_THAT(ErrorOf("a int UNIQUE"), HasSubstr("NOT NULL, NULL, PRIMARY KEY and DEFAULT"));
  EXPECT_THAT(ErrorOf("a int CHECK (a > 0)"), HasSubstr("this kind of constraint"));
  EXPECT_THAT(ErrorOf("a int REFERENCES b"), HasSubstr("this kind of constraint"));
  EXPECT_THAT(ErrorOf("a timestamptz DEFAULT now()"), HasSubstr("now"));
  EXPECT_THAT(ErrorOf("a int DEFAULT 'x'"), HasSubstr("the default of a"));
  EXPECT_THAT(ErrorOf("a int, PRIMARY KEY (b)"), HasSubstr("column \"b\" named in key does not exist"));
  EXPECT_THAT(ErrorOf("a int PRIMARY KEY, b int PRIMARY KEY"), HasSubstr("only one PRIMARY KEY"));
  EXPECT_THAT(ErrorOf("LIKE other"), HasSubstr("only columns"));
}

TEST(Columns, NothingButColumnsCanBeSmuggledIn) {
  for (const char* text : {"a int); DROP TABLE b; CREATE TABLE c (d int", "a int) PARTITION BY LIST (a",
                           "a int) WITH (x=1", "a int; SELECT 1", "a int) AS SELECT (1", ")", "a int /* open"})
    EXPECT_NE(ErrorOf(text), "none") << text;
}

TEST(Columns, EveryTypeOfSqlIsATypeOfAColumn) {
  const auto list = ParseColumns(
      "a bool, b int2, c int4, d int8, e float4, f float8, g numeric, h text, i varchar, j char(3), k bytea, l date, m "
      "time, n timetz, o timestamp, p timestamptz, q interval, r uuid, s json, t jsonb, u bit(4), v varbit, w inet, x "
      "cidr, y int4range, z tstzrange, aa int4[], bb text[]");
  ASSERT_TRUE(list.ok()) << list.error().what;
  const TableSchema schema = MakeSchema(*list, "r");
  for (std::size_t i = 0; i < list->columns.size(); ++i) {
    if (list->columns[i].type.id == sql::TypeId::kVarchar) continue;  // text, as streams have it
    if (list->columns[i].type.id == sql::TypeId::kBit) continue;
    EXPECT_EQ(sql::FromColumn(schema.columns[i].type), list->columns[i].type) << schema.columns[i].name;
  }
  EXPECT_THAT(ErrorOf("a jsonpath"), HasSubstr("jsonpath"));
}

TEST(Columns, AStreamIsOneWord) {
  for (const char* name : {"readings", "_x", "Sensor-2"}) EXPECT_TRUE(IsStreamName(name)) << name;
  for (const char* name : {"", "a.b", "a b", "2x", "-x", "gr\xC3\xB6\xC3\x9F", "a/b"})
    EXPECT_FALSE(IsStreamName(name)) << name;
  EXPECT_FALSE(IsStreamName(std::string(64, 'a')));
}

}  // namespace
}  // namespace headgate::sql
