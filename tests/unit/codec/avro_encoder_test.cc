// Rows in Avro: golden bytes, which another implementation reads as the same rows, and what has no form.
#include "core/codec/avro_encoder.h"

#include <gtest/gtest.h>

#include "core/base/encoding.h"
#include "core/codec/avro_decoder.h"
#include "tests/unit/codec/record_golden.h"
#include "tests/unit/codec/schema_store_fake.h"

namespace headgate::testing {
namespace {

using codec::AvroEncoder;
using codec::AvroEnvelope;
using codec::FieldPath;
using codec::RecordList;
using codec::SubjectStrategy;

using K = TypeKind;

std::string WithSchemas(AvroEncoder& encoder) {
  RecordSamples samples;
  const codec::EventContext event = samples.Make("insert");
  return "schema of keys=" + encoder.KeySchema(event) + "\nschema of values=" + encoder.ValueSchema(event) + "\n" +
         RecordLines(encoder, Show::kHex);
}

TEST(AvroEncoder, RowsAndEnvelopesAreThoseOfTheirGoldenFiles) {
  AvroEncoder rows({}, true, nullptr);
  ExpectGolden("avro.txt", WithSchemas(rows));
  AvroEncoder envelopes({.envelope = AvroEnvelope::kNative, .subjects = SubjectStrategy::kTopic}, true, nullptr);
  ExpectGolden("avro-envelope.txt", WithSchemas(envelopes));
}

// The schema of one column and the hexadecimal bytes of one value of it, or why it has none.
std::pair<std::string, std::string> OneColumn(const DataType& type, const std::string& value, bool nullable = false) {
  Table table;
  table.Add("v", type, nullable);
  Sample sample(table.schema);
  AvroEncoder encoder({}, true, nullptr);
  const std::vector<std::string> row = {Int(0), value};
  const codec::EventContext event = sample.Change(Op::kInsert, nullptr, &row);
  std::string schema = encoder.ValueSchema(event);
  const std::string before = R"({"name":"id","type":"long"},{"name":"v","type":)";
  schema = schema.substr(schema.find(before) + before.size());
  schema.resize(schema.size() - 3);  // }]}
  RecordList records;
  const Status status = encoder.Encode(event, "t", records);
  if (!status.ok()) return {schema, std::string(Name(status.error().kind))};
  return {schema, Hex(std::string_view(records[0].value).substr(1))};
}

DataType Unsigned(const char* base) {
  DataType type = Type(K::kUint, base);
  type.family = TypeFamily::kMysql;
  return type;
}

TEST(AvroEncoder, EveryTypeHasItsSchemaAndItsBytes) {
  const auto logical = [](const char* type, const char* name) {
    return std::string(R"({"type":")") + type + R"(","logicalType":")" + name + "\"}";
  };
  const std::int64_t moment = Moment(2016, 11, 4, 13, 51, 30, 123456);  // 1478267490123456
  struct Case {
    DataType type;
    std::string value;
    std::string schema;
    std::string bytes;
  };
  const Case cases[] = {
      {Type(K::kBool, "bool"), Bool(true), R"("boolean")", "01"},
      {Type(K::kInt16, "int2"), Int(-1), R"("int")", "01"},
      {Type(K::kInt32, "int4"), Int(64), R"("int")", "8001"},
      {Type(K::kInt64, "int8"), Int(-64), R"("long")", "7f"},
      {Type(K::kUint, "oid"), Uint(4'000'000'000), R"("long")", "80a0d9e61d"},
      {Unsigned("bigint"), Uint(18446744073709551615U),
       R"({"type":"bytes","logicalType":"decimal","precision":20,"scale":0})", "1200ffffffffffffffff"},
      {Type(K::kFloat, "float4"), Float(1.5F), R"("float")", "0000c03f"},
      {Type(K::kDouble, "float8"), Double(-2), R"("double")", "00000000000000c0"},
      {Numeric(10, 2), Decimal("-1.10"), R"({"type":"bytes","logicalType":"decimal","precision":10,"scale":2})",
       "0292"},
      {Numeric(30, 1), Decimal("12345678901234567890123.4"),
       R"({"type":"bytes","logicalType":"decimal","precision":30,"scale":1})", "141a249b1f10a06c96aff2"},
      {Type(K::kDecimal, "numeric"), Decimal("1.50"), R"("string","doc":"numeric")", "08312e3530"},
      {Type(K::kText, "text"), Text("é"), R"("string")", "04c3a9"},
      {Type(K::kBytes, "bytea"), Bytes(std::string("\0\xFF", 2)), R"("bytes")", "0400ff"},
      {Type(K::kDate, "date"), Date(-1), logical("int", "date"), "01"},
      {Type(K::kTime, "time"), Time(Clock(24, 0, 0)), logical("long", "time-micros"), "8080bbdd8305"},
      {Type(K::kTimestamp, "timestamp"), Timestamp(moment), logical("long", "local-timestamp-micros"),
       "80fb8d8abf9ea005"},
      {Type(K::kTimestampTz, "timestamptz"), TimestampTz(moment), logical("long", "timestamp-micros"),
       "80fb8d8abf9ea005"},
      {Type(K::kUuid, "uuid"), Uuid("a0eebc999c0b4ef8bb6d6bb9bd380a11"), logical("string", "uuid"),
       "48" + Hex("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")},
      {Type(K::kInterval, "interval"), Interval(14, 3, 0), R"("string","doc":"interval")", "0e" + Hex("P1Y2M3D")},
      {Type(K::kJsonb, "jsonb"), Json(R"({"a": 1})"), R"("string","doc":"jsonb")", "0e" + Hex(R"({"a":1})")},
      {ArrayOf(Type(K::kInt32, "int4")), Array({Int(3), Null()}), R"({"type":"array","items":["null","int"]})",
       "0402060000"},
      {ArrayOf(Type(K::kInt32, "int4")), Array({}), R"({"type":"array","items":["null","int"]})", "00"},
      {Type(K::kSet, "set"), Text("a,b"), R"({"type":"array","items":"string"})",
       "0402610262"
       "00"},
  };
  for (const Case& c : cases) {
    const auto [schema, bytes] = OneColumn(c.type, c.value);
    EXPECT_EQ(schema, c.schema) << c.type.base;
    EXPECT_EQ(bytes, c.bytes) << c.type.base;
  }
}

TEST(AvroEncoder, ANullableColumnIsAUnionWithNullFirstAndItsDefault) {
  const DataType text = Type(K::kText, "text");
  EXPECT_EQ(OneColumn(text, Null(), true).first, R"(["null","string"],"default":null)");
  EXPECT_EQ(OneColumn(text, Null(), true).second, "00");
  EXPECT_EQ(OneColumn(text, Text("a"), true).second, "020261");
}

TEST(AvroEncoder, WhatAvroCannotSayIsALetter) {
  const DataType ints = ArrayOf(Type(K::kInt32, "int4"));
  const std::pair<DataType, std::string> cases[] = {
      {Numeric(10, 2), Decimal("NaN")},
      {Numeric(10, 2), Decimal("Infinity")},
      {Numeric(4, 2), Decimal("12345678901234567890.10")},
      {Type(K::kDate, "date"), Date(kInfinity)},
      {Type(K::kDate, "date"), Text("0000-00-00")},
      {Type(K::kTimestamp, "timestamp"), Timestamp(kMinusInfinity)},
      {Type(K::kTimestampTz, "timestamptz"), TimestampTz(kInfinity)},
      {Type(K::kText, "text"), RawText("\xE9")},
      {Type(K::kInt32, "int4"), Int(std::int64_t{1} << 40)},
      {Type(K::kInt32, "int4"), Text("1")},
      {ints, Array({{1, 1}, {1, 1}}, {Int(1)})},
      {ints, Array({{1, 0}}, {Int(1)})},
      {Type(K::kText, "text"), Null()},
      {Type(K::kText, "text"), Absent()},
  };
  for (const auto& [type, value] : cases) EXPECT_EQ(OneColumn(type, value).second, "rejected") << type.base;
}

TEST(AvroEncoder, NamesThatAvroDoesNotAllowAreMadeValidAndStayApart) {
  Table table;
  table.schema.schema = "my-schema";
  table.schema.table = "1 table";
  for (const char* name : {"a b", "a_b", "a-b", "1st", ""}) table.Add(name, Type(K::kInt32, "int4"), false);
  Sample sample(table.schema);
  AvroEncoder encoder({}, true, nullptr);
  const std::string schema = encoder.ValueSchema(sample.Change(Op::kTruncate, nullptr, nullptr));
  EXPECT_TRUE(
      schema.starts_with(R"({"type":"record","name":"Value","namespace":"shop.my_schema._1_table","fields":[{)"))
      << schema;
  for (const char* name : {"a_b", "a_b_2", "a_b_3", "_1st", "_"})
    EXPECT_NE(schema.find(std::string(R"({"name":")") + name + "\""), std::string::npos) << name << " in " << schema;
  EXPECT_TRUE(codec::AvroSchema::Parse(schema).ok());
}

TEST(AvroEncoder, TheHeaderHasTheIdOfTheSubjectOfEachStrategyAskedForOnce) {
  const std::pair<SubjectStrategy, std::vector<std::string>> cases[] = {
      {SubjectStrategy::kTopic, {"orders-key", "orders-value"}},
      {SubjectStrategy::kRecord, {"shop.public.orders.Key", "shop.public.orders.Value"}},
      {SubjectStrategy::kTopicRecord, {"orders-shop.public.orders.Key", "orders-shop.public.orders.Value"}},
  };
  for (const auto& [strategy, subjects] : cases) {
    FakeSchemaStore store;
    AvroEncoder encoder({.envelope = AvroEnvelope::kRow, .subjects = strategy}, true, &store);
    RecordSamples samples;
    RecordList records;
    ASSERT_TRUE(encoder.Encode(samples.Make("insert"), "orders", records).ok());
    ASSERT_TRUE(encoder.Encode(samples.Make("update"), "orders", records).ok());
    ASSERT_EQ(store.subjects.size(), 2U);
    EXPECT_EQ(store.subjects[0].first, subjects[0]);
    EXPECT_EQ(store.subjects[1].first, subjects[1]);
    EXPECT_EQ(Hex(records[1].key),
              "0000000001"
              "54");
    EXPECT_EQ(Hex(records[1].value).substr(0, 12),
              "0000000002"
              "54");
    ASSERT_TRUE(encoder.Encode(samples.Make("update"), "others", records).ok());
    EXPECT_EQ(store.subjects.size(), 4U) << "another topic has subjects of its own";
  }
}

TEST(AvroEncoder, WhatTheRegistryFailsWithComesThroughAndNothingIsMade) {
  FakeSchemaStore store;
  AvroEncoder encoder({}, true, &store);
  RecordSamples samples;
  RecordList records;
  for (const Error& failure : {Transient("away"), ConfigError("incompatible")}) {
    store.failure = failure;
    const Status status = encoder.Encode(samples.Make("insert"), "orders", records);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().kind, failure.kind);
    EXPECT_TRUE(records.empty());
  }
  store.failure.reset();
  EXPECT_TRUE(encoder.Encode(samples.Make("insert"), "orders", records).ok());
}

TEST(AvroEncoder, AnEnvelopeReadsBackWithWhatWasUnavailable) {
  AvroEncoder encoder({.envelope = AvroEnvelope::kNative, .subjects = SubjectStrategy::kTopic}, true, nullptr);
  RecordSamples samples;
  const codec::EventContext event = samples.Make("unavailable");
  RecordList records;
  ASSERT_TRUE(encoder.Encode(event, "orders", records).ok());
  std::vector<FieldPath> paths;
  for (const char* path : {"op", "after.customer", "after.note", "unavailable", "before", "source.position"})
    paths.push_back(*codec::ParseFieldPath(path));
  auto decoder = codec::MakeAvroDecoder(paths, encoder.ValueSchema(event));
  ASSERT_TRUE(decoder.ok()) << decoder.error().what;
  std::vector<Value> values;
  ASSERT_TRUE((*decoder)->Decode(records[0].value, values).ok());
  EXPECT_EQ(values[0].text, "update");
  EXPECT_EQ(values[1].text, "Åsa");
  EXPECT_TRUE(values[2].is_null());
  ArrayReader unavailable(values[3].text);
  EXPECT_EQ(unavailable.Next().text, "note");
  EXPECT_TRUE(unavailable.done());
  EXPECT_TRUE(values[4].is_null());
  EXPECT_EQ(values[5].text, R"({"commit_lsn":"0/16E9FB0","lsn":"0/16E9F28"})");
}

}  // namespace
}  // namespace headgate::testing
