#include "tests/support/api_contract.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace headgate::test {
namespace {

using testing::HasSubstr;

const ApiContract& Contract() {
  static const ApiContract contract(R"({
    "paths": {
      "/things": {"get": {"responses": {"200": {"content": {"application/json": {"schema":
        {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}}}}}}},
      "/api/v1/things/{t}": {"get": {"parameters": [{"name": "limit"}, {"name": "key.<column>"}],
        "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
                      "404": {"$ref": "#/components/responses/Problem404"}}}},
      "/api/v1/things/all": {"delete": {"responses": {"204": {"description": "gone"}}}}},
    "components": {
      "schemas": {
        "Thing": {"type": "object", "required": ["name"], "additionalProperties": false, "properties":
          {"name": {"type": "string"}, "state": {"enum": ["on", "off"], "type": "string"},
           "at": {"type": ["string", "null"], "format": "date-time"}, "seq": {"type": "string", "pattern": "^[0-9]+$"}}},
        "Error": {"type": "object", "required": ["error_code"], "properties": {"error_code": {"type": "integer"}},
                  "additionalProperties": {"type": "string"}},
        "Problem": {"type": "object", "required": ["status"], "properties": {"status": {"type": "integer"}},
                    "additionalProperties": false}},
      "responses": {"Problem404": {"content": {"application/problem+json": {"schema":
        {"$ref": "#/components/schemas/Problem"}}}}}}})");
  return contract;
}

std::string Of(const std::string& target, int status, const std::string& body,
               const std::string& type = "application/json") {
  return Contract().Problem("GET", target, status, type, body);
}

TEST(ApiContract, AP28_TakesWhatTheDocumentHas) {
  EXPECT_EQ(Of("/things/", 200, R"([{"name":"a","state":"on"},{"name":"b","at":null,"seq":"17"}])"), "");
  EXPECT_EQ(Of("/api/v1/things/x?limit=3&key.id=7", 200, R"({"name":"x","at":"2026-01-02T03:04:05.000006Z"})"), "");
  EXPECT_EQ(Of("/api/v1/things/x", 404, R"({"status":404})", "application/problem+json"), "");
  EXPECT_EQ(Contract().Problem("DELETE", "/api/v1/things/all", 204, "", ""), "");
  EXPECT_EQ(Contract().Problem("HEAD", "/things", 200, "application/json; charset=utf-8", ""), "");
  EXPECT_EQ(Of("/nowhere", 404, R"({"error_code":404,"message":"no"})"), "");
}

TEST(ApiContract, AP28_TellsWhatTheDocumentDoesNotHave) {
  EXPECT_THAT(Of("/things", 500, "{}"), HasSubstr("no such status"));
  EXPECT_THAT(Of("/things", 200, "[]", "text/html"), HasSubstr("no media type text/html"));
  EXPECT_THAT(Of("/things", 200, "["), HasSubstr("no JSON"));
  EXPECT_THAT(Of("/things", 200, "{}"), HasSubstr("is not of type"));
  EXPECT_THAT(Of("/things", 200, R"([{"name":"a"},{}])"), HasSubstr("at '/1': there is no member \"name\""));
  EXPECT_THAT(Of("/things", 200, R"([{"name":"a","more":1}])"), HasSubstr("no member more"));
  EXPECT_THAT(Of("/things", 200, R"([{"name":"a","state":"up"}])"), HasSubstr("is none of"));
  EXPECT_THAT(Of("/things", 200, R"([{"name":"a","at":"yesterday"}])"), HasSubstr("is no time"));
  EXPECT_THAT(Of("/things", 200, R"([{"name":"a","seq":"1x"}])"), HasSubstr("no integer as text"));
  EXPECT_EQ(Contract().UnknownParameter("GET", "/api/v1/things/x?colour=red"), "colour");
  EXPECT_EQ(Contract().UnknownParameter("GET", "/api/v1/things/x?limit=1&key.id=2"), "");
  EXPECT_EQ(Contract().UnknownParameter("GET", "/api/v1/things/x"), "");
  EXPECT_THAT(Of("/nowhere", 200, "{}"), HasSubstr("no such operation"));
  EXPECT_THAT(Of("/nowhere", 404, "{}"), HasSubstr("error_code"));
  EXPECT_THAT(Contract().Problem("DELETE", "/api/v1/things/all", 204, "", "x"), HasSubstr("no body"));
}

}  // namespace
}  // namespace headgate::test
