#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/catalog/control.h"
#include "web/health_book.h"
#include "web/http.h"
#include "web/idempotency.h"
#include "web/pulse.h"
#include "web/router.h"
#include "web/server.h"

namespace headgate::web {

// What handlers work with. Lives on the API thread; work given to a lane may keep a reference to `control` and
// `options` only.
struct Api {
  Control& control;
  const ServerOptions& options;
  std::string worker_id;  // host:port of the listener
  HealthBook health;
  Idempotency idempotency;
  std::map<std::pair<std::string, int>, std::uint64_t> requests;  // answers by route template and status
  Pulse pulse;
};

// The whole route table, both dialects.
std::vector<Route> AllRoutes();

// Its parts, one function a file.
void AddServiceRoutes(std::vector<Route>& routes);     // GET /, health, readiness, metrics
void AddConnectorRoutes(std::vector<Route>& routes);   // Connect: connectors and their state
void AddConfigRoutes(std::vector<Route>& routes);      // Connect: create, configure
void AddPluginRoutes(std::vector<Route>& routes);      // Connect: plugins, validate
void AddLoggerRoutes(std::vector<Route>& routes);      // Connect: levels of the diagnostics
void AddOffsetRoutes(std::vector<Route>& routes);      // Connect: places of connectors
void AddOverviewRoutes(std::vector<Route>& routes);    // /api/v1: connectors, lag
void AddHealthRoutes(std::vector<Route>& routes);      // /api/v1: health, dismissals, thresholds
void AddDeadLetterRoutes(std::vector<Route>& routes);  // /api/v1
void AddSnapshotRoutes(std::vector<Route>& routes);    // /api/v1: snapshots of sources, more tables
void AddRewindRoutes(std::vector<Route>& routes);      // /api/v1: sinks set to another place of the log
void AddSigningRoutes(std::vector<Route>& routes);     // /api/v1: signing secrets of sinks
void AddConsentRoutes(std::vector<Route>& routes);     // /api/v1: callback of the CloudEvents handshake
void AddTrialRoutes(std::vector<Route>& routes);       // /api/v1: connection tests, test events, traces
void AddStreamRoutes(std::vector<Route>& routes);      // /api/v1: streams, records, tail
void AddGroupRoutes(std::vector<Route>& routes);       // /api/v1: consumer groups
void AddViewRoutes(std::vector<Route>& routes);        // /api/v1: views and their rows
void AddGraphRoutes(std::vector<Route>& routes);       // /api/v1: what flows where
void AddViewTailRoutes(std::vector<Route>& routes);    // /api/v1: tails of views
void AddSqlRoutes(std::vector<Route>& routes);         // /api/v1: sql, query
void AddIngestRoutes(std::vector<Route>& routes);      // /api/v1: events into streams
void AddEventRoutes(std::vector<Route>& routes);       // /api/v1: events, operations

// Whole-request checks, routing and the handler: everything between a parsed request and its answer. Never throws.
Response Dispatch(Api& api, const Router& router, Request& request);

// The answer for a refusal of Control.
Response FromRefusal(const Request& request, const Refusal& refusal);

// 404 that names the connector.
Response NoConnector(const Request& request, std::string_view name);

// "http://<Host>/connectors/<name>": where a created thing is.
std::string AbsoluteUrl(const Request& request, std::string_view path);

}  // namespace headgate::web
