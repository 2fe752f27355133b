#include <nlohmann/json.hpp>

#include "web/api.h"
#include "web/json.h"
#include "web/metrics.h"
#include "web/openapi.h"

// GET /, health and readiness, metrics (admin API, 1.2 and 5).
namespace headgate::web {
namespace {

// The first two parts must be integers of at least 3.6 for clients of Kafka Connect (1.9, trap 3).
constexpr std::string_view kConnectVersion = "4.1.0-headgate.";

// Kafka Connect's root. There is no console yet, so a browser gets the same.
Response Root(Api& api, const Request&) {
  Json json;
  json["version"] = std::string(kConnectVersion) + HEADGATE_VERSION;
  json["commit"] = api.options.commit;
  json["kafka_cluster_id"] = api.control.instance_id();
  return Response::Json(200, Dump(json));
}

Response Health(Api& api, const Request&) {
  const bool ready = api.control.ready();
  api.pulse.Beat(api.control);
  Json json;
  if (ready && api.pulse.IsLate(api.control)) {
    json["status"] = "unhealthy";
    json["message"] = "The thread that runs the connectors has not answered for 10 s.";
    return Response::Json(500, Dump(json));
  }
  json["status"] = ready ? "healthy" : "starting";
  json["message"] =
      ready ? "Worker has completed startup and is ready to handle requests." : "Worker is still starting up.";
  return Response::Json(ready ? 200 : 503, Dump(json));
}

Response Live(Api&, const Request&) {
  Response response;
  response.type = "text/plain; charset=utf-8";
  response.body = "ok\n";
  return response;
}

// Whether the service can be asked and can store; never whether every sink is up (AP26).
Response Ready(Api& api, const Request& request) {
  const bool ready = api.control.ready();
  Response response;
  response.status = ready ? 200 : 503;
  response.type = "text/plain; charset=utf-8";
  if (request.query.Has("verbose")) {
    for (std::string_view check : {"config", "database", "catalogue"}) {
      response.body.append(ready ? "[+]" : "[-]").append(check).append(ready ? " ok\n" : " not yet\n");
    }
  }
  response.body += ready ? "ok\n" : "starting\n";
  return response;
}

Response Metrics(Api& api, const Request& request) {
  const bool open_metrics = Names(request.Header("accept"), "application/openmetrics-text");
  Response response;
  response.type = open_metrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                               : "text/plain; version=0.0.4; charset=utf-8";
  response.body = RenderMetrics(api, open_metrics);
  return response;
}

// Notices of the service as a whole: an open bind, slots left behind.
Response Warnings(Api& api, const Request&) {
  const auto warnings = api.control.service_warnings();
  Json json;
  json["status"] = warnings.empty() ? "healthy" : "warning";
  json["warnings"] = warnings;
  return Response::Json(200, Dump(json));
}

// The same for the life of the process.
Response Document(Api&, const Request&) {
  static const std::string document = Dump(OpenApi(AllRoutes()));
  return Response::Json(200, document);
}

}  // namespace

void AddServiceRoutes(std::vector<Route>& routes) {
  const Route table[] = {
      {"GET",
       "/",
       Role::kRead,
       "Version and identity",
       Root,
       {.answers = "200 {version: string, commit: string, kafka_cluster_id: string}"}},
      {"GET",
       "/health",
       Role::kNone,
       "Kafka Connect's health of the worker",
       Health,
       {.answers = "200 WorkerHealth; 500 WorkerHealth; 503 WorkerHealth"}},
      {"GET", "/livez", Role::kNone, "The process answers", Live, {.answers = "200 string"}, Produces::kText},
      {"GET",
       "/readyz",
       Role::kNone,
       "The service can be used",
       Ready,
       {.query = "verbose: string", .answers = "200 string; 503 string"},
       Produces::kText},
      {"GET",
       "/metrics",
       Role::kRead,
       "Figures for Prometheus",
       Metrics,
       {.answers = "200 string; 200 application/openmetrics-text string"},
       Produces::kText},
      {"GET", "/openapi.json", Role::kRead, "This document", Document, {.answers = "200 {*: any}"}},
      {"GET",
       "/api/v1/health",
       Role::kRead,
       "Warnings of the service as a whole",
       Warnings,
       {.answers = "200 {status: string, warnings: [string]}"}},
  };
  routes.insert(routes.end(), std::begin(table), std::end(table));
}

}  // namespace headgate::web
