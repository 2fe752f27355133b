#include "core/schema_registry/settings.h"

#include "core/config/option_builders.h"
#include "core/config/secrets.h"

namespace headgate::schema_registry {

void AppendOptions(std::vector<config::Option>& out, bool writes) {
  using config::OptionType;
  constexpr std::string_view kGroup = "Schema registry";
  out.push_back(config::WithExample(
      config::Optional("registry", OptionType::kString, kGroup, "Address",
                       "URL of a schema registry that speaks Confluent's API, with the path of the API if it has one."),
      "http://schemas:8081"));
  out.back().secret_target = true;
  out.push_back(
      config::Optional("registry_username", OptionType::kString, kGroup, "User", "For Basic authentication."));
  out.push_back(
      config::Optional("registry_password", OptionType::kPassword, kGroup, "Password", "For Basic authentication."));
  out.push_back(config::Number("registry_timeout_ms", "10000", 1, 600'000, kGroup, "Timeout",
                               "Longest time of one request to the registry."));
  out.push_back(config::Defaulted("registry_tls_verify", OptionType::kBoolean, "true", kGroup, "Verify TLS",
                                  "Whether the registry's certificate and host name are verified."));
  out.push_back(config::Defaulted("registry_tls_ca_file", OptionType::kString, "system", kGroup, "CA file",
                                  "PEM file of the CAs to trust instead of the system's."));
  if (!writes) return;
  out.push_back(config::Defaulted("registry_register", OptionType::kBoolean, "true", kGroup, "Register schemas",
                                  "Whether schemas are registered. If not, they have to be there already."));
}

std::optional<Options> ReadOptions(const config::Bound& bound, bool writes, std::vector<config::KeyError>& errors) {
  const std::string& text = bound.Text("registry");
  if (text.empty() || config::HasPlaceholder(text)) return std::nullopt;
  auto url = net::ParseUrl(text);
  if (!url.ok()) {
    errors.push_back({"registry", "Setting \"registry\": " + url.error().what});
    return std::nullopt;
  }
  if (url->target.find('?') != std::string::npos) {
    errors.push_back({"registry", "Setting \"registry\" has a query behind its path. Leave it out."});
    return std::nullopt;
  }
  Options options;
  options.url = std::move(*url);
  options.username = bound.Text("registry_username");
  options.password = bound.Text("registry_password");
  options.timeout_ms = static_cast<int>(bound.Int("registry_timeout_ms"));
  options.tls.verify = bound.Bool("registry_tls_verify");
  const std::string& ca_file = bound.Text("registry_tls_ca_file");
  if (ca_file != "system") options.tls.ca_file = ca_file;
  options.register_schemas = !writes || bound.Bool("registry_register");
  return options;
}

}  // namespace headgate::schema_registry
