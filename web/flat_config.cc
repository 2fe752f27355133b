#include "web/flat_config.h"

#include <nlohmann/json.hpp>

namespace headgate::web {

Result<FlatOutcome> ReadFlat(const Json& json) {
  if (!json.is_object()) return ConfigError("The config must be an object of keys and values.");
  FlatOutcome flat;
  for (const auto& [key, value] : json.items()) {
    if (value.is_null()) {
      flat.errors.push_back({key, "Null value can not be supplied as the configuration value for \"" + key + "\"."});
    } else if (IsScalar(value)) {
      flat.config[key] = ScalarText(value);
    } else {
      return ConfigError("The value of \"" + key.substr(0, 100) + "\" must be a string, a number or a boolean, not " +
                         (value.is_array() ? "an array." : "an object."));
    }
  }
  return flat;
}

Response UnknownClass(const Api& api, const Request& request, std::string_view asked) {
  std::string text = "Failed to find any class that implements Connector and which name matches ";
  text.append(asked.substr(0, 255)).append(", available connectors are: ");
  std::string separator;
  for (const PluginInfo& plugin : api.control.Plugins()) {
    text.append(separator).append(plugin.spec->class_name);
    for (std::string_view alias : plugin.spec->aliases) text.append(" or ").append(alias);
    separator = ", ";
  }
  return Fail(request, 400, text, {}, {{"/config/connector.class", "No plugin has this class."}});
}

std::string TrimName(std::string_view name) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t begin = name.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return std::string(name.substr(begin, name.find_last_not_of(kBlank) - begin + 1));
}

}  // namespace headgate::web
