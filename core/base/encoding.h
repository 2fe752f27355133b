#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace headgate {

// Standard base64 with padding (RFC 4648, 4).
void AppendBase64(std::string& out, std::string_view bytes);
std::string Base64(std::string_view bytes);
// The URL alphabet of RFC 4648, 5, with padding.
void AppendBase64Url(std::string& out, std::string_view bytes);
// Nothing if a character, the length or the padding is wrong.
std::optional<std::string> FromBase64(std::string_view text);

// Lower-case hex.
void AppendHex(std::string& out, std::string_view bytes);
std::string Hex(std::string_view bytes);
std::optional<std::string> FromHex(std::string_view text);
// 16 lower-case hex digits, as event ids write an LSN.
void AppendHex16(std::string& out, std::uint64_t v);
std::string Hex16(std::uint64_t v);

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsUtf8(std::string_view bytes);

// Every byte outside A-Z a-z 0-9 - . _ ~ as %XX (RFC 3986), for one path segment or query value.
std::string PercentEncode(std::string_view text);
// Nothing on a broken escape or on bytes that are not UTF-8.
std::optional<std::string> PercentDecode(std::string_view text);

}  // namespace headgate
