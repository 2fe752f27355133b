#include <gtest/gtest.h>

#include "tests/unit/codec/sample.h"

// What the golden records of the schema-change topic do not show (3.8). They are compared in tests/integration/golden.
namespace headgate::testing {
namespace {

using codec::DebeziumEncoder;
using codec::RecordList;
using Kind = SchemaExtra::Kind;

class SchemaChangeTopic : public ::testing::Test {
 protected:
  SchemaChangeTopic() : sample_(table_.schema) {
    sample_.tx.position = {PositionKind::kNamed, 0, 0, 0, "0-1-7"};
    sample_.tx.id = "0-1-7";
    sample_.tx.file = "binlog.000003";
    sample_.tx.server_id = 8;
    table_.schema.charset = "utf8mb4";
  }

  // From `source.table` on, without what every record has.
  std::string Value(const SchemaExtra& extra, const codec::DebeziumOptions& options = {}) {
    codec::EventContext event = sample_.Change(Op::kSchema, nullptr, nullptr);
    event.connector = "mariadb";
    event.source_name = "srv";
    if (!known_) event.schema = nullptr;
    const std::string bytes = Encode(extra);
    sample_.change.extra = bytes;
    DebeziumEncoder encoder(options);
    RecordList records;
    const Status status = encoder.Render(event, records);
    if (!status.ok()) return "error: " + status.error().what;
    if (records.size() != 1) return std::to_string(records.size()) + " records";
    EXPECT_EQ(records[0].topic, "srv");
    EXPECT_EQ(records[0].key, "{\"databaseName\":\"shop\"}");
    EXPECT_TRUE(records[0].id_suffix.empty());
    std::string value = records[0].value;
    value = value.substr(value.find("\"table\":"));
    const std::size_t from = value.find(",\"server_id\"");
    return value.replace(from, value.find(",\"databaseName\"") - from, "");
  }

  // The members of a column from its type on.
  std::string Column(std::string declared, std::string written = "") {
    Table table;
    headgate::Column& column = table.Add("c", Type(TypeKind::kText, "x"));
    column.type.declared = std::move(declared);
    column.written = std::move(written);
    sample_.event.schema = &table.schema;
    const std::string value = Value({Kind::kAlter, false, "shop", "t", "x"});
    sample_.event.schema = &table_.schema;
    const std::size_t at = value.find("\"name\":\"c\",") + 11;
    return value.substr(at, value.find(",\"position\"", at) - at);
  }

  Table table_;
  Sample sample_;
  bool known_ = true;
};

TEST_F(SchemaChangeTopic, DatabasesHaveNoTableAndIndexesANamelessOne) {
  EXPECT_EQ(Value({Kind::kDatabase, false, "shop", "", "CREATE DATABASE shop"}),
            R"("table":null,"databaseName":"shop","schemaName":null,"ddl":"CREATE DATABASE shop","tableChanges":[]})");
  EXPECT_EQ(Value({Kind::kIndex, false, "shop", "t", "DROP INDEX i ON t"}),
            R"("table":"","databaseName":"shop","schemaName":null,"ddl":"DROP INDEX i ON t","tableChanges":[]})");
}

TEST_F(SchemaChangeTopic, ADroppedTableAndOneThatIsNotKnownHaveNoColumns) {
  const std::string drop = R"x("table":"a\"b","databaseName":"shop","schemaName":null,"ddl":"DROP \"","tableChanges":)x"
                           R"x([{"type":"DROP","id":"\"shop\".\"a\"\"b\"","table":null}]})x";
  EXPECT_EQ(Value({Kind::kDrop, false, "shop", "a\"b", "DROP \""}), drop);
  known_ = false;
  EXPECT_EQ(Value({Kind::kAlter, false, "shop", "t", "ALTER"}),
            R"("table":"t","databaseName":"shop","schemaName":null,"ddl":"ALTER","tableChanges":[]})");
}

TEST_F(SchemaChangeTopic, TypesAreThoseOfTheStatementOrTheCatalogue) {
  EXPECT_EQ(Column("int(11)", "INTEGER UNSIGNED"),
            R"("jdbcType":4,"nativeType":null,"typeName":"INTEGER UNSIGNED","typeExpression":"INTEGER UNSIGNED",)"
            R"("charsetName":null,"length":null,"scale":null)");
  EXPECT_EQ(Column("inet6"),
            R"("jdbcType":1111,"nativeType":null,"typeName":"INET6","typeExpression":"INET6","charsetName":null,)"
            R"("length":null,"scale":null)");
  EXPECT_NE(Column("float(10,2)").find(R"("length":10,"scale":2)"), std::string::npos);
  EXPECT_NE(Column("set('a,b','c''d')").find(R"("length":3,"scale":null)"), std::string::npos);
  for (const char* odd : {"", "enum(", "enum('a", "decimal(", "set()", "((", "varchar(5) /*M!100301 COMPRESSED*/"})
    EXPECT_NE(Column(odd).find("\"scale\":null"), std::string::npos) << odd;
}

TEST_F(SchemaChangeTopic, CommentsAreWrittenIfAskedFor) {
  table_.schema.comment = "it's";
  const SchemaExtra alter{Kind::kAlter, false, "shop", "t", "x"};
  const auto ends = [](const std::string& text, std::string_view end) { return text.ends_with(end); };
  EXPECT_TRUE(ends(Value(alter), R"("comment":null}}]})"));
  EXPECT_TRUE(ends(Value(alter, With({{"include.schema.comments", "true"}})), R"("comment":"it''s"}}]})"));
  const SchemaExtra like{Kind::kCreate, true, "shop", "t", "x"};
  EXPECT_TRUE(ends(Value(like, With({{"include.schema.comments", "true"}})), R"("comment":null}}]})"));
}

TEST_F(SchemaChangeTopic, AStoredStatementThatIsCutIsCorrupt) {
  const std::string bytes = Encode(SchemaExtra{Kind::kAlter, false, "shop", "t", "ALTER TABLE t"});
  for (std::size_t n = 1; n < bytes.size(); ++n) EXPECT_FALSE(DecodeSchemaChange(bytes.substr(0, n)).ok());
  sample_.change.extra = std::string_view(bytes).substr(0, 5);
  codec::EventContext event = sample_.Change(Op::kSchema, nullptr, nullptr);
  RecordList records;
  DebeziumEncoder encoder;
  EXPECT_EQ(encoder.Render(event, records).error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace headgate::testing
