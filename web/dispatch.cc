#include <exception>

#include "core/base/diag.h"
#include "core/base/encoding.h"
#include "web/api.h"
#include "web/cors.h"
#include "web/host_guard.h"

namespace headgate::web {
namespace {

bool Changes(std::string_view method) { return method != "GET" && method != "HEAD" && method != "OPTIONS"; }

// "http://host:port/x" of a proxy's request counts as "/x".
bool ReadTarget(Request& request) {
  std::string_view target = request.target;
  if (target.starts_with("http://") || target.starts_with("https://")) {
    const std::size_t slash = target.find('/', target.find("//") + 2);
    target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
  }
  const std::size_t mark = target.find('?');
  const std::string path(target.substr(0, mark));
  auto query = Query::Parse(mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1));
  auto segments = SplitPath(path);
  request.path = path;
  if (!query || !segments) return false;
  request.query = std::move(*query);
  request.segments = std::move(*segments);
  return true;
}

bool AcceptsProduct(std::string_view accept, Produces produces) {
  switch (produces) {
    case Produces::kJson:
      return Accepts(accept, "application/json") || Accepts(accept, "application/problem+json");
    case Produces::kEvents:
      return Accepts(accept, "text/event-stream");
    case Produces::kText:
      return true;
  }
  return true;
}

std::optional<Response> CheckHost(const Api& api, const Request& request) {
  std::size_t hosts = 0;
  for (const auto& [name, value] : request.headers) hosts += name == "host";
  if (hosts == 0 && request.http_1_0) return std::nullopt;  // probes of load balancers send none
  if (hosts == 0) return Fail(request, 400, "There is no Host header, which HTTP/1.1 demands.");
  if (hosts > 1) return Fail(request, 400, "There is more than one Host header.");
  if (HostAllowed(request.Header("host"), request.local, api.options.allowed_hosts)) return std::nullopt;
  return Fail(
      request, 421,
      "The Host header does not name this listener. Call it by its address, or add the name to api.allowed_hosts.");
}

std::optional<Response> CheckContent(const Route& route, const Request& request) {
  const std::string_view accept = request.Header("accept");
  const bool page = route.pattern == "/" && Names(accept, "text/html");
  if (!AcceptsProduct(accept, route.produces) && !page) {
    return Fail(request, 406, "The Accept header leaves no media type that this resource has.");
  }
  if (!route.takes_body()) return std::nullopt;
  const std::string type = MediaType(request.Header("content-type"));
  if (!type.empty() && type != "application/json" && (route.other_body.empty() || type != route.other_body)) {
    const std::string other = route.other_body.empty() ? "" : " or " + std::string(route.other_body);
    return Fail(request, 415, "The body must be application/json" + other + ", not " + type.substr(0, 100) + ".");
  }
  return std::nullopt;
}

Response FindAndHandle(Api& api, const Router& router, Request& request, std::string& label) {
  const bool readable = ReadTarget(request);
  if (auto refused = CheckHost(api, request)) return std::move(*refused);
  if (!readable) {
    return Fail(request, 400,
                "The path or the query is malformed: it starts with '/', and %XX escapes stand for UTF-8.");
  }
  Router::Match match = router.Find(request.method, request.segments);
  if (!match.pattern.empty()) label = match.pattern;
  if (auto may = Preflight(api.options, request)) return std::move(*may);
  if (match.status == 404) return Fail(request, 404, "There is no resource " + request.path.substr(0, 300) + ".");
  if (match.status == 405) {
    return Fail(request, 405, request.method.substr(0, 32) + " is not offered here, only " + match.allow + ".")
        .With("Allow", match.allow);
  }
  if (Changes(request.method) && !CorsAllows(api.options, request) &&
      !OriginAllowed(request.Header("origin"), request.Header("host"), api.options.allowed_origins)) {
    return Fail(request, 403, "A page of another origin may not change anything here.");
  }
  if (auto refused = CheckContent(*match.route, request)) return std::move(*refused);
  for (const std::string& argument : match.arguments) {
    if (const std::string problem = NameProblem(argument); !problem.empty()) return Fail(request, 400, problem);
  }
  request.arguments = std::move(match.arguments);
  return match.route->handle(api, request);
}

}  // namespace

Response Dispatch(Api& api, const Router& router, Request& request) {
  std::string label = "unknown";
  try {
    Response response = FindAndHandle(api, router, request, label);
    request.route = label;
    return response;
  } catch (const std::exception& e) {
    diag::Error("web", "request failed", {{"request_id", request.id}, {"route", label}, {"error", e.what()}});
    request.route = label;
    return Fail(request, 500, "This is our own fault. The request_id leads to the line in the log.");
  }
}

Response FromRefusal(const Request& request, const Refusal& refusal) {
  std::vector<FieldError> errors;
  for (const auto& e : refusal.errors) errors.push_back({"/config/" + e.key, e.text});
  return Fail(request, refusal.status, refusal.text, {}, errors);
}

Response NoConnector(const Request& request, std::string_view name) {
  return Fail(request, 404, "Connector " + std::string(name) + " not found");
}

std::string AbsoluteUrl(const Request& request, std::string_view path) {
  return "http://" + std::string(Trim(request.Header("host"))) + std::string(path);
}

std::vector<Route> AllRoutes() {
  std::vector<Route> routes;
  AddServiceRoutes(routes);
  AddConnectorRoutes(routes);
  AddConfigRoutes(routes);
  AddPluginRoutes(routes);
  AddLoggerRoutes(routes);
  AddOffsetRoutes(routes);
  AddOverviewRoutes(routes);
  AddHealthRoutes(routes);
  AddDeadLetterRoutes(routes);
  AddSnapshotRoutes(routes);
  AddRewindRoutes(routes);
  AddTrialRoutes(routes);
  AddConsentRoutes(routes);
  AddSigningRoutes(routes);
  AddStreamRoutes(routes);
  AddGroupRoutes(routes);
  AddViewRoutes(routes);
  AddViewTailRoutes(routes);
  AddGraphRoutes(routes);
  AddSqlRoutes(routes);
  AddIngestRoutes(routes);
  AddEventRoutes(routes);
  return routes;
}

}  // namespace headgate::web
