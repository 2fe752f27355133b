#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Small grammars of the sink's settings. Pure.
namespace headgate::webhook {

// A number with a unit: ms, s, m, h or d, such as 5s or 30m. At most 400 days. Nothing if it is not one.
std::optional<std::chrono::milliseconds> ParseWait(std::string_view text);

// An RFC 3339 time as Unix microseconds: 2026-03-04T05:06:07[.frac](Z|+hh:mm). Nothing if it is not one.
std::optional<std::int64_t> ParseTime(std::string_view text);

// RFC 9110, 5.6.2: what a header may be called.
bool IsHeaderName(std::string_view name);
// No control characters, CR and LF in particular; no blanks at the ends.
bool IsHeaderValue(std::string_view value);
// Headers that header.<Name> may not set: ours, those of the body, and hop-by-hop ones (webhooks.md, "Further").
bool IsReservedHeader(std::string_view name);

// ASCII letters of any case are equal.
bool SameHeader(std::string_view a, std::string_view b);

// The text of a top-level member of a JSON object as it stands there; empty if there is none. For what our own codecs
// rendered; on anything else it may find nothing.
std::string_view JsonMember(std::string_view object, std::string_view name);

}  // namespace headgate::webhook
