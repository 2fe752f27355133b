#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/spec.h"

namespace headgate::http {

// The settings of one source in the form that the code uses. Immutable; `name` is the connector's.
struct Options {
  std::string name;
  std::string stream;
  std::string columns;
  bool reject_unknown = false;
  std::size_t events_max = 10'000;
  std::size_t event_bytes_max = 1 << 20;
};

Options MakeOptions(const std::string& name, const config::Bound& bound);
// What the form of a value tells.
std::vector<config::KeyError> CheckOptions(const config::Bound& bound);

}  // namespace headgate::http
