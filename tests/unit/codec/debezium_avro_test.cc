#include "core/codec/debezium_avro.h"

#include <gtest/gtest.h>

#include "core/base/encoding.h"
#include "core/codec/avro_reader.h"
#include "core/codec/connect_avro.h"
#include "core/codec/wire_header.h"
#include "tests/support/golden_sets.h"
#include "tests/unit/codec/golden_model.h"
#include "tests/unit/codec/record_golden.h"
#include "tests/unit/codec/schema_store_fake.h"

// The `debezium` rendering in Avro. Another implementation (fastavro) was seen reading it from real topics.
namespace headgate::testing {
namespace {

using codec::AvroReader;
using codec::AvroSchema;
using codec::ConnectSchema;
using codec::ConnectType;
using codec::DebeziumAvroEncoder;
using codec::SubjectStrategy;

using Parsed = std::map<std::uint32_t, AvroSchema>;

// "", or what is wrong.
std::string ReadToItsEnd(std::string_view bytes, const FakeSchemaStore& store, Parsed& parsed) {
  const auto header = codec::ReadWireHeader(bytes, false);
  if (!header.ok()) return header.error().what;
  auto known = parsed.find(header->schema_id);
  if (known == parsed.end()) {
    auto schema = AvroSchema::Parse(store.schemas.at(header->schema_id)->schema.text);
    if (!schema.ok()) return schema.error().what;
    known = parsed.emplace(header->schema_id, *std::move(schema)).first;
  }
  AvroReader reader(known->second, bytes.substr(header->size));
  reader.Skip(known->second.root());
  if (reader.failed()) return reader.status().error().what;
  return reader.done() ? "" : "bytes are left";
}

class DebeziumAvro : public ::testing::TestWithParam<std::string> {};

TEST_P(DebeziumAvro, EveryGoldenRecordReadsWithItsSchemaToItsEnd) {
  const std::filesystem::path root = HG_GOLDEN_DIR;
  static const GoldenModel model(root / "model.jsonl");
  const auto set = ReadGoldenSet(root, GetParam());
  ASSERT_TRUE(set.ok()) << set.error().what;
  codec::DebeziumOptions options;
  options.null_with_default = true;
  for (const auto& [name, value] : set->options) ASSERT_TRUE(SetOption(options, name, value).ok()) << name;
  FakeSchemaStore store;
  DebeziumAvroEncoder encoder(options, SubjectStrategy::kTopic, &store);
  Parsed parsed;
  int records = 0;
  const auto captured = [&](const std::string& table) {
    return table != "dp73_int_array_2d" && set->Captures("g." + table);
  };
  const auto see = [&](const codec::EventContext& event) {
    codec::RecordList list;
    const Status status = encoder.Encode(event, "t", list);
    ASSERT_TRUE(status.ok()) << status.error().what;
    for (const codec::Record& record : list) {
      ++records;
      EXPECT_EQ(record.has_key ? ReadToItsEnd(record.key, store, parsed) : "", "");
      EXPECT_EQ(record.has_value ? ReadToItsEnd(record.value, store, parsed) : "", "");
    }
  };
  model.Snapshot(captured, see);
  model.Stream(captured, see);
  EXPECT_GT(records, 0);
}

INSTANTIATE_TEST_SUITE_P(Sets, DebeziumAvro, ::testing::ValuesIn(GoldenSetNames()),
                         [](const auto& set) { return set.param; });

TEST(DebeziumAvroFiles, SchemasAndBytesAreThoseOfTheGoldenFile) {
  FakeSchemaStore store;
  DebeziumAvroEncoder encoder(With({{"compat.version", "3.7.0"}, {"provide.transaction.metadata", "true"}}),
                              SubjectStrategy::kTopic, &store);
  const std::string lines = RecordLines(encoder, Show::kHex);
  std::string text;
  for (const auto& [id, schema] : store.schemas) text += std::to_string(id) + " " + schema->schema.text + "\n";
  ExpectGolden("avro-debezium.txt", text + lines);
}

std::string HexOf(const ConnectSchema& schema, std::string_view json) {
  std::string out;
  const Status status = codec::AppendAvro(out, schema, json);
  return status.ok() ? Hex(out) : std::string(Name(status.error().kind));
}

TEST(ConnectAvro, ANullStandsBehindTheTypeWhereThereIsADefault) {
  ConnectSchema schema = codec::Plain(ConnectType::kInt32).Optional();
  EXPECT_EQ(AvroSchemaOf(schema), R"(["null","int"])");
  EXPECT_EQ(HexOf(schema, "null"), "00");
  EXPECT_EQ(HexOf(schema, "1"), "0202");
  schema.default_json = "7";
  EXPECT_EQ(AvroSchemaOf(schema), R"([{"type":"int","connect.default":7},"null"])");
  EXPECT_EQ(HexOf(schema, "null"), "02");
  EXPECT_EQ(HexOf(schema, "1"), "0002");
}

TEST(ConnectAvro, LogicalTypesAndNarrowNumbersAreSaid) {
  const ConnectSchema decimal = codec::Named(ConnectType::kBytes, "org.apache.kafka.connect.data.Decimal")
                                    .Parameter("scale", "2")
                                    .Parameter("connect.decimal.precision", "5");
  EXPECT_EQ(AvroSchemaOf(decimal),
            R"({"type":"bytes","scale":2,"precision":5,"connect.version":1,"connect.parameters":{"scale":"2",)"
            R"("connect.decimal.precision":"5"},"connect.name":"org.apache.kafka.connect.data.Decimal",)"
            R"("logicalType":"decimal"})");
  EXPECT_EQ(HexOf(decimal, "\"AJY=\""), "040096");
  EXPECT_EQ(AvroSchemaOf(codec::Plain(ConnectType::kInt16)), R"({"type":"int","connect.type":"int16"})");
  EXPECT_EQ(HexOf(codec::Plain(ConnectType::kFloat64), "\"NaN\""), "000000000000f87f");
  EXPECT_EQ(HexOf(codec::Plain(ConnectType::kFloat32), "1.5"), "0000c03f");
}

TEST(ConnectAvro, ADecimalWithMoreFractionThanDigitsIsPlainBytesToAvro) {
  const std::string text = AvroSchemaOf(codec::Named(ConnectType::kBytes, "org.apache.kafka.connect.data.Decimal")
                                            .Parameter("scale", "4")
                                            .Parameter("connect.decimal.precision", "2"));
  EXPECT_EQ(text.find("logicalType"), std::string::npos);
  EXPECT_NE(text.find("\"connect.parameters\":{\"scale\":\"4\""), std::string::npos);
}

TEST(ConnectAvro, DataThatDoesNotFitIsRefused) {
  EXPECT_EQ(HexOf(codec::Plain(ConnectType::kInt32), "\"x\""), "corrupt");
  EXPECT_EQ(HexOf(codec::Plain(ConnectType::kString), "1"), "corrupt");
  EXPECT_EQ(HexOf(codec::Plain(ConnectType::kBytes), "\"*\""), "corrupt");
  EXPECT_EQ(HexOf(codec::Plain(ConnectType::kString), "{"), "corrupt");
  const ConnectSchema row = codec::StructOf("a.B", 1, {codec::Plain(ConnectType::kInt32).Field("x")});
  EXPECT_EQ(HexOf(row, R"({"y":1})"), "corrupt");
  EXPECT_EQ(HexOf(row, R"({"x":1})"), "02");
}

TEST(ConnectAvro, ARegistryThatRefusesEndsTheRunAndLeavesNothing) {
  FakeSchemaStore store;
  store.failure = ConfigError("incompatible");
  DebeziumAvroEncoder encoder({}, SubjectStrategy::kTopic, &store);
  RecordSamples samples;
  codec::RecordList list;
  const Status status = encoder.Encode(samples.Make("insert"), "t", list);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kConfig);
  EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace headgate::testing
