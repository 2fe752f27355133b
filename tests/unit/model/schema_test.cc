#include "core/model/schema.h"

#include <gtest/gtest.h>

namespace headgate {
namespace {

// A schema that uses every field.
TableSchema Everything() {
  TableSchema schema;
  schema.database = "shop";
  schema.schema = "public";
  schema.table = "orders";
  schema.replica_identity = 'f';
  schema.relation_id = 4'294'967'295U;
  Column id;
  id.name = "id";
  id.type.kind = TypeKind::kInt64;
  id.type.declared = "bigint";
  id.type.base = "int8";
  id.type.oid = 20;
  id.nullable = false;
  id.identity = true;
  id.key_position = 2;
  id.default_expression = "nextval('orders_id_seq'::regclass)";
  Column price;
  price.name = "price";
  price.type.kind = TypeKind::kDecimal;
  price.type.declared = "money_amount";
  price.type.base = "numeric";
  price.type.precision = 10;
  price.type.scale = -2;
  price.type.domain = true;
  price.key_position = 1;
  price.generated = true;
  Column tags;
  tags.name = "tags";
  tags.type.kind = TypeKind::kArray;
  tags.type.declared = "pair[]";
  tags.type.extension = true;
  DataType pair;
  pair.kind = TypeKind::kComposite;
  pair.field_names = {"a", "b"};
  pair.children.resize(2);
  pair.children[0].kind = TypeKind::kChar;
  pair.children[0].length = 5;
  tags.type.children = {pair};
  tags.default_expression = "";
  tags.written = "BOOL";
  tags.written_default = "";
  tags.charset = "latin1";
  tags.auto_increment = true;
  tags.comment = "no\xe9";
  schema.charset = "utf8mb4";
  schema.comment = "\xe9";
  schema.columns = {id, price, tags};
  return schema;
}

TEST(Schema, EveryFieldComesBack) {
  const TableSchema schema = Everything();
  const auto back = DecodeSchema(EncodeSchema(schema));
  ASSERT_TRUE(back.ok());
  EXPECT_TRUE(*back == schema);
  EXPECT_TRUE(back->columns[2].default_expression.has_value()) << "an empty default is one";
  EXPECT_FALSE(back->columns[1].default_expression.has_value());
}

TEST(Schema, AnEmptyOneComesBack) {
  const auto back = DecodeSchema(EncodeSchema({}));
  ASSERT_TRUE(back.ok());
  EXPECT_TRUE(*back == TableSchema{});
}

TEST(Schema, ADifferenceAnywhereIsSeen) {
  const TableSchema schema = Everything();
  TableSchema other = schema;
  other.columns[2].type.children[0].children[0].length = 6;
  EXPECT_FALSE(other == schema);
  other = schema;
  other.columns[0].default_expression.reset();
  EXPECT_FALSE(other == schema);
}

TEST(Schema, NamesThatAreNotUtf8ComeBack) {
  TableSchema schema = Everything();
  schema.table = "caf\xe9";
  schema.columns[0].name = "\xff";
  schema.columns[0].type.declared = "\xc3";
  schema.columns[0].default_expression = "\xe9";
  const auto back = DecodeSchema(EncodeSchema(schema));
  ASSERT_TRUE(back.ok()) << back.error().what;
  EXPECT_TRUE(*back == schema);
}

TEST(Schema, TheKeyIsInKeyOrder) {
  EXPECT_EQ(Everything().Key(), (std::vector<std::size_t>{1, 0}));
  EXPECT_TRUE(TableSchema{}.Key().empty());
}

TEST(Schema, TheKeyOfEventsIsWhatOldRowsAreLoggedWith) {
  using Places = std::vector<std::size_t>;
  TableSchema schema = Everything();
  schema.columns[0].identity = false;
  schema.columns[2].identity = true;
  EXPECT_EQ(schema.EventKey(), (Places{1, 0})) << "whole old rows have every column";
  schema.replica_identity = 'i';
  EXPECT_EQ(schema.EventKey(), (Places{2}));
  EXPECT_EQ(schema.Key(), (Places{1, 0}));
  schema.columns[1].identity = true;
  EXPECT_EQ(schema.EventKey(), (Places{1, 2})) << "half a key identifies nothing";
  schema.columns[0].identity = true;
  EXPECT_EQ(schema.EventKey(), (Places{1, 0})) << "an index that has the key's columns and more";
  for (Column& column : schema.columns) column.identity = false;
  EXPECT_EQ(schema.EventKey(), (Places{1, 0}));
  schema.columns[2].identity = true;
  schema.columns[0].key_position = schema.columns[1].key_position = 0;
  EXPECT_EQ(schema.EventKey(), (Places{2}));
}

TEST(Schema, GarbageIsCorrupt) {
  const auto bad = DecodeSchema("\xff\xff\xff\xff");
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().kind, ErrorKind::kCorrupt);
}

TEST(Schema, CutAtAnyByteNeverCrashes) {
  const std::string bytes = EncodeSchema(Everything());
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    const std::string exact(bytes.data(), cut);
    const auto part = DecodeSchema(exact);
    EXPECT_FALSE(part.ok() && *part == Everything());
  }
}

}  // namespace
}  // namespace headgate
