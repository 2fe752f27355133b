#include "core/config/option_builders.h"

namespace headgate::config {

Option Required(std::string_view name, OptionType type, std::string_view group, std::string_view display,
                std::string_view help, std::string_view example) {
  Option o;
  o.name = name;
  o.type = type;
  o.required = true;
  o.importance = Importance::kHigh;
  o.group = group;
  o.display_name = display;
  o.help = help;
  o.example = example;
  return o;
}

Option Optional(std::string_view name, OptionType type, std::string_view group, std::string_view display,
                std::string_view help) {
  Option o;
  o.name = name;
  o.type = type;
  o.group = group;
  o.display_name = display;
  o.help = help;
  return o;
}

Option Defaulted(std::string_view name, OptionType type, std::string_view value, std::string_view group,
                 std::string_view display, std::string_view help) {
  Option o = Optional(name, type, group, display, help);
  o.has_default = true;
  o.default_value = value;
  return o;
}

Option Choice(std::string_view name, std::string_view value, std::vector<std::string_view> choices,
              std::string_view group, std::string_view display, std::string_view help) {
  Option o = Defaulted(name, OptionType::kString, value, group, display, help);
  o.choices = std::move(choices);
  return o;
}

Option Number(std::string_view name, std::string_view value, std::int64_t minimum, std::int64_t maximum,
              std::string_view group, std::string_view display, std::string_view help) {
  Option o = Defaulted(name, OptionType::kLong, value, group, display, help);
  o.minimum = minimum;
  o.maximum = maximum;
  o.importance = Importance::kLow;
  return o;
}

Option WithExample(Option o, std::string_view example) {
  o.example = example;
  return o;
}

}  // namespace headgate::config
