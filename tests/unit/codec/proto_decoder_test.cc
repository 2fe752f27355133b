// Records of Protobuf into columns: the messages of the thermostat (H-15 to H-17), every type of field, the registry's
// header, and bytes that are of something else.
#include "core/codec/proto_decoder.h"

#include <gtest/gtest.h>

#include "tests/unit/codec/schema_store_fake.h"
#include "tests/unit/codec/thermostat.h"
#include "tests/unit/codec/told.h"

namespace headgate::testing {
namespace {

using codec::MakeProtobufDecoder;
using codec::ProtoSchema;
using codec::SchemaLanguage;

std::string ReadProto(std::string_view schema, std::string_view message, std::string_view hex,
                      std::initializer_list<const char*> paths) {
  auto decoder = MakeProtobufDecoder(Paths(paths), message, schema);
  return decoder.ok() ? Told(**decoder, hex) : std::string(Name(decoder.error().kind)) + ": " + decoder.error().what;
}

TEST(ProtoDecoder, TheMessagesOfTheThermostatAreRead) {
  const auto control = {"sensorID", "desired", "up_delta", "downDelta"};
  EXPECT_EQ(ReadProto(kThermostat, "TemperatureControl", "08b96011000000000080464019000000000000f03f21000000000000f03f",
                      control),
            "12345,45.000000,1.000000,1.000000");
  const auto data = {"sensor_id", "temperature"};
  EXPECT_EQ(ReadProto(kThermostat, "SensorData", "08b960110000000000004540", data), "12345,42.000000");
  EXPECT_EQ(ReadProto(kThermostat, "SensorData", "08b960110000000000404740", data), "12345,46.500000");
  EXPECT_EQ(ReadProto(kThermostat, "SensorData", "11000000000000e03f", data), "0,0.500000");
  EXPECT_EQ(ReadProto(kThermostat, "SensorData", "08fbffffffffffffffff01110000000000004440", data), "-5,40.000000");
  const auto heater = {"sensorID", "command"};
  EXPECT_EQ(ReadProto(kThermostat, "HeaterControl", "08b960", heater), "12345,On");
  EXPECT_EQ(ReadProto(kThermostat, "HeaterControl", "08b9601001", heater), "12345,Off");
  EXPECT_EQ(ReadProto(kThermostat, "HeaterControl", "1001", heater), "0,Off");
  EXPECT_EQ(ReadProto(kThermostat, "HeaterControl", "08b9601007", heater), "12345,7") << "a value without a name";
}

TEST(ProtoDecoder, H_17AnEmptyPayloadIsAMessageOfDefaults) {
  EXPECT_EQ(ReadProto(kThermostat, "HeaterControl", "", {"sensorID", "command"}), "0,On");
  EXPECT_EQ(ReadProto(kThermostat, "TemperatureControl", "", {"sensorID", "desired"}), "0,0.000000");
}

TEST(ProtoDecoder, H_16GarbageIsRejected) {
  const auto rejected = [](const char* hex) {
    return ReadProto(kThermostat, "SensorData", hex, {"sensorID"}).starts_with("rejected: ");
  };
  EXPECT_TRUE(rejected("ffff"));
  EXPECT_TRUE(rejected("08")) << "cut off";
  EXPECT_TRUE(rejected("1100000000")) << "cut off";
  EXPECT_TRUE(rejected("08ffffffffffffffffffff01")) << "an endless number";
  EXPECT_TRUE(rejected("0f")) << "a wire type that there is not";
  EXPECT_TRUE(rejected("12ffffffff0f61")) << "a length beyond the end";
  EXPECT_TRUE(
      ReadProto("syntax = \"proto3\"; message M { string s = 1; }", "M", "0a01e9", {"s"}).starts_with("rejected: "))
      << "a text that is no UTF-8";
  EXPECT_TRUE(
      ReadProto("syntax = \"proto2\"; message M { required int32 a = 1; optional int32 b = 2; }", "M", "1001", {"b"})
          .starts_with("rejected: "))
      << "a required field is not there";
}

TEST(ProtoDecoder, ARecordOfAnotherMessageIsRejectedWhereItsBytesTell) {
  const std::string said = ReadProto(kThermostat, "SensorData", "08b9601001", {"sensorID", "temperature"});
  EXPECT_EQ(said,
            "rejected: the record is no Protobuf message 'SensorData': its field 2 has another wire type than "
            "'temperature'");
  EXPECT_EQ(ReadProto(kThermostat, "SensorData", "08b9601801", {"sensorID", "temperature"}), "12345,0.000000")
      << "a field of a younger schema is left out";
}

constexpr const char* kAll = R"(
  syntax = "proto3";
  import "google/protobuf/timestamp.proto";
  import "google/protobuf/duration.proto";
  import "google/protobuf/wrappers.proto";
  message All {
    uint32 u32 = 1; uint64 u64 = 2; sint32 s32 = 3; sfixed64 f64 = 4; float f = 5; bool b = 6; string s = 7; bytes y = 8;
    repeated int32 ints = 9; repeated string texts = 10; map<string, int32> counts = 11;
    google.protobuf.Timestamp at = 12; google.protobuf.Duration took = 13; google.protobuf.Int64Value maybe = 14;
    optional int32 opt = 15;
    message Part { string name = 1; Part next = 2; }
    Part part = 16; repeated Part parts = 17;
    oneof event { Part woke = 18; Part slept = 19; }
  })";

TEST(ProtoDecoder, EveryTypeOfFieldBecomesAValueOfItsKind) {
  const auto one = [](const char* hex, const char* path) { return ReadProto(kAll, "All", hex, {path}); };
  EXPECT_EQ(one("08ffffffff0f", "u32"), "unsigned 4294967295");
  EXPECT_EQ(one("10ffffffffffffffffff01", "u64"), "unsigned 18446744073709551615");
  EXPECT_EQ(one("1801", "s32"), "-1");
  EXPECT_EQ(one("21feffffffffffffff", "f64"), "-2");
  EXPECT_EQ(one("2d0000c03f", "f"), "1.500000");
  EXPECT_EQ(one("3001", "b"), "true");
  EXPECT_EQ(one("3a02c3a9", "s"), "é");
  EXPECT_EQ(one("420200ff", "y"), "bytes 00ff");
  EXPECT_EQ(one("4a020102", "ints"), "array 1 2");
  EXPECT_EQ(one("", "ints"), "array");
  EXPECT_EQ(one("52016152006a00", "texts"), "array a ");
  EXPECT_EQ(one("5a050a01611005", "counts"), R"(json {"a":5})");
  EXPECT_EQ(one("620608011080897a", "at"), "timestamptz 1002000");
  EXPECT_EQ(one("", "at"), "null");
  EXPECT_EQ(one("6a020801", "took"), "interval 0 0 1000000");
  EXPECT_EQ(one("72020807", "maybe"), "7");
  EXPECT_EQ(one("", "maybe"), "null");
  EXPECT_EQ(one("", "opt"), "null");
  EXPECT_EQ(one("7800", "opt"), "0");
  EXPECT_EQ(one("8201030a0161", "part"), R"(json {"name":"a"})");
  EXPECT_EQ(one("8a01030a01618a0100", "parts"), R"(json [{"name":"a"},{"name":""}])");
}

// Plain fields are read from the bytes, and by the library where something else is wanted with them.
TEST(ProtoDecoder, PlainFieldsAreTheSameHoweverTheyAreRead) {
  const auto plain = {"u32", "u64", "s32", "f64", "f", "b", "s", "y", "opt"};
  const auto all = {"u32", "u64", "s32", "f64", "f", "b", "s", "y", "opt", "ints"};
  auto scanned = MakeProtobufDecoder(Paths(plain), "All", kAll);
  auto parsed = MakeProtobufDecoder(Paths(all), "All", kAll);
  ASSERT_TRUE(scanned.ok() && parsed.ok());
  const std::vector<std::string> pieces = {"08ffffffff0f",
                                           "08ffffffffffffffffff01",
                                           "0800",
                                           "10ffffffffffffffffff01",
                                           "1801",
                                           "18ffffffffffffffffff01",
                                           "21feffffffffffffff",
                                           "2d0000c03f",
                                           "2d0000c07f",
                                           "3001",
                                           "30ffffffffffffffffff01",
                                           "3080808080808080808000",
                                           "3a02c3a9",
                                           "3a00",
                                           "3a02c328",
                                           "420200ff",
                                           "4200",
                                           "7800",
                                           "788080808010",
                                           "4a020102",
                                           "4805",
                                           "9201030a0163",
                                           "8201030a0161",
                                           "c00c07",
                                           "c20c0161",
                                           "cb0ccc0c",
                                           "0d00000000",
                                           "12",
                                           "08",
                                           "00",
                                           "0f",
                                           "c50c01020304",
                                           "08ffffffffffffffffff7f",
                                           "08ffffffffffffffffffff01",
                                           "888080800001"};
  const auto compare = [&](const std::string& hex) {
    const std::string a = Told(**scanned, hex);
    std::string b = Told(**parsed, hex);
    if (!b.starts_with("rejected: ")) b = b.substr(0, b.rfind(",array"));
    EXPECT_EQ(a, b) << hex;
  };
  compare("");
  for (const auto& one : pieces) {
    compare(one);
    for (const auto& two : pieces) {
      compare(one + two);
      compare(one + two + one);
    }
  }
}

TEST(ProtoDecoder, PathsGoThroughMessagesAndNameTheCaseOfAOneof) {
  const auto paths = {"part.name", "part.next.name", "part#type", "event#type", "woke.name"};
  EXPECT_EQ(ReadProto(kAll, "All", "8201080a016112030a0162", paths), "a,b,Part,null,null");
  EXPECT_EQ(ReadProto(kAll, "All", "", paths), "null,null,null,null,null");
  EXPECT_EQ(ReadProto(kAll, "All", "9201030a0163", paths), "null,null,null,woke,c");
  EXPECT_EQ(ReadProto(kAll, "All", "9a0100", {"event#type"}), "slept");
  EXPECT_EQ(ReadProto(kAll, "All", "", {"value#type"}), "All");
}

TEST(ProtoDecoder, WhatCannotBeFoundIsASetting) {
  const auto said = [](const char* schema, const char* message, const char* path) {
    std::string text = ReadProto(schema, message, "", {path});
    EXPECT_TRUE(text.starts_with("config: ")) << text;
    return text;
  };
  EXPECT_NE(said(kThermostat, "SensorData", "humidity").find("humidity"), std::string::npos);
  EXPECT_NE(said(kThermostat, "SensorDate", "temperature").find("SensorDate"), std::string::npos);
  EXPECT_NE(said(kThermostat, "", "temperature").find("several messages"), std::string::npos);
  EXPECT_NE(said(kAll, "All", "ints.x").find("ints"), std::string::npos);
  EXPECT_NE(said("message M {", "M", "a").find("line 1"), std::string::npos);
  EXPECT_NE(said("syntax = \"proto3\"; import \"a.proto\"; message M {}", "M", "a").find("a.proto"), std::string::npos);
  EXPECT_NE(said("syntax = \"proto3\"; package google.protobuf; message M {}", "M", "a").find("well-known"),
            std::string::npos);
}

TEST(ProtoDecoder, TheHeaderSaysWhichMessageOfWhichSchema) {
  FakeSchemaStore store;
  store.Add({SchemaLanguage::kProtobuf, kThermostat, {}});
  store.Add(
      {SchemaLanguage::kProtobuf,
       R"(syntax = "proto3"; package shop; import "money.proto"; message Item { message Deep { int32 n = 1; } int64 id = 1; Money price = 2; })",
       {{"money.proto", "money.proto", 1}}},
      {{"money.proto", R"(syntax = "proto3"; package shop; message Money { int64 cents = 1; })"}});
  store.Add({SchemaLanguage::kAvro, "\"int\"", {}});
  auto any = MakeProtobufDecoder(Paths({"sensorID", "price.cents", "n"}), "", store);
  ASSERT_TRUE(any.ok());
  EXPECT_EQ(Told(**any,
                 "000000000102"
                 "02"
                 "08b960"),
            "12345,absent,absent")
      << "SensorData is the second";
  EXPECT_EQ(Told(**any,
                 "000000000200"
                 "08011202080a"),
            "absent,10,absent");
  EXPECT_EQ(Told(**any,
                 "0000000002040000"
                 "0803"),
            "absent,absent,3")
      << "a message in the first";
  EXPECT_EQ(store.asked, 2);
  auto data = MakeProtobufDecoder(Paths({"sensorID"}), "SensorData", store);
  EXPECT_EQ(Told(**data,
                 "00000000010202"
                 "08b960"),
            "12345");
  EXPECT_NE(Told(**data,
                 "000000000100"
                 "08b960")
                .find("TemperatureControl"),
            std::string::npos);
  EXPECT_EQ(Told(**data, "00000000010202"), "0") << "an empty message behind its header";
  for (const char* hex : {"00000000010212", "000000000200", "000000000300", "000000000900", "0000000001", "", "ffff"})
    EXPECT_TRUE(Told(**data, hex).starts_with("rejected: ")) << hex << ": " << Told(**data, hex);
  store.failure = Transient("away");
  EXPECT_EQ(Told(**data, "000000000500"), "transient: away");
}

// What protoc makes of: syntax = "proto3"; import "m.proto"; message A { int32 n = 1; M m = 2; }, and of
// syntax = "proto3"; message M { int32 c = 1; }
TEST(ProtoSchema, DescriptorsInBase64AreSchemas) {
  const std::string main = "CgdhLnByb3RvGgdtLnByb3RvIiMKAUESDAoBbhgBIAEoBVIBbhIQCgFtGAIgASgLMgIuTVIBbWIGcHJvdG8z";
  const std::string imported = "CgdtLnByb3RvIhEKAU0SDAoBYxgBIAEoBVIBY2IGcHJvdG8z";
  for (const std::string& import : {imported, std::string("syntax = \"proto3\"; message M { int32 c = 1; }")}) {
    auto decoder = MakeProtobufDecoder(Paths({"n", "m.c"}), "A", main, {{"m.proto", import}});
    ASSERT_TRUE(decoder.ok()) << decoder.error().what;
    EXPECT_EQ(Told(**decoder, "080712020808"), "7,8");
  }
  EXPECT_FALSE(ProtoSchema::Compile(main).ok()) << "without what it imports";
  EXPECT_FALSE(ProtoSchema::Compile("AAAA").ok());
}

TEST(ProtoSchema, AWellKnownTypeMayBeARecordIfItIsNoOther) {
  constexpr const char* kInstant =
      "syntax = \"proto3\"; package google.protobuf; message Timestamp { int64 seconds = 1; int32 nanos = 2; }";
  EXPECT_EQ(ReadProto(kInstant, "Timestamp", "0805", {"value", "seconds"}), "timestamptz 5000000,5");
  EXPECT_FALSE(
      ProtoSchema::Compile("syntax = \"proto3\"; package google.protobuf; message Timestamp { string seconds = 1; }")
          .ok());
}

// The library's parser would take all of the stack.
TEST(ProtoSchema, WhatIsNestedDeeperThan64LevelsIsRefused) {
  const auto nested = [](int levels, const std::string& between) {
    std::string text = "syntax = \"proto3\";";
    for (int i = 0; i < levels; ++i) text += "message A {" + between;
    return text + std::string(static_cast<std::size_t>(levels), '}');
  };
  const auto refused = [](const std::string& text) {
    const auto schema = ProtoSchema::Compile(text);
    return !schema.ok() && schema.error().what.find("64 levels") != std::string::npos;
  };
  // What stands in comments and strings closes nothing.
  for (const char* between :
       {"", "// }\n", "/* } */", "/*/ } */", "option deprecated = '}\\'}';", "option deprecated = '}\n"}) {
    EXPECT_TRUE(refused(nested(10'000, between))) << between;
  }
  EXPECT_TRUE(refused(std::string("message A {") + '\0'));
  const auto shallow = ProtoSchema::Compile(nested(20, "/* { */ // {\n"));
  EXPECT_TRUE(shallow.ok()) << shallow.error().what;
  EXPECT_TRUE(ProtoSchema::Compile("syntax = \"proto3\"; message A { option deprecated = true; } /").error().kind ==
              ErrorKind::kRejected);
}

TEST(ProtoSchema, MessagesAreFoundByNameAndByPlace) {
  const auto schema = ProtoSchema::Compile(
      R"(syntax = "proto3"; package p; message A { message B {} map<string, int32> m = 1; } message C { message B {} })");
  ASSERT_TRUE(schema.ok()) << schema.error().what;
  EXPECT_TRUE((*schema)->Find("A").ok());
  EXPECT_TRUE((*schema)->Find("p.C.B").ok());
  EXPECT_FALSE((*schema)->Find("B").ok()) << "there are two";
  EXPECT_EQ(ProtoSchema::PathOf(**(*schema)->Find("p.C.B")), (std::vector<int>{1, 0}));
  EXPECT_EQ((*schema)->At({1, 0}), *(*schema)->Find("p.C.B"));
  for (const std::vector<int>& path : std::vector<std::vector<int>>{{}, {2}, {0, 7}, {-1}})
    EXPECT_EQ((*schema)->At(path), nullptr);
}

}  // namespace
}  // namespace headgate::testing
