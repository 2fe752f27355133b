#include "web/openapi.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/check.h"
#include "web/api.h"
#include "web/shape.h"

namespace headgate::web {
namespace {

constexpr std::string_view kOwn = "/api/v1/";

// What stands in the braces of a pattern.
constexpr std::pair<std::string_view, std::string_view> kPathParameters[] = {
    {"at", "Place of a record (`4711-1`), or its event id"},
    {"c", "Name of a connector"},
    {"check", "Id of a health check"},
    {"g", "Name of a consumer group"},
    {"id", "Id"},
    {"l", "Area of the diagnostics, or `root`"},
    {"n", "Number of a task"},
    {"p", "Class of a plugin, or an alias"},
    {"s", "Name of a stream"},
    {"token", "What the endpoint was told"},
    {"v", "Name of a view"},
};

Json Ref(std::string_view kind, std::string_view name) {
  return {{"$ref", "#/components/" + std::string(kind) + "/" + std::string(name)}};
}

Json Content(std::string_view type, Json schema) {
  Json content;
  content[std::string(type)] = {{"schema", std::move(schema)}};
  return content;
}

std::string_view Next(std::string_view& list, char separator) {
  const std::size_t end = std::min(list.find(separator), list.size());
  const std::string_view one = Trim(list.substr(0, end));
  list.remove_prefix(std::min(end + 1, list.size()));
  return one;
}

int StatusOf(std::string_view text) {
  int status = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), status);
  CHECK(error == std::errc() && end == text.data() + text.size() && status >= 100);
  return status;
}

// getConnectorsConfig: the method and the words of the path, with those of its parameters in between.
std::string OperationId(const Route& route) {
  std::string id = Lower(route.method);
  bool upper = true;
  for (const char c : route.pattern.starts_with(kOwn) ? route.pattern.substr(4) : route.pattern) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (letter) id += upper && c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
    upper = !letter;
  }
  return id;
}

std::string TagOf(const Route& route) {
  if (route.pattern.starts_with(kOwn)) {
    std::string_view rest = route.pattern.substr(kOwn.size());
    return std::string(Next(rest, '/'));
  }
  const bool connect = route.pattern.starts_with("/connector") || route.pattern.starts_with("/admin/");
  return connect ? "Kafka Connect" : "service";
}

Json Parameters(const Route& route) {
  Json all = Json::array();
  for (std::string_view rest = route.pattern; !rest.empty();) {
    std::string_view part = Next(rest, '/');
    if (!part.starts_with('{')) continue;
    part = part.substr(1, part.size() - 2);
    const auto* const known = std::ranges::find(kPathParameters, part, [](const auto& p) { return p.first; });
    CHECK(known != std::end(kPathParameters));
    Json one;
    one["name"] = part;
    one["in"] = "path";
    one["required"] = true;
    one["description"] = known->second;
    one["schema"] = SchemaOf("string");
    all.push_back(std::move(one));
  }
  for (Member& member : MembersOf(route.contract.query)) {
    Json one;
    one["name"] = member.name;
    one["in"] = member.name.front() >= 'A' && member.name.front() <= 'Z' ? "header" : "query";
    one["schema"] = std::move(member.schema);
    all.push_back(std::move(one));
  }
  return all;
}

// Of any route like this one; its own come on top.
std::set<int> ErrorsOf(const Route& route) {
  std::set<int> errors = {400, 408, 421, 431, 500, 503};
  if (route.produces != Produces::kText) errors.insert(406);
  if (route.method != "GET") errors.insert({403, 413});
  if (route.takes_body()) errors.insert(415);
  if (route.pattern.find('{') != std::string_view::npos) errors.insert(404);
  for (std::string_view rest = route.contract.errors; !rest.empty();) errors.insert(StatusOf(Next(rest, ' ')));
  return errors;
}

std::string_view MediaTypeOf(Produces produces) {
  switch (produces) {
    case Produces::kText:
      return "text/plain";
    case Produces::kEvents:
      return "text/event-stream";
    case Produces::kJson:
      return "application/json";
  }
  return {};
}

// One of Contract::answers: "200", "200 Page", "200 application/openmetrics-text string".
void AddAnswer(Json& responses, const Route& route, std::string_view text) {
  const std::string status(Next(text, ' '));
  Json& answer = responses[status];
  answer["description"] = ReasonPhrase(StatusOf(status));
  text = Trim(text);
  if (text.empty()) return;
  std::string_view rest = text;
  const std::string_view first = Next(rest, ' ');
  const bool typed = first.find('/') != std::string_view::npos;
  const std::string_view type = typed ? first : MediaTypeOf(route.produces);
  answer["content"][std::string(type)] = {{"schema", SchemaOf(typed ? Trim(rest) : text)}};
}

Json Responses(const Route& route) {
  Json responses = Json::object();
  for (std::string_view rest = route.contract.answers; !rest.empty();) AddAnswer(responses, route, Next(rest, ';'));
  const std::string kind = route.pattern.starts_with(kOwn) ? "Problem" : "Error";
  for (const int status : ErrorsOf(route)) {
    const std::string key = std::to_string(status);
    if (!responses.contains(key)) responses[key] = Ref("responses", kind + key);
  }
  return responses;
}

Json Operation(const Route& route) {
  Json operation;
  operation["operationId"] = OperationId(route);
  operation["tags"] = Json::array({TagOf(route)});
  operation["summary"] = route.summary;
  operation["description"] = std::string(route.summary) + ".";
  if (Json parameters = Parameters(route); !parameters.empty()) operation["parameters"] = std::move(parameters);
  if (route.takes_body()) {
    Json content = Content("application/json", SchemaOf(route.contract.body));
    if (!route.other_body.empty()) content[std::string(route.other_body)] = {{"schema", SchemaOf("string")}};
    operation["requestBody"] = {{"content", std::move(content)}};
  }
  operation["responses"] = Responses(route);
  return operation;
}

Json ErrorResponses(std::span<const Route> routes) {
  std::set<int> statuses;
  for (const Route& route : routes) statuses.merge(ErrorsOf(route));
  Json responses = Json::object();
  for (const auto& [kind, type] : {std::pair("Error", "application/json"), {"Problem", "application/problem+json"}}) {
    for (const int status : statuses) {
      Json one;
      one["description"] = ReasonPhrase(status);
      one["content"] = Content(type, Ref("schemas", kind));
      responses[kind + std::to_string(status)] = std::move(one);
    }
  }
  return responses;
}

void CollectRefs(const Json& node, std::set<std::string>& refs) {
  for (const auto& [name, value] : node.items()) {
    if (value.is_structured()) {
      CollectRefs(value, refs);
    } else if (name == "$ref") {
      refs.insert(value.get<std::string>());
    }
  }
}

// What no path leads to is no part of the document: shapes that others only take members of, errors of one dialect.
void DropUnused(Json& document) {
  std::set<std::string> used;
  CollectRefs(document["paths"], used);
  Json& components = document["components"];
  for (std::size_t known = 0; known != used.size();) {
    known = used.size();
    for (const auto& [kind, named] : components.items()) {
      for (const auto& [name, component] : named.items()) {
        if (used.contains("#/components/" + kind + "/" + name)) CollectRefs(component, used);
      }
    }
  }
  for (auto& [kind, named] : components.items()) {
    Json kept = Json::object();
    for (auto& [name, component] : named.items()) {
      if (used.contains("#/components/" + kind + "/" + name)) kept[name] = std::move(component);
    }
    named = std::move(kept);
  }
}

}  // namespace

Json OpenApi(std::span<const Route> routes) {
  Json paths = Json::object();
  std::set<std::string> tags;
  for (const Route& route : routes) {
    paths[std::string(route.pattern)][Lower(route.method)] = Operation(route);
    tags.insert(TagOf(route));
  }
  Json schemas = Json::object();
  for (const NamedShape& named : NamedShapes()) schemas[std::string(named.name)] = SchemaOf(named.shape);
  Json document;
  document["openapi"] = "3.1.0";
  document["info"] = {
      {"title", "Headgate"},
      {"version", HEADGATE_VERSION},
      {"description", "The admin API: Kafka Connect's resources at the root, everything else under /api/v1."},
      {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}};
  document["servers"] = Json::array({{{"url", "/"}, {"description", "This listener"}}});
  document["security"] = Json::array({Json::object()});  // nobody signs in yet
  document["tags"] = Json::array();
  for (const std::string& tag : tags)
    document["tags"].push_back({{"name", tag}, {"description", "Resources of " + tag + "."}});
  document["paths"] = std::move(paths);
  document["components"] = {{"schemas", std::move(schemas)}, {"responses", ErrorResponses(routes)}};
  DropUnused(document);
  return document;
}

}  // namespace headgate::web
