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

// The state that findings are made from.
struct Health {
  bool disabled = false;
  bool store_full = false;
  bool breaker_open = false;
  std::int64_t next_probe_us = 0;
  std::int64_t held_until_us = 0;  // by Retry-After; 0: not held
  std::uint32_t failures_in_row = 0;
  std::string last_class;
  int last_status = 0;
  std::string last_error;
  std::optional<std::int64_t> last_expiry_us;  // of the signing secrets
  std::int64_t now_us = 0;
  bool order_by_missing = false;  // a stream lacks a column of order_by
};
std::vector<Finding> Findings(const Health& health, const Options& options);

}  // namespace headgate::webhook
