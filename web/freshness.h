#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/views/views.h"
#include "web/http.h"
#include "web/json.h"

// Read your own writes (admin API, 4.3): what an answer has to reflect before it is given.
namespace headgate::web {

struct Freshness {
  std::optional<Seq> min_seq;
  std::vector<std::pair<std::string, std::string>> min_position;  // by source, as it writes its positions
  std::chrono::milliseconds wait{1'000};
};

// min_seq, min_position and wait_ms: true if `name` is one of them and `value` was taken. In a query string
// min_position is the text of the object.
Result<bool> SetFreshness(Freshness& wanted, std::string_view name, const Json& value, std::size_t json_depth_max);

// On a lane. Nothing once the views reflect it; else 503, or 400 for a position of a source that is none of `sources`.
std::optional<Response> AwaitFresh(views::Views& views, const Request& request, const Freshness& wanted,
                                   const std::set<std::string>& sources, const std::stop_token& stop);

}  // namespace headgate::web
