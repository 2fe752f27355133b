// Records of Avro into columns: the examples of the specification, evolution by column (S-39), unions of records
// (S-40), and bytes that are not what they claim (S-38).
#include "core/codec/avro_decoder.h"

#include <gtest/gtest.h>

#include "core/base/encoding.h"
#include "core/codec/avro_schema.h"
#include "core/codec/wire_header.h"
#include "tests/unit/codec/schema_store_fake.h"
#include "tests/unit/codec/told.h"

namespace headgate::testing {
namespace {

using codec::AvroSchema;
using codec::FieldPath;
using codec::MakeAvroDecoder;
using codec::SchemaLanguage;

// The columns, told, with commas; or the error.
std::string Read(std::string_view schema, std::string_view hex, std::initializer_list<const char*> paths) {
  auto decoder = MakeAvroDecoder(Paths(paths), schema);
  if (!decoder.ok()) return "schema: " + decoder.error().what;
  return Told(**decoder, hex);
}

TEST(AvroDecoder, TheExamplesOfTheSpecificationAreRead) {
  constexpr const char* kTest =
      R"({"type":"record","name":"test","fields":[{"name":"a","type":"long"},{"name":"b","type":"string"}]})";
  EXPECT_EQ(Read(kTest, "3606666f6f", {"a", "b"}), "27,foo");
  EXPECT_EQ(Read(kTest, "3606666f6f", {"b"}), "foo");
  EXPECT_EQ(Read(kTest, "3606666f6f", {"value"}), R"(json {"a":27,"b":"foo"})");
  for (const auto& [hex, value] : {std::pair{"00", "0"}, {"01", "-1"}, {"02", "1"}, {"7f", "-64"}, {"8001", "64"}})
    EXPECT_EQ(Read(R"("long")", hex, {"value"}), value);
  EXPECT_EQ(Read(R"({"type":"array","items":"long"})", "04063600", {"value"}), "array 3 27");
  EXPECT_EQ(Read(R"({"type":"array","items":"long"})", "0304063600", {"value"}), "array 3 27")
      << "a block with its size";
  EXPECT_EQ(Read(R"(["null","string"])", "00", {"value"}), "null");
  EXPECT_EQ(Read(R"(["null","string"])", "020261", {"value"}), "a");
}

TEST(AvroDecoder, EveryTypeBecomesAValueOfItsKind) {
  const auto logical = [](const char* type, const char* name) {
    return std::string(R"({"type":")") + type + R"(","logicalType":")" + name + "\"}";
  };
  const auto fixed = [](int size, const std::string& more) {
    return R"({"type":"fixed","name":"f","size":)" + std::to_string(size) + more + "}";
  };
  struct Case {
    std::string schema;
    const char* hex;
    const char* value;
  };
  const Case cases[] = {
      {R"("null")", "", "null"},
      {R"("boolean")", "01", "true"},
      {R"("int")", "ffffffff0f", "-2147483648"},
      {R"("float")", "0000c03f", "1.500000"},
      {R"("double")", "00000000000000c0", "-2.000000"},
      {R"("bytes")", "0400ff", "bytes 00ff"},
      {R"("string")", "04c3a9", "é"},
      {R"("string")", "02e9", "bytes e9"},
      {R"({"type":"enum","name":"e","symbols":["A","B"]})", "02", "B"},
      {fixed(2, ""), "00ff", "bytes 00ff"},
      {logical("string", "uuid"), "4861306565626339392d396330622d346566382d626236642d366262396264333830613131",
       "bytes a0eebc999c0b4ef8bb6d6bb9bd380a11"},
      {logical("string", "uuid"), "0261", "a"},
      {R"({"type":"bytes","logicalType":"decimal","precision":4,"scale":2})", "0292", "-1.10"},
      {R"({"type":"bytes","logicalType":"decimal","precision":4,"scale":2})", "00", "0.00"},
      {R"({"type":"bytes","logicalType":"decimal","precision":20,"scale":0})", "1200ffffffffffffffff",
       "18446744073709551615"},
      {R"({"type":"bytes","logicalType":"decimal","precision":2,"scale":4})", "0292", "bytes 92"},
      {fixed(3, R"(,"logicalType":"decimal","precision":4,"scale":2)"), "ffff92", "-1.10"},
      {fixed(12, R"(,"logicalType":"duration")"), "0e00000003000000e8030000", "interval 14 3 1000000"},
      {logical("int", "date"), "01", "date -1"},
      {logical("int", "time-millis"), "d00f", "time 1000000"},
      {logical("long", "time-micros"), "80897a", "time 1000000"},
      {logical("long", "timestamp-millis"), "02", "timestamptz 1000"},
      {logical("long", "timestamp-micros"), "01", "timestamptz -1"},
      {logical("long", "local-timestamp-micros"), "02", "timestamp 1"},
      {logical("long", "local-timestamp-millis"), "02", "timestamp 1000"},
      {logical("long", "no-such-type"), "02", "1"},
      {logical("string", "date"), "0231", "1"},
      {R"({"type":"map","values":"int"})", "0202610200", R"(json {"a":1})"},
      {R"({"type":"map","values":"int"})", "00", "json {}"},
      {R"({"type":"array","items":["null","int"]})", "0400020600", "array null 3"},
      {R"({"type":"array","items":{"type":"array","items":"int"}})", "040202000000", "json [[1],[]]"},
      {R"({"type":"array","items":"int"})", "00", "array"},
  };
  for (const Case& c : cases) EXPECT_EQ(Read(c.schema, c.hex, {"value"}), c.value) << c.schema;
}

TEST(AvroDecoder, S_40AUnionOfRecordsInsideAnEnvelopeIsReadByPath) {
  constexpr const char* kEnvelope =
      R"({"type":"record","name":"Envelope","namespace":"fleet","fields":[{"name":"event","type":[)"
      R"({"type":"record","name":"DeviceWokeUp","fields":[]},)"
      R"({"type":"record","name":"DataReceived","fields":[{"name":"name","type":"string"},{"name":"value","type":"double"}]},)"
      R"({"type":"record","name":"AllDataReceived","fields":[]}]},{"name":"timestamp","type":"long"}]})";
  const auto paths = {"value.event#type", "event.name", "value.event.value", "timestamp"};
  EXPECT_EQ(Read(kEnvelope, "0002", paths), "DeviceWokeUp,absent,absent,1");
  EXPECT_EQ(Read(kEnvelope,
                 "0202610000000000000040"
                 "04",
                 paths),
            "DataReceived,a,2.000000,2");
  EXPECT_EQ(Read(kEnvelope, "0406", paths), "AllDataReceived,absent,absent,3");
  EXPECT_EQ(Read(kEnvelope, "0606", paths).substr(0, 9), "rejected:") << "there is no fourth branch";
}

TEST(AvroDecoder, APathThroughANullGivesNullsAndThroughAMapItsKey) {
  constexpr const char* kSchema =
      R"({"type":"record","name":"r","fields":[{"name":"a","type":["null",{"type":"record","name":"s","fields":[{"name":"b","type":"int"}]}]},)"
      R"({"name":"m","type":{"type":"map","values":["null","int"]}}]})";
  const auto paths = {"a.b", "a#type", "m.x", "m.y", "a"};
  EXPECT_EQ(Read(kSchema,
                 "00"
                 "00",
                 paths),
            "null,null,absent,absent,null");
  EXPECT_EQ(Read(kSchema,
                 "0208"
                 "0402780206027a00"
                 "00",
                 paths),
            R"(4,s,3,absent,json {"b":4})");
}

// One datum of the linked list {"value":1,"next":null}.
constexpr const char* kList =
    R"({"type":"record","name":"List","fields":[{"name":"value","type":"long"},{"name":"next","type":["null","List"]}]})";

TEST(AvroDecoder, ARecursiveRecordIsReadToALimit) {
  EXPECT_EQ(Read(kList, "02020400", {"value.value", "next.value", "next"}), R"(1,2,json {"value":2,"next":null})");
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "0202";
  EXPECT_NE(Read(kList, deep + "0200", {"value.value"}).find("64 levels"), std::string::npos);
  EXPECT_NE(Read(kList, deep + "0200", {"value"}).find("64 levels"), std::string::npos);
}

TEST(AvroDecoder, S_38BytesThatAreNoRecordOfTheSchemaAreRejected) {
  constexpr const char* kRecord =
      R"({"type":"record","name":"r","fields":[{"name":"a","type":"long"},{"name":"b","type":"string"},)"
      R"({"name":"c","type":{"type":"array","items":"double"}},{"name":"d","type":["null","bytes"]},{"name":"e","type":"boolean"}]})";
  const std::string whole =
      "3606666f6f0200000000000000400002040102"
      "01";
  EXPECT_EQ(Read(kRecord, whole, {"a", "b", "c", "d", "e"}), "27,foo,array 2.000000,bytes 0102,true");
  for (std::size_t size = 0; size < whole.size(); size += 2) {
    for (const auto& paths : {std::initializer_list<const char*>{"a", "b", "c", "d", "e"}, {"e"}, {"value"}})
      EXPECT_EQ(Read(kRecord, whole.substr(0, size), paths).substr(0, 9), "rejected:") << size / 2 << " bytes";
  }
  EXPECT_NE(Read(kRecord, whole + "00", {"a"}).find("left over"), std::string::npos);
  const auto rejected = [](const char* schema, const char* hex) {
    return Read(schema, hex, {"value"}).substr(0, 9) == "rejected:";
  };
  EXPECT_TRUE(rejected(R"("boolean")", "02"));
  EXPECT_TRUE(rejected(R"("int")", "8080808010")) << "more than 32 bits";
  EXPECT_TRUE(rejected(R"("long")", "ffffffffffffffffffff01"));
  EXPECT_TRUE(rejected(R"("string")", "01"));
  EXPECT_TRUE(rejected(R"("string")", "feffffffffffffffff01"));
  EXPECT_TRUE(rejected(R"(["null","int"])", "04"));
  EXPECT_TRUE(rejected(R"(["null","int"])", "01"));
  EXPECT_TRUE(rejected(R"({"type":"enum","name":"e","symbols":["A"]})", "02"));
  EXPECT_TRUE(rejected(R"({"type":"array","items":"null"})",
                       "feffffffffffffffff01"
                       "00"))
      << "items of no bytes";
  EXPECT_TRUE(rejected(R"({"type":"array","items":"null"})",
                       "ffffffffffffffffff01"
                       "0000"))
      << "INT64_MIN";
  EXPECT_TRUE(rejected(R"({"type":"long","logicalType":"timestamp-millis"})", "feffffffffffffffff01"));
  EXPECT_TRUE(rejected(R"({"type":"long","logicalType":"time-micros"})", "01"));
}

TEST(AvroDecoder, S_39EachRecordIsReadWithTheSchemaThatWroteIt) {
  FakeSchemaStore store;
  store.Add({SchemaLanguage::kAvro, R"({"type":"record","name":"r","fields":[{"name":"a","type":"int"}]})", {}});
  store.Add(
      {SchemaLanguage::kAvro,
       R"({"type":"record","name":"r","fields":[{"name":"b","type":"string","default":"x"},{"name":"a","type":"long"}]})",
       {}});
  auto decoder = MakeAvroDecoder(Paths({"a", "b"}), store);
  ASSERT_TRUE(decoder.ok());
  std::vector<Value> values;
  const auto read = [&](std::string_view hex) {
    const std::string bytes = HexBytes(hex);
    const Status status = (*decoder)->Decode(bytes, values);
    return status.ok() ? Told(values[0]) + "," + Told(values[1]) : status.error().what;
  };
  EXPECT_EQ(read("0000000001"
                 "02"),
            "1,absent");
  EXPECT_EQ(read("0000000002"
                 "027904"),
            "2,y");
  EXPECT_EQ(read("0000000001"
                 "04"),
            "2,absent");
  EXPECT_EQ(store.asked, 2) << "a schema is asked for once";
  EXPECT_NE(read("0000000009"
                 "02")
                .find('9'),
            std::string::npos)
      << "an unknown id is named";
  EXPECT_NE(read("0100000001"
                 "02")
                .find("byte 1"),
            std::string::npos);
  EXPECT_NE(read("00000000").find("4 bytes"), std::string::npos);
  EXPECT_NE(read("").find("0 bytes"), std::string::npos);
  store.failure = Transient("away");
  const std::string other = HexBytes(
      "0000000007"
      "02");
  const Status status = (*decoder)->Decode(other, values);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kTransient) << "the record may be good";
  EXPECT_EQ(read("0000000001"
                 "04"),
            "2,absent")
      << "what is known needs no registry";
}

TEST(AvroDecoder, TypesOfReferencedSchemasAreKnown) {
  FakeSchemaStore store;
  store.Add({SchemaLanguage::kAvro,
             R"({"type":"record","name":"Priced","namespace":"shop","fields":[{"name":"price","type":"shop.Money"}]})",
             {{"shop.Money", "shop.money", 1}}},
            {{"shop.Money",
              R"({"type":"record","name":"Money","namespace":"shop","fields":[{"name":"cents","type":"long"}]})"}});
  auto decoder = MakeAvroDecoder(Paths({"price.cents"}), store);
  std::vector<Value> values;
  const std::string bytes = HexBytes(
      "0000000001"
      "06");
  ASSERT_TRUE((*decoder)->Decode(bytes, values).ok());
  EXPECT_EQ(values[0].i, 3);
}

TEST(AvroDecoder, ASchemaOfAnotherLanguageOrWithoutFieldsIsNamed) {
  FakeSchemaStore store;
  store.Add({SchemaLanguage::kProtobuf, "syntax = \"proto3\";", {}});
  store.Add({SchemaLanguage::kAvro, R"("string")", {}});
  auto decoder = MakeAvroDecoder(Paths({"a"}), store);
  std::vector<Value> values;
  for (const auto& [hex, said] : {std::pair{"000000000100", "PROTOBUF"}, {"000000000200", "string"}}) {
    const std::string bytes = HexBytes(hex);
    const Status status = (*decoder)->Decode(bytes, values);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().kind, ErrorKind::kRejected);
    EXPECT_NE(status.error().what.find(said), std::string::npos) << status.error().what;
  }
}

TEST(AvroSchema, WhatIsNoSchemaIsRefusedWithTheReason) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "no JSON"},
      {"{", "no JSON"},
      {"7", "neither a name"},
      {R"("strin")", "'strin'"},
      {"{}", "without \"type\""},
      {R"({"type":"record","name":"r"})", "no list of fields"},
      {R"({"type":"record","fields":[]})", "no name"},
      {R"({"type":"record","name":"a b","fields":[]})", "'a b'"},
      {R"({"type":"record","name":"int","fields":[]})", "primitive"},
      {R"({"type":"record","name":"r","fields":[{"name":"a"}]})", "without type"},
      {R"({"type":"record","name":"r","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]})", "two fields"},
      {R"({"type":"record","name":"r","fields":[{"name":"a","type":"s"}]})", "'s'"},
      {R"([{"type":"fixed","name":"f","size":1},{"type":"fixed","name":"f","size":1}])", "twice"},
      {R"(["int","int"])", "two branches"},
      {R"(["int",["null"]])", "union holds a union"},
      {"[]", "no branches"},
      {R"({"type":"array"})", "items"},
      {R"({"type":"fixed","name":"f","size":-1})", "no size"},
      {R"({"type":"enum","name":"e","symbols":["a","1"]})", "symbol"},
      {std::string(1 << 21, ' '), "1 MiB"},
  };
  for (const auto& [text, why] : cases) {
    const auto schema = AvroSchema::Parse(text);
    ASSERT_FALSE(schema.ok()) << text.substr(0, 100);
    EXPECT_EQ(schema.error().kind, ErrorKind::kRejected);
    EXPECT_NE(schema.error().what.find(why), std::string::npos) << schema.error().what;
  }
  std::string deep = "\"int\"";
  for (int i = 0; i < 100; ++i) deep = R"({"type":"array","items":)" + deep + "}";
  EXPECT_NE(AvroSchema::Parse(deep).error().what.find("64 levels"), std::string::npos);
}

TEST(AvroSchema, NamesAreResolvedInTheNamespaceAroundThem) {
  const auto schema = AvroSchema::Parse(
      R"({"type":"record","name":"a.b.R","fields":[{"name":"f","type":{"type":"enum","name":"E","symbols":["X"]}},)"
      R"({"name":"g","type":"E"},{"name":"h","type":"a.b.E"},{"name":"i","type":{"type":"fixed","name":"F","namespace":"c","size":1}},)"
      R"({"name":"j","type":"c.F"}]})");
  ASSERT_TRUE(schema.ok()) << schema.error().what;
  const auto& fields = schema->root().fields;
  EXPECT_EQ(schema->at(fields[0].node).name, "a.b.E");
  EXPECT_EQ(fields[1].node, fields[0].node);
  EXPECT_EQ(fields[2].node, fields[0].node);
  EXPECT_EQ(schema->at(fields[4].node).name, "c.F");
  EXPECT_EQ(schema->root().short_name(), "R");
}

TEST(FieldPaths, SayKeyOrValueAndTheFieldsOnTheWay) {
  const auto path = [](const char* text) { return *codec::ParseFieldPath(text); };
  EXPECT_EQ(path("temperature"), (FieldPath{false, false, {"temperature"}}));
  EXPECT_EQ(path("value.event.name"), (FieldPath{false, false, {"event", "name"}}));
  EXPECT_EQ(path("key.id"), (FieldPath{true, false, {"id"}}));
  EXPECT_EQ(path("key"), (FieldPath{true, false, {}}));
  EXPECT_EQ(path("value.key"), (FieldPath{false, false, {"key"}}));
  EXPECT_EQ(path("value.event#type"), (FieldPath{false, true, {"event"}}));
  EXPECT_EQ(path("value#type"), (FieldPath{false, true, {}}));
  for (const char* bad : {"", ".", "a.", ".a", "a..b", "a#kind", "#type", "a#type.b"})
    EXPECT_FALSE(codec::ParseFieldPath(bad).ok()) << bad;
}

TEST(FieldPaths, MapsOfColumnsAreReadInOrder) {
  const auto map = codec::ParseFieldMap(" device_id = key.id, value=value.event.value ,t=timestamp");
  ASSERT_TRUE(map.ok()) << map.error().what;
  ASSERT_EQ(map->size(), 3U);
  EXPECT_EQ((*map)[0].first, "device_id");
  EXPECT_EQ((*map)[1].second.steps, (std::vector<std::string>{"event", "value"}));
  EXPECT_TRUE(codec::ParseFieldMap("")->empty());
  for (const char* bad : {"a", "=b", "a=", "a=b,a=c", "a=b,,c=d"}) EXPECT_FALSE(codec::ParseFieldMap(bad).ok()) << bad;
  EXPECT_FALSE(codec::WantedOf(Paths({"a.b", "value.a.b"})).ok());
}

TEST(FieldPaths, NamesAreTheSameButForCaseAndUnderscores) {
  EXPECT_TRUE(codec::SameFieldName("sensor_id", "sensorID"));
  EXPECT_TRUE(codec::SameFieldName("_a", "A_"));
  EXPECT_FALSE(codec::SameFieldName("sensor", "sensor_id"));
  EXPECT_FALSE(codec::SameFieldName("a", "b"));
}

TEST(WireHeader, IsWrittenAndReadBack) {
  std::string out;
  codec::AppendWireHeader(out, 0x01020304);
  EXPECT_EQ(Hex(out), "0001020304");
  codec::AppendMessagePath(out, {0});
  EXPECT_EQ(Hex(out), "000102030400");
  const auto first = codec::ReadWireHeader(out, true);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->schema_id, 0x01020304U);
  EXPECT_EQ(first->message_path, std::vector<int>{0});
  EXPECT_EQ(first->size, 6U);
  out.clear();
  codec::AppendWireHeader(out, 7);
  codec::AppendMessagePath(out, {1, 0});
  EXPECT_EQ(Hex(out), "0000000007040200");
  const auto nested = codec::ReadWireHeader(out + "rest", true);
  ASSERT_TRUE(nested.ok());
  EXPECT_EQ(nested->message_path, (std::vector<int>{1, 0}));
  EXPECT_EQ(nested->size, 8U);
}

TEST(WireHeader, WhatIsNoneIsRejected) {
  for (const char* hex : {"", "00", "00000000", "0100000001"}) {
    for (const bool path : {false, true}) EXPECT_FALSE(codec::ReadWireHeader(HexBytes(hex), path).ok()) << hex;
  }
  for (const char* hex : {"0000000001", "000000000101", "000000000102", "00000000010201", "0000000001ffffffff0f",
                          "000000000102fefffffffffffffffe01"})
    EXPECT_FALSE(codec::ReadWireHeader(HexBytes(hex), true).ok()) << hex;
}

}  // namespace
}  // namespace headgate::testing
