#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "web/http.h"
#include "web/json.h"

// Pages of lists (AP5) and the values of /api/v1 (AP6).
namespace headgate::web {

inline constexpr std::size_t kPageDefault = 50;
inline constexpr std::size_t kPageMax = 1'000;

// ?limit=: at most kPageMax. Nothing if it is not a number from 1.
std::optional<std::size_t> PageLimit(const Request& request);

// An opaque cursor: what list it belongs to, and the place after which the next page starts.
std::string MakeCursor(std::string_view list, std::string_view place);
std::optional<std::string> ReadCursor(std::string_view list, std::string_view cursor);

// 400 for ?limit= and for ?cursor=.
Response BadLimit(const Request& request);
Response BadCursor(const Request& request);

// {"items":[...],"next_cursor":...} with the Link header. `next` is the cursor of the next page, "" if this is the
// last.
Response PageAnswer(const Request& request, Json items, const std::string& next);
// The Link header's value: the same request with this cursor.
std::string NextLink(const Request& request, const std::string& next);

// Microseconds since 1970 as RFC 3339; null for 0.
Json TimeJson(std::int64_t unix_us);
// 64-bit numbers as strings (AP6).
Json BigJson(std::uint64_t n);

// An RFC 3339 time or the beginning of one: "2026", "2026-03", "2026-03-16T06", "2026-03-16T06:30:00.5+02:00". UTC
// where no offset is given. Microseconds since 1970; nothing if it is none.
std::optional<std::int64_t> ParseTime(std::string_view text);

std::optional<std::uint64_t> ParseNumber(std::string_view text);

}  // namespace headgate::web
