#include "web/openapi.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "web/api.h"
#include "web/shape.h"

namespace headgate::web {
namespace {

Response Answerless(Api&, const Request&) { return Response::Empty(204); }

TEST(Shape, IsJsonSchemaInShort) {
  EXPECT_EQ(
      SchemaOf("{name: string, n?: int?, *: bool}").dump(),
      R"({"type":"object","properties":{"name":{"type":"string"},"n":{"type":["integer","null"],"format":"int64"}},)"
      R"("required":["name"],"additionalProperties":{"type":"boolean"}})");
  EXPECT_EQ(SchemaOf("['on'|'off']").dump(), R"({"type":"array","items":{"type":"string","enum":["on","off"]}})");
  EXPECT_EQ(SchemaOf("TaskId?").dump(), R"({"anyOf":[{"$ref":"#/components/schemas/TaskId"},{"type":"null"}]})");
  EXPECT_EQ(SchemaOf("{...TaskId, more: any}")["required"].dump(), R"(["connector","task","more"])");
}

TEST(Shape, NamesAreInOrderAndEachCanBeRead) {
  std::string_view last;
  for (const NamedShape& named : NamedShapes()) {
    EXPECT_LT(last, named.name);
    last = named.name;
    EXPECT_TRUE(SchemaOf(named.shape).is_object()) << named.name;
  }
}

TEST(OpenApi, AP28_ARouteHasItsParametersBodiesStatusesAndErrors) {
  const Route route = {"PUT",
                       "/api/v1/views/{v}/things/{id}",
                       Role::kAdmin,
                       "Change a thing",
                       Answerless,
                       {.query = "force: bool, If-Match: string",
                        .body = "{a: int}",
                        .answers = "200 TaskId; 204",
                        .errors = "409 412"}};
  const Json document = OpenApi(std::span(&route, 1));
  const Json& operation = document["paths"]["/api/v1/views/{v}/things/{id}"]["put"];
  EXPECT_EQ(operation["operationId"], "putV1ViewsVThingsId");
  std::map<std::string, std::string> parameters;
  for (const Json& one : operation["parameters"]) parameters[one["name"]] = one["in"];
  EXPECT_EQ(parameters, (std::map<std::string, std::string>{
                            {"v", "path"}, {"id", "path"}, {"force", "query"}, {"If-Match", "header"}}));
  EXPECT_TRUE(operation["requestBody"]["content"].contains("application/json"));
  std::set<std::string> statuses;
  for (const auto& [status, response] : operation["responses"].items()) statuses.insert(status);
  EXPECT_EQ(statuses, (std::set<std::string>{"200", "204", "400", "403", "404", "406", "408", "409", "412", "413",
                                             "415", "421", "431", "500", "503"}));
  EXPECT_EQ(operation["responses"]["409"]["$ref"], "#/components/responses/Problem409");
  EXPECT_TRUE(document["components"]["responses"].contains("Problem409"));
  EXPECT_FALSE(document["components"]["responses"].contains("Error409")) << "nothing refers to it";
  std::set<std::string> schemas;
  for (const auto& [name, schema] : document["components"]["schemas"].items()) schemas.insert(name);
  EXPECT_EQ(schemas, (std::set<std::string>{"Problem", "TaskId"}));
}

TEST(OpenApi, AP28_TheDocumentHasEveryRouteAndEachReferenceLeadsSomewhere) {
  const auto routes = AllRoutes();
  const Json document = OpenApi(routes);
  std::set<std::string> ids;
  for (const Route& route : routes) {
    const Json& operation = document["paths"][std::string(route.pattern)][Lower(route.method)];
    EXPECT_TRUE(operation.contains("responses")) << route.method << route.pattern;
    EXPECT_TRUE(ids.insert(operation["operationId"]).second) << operation["operationId"];
  }
  EXPECT_EQ(ids.size(), routes.size());
  const std::string text = document.dump();
  std::set<std::string> refs;
  for (std::size_t at = 0; (at = text.find("\"$ref\":\"", at)) != std::string::npos;) {
    at += 8;
    refs.insert(text.substr(at, text.find('"', at) - at));
  }
  for (const std::string& ref : refs) EXPECT_TRUE(document.contains(Json::json_pointer(ref.substr(1)))) << ref;
  for (const NamedShape& named : NamedShapes()) {
    const bool spread = named.name == "Page" || named.name == "Tail" || named.name == "EventFilter" ||
                        named.name == "RowChoice" || named.name == "LetterFields" || named.name == "Freshness" ||
                        named.name == "Letter" || named.name == "Summary" || named.name == "GroupSettings";
    EXPECT_TRUE(spread || refs.contains("#/components/schemas/" + std::string(named.name)))
        << named.name << " is used by nobody";
  }
}

}  // namespace
}  // namespace headgate::web
