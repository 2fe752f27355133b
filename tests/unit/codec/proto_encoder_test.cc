// Rows in Protobuf: the messages of the thermostat byte by byte, schemas made of tables, and what has no form.
#include "core/codec/proto_encoder.h"

#include <gtest/gtest.h>

#include "core/base/encoding.h"
#include "core/codec/proto_decoder.h"
#include "core/codec/proto_derived.h"
#include "tests/unit/codec/record_golden.h"
#include "tests/unit/codec/schema_store_fake.h"
#include "tests/unit/codec/thermostat.h"
#include "tests/unit/codec/told.h"

namespace headgate::testing {
namespace {

using codec::ProtobufEncoder;
using codec::ProtobufOptions;
using codec::RecordList;

using K = TypeKind;

ProtobufOptions Given(const char* schema, const char* message,
                      std::vector<std::pair<std::string, std::string>> fields = {}) {
  ProtobufOptions options;
  options.schema = schema;
  options.message = message;
  options.fields = std::move(fields);
  return options;
}

std::string Refusal(const Status& status) {
  return status.ok() ? "ok" : std::string(Name(status.error().kind)) + ": " + status.error().what;
}

// The value of an inserted row in hexadecimal, or the error.
std::string Inserted(ProtobufEncoder& encoder, const TableSchema& schema, const std::vector<std::string>& row) {
  Sample sample(schema);
  RecordList records;
  const Status status = encoder.Encode(sample.Change(Op::kInsert, nullptr, &row), "t", records);
  if (!status.ok()) return Refusal(status);
  EXPECT_EQ(records.size(), 1U);
  EXPECT_TRUE(records[0].has_value);
  return Hex(records[0].value);
}

// As it is made of one column `v` of a message M { <field> v = 1; } or, with `lines`, of more.
std::string OneField(const std::string& declaration, const DataType& type, const std::string& value) {
  Table table;
  table.Add("v", type);
  const std::string schema =
      "syntax = \"proto3\"; import \"google/protobuf/timestamp.proto\"; import \"google/protobuf/duration.proto\"; "
      "import \"google/protobuf/wrappers.proto\"; enum E { A = 0; B_C = 3; } message P { string name = 1; int32 n = 2; "
      "} "
      "message M { " +
      declaration + " v = 1; }";
  auto encoder = ProtobufEncoder::Make(Given(schema.c_str(), "M"), nullptr);
  if (!encoder.ok()) return encoder.error().what;
  return Inserted(**encoder, table.schema, {Int(1), value});
}

Table Heaters() {
  Table table;
  table.Add("sensor_id", Type(K::kInt32, "int4"), false);
  table.Add("command", Type(K::kText, "text"), false);
  return table;
}

TEST(ProtoEncoder, H_15TheResultNamesTheSensorByteByByte) {
  const Table table = Heaters();
  for (const auto& fields : std::vector<std::vector<std::pair<std::string, std::string>>>{
           {}, {{"sensorID", "sensor_id"}, {"command", "command"}}}) {
    auto encoder = ProtobufEncoder::Make(Given(kThermostat, "HeaterControl", fields), nullptr);
    ASSERT_TRUE(encoder.ok()) << encoder.error().what;
    const auto bytes = [&](int sensor, const char* command) {
      return Inserted(**encoder, table.schema, {Int(1), Int(sensor), Text(command)});
    };
    EXPECT_EQ(bytes(12345, "On"), "08b960");
    EXPECT_EQ(bytes(12345, "Off"), "08b9601001");
    EXPECT_EQ(bytes(0, "Off"), "1001");
    EXPECT_EQ(bytes(0, "On"), "") << "an empty value, which is not null";
    EXPECT_EQ(bytes(-5, "On"), "08fbffffffffffffffff01");
    EXPECT_TRUE(bytes(7, "Auto").starts_with("rejected: ")) << bytes(7, "Auto");
    EXPECT_EQ(bytes(7, "Auto").find("Auto"), std::string::npos) << "no values in errors";
  }
}

TEST(ProtoEncoder, EveryKindOfColumnFillsTheFieldsThatCanHoldIt) {
  const DataType any = Type(K::kText, "text");
  const std::int64_t moment = Moment(1970, 1, 1, 0, 0, 1, 500000);
  struct Filled {
    const char* declaration;
    std::string value;
    const char* bytes;
  };
  const Filled cases[] = {
      {"int32", Int(-1), "08ffffffffffffffffff01"},
      {"sint64", Int(-1), "0801"},
      {"uint32", Uint(7), "0807"},
      {"uint64", Int(7), "0807"},
      {"bool", Bool(true), "0801"},
      {"bool", Int(1), "0801"},
      {"float", Float(1.5F), "0d0000c03f"},
      {"double", Decimal("1.50"), "09000000000000f83f"},
      {"double", Int(2), "090000000000000040"},
      {"string", Text("é"), "0a02c3a9"},
      {"string", Decimal("1.50"), "0a04312e3530"},
      {"string", Date(0), "0a0a313937302d30312d3031"},
      {"string", Int(7), "0a0137"},
      {"bytes", Bytes("\x01\x02"), "0a020102"},
      {"bytes", Text("a"), "0a0161"},
      {"E", Text("B_C"), "0803"},
      {"E", Text("bc"), "0803"},
      {"E", Int(3), "0803"},
      {"google.protobuf.Timestamp", TimestampTz(moment), "0a0808011080cab5ee01"},
      {"google.protobuf.Duration", Interval(0, 1, 1'000'000), "0a040881a305"},
      {"google.protobuf.Int64Value", Int(7), "0a020807"},
      {"P", Json(R"({"name": "a", "n": 2})"), "0a050a01611002"},
      {"optional string", Null(), ""},
      {"optional int32", Int(0), "0800"},
      {"P", Null(), ""},
  };
  for (const Filled& c : cases) EXPECT_EQ(OneField(c.declaration, any, c.value), c.bytes) << c.declaration;
  EXPECT_EQ(OneField("repeated int32", ArrayOf(Type(K::kInt32, "int4")), Array({Int(1), Int(2)})), "0a020102");
  EXPECT_EQ(OneField("repeated string", ArrayOf(any), Array({})), "");
}

TEST(ProtoEncoder, WhatAFieldCannotHoldIsALetter) {
  const DataType any = Type(K::kText, "text");
  const std::pair<const char*, std::string> cases[] = {
      {"int32", Int(std::int64_t{1} << 40)},
      {"uint32", Int(-1)},
      {"int32", Text("7")},
      {"bool", Int(2)},
      {"E", Int(1)},
      {"string", RawText("\xE9")},
      {"bytes", Int(1)},
      {"string", Null()},
      {"string", Absent()},
      {"optional string", Absent()},
      {"google.protobuf.Timestamp", TimestampTz(kInfinity)},
      {"google.protobuf.Timestamp", TimestampTz(Moment(10000, 1, 1))},
      {"google.protobuf.Duration", Interval(1, 0, 0)},
      {"P", Json(R"({"other": 1})")},
      {"P", Text("a")},
      {"map<string, int32>", Json(R"({"a": 1})")},
      {"repeated int32", Int(1)},
      {"repeated int32", Null()},
      {"repeated int32", Array({Int(1), Null()})},
      {"repeated int32", Array({{1, 1}, {1, 1}}, {Int(1)})},
      {"repeated int32", Array({{1, 0}}, {Int(1)})},
  };
  for (const auto& [declaration, value] : cases)
    EXPECT_TRUE(OneField(declaration, any, value).starts_with("rejected: column v of public.t"))
        << declaration << ": " << OneField(declaration, any, value);
}

TEST(ProtoEncoder, FieldsMayLieDeeperAndEachMistakeIsASetting) {
  constexpr const char* kNested =
      R"(syntax = "proto2"; message Outer { message Inner { optional int32 id = 1; } optional Inner inner = 1; repeated Inner many = 2; }
         message Strict { required int32 id = 1; required int32 other = 2; })";
  Table table;
  auto deep = ProtobufEncoder::Make(Given(kNested, "Outer", {{"inner.id", "id"}}), nullptr);
  ASSERT_TRUE(deep.ok());
  EXPECT_EQ(Inserted(**deep, table.schema, {Int(7)}), "0a020807");
  const auto refused = [&](const ProtobufOptions& options) {
    auto encoder = ProtobufEncoder::Make(options, nullptr);
    std::string said = encoder.ok() ? Inserted(**encoder, table.schema, {Int(7)}) : Refusal(encoder.error());
    EXPECT_TRUE(said.starts_with("config: ")) << said;
    return said;
  };
  EXPECT_NE(refused(Given(kNested, "Outer", {{"inner.no", "id"}})).find("inner.no"), std::string::npos);
  EXPECT_NE(refused(Given(kNested, "Outer", {{"many.id", "id"}})).find("many.id"), std::string::npos);
  EXPECT_NE(refused(Given(kNested, "Outer", {{"inner.id", "ident"}})).find("ident"), std::string::npos);
  EXPECT_NE(refused(Given(kNested, "Outer")).find("set fields"), std::string::npos) << "no name is the same";
  EXPECT_NE(refused(Given(kNested, "Strict")).find("required"), std::string::npos);
  EXPECT_NE(refused(Given(kNested, "None")).find("None"), std::string::npos);
  EXPECT_NE(refused(Given("message {", "M")).find("line 1"), std::string::npos);
  EXPECT_NE(refused(Given("", "M")).find("set the schema"), std::string::npos);
}

TEST(ProtoEncoder, ASchemaIsMadeOfTheTableAndTheRecordsAreThoseOfTheGoldenFile) {
  RecordSamples samples;
  auto encoder = ProtobufEncoder::Make({}, nullptr);
  ASSERT_TRUE(encoder.ok());
  const std::string schema = codec::ProtoTextOf(samples.schema(), "shop", samples.schema().EventKey());
  ExpectGolden("protobuf.txt", schema + RecordLines(**encoder, Show::kHex));
  RecordList records;
  ASSERT_TRUE((*encoder)->Encode(samples.Make("update"), "orders", records).ok());
  auto decoder =
      codec::MakeProtobufDecoder(Paths({"id", "customer", "total", "placed_at", "tags", "note"}), "Value", schema);
  ASSERT_TRUE(decoder.ok()) << decoder.error().what;
  EXPECT_EQ(Told(**decoder, Hex(records[0].value)),
            "42,Åsa,19.90,timestamptz 1772600767123456,array new gift,a \"note\"");
}

TEST(ProtoEncoder, NamesOfColumnsBecomeFieldsThatDifferInMoreThanCase) {
  Table table;
  table.schema.schema = "google";
  table.schema.table = "protobuf";
  for (const char* name : {"a b", "aB", "A_B", "1st", "message", "optional"})
    table.Add(name, Type(K::kTimestampTz, "timestamptz"));
  const std::string text = codec::ProtoTextOf(table.schema, "google", {0});
  const auto schema = codec::ProtoSchema::Compile(text);
  EXPECT_TRUE(schema.ok()) << schema.error().what << "\n" << text;
}

TEST(ProtoEncoder, WithARegistryTheHeaderHasTheIdAndThePlaceOfTheMessage) {
  FakeSchemaStore store;
  RecordSamples samples;
  RecordList records;
  auto derived = ProtobufEncoder::Make({}, &store);
  ASSERT_TRUE((*derived)->Encode(samples.Make("insert"), "orders", records).ok());
  ASSERT_TRUE((*derived)->Encode(samples.Make("update"), "orders", records).ok());
  ASSERT_EQ(store.subjects.size(), 2U) << "each is asked for once";
  EXPECT_EQ(store.subjects[0].first, "orders-key");
  EXPECT_EQ(store.subjects[1].first, "orders-value");
  EXPECT_EQ(Hex(records[0].key),
            "000000000102"
            "02"
            "082a")
      << "Key is the second message";
  EXPECT_EQ(Hex(records[0].value).substr(0, 14),
            "000000000100"
            "08");

  const Table table = Heaters();
  auto given = ProtobufEncoder::Make(Given(kThermostat, "HeaterControl"), &store);
  EXPECT_EQ(Inserted(**given, table.schema, {Int(1), Int(0), Text("On")}),
            "000000000202"
            "04")
      << "an empty message of the third place";
}

TEST(ProtoEncoder, ImportsAreRegisteredBeforeWhatRefersToThem) {
  FakeSchemaStore store;
  ProtobufOptions options = Given(
      R"(syntax = "proto3"; import "b.proto"; import "google/protobuf/any.proto"; message M { int64 id = 1; B b = 2; })",
      "M");
  options.imports = {{"b.proto", R"(syntax = "proto3"; import "a.proto"; message B { A a = 1; })"},
                     {"a.proto", R"(syntax = "proto3"; message A { int32 n = 1; })"}};
  auto encoder = ProtobufEncoder::Make(options, &store);
  ASSERT_TRUE(encoder.ok()) << encoder.error().what;
  Table table;
  EXPECT_EQ(Inserted(**encoder, table.schema, {Int(7)}),
            "000000000300"
            "0807");
  ASSERT_EQ(store.subjects.size(), 3U);
  EXPECT_EQ(store.subjects[0].first, "a.proto");
  EXPECT_EQ(store.subjects[1].first, "b.proto");
  EXPECT_EQ(store.schemas[3]->schema.references, (std::vector<codec::SchemaReference>{{"b.proto", "b.proto", 1}}));
}

TEST(ProtoEncoder, WhatTheRegistryFailsWithComesThrough) {
  FakeSchemaStore store;
  store.failure = Transient("away");
  auto encoder = ProtobufEncoder::Make({}, &store);
  Table table;
  EXPECT_EQ(Inserted(**encoder, table.schema, {Int(7)}), "transient: away");
  store.failure.reset();
  EXPECT_EQ(Inserted(**encoder, table.schema, {Int(7)}),
            "000000000100"
            "0807");
}

}  // namespace
}  // namespace headgate::testing
