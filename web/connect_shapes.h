#pragma once

#include <set>
#include <string>
#include <string_view>

#include "web/api.h"
#include "web/json.h"

// The shapes of Kafka Connect's answers (admin API, 1.3): members in exactly this order.
namespace headgate::web {

std::string_view TypeName(config::ComponentKind kind);  // source, sink

// What may be shown of a config: as sent, literal secrets as [hidden] unless the service says otherwise (KC9, 7.3).
config::FlatConfig ShownConfig(const Api& api, const ConnectorRecord& record);

Json FlatJson(const config::FlatConfig& config);
Json ConnectorInfo(const Api& api, const ConnectorRecord& record);

// `restarting`: task ids that are shown as RESTARTING, -1 for the connector itself.
Json StateInfo(const Api& api, const ConnectorRecord& record, const std::set<int>& restarting = {});
Json TaskInfo(const Api& api, const TaskStatus& task, bool restarting = false);

// "/connectors/<name>", percent-encoded.
std::string ConnectorPath(std::string_view name);

// Strong, and never the same for two contents: of the stored version and its time.
std::string ETagOf(const ConnectorRecord& record);
// True without If-Match, with *, or if the list has this ETag.
bool IfMatchHolds(const Request& request, const ConnectorRecord* record);
bool IfMatchHolds(const Request& request, std::string_view etag);

// Status of a connector; of one that has not been looked at yet UNASSIGNED, without tasks (KC10).
std::shared_ptr<const ConnectorStatus> StatusOf(const Api& api, const ConnectorRecord& record);

}  // namespace headgate::web
