// Rows of outbox tables as messages (OP-09), and what format=row adds to rows (OP-10).
#include "core/codec/outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/codec/record_encoder.h"
#include "tests/unit/codec/sample.h"

namespace headgate::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

using codec::RecordFormat;
using codec::RecordList;
using codec::RecordOptions;
using Rows = std::vector<std::string>;

Table Outbox(DataType payload = Type(TypeKind::kText, "text")) {
  Table table;
  table.schema.table = "outbox";
  table.Add("aggregatetype", Type(TypeKind::kText, "text"));
  table.Add("aggregateid", Type(TypeKind::kText, "text"));
  table.Add("type", Type(TypeKind::kText, "text"));
  table.Add("payload", std::move(payload));
  table.Add("tenant", Type(TypeKind::kInt32, "int4"));
  return table;
}
Rows Message(std::string_view aggregate, const std::string& payload) {
  return {Int(7), Text(aggregate), Text("order-1"), Text("OrderCreated"), payload, Int(3)};
}

class OutboxTest : public ::testing::Test {
 protected:
  OutboxTest() {
    options_.format = RecordFormat::kDebezium;
    options_.outbox.tables = {"public.outbox"};
  }
  Status Encode(const TableSchema& schema, Op op, const Rows* before, const Rows* after) {
    auto encoder = codec::MakeRecordEncoder(options_);
    EXPECT_TRUE(encoder.ok());
    Sample sample(schema);
    records_.Clear();
    return (*encoder)->Encode(sample.Change(op, before, after), "t", records_);
  }
  RecordOptions options_;
  RecordList records_;
};

TEST_F(OutboxTest, Op09AnInsertedRowIsItsMessageWithTopicKeyAndHeaders) {
  options_.outbox.headers = {{"tenant", "x-tenant"}};
  const Rows row = Message("order", Text("{\"a\": 1}"));
  for (const Op op : {Op::kInsert, Op::kRead}) {
    ASSERT_TRUE(Encode(Outbox().schema, op, nullptr, &row).ok());
    ASSERT_EQ(records_.size(), 1U);
    EXPECT_EQ(records_[0].topic, "outbox.event.order");
    EXPECT_TRUE(records_[0].has_key);
    EXPECT_EQ(records_[0].key, "order-1");
    EXPECT_EQ(records_[0].value, "{\"a\": 1}");
    EXPECT_THAT(records_[0].headers, ElementsAre(Pair("id", "7"), Pair("type", "OrderCreated"), Pair("x-tenant", "3")));
    EXPECT_EQ(records_[0].id_suffix, "");
  }
}

TEST_F(OutboxTest, Op09PayloadsGoOutAsTheyAre) {
  struct Payload {
    DataType type;
    std::string payload;
    bool has_value;
    std::string value;
  };
  const Payload payloads[] = {
      {Type(TypeKind::kText, "text"), Text("plain"), true, "plain"},
      {Type(TypeKind::kText, "text"), Text(""), true, ""},
      {Type(TypeKind::kJsonb, "jsonb"), Json(R"({"a": [1, null]})"), true, R"({"a": [1, null]})"},
      {Type(TypeKind::kBytes, "bytea"), Bytes(std::string_view("\0\xff", 2)), true, std::string("\0\xff", 2)},
      {Type(TypeKind::kInt32, "int4"), Int(5), true, "5"},
      {Type(TypeKind::kText, "text"), Null(), false, ""},
  };
  for (const Payload& c : payloads) {
    const Rows row = Message("order", c.payload);
    ASSERT_TRUE(Encode(Outbox(c.type).schema, Op::kInsert, nullptr, &row).ok());
    ASSERT_EQ(records_.size(), 1U);
    EXPECT_EQ(records_[0].has_value, c.has_value);
    EXPECT_EQ(records_[0].value, c.value);
  }
}

TEST_F(OutboxTest, Op09DeletesAndUpdatesAreNothingUnlessUpdatesAreToBeLetters) {
  const Rows row = Message("order", Text("x"));
  ASSERT_TRUE(Encode(Outbox().schema, Op::kDelete, &row, nullptr).ok());
  EXPECT_TRUE(records_.empty());
  ASSERT_TRUE(Encode(Outbox().schema, Op::kUpdate, &row, &row).ok());
  EXPECT_TRUE(records_.empty());
  options_.outbox.updates = codec::OutboxOptions::Updates::kReject;
  const Status refused = Encode(Outbox().schema, Op::kUpdate, &row, &row);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kRejected);
  EXPECT_THAT(refused.error().what, HasSubstr("public.outbox was updated"));
}

TEST_F(OutboxTest, WhatTopicsMayNotHaveBecomesAnUnderscoreAndAnEmptyTypeALetter) {
  Rows row = Message("ö/der x", Text("x"));
  ASSERT_TRUE(Encode(Outbox().schema, Op::kInsert, nullptr, &row).ok());
  EXPECT_EQ(records_[0].topic, "outbox.event.___der_x");
  for (const std::string& type : {Text(""), Null()}) {
    row[1] = type;
    const Status refused = Encode(Outbox().schema, Op::kInsert, nullptr, &row);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().kind, ErrorKind::kRejected);
  }
  row[1] = Text(std::string(300, 'x'));
  const Status too_long = Encode(Outbox().schema, Op::kInsert, nullptr, &row);
  ASSERT_FALSE(too_long.ok());
  EXPECT_EQ(too_long.error().kind, ErrorKind::kRejected);
  options_.outbox.topic = "all";
  ASSERT_TRUE(Encode(Outbox().schema, Op::kInsert, nullptr, &row).ok());
  EXPECT_EQ(records_[0].topic, "all");
}

TEST_F(OutboxTest, ATableWithoutAColumnThatIsNeededIsAnErrorOfTheSettings) {
  options_.outbox.payload = "body";
  const Rows row = Message("order", Text("x"));
  const Status refused = Encode(Outbox().schema, Op::kInsert, nullptr, &row);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(refused.error().what, HasSubstr("public.outbox has no column body"));
}

TEST_F(OutboxTest, OtherTablesGoOnInTheirFormat) {
  Table table = Outbox();
  table.schema.table = "orders";
  const Rows row = Message("order", Text("x"));
  ASSERT_TRUE(Encode(table.schema, Op::kInsert, nullptr, &row).ok());
  ASSERT_EQ(records_.size(), 1U);
  EXPECT_EQ(records_[0].topic, "t");
  EXPECT_THAT(records_[0].value, HasSubstr(R"("op":"c")"));
}

class FlatRows : public OutboxTest {
 protected:
  FlatRows() {
    options_.format = RecordFormat::kRow;
    options_.outbox.tables.clear();
    table_.Add("name", Type(TypeKind::kText, "text"));
  }
  Table table_;
  Rows row_ = {Int(7), Text("x")};
};

TEST_F(FlatRows, Op10FieldsAreAddedBehindTheColumns) {
  using Field = codec::FlatOptions::Field;
  options_.flat.add_fields = {Field::kOp, Field::kTable, Field::kSchema};
  ASSERT_TRUE(Encode(table_.schema, Op::kInsert, nullptr, &row_).ok());
  EXPECT_EQ(records_[0].value, R"({"id":7,"name":"x","__op":"insert","__table":"t","__schema":"public"})");
  options_.flat.prefix = "m.";
  options_.flat.add_fields = {Field::kOp};
  ASSERT_TRUE(Encode(table_.schema, Op::kUpdate, &row_, &row_).ok());
  EXPECT_EQ(records_[0].value, R"({"id":7,"name":"x","m.op":"update"})");
}

TEST_F(FlatRows, Op10ARewrittenDeleteIsTheRowAsItWasAndItsTombstone) {
  options_.flat.deletes = codec::FlatOptions::Deletes::kRewrite;
  ASSERT_TRUE(Encode(table_.schema, Op::kInsert, nullptr, &row_).ok());
  EXPECT_EQ(records_[0].value, R"({"id":7,"name":"x","__deleted":false})");
  ASSERT_TRUE(Encode(table_.schema, Op::kDelete, &row_, nullptr).ok());
  ASSERT_EQ(records_.size(), 2U);
  EXPECT_EQ(records_[0].value, R"({"id":7,"name":"x","__deleted":true})");
  EXPECT_EQ(records_[0].key, R"({"id":7})");
  EXPECT_FALSE(records_[1].has_value);
  EXPECT_EQ(records_[1].id_suffix, "-t");
  options_.tombstones = false;
  ASSERT_TRUE(Encode(table_.schema, Op::kDelete, &row_, nullptr).ok());
  EXPECT_EQ(records_.size(), 1U);
}

TEST_F(FlatRows, AColumnWithTheNameOfAFieldIsAnErrorOfTheSettings) {
  options_.flat.add_fields = {codec::FlatOptions::Field::kOp};
  table_.Add("__op", Type(TypeKind::kText, "text"));
  row_.push_back(Text("y"));
  const Status refused = Encode(table_.schema, Op::kInsert, nullptr, &row_);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(refused.error().what, HasSubstr("add_fields_prefix"));
  EXPECT_THAT(records_, IsEmpty());
}

TEST(FlatFieldNames, AreAClosedList) {
  codec::FlatOptions::Field field{};
  for (const char* name : {"id", "op", "source", "schema", "table", "ts_ms", "tx_id"}) {
    ASSERT_TRUE(codec::ParseFlatField(name, field)) << name;
    EXPECT_EQ(codec::Name(field), name);
  }
  EXPECT_FALSE(codec::ParseFlatField("lsn", field));
}

}  // namespace
}  // namespace headgate::testing
