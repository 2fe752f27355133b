#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"

// JSON in and out of the API. Members keep their order.
namespace headgate::web {

using Json = nlohmann::ordered_json;

inline constexpr std::size_t kJsonMembersMax = 2'000;

// A whole JSON text of at most `depth_max` levels (SE7). Config error with line and column on anything malformed, on a
// limit above, on a member that comes twice. Numbers that are not 64-bit integers are kept as the client wrote them (a
// `binary` value with the digits): a config value 1.10 must be echoed as "1.10" (KC9).
Result<Json> ParseJson(std::string_view text, std::size_t depth_max = 64);

// Compact; bytes that are not UTF-8 become U+FFFD.
std::string Dump(const Json& json);

// Nothing is null.
Json OrNull(const std::optional<std::string>& value);
Json OrNull(const std::optional<std::uint64_t>& value);
Json OrNull(const std::optional<double>& value);

// The text form of a scalar as a config value (KC8): strings as they are, numbers and booleans as written. CHECKs that
// it is one.
bool IsScalar(const Json& json);
std::string ScalarText(const Json& json);

}  // namespace headgate::web
