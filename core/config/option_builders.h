#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/config/spec.h"

// Short ways to write the usual options of a component's table (spec.h).
namespace headgate::config {

Option Optional(std::string_view name, OptionType type, std::string_view group, std::string_view display,
                std::string_view help);
// Of high importance, and never without an example.
Option Required(std::string_view name, OptionType type, std::string_view group, std::string_view display,
                std::string_view help, std::string_view example);
Option Defaulted(std::string_view name, OptionType type, std::string_view value, std::string_view group,
                 std::string_view display, std::string_view help);
// One of a closed list.
Option Choice(std::string_view name, std::string_view value, std::vector<std::string_view> choices,
              std::string_view group, std::string_view display, std::string_view help);
// A whole number, of low importance.
Option Number(std::string_view name, std::string_view value, std::int64_t minimum, std::int64_t maximum,
              std::string_view group, std::string_view display, std::string_view help);
Option WithExample(Option option, std::string_view example);

}  // namespace headgate::config
