#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/config/spec.h"
#include "web/api.h"
#include "web/json.h"

namespace headgate::web {

// A connector's config out of a request's JSON (KC8).
struct FlatOutcome {
  config::FlatConfig config;
  std::vector<config::KeyError> errors;  // keys whose value is null
};

// Strings, numbers and booleans become text. Config error if it is not an object, or if a value is an object or array.
Result<FlatOutcome> ReadFlat(const Json& json);

// 400 with the beginning that clients look for, and the list of classes (1.7).
Response UnknownClass(const Api& api, const Request& request, std::string_view asked);

// Without white space at both ends.
std::string TrimName(std::string_view name);

}  // namespace headgate::web
