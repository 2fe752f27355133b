#include "core/config/validate.h"

#include <algorithm>
#include <array>
#include <map>

#include "core/config/masking.h"
#include "core/config/text.h"

namespace headgate::config {

namespace {

constexpr std::array<std::string_view, 13> kAcronyms = {"ca",  "ce",  "dns", "http", "https", "id", "json",
                                                        "sql", "ssl", "tls", "uri",  "url",   "wal"};

std::string_view WidthOf(const Option& option) {
  switch (option.type) {
    case OptionType::kBoolean:
    case OptionType::kDouble:
    case OptionType::kInt:
    case OptionType::kLong:
      return "SHORT";
    case OptionType::kList:
      return "LONG";
    case OptionType::kPassword:
      return "MEDIUM";
    case OptionType::kString:
      break;
  }
  return Contains(option.name, "url") || Contains(option.name, "regex") ? "LONG" : "MEDIUM";
}

std::optional<std::string> DefaultOf(const Option& option) {
  if (!option.has_default || option.required) return std::nullopt;
  return std::string(option.type == OptionType::kPassword ? kMask : option.default_value);
}

KeyDefinition Define(const ComponentSpec& spec, const Option& option, int order_in_group) {
  KeyDefinition definition;
  definition.name = option.name;
  definition.type = Name(option.type);
  definition.required = option.required;
  definition.default_value = DefaultOf(option);
  definition.importance = Name(option.importance);
  definition.documentation = option.help;
  if (!option.example.empty()) definition.documentation.append(" Example: ").append(option.example);
  definition.group = option.group;
  definition.order_in_group = order_in_group;
  definition.width = WidthOf(option);
  definition.display_name = option.display_name.empty() ? Humanised(option.name) : std::string(option.display_name);
  for (const Option* other : AllOptions(spec)) {
    if (other->relevant_if_key == option.name) definition.dependents.emplace_back(other->name);
  }
  return definition;
}

// What may be echoed of a value that was sent.
std::string Echo(const ComponentSpec& spec, std::string_view key, const std::string& value) {
  if (IsSecretKey(spec, key)) return std::string(kMask);
  return Contains(value, "://") ? MaskUrl(value) : value;
}

}  // namespace

std::string_view Name(OptionType type) {
  switch (type) {
    case OptionType::kBoolean:
      return "BOOLEAN";
    case OptionType::kDouble:
      return "DOUBLE";
    case OptionType::kInt:
      return "INT";
    case OptionType::kList:
      return "LIST";
    case OptionType::kLong:
      return "LONG";
    case OptionType::kPassword:
      return "PASSWORD";
    case OptionType::kString:
      return "STRING";
  }
  return "STRING";
}

std::string_view Name(Importance importance) {
  switch (importance) {
    case Importance::kHigh:
      return "HIGH";
    case Importance::kMedium:
      return "MEDIUM";
    case Importance::kLow:
      return "LOW";
  }
  return "MEDIUM";
}

std::string Humanised(std::string_view key) {
  std::string text;
  for (std::size_t from = 0; from <= key.size();) {
    const std::size_t end = std::min(key.find_first_of("._- ", from), key.size());
    std::string word(key.substr(from, end - from));
    const bool acronym = std::find(kAcronyms.begin(), kAcronyms.end(), word) != kAcronyms.end();
    for (std::size_t i = 0; i < word.size() && (acronym || (text.empty() && i == 0)); ++i) {
      if (word[i] >= 'a' && word[i] <= 'z') word[i] = static_cast<char>(word[i] - 'a' + 'A');
    }
    if (!word.empty()) text.append(text.empty() ? "" : " ").append(word);
    from = end + 1;
  }
  return text;
}

void AddErrors(std::vector<KeyError>& errors, const std::vector<KeyError>& more) {
  const std::size_t known = errors.size();
  for (const KeyError& error : more) {
    const auto end = errors.begin() + static_cast<std::ptrdiff_t>(known);
    if (std::none_of(errors.begin(), end, [&](const KeyError& e) { return e.key == error.key; }))
      errors.push_back(error);
  }
}

std::string ErrorsText(const std::vector<KeyError>& errors) {
  std::vector<std::string_view> texts;
  for (const KeyError& error : errors) {
    if (std::find(texts.begin(), texts.end(), error.text) == texts.end()) texts.push_back(error.text);
  }
  std::string text =
      "Connector configuration is invalid and contains the following " + std::to_string(texts.size()) + " error(s):";
  for (const std::string_view one : texts) text.append("\n").append(one);
  return text +
         "\nYou can also find the above list of errors at the endpoint "
         "`/connector-plugins/{connectorType}/config/validate`";
}

std::vector<KeyDefinition> Definitions(const ComponentSpec& spec) {
  std::map<std::string_view, int> in_group;
  std::vector<KeyDefinition> definitions;
  for (const Option* option : AllOptions(spec)) {
    definitions.push_back(Define(spec, *option, ++in_group[option->group]));
  }
  return definitions;
}

ConfigInfos Describe(const ComponentSpec& spec, const FlatConfig& config, const std::vector<KeyError>& errors) {
  ConfigInfos infos;
  infos.name = spec.class_name;
  infos.error_count = static_cast<int>(errors.size());
  std::map<std::string, std::size_t> at;  // key -> index in configs
  for (KeyDefinition& definition : Definitions(spec)) {
    const Option& option = *FindOption(spec, definition.name);
    if (std::find(infos.groups.begin(), infos.groups.end(), definition.group) == infos.groups.end()) {
      infos.groups.push_back(definition.group);
    }
    KeyInfo info;
    info.name = definition.name;
    info.value = definition.default_value;
    const auto sent = config.find(info.name);
    if (sent != config.end()) info.value = Echo(spec, info.name, sent->second);
    for (const std::string_view choice : option.choices) info.recommended_values.emplace_back(choice);
    info.visible = IsRelevant(spec, option, config);
    info.definition = std::move(definition);
    at[info.name] = infos.configs.size();
    infos.configs.push_back(std::move(info));
  }
  for (const KeyError& error : errors) {
    const auto [place, is_new] = at.emplace(error.key, infos.configs.size());
    if (is_new) {
      KeyInfo info;
      info.name = error.key;
      const auto sent = config.find(error.key);
      if (sent != config.end()) info.value = Echo(spec, error.key, sent->second);
      infos.configs.push_back(std::move(info));
    }
    infos.configs[place->second].errors.push_back(error.text);
  }
  return infos;
}

}  // namespace headgate::config
