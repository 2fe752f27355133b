#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/spec.h"

// The answer of Kafka Connect's `validate` and of a plugin's key definitions, as plain data; web writes the JSON
// (admin API, 1.3 and KC16 to KC18). Everything is made from the component's spec.
namespace headgate::config {

std::string_view Name(OptionType type);        // BOOLEAN, DOUBLE, INT, LIST, LONG, PASSWORD, STRING
std::string_view Name(Importance importance);  // HIGH, MEDIUM, LOW

struct KeyDefinition {
  std::string name;
  std::string_view type;
  bool required = false;
  std::optional<std::string> default_value;  // nothing is JSON null; a secret's default is [hidden]
  std::string_view importance;
  std::string documentation;
  std::string group;
  int order_in_group = 0;  // from 1
  std::string_view width;  // SHORT, MEDIUM, LONG
  std::string display_name;
  std::vector<std::string> dependents;  // keys whose relevance hangs on this one
};

struct KeyInfo {
  std::optional<KeyDefinition> definition;  // nothing for a key that the plugin does not know
  std::string name;
  std::optional<std::string> value;  // as sent or the default, placeholders unresolved, secrets [hidden], URLs masked
  std::vector<std::string> recommended_values;
  std::vector<std::string> errors;
  bool visible = true;
};

struct ConfigInfos {
  std::string name;                 // the class; callers that were asked by an alias may put it here
  int error_count = 0;              // error texts, not keys
  std::vector<std::string> groups;  // in the order of their first key
  std::vector<KeyInfo> configs;     // the common part, own options, then undeclared keys that have errors
};

// Adds those of `more` whose key has no error yet; what is known of a key (null, a mask without a value behind it) is
// not told a second time as if the key were missing.
void AddErrors(std::vector<KeyError>& errors, const std::vector<KeyError>& more);

// All errors as Kafka Connect answers them, one a line, then where they can be had by key (1.7). A text that two keys
// have stands once.
std::string ErrorsText(const std::vector<KeyError>& errors);

// All keys of a plugin in definition order (GET /connector-plugins/{p}/config).
std::vector<KeyDefinition> Definitions(const ComponentSpec& spec);

// The validate answer for a config, which may be nearly empty (KC16). `errors` are those of Bind and of whatever was
// checked beyond it (cross-key, live); each shows up exactly once, under its key.
ConfigInfos Describe(const ComponentSpec& spec, const FlatConfig& config, const std::vector<KeyError>& errors);

// "slot_name" -> "Slot name", "tls_ca_file" -> "TLS CA file".
std::string Humanised(std::string_view key);

}  // namespace headgate::config
