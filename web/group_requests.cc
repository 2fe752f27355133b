#include "web/group_requests.h"

#include <nlohmann/json.hpp>

#include "web/json.h"
#include "web/router.h"

namespace headgate::web {
namespace {

constexpr std::int64_t kWaitMaxMs = 30'000;
constexpr std::int64_t kPollMax = 1'000;
constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kDayMs = 24 * kHourMs;

Result<std::int64_t> IntegerOf(const Json& value, const std::string& name, std::int64_t least, std::int64_t most) {
  const bool whole = value.is_number_integer() && !(value.is_number_unsigned() && value.get<std::uint64_t>() >> 63);
  if (whole && value.get<std::int64_t>() >= least && value.get<std::int64_t>() <= most)
    return value.get<std::int64_t>();
  return ConfigError(name + " must be a whole number from " + std::to_string(least) + " to " + std::to_string(most) +
                     ".");
}

// Calls `take` with each member that is not null.
Status EachMember(const Request& request, bool may_be_empty, const std::string& shape, std::string& at,
                  const std::function<Result<bool>(const std::string& name, const Json& value)>& take) {
  if (may_be_empty && request.body.empty()) return Ok();
  HG_ASSIGN_OR_RETURN(const Json body, ParseJson(request.body, request.json_depth_max));
  if (!body.is_object()) return ConfigError(shape);
  for (const auto& [name, value] : body.items()) {
    at = "/" + name.substr(0, 100);
    if (value.is_null()) continue;
    HG_ASSIGN_OR_RETURN(const bool known, take(name, value));
    if (!known) return ConfigError("Unknown member \"" + name.substr(0, 100) + "\". " + shape);
  }
  at.clear();
  return Ok();
}

Result<bool> SetSetting(GroupSettings& settings, const std::string& name, const Json& value) {
  if (name == "ack_timeout_ms") {
    HG_ASSIGN_OR_RETURN(settings.ack_timeout_ms, IntegerOf(value, name, 100, kDayMs));
  } else if (name == "deliveries_max" || name == "in_flight_max") {
    const bool deliveries = name == "deliveries_max";
    HG_ASSIGN_OR_RETURN(const std::int64_t n, IntegerOf(value, name, 1, deliveries ? 1'000 : 10'000));
    (deliveries ? settings.deliveries_max : settings.in_flight_max) = static_cast<std::uint32_t>(n);
  } else if (name == "ordering") {
    if (value != "key" && value != "none") return ConfigError("ordering must be key or none.");
    settings.ordering = value == "key" ? GroupSettings::Ordering::kKey : GroupSettings::Ordering::kNone;
  } else if (name == "on_lost") {
    if (value != "fail" && value != "earliest" && value != "latest")
      return ConfigError("on_lost must be fail, earliest or latest.");
    settings.on_lost = value == "fail"       ? GroupSettings::OnLost::kFail
                       : value == "earliest" ? GroupSettings::OnLost::kEarliest
                                             : GroupSettings::OnLost::kLatest;
  } else {
    return false;
  }
  return true;
}

}  // namespace

Result<GroupWanted> ReadGroupWanted(const Request& request, std::string& at) {
  GroupWanted wanted;
  const std::string shape =
      "The body may have start, ack_timeout_ms, deliveries_max, in_flight_max, ordering and on_lost.";
  HG_RETURN_IF_ERROR(
      EachMember(request, true, shape, at, [&](const std::string& name, const Json& value) -> Result<bool> {
        if (name != "start") return SetSetting(wanted.settings, name, value);
        if (!value.is_string()) return ConfigError("start must be beginning, now, a place such as 4711-1, or a time.");
        wanted.start = value.get<std::string>();
        return true;
      }));
  return wanted;
}

Result<GroupDesk::Poll> ReadPoll(const Request& request, std::string& at) {
  const std::string shape = "The body must be {\"consumer\":\"worker-1\",\"max\":10,\"wait_ms\":0}.";
  GroupDesk::Poll poll;
  poll.max = 10;
  HG_RETURN_IF_ERROR(
      EachMember(request, false, shape, at, [&](const std::string& name, const Json& value) -> Result<bool> {
        if (name == "consumer") {
          if (!value.is_string()) return ConfigError("consumer must be a text that names who polls.");
          poll.consumer = value.get<std::string>();
        } else if (name == "max") {
          HG_ASSIGN_OR_RETURN(const std::int64_t n, IntegerOf(value, name, 1, kPollMax));
          poll.max = static_cast<std::size_t>(n);
        } else if (name == "wait_ms") {
          HG_ASSIGN_OR_RETURN(const std::int64_t n, IntegerOf(value, name, 0, kWaitMaxMs));
          poll.wait = std::chrono::milliseconds(n);
        } else {
          return false;
        }
        return true;
      }));
  at = "/consumer";
  if (const std::string problem = NameProblem(poll.consumer); !problem.empty())
    return ConfigError("consumer has to name who polls: " + problem);
  return poll;
}

Result<DeliveriesSettled> ReadDeliveries(const Request& request, bool with_delay, std::string& at) {
  const std::string shape = std::string("The body must be {\"deliveries\":[...]") +
                            (with_delay ? ",\"delay_ms\":0}" : "}") + " with what a poll has answered.";
  DeliveriesSettled settled;
  HG_RETURN_IF_ERROR(
      EachMember(request, false, shape, at, [&](const std::string& name, const Json& value) -> Result<bool> {
        if (with_delay && name == "delay_ms") {
          HG_ASSIGN_OR_RETURN(const std::int64_t n, IntegerOf(value, name, 0, kDayMs));
          settled.delay = std::chrono::milliseconds(n);
          return true;
        }
        if (name != "deliveries") return false;
        if (!value.is_array()) return ConfigError(shape);
        for (const Json& one : value) {
          if (!one.is_string()) return ConfigError(shape);
          settled.tokens.push_back(one.get<std::string>());
        }
        return true;
      }));
  at = "/deliveries";
  if (settled.tokens.empty()) return ConfigError(shape);
  if (settled.tokens.size() > kPollMax)
    return ConfigError("deliveries may have " + std::to_string(kPollMax) + " entries at most.");
  return settled;
}

Result<std::string> ReadSeek(const Request& request, std::string& at) {
  const std::string shape = "The body must be {\"to\":\"4711-1\"}, or a time, beginning or now.";
  std::string to;
  HG_RETURN_IF_ERROR(
      EachMember(request, false, shape, at, [&](const std::string& name, const Json& value) -> Result<bool> {
        if (name != "to") return false;
        if (!value.is_string()) return ConfigError(shape);
        to = value.get<std::string>();
        return true;
      }));
  at = "/to";
  if (to.empty()) return ConfigError(shape);
  return to;
}

}  // namespace headgate::web
