#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sinks/table/mysql_dialect.h"
#include "sinks/table/postgres_dialect.h"

namespace headgate::table {
namespace {

using ::testing::HasSubstr;

Column Of(TypeKind kind, std::string_view declared, std::string_view base, TypeFamily family = TypeFamily::kPostgres) {
  Column column;
  column.name = "c";
  column.type.kind = kind;
  column.type.declared = declared;
  column.type.base = base;
  column.type.family = family;
  return column;
}
Column Mysql(TypeKind kind, std::string_view declared, std::string_view base, std::int32_t length = 0) {
  Column column = Of(kind, declared, base, TypeFamily::kMysql);
  column.type.length = length;
  return column;
}
Column Numeric(std::int32_t precision, std::int32_t scale) {
  Column column =
      Of(TypeKind::kDecimal, "numeric(" + std::to_string(precision) + "," + std::to_string(scale) + ")", "numeric");
  column.type.precision = precision;
  column.type.scale = scale;
  return column;
}
TargetColumn ColumnOf(std::string_view type, std::string_view base, std::string_view collation = "") {
  TargetColumn column;
  column.name = "c";
  column.type = type;
  column.base = base;
  column.collation = collation;
  return column;
}

TEST(TableTypes, OfPostgresStayWhatTheyAreInPostgres) {
  const PostgresDialect dialect;
  EXPECT_EQ(*dialect.TypeFor(Numeric(10, 2), false), "numeric(10,2)");
  EXPECT_EQ(*dialect.TypeFor(Of(TypeKind::kJsonb, "jsonb", "jsonb"), false), "jsonb");
  Column mood = Of(TypeKind::kEnum, "mood", "mood");
  mood.type.oid = 70'000;
  EXPECT_EQ(*dialect.TypeFor(mood, false), "text");
  Column domain = Numeric(8, 1);
  domain.type.declared = "price";
  domain.type.domain = true;
  EXPECT_EQ(*dialect.TypeFor(domain, false), "numeric(8,1)");
}

TEST(TableTypes, OfMysqlInPostgresLoseNothing) {
  const PostgresDialect dialect;
  EXPECT_EQ(*dialect.TypeFor(Mysql(TypeKind::kUint, "bigint unsigned", "bigint"), false), "numeric(20,0)");
  EXPECT_EQ(*dialect.TypeFor(Mysql(TypeKind::kTime, "time", "time"), false), "interval");
  EXPECT_EQ(*dialect.TypeFor(Mysql(TypeKind::kText, "varchar(20)", "varchar", 20), false), "character varying(20)");
  EXPECT_EQ(*dialect.TypeFor(Mysql(TypeKind::kBits, "bit(5)", "bit", 5), false), "bit(5)");
  const auto spatial = dialect.TypeFor(Mysql(TypeKind::kGeometry, "point", "point"), false);
  ASSERT_FALSE(spatial.ok());
  EXPECT_THAT(spatial.error().what, HasSubstr("PostGIS"));
}

TEST(TableTypes, OfPostgresInMysqlAreBoundedWhereAnIndexNeedsIt) {
  const MysqlDialect dialect(Database::kMysql);
  const Column text = Of(TypeKind::kText, "text", "text");
  EXPECT_EQ(*dialect.TypeFor(text, false), "longtext CHARACTER SET utf8mb4");
  EXPECT_EQ(*dialect.TypeFor(text, true), "varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin");
  EXPECT_THAT(*MysqlDialect(Database::kMariadb).TypeFor(text, true), HasSubstr("utf8mb4_nopad_bin"));
  EXPECT_EQ(*dialect.TypeFor(Numeric(10, 2), false), "decimal(10,2)");
  EXPECT_EQ(*dialect.TypeFor(Numeric(-1, 0), false), "longtext CHARACTER SET utf8mb4") << "without a limit";
  EXPECT_EQ(*dialect.TypeFor(Of(TypeKind::kTimestampTz, "timestamp with time zone", "timestamptz"), false),
            "datetime(6)");
  EXPECT_FALSE(dialect.TypeFor(Of(TypeKind::kJsonb, "jsonb", "jsonb"), true).ok()) << "no key";
}

TEST(TableTypes, ATableThatIsThereMustTakeEveryValue) {
  const PostgresDialect postgres;
  const Column number = Of(TypeKind::kInt64, "bigint", "int8");
  EXPECT_EQ(postgres.Misfit(number, ColumnOf("bigint", "bigint"), false), "");
  EXPECT_EQ(postgres.Misfit(number, ColumnOf("text", "text"), false), "");
  EXPECT_EQ(postgres.Misfit(number, ColumnOf("numeric(19,0)", "numeric"), false), "");
  EXPECT_THAT(postgres.Misfit(number, ColumnOf("integer", "integer"), false), HasSubstr("needs bigint"));
  EXPECT_NE(postgres.Misfit(number, ColumnOf("numeric(18,0)", "numeric"), false), "");
  EXPECT_NE(postgres.Misfit(Numeric(10, 2), ColumnOf("numeric(10,1)", "numeric"), false), "");
  EXPECT_NE(postgres.Misfit(Of(TypeKind::kText, "text", "text"), ColumnOf("character varying(9)", "character varying"),
                            false),
            "");
  const MysqlDialect mysql(Database::kMysql);
  EXPECT_EQ(mysql.Misfit(number, ColumnOf("bigint(20)", "bigint"), false), "") << "as MariaDB prints it";
  EXPECT_NE(mysql.Misfit(number, ColumnOf("bigint unsigned", "bigint"), false), "");
  EXPECT_NE(mysql.Misfit(number, ColumnOf("int", "int"), false), "");
  EXPECT_EQ(mysql.Misfit(Of(TypeKind::kBool, "boolean", "bool"), ColumnOf("tinyint(1)", "tinyint"), false), "");
  EXPECT_NE(mysql.Misfit(Of(TypeKind::kTimestamp, "timestamp", "timestamp"), ColumnOf("datetime", "datetime"), false),
            "");
}

TEST(TableTypes, AKeyWhoseCollationMergesKeysIsRefused) {
  const MysqlDialect mysql(Database::kMysql);
  const Column text = Of(TypeKind::kText, "text", "text");
  EXPECT_THAT(mysql.Misfit(text, ColumnOf("varchar(768)", "varchar", "utf8mb4_0900_ai_ci"), true),
              HasSubstr("different keys are the same"));
  EXPECT_EQ(mysql.Misfit(text, ColumnOf("varchar(768)", "varchar", "utf8mb4_0900_bin"), true), "");
}

TEST(TableTypes, ValuesThatTheTargetHasNotAreRefused) {
  const MysqlDialect mysql(Database::kMysql);
  std::string out;
  Value value;
  value.kind = ValueKind::kDouble;
  value.d = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(mysql.AppendCell(out, value, Of(TypeKind::kDouble, "double precision", "float8").type));
  value.kind = ValueKind::kDate;
  value.i = kInfinity;
  EXPECT_FALSE(mysql.AppendCell(out, value, Of(TypeKind::kDate, "date", "date").type));
  EXPECT_TRUE(PostgresDialect().AppendCell(out, value, Of(TypeKind::kDate, "date", "date").type));
}

}  // namespace
}  // namespace headgate::table
