#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/pipeline/source.h"
#include "sinks/webhook/options.h"

// What a person reads about failures, and what to do (admin API, AP13). Pure.
namespace headgate::webhook {

// One sentence or two for a class of failure; `status` is 0 if there was no answer.
std::string HintFor(std::string_view error_class, int status, const Options& options);

// The state that findings are made from. Attempts and the breaker are told by the telemetry itself, not here.
struct Health {
  std::uint64_t store_bytes = 0;               // of dead letters
  std::int64_t held_until_us = 0;              // by Retry-After; 0: not held
  std::optional<std::int64_t> last_expiry_us;  // of the signing secrets
  std::int64_t now_us = 0;
  bool order_by_missing = false;  // a stream lacks a column of order_by
};
std::vector<Finding> Findings(const Health& health, const Options& options);

}  // namespace headgate::webhook
