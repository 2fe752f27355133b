#include "web/freshness.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "web/page.h"

namespace headgate::web {
namespace {

constexpr std::uint64_t kWaitMaxMs = 10'000;

std::optional<std::uint64_t> FromHexDigits(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value > 0xFFFFFFFF)
    return std::nullopt;
  return value;
}

// "0/16E9FB0", or the number of a transaction.
std::optional<std::uint64_t> ParsePosition(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return ParseNumber(text);
  const auto high = FromHexDigits(text.substr(0, slash));
  const auto low = FromHexDigits(text.substr(slash + 1));
  if (!high || !low) return std::nullopt;
  return *high << 32 | *low;
}

Response NotYet(const Request& request, const std::string& text) {
  return Fail(request, 503, text).With("Retry-After", "1");
}

}  // namespace

Result<bool> SetFreshness(Freshness& wanted, std::string_view name, const Json& value, std::size_t json_depth_max) {
  if (name == "min_position") {
    Json positions = value;
    if (value.is_string()) {
      HG_ASSIGN_OR_RETURN(positions, ParseJson(value.get<std::string>(), json_depth_max));
    }
    if (!positions.is_object() || positions.empty())
      return ConfigError("min_position must be an object such as {\"shop\":\"0/16E9FB0\"}.");
    for (const auto& [source, position] : positions.items()) {
      if (!IsScalar(position) || !ParsePosition(ScalarText(position)))
        return ConfigError("min_position: \"" + source.substr(0, 100) + "\" must have a position such as 0/16E9FB0.");
      wanted.min_position.emplace_back(source, ScalarText(position));
    }
    return true;
  }
  if (name != "min_seq" && name != "wait_ms") return false;
  const auto number = IsScalar(value) ? ParseNumber(ScalarText(value)) : std::nullopt;
  if (!number) return ConfigError(std::string(name) + " must be a number.");
  if (name == "min_seq") wanted.min_seq = *number;
  if (name == "wait_ms" && *number > kWaitMaxMs) return ConfigError("wait_ms must be a number up to 10000.");
  if (name == "wait_ms") wanted.wait = std::chrono::milliseconds(*number);
  return true;
}

std::optional<Response> AwaitFresh(views::Views& views, const Request& request, const Freshness& wanted,
                                   const std::set<std::string>& sources, const std::stop_token& stop) {
  const auto deadline = std::chrono::steady_clock::now() + wanted.wait;
  for (const auto& [source, position] : wanted.min_position) {
    if (sources.contains(source)) continue;
    std::string list;
    for (const std::string& one : sources) list += (list.empty() ? "" : ", ") + one;
    return Fail(request, 400,
                "min_position: what is asked does not depend on source " + source + "; it depends on " +
                    (list.empty() ? "none" : list) + ".",
                {}, {{"/min_position/" + source, "no source of this answer"}});
  }
  for (const auto& [source, position] : wanted.min_position) {
    if (views.WaitPosition(source, *ParsePosition(position), deadline, stop)) continue;
    return NotYet(request, "The views do not reflect source " + source + " up to " + position + " yet.");
  }
  if (wanted.min_seq && !views.Wait(*wanted.min_seq, deadline, stop))
    return NotYet(request, "The views reflect seq " + std::to_string(views.applied()) + ", not yet " +
                               std::to_string(*wanted.min_seq) + ".");
  return std::nullopt;
}

}  // namespace headgate::web
