#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/service_config.h"

// The settings of the service as a table: one place for name, form and check of each.
namespace headgate::config {

struct Setting {
  std::string_view path;  // "api.limits.body_bytes_max"
  bool is_list = false;
  std::string_view help = {};  // one sentence, for the reference page and `run --help`
  std::string value = {};      // what the config holds as the table is made: over a fresh one, the default
  // Takes the texts as written (exactly one unless is_list). Returns what is wrong with them, or "".
  std::function<std::string(const std::vector<std::string>&)> assign;
};

// The table over one config object, which must outlive it. Commands and connectors, which are maps of free names, are
// not in it.
std::vector<Setting> Settings(ServiceConfig& config);

// "HEADGATE_API_LISTEN" for "api.listen".
std::string VariableOf(std::string_view path);

}  // namespace headgate::config
