// The client against a real schema registry: ids, references, compatibility, errors; and Avro through it.
#include <gtest/gtest.h>

#include <random>

#include "core/codec/avro_decoder.h"
#include "core/codec/avro_encoder.h"
#include "core/codec/proto_decoder.h"
#include "core/codec/proto_encoder.h"
#include "core/schema_registry/client.h"
#include "tests/support/http_call.h"
#include "tests/support/private_registry.h"
#include "tests/support/require.h"

namespace headgate::schema_registry {
namespace {

using codec::SchemaLanguage;
using codec::SchemaText;

std::string RecordOf(const char* name, const char* fields) {
  return std::string(R"({"type":"record","name":")") + name + R"(","namespace":"shop","fields":[)" + fields + "]}";
}

class RegistryServer : public ::testing::Test {
 protected:
  void SetUp() override {
    static std::unique_ptr<test::PrivateRegistry> registry;  // one for the tests of this process
    if (registry == nullptr) {
      HG_WITH_SERVER("registry", registry, test::PrivateRegistry::Start());
    }
    url_ = registry->url();
    client_ = Connect();
    run_ = "t" + std::to_string(std::random_device{}()) + ".";
  }
  std::unique_ptr<Client> Connect(bool register_schemas = true) const {
    Options options;
    options.url = *net::ParseUrl(url_);
    options.register_schemas = register_schemas;
    auto client = Client::Open(std::move(options));
    EXPECT_TRUE(client.ok()) << client.error().what;
    return std::move(*client);
  }
  std::string Subject(const std::string& name) const { return run_ + name; }
  void SetCompatibility(const std::string& subject, const std::string& level) const {
    const net::Url url = *net::ParseUrl(url_);
    const auto answer = test::HttpCall(url.HostPort(), "PUT", url.target + "/config/" + subject,
                                       R"({"compatibility":")" + level + "\"}",
                                       {{"Content-Type", "application/vnd.schemaregistry.v1+json"}});
    ASSERT_TRUE(answer.ok()) << answer.error().what;
    ASSERT_EQ(answer->status, 200) << answer->body;
  }

  std::string url_;
  std::string run_;
  std::unique_ptr<Client> client_;
};

TEST_F(RegistryServer, AnswersAProbe) {
  const Status status = client_->Probe();
  EXPECT_TRUE(status.ok()) << status.error().what;
}

TEST_F(RegistryServer, GivesTheSameSchemaTheSameIdAndTheSchemaForTheId) {
  const SchemaText schema{SchemaLanguage::kAvro, RecordOf("A", R"({"name":"a","type":"long"})"), {}};
  const auto id = client_->IdOf(Subject("a-value"), schema);
  ASSERT_TRUE(id.ok()) << id.error().what;
  EXPECT_EQ(*Connect()->IdOf(Subject("a-value"), schema), *id);
  const auto fetched = Connect()->SchemaOf(*id);
  ASSERT_TRUE(fetched.ok()) << fetched.error().what;
  EXPECT_EQ((*fetched)->schema.language, SchemaLanguage::kAvro);
  EXPECT_TRUE(codec::AvroSchema::Parse((*fetched)->schema.text).ok()) << (*fetched)->schema.text;
}

TEST_F(RegistryServer, FollowsReferences) {
  const SchemaText money{SchemaLanguage::kAvro, RecordOf("Money", R"({"name":"cents","type":"long"})"), {}};
  ASSERT_TRUE(client_->IdOf(Subject("money"), money).ok());
  const SchemaText priced{SchemaLanguage::kAvro,
                          RecordOf("Priced", R"({"name":"price","type":"shop.Money"})"),
                          {{"shop.Money", Subject("money"), 1}}};
  const auto id = client_->IdOf(Subject("priced-value"), priced);
  ASSERT_TRUE(id.ok()) << id.error().what;
  const auto fetched = Connect()->SchemaOf(*id);
  ASSERT_TRUE(fetched.ok()) << fetched.error().what;
  ASSERT_EQ((*fetched)->parts.size(), 1U);
  EXPECT_EQ((*fetched)->parts[0].name, "shop.Money");
  EXPECT_TRUE(codec::AvroSchema::Parse((*fetched)->schema.text, {(*fetched)->parts[0].text}).ok());
}

TEST_F(RegistryServer, AnIncompatibleSchemaIsAConfigurationErrorAndKnownBefore) {
  const std::string subject = Subject("strict-value");
  const SchemaText first{SchemaLanguage::kAvro, RecordOf("S", R"({"name":"cents","type":"long"})"), {}};
  const SchemaText wider{
      SchemaLanguage::kAvro,
      RecordOf("S", R"({"name":"cents","type":"long"},{"name":"n","type":["null","int"],"default":null})"),
      {}};
  const SchemaText other{SchemaLanguage::kAvro, RecordOf("S", R"({"name":"cents","type":"string"})"), {}};
  ASSERT_TRUE(client_->IdOf(subject, first).ok());
  SetCompatibility(subject, "BACKWARD");
  EXPECT_TRUE(client_->Check(subject, wider)->compatible);
  const auto check = client_->Check(subject, other);
  ASSERT_TRUE(check.ok()) << check.error().what;
  EXPECT_FALSE(check->compatible);
  const auto refused = client_->IdOf(subject, other);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
  EXPECT_NE(refused.error().what.find(subject), std::string::npos) << refused.error().what;
  EXPECT_TRUE(client_->IdOf(subject, wider).ok()) << "the next good schema goes through";
  EXPECT_TRUE(client_->Check(Subject("nothing-value"), other)->compatible);
}

TEST_F(RegistryServer, WithoutRegisteringASchemaHasToBeThere) {
  const SchemaText schema{SchemaLanguage::kAvro, RecordOf("L", R"({"name":"a","type":"int"})"), {}};
  const auto reader = Connect(false);
  const auto unknown = reader->IdOf(Subject("l-value"), schema);
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().kind, ErrorKind::kConfig);
  const auto id = client_->IdOf(Subject("l-value"), schema);
  ASSERT_TRUE(id.ok());
  const auto found = reader->IdOf(Subject("l-value"), schema);
  ASSERT_TRUE(found.ok()) << found.error().what;
  EXPECT_EQ(*found, *id);
}

TEST_F(RegistryServer, AnIdThatItNeverGaveIsRejectedAndNamed) {
  const auto schema = client_->SchemaOf(2'000'000'000);
  ASSERT_FALSE(schema.ok());
  EXPECT_EQ(schema.error().kind, ErrorKind::kRejected) << schema.error().what;
  EXPECT_NE(schema.error().what.find("2000000000"), std::string::npos);
}

TEST_F(RegistryServer, WhatIsNoSchemaIsAConfigurationError) {
  const auto id = client_->IdOf(Subject("bad-value"), {SchemaLanguage::kAvro, R"({"type":"record"})", {}});
  ASSERT_FALSE(id.ok());
  EXPECT_EQ(id.error().kind, ErrorKind::kConfig) << id.error().what;
}

// The files of the importing message, its import, and the import's import stand under subjects of their own names.
TEST_F(RegistryServer, ProtobufWithImportsIsWrittenAndReadThroughIt) {
  TableSchema table;
  table.schema = "public";
  table.table = "items";
  const auto add = [&](const char* name, TypeKind kind) {
    Column& column = table.columns.emplace_back();
    column.name = name;
    column.type.kind = kind;
    column.nullable = false;
    column.key_position = table.columns.size() == 1 ? 1 : 0;
  };
  add("id", TypeKind::kInt64);
  add("cents", TypeKind::kInt64);
  TransactionInfo tx;
  tx.position = {PositionKind::kPgCommit, 1, 0, 0, {}};
  std::string row;
  PutInt(row, 7);
  PutInt(row, 199);
  Change change;
  change.stream = 1;
  change.has_after = true;
  change.after = row;
  codec::EventContext event;
  event.tx = &tx;
  event.change = &change;
  event.schema = &table;
  event.source_id = event.source_name = "shop";
  event.connector = "postgresql";

  const std::string unit = Subject("unit.proto");
  const std::string money = Subject("money.proto");
  codec::ProtobufOptions options;
  options.schema =
      "syntax = \"proto3\"; package shop; import \"" + money +
      "\"; import \"google/protobuf/timestamp.proto\"; message Other { google.protobuf.Timestamp at = 1; } "
      "message Item { int64 id = 1; Money price = 2; }";
  options.imports = {{money, "syntax = \"proto3\"; package shop; import \"" + unit +
                                 "\"; message Money { int64 cents = 1; Unit unit = 2; }"},
                     {unit, "syntax = \"proto3\"; package shop; enum Unit { EUR = 0; }"}};
  options.message = "Item";
  options.fields = {{"id", "id"}, {"price.cents", "cents"}};
  auto encoder = codec::ProtobufEncoder::Make(options, client_.get());
  ASSERT_TRUE(encoder.ok()) << encoder.error().what;
  codec::RecordList records;
  Status status = (*encoder)->Encode(event, Subject("items"), records);
  ASSERT_TRUE(status.ok()) << status.error().what;

  // The same with a schema made of the table.
  auto derived = codec::ProtobufEncoder::Make({}, client_.get());
  status = (*derived)->Encode(event, Subject("derived"), records);
  ASSERT_TRUE(status.ok()) << status.error().what;

  const auto reader = Connect();
  auto decoder = codec::MakeProtobufDecoder(
      {*codec::ParseFieldPath("id"), *codec::ParseFieldPath("price.cents"), *codec::ParseFieldPath("cents")}, "",
      *reader);
  ASSERT_TRUE(decoder.ok());
  std::vector<Value> values;
  status = (*decoder)->Decode(records[0].value, values);
  ASSERT_TRUE(status.ok()) << status.error().what;
  EXPECT_EQ(values[0].i, 7);
  EXPECT_EQ(values[1].i, 199);
  EXPECT_TRUE(values[2].is_absent());
  status = (*decoder)->Decode(records[1].value, values);
  ASSERT_TRUE(status.ok()) << status.error().what;
  EXPECT_EQ(values[0].i, 7);
  EXPECT_EQ(values[2].i, 199);
}

// S-39: a column comes, both versions are in the topic, each is read with its own schema.
TEST_F(RegistryServer, S_39RowsOfTwoSchemaVersionsAreReadByColumn) {
  TableSchema table;
  table.schema = "public";
  table.table = "orders";
  const auto add = [&](const char* name, TypeKind kind, bool key) {
    Column& column = table.columns.emplace_back();
    column.name = name;
    column.type.kind = kind;
    column.nullable = !key;
    column.key_position = key ? 1 : 0;
  };
  add("id", TypeKind::kInt64, true);
  TransactionInfo tx;
  tx.position = {PositionKind::kPgCommit, 1, 0, 0, {}};
  Change change;
  change.stream = 1;
  change.has_after = true;
  codec::EventContext event;
  event.tx = &tx;
  event.change = &change;
  event.schema = &table;
  event.source_id = event.source_name = "shop";
  event.connector = "postgresql";

  codec::AvroEncoder encoder({}, true, client_.get());
  codec::RecordList records;
  std::string row;
  PutInt(row, 7);
  change.schema = 1;
  change.after = row;
  const std::string topic = Subject("orders");
  Status status = encoder.Encode(event, topic, records);
  ASSERT_TRUE(status.ok()) << status.error().what;
  SetCompatibility(topic + "-value", "BACKWARD");
  add("note", TypeKind::kText, false);
  PutBlob(row, ValueKind::kText, "new");
  change.schema = 2;
  change.after = row;
  status = encoder.Encode(event, topic, records);
  ASSERT_TRUE(status.ok()) << "a column that allows null is a compatible change: " << status.error().what;

  const auto reader = Connect();
  auto decoder = codec::MakeAvroDecoder({*codec::ParseFieldPath("id"), *codec::ParseFieldPath("note")}, *reader);
  ASSERT_TRUE(decoder.ok());
  std::vector<Value> values;
  ASSERT_TRUE((*decoder)->Decode(records[0].value, values).ok());
  EXPECT_EQ(values[0].i, 7);
  EXPECT_TRUE(values[1].is_absent());
  ASSERT_TRUE((*decoder)->Decode(records[1].value, values).ok());
  EXPECT_EQ(values[0].i, 7);
  EXPECT_EQ(values[1].text, "new");
  EXPECT_EQ(reader->requests(), 2U);
}

}  // namespace
}  // namespace headgate::schema_registry
