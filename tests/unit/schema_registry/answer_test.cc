// What answers of a schema registry mean: the table of errors, and shapes that are none of its.
#include "core/schema_registry/answer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace headgate::schema_registry {
namespace {

TEST(RegistryAnswer, EachStatusLeadsToItsKindOfError) {
  struct Case {
    int status;
    const char* body;
    ErrorKind kind;
    const char* said;
  };
  const Case cases[] = {
      {401, "", ErrorKind::kConfig, "registry_password"},
      {403, R"({"error_code":40301,"message":"no"})", ErrorKind::kConfig, "account"},
      {404, R"({"error_code":40401,"message":"Subject not found."})", ErrorKind::kConfig, "Subject not found."},
      {404, R"({"error_code":40402,"message":"Version not found."})", ErrorKind::kConfig, "Version not found."},
      {404, R"({"error_code":40403,"message":"Schema not found"})", ErrorKind::kRejected, "Schema not found"},
      {404, "<html>", ErrorKind::kConfig, "URL"},
      {409, R"({"error_code":409,"message":"field 'cents'"})", ErrorKind::kConfig, "field 'cents'"},
      {409, "", ErrorKind::kConfig, "incompatible"},
      {422, R"({"error_code":42201,"message":"bad"})", ErrorKind::kConfig, "invalid: HTTP 422, bad"},
      {429, "", ErrorKind::kTransient, "HTTP 429"},
      {500, R"({"error_code":50001,"message":"store"})", ErrorKind::kTransient, "store"},
      {503, "[", ErrorKind::kTransient, "HTTP 503"},
      {302, "", ErrorKind::kConfig, "URL"},
      {405, "{}", ErrorKind::kConfig, "URL"},
  };
  for (const Case& c : cases) {
    const Status status = Judge(c.status, c.body, "doing it");
    ASSERT_FALSE(status.ok()) << c.status;
    EXPECT_EQ(status.error().kind, c.kind) << c.status << " " << c.body;
    EXPECT_NE(status.error().what.find(c.said), std::string::npos) << status.error().what;
    EXPECT_TRUE(status.error().what.starts_with("doing it: ")) << status.error().what;
  }
  EXPECT_TRUE(Judge(200, "anything", "doing it").ok());
}

TEST(RegistryAnswer, WhatItSaysIsShortenedToOneLine) {
  const std::string long_text(2'000, 'x');
  const std::string body = nlohmann::json{{"error_code", 409}, {"message", "a\nb" + long_text}}.dump();
  const std::string what = Judge(409, body, "doing it").error().what;
  EXPECT_LT(what.size(), 1'000U);
  EXPECT_NE(what.find("a b"), std::string::npos) << what;
}

TEST(RegistryAnswer, SchemasHaveTheirLanguageAndReferences) {
  const auto plain = ReadVersion(R"({"schema":"\"int\""})", "x");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->schema, (codec::SchemaText{codec::SchemaLanguage::kAvro, "\"int\"", {}}));
  const auto other = ReadVersion(
      R"({"id":7,"version":2,"schemaType":"PROTOBUF","schema":"s","references":[{"name":"a.proto","subject":"a","version":3}]})",
      "x");
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(other->id, 7U);
  EXPECT_EQ(other->version, 2);
  EXPECT_EQ(other->schema.language, codec::SchemaLanguage::kProtobuf);
  EXPECT_EQ(other->schema.references, (std::vector<codec::SchemaReference>{{"a.proto", "a", 3}}));
}

TEST(RegistryAnswer, AnswersOfAnotherShapeAreOfNoRegistry) {
  for (const char* body : {"", "[]", "{}", R"({"id":0})", R"({"id":"1"})", R"({"id":-1})", R"({"id":5000000000})"})
    EXPECT_EQ(ReadId(body, "x").error().kind, ErrorKind::kConfig) << body;
  for (const char* body : {"", "7", "{}", R"({"schema":7})", R"({"schema":"s","references":[7]})"})
    EXPECT_EQ(ReadVersion(body, "x").error().kind, ErrorKind::kConfig) << body;
  EXPECT_EQ(ReadVersion(R"({"schema":"s","schemaType":"XML"})", "x").error().kind, ErrorKind::kRejected);
  for (const char* body : {"", "{}", R"({"is_compatible":1})"}) EXPECT_FALSE(ReadCompatibility(body, "x").ok()) << body;
}

TEST(RegistryAnswer, TheReasonOfAnIncompatibilityIsTold) {
  const auto no = ReadCompatibility(R"({"is_compatible":false,"messages":["a",7,"b"]})", "x");
  ASSERT_TRUE(no.ok());
  EXPECT_FALSE(no->compatible);
  EXPECT_EQ(no->reason, "a; b");
  EXPECT_TRUE(ReadCompatibility(R"({"is_compatible":true})", "x")->compatible);
}

TEST(RegistryAnswer, ARequestNamesWhatIsNotAvro) {
  using codec::SchemaLanguage;
  EXPECT_EQ(SchemaBody({SchemaLanguage::kAvro, "\"int\"", {}}), R"({"schema":"\"int\""})");
  EXPECT_EQ(SchemaBody({SchemaLanguage::kProtobuf, "p", {{"a.proto", "a", 3}}}),
            R"({"references":[{"name":"a.proto","subject":"a","version":3}],"schema":"p","schemaType":"PROTOBUF"})");
}

}  // namespace
}  // namespace headgate::schema_registry
