#include <nlohmann/json.hpp>
#include <set>

#include "core/config/masking.h"
#include "core/config/validate.h"
#include "web/connect_shapes.h"
#include "web/flat_config.h"

// Kafka Connect's plugins and validate (admin API, 1.5).
namespace headgate::web {
namespace {

Response ListPlugins(Api& api, const Request&) {
  Json list = Json::array();
  for (const PluginInfo& plugin : api.control.Plugins()) {
    Json one;
    one["class"] = plugin.spec->class_name;
    one["type"] = TypeName(plugin.spec->kind);
    one["version"] = plugin.version;
    list.push_back(std::move(one));
  }
  return Response::Json(200, Dump(list));
}

template <class T>
Json Strings(const T& texts) {
  Json list = Json::array();
  for (const auto& text : texts) list.push_back(text);
  return list;
}

Json DefinitionJson(const config::KeyDefinition& d) {
  Json json;
  json["name"] = d.name;
  json["type"] = d.type;
  json["required"] = d.required;
  json["default_value"] = OrNull(d.default_value);
  json["importance"] = d.importance;
  json["documentation"] = d.documentation;
  json["group"] = d.group;
  json["order_in_group"] = d.order_in_group;
  json["width"] = d.width;
  json["display_name"] = d.display_name;
  json["dependents"] = Strings(d.dependents);
  return json;
}

std::string InfosJson(const config::ConfigInfos& infos) {
  Json configs = Json::array();
  for (const config::KeyInfo& key : infos.configs) {
    Json value;
    value["name"] = key.name;
    value["value"] = OrNull(key.value);
    value["recommended_values"] = Strings(key.recommended_values);
    value["errors"] = Strings(key.errors);
    value["visible"] = key.visible;
    Json one;
    one["definition"] = key.definition ? DefinitionJson(*key.definition) : Json(nullptr);
    one["value"] = std::move(value);
    configs.push_back(std::move(one));
  }
  Json json;
  json["name"] = infos.name;
  json["error_count"] = infos.error_count;
  json["groups"] = Strings(infos.groups);
  json["configs"] = std::move(configs);
  return Dump(json);
}

Response NoPlugin(const Request& request) {
  return Fail(request, 404, "There is no plugin " + request.Argument(0) + ". GET /connector-plugins lists them.");
}

// Ours, or nothing; another version is 400.
std::optional<Response> CheckVersion(Api& api, const Request& request) {
  const std::string_view wanted = request.query.Get("version");
  if (wanted.empty() || wanted == "latest") return std::nullopt;
  for (const PluginInfo& plugin : api.control.Plugins()) {
    if (plugin.version == wanted) return std::nullopt;
  }
  return Fail(
      request, 400,
      "The plugin " + request.Argument(0) + " does not exist in version " + std::string(wanted.substr(0, 100)) + ".");
}

Response Definitions(Api& api, const Request& request) {
  const config::ComponentSpec* spec = api.control.FindPlugin(request.Argument(0));
  if (spec == nullptr) return NoPlugin(request);
  if (auto refused = CheckVersion(api, request)) return std::move(*refused);
  Json list = Json::array();
  for (const config::KeyDefinition& definition : config::Definitions(*spec)) list.push_back(DefinitionJson(definition));
  return Response::Json(200, Dump(list));
}

// Per key, then across keys and over the network, the latter only when the former pass (KC18). On a lane.
std::vector<config::KeyError> AllErrors(Control& control, const config::SecretResolver* resolver,
                                        const config::ComponentSpec& spec, const std::string& name,
                                        const config::FlatConfig& config, std::vector<config::KeyError> errors) {
  config::AddErrors(errors, config::Bind(spec, config, resolver).errors);
  config::AddErrors(errors, control.Check(spec, name, config, errors.empty()));
  return errors;
}

Response ValidateConfig(Api& api, const Request& request) {
  const config::ComponentSpec* spec = api.control.FindPlugin(request.Argument(0));
  if (spec == nullptr) return NoPlugin(request);
  const auto body = ParseJson(request.body, request.json_depth_max);
  if (!body.ok()) return Fail(request, 400, body.error().what);
  auto flat = ReadFlat(*body);
  if (!flat.ok()) return Fail(request, 400, flat.error().what);
  const auto asked = flat->config.find("connector.class");
  if (asked == flat->config.end() || asked->second.empty())
    return Fail(request, 400, "The config to validate has no connector.class.");
  const config::ComponentSpec* named = api.control.FindPlugin(asked->second);
  if (named == nullptr) return UnknownClass(api, request, asked->second);
  if (named != spec) {
    return Fail(request, 400,
                "The config's connector.class " + asked->second.substr(0, 255) + " is another plugin than " +
                    request.Argument(0) + ".");
  }
  const auto name = flat->config.find("name");
  const auto stored = name == flat->config.end() ? nullptr : api.control.Find(name->second);
  auto unmasked = config::UnmaskUpdate(*spec, stored == nullptr ? config::FlatConfig{} : stored->config, flat->config);
  std::vector<config::KeyError> known = std::move(flat->errors);
  std::set<std::string> nulls;
  for (const config::KeyError& error : known) nulls.insert(error.key);
  known.insert(known.end(), unmasked.errors.begin(), unmasked.errors.end());
  Later later;
  later.lane = Lane::kChecks;
  later.stage = "the checks of validate";
  later.work = [control = &api.control, resolver = api.options.resolver, spec, plugin = request.Argument(0),
                name = name == flat->config.end() ? std::string() : name->second, sent = std::move(flat->config),
                config = std::move(unmasked.config), known = std::move(known),
                nulls = std::move(nulls)](std::stop_token) {
    auto infos = config::Describe(*spec, sent, AllErrors(*control, resolver, *spec, name, config, known));
    infos.name = plugin;
    for (config::KeyInfo& key : infos.configs) {
      if (nulls.contains(key.name)) key.value.reset();  // as sent, not the default
    }
    return Response::Json(200, InfosJson(infos));
  };
  return Response::Run(std::move(later));
}

}  // namespace

void AddPluginRoutes(std::vector<Route>& routes) {
  const Route table[] = {
      {"GET",
       "/connector-plugins",
       Role::kRead,
       "The sources and sinks of this build",
       ListPlugins,
       {.query = "connectorsOnly: bool", .answers = "200 [Plugin]"}},
      {"GET",
       "/connector-plugins/{p}/config",
       Role::kRead,
       "Key definitions of a plugin",
       Definitions,
       {.query = "version: string", .answers = "200 [KeyDefinition]"}},
      {"PUT",
       "/connector-plugins/{p}/config/validate",
       Role::kRead,
       "Check a config, also over the network",
       ValidateConfig,
       {.body = "ConfigPatch", .answers = "200 ConfigInfos"}},
  };
  routes.insert(routes.end(), std::begin(table), std::end(table));
}

}  // namespace headgate::web
