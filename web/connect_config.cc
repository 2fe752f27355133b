#include <nlohmann/json.hpp>

#include "core/config/masking.h"
#include "core/config/validate.h"
#include "web/connect_shapes.h"
#include "web/flat_config.h"

// Kafka Connect's resources that create and configure connectors (admin API, 1.2).
namespace headgate::web {
namespace {

// Every mistake of a config that has null values, not only those.
Response BadConfig(Api& api, const Request& request, const std::string& name, const FlatOutcome& flat) {
  const config::ComponentSpec* spec = api.control.FindPlugin(flat.config.at("connector.class"));  // Precheck found it
  config::FlatConfig config = flat.config;
  config["name"] = name;
  std::vector<config::KeyError> errors = flat.errors;
  config::AddErrors(errors, api.control.Check(*spec, name, config, false));
  return FromRefusal(request, {400, config::ErrorsText(errors), errors});
}

std::string ClassOf(const config::FlatConfig& config) {
  const auto found = config.find("connector.class");
  return found == config.end() ? "" : found->second;
}

// What can be said of a config before the service looks at it. Nothing if all is well.
std::optional<Response> Precheck(Api& api, const Request& request, const std::string& name,
                                 const config::FlatConfig& config, const ConnectorRecord* existing) {
  if (const auto it = config.find("name"); it != config.end() && it->second != name) {
    return Fail(request, 400,
                "Connector name configuration (" + it->second.substr(0, 255) +
                    ") doesn't match connector name in the URL (" + name + ")");
  }
  const std::string asked = ClassOf(config);
  if (asked.empty()) {
    return Fail(
        request, 400,
        "Connector config of " + name + " contains no connector.class. GET /connector-plugins lists the classes.");
  }
  const config::ComponentSpec* spec = api.control.FindPlugin(asked);
  if (spec == nullptr) return UnknownClass(api, request, asked);
  if (existing != nullptr && existing->class_name != spec->class_name) {
    return Fail(request, 400,
                "Connector " + name + " is a " + existing->class_name +
                    ". Its position belongs to that class, so connector.class cannot become " +
                    std::string(spec->class_name) + ": delete the connector first, or take another name.");
  }
  return std::nullopt;
}

Response Created(Api& api, const Request& request, const Control::Put& put) {
  Response response = Response::Json(put.created ? 201 : 200, Dump(ConnectorInfo(api, *put.record)));
  response.headers.emplace_back("ETag", ETagOf(*put.record));
  if (put.created) response.headers.emplace_back("Location", AbsoluteUrl(request, ConnectorPath(put.record->name)));
  return response;
}

std::optional<TargetState> ParseTarget(std::string_view text) {
  for (TargetState target : {TargetState::kRunning, TargetState::kPaused, TargetState::kStopped}) {
    if (Lower(text) == Lower(Name(target))) return target;
  }
  return std::nullopt;
}

struct CreateRequest {
  std::string name;
  FlatOutcome config;
  TargetState initial = TargetState::kRunning;
};

Result<CreateRequest> ReadCreate(const Request& request) {
  HG_ASSIGN_OR_RETURN(const Json body, ParseJson(request.body, request.json_depth_max));
  if (!body.is_object()) return ConfigError("The body must be an object with \"name\" and \"config\".");
  CreateRequest create;
  for (const auto& [member, value] : body.items()) {
    if (member == "name" || member == "initial_state") {
      if (value.is_null() && member == "initial_state") continue;
      if (!value.is_string()) return ConfigError("\"" + member + "\" must be a string.");
    }
    if (member == "name") {
      create.name = TrimName(value.get_ref<const std::string&>());
    } else if (member == "initial_state") {
      const auto target = ParseTarget(value.get_ref<const std::string&>());
      if (!target) return ConfigError("\"initial_state\" must be RUNNING, PAUSED or STOPPED.");
      create.initial = *target;
    } else if (member == "config") {
      HG_ASSIGN_OR_RETURN(create.config, ReadFlat(value));
    } else {
      return ConfigError("Unknown member \"" + member.substr(0, 100) +
                         "\": the body has \"name\", \"config\" and \"initial_state\".");
    }
  }
  if (!body.contains("name")) return ConfigError("The body has no \"name\".");
  if (!body.contains("config")) return ConfigError("The body has no \"config\".");
  if (const std::string problem = NameProblem(create.name); !problem.empty()) return ConfigError(problem);
  return create;
}

Response CreateConnector(Api& api, const Request& request) {
  auto create = ReadCreate(request);
  if (!create.ok()) return Fail(request, 400, create.error().what);
  auto& config = create->config.config;
  if (auto refused = Precheck(api, request, create->name, config, nullptr)) return std::move(*refused);
  if (!create->config.errors.empty()) return BadConfig(api, request, create->name, create->config);
  const auto answer = api.control.Create(create->name, std::move(config), create->initial, request.caller());
  if (const auto* refusal = std::get_if<Refusal>(&answer)) return FromRefusal(request, *refusal);
  return Created(api, request, std::get<Control::Put>(answer));
}

Response GetConfig(Api& api, const Request& request) {
  const auto record = api.control.Find(request.Argument(0));
  if (record == nullptr) return NoConnector(request, request.Argument(0));
  return Response::Json(200, Dump(FlatJson(ShownConfig(api, *record)))).With("ETag", ETagOf(*record));
}

Response Stale(const Request& request) {
  return Fail(request, 412,
              "The config of connector " + request.Argument(0) + " is not the one that If-Match names. Read it again.");
}

// Replaces as a whole. `seen`: the version that the new config was made from, where that matters.
Response Replace(Api& api, const Request& request, config::FlatConfig config, std::optional<std::uint64_t> seen) {
  const auto answer = api.control.Replace(request.Argument(0), std::move(config), seen, request.caller());
  if (const auto* refusal = std::get_if<Refusal>(&answer)) return FromRefusal(request, *refusal);
  return Created(api, request, std::get<Control::Put>(answer));
}

Response PutConfig(Api& api, const Request& request) {
  const auto body = ParseJson(request.body, request.json_depth_max);
  if (!body.ok()) return Fail(request, 400, body.error().what);
  auto flat = ReadFlat(*body);
  if (!flat.ok()) return Fail(request, 400, flat.error().what);
  const auto existing = api.control.Find(request.Argument(0));
  if (existing == nullptr && TrimName(request.Argument(0)) != request.Argument(0)) {
    return Fail(request, 400, "The connector's name has blanks around it; POST would take them away.");
  }
  if (!IfMatchHolds(request, existing.get())) return Stale(request);
  if (auto refused = Precheck(api, request, request.Argument(0), flat->config, existing.get()))
    return std::move(*refused);
  if (!flat->errors.empty()) return BadConfig(api, request, request.Argument(0), *flat);
  return Replace(api, request, std::move(flat->config), std::nullopt);
}

// Merges over what a reader sees, masks included: a stored secret does not follow to a new target unseen (7.3).
Response PatchConfig(Api& api, const Request& request) {
  const auto existing = api.control.Find(request.Argument(0));
  if (existing == nullptr) return NoConnector(request, request.Argument(0));
  if (!IfMatchHolds(request, existing.get())) return Stale(request);
  const auto body = ParseJson(request.body, request.json_depth_max);
  if (!body.ok()) return Fail(request, 400, body.error().what);
  const auto patch = ReadFlat(*body);
  if (!patch.ok()) return Fail(request, 400, patch.error().what);
  config::FlatConfig merged = ShownConfig(api, *existing);
  for (const auto& [key, value] : patch->config) merged[key] = value;
  for (const auto& error : patch->errors) merged.erase(error.key);  // JSON null removes
  merged.try_emplace("name", existing->name);
  if (auto refused = Precheck(api, request, existing->name, merged, existing.get())) return std::move(*refused);
  return Replace(api, request, std::move(merged), existing->version);
}

}  // namespace

void AddConfigRoutes(std::vector<Route>& routes) {
  const Route table[] = {
      {"POST",
       "/connectors",
       Role::kAdmin,
       "Create a connector",
       CreateConnector,
       {.body = "CreateConnector", .answers = "201 ConnectorInfo", .errors = "409"}},
      {"GET",
       "/connectors/{c}/config",
       Role::kRead,
       "The config as it was sent, literal secrets masked",
       GetConfig,
       {.answers = "200 Config"}},
      {"PUT",
       "/connectors/{c}/config",
       Role::kAdmin,
       "Create or replace as a whole",
       PutConfig,
       {.query = "If-Match: string",
        .body = "{*: Scalar}",
        .answers = "200 ConnectorInfo; 201 ConnectorInfo",
        .errors = "409 412"}},
      {"PATCH",
       "/connectors/{c}/config",
       Role::kAdmin,
       "Merge; null removes a key",
       PatchConfig,
       {.query = "If-Match: string", .body = "ConfigPatch", .answers = "200 ConnectorInfo", .errors = "409 412"}},
  };
  routes.insert(routes.end(), std::begin(table), std::end(table));
}

}  // namespace headgate::web
