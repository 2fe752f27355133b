#include <nlohmann/json.hpp>

#include "core/base/diag.h"
#include "web/api.h"
#include "web/json.h"

// Kafka Connect's levels of the diagnostics, which change while the process runs and end with it (admin API, 1.2). What
// Connect calls a logger is an area of ours. There is one worker, so both scopes mean the same.
namespace headgate::web {
namespace {

constexpr std::string_view kRoot = "root";

std::string LevelName(diag::Level level) {
  std::string name(diag::Name(level));
  for (char& c : name) c = static_cast<char>(c - 'a' + 'A');
  return name;
}

Json LoggerJson(const diag::Threshold& threshold) {
  Json json;
  json["level"] = LevelName(threshold.level);
  json["last_modified"] = threshold.set_us == 0 ? Json(nullptr) : Json(threshold.set_us / 1000);
  return json;
}

Response NoLogger(const Request& request) {
  std::string text = "There is no logger " + request.Argument(0) + ". The loggers are root";
  for (const std::string_view area : diag::kAreas) text.append(", ").append(area);
  return Fail(request, 404, text + ".");
}

Response ListLoggers(Api&, const Request&) {
  Json json;
  json[kRoot] = LoggerJson(*diag::ThresholdOf(kRoot));
  for (const std::string_view area : diag::kAreas) {
    const auto threshold = *diag::ThresholdOf(area);
    if (threshold.set_us != 0) json[area] = LoggerJson(threshold);
  }
  return Response::Json(200, Dump(json));
}

Response GetLogger(Api&, const Request& request) {
  const auto threshold = diag::ThresholdOf(request.Argument(0));
  return threshold ? Response::Json(200, Dump(LoggerJson(*threshold))) : NoLogger(request);
}

Response SetLogger(Api& api, const Request& request) {
  const std::string& area = request.Argument(0);
  const auto before = diag::ThresholdOf(area);
  if (!before) return NoLogger(request);
  const auto body = ParseJson(request.body, request.json_depth_max);
  if (!body.ok()) return Fail(request, 400, body.error().what);
  if (!body->is_object() || !body->contains("level") || !body->at("level").is_string() || body->size() != 1)
    return Fail(request, 400, R"(The body must be an object with "level" alone, such as {"level":"DEBUG"}.)");
  const std::string asked = body->at("level").get<std::string>();
  const auto level = diag::ParseLevel(asked);
  if (!level) {
    return Fail(
        request, 404,
        "There is no level " + asked.substr(0, 100) + ". The levels are TRACE, DEBUG, INFO, WARN, ERROR and FATAL.");
  }
  diag::SetThreshold(area, *level, api.control.clock().NowUs());
  ServiceEvent event;
  event.kind = "logger_changed";
  event.summary = "level of " + area + ": " + LevelName(before->level) + " -> " + LevelName(*level);
  event.details = {{"logger", area}, {"before", LevelName(before->level)}, {"after", LevelName(*level)}};
  event.SignedBy(request.caller());
  api.control.Record(std::move(event));
  if (request.query.Get("scope") == "cluster") return Response::Empty(204);
  Json changed = Json::array();
  if (area == kRoot) {
    for (const std::string_view one : diag::kAreas) changed.push_back(one);
  }
  changed.push_back(area);
  std::sort(changed.begin(), changed.end());
  return Response::Json(200, Dump(changed));
}

}  // namespace

void AddLoggerRoutes(std::vector<Route>& routes) {
  const Route table[] = {
      {"GET",
       "/admin/loggers",
       Role::kRead,
       "Levels that were set, and the one of all others",
       ListLoggers,
       {.answers = "200 {root: Logger, *: Logger}", .errors = "404"}},
      {"GET", "/admin/loggers/{l}", Role::kRead, "Level of one area", GetLogger, {.answers = "200 Logger"}},
      {"PUT",
       "/admin/loggers/{l}",
       Role::kOperate,
       "Set it; root sets all",
       SetLogger,
       {.query = "scope: string", .body = "{level: string}", .answers = "200 [string]; 204"}},
  };
  routes.insert(routes.end(), std::begin(table), std::end(table));
}

}  // namespace headgate::web
