#include <map>
#include <nlohmann/json.hpp>

#include "core/config/masking.h"
#include "web/connect_shapes.h"
#include "web/flat_config.h"
#include "web/page.h"

// /api/v1: tests before use, and what goes out while somebody looks (admin API, 4.8 and 4.9).
namespace headgate::web {
namespace {

constexpr std::int64_t kTraceSecondsMax = 3600;

std::string_view StatusOfFinding(Finding::Level level) {
  switch (level) {
    case Finding::Level::kOk:
      return "ok";
    case Finding::Level::kWarning:
      return "warning";
    case Finding::Level::kError:
      return "error";
  }
  return "error";
}

Json TextOrNull(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json ChecksJson(const std::vector<Finding>& findings) {
  Json checks = Json::array();
  bool good = true;
  for (const Finding& finding : findings) {
    good = good && finding.level != Finding::Level::kError;
    Json one;
    one["id"] = finding.id;
    one["status"] = StatusOfFinding(finding.level);
    one["summary"] = finding.summary;
    one["hint"] = TextOrNull(finding.hint);
    one["fix"] = TextOrNull(finding.fix);
    if (!finding.key.empty()) one["key"] = finding.key;
    checks.push_back(std::move(one));
  }
  Json json;
  json["ok"] = good;
  json["checks"] = std::move(checks);
  return json;
}

// What is to be tried: a config, or a connector's own with changes. Masks mean what is stored, as in a write (7.3).
struct Tried {
  std::shared_ptr<const ConnectorRecord> stored;
  config::FlatConfig config;
};

// Nothing if all is well, else the answer.
std::optional<Response> ReadTried(Api& api, const Request& request, Tried& tried) {
  constexpr const char* kTriedShape =
      "The body must be {\"config\":{...}}, or {\"connector\":\"name\",\"config\":{changes}}.";
  const auto body = ParseJson(request.body, request.json_depth_max);
  if (!body.ok()) return Fail(request, 400, body.error().what);
  if (!body->is_object()) return Fail(request, 400, kTriedShape);
  for (const auto& [member, value] : body->items()) {
    const bool known = (member == "config" && value.is_object()) || (member == "connector" && value.is_string());
    if (!known && !value.is_null()) return Fail(request, 400, kTriedShape, {}, {{"/" + member.substr(0, 100), "?"}});
  }
  if (body->contains("connector") && (*body)["connector"].is_string()) {
    const auto name = (*body)["connector"].get<std::string>();
    tried.stored = api.control.Find(name);
    if (tried.stored == nullptr) return NoConnector(request, name);
    tried.config = tried.stored->config;
  } else if (!body->contains("config")) {
    return Fail(request, 400, kTriedShape);
  }
  if (!body->contains("config") || (*body)["config"].is_null()) return std::nullopt;
  const Json& changes = (*body)["config"];
  for (const auto& [key, value] : changes.items()) {
    if (value.is_null() && tried.stored != nullptr) tried.config.erase(key);
  }
  Json rest = Json::object();
  for (const auto& [key, value] : changes.items()) {
    if (!value.is_null()) rest[key] = value;
  }
  auto flat = ReadFlat(rest);
  if (!flat.ok()) return Fail(request, 400, flat.error().what);
  for (auto& [key, value] : flat->config) tried.config[key] = value;
  return std::nullopt;
}

// The plugin and the whole config that are meant; nothing if all is well, else the answer.
std::optional<Response> Unmask(Api& api, const Request& request, const Tried& tried, const config::ComponentSpec*& spec,
                               config::Unmasked& unmasked) {
  const std::string asked = tried.config.contains("connector.class") ? tried.config.at("connector.class") : "";
  spec = api.control.FindPlugin(asked);
  if (spec == nullptr) {
    const std::string text = asked.empty() ? "The config has no connector.class."
                                           : "There is no connector.class " + asked.substr(0, 255) + ".";
    return Fail(request, 422, text, {}, {{"/config/connector.class", text}});
  }
  unmasked =
      config::UnmaskUpdate(*spec, tried.stored == nullptr ? config::FlatConfig{} : tried.stored->config, tried.config);
  return std::nullopt;
}

// AP23.
Response TestConnection(Api& api, const Request& request) {
  Tried tried;
  const config::ComponentSpec* spec = nullptr;
  config::Unmasked unmasked;
  if (auto refused = ReadTried(api, request, tried)) return std::move(*refused);
  if (auto refused = Unmask(api, request, tried, spec, unmasked)) return std::move(*refused);
  Later later;
  later.lane = Lane::kChecks;
  later.stage = "the connection test";
  later.work = [control = &api.control, spec, unmasked = std::move(unmasked),
                name = tried.stored != nullptr ? tried.stored->name : std::string("test")](std::stop_token) {
    std::vector<Finding> findings;
    for (const config::KeyError& error : unmasked.errors)
      findings.push_back({"settings", Finding::Level::kError, error.text, "", "", error.key});
    if (findings.empty()) findings = control->Preflight(*spec, name, unmasked.config);
    return Response::Json(200, Dump(ChecksJson(findings)));
  };
  return Response::Run(std::move(later));
}

Json ListedJson(const ListedTable& table) {
  Json columns = Json::array();
  std::map<std::uint32_t, std::string> key;
  for (const ListedTable::Listed& column : table.columns) {
    columns.push_back({{"name", column.name}, {"type", column.type}, {"nullable", column.nullable}});
    if (column.key_position > 0) key[column.key_position] = column.name;
  }
  Json json;
  json["schema"] = table.schema;
  json["table"] = table.name;
  json["columns"] = std::move(columns);
  json["key"] = Json::array();
  for (const auto& [position, name] : key) json["key"].push_back(name);
  json["rows_estimate"] = table.rows_estimate;
  json["replica_identity"] = TextOrNull(table.replica_identity);
  return json;
}

// AP24.
Response ListTables(Api& api, const Request& request) {
  Tried tried;
  const config::ComponentSpec* spec = nullptr;
  config::Unmasked unmasked;
  if (auto refused = ReadTried(api, request, tried)) return std::move(*refused);
  if (auto refused = Unmask(api, request, tried, spec, unmasked)) return std::move(*refused);
  if (!unmasked.errors.empty()) return FromRefusal(request, {422, unmasked.errors.front().text, unmasked.errors});
  Later later;
  later.lane = Lane::kChecks;
  later.stage = "listing tables";
  later.work = [control = &api.control, spec, config = std::move(unmasked.config), outline = Outline(request),
                name = tried.stored != nullptr ? tried.stored->name : std::string("test")](std::stop_token) {
    const auto answer = control->ListTables(*spec, name, config);
    if (const auto* refusal = std::get_if<Refusal>(&answer)) return FromRefusal(outline, *refusal);
    Json items = Json::array();
    for (const ListedTable& table : std::get<std::vector<ListedTable>>(answer)) items.push_back(ListedJson(table));
    Json json;
    json["items"] = std::move(items);
    return Response::Json(200, Dump(json));
  };
  return Response::Run(std::move(later));
}

// AP25.
Response SendTestEvent(Api& api, const Request& request) {
  if (api.control.Find(request.Argument(0)) == nullptr) return NoConnector(request, request.Argument(0));
  TestEvent event;
  if (!request.body.empty()) {
    const auto body = ParseJson(request.body, request.json_depth_max);
    if (!body.ok()) return Fail(request, 400, body.error().what);
    if (!body->is_object()) return Fail(request, 400, "The body must be {\"stream\":\"name\",\"payload\":{...}}.");
    for (const auto& [member, value] : body->items()) {
      if (value.is_null()) continue;
      if (member == "stream" && value.is_string()) {
        event.stream = value.get<std::string>().substr(0, 300);
      } else if (member == "payload") {
        event.payload = Dump(value);
      } else {
        return Fail(request, 400,
                    member == "stream" ? "stream must be a name." : "Unknown member \"" + member.substr(0, 100) + "\".",
                    {}, {{"/" + member.substr(0, 100), "?"}});
      }
    }
  }
  Later later;
  later.lane = Lane::kChecks;
  later.stage = "the test event";
  later.work = [control = &api.control, event = std::move(event), outline = Outline(request)](std::stop_token) {
    const auto answer = control->SendTest(outline.Argument(0), event);
    if (const auto* refusal = std::get_if<Refusal>(&answer)) return FromRefusal(outline, *refusal);
    const auto& sent = std::get<TestDelivery>(answer);
    Json json;
    json["ok"] = sent.status >= 200 && sent.status < 300;
    json["request"] = sent.request;
    json["status"] = sent.status == 0 ? Json(nullptr) : Json(sent.status);
    json["response"] = TextOrNull(sent.response);
    json["duration_ms"] = sent.duration_ms;
    json["error"] = TextOrNull(sent.error);
    return Response::Json(200, Dump(json));
  };
  return Response::Run(std::move(later));
}

// --- traces (AP22)

Json TracedJson(const TracedDelivery& traced) {
  Json json;
  json["at"] = TimeJson(traced.at_us);
  json["outcome"] = traced.outcome;
  json["events"] = traced.events;
  json["event_ids"] = traced.event_ids;
  json["request"] = TextOrNull(traced.request);
  json["body"] = TextOrNull(traced.body);
  json["status"] = traced.status == 0 ? Json(nullptr) : Json(traced.status);
  json["response"] = TextOrNull(traced.response);
  json["duration_ms"] = traced.duration_ms;
  json["error"] = TextOrNull(traced.error);
  if (!traced.record.empty()) json["record"] = traced.record;
  return json;
}

Json TraceState(Api& api, const DeliveryTrace& trace) {
  Json json;
  json["on"] = trace.on(api.control.clock().NowUs());
  json["until"] = TimeJson(trace.until_us());
  return json;
}

Response GetTrace(Api& api, const Request& request) {
  const auto found = api.control.TraceOf(request.Argument(0));
  if (const auto* refusal = std::get_if<Refusal>(&found)) return FromRefusal(request, *refusal);
  const auto& trace = *std::get<std::shared_ptr<DeliveryTrace>>(found);
  Json json = TraceState(api, trace);
  Json items = Json::array();
  const auto deliveries = trace.deliveries();
  for (const auto& one : *deliveries) items.push_back(TracedJson(*one));
  json["items"] = std::move(items);
  return Response::Json(200, Dump(json));
}

Response StartTrace(Api& api, const Request& request) {
  const auto found = api.control.TraceOf(request.Argument(0));
  if (const auto* refusal = std::get_if<Refusal>(&found)) return FromRefusal(request, *refusal);
  const auto body = ParseJson(request.body, request.json_depth_max);
  if (!body.ok()) return Fail(request, 400, body.error().what);
  constexpr const char* kTraceShape = "The body must be {\"seconds\":60}, at most 3600, and q if you like.";
  if (!body->is_object() || !body->contains("seconds") || !(*body)["seconds"].is_number_integer())
    return Fail(request, 400, kTraceShape, {}, {{"/seconds", kTraceShape}});
  for (const auto& [member, value] : body->items()) {
    if (member != "seconds" && !(member == "q" && value.is_string()))
      return Fail(request, 400, kTraceShape, {}, {{"/" + member.substr(0, 100), kTraceShape}});
  }
  const auto seconds = (*body)["seconds"].get<std::int64_t>();
  if (seconds < 1 || seconds > kTraceSecondsMax)
    return Fail(request, 400, kTraceShape, {}, {{"/seconds", kTraceShape}});
  std::optional<Filter> q;
  if (body->contains("q")) {
    auto parsed = Filter::Parse((*body)["q"].get<std::string>());
    if (!parsed.ok()) return Fail(request, 400, parsed.error().what, "bad-filter", {{"/q", parsed.error().what}});
    q = std::move(*parsed);
  }
  auto& trace = *std::get<std::shared_ptr<DeliveryTrace>>(found);
  trace.Start(api.control.clock().NowUs() + seconds * 1'000'000, std::move(q));
  return Response::Json(200, Dump(TraceState(api, trace)));
}

Response StopTrace(Api& api, const Request& request) {
  const auto found = api.control.TraceOf(request.Argument(0));
  if (const auto* refusal = std::get_if<Refusal>(&found)) return FromRefusal(request, *refusal);
  std::get<std::shared_ptr<DeliveryTrace>>(found)->Stop();
  return Response::Empty(204);
}

}  // namespace

void AddTrialRoutes(std::vector<Route>& routes) {
  const Route table[] = {
      {"POST",
       "/api/v1/connections/test",
       Role::kAdmin,
       "Try a config without saving it",
       TestConnection,
       {.body = "{connector?: string?, config?: ConfigPatch?}", .answers = "200 Preflight", .errors = "404 422"}},
      {"POST",
       "/api/v1/connections/tables",
       Role::kAdmin,
       "The tables of a source's server, for choosing",
       ListTables,
       {.body = "{connector?: string?, config?: ConfigPatch?}",
        .answers = "200 {items: [ListedTable]}",
        .errors = "404 409 422"}},
      {"POST",
       "/api/v1/connectors/{c}/test-event",
       Role::kOperate,
       "Send one marked event past the queue",
       SendTestEvent,
       {.body = "{stream?: string?, payload?: any}", .answers = "200 TestDelivery", .errors = "409 422"}},
      {"GET",
       "/api/v1/connectors/{c}/trace",
       Role::kOperate,
       "The last deliveries of a sink",
       GetTrace,
       {.answers = "200 {on: bool, until: time?, items: [TracedDelivery]}", .errors = "409"}},
      {"POST",
       "/api/v1/connectors/{c}/trace",
       Role::kOperate,
       "Look at deliveries for a time",
       StartTrace,
       {.body = "{seconds: int, q?: string}", .answers = "200 {on: bool, until: time?}", .errors = "409"}},
      {"DELETE",
       "/api/v1/connectors/{c}/trace",
       Role::kOperate,
       "Look no longer",
       StopTrace,
       {.answers = "204", .errors = "409"}},
  };
  routes.insert(routes.end(), std::begin(table), std::end(table));
}

}  // namespace headgate::web
