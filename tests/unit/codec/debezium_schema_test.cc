#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/connect_json.h"
#include "tests/support/golden_sets.h"
#include "tests/unit/codec/golden_model.h"
#include "tests/unit/codec/record_golden.h"

// Records with the schemas of Kafka Connect in them (schemas.enable). There are none of upstream's to compare with: the
// payload has to be what upstream wrote without, and to fit its schema; what schemas say is in golden files of ours,
// made by what upstream's SchemaFactory and value converters say.
namespace headgate::testing {
namespace {

using codec::DebeziumOptions;
using codec::EventContext;
using codec::Record;
using SchemaJson = nlohmann::ordered_json;

const std::filesystem::path kGoldenDir = HG_GOLDEN_DIR;

const GoldenModel& SchemaModel() {
  static const GoldenModel model(kGoldenDir / "model.jsonl");
  return model;
}

class DebeziumSchemas : public ::testing::TestWithParam<std::string> {};

std::vector<GoldenRecord> Rendered(const std::string& name, bool schemas) {
  auto set = GoldenRendering::Of(kGoldenDir, name, schemas);
  EXPECT_TRUE(set.ok()) << set.error().what;
  std::vector<GoldenRecord> records;
  if (!set.ok()) return records;
  const auto captured = [&](const std::string& table) {
    return table != "dp73_int_array_2d" && set->Captures(table);  // what Connect has no schema for
  };
  const auto see = [&](const EventContext& event) {
    const Status status = set->Append(event, records);
    EXPECT_TRUE(status.ok()) << status.error().what;
  };
  SchemaModel().Snapshot(captured, see);
  SchemaModel().Stream(captured, see);
  return records;
}

TEST_P(DebeziumSchemas, ThePayloadIsWhatIsWrittenWithoutAndFitsItsSchema) {
  ASSERT_EQ(SchemaModel().error(), "");
  const auto bare = Rendered(GetParam(), false);
  const auto wrapped = Rendered(GetParam(), true);
  ASSERT_EQ(bare.size(), wrapped.size());
  ASSERT_FALSE(bare.empty());
  for (std::size_t i = 0; i < bare.size(); ++i) {
    EXPECT_EQ(bare[i].topic, wrapped[i].topic);
    EXPECT_EQ(bare[i].headers, wrapped[i].headers);
    for (const auto member : {&GoldenRecord::key, &GoldenRecord::value}) {
      ASSERT_EQ((bare[i].*member).has_value(), (wrapped[i].*member).has_value());
      if (!(bare[i].*member)) continue;
      const auto payload = PayloadOf(*(wrapped[i].*member));
      ASSERT_TRUE(payload.ok()) << bare[i].topic << ": " << payload.error().what;
      EXPECT_EQ(*payload, *(bare[i].*member)) << bare[i].topic;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sets, DebeziumSchemas, ::testing::ValuesIn(GoldenSetNames()),
                         [](const auto& set) { return set.param; });

// Columns by topic, once each, as text: "srv.g.dp01_integers s {...}".
std::string ColumnLines(const std::string& name) {
  std::string lines;
  std::set<std::string> seen;
  for (const GoldenRecord& record : Rendered(name, true)) {
    if (!record.value || record.topic.ends_with(".transaction") || record.topic.ends_with(".message")) continue;
    const SchemaJson schema = SchemaJson::parse(*record.value)["schema"];
    for (const SchemaJson& column : schema["fields"][1]["fields"]) {
      const std::string line = record.topic + " " + column.dump() + "\n";
      if (column["field"] != "id" && seen.insert(line).second) lines += line;
    }
  }
  return lines;
}

TEST(DebeziumSchemaFiles, SchemasOfColumnsInEveryMode) {
  for (const char* name : {"default", "binary_hex", "decimal_double", "decimal_string", "hstore_map", "interval_string",
                           "money_fraction_digits", "time_adaptive_microseconds", "time_connect", "time_isostring",
                           "time_microseconds", "time_nanoseconds", "time_structured", "unknown_types"})
    ExpectGolden("connect-" + std::string(name) + ".txt", ColumnLines(name));
}

TEST(DebeziumSchemaFiles, AllThatARecordHasOfSchemas) {
  codec::RecordOptions options;
  options.format = codec::RecordFormat::kDebezium;
  options.debezium = With({{"schemas.enable", "true"},
                           {"compat.version", "3.7.0"},
                           {"provide.transaction.metadata", "true"},
                           {"skipped.operations", "none"}});
  auto encoder = codec::MakeRecordEncoder(std::move(options));
  ASSERT_TRUE(encoder.ok()) << encoder.error().what;
  ExpectGolden("debezium-schemas.txt", RecordLines(**encoder));
}

TEST(DebeziumSchemaRows, AnArrayOfSeveralDimensionsIsParked) {
  const DataType type = ArrayOf(Type(TypeKind::kInt32, "int4"));
  const std::string nested = Array({{2, 1}, {1, 1}}, {Int(1), Int(2)});
  EXPECT_EQ(DebeziumOf(type, nested), "[[1],[2]]");
  EXPECT_TRUE(DebeziumOf(type, nested, With({{"schemas.enable", "true"}})).starts_with("rejected: "));
}

TEST(DebeziumSchemaRows, AHeartbeatHasItsSchemas) {
  codec::DebeziumEncoder encoder(With({{"schemas.enable", "true"}}));
  codec::RecordList list;
  encoder.Heartbeat("__debezium-heartbeat", "shop", 1'700'000'000'000, list);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].topic, "__debezium-heartbeat.shop");
  EXPECT_EQ(PayloadOf(list[0].key).value(), R"({"serverName":"shop"})");
  EXPECT_EQ(PayloadOf(list[0].value).value(), R"({"ts_ms":1700000000000})");
  EXPECT_EQ(SchemaJson::parse(list[0].value)["schema"]["name"], "io.debezium.connector.common.Heartbeat");
}

// A test that reads schemas has to see what is wrong with one.
TEST(ConnectJson, WhatDoesNotFitIsSaid) {
  const auto wrong = [](const std::string& schema, const std::string& payload) {
    const auto read = PayloadOf("{\"schema\":" + schema + ",\"payload\":" + payload + "}");
    return read.ok() ? "" : read.error().what;
  };
  EXPECT_EQ(wrong(R"({"type":"int16","optional":true})", "null"), "");
  EXPECT_NE(wrong(R"({"type":"int16","optional":false})", "null"), "");
  EXPECT_NE(wrong(R"({"type":"int16","optional":false})", "40000"), "");
  EXPECT_NE(wrong(R"({"optional":false,"type":"int16"})", "1"), "");
  EXPECT_NE(wrong(R"({"type":"string","optional":false,"default":1})", "\"x\""), "");
  const std::string row =
      R"({"type":"struct","fields":[{"type":"int32","optional":false,"field":"a"}],"optional":false})";
  EXPECT_EQ(wrong(row, R"({"a":1})"), "");
  EXPECT_NE(wrong(row, R"({"b":1})"), "");
  EXPECT_NE(wrong(row, R"({"a":1,"b":2})"), "");
}

class DebeziumSchemaText : public ::testing::Test {
 protected:
  // The schema of the value, or of the key.
  SchemaJson SchemaOf(const Table& table, const std::vector<std::string>& row, DebeziumOptions options,
                      bool of_key = false) {
    options.schemas = true;
    codec::DebeziumEncoder encoder(std::move(options));
    Sample sample(table.schema);
    codec::RecordList list;
    const Status status = encoder.Render(sample.Change(Op::kInsert, nullptr, &row), list);
    EXPECT_TRUE(status.ok()) << status.error().what;
    return status.ok() ? SchemaJson::parse(of_key ? list[0].key : list[0].value)["schema"] : SchemaJson();
  }
};

TEST_F(DebeziumSchemaText, AKeyHasItsColumnsAndItsName) {
  EXPECT_EQ(SchemaOf(Table(), {Int(7)}, {}, true).dump(),
            R"({"type":"struct","fields":[{"type":"int64","optional":false,"field":"id"}],"optional":false,)"
            R"("name":"shop.public.t.Key"})");
}

// Upstream says an optional column's DEFAULT too; of what is no constant the zero of the type.
TEST_F(DebeziumSchemaText, DefaultsAreThoseOfTheColumns) {
  Table table;
  table.Add("n", Type(TypeKind::kInt32, "int4")).default_expression = "7";
  table.Add("at", Type(TypeKind::kTimestampTz, "timestamptz"), false).default_expression = "now()";
  table.Add("d", Numeric(5, 2), false).default_expression = "1.5";
  const SchemaJson fields =
      SchemaOf(table, {Int(7), Int(1), TimestampTz(0), Decimal("1.00")}, {})["fields"][1]["fields"];
  EXPECT_EQ(fields[1].dump(), R"({"type":"int32","optional":true,"default":7,"field":"n"})");
  EXPECT_EQ(fields[2]["default"], "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(fields[3].dump(),
            R"({"type":"bytes","optional":false,"name":"org.apache.kafka.connect.data.Decimal","version":1,)"
            R"("parameters":{"scale":"2","connect.decimal.precision":"5"},"default":"AJY=","field":"d"})");
}

TEST_F(DebeziumSchemaText, NamesAreAdjustedButForTheirDots) {
  Table table;
  table.schema.table = "odd-t";
  const auto options = With({{"schema.name.adjustment.mode", "avro"}});
  EXPECT_EQ(SchemaOf(table, {Int(7)}, options)["name"], "shop.public.odd_t.Envelope");
  EXPECT_EQ(SchemaOf(table, {Int(7)}, options)["fields"][0]["name"], "shop.public.odd_t.Value");
}

TEST_F(DebeziumSchemaText, OptionsThatShapeTheEnvelopeShapeItsSchema) {
  const SchemaJson schema =
      SchemaOf(Table(), {Int(7)}, With({{"compat.ts_ns", "string"}, {"compat.snapshot_flag", "boolean"}}));
  EXPECT_EQ(schema["fields"][7].dump(), R"({"type":"string","optional":true,"field":"ts_ns"})");
  EXPECT_EQ(schema["fields"][2]["fields"][4].dump(), R"({"type":"boolean","optional":true,"field":"snapshot"})");
}

DataType Mysql(TypeKind kind, std::string_view base, std::string_view declared) {
  DataType type = Type(kind, base);
  type.declared = declared;
  type.family = TypeFamily::kMysql;
  return type;
}

TEST_F(DebeziumSchemaText, LabelsOfMysqlAreParametersWithTheirCommasEscaped) {
  Table table;
  table.Add("e", Mysql(TypeKind::kEnum, "enum", "enum('a','b,c','it''s','x\\y')"));
  const SchemaJson fields = SchemaOf(table, {Int(7), Null()}, {})["fields"][1]["fields"];
  EXPECT_EQ(fields[1]["name"], "io.debezium.data.Enum");
  EXPECT_EQ(fields[1]["parameters"]["allowed"], "a,b\\,c,it's,x\\\\y");
}

TEST_F(DebeziumSchemaText, UnsignedNumbersAreWideEnough) {
  Table table;
  table.Add("t", Mysql(TypeKind::kInt16, "tinyint", "tinyint unsigned"));
  table.Add("b", Mysql(TypeKind::kUint, "bigint", "bigint unsigned"));
  table.Add("y", Mysql(TypeKind::kInt16, "year", "year"));
  table.Add("d", Mysql(TypeKind::kTime, "time", "time"));  // longer than a day, in any precision
  const std::vector<std::string> row = {Int(7), Null(), Null(), Null(), Null()};
  const SchemaJson fields = SchemaOf(table, row, {})["fields"][1]["fields"];
  EXPECT_EQ(fields[1]["type"], "int16");
  EXPECT_EQ(fields[2]["type"], "int64");
  EXPECT_EQ(fields[3].dump(),
            R"({"type":"int32","optional":true,"name":"io.debezium.time.Year","version":1,"field":"y"})");
  EXPECT_EQ(fields[4]["name"], "io.debezium.time.MicroTime");
  const auto precise = With({{"bigint.unsigned.handling.mode", "precise"}});
  EXPECT_EQ(SchemaOf(table, row, precise)["fields"][1]["fields"][2]["parameters"]["connect.decimal.precision"], "20");
}

}  // namespace
}  // namespace headgate::testing
